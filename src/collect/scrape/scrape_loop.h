// collect/scrape/scrape_loop.h: one target being scraped; inside the part only.
//
// Purpose     Asks at its interval, hands the answer to ScrapeIngest, remembers how it went.
// Threads     start(), halt(), retire() by the owner; status() from any thread. One request at a time.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/env.h"
#include "collect/scrape/scrape_ingest.h"
#include "collect/scrape/scrape_target.h"
#include "collect/scrape/scraper.h"
#include "collect/ticker.h"

namespace holdfast::collect {

// What the loops of one job share.
struct ScrapeJob {
  std::string pool;
  ScrapeConfigPtr config;
  std::shared_ptr<HttpClient> client;
  std::string accept;
  std::string limit_error;  // target_limit is exceeded: every scrape fails with this
};
using ScrapeJobPtr = std::shared_ptr<const ScrapeJob>;

struct LoopSurroundings {
  Env& env;
  metrics::Store& store;
  ScratchPool& pool;
  const ScrapeLimits& limits;
};

class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  ScrapeLoop(const LoopSurroundings& around, ScrapeJobPtr job, ScrapeTarget target);

  const ScrapeTarget& target() const { return target_; }
  const ScrapeJobPtr& job() const { return job_; }
  TargetStatus status() const;
  FamilyMetadataPtr metadata() const;
  // The same target, found under other labels.
  void set_discovered(model::Labels discovered);

  void start();
  // Nothing of it runs, and nothing more is stored, when this returns.
  void halt();
  // Taken off the list: ends its series, on the pool.
  void retire();

 private:
  void tick(WallTime at);
  void ingest(WallTime at, Duration took, const Result<net::ClientResponse>& answer);
  Result<ScrapeBody> body_of(const Result<net::ClientResponse>& answer) const;
  void note(WallTime at, Duration took, ScrapeIngest::Outcome outcome);
  void end_series(model::Timestamp now);
  std::size_t body_size_max() const;

  Env& env_;
  const ScrapeLimits& limits_;
  const ScrapeJobPtr job_;
  const ScrapeTarget target_;
  std::stop_source stop_;
  std::atomic<bool> busy_ = false;  // from the request to its stored answer; orders nothing else

  std::mutex mutex_;  // guards the two below; held while a batch is written
  bool stopped_ = false;
  ScrapeIngest ingest_;

  struct Status {
    model::Labels discovered;
    FamilyMetadataPtr metadata;
    const char* health = "unknown";
    std::string last_error;
    std::string last_rejection;
    WallTime last_scrape{};
    Duration last_duration{};
    std::size_t samples_scraped = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t scrapes_skipped = 0;
  };
  mutable std::mutex status_mutex_;  // taken alone or within mutex_
  Status status_;

  std::unique_ptr<Ticker> ticker_;
};

}  // namespace holdfast::collect
