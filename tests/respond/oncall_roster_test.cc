#include "respond/oncall/roster.h"

#include "respond/oncall/reachability.h"
#include "respond/oncall_world.h"

namespace holdfast::respond::oncall {
namespace {

Schedule weekly_schedule() {
  Layer layer;
  layer.name = "weekly";
  layer.users = {{"li", "wang"}, {"wang", "zhao"}};
  layer.start = {2026, 1, 5, 9};
  Schedule schedule;
  schedule.name = "ops";
  schedule.roles = {"primary", "secondary"};
  schedule.layers = {layer};
  return schedule;
}

struct RosterWorld : OnCallWorld {
  RosterWorld() {
    schedules = {weekly_schedule()};
    start();
  }
  Result<Override> override(std::vector<std::string> users, Duration from, Duration to,
                            const std::string& role = "", const std::string& schedule = "ops") {
    Override wanted;
    wanted.schedule = schedule;
    wanted.users = std::move(users);
    wanted.role = role;
    wanted.from = now() + std::chrono::duration_cast<std::chrono::milliseconds>(from);
    wanted.to = now() + std::chrono::duration_cast<std::chrono::milliseconds>(to);
    std::optional<Result<Override>> answer;
    roster->add_override(wanted, [&](Result<Override> r) { answer = std::move(r); });
    run(100ms);
    return answer ? *answer : Result<Override>(internal("no answer"));
  }
};

TEST(Roster, AnOverrideOutlivesARestart) {
  RosterWorld w;
  const auto before = w.roster->on_call("ops", "primary", w.now());
  ASSERT_EQ(before.size(), 1U);
  ASSERT_TRUE(w.override({"zhao"}, -1min, 2h, "primary").has_value());
  EXPECT_EQ(w.roster->on_call("ops", "primary", w.now()), (std::vector<std::string>{"zhao"}));
  w.crash_and_restart();
  EXPECT_EQ(w.roster->on_call("ops", "primary", w.now()), (std::vector<std::string>{"zhao"}));
  const auto id = w.roster->changes().overrides.front().id;
  std::optional<Result<void>> removed;
  w.roster->remove(id, "li", [&](Result<void> r) { removed = std::move(r); });
  w.run(1s);
  ASSERT_TRUE(removed && removed->has_value());
  EXPECT_EQ(w.roster->on_call("ops", "primary", w.now()), before);
}

TEST(Roster, WrongOverridesAreRefusedWithTheReason) {
  RosterWorld w;
  EXPECT_EQ(w.override({"li"}, 0s, 1h, "", "none").error().message(),
            "no schedule 'none'; there are ops");
  EXPECT_EQ(w.override({"nobody"}, 0s, 1h).error().message(), "no person 'nobody'");
  EXPECT_EQ(w.override({}, 0s, 1h).error().message(), "an override needs at least one person");
  EXPECT_EQ(w.override({"li"}, 1h, 0s).error().message(), "it must end after it begins");
  EXPECT_EQ(w.override({"li"}, -2h, -1h).error().message(), "its time has passed already");
  EXPECT_EQ(w.override({"li"}, 0s, 1h, "third").error().message(),
            "no role 'third'; there are: primary, secondary");
}

TEST(Roster, ASwapIsTakenOnce) {
  RosterWorld w;
  Swap wanted;
  wanted.schedule = "ops";
  wanted.person = w.roster->on_call("ops", "primary", w.now()).front();
  wanted.from = w.now();
  wanted.to = w.now() + 1h;
  std::optional<Result<Swap>> asked, first, second;
  w.roster->ask_swap(wanted, [&](Result<Swap> r) { asked = std::move(r); });
  w.run(1s);
  ASSERT_TRUE(asked && asked->has_value());
  w.roster->take_swap((*asked)->id, "zhao", [&](Result<Swap> r) { first = std::move(r); });
  w.roster->take_swap((*asked)->id, "li", [&](Result<Swap> r) { second = std::move(r); });
  w.run(1s);
  ASSERT_TRUE(first && first->has_value());
  EXPECT_EQ(second->error().code(), Code::kConflict);
  EXPECT_EQ(w.roster->on_call("ops", "primary", w.now()), (std::vector<std::string>{"zhao"}));
}

TEST(Roster, EscalationReachesWhoeverIsOnCall) {
  RosterWorld w;
  w.options.policies[0].steps = {make_step({to_schedule("ops", "primary")}),
                                 make_step({to_schedule("ops", "secondary")})};
  w.escalations->configure(w.options, w.pager);
  const auto primary = w.roster->on_call("ops", "primary", w.now()).front();
  w.open();
  // By every method of that person, since it is urgent; and nobody else.
  ASSERT_FALSE(w.pager->told().empty());
  EXPECT_EQ(w.pager->told()[0], "sms:" + primary);
  for (const auto& target : w.pager->told()) EXPECT_TRUE(target.ends_with(":" + primary)) << target;
  EXPECT_EQ(w.page("INC-1/e1/r0/s1/" + primary + "/sms").why, "schedule ops, primary");
}

std::vector<std::string> findings(RosterWorld& w, std::optional<WallTime> proven = std::nullopt) {
  std::vector<std::string> out;
  for (const auto& f : check_reachability(
           {w.roster->schedules(), w.roster->changes(), w.options.policies, w.roster->people(),
            [](const model::ContactMethod& m) {
              return m.kind == "voice" ? "no gateway is configured for 'voice'" : "";
            },
            [&](const std::string&, const model::ContactMethod&) { return proven; }, w.now()}))
    out.push_back(f.severity + " " + f.what + " " + f.name + ": " + f.text);
  return out;
}

TEST(Reachability, IsGreenWhenEveryoneIsProvenAndNoHourIsEmpty) {
  RosterWorld w;
  EXPECT_EQ(findings(w, w.now() - 24h), std::vector<std::string>{});
}

TEST(Reachability, NamesPeopleStepsWithTheirMinuteAndHoles) {
  RosterWorld w;
  w.people = {make_person("li", {"voice"}), make_person("wang")};
  w.people[1].rules = {{"high", 40min, "sms"}};
  auto schedule = weekly_schedule();
  schedule.layers[0].until = w.roster->schedules()[0].zone.civil(w.now() + 24h);
  w.roster->configure({schedule}, w.people);
  w.options.policies[0].steps = {make_step({to_person("wang")}, 10min),
                                 make_step({to_person("li")}, 5min),
                                 make_step({to_schedule("none")}, 5min)};
  const auto found = findings(w, w.now() - 24h);
  const auto has = [&](const std::string& part) {
    return std::any_of(found.begin(), found.end(),
                       [&](const auto& f) { return f.find(part) != std::string::npos; });
  };
  EXPECT_TRUE(
      has("broken schedule ops: li cannot be reached: no gateway is configured for 'voice'"));
  EXPECT_TRUE(has("broken schedule ops: zhao is not among the people of the configuration"));
  EXPECT_TRUE(has("broken schedule ops: nobody is on call from "));
  EXPECT_TRUE(
      has("broken policy critical: step 2, minute 10: reaches nobody: policy critical: li cannot "
          "be reached"));
  EXPECT_TRUE(
      has("broken policy critical: step 3, minute 10: reaches nobody: policy critical: schedule "
          "none is nobody"));
  EXPECT_TRUE(
      has("weak policy critical: step 1, minute 0: wang is told only 40m later, when all steps "
          "have run"));
}

TEST(Reachability, AProofComesFromADelivery) {
  RosterWorld w;
  EXPECT_FALSE(w.escalations->proven_at("li", w.people[0].methods[0]).has_value());
  w.open();
  w.run(1s);
  w.crash_and_restart();
  EXPECT_TRUE(w.escalations->proven_at("li", w.people[0].methods[0]).has_value());
  auto changed = w.people[0].methods[0];
  changed.target = "sms:another";
  EXPECT_FALSE(w.escalations->proven_at("li", changed).has_value());
}

}  // namespace
}  // namespace holdfast::respond::oncall
