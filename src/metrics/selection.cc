// What every Reader has for nothing: find() over the columns that select() returned.
#include <xxhash.h>

#include "metrics/store.h"

namespace holdfast::metrics {

namespace {

class ColumnSelection final : public Selection {
 public:
  explicit ColumnSelection(std::vector<Column> columns) : columns_(std::move(columns)) {
    times_.reserve(columns_.size());
    for (Column& column : columns_) {
      // Neighbours with equal times share one vector, as series of one scrape do.
      if (times_.empty() || *times_.back() != column.times) {
        times_.push_back(std::make_shared<const std::vector<Timestamp>>(std::move(column.times)));
      } else {
        times_.push_back(times_.back());
      }
    }
  }

  std::size_t size() const override { return columns_.size(); }
  void labels(std::size_t index, LabelViews& out) const override {
    out.clear();
    for (const model::Label& label : *columns_[index].labels)
      out.push_back({label.name, label.value});
  }
  std::string_view label(std::size_t index, std::string_view name) const override {
    return columns_[index].labels->get(name);
  }
  std::unique_ptr<Cursor> cursor() const override { return std::make_unique<ColumnCursor>(*this); }

 private:
  class ColumnCursor final : public Cursor {
   public:
    explicit ColumnCursor(const ColumnSelection& selection) : selection_(selection) {}
    Result<void> read(std::size_t index, SeriesData& out) override {
      out.times = selection_.times_[index];
      out.values = selection_.columns_[index].values;
      out.histograms = selection_.columns_[index].histograms;
      return {};
    }

   private:
    const ColumnSelection& selection_;
  };

  std::vector<Column> columns_;
  std::vector<std::shared_ptr<const std::vector<Timestamp>>> times_;
};

// One seed a process, so that nobody can prepare label sets that collide.
std::uint64_t fingerprint_seed() {
  static const std::uint64_t seed = SystemRandom().next();
  return seed;
}

}  // namespace

Result<SelectionPtr> Reader::find(const SelectRequest& request) const {
  return SelectionPtr(std::make_shared<const ColumnSelection>(HF_TRY(select(request))));
}

Result<LevelSelectionPtr> Reader::find_levels(const SelectRequest&, const LevelRequest&) const {
  return LevelSelectionPtr();
}

Labels to_labels(const LabelViews& views) {
  std::vector<model::Label> labels;
  labels.reserve(views.size());
  for (const LabelView& view : views)
    labels.push_back({std::string(view.name), std::string(view.value)});
  return Labels(std::move(labels));
}

Fingerprint fingerprint(std::string_view canonical) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(canonical.data(), canonical.size(), fingerprint_seed());
  return {hash.low64, hash.high64};
}

// A store that only takes and gives samples needs none of these.
namespace {
Error beyond_this_store() { return Error(Code::kUnavailable, "this store cannot do that"); }
}  // namespace

Result<AppendResult> Store::append(const FlatBatch& batch) {
  std::vector<Labels> labels;
  labels.reserve(batch.series.size());
  std::vector<SampleIn> samples;
  for (const FlatBatch::Series& series : batch.series) {
    labels.push_back(HF_TRY(batch.labels_of(series.encoded)));
    for (std::uint32_t i = 0; i < series.sample_count; ++i) {
      const FlatSample& sample = batch.samples[series.sample_begin + i];
      samples.push_back({SeriesRef::kNone, &labels.back(), {sample.t, sample.value, nullptr}});
    }
  }
  return append(samples, false);
}
Result<void> Store::append_exemplars(const Labels&, std::span<const Exemplar>) {
  return beyond_this_store();
}
std::vector<SeriesExemplars> Store::exemplars(const std::vector<std::vector<Matcher>>&, Timestamp,
                                              Timestamp) const {
  return {};
}
Result<void> Store::compact() { return beyond_this_store(); }
Result<void> Store::delete_series(const std::vector<std::vector<Matcher>>&, Timestamp, Timestamp) {
  return beyond_this_store();
}
Result<void> Store::upload() { return beyond_this_store(); }
Result<std::string> Store::snapshot() { return beyond_this_store(); }
Result<void> Store::import(std::span<const Column>) { return beyond_this_store(); }
std::vector<BlockInfo> Store::blocks() const { return {}; }
Cardinality Store::cardinality(std::size_t) const { return {}; }
void Store::set_limits(const SeriesLimits&) {}

}  // namespace holdfast::metrics
