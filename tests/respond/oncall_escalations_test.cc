#include "respond/oncall/escalations.h"

#include <set>

#include "respond/oncall/page_outbox.h"
#include "respond/oncall_world.h"

namespace holdfast::respond::oncall {
namespace {

using model::IncidentState;
using model::PageState;
using Names = std::vector<std::string>;

TEST(Escalations, ClimbStepByStepUntilSomebodyAnswers) {
  OnCallWorld w;
  w.start();
  auto incident = w.open();
  EXPECT_EQ(w.pager->told(), Names({"sms:li"}));
  w.run(4min + 58s);
  EXPECT_EQ(w.pager->told().size(), 1U);
  w.run(5s);
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:wang", "email:wang"}));
  w.acknowledge(incident, "wang");
  w.run(20min);
  EXPECT_EQ(w.pager->told().size(), 3U);
  EXPECT_TRUE(w.page("INC-1/e1/r0/s2/wang/sms").answered_at.has_value());
  EXPECT_FALSE(w.page("INC-1/e1/r0/s1/li/sms").answered_at.has_value());
}

TEST(Escalations, ResolvingTellsThoseWhoWereTold) {
  OnCallWorld w;
  w.start();
  auto incident = w.open();
  w.run(1min);
  w.set_state(incident, IncidentState::kResolved);
  w.run(1h);
  EXPECT_EQ(w.pager->told(), Names({"sms:li"}));
  EXPECT_EQ(w.pager->told("resolved"), Names({"sms:li"}));
  EXPECT_TRUE(w.escalations->active().empty());
  ASSERT_TRUE(w.escalations->find("INC-1").has_value());  // the whole chain is kept
  EXPECT_EQ(w.escalations->find("INC-1")->pages.size(), 2U);
  EXPECT_TRUE(w.host.journal->documents("page")->empty());
  EXPECT_EQ(w.pager->sent.back().subject, "[P1] Resolved: errors");
}

TEST(Escalations, AnAcknowledgementWithoutNewsTimesOut) {
  OnCallWorld w;
  w.policy().ack_timeout = 30min;
  w.start();
  auto incident = w.open();
  w.acknowledge(incident, "li");
  w.run(29min);
  EXPECT_EQ(w.pager->told().size(), 1U);
  w.publish(incident);  // news that are no acknowledgement change nothing
  w.run(2min);
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:li"}));
  EXPECT_TRUE(w.had("ack_timeout"));
  w.publish(incident);  // still says "acknowledged": of before
  w.run(5min);
  EXPECT_EQ(w.pager->told().size(), 4U);
  w.acknowledge(incident, "li");
  w.run(20min);
  EXPECT_EQ(w.pager->told().size(), 4U);
}

TEST(Escalations, SayingThatOneIsStillAtItWindsTheClockUp) {
  OnCallWorld w;
  w.policy().ack_timeout = 30min;
  w.start();
  auto incident = w.open();
  w.acknowledge(incident, "li");
  w.run(25min);
  std::optional<Result<void>> answer;
  w.escalations->confirm("INC-1", "li", [&](Result<void> r) { answer = std::move(r); });
  w.run(25min);
  ASSERT_TRUE(answer && answer->has_value());
  EXPECT_EQ(w.pager->told().size(), 1U);
  w.run(6min);
  EXPECT_EQ(w.pager->told().size(), 2U);
}

TEST(Escalations, HoldfastsOwnRepairHoldsOnlyAsLongAsItMayTake) {
  OnCallWorld w;
  w.policy().repair_timeout = 2min;
  w.policy().steps.insert(w.policy().steps.begin(), make_step({}, 30s));  // waits for the repair
  w.start();
  auto incident = w.open();
  w.run(1s);
  w.acknowledge(incident, "holdfast");
  w.run(1min);
  EXPECT_TRUE(w.pager->told().empty());
  w.run(2min);
  EXPECT_EQ(w.pager->told(), Names({"sms:li"}));
}

TEST(Escalations, RepeatsAndThenSaysThatNobodyAnswered) {
  OnCallWorld w;
  w.policy().repeat = 1;
  w.policy().steps = {make_step({to_person("li")}, 1min)};
  w.start();
  w.open();
  w.run(1h);
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:li"}));
  EXPECT_EQ(w.events(), Names({"started", "step", "repeated", "step", "exhausted"}));
}

TEST(Escalations, ARelapseBeginsAnew) {
  OnCallWorld w;
  w.start();
  auto incident = w.open();
  w.set_state(incident, IncidentState::kMitigated);
  w.run(20min);
  EXPECT_EQ(w.pager->told().size(), 1U);
  w.set_state(incident, IncidentState::kOpen);
  w.run(1s);
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:li"}));
}

TEST(Escalations, PersonalRulesAreRowsOfTheirOwn) {
  OnCallWorld w;
  w.people = {make_person("li", {"email", "sms", "voice"})};
  w.people[0].rules = {
      {"high", 0s, "email"}, {"high", 2min, "sms"}, {"high", 4min, "voice"}, {"low", 0s, "email"}};
  w.policy().steps = {make_step({to_person("li")}, 30min)};
  w.start();
  w.open();
  EXPECT_EQ(w.pager->told(), Names({"email:li"}));
  w.run(2min);
  EXPECT_EQ(w.pager->told(), Names({"email:li", "sms:li"}));
  w.crash_and_restart();
  w.run(3min);
  EXPECT_EQ(w.pager->told(), Names({"email:li", "sms:li", "voice:li"}));
}

TEST(Escalations, ALaterStepCutsNoUnfinishedRulesUnsaid) {
  OnCallWorld w;
  w.people = {make_person("li", {"email", "sms"}), make_person("wang")};
  w.people[0].rules = {{"high", 0s, "email"}, {"high", 10min, "sms"}};
  w.policy().steps = {make_step({to_person("li")}, 1min), make_step({to_person("wang")}, 1min),
                      make_step({to_person("li")}, 1h)};
  w.start();
  w.open();
  w.run(90s);
  EXPECT_EQ(w.page("INC-1/e1/r0/s1/li/sms").state,
            PageState::kWaiting);  // step 2 concerns somebody else
  w.run(1min);
  const auto cut = w.page("INC-1/e1/r0/s1/li/sms");
  EXPECT_EQ(cut.state, PageState::kWithdrawn);
  EXPECT_EQ(cut.detail, "superseded by step 3");
  w.run(20min);
  EXPECT_EQ(w.pager->told(), Names({"email:li", "sms:wang", "email:li", "sms:li"}));
}

TEST(Escalations, UrgencyPicksTheRules) {
  for (const auto& [rank, want] :
       std::vector<std::pair<model::Rank, std::string>>{{model::Rank::kWorst, "sms:li"},
                                                        {model::Rank::kHigh, "sms:li"},
                                                        {model::Rank::kLow, "email:li"}}) {
    OnCallWorld w;
    w.people = {make_person("li", {"email", "sms"})};
    w.people[0].rules = {{"high", 0s, "sms"}, {"low", 0s, "email"}};
    w.start();
    w.open("INC-1", rank);
    EXPECT_EQ(w.pager->told(), Names({want}));
  }
}

TEST(Escalations, AHangingTargetStopsNoOther) {
  OnCallWorld w;
  w.pager->behaviour["sms:li"] = "hang";
  w.policy().steps = {make_step({to_person("li"), to_person("zhao")})};
  w.start();
  w.open();
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:zhao"}));
}

TEST(Escalations, WhatIsNotHandedOverInTimeTakesTheNextWay) {
  for (const auto& [trouble, wait] : std::vector<std::pair<std::string, Duration>>{
           {"hang", 65s}, {"down", 65s}, {"refuse", 2s}}) {
    OnCallWorld w;
    w.people = {make_person("li", {"sms", "email"})};
    w.people[0].rules = {{"high", 0s, "sms"}};
    w.pager->behaviour["sms:li"] = trouble;
    w.policy().steps = {make_step({to_person("li")}, 30min)};
    w.start();
    w.open();
    w.run(wait);
    const auto told = w.pager->told();
    EXPECT_EQ(std::count(told.begin(), told.end(), "email:li"), 1) << trouble;
    EXPECT_TRUE(w.had("late")) << trouble;
    w.run(10min);
    const auto later = w.pager->told();
    EXPECT_EQ(std::count(later.begin(), later.end(), "email:li"), 1) << trouble;
  }
}

TEST(Escalations, AStepThatReachesNobodyDoesNotWait) {
  OnCallWorld w;
  w.policy().steps = {make_step({to_person("nobody"), to_schedule("none")}, 30min),
                      make_step({to_person("wang")})};
  w.start();
  w.open();
  w.run(6s);
  EXPECT_EQ(w.pager->told(), Names({"sms:wang", "email:wang"}));
  EXPECT_TRUE(w.had("unreachable"));
  EXPECT_TRUE(w.had("nobody"));
}

TEST(Escalations, RoundRobinTellsOneAfterTheOther) {
  OnCallWorld w;
  w.policy().steps = {make_step({to_person("li"), to_person("zhao")})};
  w.policy().steps[0].round_robin = true;
  w.start();
  for (const auto* id : {"INC-1", "INC-2"}) w.open(id);
  w.crash_and_restart();
  w.open("INC-3");
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:zhao", "sms:li"}));
}

TEST(Escalations, ConditionsPassAStepOver) {
  OnCallWorld w;
  w.policy().steps[0].when.worst_rank_only = 1;
  w.start();
  w.open("INC-1", model::Rank::kHigh);
  EXPECT_EQ(w.pager->told(), Names({"sms:wang", "email:wang"}));
  EXPECT_TRUE(w.had("skipped"));
}

TEST(Escalations, AskingSomebodyInTellsThemThoughItIsHeld) {
  OnCallWorld w;
  w.start();
  auto incident = w.open();
  w.acknowledge(incident, "li");
  std::optional<Result<void>> answer;
  w.escalations->ask_in("INC-1", to_person("zhao"), "li",
                        [&](Result<void> r) { answer = std::move(r); });
  w.run(1s);
  ASSERT_TRUE(answer && answer->has_value());
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:zhao"}));
}

TEST(Escalations, AnAlertActionTellsOnceAKey) {
  OnCallWorld w;
  w.start();
  PageMessage message;
  message.subject = "disk almost full";
  message.event = "page";
  for (int i = 0; i < 2; ++i) {
    w.escalations->tell(to_person("li"), message, "alert/1",
                        [](Result<void> r) { EXPECT_TRUE(r.has_value()); });
    w.run(1s);
  }
  EXPECT_EQ(w.pager->told(), Names({"sms:li"}));
}

TEST(Escalations, AnIncidentThatOpenedWhileNobodyListenedIsTakenUpAtStart) {
  OnCallWorld w;
  w.start();
  w.crash();
  model::Incident incident;
  incident.id = model::IncidentId("INC-1");
  incident.service = "enhancer";
  incident.rank = model::Rank::kWorst;
  w.publish(incident);
  w.start();
  w.run(1s);
  EXPECT_EQ(w.pager->told(), Names({"sms:li"}));
}

// The rows of an escalation as a bug or a hand in the database would leave them.
TEST(Escalations, TheAuditorSetsAStuckOneGoingWithinTenSeconds) {
  for (const std::string fault : {"no next step", "overdue in the row"}) {
    OnCallWorld w;
    w.start();
    w.open();
    w.run(1s);
    auto broken = w.escalations->find("INC-1")->escalation;
    if (fault == "no next step") {
      broken.next_at.reset();
    } else {
      broken.next_at = w.now() - 1h;
    }
    state::Batch batch;
    batch.document("escalation", "INC-1", dump_json(broken));
    ASSERT_TRUE(w.host.commit(std::move(batch)).has_value());
    w.run(10s);
    EXPECT_TRUE(w.had("repaired")) << fault;
    EXPECT_EQ(w.escalations->stats().repaired, 1U) << fault;
    const auto rows = w.host.journal->document("escalation", "INC-1");
    EXPECT_TRUE(parse_json<Escalation>((*rows)->body)->next_at > w.now()) << fault;
  }
}

TEST(Escalations, AJumpOfTheWallClockIsNoticed) {
  OnCallWorld w;
  w.start();
  w.open();
  w.host.clock.step_wall(1h);
  w.run(3s);
  EXPECT_GE(w.pager->told().size(), 3U);
}

TEST(Escalations, AFullDiskDelaysAndLosesNothing) {
  OnCallWorld w;
  w.start();
  auto incident = w.open();
  w.host.files.set_full(true);
  w.run(10min);
  EXPECT_EQ(w.pager->told().size(), 1U);
  w.host.files.set_full(false);
  w.run(10s);
  EXPECT_EQ(w.pager->told(), Names({"sms:li", "sms:wang", "email:wang"}));
}

// A kill at any moment: after it everybody is told who should be, and nobody twice but with the
// same key.
TEST(Escalations, AKillAtAnyCommitLosesNoPage) {
  int kills = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    OnCallWorld w(seed);
    w.people[0].methods.push_back({"voice", "voice", "voice:li", std::nullopt});
    w.people[0].rules = {{"high", 0s, "sms"}, {"high", 20s, "voice"}};
    w.policy().steps = {make_step({to_person("li")}, 30s), make_step({to_person("zhao")}, 30s)};
    w.start();
    auto incident = w.open();
    SeededRandom chance(seed);
    for (int i = 0; i < 4; ++i) {
      // Mostly amid a commit: a few tasks after something became due.
      w.run(chance.chance(0.5) ? Duration(chance.below(40) * 1s) : Duration(chance.below(3) * 1ms));
      w.host.executor.run_until([n = chance.below(6)]() mutable { return n-- == 0; }, 1s);
      w.crash_and_restart();
      ++kills;
    }
    w.run(3min);
    std::map<std::string, std::set<std::string>> keys;
    for (const auto& sent : w.pager->sent) keys[sent.target].insert(sent.key);
    EXPECT_EQ(keys["sms:li"].size(), 1U) << "seed " << seed;
    EXPECT_EQ(keys["voice:li"].size(), 1U) << "seed " << seed;
    EXPECT_EQ(keys["sms:zhao"].size(), 1U) << "seed " << seed;
    w.set_state(incident, IncidentState::kResolved);
    w.crash_and_restart();
    w.run(1min);
    std::set<std::string> resolved;
    for (const auto& target : w.pager->told("resolved")) resolved.insert(target);
    EXPECT_EQ(resolved, std::set<std::string>({"sms:li", "sms:zhao"})) << "seed " << seed;
  }
  EXPECT_EQ(kills, 240);
}

TEST(Escalations, WordsComeInThePersonsLanguageAndZone) {
  model::Incident incident;
  incident.id = model::IncidentId("INC-1");
  incident.title = "错误率过高";
  incident.service = "enhancer";
  incident.rank = model::Rank::kWorst;
  incident.started_at = kNoon;
  model::Page page;
  page.incident = "INC-1";
  page.why = "schedule ops, primary";
  const auto zh = words_of(page, incident, "zh", *find_zone("Asia/Shanghai"), "http://h");
  EXPECT_EQ(zh.subject, "[P1] 错误率过高");
  EXPECT_NE(zh.text.find("开始于 2026-01-01 20:00 CST"), std::string::npos) << zh.text;
  const auto en = words_of(page, incident, "en", Zone(), "http://h");
  EXPECT_NE(en.text.find("Since 2026-01-01 12:00 UTC"), std::string::npos) << en.text;
  EXPECT_NE(en.text.find("You are told as: schedule ops, primary"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::respond::oncall
