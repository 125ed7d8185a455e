// Objectives from holdfast.yaml to /slos: both numbers, burn rates of the rules that ran, alerts, burn-down;
// and what a broken configuration is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/api/slo_api.h"
#include "app/app_host.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;
namespace status = respond::status;

const std::string kApi = "/api/holdfast/v1";
const std::string kConfig = std::string(kHostConfig) + R"yaml(
status_page: { title: Shop, url: "https://status.example.com", components: [ { name: Checkout, service: shop }, { name: Bank, service: bank } ] }
slos:
  - name: shop-availability
    title: Users can buy
    service: shop
    objective: 99 %
    window: 1d
    total: hits_total
    bad: hits_total{code="500"}
    alerts: { failures_min: 1 }
  - { name: bank-speed, service: bank, objective: 95 %, value: bank_p95, at_most: 0.3 }
)yaml";

class SloApi : public testing::Test {
 protected:
  SloApi() : host(AppHost::Access::kOpen, kConfig) {}

  // Ten requests a second with so many failures, for a time.
  void serve(Duration lasted, double failing) {
    for (Duration done{}; done < lasted; done += 15s) {
      good_ += 150 * (1 - failing);
      bad_ += 150 * failing;
      host.append("hits_total", good_, {{"code", "200"}});
      host.append("hits_total", bad_, {{"code", "500"}});
      host.executor.run_for(15s);
    }
  }
  json slo(const std::string& name = "shop-availability") {
    host.executor.run_for(kBudgetFreshFor);
    return host.get(kApi + "/slos/" + name)["slo"];
  }

  AppHost host;

 private:
  double good_ = 0, bad_ = 0;
};

TEST_F(SloApi, TellsTheBudgetTheBurnRatesAndTheAlerts) {
  serve(20min, 0);
  auto one = slo();
  EXPECT_EQ(one["objective"], 99.0);
  EXPECT_EQ(one["window"], "1d rolling");
  EXPECT_EQ(one["gross"]["bad"], 0.0);
  EXPECT_EQ(one["gross"]["remaining"], 1.0);
  EXPECT_EQ(one["burn_rates"][0]["rate"], 0.0);
  EXPECT_EQ(one["alerts"].size(), 0U);
  EXPECT_EQ(one["pairs"][0]["burning"], false);

  serve(10min, 0.5);
  one = slo();
  // Ten minutes, half of six hundred requests a minute.
  EXPECT_NEAR(one["gross"]["bad"].get<double>(), 3000, 1);
  EXPECT_LT(one["gross"]["remaining"].get<double>(), 0);
  EXPECT_EQ(one["gross"]["met"], false);
  EXPECT_NEAR(one["burn_rates"][0]["rate"].get<double>(), 50, 1);
  EXPECT_EQ(one["pairs"][0]["burning"], true);
  ASSERT_EQ(one["alerts"].size(), 1U);
  EXPECT_EQ(one["alerts"][0]["severity"], "critical");
  EXPECT_EQ(one["alerts"][0]["state"], "firing");
  EXPECT_THAT(one["alerts"][0]["description"].get<std::string>(),
              testing::HasSubstr("Users can buy (99 %, 1d rolling)"));
  EXPECT_GE(one["burn_down"].size(), 100U);
  EXPECT_THAT(one["rules"].get<std::string>(), testing::HasSubstr("slo:sli_error:ratio_rate1h"));
}

TEST_F(SloApi, ShowsBothNumbersWhenAMaintenanceWasAnnounced) {
  serve(10min, 0);
  const auto from = host.clock.now() + std::chrono::milliseconds(0);
  status::Publication publication{
      "scheduled", "new disks", {}, {}, {{"checkout", status::ComponentStatus::kMaintenance}}};
  std::optional<Result<status::Post>> posted;
  host.plane->alert_desk->status.draft(
      "maintenance", "New disks", publication, from, from + std::chrono::minutes(10), "ann",
      [&](Result<status::Post> post) { posted = std::move(post); });
  ASSERT_TRUE(host.run_until([&] { return posted.has_value(); }));
  ASSERT_TRUE(posted->has_value()) << posted->error().message();
  serve(5min, 1);
  EXPECT_EQ(slo()["maintenance_seconds"], 0.0) << "a draft excludes nothing";
  std::optional<Result<status::Post>> published;
  host.plane->alert_desk->status.publish(
      (*posted)->id, publication, "ann",
      [&](Result<status::Post> post) { published = std::move(post); });
  ASSERT_TRUE(host.run_until([&] { return published.has_value(); }));
  ASSERT_TRUE(published->has_value()) << published->error().message();
  serve(2min, 1);
  serve(10min, 0);
  const auto one = slo();
  EXPECT_EQ(one["maintenance"][0]["title"], "New disks");
  EXPECT_NEAR(one["gross"]["bad"].get<double>(), 7 * 600, 1);
  // Told after five of seven minutes: these count.
  EXPECT_NEAR(one["net"]["bad"].get<double>(), 5 * 600, 155);
  EXPECT_GT(one["net"]["remaining"].get<double>(), one["gross"]["remaining"].get<double>());
  EXPECT_GT(one["maintenance_seconds"].get<double>(), 200);
}

TEST_F(SloApi, AChangedTargetChangesTheVerdict) {
  serve(10min, 0.5);
  EXPECT_EQ(slo()["net"]["met"], false);
  auto changed = kConfig;
  changed.replace(changed.find("objective: 99 %"), 15, "objective: 40 %");
  host.write(AppHost::kConfigPath, changed);
  host.post(kApi + "/config/reload", json::object(), 200);
  const auto one = slo();
  EXPECT_EQ(one["objective"], 40.0);
  EXPECT_EQ(one["net"]["met"], true);
}

TEST_F(SloApi, ListsAllAndThoseOfAService) {
  EXPECT_EQ(host.get(kApi + "/slos")["slos"].size(), 2U);
  const auto bank = host.get(kApi + "/slos?service=bank")["slos"];
  ASSERT_EQ(bank.size(), 1U);
  EXPECT_EQ(bank[0]["name"], "bank-speed");
  EXPECT_EQ(bank[0]["gross"]["remaining"], nullptr) << "no data";
  EXPECT_EQ(bank[0]["indicator"]["limit"], "<= 0.3");
  EXPECT_THAT(host.answer("GET", kApi + "/slos/none"), testing::HasSubstr("404"));
  EXPECT_THAT(host.answer("GET", kApi + "/slos/bank-speed?points=0"),
              testing::HasSubstr("from 1 to 500"));
}

TEST_F(SloApi, IsRuledByTheRuleManagerLikeAnyRule) {
  bool found = false;
  for (const auto& group : host.plane->rules->status())
    found = found || group.name == "slo/shop-availability";
  EXPECT_TRUE(found);
}

std::vector<std::string> findings_of(SimFileSystem& files, const std::string& yaml) {
  std::vector<std::string> texts;
  const auto none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  for (const auto& finding : parse_config(files, "/etc/h.yaml", yaml, none).findings)
    texts.push_back(finding.text());
  return texts;
}

TEST(SloConfig, SaysWhatIsWrong) {
  SeededRandom random{1};
  SimClock clock;
  SimFileSystem files{random, &clock};
  ASSERT_TRUE(files.create_directories("/etc/slo"));
  ASSERT_TRUE(files.write_file_atomic("/etc/slo/a.yml", "apiVersion: openslo/v1\nkind: SLO\n"));
  const std::string shop = "services: [ { name: shop } ]\n";
  for (const auto& [yaml, want] : std::vector<std::pair<std::string, std::string>>{
           {"slos: [ { name: a, service: shpo, objective: 99, total: x, bad: y } ]\n",
            "no service 'shpo' here; did you mean 'shop'?"},
           {"slos: [ { name: a, objective: 99, total: x, bad: y }, { name: a, objective: 99, "
            "total: x, bad: y } ]\n",
            "slo 'a' stands twice"},
           {"slo_files: slo/*.yml\n", "/etc/slo/a.yml:1:1: 'metadata' with a 'name' is missing"},
           {"slo_files: other/*.yml\n", "'other/*.yml' is no file"},
           {"slo_maintenance: [ { from: 2026-01-01T00:00:00Z, until: 2025-01-01T00:00:00Z, title: "
            "t } ]\n",
            "'until' must be later than 'from'"},
           {"slo_maintenance: [ { from: now, until: 2025-01-01T00:00:00Z, title: t, services: bank "
            "} ]\n",
            "no service 'bank' here"},
       }) {
    EXPECT_THAT(findings_of(files, shop + yaml), testing::Contains(testing::HasSubstr(want)))
        << yaml;
  }
  EXPECT_THAT(
      findings_of(
          files,
          shop + "slos: [ { name: a, service: shop, objective: 99.9 %, total: x, bad: y } ]\n"),
      testing::IsEmpty());
}

TEST(SloConfig, CheckKnowsOpenSloFiles) {
  SeededRandom random{1};
  SimClock clock;
  SimFileSystem files{random, &clock};
  const auto none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const std::string two =
      "apiVersion: openslo/v1\nkind: Service\nmetadata: { name: a }\nspec: {}\n---\n"
      "apiVersion: openslo/v1\nkind: Servise\nmetadata: { name: b }\nspec: {}\n";
  EXPECT_EQ(recognise(two), FileKind::kOpenSlo);
  EXPECT_EQ(recognise("slos: []\n"), FileKind::kHoldfast);
  ASSERT_TRUE(files.create_directories("/d"));
  ASSERT_TRUE(files.write_file_atomic("/d/f", two));
  const auto findings = check_file(files, "/d/f", none);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].text(),
              testing::StartsWith("/d/f:7:7: 'kind' is 'Servise'; allowed: SLO, SLI"));
}

}  // namespace
}  // namespace holdfast::app
