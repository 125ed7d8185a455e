// collect/scrape/scraper.h: asks targets for their metrics, each at its interval, and stores the answers.
//
// Purpose     Every target has a loop: GET, parse, append as one batch under the time the scrape began,
//             with `up` and the scrape_* series. All or nothing: a body with one bad line is a failed scrape.
// Staleness   A series the target no longer exposes, all series of a target that fails, and all of one that
//             is taken off the list end with a staleness marker. Stopping Holdfast writes none: after a
//             restart the series go on.
// Labels      Target labels, then `job` and `instance` when they are absent, go onto each series. A label
//             the target itself exposes under such a name becomes exported_<name>; with honor_labels the
//             target's own wins.
// Limits      ScrapeLimits; over one, the scrape fails and lastError names it. One request at a time per
//             target, and its timeout is never longer than its interval.
// Threads     set_targets() and status() from any thread. Parsing and appending on Lane::kPool. Destruction
//             waits for a batch being written. Env and store must outlive the scraper.
// Source      Behaviour: Prometheus 2.x/3.x scrape loop and its HTTP API /api/v1/targets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "metrics/store.h"
#include "model/service.h"

namespace holdfast::collect {

struct ScrapeLimits {
  std::size_t body_size_max = 64 * 1024 * 1024;  // bytes, decoded
  std::size_t sample_count_max = 1'000'000;      // per scrape
  std::size_t label_count_max = 128;             // per series, the target's own included
};

struct TargetStatus {
  model::Target target;
  model::Labels labels;             // as on `up`, without the name
  model::Labels discovered_labels;  // __address__, __metrics_path__, __scheme__, ...
  std::string scrape_url;
  std::string health = "unknown";   // up, down, unknown (not asked yet)
  std::string last_error;
  std::string last_rejection;       // why the store turned samples of the last scrape away
  WallTime last_scrape{};
  Duration last_scrape_duration{};
  std::size_t samples_scraped = 0;  // last time
  std::uint64_t scrapes = 0;
  std::uint64_t scrapes_skipped = 0;  // the answer before had not been stored yet
};

class Scraper {
 public:
  Scraper(Env& env, metrics::Store& store, ScrapeLimits limits = {});
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // The whole list. Targets equal in all members go on undisturbed.
  void set_targets(std::vector<model::Target> targets);
  std::vector<TargetStatus> status() const;  // ordered by job, then URL

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What goes onto every series of a target.
model::Labels target_labels(const model::Target& target);

}  // namespace holdfast::collect
