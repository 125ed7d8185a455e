#include "query/promql/tracker.h"

#include <algorithm>
#include <chrono>

#include "query/promql/engine.h"

namespace holdfast::query::promql {

struct QueryTracker::Ticket::Place {
  QueryId id = QueryId::kNone;
  TrackedQuery query;
  WallTime started{};
  MonoTime came{};
  bool running = false;  // under the tracker's mutex
  std::stop_source source;
  std::optional<std::stop_callback<std::function<void()>>> from_caller;
};

QueryTracker::Ticket::Ticket(QueryTracker& tracker, std::shared_ptr<Place> place, Duration queued)
    : tracker_(&tracker), place_(std::move(place)), queued_(queued) {}

QueryTracker::Ticket::Ticket(Ticket&& other) noexcept
    : tracker_(other.tracker_), place_(std::move(other.place_)), queued_(other.queued_) {}

QueryTracker::Ticket::~Ticket() {
  if (place_ != nullptr) tracker_->leave(place_);
}

std::stop_token QueryTracker::Ticket::stop() const { return place_->source.get_token(); }

void QueryTracker::Ticket::finish(const QueryStats& stats, const Error* error) {
  const auto took = tracker_->clock_.mono() - place_->came;
  const auto& options = tracker_->options_;
  if (took < options.slow_from) return;
  SlowQuery slow{place_->query,
                 place_->started,
                 took,
                 queued_,
                 stats.samples_read,
                 stats.samples_peak,
                 stats.bytes_peak,
                 error == nullptr ? std::string() : error->message()};
  if (options.on_slow) options.on_slow(slow);
  const std::lock_guard lock(tracker_->mutex_);
  tracker_->slow_.push_front(std::move(slow));
  if (tracker_->slow_.size() > options.slow_kept) tracker_->slow_.pop_back();
}

QueryTracker::QueryTracker(const Clock& clock, TrackerOptions options)
    : clock_(clock), options_(std::move(options)) {}

// Gives free places to those who wait, in order; who waits for a place of his own user stands aside
// for the next.
void QueryTracker::let_in() {
  for (const auto& place : places_) {
    if (running_ >= options_.running_max) break;
    if (place->running) continue;
    const auto of_user = running_of_user_.find(place->query.user);
    const auto running = of_user == running_of_user_.end() ? 0 : of_user->second;
    if (options_.running_per_user_max != 0 && running >= options_.running_per_user_max) continue;
    place->running = true;
    ++running_of_user_[place->query.user];
    ++running_;
  }
  turn_.notify_all();
}

Error QueryTracker::refused(std::string_view what) const {
  return {Code::kExhausted,
          "too many queries: " + std::string(what) + "; the limits are " +
              std::to_string(options_.running_max) + " at once" +
              (options_.running_per_user_max == 0
                   ? std::string()
                   : " and " + std::to_string(options_.running_per_user_max) + " of one user") +
              ", " + std::to_string(options_.queue_max) + " waiting"};
}

Result<QueryTracker::Ticket> QueryTracker::admit(TrackedQuery query, std::stop_token stop,
                                                 std::optional<MonoTime> deadline) {
  const auto place = std::make_shared<Ticket::Place>();
  place->query = std::move(query);
  place->started = clock_.now();
  place->came = clock_.mono();
  place->from_caller.emplace(stop, [source = place->source]() mutable { source.request_stop(); });
  const auto until =
      std::min(deadline.value_or(MonoTime::max()), place->came + options_.queue_wait_max);
  std::unique_lock lock(mutex_);
  place->id = QueryId{++last_id_};
  places_.push_back(place);
  let_in();
  if (!place->running && places_.size() - running_ > options_.queue_max) {
    places_.remove(place);
    return refused("the queue is full");
  }
  // The clock may be a simulated one, so the wait looks up now and then.
  constexpr auto kLook = std::chrono::milliseconds(20);
  std::optional<Error> error;
  while (!place->running && !error) {
    turn_.wait_for(lock, kLook);
    if (place->running) break;
    if (place->source.stop_requested())
      error = Error(Code::kCanceled, "query was canceled in query queue");
    if (clock_.mono() > until) error = Error(Code::kTimeout, "query timed out in query queue");
  }
  if (error) {
    places_.remove(place);
    return *std::move(error);
  }
  return Ticket(*this, place, clock_.mono() - place->came);
}

void QueryTracker::leave(const PlacePtr& place) {
  place->from_caller.reset();
  const std::lock_guard lock(mutex_);
  places_.remove(place);
  --running_;
  const auto of_user = running_of_user_.find(place->query.user);
  if (--of_user->second == 0) running_of_user_.erase(of_user);
  let_in();
}

std::vector<ActiveQuery> QueryTracker::active() const {
  const auto now = clock_.mono();
  std::vector<ActiveQuery> list;
  const std::lock_guard lock(mutex_);
  for (const auto& place : places_) {
    list.push_back({place->id, place->query, place->started, now - place->came, place->running});
  }
  return list;
}

bool QueryTracker::cancel(QueryId id) {
  const std::lock_guard lock(mutex_);
  for (const auto& place : places_) {
    if (place->id != id) continue;
    place->source.request_stop();
    turn_.notify_all();
    return true;
  }
  return false;
}

std::vector<SlowQuery> QueryTracker::slow() const {
  const std::lock_guard lock(mutex_);
  return {slow_.begin(), slow_.end()};
}

}  // namespace holdfast::query::promql
