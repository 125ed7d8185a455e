#include "collect/metric_sink.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast::collect {

void SeriesWriter::begin(model::Timestamp t) {
  ++round_;
  t_ = t;
  batch_.clear();
}

void SeriesWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  if (!described_.emplace(name).second) return;
  store_.set_metadata(std::string(name), {std::string(type), std::string(help), {}});
}

void SeriesWriter::add(std::string_view name, std::span<const LabelView> labels, double value) {
  key_.assign(name);
  for (const auto& label : labels) {
    key_ += '\xff';
    key_ += label.name;
    key_ += '\xff';
    key_ += label.value;
  }
  auto [at, is_new] = series_.try_emplace(key_);
  auto& series = at->second;
  if (is_new) {
    std::vector<model::Label> all(base_.begin(), base_.end());
    all.push_back({std::string(model::kMetricName), std::string(name)});
    for (const auto& label : labels) all.push_back({std::string(label.name), std::string(label.value)});
    series.labels = model::Labels(std::move(all));  // a later duplicate name wins
  } else if (series.round == round_) {
    return;  // a second value for one series at one moment: the first stands
  }
  series.round = round_;
  batch_.emplace_back(&series, value);
}

Result<metrics::AppendResult> SeriesWriter::commit() {
  for (auto& [key, series] : series_) {
    if (series.round != round_) batch_.emplace_back(&series, model::stale_marker());
  }
  std::vector<metrics::SampleIn> samples;
  samples.reserve(batch_.size());
  bool want_refs = false;
  for (const auto& [series, value] : batch_) {
    want_refs = want_refs || series->ref == metrics::SeriesRef::kNone;
    samples.push_back({series->ref, &series->labels, {t_, value, nullptr}});
  }
  auto result = store_.append(samples, want_refs);
  if (result && want_refs && result->refs.size() == batch_.size()) {
    for (std::size_t i = 0; i < batch_.size(); ++i) batch_[i].first->ref = result->refs[i];
  }
  batch_.clear();
  // Forgotten only once the marker is written: after a full disk the next batch tries again.
  if (result) std::erase_if(series_, [&](const auto& entry) { return entry.second.round != round_; });
  return result;
}

Result<metrics::AppendResult> SeriesWriter::end(model::Timestamp t) {
  begin(t);
  return commit();
}

void TextExposition::family(std::string_view name, std::string_view type, std::string_view help) {
  if (!described_.emplace(name).second) return;
  text_.append("# HELP ").append(name).append(" ");
  for (const char c : help) {
    if (c == '\\') text_ += "\\\\";
    else if (c == '\n') text_ += "\\n";
    else text_ += c;
  }
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void TextExposition::add(std::string_view name, std::span<const LabelView> labels, double value) {
  text_ += name;
  if (!labels.empty()) {
    text_ += '{';
    for (const auto& label : labels) {
      if (text_.back() != '{') text_ += ',';
      text_.append(label.name).append("=").append(model::quote(label.value));
    }
    text_ += '}';
  }
  text_.append(" ").append(format_double(value)).append("\n");
}

}  // namespace holdfast::collect
