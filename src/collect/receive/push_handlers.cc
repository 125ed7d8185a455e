#include "collect/receive/push_handlers.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

net::Response data_answer(json data) {
  return net::Response::json(200, json{{"status", "success"}, {"data", std::move(data)}}.dump(
                                      -1, ' ', false, json::error_handler_t::replace));
}

// The path behind /metrics as it was sent: a label's value may hold an encoded slash.
std::string_view group_path(const net::Request& request) {
  std::string_view target = request.target;
  target = target.substr(0, target.find('?'));
  const auto at = target.find("/metrics/");
  return at == target.npos ? std::string_view() : target.substr(at + 8);
}

net::Response accepted() {
  net::Response response;
  response.status = 202;
  return response;
}

}  // namespace

PushReceiver::PushReceiver(Intake& intake)
    : intake_(intake),
      started_(intake.now()),
      groups_({intake.options.push.group_count_max, intake.options.push.consistency_check}) {}

Result<void> PushReceiver::open() {
  const auto& options = intake_.options.push;
  auto& files = intake_.env.files;
  if (!options.file.empty() && files.exists(options.file)) {
    const auto text = HF_TRY(files.read_file(options.file).context("push groups"));
    if (const auto loaded = groups_.load(text); !loaded) {
      log_error("push groups were not read; their file is set aside",
                {{"file", options.file + ".damaged"}, {"error", loaded.error().message()}});
      HF_TRY(files.rename(options.file, options.file + ".damaged").context("push groups"));
    }
  }
  ticker_ = std::make_unique<Ticker>(intake_.env, options.interval, 0x70757368,
                                     [this](WallTime at) { write_round(at); });
  return {};
}

// One write serves all who wait for it.
Result<void> PushReceiver::persist() {
  const auto& file = intake_.options.push.file;
  if (file.empty()) return {};
  std::uint64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    wanted = version_;
  }
  const std::lock_guard file_lock(file_mutex_);
  if (saved_ >= wanted) return {};
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    wanted = version_;
    text = groups_.save();
  }
  HF_TRY(intake_.env.files.write_file_atomic(file, text).context("push groups"));
  saved_ = wanted;
  return {};
}

net::Response PushReceiver::push(const net::Request& request, bool replace) {
  const auto key = push_group_of(group_path(request));
  if (!key) return refuse(key.error());
  auto families = read_push(request.body, request.headers.get("Content-Type"), *key);
  Stored stored;
  Result<void> done;
  {
    const std::lock_guard lock(mutex_);
    if (!families) {
      done = std::move(families).error();
    } else {
      ++version_;
      for (const auto& [name, family] : *families) stored.floats += family.samples.size();
      done = groups_.push(*key, std::move(*families), replace, intake_.now());
    }
  }
  if (auto kept = persist(); done && !kept) done = std::move(kept);
  if (!done) {
    (void)intake_.count(Protocol::kPush, done.error()).has_value();
    return refuse(done.error());
  }
  (void)intake_.count(Protocol::kPush, std::move(stored)).has_value();
  return intake_.options.push.consistency_check ? net::Response() : accepted();
}

net::Response PushReceiver::remove(const net::Request& request) {
  const auto key = push_group_of(group_path(request));
  if (!key) return refuse(key.error());
  {
    const std::lock_guard lock(mutex_);
    ++version_;
    groups_.remove(*key);
  }
  if (const auto kept = persist(); !kept) return refuse(kept.error());
  return accepted();
}

net::Response PushReceiver::wipe() {
  {
    const std::lock_guard lock(mutex_);
    ++version_;
    groups_.clear();
  }
  if (const auto kept = persist(); !kept) return refuse(kept.error());
  return accepted();
}

net::Response PushReceiver::exposition() const {
  const std::lock_guard lock(mutex_);
  auto response = net::Response::text(200, groups_.exposition());
  response.headers.set("Content-Type", std::string(kExpositionType));
  return response;
}

net::Response PushReceiver::listing() const {
  const std::lock_guard lock(mutex_);
  return data_answer(groups_.listing());
}

net::Response PushReceiver::status() const {
  return data_answer({{"flags", json::object()},
                      {"start_time", format_time(from_ms(started_))},
                      {"build_information", json::object()}});
}

std::size_t PushReceiver::group_count() const {
  const std::lock_guard lock(mutex_);
  return groups_.size();
}

// Every group's samples now; what the last round wrote and is gone ends with the staleness marker.
void PushReceiver::write_round(WallTime at) {
  const auto t = to_ms(at);
  Batch batch;
  {
    const std::lock_guard lock(mutex_);
    batch = groups_.samples(t);
  }
  std::unordered_set<model::Labels> now(batch.series.begin(), batch.series.end());
  for (const auto& labels : written_) {
    if (!now.contains(labels)) batch.add(labels, t, model::stale_marker());
  }
  if (batch.samples.empty()) return;
  const auto stored = store_batch(intake_.store, batch);
  const std::string error = !stored                    ? stored.error().message()
                            : stored->refusals.empty() ? ""
                                                       : stored->refusals.text();
  if (error != last_error_ && !error.empty())
    log_warn("pushed metrics not stored", {{"error", error}});
  last_error_ = error;
  if (stored) written_ = std::move(now);  // after a full disk the next round ends them
}

}  // namespace holdfast::collect
