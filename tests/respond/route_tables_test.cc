// The rules of routing, each as a table: what a post means, which route it takes, who is silent, who must be told.
#include <gmock/gmock.h>

#include "respond/route/alerts.h"
#include "respond/route/groups.h"
#include "respond/route/inhibitor.h"
#include "respond/route/notify_log.h"
#include "respond/route/tree.h"
#include "respond/route_host.h"

namespace holdfast::respond::route {
namespace {

using model::MatchOp;
using ::testing::ElementsAre;

WallTime at(int seconds) { return from_ms(1'800'000'000'000 + seconds * std::int64_t{1000}); }

TEST(Accept, GivesAlertmanagersDefaultsAndErrors) {
  const auto now = at(0);
  struct Case {
    const char* name;
    std::optional<int> starts, ends;
    int want_start, want_end;
    bool timeout;
    std::string error;
  };
  const Case cases[] = {
      {"neither", {}, {}, 0, 300, true, ""},
      {"start only", -10, {}, -10, 300, true, ""},
      {"end only", {}, 60, 60, 60, false, ""},
      {"both", -5, 60, -5, 60, false, ""},
      {"end before start", 10, 5, 0, 0, false, "start time must be before end time"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    PostedAlert alert;
    alert.labels = {{"a", "b"}};
    if (c.starts) alert.starts_at = at(*c.starts);
    if (c.ends) alert.ends_at = at(*c.ends);
    const auto span = accept(alert, now, 5min);
    EXPECT_EQ(span.has_value() ? "" : span.error().message(), c.error);
    if (!span) continue;
    EXPECT_EQ(span->starts_at, at(c.want_start));
    EXPECT_EQ(span->ends_at, at(c.want_end));
    EXPECT_EQ(span->timeout, c.timeout);
  }
  EXPECT_EQ(accept({}, now, 5min).error().message(), "at least one label pair required");
  PostedAlert bad;
  bad.labels = {{"a", "\xc0\x80"}};
  EXPECT_EQ(accept(bad, now, 5min).error().message(), "invalid label set: invalid value \"\\xc0\\x80\"");
}

TEST(Merge, OnlyOverlappingSpansAreMerged) {
  struct Case {
    const char* name;
    int old_start, old_end, old_updated;
    bool old_timeout;
    int new_start, new_end, new_updated;
    int want_start, want_end;
  };
  const int now = 50;
  const Case cases[] = {
      {"the usual refresh replaces", 0, 60, 0, true, 0, 120, 1, 0, 120},
      {"a resolve inside an explicit end: younger resolved", 0, 100, 0, false, 0, 40, 1, 0, 40},
      {"later start inside: the earlier start stays", 0, 100, 0, true, 10, 200, 1, 0, 200},
      {"firing, older explicit end later: it stays", 0, 300, 0, false, 10, 200, 1, 0, 300},
      {"firing, older end later but a timeout: the new one", 0, 300, 0, true, 10, 200, 1, 0, 200},
      {"both resolved: the later end", 0, 45, 0, false, 5, 40, 1, 0, 45},
      {"disjoint: replaced", 0, 10, 0, false, 20, 60, 1, 20, 60},
      {"older news about a known alert", 0, 100, 5, false, 10, 90, 1, 0, 100},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const AlertSpan old{at(c.old_start), at(c.old_end), at(c.old_updated), c.old_timeout};
    const AlertSpan fresh{at(c.new_start), at(c.new_end), at(c.new_updated), false};
    const auto merged = merge(old, fresh, at(now));
    EXPECT_EQ(merged.span.starts_at, at(c.want_start));
    EXPECT_EQ(merged.span.ends_at, at(c.want_end));
  }
}

TEST(NeedsUpdate, IsAlertmanagersTable) {
  struct Case {
    const char* name;
    std::optional<std::pair<FingerprintSet, FingerprintSet>> entry;  // firing, resolved
    FingerprintSet firing, resolved;
    bool send_resolved;
    int age;  // of the entry, in seconds; repeat is 60
    std::string reason;
  };
  using Sets = std::pair<FingerprintSet, FingerprintSet>;
  const Case cases[] = {
      {"nothing known, nothing fires", {}, {}, {1}, true, 0, ""},
      {"nothing known", {}, {1}, {}, true, 0, "first notification"},
      {"fires again after all resolved", Sets{{}, {1}}, {1}, {}, true, 0, "first notification"},
      {"a new one", Sets{{1}, {}}, {1, 2}, {}, true, 0, "new alerts added"},
      {"all over", Sets{{1}, {}}, {}, {1}, true, 0, "all alerts resolved"},
      {"all over, whatever send_resolved", Sets{{1}, {}}, {}, {1}, false, 0, "all alerts resolved"},
      {"was and is nothing", Sets{{}, {1}}, {}, {2}, true, 0, ""},
      {"some over", Sets{{1, 2}, {}}, {1}, {2}, true, 0, "some alerts resolved"},
      {"some over, not wanted", Sets{{1, 2}, {}}, {1}, {2}, false, 0, ""},
      {"the same", Sets{{1}, {}}, {1}, {}, true, 59, ""},
      {"exactly repeat_interval", Sets{{1}, {}}, {1}, {}, true, 60, ""},
      {"older", Sets{{1}, {}}, {1}, {}, true, 61, "repeat interval elapsed"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    LogEntry entry;
    if (c.entry) std::tie(entry.firing, entry.resolved) = *c.entry;
    entry.at = at(-c.age);
    const auto need = needs_update(c.entry ? &entry : nullptr, {c.firing, c.resolved, c.send_resolved, 60s, at(0)});
    EXPECT_EQ(need.reason, c.reason);
    EXPECT_EQ(need.needed, !c.reason.empty());
  }
}

TEST(RouteTree, MatchesDepthFirstAndKeysAreAlertmanagers) {
  auto config = std::make_shared<Config>();
  config->route.receiver = "root";
  Route team_a;
  team_a.receiver = "a";
  team_a.matchers = {is("team", "a")};
  Route deep = team_a;
  deep.receiver = "a-db";
  deep.matchers = {matcher(MatchOp::kRegex, "service", "db|cache")};
  team_a.routes = {deep};
  Route all;
  all.receiver = "log";
  all.matchers = {matcher(MatchOp::kNotEqual, "quiet", "yes")};
  all.keep_going = true;
  Route team_b = team_a;
  team_b.receiver = "b";
  team_b.matchers = {is("team", "b")};
  team_b.routes.clear();
  config->route.routes = {all, team_a, team_b};
  const Tree tree(config);
  const auto receivers = [&](const model::Labels& labels) {
    std::string text;
    for (const auto* node : tree.match(labels)) text += (text.empty() ? "" : " ") + node->route->receiver;
    return text;
  };
  EXPECT_EQ(receivers({{"team", "a"}}), "log a");
  EXPECT_EQ(receivers({{"team", "a"}, {"service", "db"}, {"quiet", "yes"}}), "a-db");
  EXPECT_EQ(receivers({{"quiet", "yes"}}), "root");
  EXPECT_EQ(receivers({{"team", "b"}}), "log b");
  const auto found = tree.match(model::Labels{{"team", "a"}, {"service", "db"}, {"quiet", "yes"}});
  EXPECT_EQ(found[0]->key, "{}/{team=\"a\"}/{service=~\"db|cache\"}");
  EXPECT_EQ(group_key("{}/{severity=\"x\"}", {{"alertname", "y"}, {"a", "\"q\"\n"}}),
            "{}/{severity=\"x\"}:{a=\"\\\"q\\\"\\n\", alertname=\"y\"}");
}

TEST(Inhibitor, FollowsTheRules) {
  struct Case {
    const char* name;
    model::Labels source, target;
    bool hit;
  };
  const Case cases[] = {
      {"equal values", {{"s", "1"}, {"e", "x"}}, {{"t", "1"}, {"e", "x"}}, true},
      {"other value", {{"s", "1"}, {"e", "x"}}, {{"t", "1"}, {"e", "y"}}, false},
      {"both lack it", {{"s", "1"}}, {{"t", "1"}}, true},
      {"one lacks it", {{"s", "1"}, {"e", "x"}}, {{"t", "1"}}, false},
      {"target is both sides, source too", {{"s", "1"}, {"t", "1"}}, {{"s", "1"}, {"t", "1"}, {"n", "2"}}, false},
      {"target is both sides, source is not", {{"s", "1"}}, {{"s", "1"}, {"t", "1"}}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    AlertTable table;
    Inhibitor inhibitor(table);
    inhibitor.configure({{"", {is("s", "1")}, {is("t", "1")}, {"e"}}});
    auto& row = table.add(fingerprint_of(c.source), c.source);
    row.span.ends_at = at(10);
    inhibitor.add(row);
    EXPECT_EQ(inhibitor.inhibited_by(c.target, at(0)).has_value(), c.hit);
    EXPECT_FALSE(inhibitor.inhibited_by(c.target, at(10)).has_value()) << "a resolved source";
    inhibitor.configure({InhibitRule{}});
    EXPECT_FALSE(inhibitor.inhibited_by(c.target, at(0)).has_value()) << "a rule of nothing";
  }
}

TEST(SentOrder, IsJobInstanceThenLabels) {
  const std::vector<model::Labels> want = {
      {{"job", "a"}, {"instance", "1"}},
      {{"job", "a"}, {"instance", "2"}},
      {{"job", "a"}},
      {{"job", "b"}},
      {{"x", "1"}},
      {{"a", "1"}, {"b", "1"}},
      {{"a", "1"}, {"b", "2"}},
  };
  for (std::size_t i = 0; i < want.size(); ++i) {
    for (std::size_t k = 0; k < want.size(); ++k) {
      EXPECT_EQ(sent_before(want[i], want[k]), i < k) << want[i].text() << " " << want[k].text();
    }
  }
}

TEST(GroupClockResume, GoesOnInStepAndMakesUpWhatWasMissed) {
  struct Case {
    int first, alive, now, next;
    bool flushed;
  };
  const Case cases[] = {
      {30, 0, 10, 30, false},   // not due yet
      {30, 20, 40, 40, false},  // fell into the pause
      {30, 35, 40, 60, true},   // was made; the next is in step
      {30, 55, 70, 70, true},   // a later one fell into the pause
      {30, 65, 70, 90, true},
  };
  for (const auto& c : cases) {
    const auto resumed = resume_clock(at(c.first), 30s, at(c.alive), at(c.now));
    EXPECT_EQ(resumed.next, at(c.next)) << c.first << " " << c.alive << " " << c.now;
    EXPECT_EQ(resumed.flushed, c.flushed) << c.first << " " << c.alive << " " << c.now;
  }
}

TEST(StringPool, KeepsEachTextOnceAndFindsAllAfterManyReleases) {
  StringPool pool;
  SeededRandom random(7);
  std::map<std::string, std::pair<StringPool::Id, int>> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = "t" + std::to_string(random.below(3000));
    auto& [id, users] = model[text];
    if (users > 0 && random.chance(0.5)) {
      pool.release(id);
      --users;
    } else {
      const auto taken = pool.take(text);
      if (users > 0) {
        ASSERT_EQ(taken, id);
      }
      id = taken;
      ++users;
    }
  }
  std::size_t live = 0;
  for (const auto& [text, entry] : model) {
    if (entry.second == 0) continue;
    ++live;
    EXPECT_EQ(pool.text(entry.first), text);
  }
  EXPECT_EQ(pool.size(), live);
}

// --- silences ---------------------------------------------------------------------------------------------------------

Silence silence(std::vector<model::Matcher> matchers, int from, int to) {
  Silence silence;
  silence.matchers = std::move(matchers);
  silence.starts_at = at(from);
  silence.ends_at = at(to);
  return silence;
}

struct SilenceBook {
  explicit SilenceBook(SilenceLimits limits = {}, SilencePolicy policy = {}) : silences(limits, policy) {}
  Result<std::string> set(Silence wanted, int now) {
    auto change = silences.decide_set(std::move(wanted), at(now), random);
    if (!change) return std::move(change).error();
    silences.apply(change->changed, at(now));
    return change->id;
  }
  void expire(const std::string& id, int now) { silences.apply(silences.decide_expire(id, at(now))->changed, at(now)); }
  SeededRandom random{1};
  Silences silences;
};

TEST(Silence, IsRefusedWithAlertmanagersWords) {
  SilenceBook book({2, 0, 1h});
  const auto error = [&](Silence s) { return book.set(std::move(s), 0).error().message(); };
  EXPECT_EQ(error(silence({is("a", "b")}, 10, 10)), "Failed to create silence: start time must be before end time");
  EXPECT_EQ(error(silence({is("a", "b")}, -20, -10)), "Failed to create silence: end time can't be in the past");
  EXPECT_EQ(error(silence({is("a", "")}, 0, 10)),
            "invalid silence: matcher set 0: at least one matcher must not match the empty string");
  auto unknown = silence({is("a", "b")}, 0, 10);
  unknown.id = "none";
  EXPECT_EQ(book.set(unknown, 0).error().code(), Code::kNotFound);
  ASSERT_TRUE(book.set(silence({is("a", "b")}, 0, 10), 0).has_value());
  ASSERT_TRUE(book.set(silence({is("a", "c")}, 0, 10), 0).has_value());
  EXPECT_EQ(error(silence({is("a", "d")}, 0, 10)), "exceeded maximum number of silences: 2 (limit: 2)");
}

TEST(Silence, IsEditedInPlaceOnlyWhenNothingElseChanges) {
  SilenceBook book;
  const auto id = *book.set(silence({is("a", "b")}, -50, 100), 0);
  EXPECT_EQ(book.silences.find(id)->starts_at, at(0)) << "a start in the past is now";
  auto longer = *book.silences.find(id);
  longer.ends_at = at(200);
  EXPECT_EQ(*book.set(longer, 10), id);
  auto other = longer;
  other.matchers = {is("a", "c")};
  const auto second = *book.set(other, 20);
  EXPECT_NE(second, id);
  EXPECT_EQ(book.silences.state(*book.silences.find(id), at(20)), SilenceState::kExpired);
  book.expire(second, 30);
  auto again = *book.silences.find(second);
  again.ends_at = at(300);
  EXPECT_NE(*book.set(again, 40), second) << "an expired one is never edited";
}

TEST(Silence, ExpiryIsImmediateAndTwiceIsFine) {
  SilenceBook book;
  const auto pending = *book.set(silence({is("a", "b")}, 50, 100), 0);
  book.expire(pending, 10);
  EXPECT_EQ(book.silences.find(pending)->starts_at, at(10));
  EXPECT_EQ(book.silences.find(pending)->ends_at, at(10));
  EXPECT_TRUE(book.silences.decide_expire(pending, at(20)).has_value());
  EXPECT_EQ(book.silences.decide_expire("none", at(20)).error().code(), Code::kNotFound);
}

TEST(Silence, ListsActivePendingExpired) {
  SilenceBook book;
  std::map<std::string, std::string> names;
  names[*book.set(silence({is("a", "b")}, 0, 10), 0)] = "expired early";
  names[*book.set(silence({is("a", "b")}, 0, 20), 0)] = "expired late";
  names[*book.set(silence({is("a", "b")}, 0, 90), 0)] = "active 90";
  names[*book.set(silence({is("a", "b")}, 0, 80), 0)] = "active 80";
  names[*book.set(silence({is("a", "b")}, 70, 80), 0)] = "pending 70";
  names[*book.set(silence({is("a", "b")}, 60, 80), 0)] = "pending 60";
  std::vector<std::string> order;
  for (const auto* one : book.silences.list(at(30))) order.push_back(names[one->id]);
  EXPECT_THAT(order, ElementsAre("active 80", "active 90", "pending 60", "pending 70", "expired late", "expired early"));
}

TEST(Silence, TheIndexAnswersAsTryingAllWould) {
  SilenceBook book;
  SeededRandom random(3);
  const auto word = [&](int kinds) { return "v" + std::to_string(random.below(static_cast<std::uint64_t>(kinds))); };
  const std::vector<MatchOp> ops = {MatchOp::kEqual, MatchOp::kNotEqual, MatchOp::kRegex, MatchOp::kNotRegex};
  for (int i = 0; i < 300; ++i) {
    std::vector<model::Matcher> matchers;
    for (int k = 0; k < 1 + static_cast<int>(random.below(2)); ++k) {
      const auto op = ops[random.below(4)];
      const bool regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
      matchers.push_back(matcher(op, "l" + std::to_string(random.below(3)), regex ? word(4) + "|" + word(4) + (random.chance(0.3) ? ".*" : "") : word(4)));
    }
    static_cast<void>(book.set(silence(matchers, static_cast<int>(random.below(100)), 100 + static_cast<int>(random.below(100))), 0));
  }
  for (int i = 0; i < 200; ++i) {
    const model::Labels labels{{"l0", word(5)}, {"l1", word(5)}, {"l2", random.chance(0.5) ? word(5) : ""}};
    const auto now = at(static_cast<int>(random.below(220)));
    std::vector<std::string> want;
    for (const auto* one : book.silences.list(now)) {
      if (book.silences.state(*one, now) == SilenceState::kActive && LabelsView(labels).matches(one->matchers)) want.push_back(one->id);
    }
    std::sort(want.begin(), want.end());
    EXPECT_EQ(book.silences.hiding(labels, now), want);
  }
}

TEST(Silence, TheVersionGrowsWhenOneBeginsOrEnds) {
  SilenceBook book;
  ASSERT_TRUE(book.set(silence({is("a", "b")}, 10, 20), 0).has_value());
  const auto before = book.silences.version(at(1));
  EXPECT_EQ(book.silences.version(at(9)), before);
  const auto begun = book.silences.version(at(10));
  EXPECT_NE(begun, before);
  EXPECT_EQ(book.silences.version(at(19)), begun);
  EXPECT_NE(book.silences.version(at(20)), begun);
}

TEST(Silence, PolicySaysWhy) {
  SilencePolicy policy;
  policy.duration_max = 1h;
  policy.matchers_min = 2;
  policy.equality_required = true;
  policy.comment_required = true;
  SilenceBook book({}, policy);
  const auto error = [&](Silence s) {
    auto made = book.set(std::move(s), 0);
    if (made) return std::string("taken");
    EXPECT_EQ(made.error().code(), Code::kForbidden);
    return made.error().message();
  };
  const auto two = std::vector{is("a", "b"), is("c", "d")};
  EXPECT_EQ(error(silence(two, 0, 7200)), "refused by the silence policy: it lasts 2h, at most 1h is allowed");
  EXPECT_EQ(error(silence({is("a", "b")}, 0, 60)), "refused by the silence policy: it names 1 labels, at least 2 are needed");
  EXPECT_EQ(error(silence({matcher(MatchOp::kRegex, "a", ".+"), matcher(MatchOp::kRegex, "b", ".+")}, 0, 60)),
            "refused by the silence policy: it needs at least one matcher of the form name=\"value\"");
  EXPECT_EQ(error(silence(two, 0, 60)), "refused by the silence policy: it needs a comment");
  auto good = silence(two, 0, 60);
  good.comment = "new disks";
  EXPECT_EQ(error(good), "taken");
}

TEST(Silence, RecursByItsRule) {
  // Sundays 02:00 to 04:00 in Berlin, from 2027-01-03; the one of the 17th left out.
  auto weekly = silence({is("a", "b")}, 0, 0);
  weekly.starts_at = *parse_time("2027-01-03T01:00:00Z");
  weekly.ends_at = *parse_time("2028-01-01T00:00:00Z");
  weekly.recurrence = SilenceRecurrence{"FREQ=WEEKLY;BYDAY=SU", "Europe/Berlin", 2h, {*parse_time("2027-01-17T01:00:00Z")}};
  SilenceBook book;
  ASSERT_TRUE(book.set(weekly, -100'000'000).has_value());
  const model::Labels labels{{"a", "b"}};
  struct Case {
    const char* at;
    bool hides;
  };
  for (const auto& c : {Case{"2027-01-03T00:59:59Z", false}, Case{"2027-01-03T01:00:00Z", true}, Case{"2027-01-03T03:00:00Z", false},
                        Case{"2027-01-10T02:30:00Z", true}, Case{"2027-01-17T02:30:00Z", false},
                        Case{"2027-07-04T00:30:00Z", true}, Case{"2027-07-04T02:30:00Z", false}}) {
    EXPECT_EQ(!book.silences.hiding(labels, *parse_time(c.at)).empty(), c.hides) << c.at;
  }
  const auto next = next_beginnings(weekly, *parse_time("2027-01-04T00:00:00Z"), 2);
  ASSERT_TRUE(next.has_value());
  EXPECT_THAT(*next, ElementsAre(*parse_time("2027-01-10T01:00:00Z"), *parse_time("2027-01-24T01:00:00Z")));
  auto bad = weekly;
  bad.recurrence->rrule = "FREQ=NEVER";
  EXPECT_EQ(book.set(bad, 0).error().code(), Code::kInvalid);
  const auto read = parse_json<Silence>(dump_json(weekly));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(dump_json(*read), dump_json(weekly));
}

}  // namespace
}  // namespace holdfast::respond::route
