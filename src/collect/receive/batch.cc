#include "collect/receive/batch.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast::collect {

void Refusals::add(std::string reason, std::size_t count) {
  count_ += count;
  if (reasons_.size() < kReasonsMax && !reason.empty()) reasons_.push_back(std::move(reason));
}

void Refusals::add(const metrics::AppendResult& result) {
  if (result.rejected() == 0) return;
  std::string kinds;
  const auto kind = [&](std::size_t count, std::string_view name) {
    if (count == 0) return;
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(name);
  };
  kind(result.too_old, "too old");
  kind(result.out_of_order, "out of order");
  kind(result.duplicate, "duplicate with another value");
  kind(result.over_limit, "over the limit of series");
  kind(result.unknown_series, "of an unknown series");
  add(kinds + " (" + result.first_error + ")", result.rejected());
}

void Refusals::add(const Refusals& other) {
  count_ += other.count_;
  for (const auto& reason : other.reasons_) {
    if (reasons_.size() < kReasonsMax) reasons_.push_back(reason);
  }
}

std::string Refusals::text() const {
  return std::to_string(count_) + " refused: " + join(reasons_, "; ");
}

std::uint32_t Batch::add_series(model::Labels labels) {
  series.push_back(std::move(labels));
  return static_cast<std::uint32_t>(series.size() - 1);
}

namespace {

// Floats and histograms apart, so that the answer can tell how many of each were taken.
Result<std::size_t> append_kind(metrics::Store& store, const Batch& batch, bool histograms,
                                Refusals& refusals) {
  std::vector<metrics::SampleIn> in;
  in.reserve(histograms ? 0 : batch.samples.size());
  for (const auto& entry : batch.samples) {
    if ((entry.sample.histogram != nullptr) == histograms)
      in.push_back({metrics::SeriesRef::kNone, &batch.series[entry.series], entry.sample});
  }
  if (in.empty()) return std::size_t{0};
  const auto result = HF_TRY(store.append(in, false));
  refusals.add(result);
  return result.appended;
}

}  // namespace

Result<Stored> store_batch(metrics::Store& store, const Batch& batch) {
  Stored stored;
  stored.refusals = batch.refusals;
  stored.floats = HF_TRY(append_kind(store, batch, false, stored.refusals));
  stored.histograms = HF_TRY(append_kind(store, batch, true, stored.refusals));
  std::vector<metrics::Exemplar> run;
  for (std::size_t i = 0; i < batch.exemplars.size(); ++i) {
    run.push_back(batch.exemplars[i].exemplar);
    const auto index = batch.exemplars[i].series;
    if (i + 1 < batch.exemplars.size() && batch.exemplars[i + 1].series == index) continue;
    if (const auto kept = store.append_exemplars(batch.series[index], run); kept) {
      stored.exemplars += run.size();
    } else if (kept.error().code() == Code::kExhausted) {
      return kept.error();
    } else if (kept.error().code() != Code::kUnavailable) {  // of a store without them: no fault
      stored.refusals.add(
          "exemplar of " + batch.series[index].text() + ": " + kept.error().message(), run.size());
    }
    run.clear();
  }
  for (const auto& [metric, metadata] : batch.metadata) store.set_metadata(metric, metadata);
  return stored;
}

namespace {

// One label of a series behind `before`, which is null for the first.
template <typename L>
Result<void> check_label(const L* before, const L& label) {
  if (label.name.empty()) return invalid("a label without a name");
  if (!is_valid_utf8(label.name))
    return invalid("label name " + printable(label.name) + " is not UTF-8");
  if (!is_valid_utf8(label.value))
    return invalid("the value of label " + printable(label.name) + " is not UTF-8");
  if (before && before->name == label.name)
    return invalid("label " + printable(label.name) + " stands twice");
  return {};
}

// Whether they had stood in order.
template <typename L>
Result<bool> normalise(std::vector<L>& labels, std::size_t begin) {
  const auto by_name = [](const L& a, const L& b) {
    const int order = a.name.compare(b.name);
    return order < 0 || (order == 0 && a.value < b.value);
  };
  const auto first = labels.begin() + static_cast<std::ptrdiff_t>(begin);
  labels.erase(std::remove_if(first, labels.end(), [](const L& l) { return l.value.empty(); }),
               labels.end());
  const bool in_order = std::is_sorted(first, labels.end(), by_name);
  if (!in_order) std::sort(first, labels.end(), by_name);
  bool named = false;
  for (std::size_t i = begin; i < labels.size(); ++i) {
    HF_TRY(check_label(i > begin ? &labels[i - 1] : nullptr, labels[i]));
    named = named || labels[i].name == model::kMetricName;
  }
  if (!named) return invalid("a series without a metric name");
  return in_order;
}

}  // namespace

Result<void> normalise_labels(std::vector<model::Label>& labels) {
  HF_TRY(normalise(labels, 0));
  return {};
}

Result<bool> normalise_views(metrics::LabelViews& labels, std::size_t begin) {
  return normalise(labels, begin);
}

namespace {

std::string to_name(std::string_view text, bool colons) {
  std::string name;
  name.reserve(text.size() + 1);
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') name += '_';
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || (colons && c == ':');
    name += fits ? c : '_';
  }
  return name;
}

}  // namespace

std::string to_metric_name(std::string_view text) { return to_name(text, true); }
std::string to_label_name(std::string_view text) { return to_name(text, false); }

}  // namespace holdfast::collect
