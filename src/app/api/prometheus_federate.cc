// /federate: the newest sample of each series asked for, as a page to scrape.
//
// A stale series is left out: the format has no word for it, and the scraper's own staleness does the rest. External
// labels are added where a series does not have them, and instance="" where it has none, so that whoever scrapes with
// honor_labels does not put our own instance there. Text, or families in protobuf when Accept asks for them: only those
// carry native histograms whole.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <tuple>

#include "app/api/prometheus_routes.h"
#include "app/api/series_merge.h"
#include "base/text.h"
#include "base/wire.h"
#include "collect/forward/remote_message.h"

namespace holdfast::app {
namespace {

constexpr Duration kLookback = 5min;
constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
constexpr const char* kProtoType =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
    "escaping=underscores";

// Go's shortest 'g' form, as every exposition of Prometheus has it: 1e+06.
std::string general(double v) {
  if (!std::isfinite(v) || v == 0) return format_double(v);
  char digits[40];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, v, std::chars_format::scientific).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  const auto sign = text.find('e') + 1;
  const auto size = parse_int(text.substr(sign + 1)).value_or(0);
  const bool short_form = text[sign] == '-' ? size <= 4 : size < 6;
  return short_form ? format_double(v) : std::string(text);
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

void append_pair(std::string& out, std::string_view name, std::string_view value, bool& first) {
  out += first ? '{' : ',';
  first = false;
  if (model::is_label_name(name)) {
    out += name;
  } else {
    out += '"';
    append_escaped(out, name);
    out += '"';
  }
  out += "=\"";
  append_escaped(out, value);
  out += '"';
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Newest {
  std::string name;
  Pairs pairs;         // without the name
  std::string labels;  // {a="b"}, or ""
  model::Timestamp t = 0;
  double value = 0;
  model::HistogramPtr histogram;
};

Pairs label_pairs(const metrics::LabelViews& labels, const model::Labels& external) {
  Pairs out;
  const auto of_series = [&](std::string_view name) {
    return std::ranges::any_of(labels, [&](const auto& label) { return label.name == name; });
  };
  for (const auto& label : labels) {
    if (label.name != model::kMetricName) out.emplace_back(label.name, label.value);
  }
  bool instance = of_series("instance");
  for (const auto& label : external) {
    // instance="" stands where its name sorts.
    if (!instance && label.name > "instance") {
      out.emplace_back("instance", "");
      instance = true;
    }
    if (label.name == "instance") {
      if (instance) continue;
      instance = true;
    }
    if (!of_series(label.name)) out.emplace_back(label.name, label.value);
  }
  if (!instance) out.emplace_back("instance", "");
  return out;
}

std::string label_text(const Pairs& pairs) {
  std::string out;
  bool first = true;
  for (const auto& [name, value] : pairs) append_pair(out, name, value, first);
  return out + "}";
}

void append_sample(std::string& out, const Newest& one, std::string_view suffix, double value,
                   std::string_view extra = {}) {
  const bool plain = model::is_metric_name(one.name);
  std::string labels = one.labels;
  if (!extra.empty()) labels.insert(labels.size() - 1, extra);
  if (plain) {
    ((out += one.name) += suffix) += labels;
  } else {
    out += "{\"";
    append_escaped(out, one.name);
    (out += suffix) += "\"";
    (out += ',').append(labels, 1);
  }
  out += ' ';
  out += general(value);
  out += ' ';
  out += std::to_string(one.t);
  out += '\n';
}

Result<std::vector<Newest>> newest(const metrics::Reader& reader, const MatcherSets& sets,
                                   model::Timestamp now, const model::Labels& external,
                                   std::stop_token stop) {
  const auto found =
      HF_TRY(SeriesUnion::find(reader, sets, now - to_ms(kLookback), now, std::move(stop)));
  SeriesUnion::Cursor cursor(found);
  metrics::LabelViews labels;
  metrics::SeriesData data;
  std::vector<Newest> all;
  for (std::size_t i = 0; i < found.size(); ++i) {
    HF_TRY(cursor.read(i, data));
    if (data.size() == 0) continue;
    const auto last = data.size() - 1;
    const auto histogram = data.histograms.empty() ? nullptr : data.histograms[last];
    if (!histogram && model::is_stale(data.values[last])) continue;
    found.labels(i, labels);
    const auto name = std::ranges::find(labels, model::kMetricName, &metrics::LabelView::name);
    if (name == labels.end()) continue;
    auto pairs = label_pairs(labels, external);
    auto text = label_text(pairs);
    all.push_back({std::string(name->value), std::move(pairs), std::move(text), (*data.times)[last],
                   data.values[last], histogram});
  }
  std::ranges::sort(all, [](const Newest& a, const Newest& b) {
    return std::tie(a.name, a.labels) < std::tie(b.name, b.labels);
  });
  return all;
}

// ---- text ----

std::string text_page(const std::vector<Newest>& all) {
  std::string body;
  const Newest* before = nullptr;
  for (const auto& one : all) {
    if (before == nullptr || before->name != one.name || !before->histogram != !one.histogram) {
      std::string name = one.name;
      if (!model::is_metric_name(name)) {
        name = "\"";
        append_escaped(name, one.name);
        name += '"';
      }
      body += "# TYPE " + name + (one.histogram ? " histogram\n" : " untyped\n");
    }
    before = &one;
    if (!one.histogram) {
      append_sample(body, one, "", one.value);
      continue;
    }
    // A native histogram has no classic buckets but the last.
    append_sample(body, one, "_bucket", one.histogram->count, ",le=\"+Inf\"");
    append_sample(body, one, "_sum", one.histogram->sum);
    append_sample(body, one, "_count", one.histogram->count);
  }
  return body;
}

// ---- io.prometheus.client.MetricFamily, each with its size before it ----

enum class FamilyType : std::uint8_t { kUntyped = 3, kHistogram = 4, kGaugeHistogram = 5 };

FamilyType type_of(const Newest& one) {
  if (!one.histogram) return FamilyType::kUntyped;
  return one.histogram->counter_reset == model::CounterReset::kGauge ? FamilyType::kGaugeHistogram
                                                                     : FamilyType::kHistogram;
}

// Bounds of one's own have no native form in this message; they go as classic buckets.
void write_classic_buckets(WireWriter& out, const model::Histogram& histogram) {
  std::vector<double> counts(histogram.custom_values.size() + 1, 0);
  std::size_t at = 0, index = 0;
  for (const auto& span : histogram.positive_spans) {
    index += static_cast<std::size_t>(std::max(span.offset, 0));
    for (std::uint32_t i = 0; i < span.length; ++i, ++index, ++at) {
      if (index < counts.size()) counts[index] = histogram.positive_buckets[at];
    }
  }
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    WireWriter bucket;
    bucket.number(4, below);
    bucket.number(2, i < histogram.custom_values.size() ? histogram.custom_values[i]
                                                        : std::numeric_limits<double>::infinity());
    out.bytes(3, bucket.text());
  }
}

void write_side(WireWriter& out, std::uint32_t spans_field, std::uint32_t counts_field,
                const std::vector<model::BucketSpan>& spans, const std::vector<double>& counts) {
  for (const auto& span : spans) {
    WireWriter one;
    one.zigzag(1, span.offset);
    one.varint(2, span.length);
    out.bytes(spans_field, one.text());
  }
  WireWriter packed;
  for (const double count : counts) packed.raw(&count, sizeof count);
  if (!counts.empty()) out.bytes(counts_field, packed.text());
}

std::string histogram_proto(const model::Histogram& histogram) {
  WireWriter out;
  out.number(4, histogram.count);
  out.number(2, histogram.sum);
  if (histogram.uses_custom_buckets()) {
    write_classic_buckets(out, histogram);
    return out.take();
  }
  out.zigzag(5, histogram.schema);
  out.number(6, histogram.zero_threshold);
  out.number(8, histogram.zero_count);
  write_side(out, 9, 11, histogram.negative_spans, histogram.negative_buckets);
  write_side(out, 12, 14, histogram.positive_spans, histogram.positive_buckets);
  // A histogram without buckets is told from a classic one by an empty span.
  if (histogram.positive_spans.empty() && histogram.negative_spans.empty())
    write_side(out, 12, 14, {{0, 0}}, {});
  return out.take();
}

std::string metric_proto(const Newest& one) {
  WireWriter out;
  for (const auto& [name, value] : one.pairs) out.bytes(1, collect::label_message(name, value));
  if (one.histogram) {
    out.bytes(7, histogram_proto(*one.histogram));
  } else {
    WireWriter untyped;
    untyped.number(1, one.value);
    out.bytes(5, untyped.text());
  }
  out.varint(6, static_cast<std::uint64_t>(one.t));
  return out.take();
}

std::string proto_page(const std::vector<Newest>& all) {
  WireWriter out;
  for (std::size_t i = 0; i < all.size();) {
    const auto type = type_of(all[i]);
    WireWriter family;
    family.bytes(1, all[i].name);
    family.varint(3, static_cast<std::uint64_t>(type));
    const std::size_t first = i;
    for (; i < all.size() && all[i].name == all[first].name && type_of(all[i]) == type; ++i)
      family.bytes(4, metric_proto(all[i]));
    out.raw_varint(family.text().size());
    out.raw(family.text().data(), family.text().size());
  }
  return out.take();
}

// Whether Accept prefers delimited protobuf to text; of equal weights the first named wins.
bool wants_proto(std::string_view accept) {
  double proto = 0, text = 0;
  for (const auto part : split(accept, ',')) {
    const auto fields = split(part, ';');
    const auto type = trim(fields[0]);
    double weight = 1;
    bool delimited = false;
    for (const auto field : fields) {
      const auto one = trim(field);
      if (one.starts_with("q=")) weight = parse_double(one.substr(2)).value_or(0);
      if (one == "encoding=delimited") delimited = true;
    }
    if (type == "application/vnd.google.protobuf" && delimited) {
      if (weight > text) proto = std::max(proto, weight);
    } else if (type == "text/plain" || type == "*/*" || type == "text/*") {
      if (weight > proto) text = std::max(text, weight);
    }
  }
  return proto > text;
}

net::Response federate(const PrometheusContext& context, const net::Request& request,
                       const model::Labels& external, std::stop_token stop) {
  Form form(request);
  MatcherSets sets;
  for (const auto& text : form.all("match[]")) {
    auto parsed = query::promql::parse_selector(text);
    if (!parsed) return net::Response::text(400, parsed.error().message() + "\n");
    sets.push_back(std::move(*parsed));
  }
  auto all = newest(context.sources.store, sets, to_ms(context.env.clock.now()), external,
                    std::move(stop));
  if (!all)
    return net::Response::text(http_status(all.error().code()), all.error().message() + "\n");
  const bool proto = wants_proto(request.headers.get("Accept"));
  auto response = net::Response::text(200, proto ? proto_page(*all) : text_page(*all));
  response.headers.set("Content-Type", proto ? kProtoType : kType);
  return response;
}

}  // namespace

void add_federate_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.labelled(kGet, "/federate",
                  [context](const auto& request, const auto& external, auto stop) {
                    return federate(*context, request, external, std::move(stop));
                  });
}

}  // namespace holdfast::app
