// collect/scrape/scrape_ingest.h: from the bytes a target answers with to one batch in the store.
//
// Purpose     Parses an exposition, puts the target's labels on, relabels, holds the limits, and appends all of
//             it or nothing; then staleness markers and the report series. It owns the cache that makes a
//             steady target cheap.
// Limits      Those of ScrapeConfig: over one, the whole scrape fails with Prometheus' words.
// Threads     One call at a time for each object; ScratchPool from any thread.
// Source      Prometheus' scrape loop.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collect/scrape/scrape_cache.h"
#include "collect/scrape/scrape_config.h"
#include "metrics/store.h"

namespace holdfast::collect {

// Held for every target, whatever its job says: beyond them lies a broken target, not a large one.
struct ScrapeLimits {
  std::size_t body_size_max = 64 * 1024 * 1024;  // bytes, decoded
  std::size_t sample_count_max = 1'000'000;      // per scrape
  std::size_t label_count_max = 128;             // per series, the name not counted
};

// What a target says of its families; equal for most targets of a job, so it is shared.
using FamilyMetadata = std::map<std::string, metrics::Metadata>;
using FamilyMetadataPtr = std::shared_ptr<const FamilyMetadata>;

// The working memory of one ingestion. Thousands of targets share a few.
struct ScrapeScratch {
  std::vector<metrics::SampleIn> samples;
  std::vector<std::uint32_t> entries;  // of the cache, one per sample; reports follow behind
  std::deque<model::Labels> labels;    // of samples whose reference is not known; addresses stay
  struct Exemplars {
    model::Labels series;
    std::vector<metrics::Exemplar> exemplars;
  };
  std::vector<Exemplars> exemplars;
  bool want_refs = false;
  void clear();
};

class ScratchPool {
 public:
  std::unique_ptr<ScrapeScratch> take();
  void give(std::unique_ptr<ScrapeScratch> scratch);
  // The one metadata of equal contents.
  FamilyMetadataPtr share(std::size_t hash, FamilyMetadata metadata);

 private:
  std::mutex mutex_;  // guards both
  std::vector<std::unique_ptr<ScrapeScratch>> idle_;
  std::unordered_map<std::size_t, std::weak_ptr<const FamilyMetadata>> metadata_;
};

struct ScrapeCounts {
  std::size_t scraped = 0;
  std::size_t stored = 0;  // after relabelling
  std::size_t added = 0;   // series not seen at the scrape before
  std::size_t body_size = 0;
};

struct ScrapeBody {
  std::string_view bytes;
  std::string_view content_type;
};

class ScrapeIngest {
 public:
  // `labels` go onto every series. The three outlive it.
  ScrapeIngest(metrics::Store& store, ScratchPool& pool, const ScrapeConfig& config,
               const model::Labels& labels, ScrapeLimits limits)
      : store_(store), pool_(pool), config_(config), labels_(labels), limits_(limits) {}

  struct Outcome {
    ScrapeCounts counts;
    std::string error;      // why the scrape failed; empty: up
    std::string rejection;  // what the store turned away of it
  };
  // `body` is what came, or why nothing did.
  Outcome take(const Result<ScrapeBody>& body, model::Timestamp t, Duration took);
  // The target is gone: ends all it wrote.
  Result<void> end(model::Timestamp t);
  FamilyMetadataPtr metadata() const { return metadata_; }

  static constexpr std::size_t kReportCount = 8;

 private:
  template <typename Parser>
  Result<void> parse(Parser& parser, Parser fresh, model::Timestamp t, ScrapeScratch& scratch,
                     ScrapeCounts& counts);
  template <typename Parser>
  Result<void> take_sample(const Parser& parser, model::Timestamp t, ScrapeScratch& scratch,
                           ScrapeCounts& counts);
  template <typename Parser>
  Result<bool> make_labels(const Parser& parser, ScrapeScratch& scratch);
  template <typename Parser>
  Result<void> keep_exemplars(const Parser& parser, model::Timestamp t, ScrapeScratch& scratch);
  template <typename Parser>
  Result<void> store_metadata(Parser& parser, std::size_t hash);
  Result<void> read(const ScrapeBody& body, model::Timestamp t, ScrapeScratch& scratch,
                    ScrapeCounts& counts);
  Result<void> check_limits(const model::Labels& labels) const;
  Result<model::HistogramPtr> limited(const model::HistogramPtr& histogram) const;
  void add_reports(const Outcome& outcome, model::Timestamp t, Duration took,
                   ScrapeScratch& scratch);
  Result<void> append(ScrapeScratch& scratch, std::string& rejection);

  metrics::Store& store_;
  ScratchPool& pool_;
  const ScrapeConfig& config_;
  const model::Labels& labels_;
  const ScrapeLimits limits_;
  ScrapeCache cache_;
  metrics::SeriesRef reports_[kReportCount] = {};
  bool reported_ = false;
  std::size_t metadata_hash_ = 0;
  FamilyMetadataPtr metadata_;
  // The last exemplar of a series, both by hash, so that one that stands for hours is stored once.
  std::unordered_map<std::size_t, std::size_t> exemplars_seen_;
};

}  // namespace holdfast::collect
