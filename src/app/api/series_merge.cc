#include "app/api/series_merge.h"

#include <algorithm>
#include <compare>

namespace holdfast::app {
namespace {

std::strong_ordering compare(const metrics::LabelViews& a, const metrics::LabelViews& b) {
  return std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        const auto by_name = x.name <=> y.name;
        return by_name != 0 ? by_name : x.value <=> y.value;
      });
}

}  // namespace

Result<SeriesUnion> SeriesUnion::find(const metrics::Reader& reader,
                                      const std::vector<std::vector<model::Matcher>>& any_of,
                                      model::Timestamp from, model::Timestamp to,
                                      std::stop_token stop) {
  SeriesUnion all;
  for (const auto& matchers : any_of) {
    metrics::SelectRequest request;
    request.matchers = matchers;
    request.from = from;
    request.to = to;
    request.stop = stop;
    auto found = HF_TRY(reader.find(request));
    for (std::size_t i = 0; i < found->size(); ++i)
      all.entries_.push_back({all.selections_.size(), i});
    all.selections_.push_back(std::move(found));
  }
  if (all.selections_.size() < 2) return all;
  std::vector<std::pair<metrics::LabelViews, Entry>> sorted(all.entries_.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sorted[i].second = all.entries_[i];
    all.selections_[sorted[i].second.selection]->labels(sorted[i].second.index, sorted[i].first);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return compare(a.first, b.first) < 0; });
  all.entries_.clear();
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].first == sorted[i - 1].first) continue;
    all.entries_.push_back(sorted[i].second);
  }
  return all;
}

void SeriesUnion::labels(std::size_t i, metrics::LabelViews& out) const {
  selections_[entries_[i].selection]->labels(entries_[i].index, out);
}

SeriesUnion::Cursor::Cursor(const SeriesUnion& all) : all_(all) {
  for (const auto& selection : all.selections_) cursors_.push_back(selection->cursor());
}

Result<void> SeriesUnion::Cursor::read(std::size_t i, metrics::SeriesData& out) {
  const auto& entry = all_.entries_[i];
  return cursors_[entry.selection]->read(entry.index, out);
}

}  // namespace holdfast::app
