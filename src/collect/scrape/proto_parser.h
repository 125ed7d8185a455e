// collect/scrape/proto_parser.h: reads a protobuf exposition, one sample after another.
//
// Purpose     Length-delimited io.prometheus.client.MetricFamily messages, with native histograms and exemplars.
//             The same calls as TextParser, so that the scrape loop reads both alike.
// Histograms  One with native buckets gives one sample with a histogram; its classic series (_bucket, _sum,
//             _count) come with it when asked for, and alone when there are no native buckets. Classic
//             histograms and summaries are spread into their series as in the text format; bounds and
//             quantiles are written as OpenMetrics does: "1.0", "+Inf".
// Units       Timestamps are milliseconds since the Unix epoch.
// Threads     One parser, one thread. The body must outlive it.
// Errors      kInvalid, "family 3 (name): ...". Nothing more is read after an error.
// Source      io/prometheus/client/metrics.proto of prometheus/client_model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/wire.h"
#include "collect/scrape/text_parser.h"
#include "model/sample.h"

namespace holdfast::collect {

class ProtoParser {
 public:
  using Entry = TextParser::Entry;
  using Exemplar = TextParser::Exemplar;

  struct Options {
    bool native = true;        // false: classic series only
    bool classic_too = false;  // the classic series of a native histogram as well
  };
  ProtoParser(std::string_view body, Options options) : body_(body), options_(options) {}

  Result<Entry> next(std::string_view expected_series = {});

  // After kSample. series() is a key, unique to the series, not for people.
  std::string_view series() const { return item().series; }
  double value() const { return item().value; }
  const model::HistogramPtr& histogram() const { return item().histogram; }
  std::optional<model::Timestamp> timestamp() const { return item().timestamp; }
  Result<void> labels(std::vector<model::Label>& out) const;
  bool has_exemplar() const { return !item().exemplars.empty(); }
  const std::vector<Exemplar>& exemplars() const { return item().exemplars; }

  // After kHelp, kType, kUnit.
  std::string family() const { return name_; }
  std::string text() const { return item().text; }
  std::string_view raw_line() const { return item().series; }

  std::size_t line_number() const { return family_count_; }  // the family, counted from one

 private:
  struct Item {
    Entry entry = Entry::kSample;
    std::string series;
    std::string text;             // of metadata
    std::string_view labels;      // the metric message that holds them
    std::string_view suffix;      // "_bucket" and the like
    std::string_view extra_name;  // le, quantile
    std::string extra_value;
    double value = 0;
    model::HistogramPtr histogram;
    std::optional<model::Timestamp> timestamp;
    std::vector<Exemplar> exemplars;
  };
  struct Metric;

  const Item& item() const { return items_[at_]; }
  Error error(const std::string& message) const;
  Result<bool> read_family();
  Result<void> read_metric(std::string_view bytes);
  Result<void> read_histogram(std::string_view bytes, const Metric& metric);
  Result<void> read_summary(std::string_view bytes, const Metric& metric);
  Result<void> add_classic(const Metric& metric, struct ClassicHistogram& classic);
  Item& add(const Metric& metric, std::string_view suffix, double value);
  void add_text(Entry entry, std::string text);

  std::string_view body_;
  const Options options_;
  std::size_t family_count_ = 0;
  std::string name_;
  int type_ = 0;
  std::vector<Item> items_;  // of this family
  std::size_t at_ = 0;
};

}  // namespace holdfast::collect
