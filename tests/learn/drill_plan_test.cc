#include "learn/drill/drill_plan.h"

#include "drill_host.h"

namespace holdfast::learn {
namespace {

using testing::ElementsAre;

std::vector<model::Instance> running(int count, bool admin = true) {
  std::vector<model::Instance> out;
  for (int i = 0; i < count; ++i) {
    model::Instance instance;
    instance.id = "shop/1/" + std::to_string(i);
    instance.version = "1";
    instance.state = InstanceState::kReady;
    if (admin) instance.admin_address = "127.0.0.1:" + std::to_string(18200 + i);
    out.push_back(instance);
  }
  return out;
}

const std::vector<act::WantedVersion> kWanted{{"1", "stable", 2}};

TEST(PlanDrill, EachKindBreaksItsOwnThing) {
  struct Case {
    std::string kind, target, order;
  };
  const Case cases[] = {
      {"process_crash", "shop/1/0", R"({"kind":"crash","ttl_s":60})"},
      {"hang", "shop/1/0", R"({"kind":"hang","ttl_s":60})"},
      {"error_burst", "shop/1/0", R"({"kind":"errors","share":0.5,"ttl_s":60})"},
      {"latency", "shop/1/0, shop/1/1", R"({"kind":"latency","latency_ms":800,"ttl_s":20})"},
      {"memory_leak", "shop/1/0", R"({"kind":"leak","rate_mib":60,"ttl_s":60})"},
      {"failed_release", "2", R"({"kind":"errors","share":0.5,"ttl_s":60})"},
  };
  EXPECT_EQ(drill_kinds().size(), std::size(cases));
  for (const auto& c : cases) {
    const auto plan = plan_drill(c.kind, shop(), running(2), kWanted, {});
    ASSERT_TRUE(plan.has_value()) << c.kind;
    EXPECT_EQ(plan->target, c.target);
    EXPECT_EQ(plan->order, c.order);
    EXPECT_EQ(plan->undo.version, "1");
    EXPECT_EQ(plan->undo.replicas, 2);
    EXPECT_EQ(plan->undo.stop_canary, c.kind == "failed_release");
  }
}

TEST(PlanDrill, TheCanaryIsSmallAndItsPortIsCleared) {
  const auto plan = plan_drill("failed_release", shop(), running(1), kWanted, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->canary, "2");
  EXPECT_EQ(plan->canary_percent, 20);
  EXPECT_THAT(plan->addresses, ElementsAre());
  EXPECT_THAT(plan->undo.admin, ElementsAre("127.0.0.1:18200", "127.0.0.1:18250"));
}

TEST(PlanDrill, SaysWhyItCannotBe) {
  auto one_version = shop();
  one_version.platform.versions.pop_back();
  auto not_ready = running(1);
  not_ready[0].state = InstanceState::kStarting;
  struct Case {
    std::string kind;
    model::Service service;
    std::vector<model::Instance> instances;
    std::vector<act::WantedVersion> wanted;
    Code code;
    std::string want;
  };
  const Case cases[] = {
      {"flood", shop(), running(1), kWanted, Code::kNotFound,
       "no drill 'flood': one of process_crash, hang, error_burst, latency, memory_leak, "
       "failed_release"},
      {"hang", shop(), running(1), {}, Code::kConflict, "service shop does not run"},
      {"hang", shop(), not_ready, kWanted, Code::kConflict, "no instance of shop is ready"},
      {"hang", shop(), running(1, false), kWanted, Code::kConflict,
       "the instances of shop have no admin port to be broken through"},
      {"hang",
       shop(),
       running(1),
       {{"1", "stable", 1}, {"2", "canary", 1}},
       Code::kConflict,
       "a release of shop is under way"},
      {"failed_release", one_version, running(1), kWanted, Code::kConflict,
       "service shop has no other version with an admin port to release"},
  };
  for (const auto& c : cases) {
    const auto plan = plan_drill(c.kind, c.service, c.instances, c.wanted, {});
    ASSERT_FALSE(plan.has_value()) << c.want;
    EXPECT_EQ(plan.error().code(), c.code);
    EXPECT_EQ(plan.error().message(), c.want);
  }
}

TEST(FindDrillable, TakesOnlyWhatHoldfastRunsAndGuards) {
  std::vector<model::Service> services(3, shop());
  services[0].name = "balancer";
  services[0].supervised_only = true;
  services[1].name = "watched";
  services[1].platform.kind = "none";
  EXPECT_EQ((*find_drillable(services, ""))->name, "shop");
  EXPECT_EQ((*find_drillable(services, "shop"))->name, "shop");
  EXPECT_EQ(find_drillable(services, "balancer").error().message(),
            "no service 'balancer' that can be drilled: one of shop");
  services.pop_back();
  EXPECT_EQ(find_drillable(services, "").error().code(), Code::kNotFound);
}

TEST(DrillRecord, TravelsAsJson) {
  DrillRecord record;
  record.drill.id = "hang-1";
  record.drill.state = "waiting";
  record.undo = {{"127.0.0.1:1", "127.0.0.1:2"}, true, "5.0", 3};
  const auto back = parse_record(dump_record(record));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(dump_record(*back), dump_record(record));
  EXPECT_EQ(back->undo.replicas, 3);
  EXPECT_TRUE(back->undo.stop_canary);
  // A drill's document without its undo could not be undone: it is damage, not a default.
  EXPECT_EQ(parse_record(dump_json(record.drill)).error().message(),
            "member undo: must be an object");
}

TEST(JudgeDrill, PassesOnlyWhatWasSeenToTheEnd) {
  model::Drill drill;
  drill.started_at = from_ms(1'000'000);
  const auto at = [](int ms) { return from_ms(1'000'000 + ms); };
  drill.injected_at = at(100);
  judge_drill(drill, "", 90s);
  EXPECT_EQ(drill.state, "failed");
  EXPECT_EQ(drill.verdict,
            "Not detected, not taken charge of, not repaired, not closed, not put back.");
  drill.detected_at = at(600);
  drill.acknowledged_at = at(600);
  drill.repaired_at = at(2100);
  drill.closed_at = at(4100);
  drill.restored_at = at(4600);
  drill.requests = 230;
  drill.requests_lost = 1;
  judge_drill(drill, "", 90s);
  EXPECT_EQ(drill.state, "passed");
  EXPECT_EQ(drill.verdict,
            "Detected after 500ms, taken charge of after 500ms, repaired after 2s, closed after "
            "4s, put back after "
            "4s500ms; 1 of 230 requests lost.");
  judge_drill(drill, "", 4s);
  EXPECT_EQ(drill.state, "failed");
  EXPECT_THAT(drill.verdict, testing::HasSubstr("later than the 4s allowed"));
  judge_drill(drill, "it hurt", 90s);
  EXPECT_EQ(drill.state, "failed");
}

}  // namespace
}  // namespace holdfast::learn
