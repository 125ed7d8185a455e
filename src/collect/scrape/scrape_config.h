// collect/scrape/scrape_config.h: how a job is scraped, and the reader of prometheus.yml's scrape_configs.
//
// Purpose     ScrapeConfig is one item of scrape_configs, defaults of `global` filled in.
// Errors      Everything wrong becomes a finding with its place; unknown members name the allowed ones.
// Units       Sizes in bytes. A limit of 0 is none.
// Threads     Values.
// Source      Prometheus, configuration, scrape_config and global.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collect/discovery/discovery_config.h"
#include "collect/http_settings.h"
#include "model/relabel.h"

namespace holdfast::collect {

enum class ScrapeProtocol { kProto, kText004, kText100, kOpenMetrics001, kOpenMetrics100 };
std::string_view protocol_name(ScrapeProtocol protocol);  // "PrometheusProto", ...

// What `global` sets for jobs that say nothing.
struct ScrapeDefaults {
  Duration interval = 1min;
  Duration timeout = 10s;
  std::vector<ScrapeProtocol> protocols = {ScrapeProtocol::kOpenMetrics100,
                                           ScrapeProtocol::kOpenMetrics001,
                                           ScrapeProtocol::kText100, ScrapeProtocol::kText004};
  bool protocols_set = false;  // by the file: then native histograms do not put protobuf first
  std::uint64_t body_size_limit = 0;
  std::uint64_t sample_limit = 0;
  std::uint64_t target_limit = 0;
  std::uint64_t label_limit = 0;
  std::uint64_t label_name_length_limit = 0;
  std::uint64_t label_value_length_limit = 0;
  std::uint64_t keep_dropped_targets = 0;
  bool native_histograms = true;  // false: only their classic series are taken
  bool classic_histograms_too = false;
  bool classic_to_custom_buckets = false;
  bool legacy_names = false;  // only [a-zA-Z_:][a-zA-Z0-9_:]*
  std::string escaping;       // allow-utf-8, underscores, dots, values; empty: by legacy_names
  bool extra_metrics = false;
};

struct ScrapeConfig : ScrapeDefaults {
  std::string job_name;
  std::string fallback_type;  // the content type to assume; empty: the text format
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool compression = true;
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;
  std::uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  HttpSettings http;
  model::RelabelRules relabel;
  model::RelabelRules metric_relabel;
  Discoveries discoveries;
  // The job as its file has it; equal texts are equal jobs, so a reload leaves them alone.
  std::string fingerprint;
};
using ScrapeConfigPtr = std::shared_ptr<const ScrapeConfig>;

// The scraping members of `global`, marked as known; the rest of the mapping is the caller's.
ScrapeDefaults read_scrape_defaults(YamlMap& global);
// The items of scrape_configs. `folder` is the file's; `names` gathers job names over several files.
std::vector<ScrapeConfig> read_scrape_configs(const YamlContext& context,
                                              const std::vector<const YamlNode*>& list,
                                              const ScrapeDefaults& defaults,
                                              const std::string& folder,
                                              std::vector<std::string>& names);

// "512MB", "1GiB", "100": powers of 1024, as Prometheus reads sizes.
Result<std::uint64_t> parse_size(std::string_view text);
// The Accept field for the protocols a job prefers.
std::string accept_header(const ScrapeConfig& config);

}  // namespace holdfast::collect
