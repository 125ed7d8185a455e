#include "collect/business/registry.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "collect/business/distinct.h"

namespace holdfast::collect {
namespace {

constexpr std::size_t kLabelValueMax = 256;  // bytes
constexpr std::string_view kFeeds[] = {"http", "statsd", "log", "span"};

}  // namespace

struct BusinessRegistry::Series {
  double value = 0;             // of a counter or gauge; sum of a histogram
  std::vector<double> buckets;  // not cumulative; the last is above all bounds
  std::optional<DistinctWindow> ids;
};

struct BusinessRegistry::Metric {
  MetricDeclaration declared;
  std::map<std::vector<std::string>, Series> series;  // by label values, in the order declared
};

BusinessRegistry::BusinessRegistry(const Clock& clock, std::vector<MetricDeclaration> metrics)
    : clock_(clock) {
  set_metrics(std::move(metrics));
}

BusinessRegistry::~BusinessRegistry() = default;

void BusinessRegistry::set_metrics(std::vector<MetricDeclaration> metrics) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::unique_ptr<Metric>> next;
  for (auto& declared : metrics) {
    auto& metric = next[declared.name];
    if (const auto old = metrics_.find(declared.name); old != metrics_.end()) {
      auto same = old->second->declared;
      same.place = declared.place;
      if (same == declared) metric = std::move(old->second);
    }
    if (metric == nullptr) metric = std::make_unique<Metric>();
    metric->declared = std::move(declared);
  }
  metrics_ = std::move(next);
}

std::vector<MetricDeclaration> BusinessRegistry::metrics() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricDeclaration> all;
  for (const auto& [name, metric] : metrics_) all.push_back(metric->declared);
  return all;
}

std::string BusinessRegistry::last_refusal() const {
  const std::lock_guard lock(mutex_);
  return last_refusal_;
}

Result<void> BusinessRegistry::observe(BusinessFeed feed, const BusinessEvent& event) {
  const std::lock_guard lock(mutex_);
  auto taken = take(event);
  ++(taken ? accepted_ : refused_)[static_cast<std::size_t>(feed)];
  if (!taken) last_refusal_ = taken.error().message();
  return taken;
}

void BusinessRegistry::count_refused(BusinessFeed feed, const std::string& why) {
  const std::lock_guard lock(mutex_);
  ++refused_[static_cast<std::size_t>(feed)];
  last_refusal_ = why;
}

Result<std::vector<std::string>> BusinessRegistry::label_values(const MetricDeclaration& metric,
                                                                const BusinessEvent& event) const {
  const auto wrong = [&](const std::string& what) {
    return invalid("metric " + metric.name + ": " + what);
  };
  std::vector<std::string> values;
  for (const auto& label : metric.labels) {
    const auto given = std::find_if(event.labels.begin(), event.labels.end(),
                                    [&](const auto& l) { return l.name == label.name; });
    if (given == event.labels.end() && !label.fallback)
      return wrong("label '" + label.name + "' is missing");
    const auto& value = given == event.labels.end() ? *label.fallback : given->value;
    if (value.size() > kLabelValueMax) {
      return wrong("label '" + label.name + "': its value has " + std::to_string(value.size()) +
                   " bytes; allowed: " + std::to_string(kLabelValueMax));
    }
    if (!is_valid_utf8(value)) return wrong("label '" + label.name + "': its value is not UTF-8");
    if (!label.values.empty() &&
        std::find(label.values.begin(), label.values.end(), value) == label.values.end()) {
      return wrong("label '" + label.name + "': '" + printable(value) +
                   "' is not among the values: " + join(label.values, ", "));
    }
    values.push_back(value);
  }
  for (const auto& given : event.labels) {
    const bool known = std::any_of(metric.labels.begin(), metric.labels.end(),
                                   [&](const auto& l) { return l.name == given.name; });
    if (known) continue;
    std::vector<std::string> names;
    for (const auto& label : metric.labels) names.push_back(label.name);
    return wrong("label '" + printable(given.name) +
                 "' is not declared; declared: " + (names.empty() ? "none" : join(names, ", ")));
  }
  return values;
}

Result<void> BusinessRegistry::take(const BusinessEvent& event) {
  const auto found = metrics_.find(event.metric);
  if (found == metrics_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, metric] : metrics_) names.push_back(name);
    const auto near = nearest(event.metric, names);
    return not_found("no business metric is called '" + printable(event.metric) + "'" +
                     (near.empty() ? "" : "; did you mean " + near + "?"));
  }
  auto& metric = *found->second;
  const auto& declared = metric.declared;
  const bool adds = event.operation == BusinessEvent::Operation::kAdd;
  if (!std::isfinite(event.value) || !std::isfinite(event.weight) || event.weight <= 0) {
    return invalid("metric " + declared.name + ": the value must be a finite number");
  }
  if (declared.type == BusinessType::kCounter && event.value < 0)
    return invalid("metric " + declared.name + ": a counter cannot fall");
  if (declared.type != BusinessType::kGauge && event.operation == BusinessEvent::Operation::kSet) {
    return invalid("metric " + declared.name + ": only a gauge can be set; this is a " +
                   std::string(business_type_name(declared.type)));
  }
  if (declared.type == BusinessType::kDistinct && event.id.empty())
    return invalid("metric " + declared.name + ": an 'id' is needed, whose differing is counted");
  auto values = HF_TRY(label_values(declared, event));
  auto at = metric.series.find(values);
  if (at == metric.series.end()) {
    if (metric.series.size() >= declared.series_max) {
      return Error(Code::kTooLarge,
                   "metric " + declared.name + " has its " + std::to_string(declared.series_max) +
                       " series (series_max); refused: " + printable(join(values, ", ")));
    }
    at = metric.series.emplace(std::move(values), Series{}).first;
  }
  auto& series = at->second;
  switch (declared.type) {
    case BusinessType::kCounter:
      series.value += event.value * event.weight;
      break;
    case BusinessType::kGauge:
      series.value = adds ? series.value + event.value : event.value;
      break;
    case BusinessType::kHistogram: {
      if (series.buckets.empty()) series.buckets.resize(declared.buckets.size() + 1);
      const auto bucket =
          std::lower_bound(declared.buckets.begin(), declared.buckets.end(), event.value) -
          declared.buckets.begin();
      series.buckets[static_cast<std::size_t>(bucket)] += event.weight;
      series.value += event.value * event.weight;
      break;
    }
    case BusinessType::kDistinct:
      if (!series.ids) series.ids.emplace(to_ms(declared.window), declared.exact_max);
      series.ids->add(event.id, to_ms(clock_.now()));
  }
  return {};
}

void BusinessRegistry::write(MetricSink& sink, Metric& metric) {
  const auto& declared = metric.declared;
  const auto type = declared.type == BusinessType::kDistinct ? BusinessType::kGauge : declared.type;
  sink.family(declared.name, business_type_name(type),
              declared.help.empty() ? declared.help_zh : declared.help);
  for (auto& [values, series] : metric.series) {
    std::vector<LabelView> labels;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].empty()) labels.push_back({declared.labels[i].name, values[i]});
    }
    if (declared.type != BusinessType::kHistogram) {
      sink.add(declared.name, labels,
               series.ids ? series.ids->count(to_ms(clock_.now())) : series.value);
      continue;
    }
    double count = 0;
    for (std::size_t i = 0; i < series.buckets.size(); ++i) {
      count += series.buckets[i];
      const auto bound = i < declared.buckets.size() ? format_double(declared.buckets[i]) : "+Inf";
      labels.push_back({"le", bound});
      sink.add(declared.name + "_bucket", labels, count);
      labels.pop_back();
    }
    sink.add(declared.name + "_sum", labels, series.value);
    sink.add(declared.name + "_count", labels, count);
  }
}

void BusinessRegistry::write(MetricSink& sink) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, metric] : metrics_) write(sink, *metric);
  sink.family("holdfast_business_events_total", "counter",
              "Events offered to business metrics, by what became of them.");
  for (std::size_t i = 0; i < std::size(kFeeds); ++i) {
    sink.sample("holdfast_business_events_total", static_cast<double>(accepted_[i]),
                {{"feed", kFeeds[i]}, {"result", "accepted"}});
    sink.sample("holdfast_business_events_total", static_cast<double>(refused_[i]),
                {{"feed", kFeeds[i]}, {"result", "refused"}});
  }
  sink.family("holdfast_business_series", "gauge", "Label sets of business metrics.");
  for (const auto& [name, metric] : metrics_) {
    sink.sample("holdfast_business_series", static_cast<double>(metric->series.size()),
                {{"metric", name}});
  }
}

}  // namespace holdfast::collect
