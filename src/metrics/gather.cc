#include "metrics/gather.h"

#include <algorithm>
#include <unordered_map>

namespace holdfast::metrics {

void CaptureReader::read(const HeadCapture& capture, Timestamp from, Timestamp to,
                         SeriesData& out) {
  out.histograms.clear();
  if (capture.count == 0) {
    static const auto kNone = std::make_shared<const std::vector<Timestamp>>();
    out.times = kNone;
    out.values.clear();
    return;
  }
  const std::vector<Timestamp>& column = *captures_.columns[capture.column];
  const auto begin = column.begin() + capture.begin;
  const auto end = begin + capture.count;
  const auto first = static_cast<std::size_t>(std::lower_bound(begin, end, from) - column.begin());
  const auto last = static_cast<std::size_t>(std::upper_bound(begin, end, to) - column.begin());
  if (slice_.column != capture.column || slice_.first != first || slice_.last != last) {
    slice_ = {capture.column, first, last, captures_.columns[capture.column]};
    if (first != 0 || last != column.size()) {
      slice_.times = std::make_shared<const std::vector<Timestamp>>(
          column.begin() + static_cast<std::ptrdiff_t>(first),
          column.begin() + static_cast<std::ptrdiff_t>(std::max(first, last)));
    }
  }
  out.times = slice_.times;
  out.values.resize(out.times->size());
  const auto skip = static_cast<std::uint32_t>(first - capture.begin);
  copy_values(capture.tail, skip, skip + static_cast<std::uint32_t>(out.values.size()),
              out.values.data());
  if (!capture.extra) return;
  for (const auto& [index, histogram] : capture.extra->histograms) {
    if (index < skip || index - skip >= out.values.size()) continue;
    out.histograms.resize(out.values.size());
    out.histograms[index - skip] = histogram;
  }
}

void append_samples(const SeriesData& data, std::vector<Sample>& out) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    out.push_back(
        {(*data.times)[i], data.values[i], data.histograms.empty() ? nullptr : data.histograms[i]});
  }
}

void unite(std::vector<Sample>& samples, SeriesData& out) {
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.t < b.t; });
  const auto end = std::unique(samples.begin(), samples.end(),
                               [](const Sample& a, const Sample& b) { return a.t == b.t; });
  samples.erase(end, samples.end());
  std::vector<Timestamp> times;
  times.reserve(samples.size());
  out.values.clear();
  out.histograms.clear();
  for (const Sample& sample : samples) {
    times.push_back(sample.t);
    out.values.push_back(sample.value);
    if (sample.histogram) out.histograms.resize(samples.size());
    if (sample.histogram) out.histograms[times.size() - 1] = sample.histogram;
  }
  out.times = std::make_shared<const std::vector<Timestamp>>(std::move(times));
}

void StoreSelection::labels(std::size_t index, LabelViews& out) const {
  const Entry& entry = entries_[index];
  if (entry.count > 0) {
    const BlockPlace& place = places_[entry.first];
    return parts_[place.part].view->labels(place.series, out);
  }
  const HeadCapture& capture =
      entry.frozen != 0 ? frozen_->captures.series[entry.frozen - 1] : head_.series[entry.head - 1];
  index_.labels(capture.labels, out);
}

std::string_view StoreSelection::label(std::size_t index, std::string_view name) const {
  const Entry& entry = entries_[index];
  if (entry.count > 0) {
    const BlockPlace& place = places_[entry.first];
    return parts_[place.part].view->label(place.series, name);
  }
  const HeadCapture& capture =
      entry.frozen != 0 ? frozen_->captures.series[entry.frozen - 1] : head_.series[entry.head - 1];
  return index_.label(capture.labels, name);
}

class StoreCursor final : public Selection::Cursor {
 public:
  explicit StoreCursor(std::shared_ptr<const StoreSelection> selection)
      : selection_(std::move(selection)),
        open_(selection_->head_),
        cursors_(selection_->parts_.size()) {
    if (selection_->frozen_)
      frozen_ = std::make_unique<CaptureReader>(selection_->frozen_->captures);
  }

  Result<void> read(std::size_t index, SeriesData& out) override {
    const StoreSelection::Entry& entry = selection_->entries_[index];
    const unsigned places = entry.count + (entry.frozen != 0) + (entry.head != 0);
    if (places == 1 && late(entry) == nullptr) return read_only_place(entry, out);
    return read_all(entry, out);
  }

 private:
  const HeadCapture* frozen_of(const StoreSelection::Entry& entry) const {
    return entry.frozen == 0 ? nullptr : &selection_->frozen_->captures.series[entry.frozen - 1];
  }
  const HeadCapture* head_of(const StoreSelection::Entry& entry) const {
    return entry.head == 0 ? nullptr : &selection_->head_.series[entry.head - 1];
  }
  // A capture with samples that came out of order.
  const HeadCapture* late(const StoreSelection::Entry& entry) const {
    for (const HeadCapture* capture : {frozen_of(entry), head_of(entry)}) {
      if (capture && capture->extra && !capture->extra->out_of_order.empty()) return capture;
    }
    return nullptr;
  }

  Result<void> read_block(const StoreSelection::BlockPlace& place, SeriesData& out) {
    const StoreSelection::BlockPart& part = selection_->parts_[place.part];
    auto& cursor = cursors_[place.part];
    const auto read = [&]() -> Result<void> {
      if (!cursor) cursor = HF_TRY(part.block->cursor());
      return cursor->read(place.series, selection_->from_, selection_->to_, out);
    };
    auto done = read();
    if (!done && done.error().code() == Code::kDataLoss)
      selection_->on_data_loss_(*part.block, done.error());
    return done;
  }

  Result<void> read_only_place(const StoreSelection::Entry& entry, SeriesData& out) {
    if (entry.count > 0) return read_block(selection_->places_[entry.first], out);
    if (const HeadCapture* frozen = frozen_of(entry)) {
      frozen_->read(*frozen, selection_->from_, selection_->to_, out);
    } else {
      open_.read(*head_of(entry), selection_->from_, selection_->to_, out);
    }
    return {};
  }

  Result<void> read_all(const StoreSelection::Entry& entry, SeriesData& out) {
    std::size_t count = 0;
    const auto next = [&]() -> SeriesData& {
      if (count == pieces_.size()) pieces_.emplace_back();
      pieces_[count].no_nan = pieces_[count].never_falls = false;
      return pieces_[count++];
    };
    const auto drop_empty = [&] { count -= pieces_[count - 1].size() == 0; };
    for (std::uint32_t i = 0; i < entry.count; ++i) {
      HF_TRY(read_block(selection_->places_[entry.first + i], next()));
      drop_empty();
    }
    if (const HeadCapture* frozen = frozen_of(entry)) {
      frozen_->read(*frozen, selection_->from_, selection_->to_, next());
      drop_empty();
    }
    if (const HeadCapture* head = head_of(entry)) {
      open_.read(*head, selection_->from_, selection_->to_, next());
      drop_empty();
    }
    bool ordered = late(entry) == nullptr;
    for (std::size_t i = 1; i < count && ordered; ++i)
      ordered = pieces_[i - 1].times->back() < pieces_[i].times->front();
    if (ordered) {
      join(std::span(pieces_.data(), count), out);
      return {};
    }
    HF_PROBE("read: overlapping places united");
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < count; ++i) append_samples(pieces_[i], samples);
    for (const HeadCapture* capture : {frozen_of(entry), head_of(entry)}) {
      if (!capture || !capture->extra) continue;
      for (const Sample& sample : capture->extra->out_of_order) {
        if (sample.t >= selection_->from_ && sample.t <= selection_->to_) samples.push_back(sample);
      }
    }
    unite(samples, out);
    return {};
  }

  // Pieces one behind the other. Neighbours mostly share the times of all pieces: then the joined
  // times are shared as well.
  void join(std::span<const SeriesData> pieces, SeriesData& out) {
    out.values.clear();
    out.histograms.clear();
    bool same = joined_ && joined_of_.size() == pieces.size();
    for (std::size_t i = 0; i < pieces.size() && same; ++i) same = joined_of_[i] == pieces[i].times;
    std::size_t total = 0;
    for (const SeriesData& piece : pieces) total += piece.size();
    if (!same) {
      std::vector<Timestamp> times;
      times.reserve(total);
      joined_of_.clear();
      for (const SeriesData& piece : pieces) {
        times.insert(times.end(), piece.times->begin(), piece.times->end());
        joined_of_.push_back(piece.times);
      }
      joined_ = std::make_shared<const std::vector<Timestamp>>(std::move(times));
    }
    out.values.reserve(total);
    out.no_nan = out.never_falls = true;
    for (const SeriesData& piece : pieces) {
      out.no_nan &= piece.no_nan;
      out.never_falls &= piece.never_falls &&
                         (out.values.empty() || out.values.back() <= piece.values.front());
      if (!piece.histograms.empty()) {
        out.histograms.resize(total);
        std::copy(piece.histograms.begin(), piece.histograms.end(),
                  out.histograms.begin() + static_cast<std::ptrdiff_t>(out.values.size()));
      }
      out.values.insert(out.values.end(), piece.values.begin(), piece.values.end());
    }
    out.times = joined_;
  }

  std::shared_ptr<const StoreSelection> selection_;
  CaptureReader open_;
  std::unique_ptr<CaptureReader> frozen_;
  std::vector<std::unique_ptr<Block::Cursor>> cursors_;
  std::vector<SeriesData> pieces_;
  std::vector<std::shared_ptr<const std::vector<Timestamp>>> joined_of_;
  std::shared_ptr<const std::vector<Timestamp>> joined_;
};

std::unique_ptr<Selection::Cursor> StoreSelection::cursor() const {
  return std::make_unique<StoreCursor>(shared_from_this());
}

SelectionBuilder::SelectionBuilder(const HeadIndex& index, Timestamp from, Timestamp to,
                                   StoreSelection::OnDataLoss on_data_loss)
    : selection_(std::make_shared<StoreSelection>(index, from, to)) {
  selection_->on_data_loss_ = std::move(on_data_loss);
}

void SelectionBuilder::add_block(const Layout::Entry& entry,
                                 std::shared_ptr<const Block::View> view,
                                 std::vector<SeriesIndex> series) {
  if (series.empty()) return;
  selection_->parts_.push_back({entry.block, std::move(view)});
  blocks_.push_back({entry.fingerprints, std::move(series)});
}

void SelectionBuilder::add_frozen(std::shared_ptr<const Frozen> frozen,
                                  const std::vector<SeriesId>& ids) {
  if (!frozen) return;
  for (const SeriesId id : ids) {
    if (id < frozen->place_of.size() && frozen->place_of[id] != 0)
      frozen_.push_back(frozen->place_of[id] - 1);
  }
  selection_->frozen_ = std::move(frozen);
}

void SelectionBuilder::add_head(HeadCaptures captures) { selection_->head_ = std::move(captures); }

void SelectionBuilder::build_from_one_block() {
  const std::vector<SeriesIndex>& series = blocks_[0].series;
  selection_->places_.reserve(series.size());
  selection_->entries_.reserve(series.size());
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    selection_->places_.push_back({0, series[i]});
    selection_->entries_.push_back({i, 1, 0, 0});
  }
}

namespace {
struct FingerprintHash {
  std::size_t operator()(const Fingerprint& f) const { return static_cast<std::size_t>(f.low); }
};
}  // namespace

void SelectionBuilder::join() {
  std::unordered_map<Fingerprint, std::uint32_t, FingerprintHash> known;
  std::vector<std::vector<StoreSelection::BlockPlace>> places;
  auto& entries = selection_->entries_;
  std::size_t most = std::max(frozen_.size(), selection_->head_.series.size());
  for (const FromBlock& block : blocks_) most = std::max(most, block.series.size());
  known.reserve(most * 5 / 4);
  entries.reserve(most);
  const auto entry_of = [&](const Fingerprint& fingerprint) {
    const auto [it, fresh] =
        known.try_emplace(fingerprint, static_cast<std::uint32_t>(entries.size()));
    if (fresh) {
      entries.emplace_back();
      places.emplace_back();
    }
    return it->second;
  };
  std::vector<Fingerprint> fingerprints;
  std::size_t place_count = 0;
  for (std::uint32_t part = 0; part < blocks_.size(); ++part) {
    const FromBlock& block = blocks_[part];
    block.fingerprints->get(*selection_->parts_[part].view, block.series, fingerprints);
    for (std::size_t i = 0; i < block.series.size(); ++i)
      places[entry_of(fingerprints[i])].push_back({part, block.series[i]});
    place_count += block.series.size();
  }
  for (const std::uint32_t at : frozen_) {
    const std::uint32_t entry = entry_of(selection_->frozen_->captures.series[at].fingerprint);
    entries[entry].frozen = at + 1;
  }
  for (std::uint32_t at = 0; at < selection_->head_.series.size(); ++at) {
    const std::uint32_t entry = entry_of(selection_->head_.series[at].fingerprint);
    entries[entry].head = at + 1;
  }
  selection_->places_.reserve(place_count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].first = static_cast<std::uint32_t>(selection_->places_.size());
    entries[i].count = static_cast<std::uint32_t>(places[i].size());
    selection_->places_.insert(selection_->places_.end(), places[i].begin(), places[i].end());
  }
}

SelectionPtr SelectionBuilder::build() {
  if (blocks_.size() == 1 && frozen_.empty() && selection_->head_.series.empty()) {
    build_from_one_block();
  } else {
    join();
  }
  return selection_;
}

}  // namespace holdfast::metrics
