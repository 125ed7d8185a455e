#include "metrics/levels/level_selection.h"

#include <algorithm>
#include <unordered_map>

#include "metrics/gather.h"

namespace holdfast::metrics {

namespace {

struct FingerprintHash {
  std::size_t operator()(const Fingerprint& f) const { return static_cast<std::size_t>(f.low); }
};
using Known = std::unordered_map<Fingerprint, std::uint32_t, FingerprintHash>;

constexpr std::uint32_t kNone = UINT32_MAX;

Fingerprint fingerprint_of(const LabelViews& labels, std::string& canonical) {
  canonical.clear();
  for (const LabelView& label : labels) {
    canonical.append(label.name).push_back('\xff');
    canonical.append(label.value).push_back('\xff');
  }
  return fingerprint(canonical);
}

bool has_histograms(const SeriesData& data) {
  return std::any_of(data.histograms.begin(), data.histograms.end(),
                     [](const auto& h) { return h != nullptr; });
}

class Joined final : public LevelSelection, public std::enable_shared_from_this<Joined> {
 public:
  struct Part {
    LevelFilePtr level;
    bool gone = false;
    LevelFile::Found found;
  };
  struct Place {
    std::uint32_t part = 0;
    SeriesIndex series = 0;
    bool samples = false;  // histograms: kept as samples
  };
  struct Entry {
    std::vector<Place> places;  // by time
    std::uint32_t samples = kNone;
    bool gone = false;
    bool only_samples = false;
  };

  Joined(const SelectRequest& request, const LevelRequest& wanted, LevelSources sources)
      : request_(request), wanted_(wanted), sources_(std::move(sources)) {}
  Result<void> build();

  std::int64_t resolution() const override { return sources_.plan.resolution; }
  Timestamp gone_until() const override { return sources_.plan.gone_until; }
  std::size_t size() const override { return entries_.size(); }
  void labels(std::size_t index, LabelViews& out) const override {
    const Entry& entry = entries_[index];
    if (entry.places.empty()) return sources_.samples->labels(entry.samples, out);
    LevelFile::labels(view_of(entry), entry.places.front().series, out);
  }
  std::string_view label(std::size_t index, std::string_view name) const override {
    const Entry& entry = entries_[index];
    if (entry.places.empty()) return sources_.samples->label(entry.samples, name);
    return name.empty() ? name : view_of(entry).label(entry.places.front().series, name);
  }
  std::unique_ptr<Cursor> cursor() const override;

  // All samples of all series, found when the first needs them: index by fingerprint.
  struct All {
    SelectionPtr selection;
    Known known;
  };
  Result<std::shared_ptr<const All>> all() const;

 private:
  friend class JoinedCursor;
  const Block::View& view_of(const Entry& entry) const {
    return *parts_[entry.places.front().part].found.view;
  }

  const SelectRequest request_;
  const LevelRequest wanted_;
  const LevelSources sources_;
  std::vector<Part> parts_;
  std::vector<Entry> entries_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const All> all_;
};

Result<void> Joined::build() {
  Known known;
  const auto entry_of = [&](const Fingerprint& fingerprint) -> Entry& {
    const auto [it, fresh] =
        known.try_emplace(fingerprint, static_cast<std::uint32_t>(entries_.size()));
    if (fresh) entries_.emplace_back();
    return entries_[it->second];
  };
  for (const LevelPlan::Part& part : sources_.plan.parts) {
    auto found = part.level->find(request_.matchers, request_.from, request_.to);
    if (!found && found.error().code() == Code::kDataLoss)
      sources_.on_data_loss(*part.level, found.error());
    const auto number = static_cast<std::uint32_t>(parts_.size());
    parts_.push_back({ part.level, part.gone, HF_TRY(std::move(found)) });
    const LevelFile::Found& list = parts_.back().found;
    const auto add = [&](SeriesIndex series, bool samples) {
      Entry& entry = entry_of(part.level->fingerprint_of(list, series));
      entry.places.push_back({number, series, samples});
      entry.gone = entry.gone || part.gone;
      entry.only_samples = entry.only_samples || samples;
    };
    for (const SeriesIndex series : list.with_buckets) add(series, false);
    for (const SeriesIndex series : list.with_samples) add(series, true);
  }
  LabelViews views;
  std::string canonical;
  for (std::uint32_t i = 0; i < sources_.samples->size(); ++i) {
    sources_.samples->labels(i, views);
    entry_of(fingerprint_of(views, canonical)).samples = i;
  }
  return {};
}

Result<std::shared_ptr<const Joined::All>> Joined::all() const {
  const std::lock_guard lock(mutex_);  // the others want the same
  if (all_) return all_;
  auto all = std::make_shared<All>();
  all->selection = HF_TRY(sources_.find_all());
  LabelViews views;
  std::string canonical;
  for (std::uint32_t i = 0; i < all->selection->size(); ++i) {
    all->selection->labels(i, views);
    all->known.emplace(fingerprint_of(views, canonical), i);
  }
  all_ = std::move(all);
  return all_;
}

class JoinedCursor final : public Selection::Cursor, private Buckets::Samples {
 public:
  explicit JoinedCursor(std::shared_ptr<const Joined> selection)
      : selection_(std::move(selection)),
        builder_(selection_->resolution()),
        readers_(selection_->parts_.size()) {}

  Result<void> read(std::size_t index, SeriesData& out) override {
    index_ = index;
    out.buckets = nullptr;
    const Joined::Entry& entry = selection_->entries_[index];
    if (selection_->wanted_.resolution == 0 || entry.only_samples) return read_left(entry, out);
    auto done = read_buckets(entry, out);
    // What a damaged level said is still in the samples.
    if (done || done.error().code() != Code::kDataLoss || entry.gone) return done;
    HF_PROBE("level: damaged, the samples answer");
    return read_all(out);
  }

 private:
  using Entry = Joined::Entry;
  using Place = Joined::Place;

  // Buckets::Samples
  Result<void> read(SeriesData& out) override { return read_all(out); }

  LevelReader& reader(const Place& place) {
    auto& reader = readers_[place.part];
    const Joined::Part& part = selection_->parts_[place.part];
    if (!reader) reader = std::make_unique<LevelReader>(part.level, part.found.series_count);
    return *reader;
  }

  Result<void> checked(const Place& place, Result<void> done) const {
    if (!done && done.error().code() == Code::kDataLoss)
      selection_->sources_.on_data_loss(*selection_->parts_[place.part].level, done.error());
    return done;
  }

  Result<void> read_place(const Place& place, std::vector<LevelBucket>& out) {
    const SelectRequest& request = selection_->request_;
    const auto until = request.to + selection_->parts_[place.part].level->resolution() - 1;
    return checked(place, reader(place).read(place.series, request.from, until,
                                             selection_->wanted_.fields, out));
  }

  Result<void> read_samples(const Entry& entry, SeriesData& out) {
    if (entry.samples == kNone) {
      out.times = none_;
      out.values.clear();
      out.histograms.clear();
      return {};
    }
    if (!samples_) samples_ = selection_->sources_.samples->cursor();
    return samples_->read(entry.samples, out);
  }

  // The places of the series as buckets, one behind the other; or those of what is gone alone.
  enum class Places { kAll, kGone };
  Result<void> gather(const Entry& entry, Places which) {
    std::size_t count = 0;
    const auto next = [&]() -> std::vector<LevelBucket>& {
      if (count == pieces_.size()) pieces_.emplace_back();
      return pieces_[count++];
    };
    for (const Place& place : entry.places) {
      if (place.samples || (which == Places::kGone && !selection_->parts_[place.part].gone))
        continue;
      HF_TRY(read_place(place, next()));
    }
    if (which == Places::kAll && entry.samples != kNone) {
      HF_TRY(read_samples(entry, data_));
      if (has_histograms(data_)) {
        found_histograms_ = true;
        return {};
      }
      // The first it takes: nothing overlaps.
      (void)builder_.add(data_, selection_->wanted_.fields);
      builder_.take(next());
    }
    used_ = count;
    return {};
  }

  // Joins the pieces; false when they overlap.
  bool join(std::vector<LevelBucket>& out) {
    const auto pieces = std::span(pieces_.data(), used_);
    const auto before = [](const LevelBucket& a, const LevelBucket& b) {
      return a.first_time < b.first_time;
    };
    bool fits = true;
    const LevelBucket* last = nullptr;
    bool ordered = true;
    for (const auto& piece : pieces) {
      if (piece.empty()) continue;
      ordered = ordered && (last == nullptr || last->first_time < piece.front().first_time);
      last = &piece.back();
    }
    if (ordered) {
      for (const auto& piece : pieces) fits = fits && builder_.add(piece);
    } else {
      mixed_.clear();
      for (const auto& piece : pieces) mixed_.insert(mixed_.end(), piece.begin(), piece.end());
      std::stable_sort(mixed_.begin(), mixed_.end(), before);
      fits = builder_.add(mixed_);
    }
    builder_.take(out);
    return fits;
  }

  void join_overlapping(std::vector<LevelBucket>& out) {
    mixed_.clear();
    for (std::size_t i = 0; i < used_; ++i)
      mixed_.insert(mixed_.end(), pieces_[i].begin(), pieces_[i].end());
    std::stable_sort(mixed_.begin(), mixed_.end(),
                     [](const LevelBucket& a, const LevelBucket& b) { return a.end < b.end; });
    builder_.add_overlapping(mixed_);
    builder_.take(out);
  }

  // Kept between series unless somebody holds it.
  Buckets& fresh_buckets() {
    if (!buckets_ || buckets_.use_count() > 1) buckets_ = std::make_shared<Buckets>();
    buckets_->resolution = selection_->resolution();
    buckets_->exact = true;
    buckets_->samples = nullptr;
    return *buckets_;
  }

  Result<void> read_buckets(const Entry& entry, SeriesData& out) {
    found_histograms_ = false;
    HF_TRY(gather(entry, Places::kAll));
    if (found_histograms_) return read_left(entry, out);
    Buckets& buckets = fresh_buckets();
    if (!entry.gone) buckets.samples = this;
    if (!join(buckets.buckets)) {
      HF_PROBE("level: overlapping places");
      if (!entry.gone) return read_all(out);
      buckets.exact = false;
      join_overlapping(buckets.buckets);
    }
    out.times = none_;
    out.values.clear();
    out.histograms.clear();
    if (!buckets.buckets.empty()) out.buckets = buckets_;
    return {};
  }

  // What is left of samples, and buckets beside them where they are gone.
  Result<void> read_left(const Entry& entry, SeriesData& out) {
    HF_TRY(read_kept(entry, out));
    if (!entry.gone) return {};
    HF_TRY(gather(entry, Places::kGone));
    Buckets& buckets = fresh_buckets();
    if (!join(buckets.buckets)) {
      buckets.exact = false;
      join_overlapping(buckets.buckets);
    }
    if (!buckets.buckets.empty()) out.buckets = buckets_;
    return {};
  }

  // Samples that stand in levels of what is gone, and all others.
  Result<void> read_kept(const Entry& entry, SeriesData& out) {
    const bool all = selection_->wanted_.resolution != 0;
    HF_TRY(all ? read_all(out) : read_samples(entry, out));
    if (!entry.gone || !entry.only_samples) return {};
    std::vector<Sample> samples;
    for (const Place& place : entry.places) {
      if (!place.samples || !selection_->parts_[place.part].gone) continue;
      HF_TRY(checked(place, reader(place).read_samples(place.series, selection_->request_.from,
                                                       selection_->request_.to, data_)));
      append_samples(data_, samples);
    }
    append_samples(out, samples);
    unite(samples, out);
    return {};
  }

  Result<void> read_all(SeriesData& out) {
    if (!all_) {
      all_ = HF_TRY(selection_->all());
      all_cursor_ = all_->selection->cursor();
    }
    LabelViews views;
    std::string canonical;
    selection_->labels(index_, views);
    const auto found = all_->known.find(fingerprint_of(views, canonical));
    if (found != all_->known.end()) return all_cursor_->read(found->second, out);
    out.times = none_;
    out.values.clear();
    out.histograms.clear();
    return {};
  }

  std::shared_ptr<const Joined> selection_;
  std::size_t index_ = 0;
  BucketBuilder builder_;
  std::vector<std::unique_ptr<LevelReader>> readers_;
  std::unique_ptr<Selection::Cursor> samples_;
  std::shared_ptr<const Joined::All> all_;
  std::unique_ptr<Selection::Cursor> all_cursor_;
  std::vector<std::vector<LevelBucket>> pieces_;
  std::size_t used_ = 0;
  std::vector<LevelBucket> mixed_;
  bool found_histograms_ = false;
  SeriesData data_;
  std::shared_ptr<Buckets> buckets_;
  std::shared_ptr<const std::vector<Timestamp>> none_ =
      std::make_shared<const std::vector<Timestamp>>();
};

std::unique_ptr<Selection::Cursor> Joined::cursor() const {
  return std::make_unique<JoinedCursor>(shared_from_this());
}

}  // namespace

Result<LevelSelectionPtr> join_levels(const SelectRequest& request, const LevelRequest& wanted,
                                      LevelSources sources) {
  auto joined = std::make_shared<Joined>(request, wanted, std::move(sources));
  HF_TRY(joined->build());
  return LevelSelectionPtr(std::move(joined));
}

}  // namespace holdfast::metrics
