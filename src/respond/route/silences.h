// respond/route/silences.h: who is not told for a while, and why: silences as Alertmanager keeps them, and a little more.
//
// Purpose     Holds every silence, decides what set() means (new, edited in place, old one expired and a new one made), and
//             answers which active silences hide an alert. Values in, values out: durable storage is the Router's.
// Life        pending before starts_at, active, expired at or after ends_at; kept until ends_at + retention. A recurring one (N5)
//             is active while any of its occurrences is; starts_at..ends_at then bound the whole series.
// Policy      (N4) SilencePolicy refuses what is too long or too broad; preview() of the Router shows what would be hidden.
// Cost        Silences stand in an index by one equality (or list of literals) of theirs, so that ten thousand of them cost an
//             alert about as many look-ups as it has labels. Those with neither are tried one by one.
// Errors      kInvalid and kNotFound with Alertmanager's texts; kForbidden by policy, with the reason.
// Threads     Control strand only.
// Source      ../shared/reference/alerting.md section 2.7.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "respond/route/interned.h"

namespace holdfast::respond::route {

enum class SilenceState { kPending, kActive, kExpired };
std::string_view silence_state_name(SilenceState state);  // pending, active, expired

// N5: iCal's recurrence. Occurrences begin at starts_at and as the rule says, each lasting `duration`.
struct SilenceRecurrence {
  std::string rrule;  // "FREQ=WEEKLY;BYDAY=SU"
  std::string zone;   // IANA; empty: UTC
  Duration duration{};
  std::vector<WallTime> except;  // beginnings left out
};

struct Silence {
  std::string id;  // UUID v4; empty: to be made
  std::vector<model::Matcher> matchers;
  WallTime starts_at{};
  WallTime ends_at{};
  WallTime updated_at{};
  std::string created_by;
  std::string comment;
  std::map<std::string, std::string> annotations;
  std::optional<SilenceRecurrence> recurrence;
};

void to_json(nlohmann::json& j, const Silence& v);
void from_json(const nlohmann::json& j, Silence& v);

// N4. Zero and false: no such rule.
struct SilencePolicy {
  Duration duration_max{};         // of one silence, from now or its start
  int matchers_min = 0;            // that many must not match the empty string
  bool equality_required = false;  // at least one plain name="value"
  int hidden_alerts_max = 0;       // live alerts it may hide when it is made
  bool comment_required = false;
};

struct SilenceLimits {
  std::size_t count_max = 0;       // expired ones count; 0: none
  std::size_t size_max_bytes = 0;  // of one, as stored; 0: none
  Duration retention = 120h;
};

// RFC 4122 version 4.
std::string make_uuid(Random& random);

class Silences {
 public:
  Silences(SilenceLimits limits, SilencePolicy policy);

  // What a set or an expiry changes: these silences take the place of those with their ids. `id` is the answer.
  struct Change {
    std::string id;
    std::vector<Silence> changed;
  };
  // Decide; apply() makes it so, after it is durable. `hides` counts live alerts for hidden_alerts_max; may be empty.
  Result<Change> decide_set(Silence silence, WallTime now, Random& random,
                            const std::function<int(const Silence&)>& hides = {}) const;
  Result<Change> decide_expire(std::string_view id, WallTime now) const;
  void apply(const std::vector<Silence>& changed, WallTime now);

  const Silence* find(std::string_view id) const;
  SilenceState state(const Silence& silence, WallTime now) const;
  // Active by ends_at, then pending by starts_at, then expired by ends_at, latest first.
  std::vector<const Silence*> list(WallTime now) const;
  // Ids whose retention is over: the caller deletes their documents and calls forget().
  std::vector<std::string> outdated(WallTime now) const;
  void forget(const std::vector<std::string>& ids);

  // Ids of the active silences that match, sorted.
  std::vector<std::string> hiding(const LabelsView& labels, WallTime now) const;

  // Grows whenever the answer of hiding() may have changed, by an edit or by time.
  std::uint32_t version(WallTime now) const;
  std::size_t size() const { return silences_.size(); }
  std::size_t count(SilenceState state, WallTime now) const;
  void configure(SilenceLimits limits, SilencePolicy policy);

 private:
  Result<void> check(const Silence& silence, WallTime now,
                     const std::function<int(const Silence&)>& hides) const;
  bool may_edit(const Silence& old, const Silence& wanted, WallTime now) const;
  void index(const Silence& silence);
  void unindex(const Silence& silence);
  void look_ahead(WallTime now) const;

  SilenceLimits limits_;
  SilencePolicy policy_;
  std::map<std::string, Silence, std::less<>> silences_;  // by id; pointers into it stay good
  // name \xff value -> those that need this pair; and those that need none.
  std::unordered_map<std::string, std::vector<const Silence*>> by_pair_;
  std::vector<const Silence*> unindexed_;
  mutable std::uint32_t version_ = 1;
  mutable WallTime stable_until_{};  // no silence begins or ends before
};

// Whether it hides anything at `now`: within its bounds and, when it recurs, within an occurrence.
bool silence_active(const Silence& silence, WallTime now);
// The next beginnings of a recurring silence, at most `count`; for others its own start, if it is still to come. kInvalid when
// the rule or the zone is.
Result<std::vector<WallTime>> next_beginnings(const Silence& silence, WallTime after,
                                              std::size_t count);

}  // namespace holdfast::respond::route
