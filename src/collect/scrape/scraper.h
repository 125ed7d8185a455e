// collect/scrape/scraper.h: asks targets for their metrics, each at its interval, and stores the answers.
//
// Purpose     Every target has a loop: GET, parse, append as one batch under the time the scrape began,
//             with `up` and the scrape_* series. All or nothing: a body with one bad line is a failed scrape.
// Pools       A pool is the targets of one job of prometheus.yml, with its settings; set_targets() keeps one
//             more, of holdfast.yaml and of services, whose settings stand in the targets.
// Staleness   A series the target no longer exposes, all series of a target that fails, and all of one that
//             is taken off the list end with a staleness marker. Stopping Holdfast writes none: after a
//             restart the series go on; nor does a changed job, whose targets go on.
// Labels      Target labels, then `job` and `instance` when they are absent, go onto each series. A label
//             the target itself exposes under such a name becomes exported_<name>; with honor_labels the
//             target's own wins.
// Limits      ScrapeLimits and those of the job; over one, the scrape fails and lastError names it. One
//             request at a time per target, and its timeout is never longer than its interval.
// Threads     All methods from any thread. Parsing and appending on Lane::kPool. Destruction waits for a
//             batch being written. Env and store must outlive the scraper.
// Source      Behaviour: Prometheus 2.x/3.x scrape loop and its HTTP API /api/v1/targets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/scrape/scrape_config.h"
#include "collect/scrape/scrape_ingest.h"
#include "collect/scrape/scrape_target.h"
#include "metrics/store.h"
#include "model/service.h"

namespace holdfast::collect {

struct TargetStatus {
  model::Target target;
  model::Labels labels;             // as on `up`, without the name
  model::Labels discovered_labels;  // __address__, __metrics_path__, __scheme__, __meta_*, ...
  std::string scrape_pool;          // the job's name in its file
  std::string scrape_url;
  std::string health = "unknown";  // up, down, unknown (not asked yet)
  std::string last_error;
  std::string last_rejection;  // why the store turned samples of the last scrape away
  WallTime last_scrape{};
  Duration last_scrape_duration{};
  std::size_t samples_scraped = 0;  // last time
  std::uint64_t scrapes = 0;
  std::uint64_t scrapes_skipped = 0;  // the answer before had not been stored yet
};

struct TargetMetadata {
  model::Labels labels;  // of the target
  FamilyMetadataPtr families;
};

class Scraper {
 public:
  Scraper(Env& env, metrics::Store& store, ScrapeLimits limits = {});
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // The whole list of targets outside of pools. Targets equal in all members go on undisturbed.
  void set_targets(std::vector<model::Target> targets);
  // The whole list of one pool. More targets than target_limit: every scrape of the pool fails.
  void set_pool(const std::string& pool, ScrapeConfigPtr config, std::vector<ScrapeTarget> targets);
  void remove_pool(const std::string& pool);

  std::vector<TargetStatus> status() const;      // ordered by job, then URL
  std::vector<TargetMetadata> metadata() const;  // of targets that have answered
  // For discoveries: their requests share the scraper's connections.
  net::Client& client();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What goes onto every series of a target.
model::Labels target_labels(const model::Target& target);

}  // namespace holdfast::collect
