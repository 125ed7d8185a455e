#include "detect/rules/publisher.h"

#include <iterator>

#include "base/log.h"

namespace holdfast::detect {
namespace {

constexpr Duration kRetryAfter = 1s;

template <typename T>
void append(std::vector<T>& to, std::vector<T> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void Publisher::add(state::Batch batch) {
  if (closed_ || batch.empty()) return;
  append(waiting_.entries, std::move(batch.entries));
  append(waiting_.documents, std::move(batch.documents));
  if (!sending_ && retry_ == TimerId::kNone) send();
}

void Publisher::close() {
  closed_ = true;
  if (retry_ != TimerId::kNone) env_.executor.cancel(retry_);
}

void Publisher::send() {
  if (closed_ || waiting_.empty()) return;
  sending_ = true;
  in_flight_ = std::exchange(waiting_, {});
  journal_.commit(in_flight_, [weak = weak_from_this()](const Result<state::Seq>& result) {
    if (auto self = weak.lock()) self->answered(result);
  });
}

void Publisher::answered(const Result<state::Seq>& result) {
  sending_ = false;
  if (closed_) return;
  if (result) {
    in_flight_ = {};
    return send();
  }
  HF_PROBE("alerts: journal refused, kept for another try");
  log_error("changes of alerts could not be written and are kept", {{"error", result.error().message()}});
  append(in_flight_.entries, std::move(waiting_.entries));
  append(in_flight_.documents, std::move(waiting_.documents));
  waiting_ = std::exchange(in_flight_, {});
  retry_ = env_.executor.post_after(Lane::kControl, kRetryAfter, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr) return;
    self->retry_ = TimerId::kNone;
    self->send();
  });
}

}  // namespace holdfast::detect
