#include "collect/receive/otlp_translate.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "collect/receive/histogram_proto.h"
#include "collect/receive/otlp_names.h"

namespace holdfast::collect {
namespace {

constexpr std::string_view kServiceName = "service.name";
constexpr std::string_view kServiceNamespace = "service.namespace";
constexpr std::string_view kServiceInstance = "service.instance.id";
constexpr std::size_t kExemplarCharactersMax = 128;  // OpenMetrics
// What OTLP leaves unsaid; far below any measured value.
constexpr double kZeroThreshold = 1e-128;
constexpr std::int32_t kSchemaMin = -4;
constexpr std::int32_t kSchemaMax = 8;
constexpr std::int32_t kOffsetMax = 1 << 30;
// target_info is repeated this often over the time a request spans, so that joins find it.
constexpr model::Timestamp kTargetEvery = 150'000;

model::Timestamp to_time(std::uint64_t ns) { return static_cast<model::Timestamp>(ns / 1'000'000); }

const std::string* value_of(const OtlpAttributes& attributes, std::string_view name) {
  for (const auto& one : attributes) {
    if (one.name == name) return &one.value;
  }
  return nullptr;
}

model::Label* find(std::vector<model::Label>& labels, std::string_view name) {
  for (auto& one : labels) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

bool is_identifying(std::string_view name) {
  return name == kServiceName || name == kServiceNamespace || name == kServiceInstance;
}

std::string_view type_of(const OtlpMetric& metric) {
  switch (metric.kind) {
    case OtlpKind::kSum:
      return metric.monotonic ? "counter" : "gauge";
    case OtlpKind::kHistogram:
    case OtlpKind::kExponential:
      return "histogram";
    case OtlpKind::kSummary:
      return "summary";
    default:
      return "gauge";
  }
}

class Translator {
 public:
  Translator(const OtlpOptions& options, OtlpDelta::Round* delta, OtlpBatch& out)
      : options_(options), names_(options.translation), delta_(delta), out_(out) {}

  void resource(const OtlpResource& resource) {
    resource_labels(resource);
    first_ = std::numeric_limits<model::Timestamp>::max();
    last_ = 0;
    for (const auto& scope : resource.scopes) {
      scope_labels(scope);
      for (const auto& metric : scope.metrics) take_metric(metric);
    }
    if (last_ > 0) target_info(resource);
  }

 private:
  using LabelList = std::vector<model::Label>;

  // ---- labels ----

  void resource_labels(const OtlpResource& resource) {
    promoted_.clear();
    identity_.clear();
    auto attributes = resource.attributes;
    std::stable_sort(attributes.begin(), attributes.end());
    const auto& wanted = options_.promote_resource_attributes;
    for (const auto& one : attributes) {
      const bool named = std::find(wanted.begin(), wanted.end(), one.name) != wanted.end();
      if (!named && !options_.promote_all_resource_attributes) continue;
      auto name = names_.label(one.name);
      if (find(promoted_, name) == nullptr) promoted_.push_back({std::move(name), one.value});
    }
    if (const auto* name = value_of(attributes, kServiceName)) {
      const auto* space = value_of(attributes, kServiceNamespace);
      identity_.push_back({"job", space == nullptr ? *name : *space + "/" + *name});
    }
    if (const auto* instance = value_of(attributes, kServiceInstance))
      identity_.push_back({"instance", *instance});
  }

  void scope_labels(const OtlpScope& scope) {
    scope_.clear();
    if (!options_.promote_scope_metadata || scope.name.empty()) return;
    scope_ = {{"otel_scope_name", scope.name},
              {"otel_scope_version", scope.version},
              {"otel_scope_schema_url", scope.schema_url}};
    for (const auto& one : scope.attributes)
      scope_.push_back({names_.label("otel_scope_" + one.name), one.value});
  }

  // Attributes in the order of their names, so that those that collide join the same way each time.
  LabelList merged(OtlpAttributes attributes) const {
    std::stable_sort(attributes.begin(), attributes.end());
    LabelList out;
    for (auto& one : attributes) {
      auto name = names_.label(one.name);
      if (name.empty()) continue;
      if (auto* there = find(out, name)) {
        there->value += ";" + one.value;
      } else {
        out.push_back({std::move(name), std::move(one.value)});
      }
    }
    return out;
  }

  LabelList base_labels(const OtlpPoint& point) const {
    auto out = merged(point.attributes);
    for (const auto& one : promoted_) {
      if (find(out, one.name) == nullptr) out.push_back(one);
    }
    for (const auto* more : {&scope_, &identity_}) {
      for (const auto& one : *more) {
        if (auto* there = find(out, one.name)) {
          there->value = one.value;
        } else {
          out.push_back(one);
        }
      }
    }
    return out;
  }

  // ---- metrics ----

  void refuse(const OtlpMetric& metric, std::string_view why, std::size_t count = 1) {
    out_.points.refusals.add("metric " + printable(metric.name) + ": " + std::string(why), count);
  }

  void take_metric(const OtlpMetric& metric) {
    if (metric.kind == OtlpKind::kNone || metric.points.empty()) return;
    const auto count = metric.points.size();
    name_ = names_.metric(metric);
    if (name_.empty() || !is_valid_utf8(name_))
      return refuse(metric, "its name leaves no metric name", count);
    const bool adds = metric.kind == OtlpKind::kSum || metric.kind == OtlpKind::kHistogram ||
                      metric.kind == OtlpKind::kExponential;
    if (adds && metric.temporality == OtlpTemporality::kUnspecified)
      return refuse(metric, "it has no aggregation temporality", count);
    is_delta_ = adds && metric.temporality == OtlpTemporality::kDelta;
    out_.points.metadata.insert_or_assign(
        name_, metrics::Metadata{std::string(type_of(metric)), metric.description, metric.unit});
    for (const auto& point : metric.points) {
      if (const auto taken = take_point(metric, point); !taken)
        refuse(metric, taken.error().message());
    }
  }

  Result<void> take_point(const OtlpMetric& metric, const OtlpPoint& point) {
    if (point.time_ns == 0) return invalid("a point without a time");
    time_ = to_time(point.time_ns);
    base_ = base_labels(point);
    for (const auto& label : base_) {
      if (!is_valid_utf8(label.name) || !is_valid_utf8(label.value))
        return invalid("attribute " + printable(label.name) + " is not UTF-8");
    }
    if (metric.kind == OtlpKind::kHistogram) {
      HF_TRY(options_.explicit_to_custom_buckets ? custom(point) : classic(point));
    } else if (metric.kind == OtlpKind::kExponential) {
      HF_TRY(exponential(point));
    } else if (metric.kind == OtlpKind::kSummary) {
      summary(point);
    } else {
      HF_TRY(number(point));
    }
    first_ = std::min(first_, time_);
    last_ = std::max(last_, time_);
    return {};
  }

  std::uint32_t series(std::string_view suffix = {}, model::Label more = {}) {
    auto labels = base_;
    labels.push_back({std::string(model::kMetricName), name_ + std::string(suffix)});
    if (!more.name.empty()) labels.push_back(std::move(more));
    return out_.points.add_series(model::Labels(std::move(labels)));
  }
  void add(std::uint32_t to, double value) { out_.points.add(to, {time_, value, nullptr}); }
  // A stale point ends whatever it would have written.
  static double or_stale(const OtlpPoint& point, double value) {
    return point.no_value() ? model::stale_marker() : value;
  }

  // The totals after this point; what it holds itself when it is cumulative or has no value.
  Result<OtlpDelta::Total> total(const OtlpPoint& point, OtlpDelta::Total own) {
    if (!is_delta_ || delta_ == nullptr || point.no_value()) return own;
    auto labels = base_;
    labels.push_back({std::string(model::kMetricName), name_});
    return *HF_TRY(delta_->add(model::Labels(std::move(labels)), point.time_ns, std::move(own)));
  }

  Result<void> number(const OtlpPoint& point) {
    const auto now = HF_TRY(total(point, {{}, {point.value}, {}}));
    const auto to = series();
    add(to, or_stale(point, now.values[0]));
    exemplars(point, [&](double) { return to; });
    return {};
  }

  Result<OtlpDelta::Total> explicit_total(const OtlpPoint& point) {
    if (!point.counts.empty() && point.counts.size() != point.bounds.size() + 1)
      return invalid(std::to_string(point.counts.size()) + " bucket counts for " +
                     std::to_string(point.bounds.size()) + " bounds");
    for (std::size_t i = 1; i < point.bounds.size(); ++i) {
      if (!(point.bounds[i - 1] < point.bounds[i])) return invalid("bucket bounds must rise");
    }
    OtlpDelta::Total own{
        point.bounds, {static_cast<double>(point.count), point.sum.value_or(0)}, {}};
    double held = 0;
    for (const auto count : point.counts) {
      own.values.push_back(static_cast<double>(count));
      held += own.values.back();
    }
    if (held > own.values[0]) return invalid("its buckets hold more than its count");
    return total(point, std::move(own));
  }

  Result<void> classic(const OtlpPoint& point) {
    const auto now = HF_TRY(explicit_total(point));
    std::vector<std::uint32_t> buckets;
    double below = 0;
    for (std::size_t i = 0; i + 3 < now.values.size(); ++i) {
      below += now.values[2 + i];
      buckets.push_back(series("_bucket", {"le", format_double(point.bounds[i])}));
      add(buckets.back(), or_stale(point, below));
    }
    buckets.push_back(series("_bucket", {"le", "+Inf"}));
    add(buckets.back(), or_stale(point, now.values[0]));
    if (point.sum) add(series("_sum"), or_stale(point, now.values[1]));
    add(series("_count"), or_stale(point, now.values[0]));
    exemplars(point, [&](double value) {
      const auto at = std::lower_bound(point.bounds.begin(), point.bounds.end(), value);
      return buckets[std::min<std::size_t>(static_cast<std::size_t>(at - point.bounds.begin()),
                                           buckets.size() - 1)];
    });
    return {};
  }

  Result<void> add_native(const OtlpPoint& point, model::Histogram histogram) {
    if (!point.no_value()) HF_TRY(check_histogram(histogram));
    const auto to = series();
    if (point.no_value()) {
      add(to, model::stale_marker());
    } else {
      out_.points.add(to,
                      {time_, 0, std::make_shared<const model::Histogram>(std::move(histogram))});
    }
    exemplars(point, [&](double) { return to; });
    return {};
  }

  Result<void> custom(const OtlpPoint& point) {
    const auto now = HF_TRY(explicit_total(point));
    model::Histogram out;
    out.schema = model::Histogram::kCustomBuckets;
    out.count = now.values[0];
    out.sum = now.values[1];
    out.custom_values = point.bounds;
    std::vector<std::pair<std::int32_t, double>> buckets;
    for (std::size_t i = 2; i < now.values.size(); ++i) {
      if (now.values[i] != 0) buckets.emplace_back(static_cast<std::int32_t>(i - 2), now.values[i]);
    }
    if (point.counts.empty() && out.count != 0) buckets.emplace_back(0, out.count);
    set_buckets(buckets, out.positive_spans, out.positive_buckets);
    return add_native(point, std::move(out));
  }

  static Result<void> to_spans(const OtlpBuckets& from, std::vector<model::BucketSpan>& spans,
                               std::vector<double>& counts) {
    if (from.counts.size() > kHistogramBucketsMax || from.offset > kOffsetMax ||
        from.offset < -kOffsetMax)
      return invalid("exponential buckets outside what can be told apart");
    std::vector<std::pair<std::int32_t, double>> buckets;
    // OTLP's bucket 0 is (1, base], ours is the one below.
    auto index = from.offset + 1;
    for (const auto count : from.counts) {
      if (count != 0) buckets.emplace_back(index, static_cast<double>(count));
      ++index;
    }
    set_buckets(buckets, spans, counts);
    return {};
  }

  Result<void> exponential(const OtlpPoint& point) {
    model::Histogram out;
    if (point.scale < kSchemaMin)
      return invalid("scale " + std::to_string(point.scale) + "; allowed: -4 and above");
    if (point.scale > kSchemaMax + 31) return invalid("scale " + std::to_string(point.scale));
    out.schema = point.scale;
    out.count = static_cast<double>(point.count);
    out.sum = point.sum.value_or(0);
    out.zero_count = static_cast<double>(point.zero_count);
    out.zero_threshold = point.zero_threshold > 0 ? point.zero_threshold : kZeroThreshold;
    HF_TRY(to_spans(point.positive, out.positive_spans, out.positive_buckets));
    HF_TRY(to_spans(point.negative, out.negative_spans, out.negative_buckets));
    reduce_schema(out, kSchemaMax);
    if (!point.no_value()) HF_TRY(check_histogram(out));
    auto now = HF_TRY(total(point, {{}, {}, std::move(out)}));
    return add_native(point, std::move(*now.histogram));
  }

  void summary(const OtlpPoint& point) {
    add(series("_sum"), or_stale(point, point.sum.value_or(0)));
    add(series("_count"), or_stale(point, static_cast<double>(point.count)));
    for (const auto& [quantile, value] : point.quantiles)
      add(series({}, {"quantile", format_double(quantile)}), or_stale(point, value));
  }

  // ---- exemplars ----

  template <typename Where>
  void exemplars(const OtlpPoint& point, Where where) {
    for (const auto& one : point.exemplars) {
      LabelList labels;
      std::size_t characters = 0;
      const auto put = [&](std::string name, const std::string& value) {
        characters += name.size() + value.size();
        labels.push_back({std::move(name), value});
      };
      if (!one.trace_id.empty()) put("trace_id", one.trace_id);
      if (!one.span_id.empty()) put("span_id", one.span_id);
      const auto own = labels.size();
      for (const auto& attribute : one.attributes) put(attribute.name, attribute.value);
      if (characters > kExemplarCharactersMax) labels.resize(own);
      std::erase_if(labels, [](const model::Label& label) {
        return !is_valid_utf8(label.name) || !is_valid_utf8(label.value);
      });
      const auto time = one.time_ns == 0 ? time_ : to_time(one.time_ns);
      out_.points.exemplars.push_back(
          {where(one.value), {model::Labels(std::move(labels)), time, one.value}});
    }
  }

  // ---- targets ----

  void target_info(const OtlpResource& resource) {
    if (identity_.empty()) return;
    OtlpAttributes attributes;
    std::size_t describing = 0;
    for (const auto& one : resource.attributes) {
      if (!is_identifying(one.name)) ++describing;
      if (!is_identifying(one.name) || options_.keep_identifying_resource_attributes)
        attributes.push_back(one);
    }
    if (describing == 0) return;
    auto labels = merged(std::move(attributes));
    labels.insert(labels.end(), identity_.begin(), identity_.end());
    labels.push_back({std::string(model::kMetricName), "target_info"});
    for (const auto& label : labels) {
      if (!is_valid_utf8(label.name) || !is_valid_utf8(label.value)) return;
    }
    auto& targets = out_.targets;
    const auto to = targets.add_series(model::Labels(std::move(labels)));
    constexpr std::size_t kRepeatsMax = 1000;  // of a request whose times are far apart
    std::size_t repeats = 0;
    for (auto t = first_; t < last_ && repeats < kRepeatsMax; t += kTargetEvery, ++repeats)
      targets.add(to, {t, 1, nullptr});
    targets.add(to, {last_, 1, nullptr});
    targets.metadata.insert_or_assign("target_info",
                                      metrics::Metadata{"gauge", "Target metadata", ""});
  }

  const OtlpOptions& options_;
  const OtlpNames names_;
  OtlpDelta::Round* delta_;
  OtlpBatch& out_;

  LabelList promoted_, identity_, scope_, base_;
  std::string name_;
  bool is_delta_ = false;
  model::Timestamp time_ = 0;
  model::Timestamp first_ = 0, last_ = 0;  // of this resource's points
};

}  // namespace

OtlpBatch translate_otlp(const OtlpRequest& request, const OtlpOptions& options,
                         OtlpDelta::Round* delta) {
  OtlpBatch out;
  Translator translator(options, delta, out);
  for (const auto& resource : request.resources) translator.resource(resource);
  return out;
}

bool has_delta(const OtlpRequest& request) {
  for (const auto& resource : request.resources) {
    for (const auto& scope : resource.scopes) {
      for (const auto& metric : scope.metrics) {
        if (metric.temporality == OtlpTemporality::kDelta) return true;
      }
    }
  }
  return false;
}

}  // namespace holdfast::collect
