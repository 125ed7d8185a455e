// Reading, relabelling and spreading; the ticks. Batches and answers: remote_send.cc.
#include "collect/forward/remote_writer.h"

#include <algorithm>

#include "base/log.h"
#include "collect/forward/remote_writer_state.h"

namespace holdfast::collect {
namespace {

constexpr Duration kCommitEvery = 1s;
constexpr Duration kReshardEvery = 10s;
constexpr Duration kReadRetry = 1s;

}  // namespace

using State = RemoteWriter::State;

State::State(Env& environment, ForwardQueue& from, RemoteWriteConfig options, SendRequest send_by,
             MetadataSource source)
    : env(environment),
      queue(from),
      config(std::move(options)),
      sender(std::move(send_by)),
      metadata_source(std::move(source)),
      reader(from, config.name),
      shards(static_cast<std::size_t>(config.queue.shards_min)),
      shards_wanted(shards.size()),
      committed(reader.position()),
      written(committed) {
  stats.name = config.name;
  stats.url = config.url;
}

bool State::enter() {
  std::lock_guard lock(mutex);
  if (stopped) return false;
  ++running;
  return true;
}

void State::leave() {
  std::lock_guard lock(mutex);
  --running;
  idle.notify_all();
}

namespace {

std::function<void()> guarded(std::weak_ptr<State> weak, std::function<void()> task) {
  return [weak = std::move(weak), task = std::move(task)] {
    const auto self = weak.lock();
    if (!self || !self->enter()) return;
    task();
    self->leave();
  };
}

}  // namespace

void State::post(std::function<void()> task) {
  env.executor.post(Lane::kPool, guarded(weak_from_this(), std::move(task)));
}

TimerId State::post_after(Duration delay, std::function<void()> task) {
  return env.executor.post_after(Lane::kPool, delay, guarded(weak_from_this(), std::move(task)));
}

void State::wake() {
  std::lock_guard lock(mutex);
  if (!started || stopped) return;
  pump_again = true;
  if (pump_posted) return;
  pump_posted = true;
  post([this] { pump(); });
}

bool State::must_wait() const {
  if (shards_wanted != shards.size()) return true;
  return std::ranges::any_of(
      shards, [&](const Shard& shard) { return shard.waiting.size() >= config.queue.capacity; });
}

void State::pump() {
  while (true) {
    {
      std::lock_guard lock(mutex);
      pump_again = false;
      if (stopped || must_wait()) {
        pump_posted = false;
        return;
      }
    }
    auto record = reader.next();
    if (!record) {
      log_warn("remote write cannot read its queue",
               {{"name", config.name}, {"error", record.error().message()}});
      std::lock_guard lock(mutex);
      pump_posted = false;
      post_after(kReadRetry, [this] { wake(); });
      return;
    }
    if (!*record) {
      std::lock_guard lock(mutex);
      if (pump_again) continue;
      pump_posted = false;
      return;
    }
    const auto end = (*record)->end;
    auto items = relabelled(std::move(**record));
    std::vector<std::size_t> ready;
    place(std::move(items), end, ready);
    for (const auto shard : ready) send(shard, false);
  }
}

std::vector<State::Item> State::relabelled(ForwardRecord record) {
  if (record.end.segment != relabel_segment) {
    relabel_cache.clear();  // the next segment has label sets of its own
    relabel_segment = record.end.segment;
  }
  std::vector<Item> out;
  out.reserve(record.items.size());
  std::uint64_t dropped = 0;
  for (auto& item : record.items) {
    if (item.exemplar ? !config.send_exemplars
                      : item.sample.histogram && !config.send_native_histograms) {
      continue;
    }
    LabelsPtr labels = item.labels;
    if (!config.relabel.empty()) {
      const auto [found, added] = relabel_cache.try_emplace(item.labels.get());
      if (added) {
        model::LabelList list = item.labels->all();
        found->second.first = item.labels;
        if (model::relabel(config.relabel, list) && !list.empty())
          found->second.second = std::make_shared<const model::Labels>(std::move(list));
      }
      labels = found->second.second;
    }
    if (!labels) {
      ++dropped;
      continue;
    }
    out.push_back({std::move(labels), std::move(item.sample), std::move(item.exemplar), 0});
  }
  std::lock_guard lock(mutex);
  stats.samples_dropped += dropped;
  step.in += static_cast<double>(record.items.size());
  step.dropped += static_cast<double>(dropped);
  return out;
}

void State::place(std::vector<Item> items, ForwardPosition end, std::vector<std::size_t>& ready) {
  std::lock_guard lock(mutex);
  const auto mark = first_mark + marks.size();
  marks.push_back({end, items.size()});
  if (items.empty()) release_marks({});
  std::vector<bool> touched(shards.size());
  for (auto& item : items) {
    item.mark = mark;
    const auto index = item.labels->hash() % shards.size();
    touched[index] = true;
    shards[index].waiting.push_back(std::move(item));
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (touched[i]) ready.push_back(i);
  }
}

void State::finish_reshard() {
  if (shards_wanted == shards.size()) return;
  const bool empty = std::ranges::all_of(
      shards, [](const Shard& shard) { return !shard.busy && shard.waiting.empty(); });
  if (!empty) return;
  for (const auto& shard : shards) env.executor.cancel(shard.timer);
  shards = std::vector<Shard>(shards_wanted);
}

// ---- ticks ----

void State::tick_commit() {
  ForwardPosition position;
  {
    std::lock_guard lock(mutex);
    position = committed;
  }
  if (position != written) {
    if (auto done = reader.commit(position); done)
      written = position;
    else
      log_warn("remote write cannot note its place; after a restart it sends again",
               {{"name", config.name}, {"error", done.error().message()}});
  }
  post_after(kCommitEvery, [this] { tick_commit(); });
}

void State::tick_reshard() {
  std::vector<std::size_t> flush;
  {
    std::lock_guard lock(mutex);
    step.delay_seconds =
        stats.newest_sent == 0 ? 0 : static_cast<double>(queue.newest() - stats.newest_sent) / 1000;
    const bool answered = step.out > 0;
    const int wanted = planner.desired(step, static_cast<int>(shards.size()),
                                       config.queue.shards_min, config.queue.shards_max);
    stats.shards_desired = wanted;
    step = {};
    // Without a success lately more connections would only be more of them that fail.
    if (answered && shards_wanted == shards.size()) {
      shards_wanted = static_cast<std::size_t>(wanted);
      for (std::size_t i = 0; shards_wanted != shards.size() && i < shards.size(); ++i)
        flush.push_back(i);
      finish_reshard();
    }
  }
  for (const auto shard : flush) send(shard, true);
  wake();
  post_after(kReshardEvery, [this] { tick_reshard(); });
}

void State::tick_metadata() {
  auto all =
      std::make_shared<const MetadataMap>(metadata_source ? metadata_source() : MetadataMap{});
  {
    std::lock_guard lock(mutex);
    metadata = std::move(all);
  }
  if (config.version == 1) send_metadata();
  post_after(config.metadata.interval, [this] { tick_metadata(); });
}

// ---- RemoteWriter ----

RemoteWriter::RemoteWriter(Env& env, ForwardQueue& queue, RemoteWriteConfig config,
                           SendRequest send, MetadataSource metadata)
    : state_(std::make_shared<State>(env, queue, std::move(config), std::move(send),
                                     std::move(metadata))) {}

RemoteWriter::~RemoteWriter() { stop(); }

void RemoteWriter::start() {
  {
    std::lock_guard lock(state_->mutex);
    state_->started = true;
  }
  const auto state = state_.get();
  state->post_after(kCommitEvery, [state] { state->tick_commit(); });
  state->post_after(kReshardEvery, [state] { state->tick_reshard(); });
  if (state->config.metadata.send) state->post([state] { state->tick_metadata(); });
  state->wake();
}

void RemoteWriter::notify() { state_->wake(); }

void RemoteWriter::stop() {
  std::unique_lock lock(state_->mutex);
  if (state_->stopped) return;
  state_->stopped = true;
  state_->idle.wait(lock, [&] { return state_->running == 0; });
  const auto position = state_->committed;
  const bool fresh = position != state_->written;
  lock.unlock();
  state_->stop.request_stop();
  if (!fresh) return;
  if (auto done = state_->reader.commit(position); !done)
    log_warn("remote write cannot note its place; after a restart it sends again",
             {{"name", state_->config.name}, {"error", done.error().message()}});
}

ForwardPosition RemoteWriter::committed() const {
  std::lock_guard lock(state_->mutex);
  return state_->committed;
}

RemoteWriterStats RemoteWriter::stats() const {
  std::lock_guard lock(state_->mutex);
  auto stats = state_->stats;
  stats.shards = static_cast<int>(state_->shards.size());
  for (const auto& shard : state_->shards)
    stats.samples_pending += shard.waiting.size() + shard.flight.size();
  return stats;
}

}  // namespace holdfast::collect
