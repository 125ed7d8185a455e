// /federate: the newest sample of each series asked for, as a page to scrape.
//
// A stale series is left out: the format has no word for it, and the scraper's own staleness does the rest. External
// labels are added where a series does not have them, and instance="" where it has none, so that whoever scrapes with
// honor_labels does not put our own instance there.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "app/api/prometheus_routes.h"
#include "app/api/series_merge.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr Duration kLookback = 5min;
constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

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

struct Newest {
  std::string name;
  std::string labels;  // {a="b"}, or ""
  model::Timestamp t = 0;
  double value = 0;
  model::HistogramPtr histogram;
};

std::string label_text(const metrics::LabelViews& labels, const model::Labels& external) {
  std::string out;
  bool first = true;
  const auto of_series = [&](std::string_view name) {
    return std::ranges::any_of(labels, [&](const auto& label) { return label.name == name; });
  };
  for (const auto& label : labels) {
    if (label.name != model::kMetricName) append_pair(out, label.name, label.value, first);
  }
  bool instance = of_series("instance");
  for (const auto& label : external) {
    // instance="" stands where its name sorts.
    if (!instance && label.name > "instance") {
      append_pair(out, "instance", "", first);
      instance = true;
    }
    if (label.name == "instance") {
      if (instance) continue;
      instance = true;
    }
    if (!of_series(label.name)) append_pair(out, label.name, label.value, first);
  }
  if (!instance) append_pair(out, "instance", "", first);
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
    all.push_back({std::string(name->value), label_text(labels, external), (*data.times)[last],
                   data.values[last], histogram});
  }
  std::ranges::sort(all, [](const Newest& a, const Newest& b) {
    return std::tie(a.name, a.labels) < std::tie(b.name, b.labels);
  });
  return all;
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
  std::string body;
  const Newest* before = nullptr;
  for (const auto& one : *all) {
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
  auto response = net::Response::text(200, std::move(body));
  response.headers.set("Content-Type", kType);
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
