// One shard's batches: built, sent, tried again, settled.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "collect/forward/remote_message.h"
#include "collect/forward/remote_writer_state.h"

namespace holdfast::collect {

using State = RemoteWriter::State;

void State::send(std::size_t index, bool even_if_small) {
  {
    std::lock_guard lock(mutex);
    if (stopped || index >= shards.size()) return;
    auto& shard = shards[index];
    if (shard.busy || shard.waiting.empty()) return;
    const bool draining = shards_wanted != shards.size();
    if (!even_if_small && !draining && shard.waiting.size() < config.queue.samples_per_send_max) {
      if (shard.timer == TimerId::kNone)
        shard.timer = post_after(config.queue.batch_deadline, [this, index] {
          {
            std::lock_guard inner(mutex);
            if (index < shards.size()) shards[index].timer = TimerId::kNone;
          }
          send(index, true);
        });
      return;
    }
    if (shard.timer != TimerId::kNone) env.executor.cancel(shard.timer);
    shard.timer = TimerId::kNone;
    const auto count = std::min(shard.waiting.size(), config.queue.samples_per_send_max);
    const auto end = shard.waiting.begin() + static_cast<std::ptrdiff_t>(count);
    shard.flight.assign(std::make_move_iterator(shard.waiting.begin()),
                        std::make_move_iterator(end));
    shard.waiting.erase(shard.waiting.begin(), end);
    shard.busy = true;
    shard.backoff = config.queue.backoff_min;
  }
  send_batch(index);
}

// What is too old by now is let go of, before each attempt.
void State::drop_old(Shard& shard) {
  if (config.queue.age_limit <= Duration::zero()) return;
  const auto oldest = to_ms(env.clock.now()) - to_ms(config.queue.age_limit);
  std::lock_guard lock(mutex);
  const auto first =
      std::stable_partition(shard.flight.begin(), shard.flight.end(),
                            [&](const Item& item) { return item.sample.t >= oldest; });
  const std::vector<Item> old(first, shard.flight.end());
  shard.flight.erase(first, shard.flight.end());
  stats.samples_too_old += old.size();
  release_marks(old);
}

void State::send_batch(std::size_t index) {
  Shard* shard = nullptr;
  {
    std::lock_guard lock(mutex);
    if (stopped) return;
    shard = &shards[index];  // stays where it is while it is busy
  }
  drop_old(*shard);
  if (shard->flight.empty()) return settle(index, false);
  auto request = request_of(shard->flight);
  const auto bytes = request.body.size();
  const auto began = env.clock.mono();
  sender(
      std::move(request),
      [weak = weak_from_this(), index, bytes, began](Result<net::ClientResponse> answer) {
        const auto self = weak.lock();
        if (!self || !self->enter()) return;
        self->on_answer(index, bytes, began, answer);
        self->leave();
      },
      stop.get_token());
}

namespace {

// The metadata of a series' family: of its own name, or of the name without a counter's or histogram's suffix.
const metrics::Metadata* metadata_of(const State::MetadataMap* all, const model::Labels& labels) {
  if (all == nullptr) return nullptr;
  const auto name = labels.metric_name();
  for (const std::string_view suffix : {"", "_total", "_bucket", "_sum", "_count"}) {
    if (!name.ends_with(suffix)) continue;
    const auto found = all->find(std::string(name.substr(0, name.size() - suffix.size())));
    if (found != all->end() && !found->second.empty()) return &found->second.front();
  }
  return nullptr;
}

std::vector<OutgoingSeries> grouped(const std::vector<State::Item>& batch,
                                    const State::MetadataMap* metadata) {
  std::vector<OutgoingSeries> series;
  std::unordered_map<const model::Labels*, std::size_t> places;
  for (const auto& item : batch) {
    const auto [found, added] = places.try_emplace(item.labels.get(), series.size());
    if (added) series.push_back({item.labels.get(), {}, {}, metadata_of(metadata, *item.labels)});
    auto& one = series[found->second];
    if (item.exemplar)
      one.exemplars.push_back(*item.exemplar);
    else
      one.samples.push_back(item.sample);
  }
  return series;
}

// Seconds; a date in Retry-After is rare and taken as the usual backoff.
Duration retry_after(const net::ClientResponse& response) {
  const auto seconds = parse_int(response.headers.get("Retry-After"));
  if (!seconds || *seconds <= 0) return Duration::zero();
  return std::chrono::seconds(std::min<std::int64_t>(*seconds, 3600));
}

}  // namespace

net::ClientRequest State::envelope(std::string body) const {
  net::ClientRequest request;
  request.method = "POST";
  request.url = config.url;
  request.timeout = config.timeout;
  request.tls = config.http.tls;
  request.headers.set("Content-Encoding", "snappy");
  request.headers.set("Content-Type",
                      config.version == 2
                          ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                          : "application/x-protobuf");
  request.headers.set("User-Agent", "Holdfast");
  request.headers.set("X-Prometheus-Remote-Write-Version", config.version == 2 ? "2.0.0" : "0.1.0");
  for (const auto& [name, value] : config.headers) request.headers.set(name, value);
  request.body = std::move(body);
  return request;
}

net::ClientRequest State::request_of(const std::vector<Item>& batch) const {
  std::shared_ptr<const MetadataMap> known;
  if (config.version == 2) {
    std::lock_guard lock(mutex);
    known = metadata;
  }
  const auto series = grouped(batch, known.get());
  return envelope(
      pack_snappy(config.version == 2 ? write_request_v2(series) : write_request_v1(series)));
}

void State::on_answer(std::size_t index, std::size_t bytes, MonoTime began,
                      const Result<net::ClientResponse>& answer) {
  {
    std::lock_guard lock(mutex);
    const double took = to_seconds(env.clock.mono() - began);
    ++stats.requests;
    stats.request_seconds += took;
    step.send_seconds += took;
    stats.bytes_sent += bytes;
  }
  if (!answer) return retry(index, Duration::zero(), answer.error().message());
  const auto status = answer->status;
  if (status >= 200 && status < 300) return settle(index, true);
  const auto why =
      "the receiver answered " + std::to_string(status) + ": " + printable(trim(answer->body), 300);
  if (status >= 500 || (status == 429 && config.queue.retry_on_429))
    return retry(index, retry_after(*answer), why);
  log_warn("remote write dropped a batch", {{"name", config.name}, {"why", why}});
  {
    std::lock_guard lock(mutex);
    stats.last_error = why;
  }
  settle(index, false);
}

void State::retry(std::size_t index, Duration at_least, std::string why) {
  std::lock_guard lock(mutex);
  auto& shard = shards[index];
  stats.samples_retried += shard.flight.size();
  if (stats.last_error != why)
    log_warn("remote write tries again", {{"name", config.name}, {"why", why}});
  stats.last_error = std::move(why);
  // Between half and all of it, so that many writers do not come back as one.
  const double part = 0.5 + 0.5 * env.random.unit();
  const auto delay = std::max(at_least, std::chrono::duration_cast<Duration>(shard.backoff * part));
  shard.backoff = std::min(shard.backoff * 2, config.queue.backoff_max);
  post_after(delay, [this, index] { send_batch(index); });
}

void State::settle(std::size_t index, bool delivered) {
  {
    std::lock_guard lock(mutex);
    auto& shard = shards[index];
    std::uint64_t floats = 0, histograms = 0, exemplars = 0;
    model::Timestamp newest = 0;
    for (const auto& item : shard.flight) {
      ++(item.exemplar ? exemplars : item.sample.histogram ? histograms : floats);
      newest = std::max(newest, item.sample.t);
    }
    if (delivered) {
      stats.samples_sent += floats;
      stats.histograms_sent += histograms;
      stats.exemplars_sent += exemplars;
      stats.newest_sent = std::max(stats.newest_sent, newest);
      stats.last_error.clear();
      step.out += static_cast<double>(shard.flight.size());
    } else {
      stats.samples_failed += shard.flight.size();
    }
    release_marks(shard.flight);
    shard.flight.clear();
    shard.busy = false;
    finish_reshard();
  }
  post([this, index] {
    send(index, false);
    wake();
  });
}

void State::release_marks(const std::vector<Item>& items) {
  for (const auto& item : items) --marks[item.mark - first_mark].left;
  while (!marks.empty() && marks.front().left == 0) {
    committed = marks.front().end;
    marks.pop_front();
    ++first_mark;
  }
}

// ---- metadata, version 1 ----

void State::send_metadata() {
  auto all = std::make_shared<std::vector<std::pair<std::string, metrics::Metadata>>>();
  {
    std::lock_guard lock(mutex);
    for (const auto& [name, list] : *metadata) {
      for (const auto& one : list) all->emplace_back(name, one);
    }
  }
  if (!all->empty()) send_metadata_batch(std::move(all), 0, 0);
}

// Tried three times; what fails then comes round with the next interval.
void State::send_metadata_batch(
    std::shared_ptr<std::vector<std::pair<std::string, metrics::Metadata>>> all, std::size_t at,
    int attempt) {
  const auto count = std::min(config.metadata.count_per_send_max, all->size() - at);
  auto request = envelope(pack_snappy(metadata_request_v1(std::span(*all).subspan(at, count))));
  sender(
      std::move(request),
      [weak = weak_from_this(), all, at, count, attempt](Result<net::ClientResponse> answer) {
        const auto self = weak.lock();
        if (!self || !self->enter()) return;
        const bool good = answer && answer->status >= 200 && answer->status < 300;
        if (good) {
          std::lock_guard lock(self->mutex);
          self->stats.metadata_sent += count;
        }
        const auto next = good ? at + count : at;
        const int tries = good ? 0 : attempt + 1;
        if (next < all->size() && tries < 3) {
          self->post_after(good ? Duration::zero() : self->config.queue.backoff_max,
                           [state = self.get(), all, next, tries] {
                             state->send_metadata_batch(all, next, tries);
                           });
        }
        self->leave();
      },
      stop.get_token());
}

}  // namespace holdfast::collect
