// tests/collect/job_fixture.h: scrape configs as YAML, run against simulated targets.
#pragma once

#include <gtest/gtest.h>

#include "collect/scrape/target_manager.h"
#include "memory_store.h"
#include "sim_target.h"

namespace holdfast::collect {

struct ReadJobs {
  std::vector<ScrapeConfig> jobs;
  std::string findings;  // one a line
};

// The list under scrape_configs.
inline ReadJobs read_jobs(const std::string& yaml, const std::string& global = "{}") {
  std::vector<Finding> findings;
  ReadJobs out;
  const auto root = parse_yaml("p.yml", yaml, findings);
  const auto defaults_root = parse_yaml("g.yml", global, findings);
  const YamlContext context{"p.yml", &findings, {}};
  if (root && defaults_root) {
    YamlMap map(context, *defaults_root, "global");
    const auto defaults = read_scrape_defaults(map);
    std::vector<const YamlNode*> list;
    for (const auto& item : root->items) list.push_back(&item);
    std::vector<std::string> names;
    out.jobs = read_scrape_configs(context, list, defaults, "/etc/p", names);
  }
  for (const auto& finding : findings) out.findings += finding.text() + "\n";
  return out;
}

class JobTest : public ::testing::Test {
 protected:
  SimWorld world;
  SimTarget target{world};
  MemoryStore store;
  std::unique_ptr<Scraper> scraper = std::make_unique<Scraper>(world.env, store);
  std::unique_ptr<TargetManager> manager = std::make_unique<TargetManager>(world.env, *scraper);
  ~JobTest() override { manager.reset(); }

  void run(const std::string& yaml, Duration span = 15s) {
    auto read = read_jobs(yaml, "{scrape_interval: 10s}");
    ASSERT_EQ(read.findings, "");
    manager->set_jobs(std::move(read.jobs));
    world.executor.run_for(span);
  }
  double last(const std::string& series) const {
    const auto points = store.points(series);
    return points.empty() ? -1 : points.back().value;
  }
  std::string error() const {
    const auto all = scraper->status();
    return all.empty() ? "no target" : all[0].last_error;
  }
};

}  // namespace holdfast::collect
