// Which addresses are scraped.
#include <gtest/gtest.h>

#include "app/targets.h"

namespace holdfast::app {
namespace {

using model::InstanceState;

// Operations that only answer.
class StillOperations final : public act::Operations {
 public:
  std::vector<model::Instance> instances(const std::string& service) const override {
    return service == "shop" ? all : std::vector<model::Instance>{};
  }
  std::vector<act::WantedVersion> wanted(const std::string&) const override {
    return {{"1", "stable", 1}, {"2", "canary", 1}};
  }
  act::TrafficView traffic(const std::string&) const override { return {}; }
  void restart(const std::string&, const std::string&, const std::string&, act::Done) override {}
  void scale(const std::string&, const std::string&, const std::string&, int, act::Done) override {}
  void start_canary(const std::string&, const std::string&, const std::string&, int, double,
                    act::Done) override {}
  void stop_canary(const std::string&, const std::string&, act::Done) override {}
  void set_canary_percent(const std::string&, const std::string&, double, act::Done) override {}

  void add(const std::string& version, int index, InstanceState state, const std::string& address) {
    model::Instance instance;
    instance.id = "shop/" + version + "/" + std::to_string(index);
    instance.version = version;
    instance.address = address;
    instance.state = state;
    all.push_back(instance);
  }
  std::vector<model::Instance> all;
};

Config with_shop(std::vector<std::string> paths) {
  Config config;
  model::Service shop;
  shop.name = "shop";
  shop.metrics.paths = std::move(paths);
  shop.metrics.interval = 2s;
  config.services = {shop};
  return config;
}

TEST(ScrapeTargets, EveryInstanceThatMayAnswerGivesOneForEachPath) {
  StillOperations operations;
  operations.add("1", 0, InstanceState::kReady, "127.0.0.1:7000");
  operations.add("2", 0, InstanceState::kUnready, "127.0.0.1:7200");
  operations.add("1", 1, InstanceState::kExited, "127.0.0.1:7001");
  operations.add("1", 2, InstanceState::kFailed, "127.0.0.1:7002");
  operations.add("1", 3, InstanceState::kStarting, "");
  const auto targets = scrape_targets(with_shop({"/metrics", "/metrics/more"}), operations);
  ASSERT_EQ(targets.size(), 4U);
  EXPECT_EQ(targets[0].job, "shop");
  EXPECT_EQ(targets[0].address, "127.0.0.1:7000");
  EXPECT_EQ(targets[0].path, "/metrics");
  EXPECT_EQ(targets[0].interval, 2s);
  EXPECT_EQ(targets[0].timeout, 2s);
  EXPECT_EQ(targets[0].labels, (model::Labels{{"group", "stable"},
                                              {"instance_id", "shop/1/0"},
                                              {"service", "shop"},
                                              {"version", "1"}}));
  // Both paths write `up`: a label tells them apart.
  EXPECT_EQ(targets[1].labels.get("metrics_path"), "/metrics/more");
  EXPECT_EQ(targets[2].labels.get("group"), "canary");
  EXPECT_EQ(targets[2].labels.get("version"), "2");
}

TEST(ScrapeTargets, AServiceWithoutPathsGivesNoneAndConfiguredOnesComeFirst) {
  StillOperations operations;
  operations.add("1", 0, InstanceState::kReady, "127.0.0.1:7000");
  EXPECT_TRUE(scrape_targets(with_shop({}), operations).empty());
  auto config = with_shop({"/metrics"});
  model::Target node;
  node.job = "node";
  config.targets = {node};
  const auto targets = scrape_targets(config, operations);
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_EQ(targets[0].job, "node");
  EXPECT_EQ(targets[1].job, "shop");
}

TEST(ScrapeTargets, AVersionNobodyWantsAnyMoreIsStable) {
  StillOperations operations;
  operations.add("0", 0, InstanceState::kStopping, "127.0.0.1:6000");
  EXPECT_EQ(scrape_targets(with_shop({"/m"}), operations)[0].labels.get("group"), "stable");
}

}  // namespace
}  // namespace holdfast::app
