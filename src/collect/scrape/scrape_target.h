// collect/scrape/scrape_target.h: from what a discovery found to what is asked, and as what it is stored.
//
// Purpose     make_target() applies a job's defaults and its relabel_configs to discovered labels.
// Result      A target; or dropped, by the rules; or an error, when what is left cannot be scraped.
// Threads     Pure.
// Source      Prometheus' PopulateLabels. As in Prometheus 3 no port is added to an address without one.
#pragma once

#include <optional>
#include <string>

#include "collect/scrape/scrape_config.h"
#include "model/labels.h"
#include "model/service.h"

namespace holdfast::collect {

struct ScrapeTarget {
  model::Labels discovered;  // before relabelling, job and __ defaults included
  model::Labels labels;      // of every series
  std::string url;           // with parameters
  std::string address;       // __address__ after relabelling
  std::string scheme;
  std::string path;
  Duration interval{};
  Duration timeout{};
  // What makes it another target: address and labels, not what was discovered.
  bool same_as(const ScrapeTarget& other) const;
};

struct MadeTarget {
  std::optional<ScrapeTarget> target;  // empty: dropped
  model::Labels discovered;            // of a dropped one too
};
Result<MadeTarget> make_target(const ScrapeConfig& config, const model::Labels& found);
// The labels that relabelling begins with.
model::Labels discovered_labels(const ScrapeConfig& config, const model::Labels& found);

// Targets of holdfast.yaml and of services, which come without relabelling.
ScrapeTarget make_target(const model::Target& target);

}  // namespace holdfast::collect
