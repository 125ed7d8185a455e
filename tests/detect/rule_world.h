// One simulated machine with journal, metrics store and rules, for stories told in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/sim.h"
#include "detect/rules/manager.h"

namespace holdfast::detect {

struct RuleWorld {
  explicit RuleWorld(std::uint64_t seed = 1) : random(seed) { open(); }
  ~RuleWorld() { close(); }

  void open() {
    auto opened = state::open_journal(env, {"/data/journal"});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    journal = std::move(*opened);
    metrics::StoreOptions options;
    options.directory = "/data/metrics";
    auto stored = metrics::Store::open(env, options);
    ASSERT_TRUE(stored.has_value()) << stored.error().message();
    store = std::move(*stored);
    subscription = journal->subscribe(std::string(model::kAlertChanged), [this](const state::Entry& entry) {
      auto alert = parse_json<model::Alert>(entry.body);
      ASSERT_TRUE(alert.has_value()) << alert.error().message();
      EXPECT_EQ(entry.key, alert->fingerprint());
      told.push_back(*alert);
    });
  }

  void close() {
    manager.reset();
    executor.clear();
    subscription.reset();
    journal.reset();
    store.reset();
  }

  // Power is lost and comes back; the machine was off for `off`.
  void crash(Duration off = {}) {
    executor.clear();
    manager.reset();
    files.crash();
    close();
    executor.run_for(off);
    open();
  }

  static std::vector<RuleGroup> read(const std::string& yaml) {
    auto file = parse_rule_file("rules.yml", yaml);
    EXPECT_TRUE(file.findings.empty()) << (file.findings.empty() ? "" : file.findings[0].text());
    return std::move(file.groups);
  }
  void start(const std::string& yaml, ManagerOptions options = {}) {
    manager = std::make_unique<RuleManager>(env, *store, *journal, std::move(options));
    auto started = manager->start(read(yaml));
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }

  void put(const model::Labels& labels, double value) {
    const metrics::SampleIn in{metrics::SeriesRef::kNone, &labels, {to_ms(clock.now()), value, nullptr}};
    auto done = store->append({&in, 1});
    ASSERT_TRUE(done.has_value()) << done.error().message();
  }
  // Each second for so long, the value is put anew.
  void keep(const model::Labels& labels, double value, Duration span) {
    for (Duration done{}; done < span; done += 1s) {
      put(labels, value);
      executor.run_for(1s);
    }
  }

  // "Errors:firing Errors:resolved", in the order told.
  std::string story() const {
    std::string text;
    for (const auto& alert : told) {
      text += (text.empty() ? "" : " ") + std::string(alert.name()) + ":" + std::string(model::alert_state_name(alert.state));
    }
    return text;
  }
  // The value of an instant query that gives one series or none.
  std::optional<double> value(const std::string& query) {
    auto result = query::promql::Engine(*store, clock).instant(query, to_ms(clock.now()));
    EXPECT_TRUE(result.has_value()) << query << ": " << (result ? "" : result.error().message());
    if (!result) return std::nullopt;
    const auto* vector = std::get_if<query::promql::Vector>(&result->value);
    if (vector == nullptr || vector->series.empty()) return std::nullopt;
    EXPECT_EQ(vector->series.size(), 1U) << query;
    return vector->series[0].points[0].value;
  }
  std::vector<state::Document> documents() {
    auto found = journal->documents("alert");
    EXPECT_TRUE(found.has_value());
    return found ? *found : std::vector<state::Document>();
  }

  SeededRandom random;
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  std::unique_ptr<state::Journal> journal;
  std::unique_ptr<metrics::Store> store;
  std::unique_ptr<state::Subscription> subscription;
  std::vector<model::Alert> told;
  std::unique_ptr<RuleManager> manager;
};

}  // namespace holdfast::detect
