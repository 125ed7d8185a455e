// How pushed groups are written and read: the body of a push, the file that outlives a restart, the listing.
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "base/time.h"
#include "collect/receive/handlers.h"
#include "collect/receive/push_groups.h"
#include "collect/scrape/proto_parser.h"
#include "collect/scrape/text_parser.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr const char* kKind = "holdfast-push-groups-1";

// The family a sample belongs to: a histogram's or summary's without their suffixes.
std::string family_of(const std::string& metric, const PushedFamilies& families) {
  if (families.contains(metric)) return metric;
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
    if (!metric.ends_with(suffix)) continue;
    const auto base = metric.substr(0, metric.size() - suffix.size());
    const auto found = families.find(base);
    if (found == families.end()) continue;
    const auto& type = found->second.type;
    if (type == "histogram" || (type == "summary" && suffix != "_bucket")) return base;
  }
  return metric;
}

model::HistogramPtr histogram_of(const TextParser&) { return nullptr; }
model::HistogramPtr histogram_of(const ProtoParser& parser) { return parser.histogram(); }

// Both parsers have the same calls.
template <typename Parser>
Result<PushedFamilies> read_all(Parser parser, const PushGroupKey& group) {
  using Entry = TextParser::Entry;
  PushedFamilies out;
  while (true) {
    const auto entry = HF_TRY(parser.next());
    if (entry == Entry::kEnd) break;
    if (entry == Entry::kHelp) out[parser.family()].help = parser.text();
    if (entry == Entry::kType) {
      const auto type = parser.text();
      out[parser.family()].type = type == "untyped" ? "unknown" : type;
    }
    if (entry != Entry::kSample) continue;
    std::vector<model::Label> labels;
    HF_TRY(parser.labels(labels));
    HF_TRY(normalise_labels(labels));
    auto merged = with_group(group, std::move(labels));
    const std::string metric(merged.metric_name());
    auto& family = out[family_of(metric, out)];
    family.timed = family.timed || parser.timestamp().has_value();
    family.samples.push_back({std::move(merged), parser.value(), histogram_of(parser)});
  }
  std::erase_if(out, [](const auto& family) { return family.second.samples.empty(); });
  return out;
}

// ---- values as text: NaN and infinities have no JSON ----

json histogram_json(const model::Histogram& h) {
  const auto spans = [](const std::vector<model::BucketSpan>& all) {
    json out = json::array();
    for (const auto& span : all) out.push_back({span.offset, span.length});
    return out;
  };
  const auto numbers = [](const std::vector<double>& all) {
    json out = json::array();
    for (const double one : all) out.push_back(format_double(one));
    return out;
  };
  return {{"schema", h.schema},
          {"reset", static_cast<int>(h.counter_reset)},
          {"zero_threshold", format_double(h.zero_threshold)},
          {"zero_count", format_double(h.zero_count)},
          {"count", format_double(h.count)},
          {"sum", format_double(h.sum)},
          {"positive_spans", spans(h.positive_spans)},
          {"negative_spans", spans(h.negative_spans)},
          {"positive", numbers(h.positive_buckets)},
          {"negative", numbers(h.negative_buckets)},
          {"bounds", numbers(h.custom_values)}};
}

double number_at(const json& in, const char* name) {
  return parse_double(in.at(name).get<std::string>()).value_or(0);
}

model::Histogram histogram_of(const json& in) {
  const auto spans = [&](const char* name) {
    std::vector<model::BucketSpan> out;
    for (const auto& span : in.at(name))
      out.push_back({span.at(0).get<std::int32_t>(), span.at(1).get<std::uint32_t>()});
    return out;
  };
  const auto numbers = [&](const char* name) {
    std::vector<double> out;
    for (const auto& one : in.at(name))
      out.push_back(parse_double(one.get<std::string>()).value_or(0));
    return out;
  };
  model::Histogram h;
  h.schema = in.at("schema").get<std::int32_t>();
  h.counter_reset = static_cast<model::CounterReset>(in.at("reset").get<int>() & 3);
  h.zero_threshold = number_at(in, "zero_threshold");
  h.zero_count = number_at(in, "zero_count");
  h.count = number_at(in, "count");
  h.sum = number_at(in, "sum");
  h.positive_spans = spans("positive_spans");
  h.negative_spans = spans("negative_spans");
  h.positive_buckets = numbers("positive");
  h.negative_buckets = numbers("negative");
  h.custom_values = numbers("bounds");
  return h;
}

json labels_json(const model::Labels& labels) {
  json out = json::object();
  for (const auto& label : labels) out[label.name] = label.value;
  return out;
}

model::Labels labels_of(const json& in) {
  std::vector<model::Label> labels;
  for (const auto& [name, value] : in.items()) labels.push_back({name, value.get<std::string>()});
  return model::Labels(std::move(labels));
}

// ---- the listing ----

std::string listed_type(const std::string& type) {
  auto out = type == "unknown" ? std::string("untyped") : type;
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// Samples of one histogram or summary are listed as one metric.
json listed_metrics(const std::string& name, const PushedFamily& family) {
  const bool grouped = family.type == "histogram" || family.type == "summary";
  std::map<model::Labels, json> by_labels;
  json out = json::array();
  for (const auto& sample : family.samples) {
    const auto plain = sample.labels.drop({"le", "quantile"});
    const auto value = format_double(sample.value);
    if (!grouped) {
      out.push_back({{"labels", labels_json(sample.labels.without_name())}, {"value", value}});
      continue;
    }
    auto& one = by_labels[plain];
    one["labels"] = labels_json(plain);
    const auto metric = sample.labels.metric_name();
    if (sample.histogram) {
      one["count"] = format_double(sample.histogram->count);
      one["sum"] = format_double(sample.histogram->sum);
    } else if (metric == name + "_sum") {
      one["sum"] = value;
    } else if (metric == name + "_count") {
      one["count"] = value;
    } else if (metric == name + "_bucket") {
      one["buckets"][std::string(sample.labels.get("le"))] = value;
    } else {
      one["quantiles"][std::string(sample.labels.get("quantile"))] = value;
    }
  }
  for (auto& [labels, one] : by_labels) out.push_back(std::move(one));
  return out;
}

}  // namespace

Result<PushedFamilies> read_push(std::string_view body, std::string_view content_type,
                                 const PushGroupKey& group) {
  const bool protobuf =
      media_type(content_type) == "application/vnd.google.protobuf" &&
      media_parameter(content_type, "encoding") == "delimited" &&
      media_parameter(content_type, "proto") == "io.prometheus.client.MetricFamily";
  if (protobuf) return read_all(ProtoParser(body, ProtoParser::Options()), group);
  return read_all(TextParser(body, Dialect::kPrometheus), group);
}

json PushGroups::listing() const {
  json out = json::array();
  for (const auto& [key, group] : groups_) {
    json one = {{"labels", key}, {"last_push_successful", group.pushed >= group.failed}};
    for (const auto& [name, family] : with_times(key, group)) {
      one[name] = {{"time_stamp", format_time(from_ms(family.pushed))},
                   {"type", listed_type(family.type)},
                   {"metrics", listed_metrics(name, family)}};
      if (!family.help.empty()) one[name]["help"] = family.help;
    }
    out.push_back(std::move(one));
  }
  return out;
}

std::string PushGroups::save() const {
  json groups = json::array();
  for (const auto& [key, group] : groups_) {
    json families = json::object();
    for (const auto& [name, family] : group.families) {
      json samples = json::array();
      for (const auto& sample : family.samples) {
        json one = {{"labels", labels_json(sample.labels)}, {"value", format_double(sample.value)}};
        if (sample.histogram) one["histogram"] = histogram_json(*sample.histogram);
        samples.push_back(std::move(one));
      }
      families[name] = {{"type", family.type},
                        {"help", family.help},
                        {"pushed", family.pushed},
                        {"samples", std::move(samples)}};
    }
    groups.push_back({{"labels", key},
                      {"pushed", group.pushed},
                      {"failed", group.failed},
                      {"families", std::move(families)}});
  }
  const auto text = groups.dump(-1, ' ', false, json::error_handler_t::replace);
  return json{{"kind", kKind}, {"sha256", sha256_hex(text)}}.dump() + "\n" + text + "\n";
}

Result<void> PushGroups::load(std::string_view text) {
  std::map<PushGroupKey, Group> groups;
  try {
    const auto end = text.find('\n');
    const auto head = json::parse(text.substr(0, end));
    const auto body = end == text.npos ? std::string_view() : trim(text.substr(end + 1));
    if (head.at("kind") != kKind || head.at("sha256") != sha256_hex(body))
      return Error(Code::kDataLoss, "the file of push groups is damaged");
    for (const auto& one : json::parse(body)) {
      auto& group = groups[one.at("labels").get<PushGroupKey>()];
      group.pushed = one.at("pushed").get<model::Timestamp>();
      group.failed = one.at("failed").get<model::Timestamp>();
      for (const auto& [name, in] : one.at("families").items()) {
        auto& family = group.families[name];
        family.type = in.at("type").get<std::string>();
        family.help = in.at("help").get<std::string>();
        family.pushed = in.at("pushed").get<model::Timestamp>();
        for (const auto& sample : in.at("samples")) {
          auto& into = family.samples.emplace_back();
          into.labels = labels_of(sample.at("labels"));
          into.value = number_at(sample, "value");
          if (sample.contains("histogram"))
            into.histogram =
                std::make_shared<const model::Histogram>(histogram_of(sample.at("histogram")));
        }
      }
    }
  } catch (const json::exception& failure) {
    return Error(Code::kDataLoss, std::string("the file of push groups: ") + failure.what());
  }
  groups_ = std::move(groups);
  owners_.clear();
  for (const auto& [key, group] : groups_) index(key, group, true);
  return {};
}

}  // namespace holdfast::collect
