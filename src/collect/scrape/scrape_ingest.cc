#include "collect/scrape/scrape_ingest.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "collect/receive/histogram_proto.h"
#include "collect/scrape/classic_histograms.h"
#include "collect/scrape/proto_parser.h"
#include "collect/scrape/text_parser.h"

namespace holdfast::collect {
namespace {

using metrics::SeriesRef;
using model::Label;
using model::Labels;
using model::Timestamp;

constexpr std::array<std::string_view, ScrapeIngest::kReportCount> kReportNames = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes"};
constexpr std::size_t kUsualReports = 5;  // the others only with extra_scrape_metrics
constexpr std::uint32_t kFirstReport = ScrapeCache::kNone - ScrapeIngest::kReportCount;
constexpr std::size_t kIdleScratchMax = 4;
constexpr std::size_t kExemplarSeriesMax = 20'000;    // remembered of one target; then anew
constexpr std::size_t kScratchSamplesKept = 100'000;  // of one that met a giant target

// The labels of a stored series, from what the target wrote and what the configuration adds.
void merge(std::vector<Label>& own, const Labels& added, bool honor) {
  const auto find = [&](std::string_view name) {
    return std::find_if(own.begin(), own.end(), [&](const Label& l) { return l.name == name; });
  };
  for (const auto& label : added) {
    const auto at = find(label.name);
    if (at == own.end()) {
      own.push_back(label);
    } else if (!honor) {
      if (!at->value.empty()) {
        std::string renamed = "exported_" + label.name;
        while (find(renamed) != own.end()) renamed.insert(0, "exported_");
        at->name = std::move(renamed);
        own.push_back(label);
      } else {
        at->value = label.value;
      }
    }
  }
}

// The finest schema whose buckets grow by at least this factor.
std::int32_t schema_for(double factor) {
  if (factor <= 1) return 8;
  const auto level = std::floor(std::log2(std::log2(factor)));
  return static_cast<std::int32_t>(std::clamp(-level, -4.0, 8.0));
}

Error over(std::string_view what, std::string_view metric, const std::string& more,
           std::size_t size, std::uint64_t limit) {
  return Error(Code::kTooLarge, std::string(what) + " exceeded (metric: " + printable(metric, 50) +
                                    ", " + more + std::to_string(size) +
                                    ", limit: " + std::to_string(limit) + ")");
}

}  // namespace

void ScrapeScratch::clear() {
  samples.clear();
  entries.clear();
  labels.clear();
  exemplars.clear();
  want_refs = false;
}

std::unique_ptr<ScrapeScratch> ScratchPool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<ScrapeScratch>();
  auto scratch = std::move(idle_.back());
  idle_.pop_back();
  return scratch;
}

void ScratchPool::give(std::unique_ptr<ScrapeScratch> scratch) {
  scratch->clear();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleScratchMax && scratch->samples.capacity() <= kScratchSamplesKept) {
    idle_.push_back(std::move(scratch));
  }
}

FamilyMetadataPtr ScratchPool::share(std::size_t hash, FamilyMetadata metadata) {
  const std::lock_guard lock(mutex_);
  auto& slot = metadata_[hash];
  if (auto known = slot.lock(); known && *known == metadata) return known;
  auto shared = std::make_shared<const FamilyMetadata>(std::move(metadata));
  slot = shared;
  if (metadata_.size() > 1000) {
    std::erase_if(metadata_, [](const auto& entry) { return entry.second.expired(); });
  }
  return shared;
}

ScrapeIngest::Outcome ScrapeIngest::take(const Result<ScrapeBody>& body, Timestamp t,
                                         Duration took) {
  auto scratch = pool_.take();
  scratch->clear();
  Outcome outcome;
  Result<void> read_well = body ? read(*body, t, *scratch, outcome.counts) : body.error();
  if (body) outcome.counts.body_size = body->bytes.size();
  if (!read_well) {
    outcome.error = read_well.error().message();
    scratch->clear();
  }
  for (const auto at : read_well ? cache_.vanished() : cache_.live()) {
    scratch->samples.push_back({cache_[at].ref, nullptr, {t, model::stale_marker(), nullptr}});
    scratch->entries.push_back(at);
  }
  add_reports(outcome, t, took, *scratch);
  const auto stored = append(*scratch, outcome.rejection);
  if (stored && read_well) {
    cache_.finish_round();
  } else if (stored) {
    cache_.abandon_round();
    // Series of a target that stays away leave the store's memory, and their references with them.
    cache_.forget_refs();
  } else if (outcome.error.empty()) {
    outcome.error = stored.error().message();
  }
  pool_.give(std::move(scratch));
  return outcome;
}

Result<void> ScrapeIngest::read(const ScrapeBody& body, Timestamp t, ScrapeScratch& scratch,
                                ScrapeCounts& counts) {
  cache_.begin_round();
  auto type = body.content_type;
  if (!config_.fallback_type.empty() && type.find('/') == std::string_view::npos) {
    type = config_.fallback_type;
  }
  const auto kind = trim(type.substr(0, type.find(';')));
  if (equals_ignoring_case(kind, "application/vnd.google.protobuf")) {
    const ProtoParser::Options options{config_.native_histograms, config_.classic_histograms_too};
    ProtoParser parser(body.bytes, options);
    return parse(parser, ProtoParser(body.bytes, options), t, scratch, counts);
  }
  TextParser parser(body.bytes, dialect_of(type));
  return parse(parser, TextParser(body.bytes, dialect_of(type)), t, scratch, counts);
}

template <typename Parser>
Result<void> ScrapeIngest::parse(Parser& parser, Parser fresh, Timestamp t, ScrapeScratch& scratch,
                                 ScrapeCounts& counts) {
  std::size_t metadata_hash = 0;
  std::string histogram;  // the family at hand, when it is a classic histogram to convert
  ClassicHistograms classic;
  for (;;) {
    const auto entry = HF_TRY(parser.next(cache_.guess()));
    if (entry == Parser::Entry::kEnd) break;
    if (entry == Parser::Entry::kSample) {
      if (!histogram.empty()) {
        std::vector<Label> own;
        HF_TRY(parser.labels(own));
        const bool taken = classic.take(histogram, own, parser.value(), parser.timestamp());
        if (taken && !config_.classic_histograms_too) continue;
      }
      HF_TRY(take_sample(parser, t, scratch, counts));
      continue;
    }
    metadata_hash = metadata_hash * 31 + std::hash<std::string_view>()(parser.raw_line());
    if (entry == Parser::Entry::kType && config_.classic_to_custom_buckets) {
      histogram = parser.text() == "histogram" ? parser.family() : std::string();
    }
  }
  for (const auto& made : classic.finish()) HF_TRY(take_sample(made, t, scratch, counts));
  if (config_.sample_limit != 0 && counts.stored > config_.sample_limit) {
    return Error(Code::kTooLarge, "sample limit exceeded: the target exposes " +
                                      std::to_string(counts.stored) + " samples, the limit is " +
                                      std::to_string(config_.sample_limit));
  }
  if (metadata_hash != metadata_hash_ || !metadata_) {
    HF_TRY(store_metadata(fresh, metadata_hash));
    metadata_hash_ = metadata_hash;
  }
  return {};
}

template <typename Parser>
Result<void> ScrapeIngest::take_sample(const Parser& parser, Timestamp t, ScrapeScratch& scratch,
                                       ScrapeCounts& counts) {
  if (++counts.scraped > limits_.sample_count_max) {
    return Error(Code::kTooLarge, "the target exposes more than the limit of " +
                                      std::to_string(limits_.sample_count_max) + " samples");
  }
  auto at = cache_.find(parser.series());
  const bool is_new = at == ScrapeCache::kNone;
  if (is_new) at = cache_.add(parser.series());
  cache_.see(at);
  auto& entry = cache_[at];
  if (!is_new && entry.dropped) return {};
  metrics::SampleIn in{entry.ref, nullptr, {t, parser.value(), nullptr}};
  if (entry.ref == SeriesRef::kNone) {
    if (!HF_TRY(make_labels(parser, scratch))) {
      entry.dropped = true;
      return {};
    }
    in.labels = &scratch.labels.back();
    scratch.want_refs = true;
    if (is_new) ++counts.added;
  }
  const auto own_time = config_.honor_timestamps ? parser.timestamp() : std::nullopt;
  if (own_time) in.sample.t = *own_time;
  entry.tracked = !own_time || config_.track_timestamps_staleness;
  if constexpr (requires { parser.histogram(); }) {
    if (parser.histogram()) in.sample.histogram = HF_TRY(limited(parser.histogram()));
  }
  ++counts.stored;
  scratch.samples.push_back(std::move(in));
  scratch.entries.push_back(at);
  if (parser.has_exemplar()) HF_TRY(keep_exemplars(parser, t, scratch));
  return {};
}

// Whether the series stays; then its labels are the newest of the scratch.
template <typename Parser>
Result<bool> ScrapeIngest::make_labels(const Parser& parser, ScrapeScratch& scratch) {
  std::vector<Label> own;
  HF_TRY(parser.labels(own));
  merge(own, labels_, config_.honor_labels);
  std::erase_if(own, [](const Label& label) { return label.value.empty(); });
  if (!model::relabel(config_.metric_relabel, own)) return false;
  Labels labels(std::move(own));
  const auto where = "line " + std::to_string(parser.line_number()) + ": ";
  if (!labels.has(model::kMetricName)) return invalid(where + "the series has no metric name");
  if (labels.size() > limits_.label_count_max + 1) {
    return Error(Code::kTooLarge, where + "the series has more than the limit of " +
                                      std::to_string(limits_.label_count_max) + " labels");
  }
  HF_TRY(check_limits(labels).context(where.substr(0, where.size() - 2)));
  scratch.labels.push_back(std::move(labels));
  return true;
}

Result<void> ScrapeIngest::check_limits(const Labels& labels) const {
  const auto metric = labels.metric_name();
  if (config_.legacy_names) {
    bool good = model::is_metric_name(metric);
    for (const auto& label : labels) good = good && model::is_label_name(label.name);
    if (!good)
      return invalid("invalid metric name or label names: " + printable(labels.text(), 200));
  }
  if (config_.label_limit != 0 && labels.size() > config_.label_limit) {
    return over("label_limit", metric, "number of labels: ", labels.size(), config_.label_limit);
  }
  if (config_.label_name_length_limit == 0 && config_.label_value_length_limit == 0) return {};
  for (const auto& label : labels) {
    const auto named = "label name: " + printable(label.name, 50) + ", ";
    if (config_.label_name_length_limit != 0 &&
        label.name.size() > config_.label_name_length_limit) {
      return over("label_name_length_limit", metric, named + "length: ", label.name.size(),
                  config_.label_name_length_limit);
    }
    if (config_.label_value_length_limit != 0 &&
        label.value.size() > config_.label_value_length_limit) {
      return over("label_value_length_limit", metric,
                  named + "value: \"" + printable(label.value, 50) + "\", length: ",
                  label.value.size(), config_.label_value_length_limit);
    }
  }
  return {};
}

Result<model::HistogramPtr> ScrapeIngest::limited(const model::HistogramPtr& histogram) const {
  const auto limit = config_.native_histogram_bucket_limit;
  const auto schema_max = config_.native_histogram_min_bucket_factor > 0
                              ? schema_for(config_.native_histogram_min_bucket_factor)
                              : std::int32_t{8};
  const auto size = [](const model::Histogram& h) {
    return h.positive_buckets.size() + h.negative_buckets.size();
  };
  const bool too_many = limit != 0 && size(*histogram) > limit;
  const bool too_fine = !histogram->uses_custom_buckets() && histogram->schema > schema_max;
  if (!too_many && !too_fine) return histogram;
  auto coarser = *histogram;
  if (too_fine) reduce_schema(coarser, schema_max);
  while (limit != 0 && size(coarser) > limit) {
    if (coarser.uses_custom_buckets() || coarser.schema <= -4) {
      return Error(Code::kTooLarge,
                   "histogram bucket limit exceeded: " + std::to_string(size(coarser)) +
                       " buckets, the limit is " + std::to_string(limit));
    }
    reduce_schema(coarser, coarser.schema - 1);
  }
  return model::HistogramPtr(std::make_shared<const model::Histogram>(std::move(coarser)));
}

template <typename Parser>
Result<void> ScrapeIngest::keep_exemplars(const Parser& parser, Timestamp t,
                                          ScrapeScratch& scratch) {
  std::vector<TextParser::Exemplar> found;
  if constexpr (requires { parser.exemplars(); }) {
    found = parser.exemplars();
  } else if constexpr (requires { parser.exemplar(); }) {
    found.push_back(HF_TRY(parser.exemplar()));
  }
  std::vector<metrics::Exemplar> exemplars;
  std::size_t hash = 0;
  for (auto& one : found) {
    exemplars.push_back({Labels(std::move(one.labels)), one.timestamp.value_or(t), one.value});
    const auto& kept = exemplars.back();
    hash = hash * 31 + kept.labels.hash() + std::hash<double>()(kept.value) * 7 +
           static_cast<std::size_t>(one.timestamp.value_or(0));
  }
  if (exemplars_seen_.size() > kExemplarSeriesMax) exemplars_seen_.clear();
  auto& seen = exemplars_seen_[std::hash<std::string_view>()(parser.series())];
  if (seen == hash || exemplars.empty()) return {};
  seen = hash;
  std::sort(exemplars.begin(), exemplars.end(),
            [](const auto& a, const auto& b) { return a.t < b.t; });
  // The references of the batch do not tell labels, and exemplars are rare: they are made anew.
  if (scratch.samples.back().labels != nullptr) {
    scratch.exemplars.push_back({scratch.labels.back(), std::move(exemplars)});
  } else if (HF_TRY(make_labels(parser, scratch))) {
    scratch.exemplars.push_back({scratch.labels.back(), std::move(exemplars)});
  }
  return {};
}

// Rarely: metadata seldom changes between scrapes.
template <typename Parser>
Result<void> ScrapeIngest::store_metadata(Parser& parser, std::size_t hash) {
  FamilyMetadata found;
  for (;;) {
    const auto entry = HF_TRY(parser.next());
    if (entry == Parser::Entry::kEnd) break;
    if (entry == Parser::Entry::kSample) continue;
    auto& metadata = found[parser.family()];
    if (entry == Parser::Entry::kHelp) metadata.help = parser.text();
    if (entry == Parser::Entry::kType) metadata.type = parser.text();
    if (entry == Parser::Entry::kUnit) metadata.unit = parser.text();
  }
  for (auto& [name, metadata] : found) {
    if (metadata.type.empty()) metadata.type = "unknown";
    store_.set_metadata(name, metadata);
  }
  metadata_ = pool_.share(hash, std::move(found));
  return {};
}

void ScrapeIngest::add_reports(const Outcome& outcome, Timestamp t, Duration took,
                               ScrapeScratch& scratch) {
  const bool up = outcome.error.empty();
  const auto& counts = outcome.counts;
  const double values[kReportCount] = {up ? 1.0 : 0.0,
                                       to_seconds(took),
                                       static_cast<double>(counts.scraped),
                                       static_cast<double>(up ? counts.stored : 0),
                                       static_cast<double>(up ? counts.added : 0),
                                       to_seconds(config_.timeout),
                                       static_cast<double>(config_.sample_limit),
                                       static_cast<double>(counts.body_size)};
  const auto count = config_.extra_metrics ? kReportCount : kUsualReports;
  for (std::size_t i = 0; i < count; ++i) {
    metrics::SampleIn in{reports_[i], nullptr, {t, values[i], nullptr}};
    if (in.ref == SeriesRef::kNone) {
      scratch.labels.push_back(labels_.with(model::kMetricName, kReportNames[i]));
      in.labels = &scratch.labels.back();
      scratch.want_refs = true;
    }
    scratch.samples.push_back(std::move(in));
    scratch.entries.push_back(kFirstReport + static_cast<std::uint32_t>(i));
  }
}

Result<void> ScrapeIngest::append(ScrapeScratch& scratch, std::string& rejection) {
  const auto result = HF_TRY(store_.append(scratch.samples, scratch.want_refs));
  reported_ = true;
  if (scratch.want_refs && result.refs.size() == scratch.entries.size()) {
    for (std::size_t i = 0; i < result.refs.size(); ++i) {
      const auto at = scratch.entries[i];
      if (at >= kFirstReport)
        reports_[at - kFirstReport] = result.refs[i];
      else
        cache_[at].ref = result.refs[i];
    }
  }
  if (result.unknown_series != 0) {
    cache_.forget_refs();
    std::fill(std::begin(reports_), std::end(reports_), SeriesRef::kNone);
  }
  if (result.rejected() != 0) {
    rejection =
        std::to_string(result.rejected()) + " samples rejected; the first: " + result.first_error;
  }
  for (const auto& one : scratch.exemplars) {
    (void)store_.append_exemplars(one.series, one.exemplars)
        .has_value();  // lost ones are no failure
  }
  return {};
}

Result<void> ScrapeIngest::end(Timestamp t) {
  auto scratch = pool_.take();
  scratch->clear();
  for (const auto at : cache_.live()) {
    scratch->samples.push_back({cache_[at].ref, nullptr, {t, model::stale_marker(), nullptr}});
    scratch->entries.push_back(at);
  }
  const auto count = config_.extra_metrics ? kReportCount : kUsualReports;
  for (std::size_t i = 0; reported_ && i < count; ++i) {
    scratch->samples.push_back({reports_[i], nullptr, {t, model::stale_marker(), nullptr}});
    scratch->entries.push_back(kFirstReport + static_cast<std::uint32_t>(i));
  }
  std::string rejection;
  auto stored = append(*scratch, rejection);
  pool_.give(std::move(scratch));
  return stored;
}

}  // namespace holdfast::collect
