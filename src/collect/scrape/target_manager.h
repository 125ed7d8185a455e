// collect/scrape/target_manager.h: keeps each job's targets what its discoveries find.
//
// Purpose     One pool for each scrape config: its discoveries' groups are merged, relabelled and handed to the
//             Scraper. A reload leaves jobs alone whose text has not changed.
//
//               discoveries ──groups──▶ pool: source ▶ group ──make_target──▶ Scraper::set_pool
//                                              └─▶ dropped targets, for people
//
// Limits      keep_dropped_targets bounds what is kept of dropped ones, not their count.
// Errors      A target that cannot be scraped (no address, ...) is left out; PoolStatus tells the first reason.
// Threads     All methods from any thread. Groups may come from any; merging runs on Lane::kPool. Destroy it
//             before the Scraper.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collect/scrape/scraper.h"

namespace holdfast::collect {

struct DroppedTarget {
  std::string scrape_pool;
  model::Labels discovered_labels;
};

struct PoolStatus {
  std::string name;
  std::size_t target_count = 0;
  std::size_t dropped_count = 0;
  std::string problem;  // of a discovery, or of a target that was left out
};

class TargetManager {
 public:
  TargetManager(Env& env, Scraper& scraper);
  ~TargetManager();
  TargetManager(const TargetManager&) = delete;
  TargetManager& operator=(const TargetManager&) = delete;

  // The whole list; jobs that are gone end their series.
  void set_jobs(std::vector<ScrapeConfig> jobs);

  std::vector<PoolStatus> pools() const;       // ordered by name
  std::vector<DroppedTarget> dropped() const;  // ordered by pool
  // What a pool's relabel_configs make of labels, rule by rule. kNotFound: no such pool.
  Result<std::vector<model::RelabelStep>> relabel_steps(const std::string& pool,
                                                        const model::Labels& discovered) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::collect
