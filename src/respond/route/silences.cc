#include "respond/route/silences.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/json_members.h"
#include "respond/oncall/recurrence.h"

namespace holdfast::respond::route {
namespace {

using model::Matcher;
using model::MatchOp;

constexpr std::string_view kStates[] = {"pending", "active", "expired"};
constexpr WallTime kNever = WallTime::max();

bool same_matchers(const std::vector<Matcher>& a, const std::vector<Matcher>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Matcher& x, const Matcher& y) {
    return x.op() == y.op() && x.name() == y.name() && x.value() == y.value();
  });
}

bool same_recurrence(const std::optional<SilenceRecurrence>& a,
                     const std::optional<SilenceRecurrence>& b) {
  if (!a || !b) return !a && !b;
  return a->rrule == b->rrule && a->zone == b->zone && a->duration == b->duration;
}

std::int64_t second_of(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

// The pairs of which an alert must have one: of the first matcher that names its values. Empty: there is none.
std::vector<std::string> needed_pairs(const Silence& silence) {
  for (const auto& matcher : silence.matchers) {
    std::vector<std::string> pairs;
    if (matcher.op() == MatchOp::kEqual && !matcher.value().empty()) {
      pairs.push_back(matcher.name() + '\xff' + matcher.value());
    } else if (matcher.op() == MatchOp::kRegex && !matcher.matches_empty()) {
      for (const auto& value : matcher.set_matches()) {
        pairs.push_back(matcher.name() + '\xff' + value);
      }
    }
    if (!pairs.empty()) return pairs;
  }
  return {};
}

Result<oncall::RecurringSet> recurring_set(const Silence& silence) {
  const auto& recurrence = *silence.recurrence;
  oncall::RecurringSet set;
  set.zone = HF_TRY(find_zone(recurrence.zone.empty() ? "UTC" : recurrence.zone));
  set.start = set.zone.civil(silence.starts_at);
  set.rules.push_back(HF_TRY(oncall::parse_recurrence(recurrence.rrule)));
  set.exceptions = recurrence.except;
  return set;
}

// When its hiding next begins or ends after `now`.
WallTime next_change(const Silence& silence, WallTime now) {
  WallTime next = kNever;
  const auto consider = [&](WallTime at) {
    if (at > now) next = std::min(next, at);
  };
  consider(silence.starts_at);
  consider(silence.ends_at);
  if (!silence.recurrence || silence.ends_at <= now) return next;
  const auto set = recurring_set(silence);
  if (!set) return next;
  const auto& duration = silence.recurrence->duration;
  if (const auto last = oncall::last_occurrence(*set, now, duration)) {
    consider(*last + std::chrono::duration_cast<std::chrono::milliseconds>(duration));
  }
  for (const auto begin : oncall::next_occurrences(*set, now + 1ms, 1)) consider(begin);
  return next;
}

}  // namespace

std::string_view silence_state_name(SilenceState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string make_uuid(Random& random) {
  auto hex = random.hex(16);
  hex[12] = '4';
  hex[16] = "89ab"[random.below(4)];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

bool silence_active(const Silence& silence, WallTime now) {
  if (now < silence.starts_at || now >= silence.ends_at) return false;
  if (!silence.recurrence) return true;
  const auto set = recurring_set(silence);
  // One whose rule cannot be read any more hides nothing: rather a page too many.
  if (!set) return false;
  const auto duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(silence.recurrence->duration);
  const auto last = oncall::last_occurrence(*set, now, silence.recurrence->duration);
  return last && now < *last + duration;
}

Result<std::vector<WallTime>> next_beginnings(const Silence& silence, WallTime after,
                                              std::size_t count) {
  std::vector<WallTime> begins;
  if (!silence.recurrence) {
    if (silence.starts_at > after && count > 0) begins.push_back(silence.starts_at);
    return begins;
  }
  const auto set = HF_TRY(recurring_set(silence));
  for (const auto at : oncall::next_occurrences(set, std::max(after, silence.starts_at), count)) {
    if (at < silence.ends_at) begins.push_back(at);
  }
  return begins;
}

Silences::Silences(SilenceLimits limits, SilencePolicy policy) : limits_(limits), policy_(policy) {}

void Silences::configure(SilenceLimits limits, SilencePolicy policy) {
  limits_ = limits;
  policy_ = policy;
}

SilenceState Silences::state(const Silence& silence, WallTime now) const {
  if (now >= silence.ends_at) return SilenceState::kExpired;
  if (silence.recurrence) {
    return silence_active(silence, now) ? SilenceState::kActive : SilenceState::kPending;
  }
  return now < silence.starts_at ? SilenceState::kPending : SilenceState::kActive;
}

namespace {

Result<void> check_shape(const Silence& silence) {
  if (silence.matchers.empty()) return invalid("invalid silence: at least one matcher required");
  if (std::all_of(silence.matchers.begin(), silence.matchers.end(),
                  [](const Matcher& m) { return m.matches_empty(); })) {
    return invalid(
        "invalid silence: matcher set 0: at least one matcher must not match the empty string");
  }
  if (!silence.recurrence) return {};
  if (silence.recurrence->duration <= Duration::zero()) {
    return invalid("invalid silence: a recurring one needs a duration above zero");
  }
  HF_TRY(recurring_set(silence).context("invalid silence"));
  return {};
}

Result<void> check_policy(const SilencePolicy& policy, const Silence& silence, WallTime now,
                          const std::function<int(const Silence&)>& hides) {
  const auto refuse = [](const std::string& why) {
    return Error(Code::kForbidden, "refused by the silence policy: " + why);
  };
  const auto span = silence.recurrence
                        ? silence.recurrence->duration
                        : Duration(silence.ends_at - std::max(now, silence.starts_at));
  if (policy.duration_max > Duration::zero() && span > policy.duration_max) {
    return refuse("it lasts " + format_duration(span) + ", at most " +
                  format_duration(policy.duration_max) + " is allowed");
  }
  const auto specific = std::count_if(silence.matchers.begin(), silence.matchers.end(),
                                      [](const Matcher& m) { return !m.matches_empty(); });
  if (specific < policy.matchers_min) {
    return refuse("it names " + std::to_string(specific) + " labels, at least " +
                  std::to_string(policy.matchers_min) + " are needed");
  }
  if (policy.equality_required &&
      std::none_of(silence.matchers.begin(), silence.matchers.end(), [](const Matcher& m) {
        return m.op() == MatchOp::kEqual && !m.value().empty();
      })) {
    return refuse("it needs at least one matcher of the form name=\"value\"");
  }
  if (policy.comment_required && silence.comment.empty()) return refuse("it needs a comment");
  if (policy.hidden_alerts_max > 0 && hides) {
    if (const int count = hides(silence); count > policy.hidden_alerts_max) {
      return refuse("it would hide " + std::to_string(count) + " live alerts, at most " +
                    std::to_string(policy.hidden_alerts_max) + " are allowed");
    }
  }
  return {};
}

}  // namespace

Result<void> Silences::check(const Silence& silence, WallTime now,
                             const std::function<int(const Silence&)>& hides) const {
  if (silence.starts_at >= silence.ends_at) {
    return invalid("Failed to create silence: start time must be before end time");
  }
  if (silence.ends_at < now) {
    return invalid("Failed to create silence: end time can't be in the past");
  }
  HF_TRY(check_shape(silence));
  return check_policy(policy_, silence, now, hides);
}

bool Silences::may_edit(const Silence& old, const Silence& wanted, WallTime now) const {
  if (!same_matchers(old.matchers, wanted.matchers)) return false;
  if (!same_recurrence(old.recurrence, wanted.recurrence)) return false;
  switch (state(old, now)) {
    case SilenceState::kActive:
      return second_of(old.starts_at) == second_of(wanted.starts_at) && wanted.ends_at >= now;
    case SilenceState::kPending:
      return wanted.starts_at >= now;
    case SilenceState::kExpired:
      break;
  }
  return false;
}

Result<Silences::Change> Silences::decide_set(
    Silence silence, WallTime now, Random& random,
    const std::function<int(const Silence&)>& hides) const {
  if (silence.starts_at == WallTime{}) silence.starts_at = now;
  HF_TRY(check(silence, now, hides));
  const Silence* old = silence.id.empty() ? nullptr : find(silence.id);
  if (!silence.id.empty() && old == nullptr) return not_found("silence not found");
  Change change;
  silence.updated_at = now;
  if (old == nullptr || !may_edit(*old, silence, now)) {
    if (limits_.count_max > 0 && silences_.size() + 1 > limits_.count_max) {
      return invalid("exceeded maximum number of silences: " + std::to_string(silences_.size()) +
                     " (limit: " + std::to_string(limits_.count_max) + ")");
    }
    silence.id = make_uuid(random);
    // A recurring one keeps its beginning: the rule counts from it.
    if (!silence.recurrence) silence.starts_at = std::max(silence.starts_at, now);
    // A rule's times are whole seconds: one that began within a second would miss its first.
    if (silence.recurrence)
      silence.starts_at = std::chrono::floor<std::chrono::seconds>(silence.starts_at);
    if (old != nullptr && state(*old, now) != SilenceState::kExpired) {
      change.changed = HF_TRY(decide_expire(old->id, now))
      .changed;
    }
  }
  if (const auto size = dump_json(silence).size();
      limits_.size_max_bytes > 0 && size > limits_.size_max_bytes) {
    return invalid("silence exceeded maximum size: " + std::to_string(size) +
                   " bytes (limit: " + std::to_string(limits_.size_max_bytes) + " bytes)");
  }
  change.id = silence.id;
  change.changed.push_back(std::move(silence));
  return change;
}

Result<Silences::Change> Silences::decide_expire(std::string_view id, WallTime now) const {
  const auto* silence = find(id);
  if (silence == nullptr) return not_found("silence not found");
  Change change{std::string(id), {}};
  if (state(*silence, now) == SilenceState::kExpired) return change;
  auto ended = *silence;
  if (state(*silence, now) == SilenceState::kPending) ended.starts_at = now;
  ended.ends_at = now;
  ended.updated_at = now;
  change.changed.push_back(std::move(ended));
  return change;
}

void Silences::apply(const std::vector<Silence>& changed, WallTime now) {
  for (const auto& silence : changed) {
    auto [it, added] = silences_.try_emplace(silence.id);
    if (!added) unindex(it->second);
    it->second = silence;
    if (silence.ends_at > now) index(it->second);
    stable_until_ = std::min(stable_until_, next_change(silence, now));
  }
  ++version_;
}

void Silences::forget(const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    const auto it = silences_.find(id);
    if (it == silences_.end()) continue;
    unindex(it->second);
    silences_.erase(it);
  }
  ++version_;
}

void Silences::index(const Silence& silence) {
  const auto pairs = needed_pairs(silence);
  for (const auto& pair : pairs) by_pair_[pair].push_back(&silence);
  if (pairs.empty()) unindexed_.push_back(&silence);
}

void Silences::unindex(const Silence& silence) {
  for (const auto& pair : needed_pairs(silence)) {
    const auto it = by_pair_.find(pair);
    if (it == by_pair_.end()) continue;
    std::erase(it->second, &silence);
    if (it->second.empty()) by_pair_.erase(it);
  }
  std::erase(unindexed_, &silence);
}

const Silence* Silences::find(std::string_view id) const {
  const auto it = silences_.find(id);
  return it == silences_.end() ? nullptr : &it->second;
}

std::vector<const Silence*> Silences::list(WallTime now) const {
  std::vector<const Silence*> all;
  for (const auto& [id, silence] : silences_) all.push_back(&silence);
  const auto rank = [&](const Silence& s) {
    switch (state(s, now)) {
      case SilenceState::kActive:
        return std::pair(0, to_ms(s.ends_at));
      case SilenceState::kPending:
        return std::pair(1, to_ms(s.starts_at));
      case SilenceState::kExpired:
        break;
    }
    return std::pair(2, -to_ms(s.ends_at));
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Silence* a, const Silence* b) { return rank(*a) < rank(*b); });
  return all;
}

std::vector<std::string> Silences::outdated(WallTime now) const {
  std::vector<std::string> ids;
  const auto retention = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.retention);
  for (const auto& [id, silence] : silences_) {
    if (silence.ends_at + retention <= now) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> Silences::hiding(const LabelsView& labels, WallTime now) const {
  std::vector<std::string> ids;
  const auto consider = [&](const Silence* silence) {
    if (now < silence->starts_at || now >= silence->ends_at) return;
    if (labels.matches(silence->matchers) && silence_active(*silence, now)) {
      ids.push_back(silence->id);
    }
  };
  std::string pair;
  for (std::size_t i = 0; !by_pair_.empty() && i < labels.size(); ++i) {
    pair.assign(labels.name(i));
    pair += '\xff';
    pair += labels.value(i);
    const auto it = by_pair_.find(pair);
    if (it == by_pair_.end()) continue;
    for (const auto* silence : it->second) consider(silence);
  }
  for (const auto* silence : unindexed_) consider(silence);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void Silences::look_ahead(WallTime now) const {
  stable_until_ = kNever;
  for (const auto& [id, silence] : silences_) {
    stable_until_ = std::min(stable_until_, next_change(silence, now));
  }
}

std::uint32_t Silences::version(WallTime now) const {
  if (now >= stable_until_) {
    ++version_;
    look_ahead(now);
  }
  return version_;
}

std::size_t Silences::count(SilenceState wanted, WallTime now) const {
  return static_cast<std::size_t>(
      std::count_if(silences_.begin(), silences_.end(),
                    [&](const auto& item) { return state(item.second, now) == wanted; }));
}

}  // namespace holdfast::respond::route
