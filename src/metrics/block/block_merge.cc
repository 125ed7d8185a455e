// Merging walks all sources in label order at once. Comparing labels of two sources as strings would
// cost more than all else, so first the symbols of all sources are brought into one order, and from
// then on a label is a pair of numbers that compare across sources.
//
// The samples of a series mostly lie one source behind the other and are joined end to end; the joined
// times are remembered by the parts they came from, so that the series of a scrape share them again.
#include <algorithm>
#include <limits>
#include <map>

#include "metrics/block/block_file.h"
#include "metrics/block/block_writer.h"

namespace holdfast::metrics {

namespace {

// Timestamps held so that they can be shared; past this all are forgotten and found anew.
constexpr std::size_t kTimesHeldMax = 8 << 20;
constexpr std::uint32_t kUnknown = UINT32_MAX;

struct Source {
  std::shared_ptr<const BlockFile> file;
  BlockIndexPtr index;
  std::unique_ptr<BlockFileCursor> cursor;
  std::vector<Symbol> rank;  // of its symbols among those of all sources
  SeriesIndex next = 0;
  SeriesData data;

  bool at_end() const { return next >= index->series_count(); }
};

class Merge {
 public:
  Merge(FileSystem& files, const std::string& folder, const std::string& name,
        const BlockWriterOptions& options, Timestamp from, Timestamp to)
      : files_(files), folder_(folder), name_(name), options_(options), from_(from), to_(to) {}

  Result<void> open(const std::vector<BlockPtr>& sources);
  Result<std::optional<BlockMeta>> run(std::stop_token stop);

 private:
  Result<void> open_cursors();
  void rank_symbols();
  int compare(const Source& a, const Source& b) const;
  void find_least();
  Result<void> merge_series();
  void join(const std::vector<Source*>& parts);
  void unite(const std::vector<Source*>& parts);
  Result<void> put(const Source& labels, const SeriesData& data);

  FileSystem& files_;
  const std::string& folder_;
  const std::string& name_;
  const BlockWriterOptions& options_;
  const Timestamp from_;
  const Timestamp to_;
  std::vector<Source> sources_;
  std::vector<std::string_view> symbols_;  // by rank; owned by the indexes
  std::vector<Symbol> numbers_;            // by rank, in the writer; kUnknown: not asked for yet
  std::vector<Source*> least_;             // the sources that have the next series, in their order
  std::unique_ptr<BlockFileWriter> writer_;
  std::vector<LabelRef> refs_;
  SeriesData joined_;
  std::map<std::vector<const void*>, TimesPtr> joined_times_;
  std::size_t joined_times_count_ = 0;
};

Result<void> Merge::open_cursors() {
  for (Source& source : sources_) source.cursor = HF_TRY(source.file->cursor(CacheUse::kPass));
  joined_times_.clear();
  joined_times_count_ = 0;
  return {};
}

Result<void> Merge::open(const std::vector<BlockPtr>& sources) {
  for (const BlockPtr& block : sources) {
    Source source;
    source.file = std::static_pointer_cast<const BlockFile>(block);
    source.index = HF_TRY(source.file->index());
    sources_.push_back(std::move(source));
  }
  rank_symbols();
  return open_cursors();
}

void Merge::rank_symbols() {
  std::vector<Symbol> at(sources_.size());
  for (Source& source : sources_) source.rank.resize(source.index->symbols().size());
  for (;;) {
    const std::string_view* least = nullptr;
    std::string_view text;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      const Symbols& symbols = sources_[s].index->symbols();
      if (at[s] >= symbols.size()) continue;
      const std::string_view candidate = symbols[at[s]];
      if (least && candidate >= text) continue;
      text = candidate;
      least = &text;
    }
    if (!least) break;
    const auto rank = static_cast<Symbol>(symbols_.size());
    symbols_.push_back(text);
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      const Symbols& symbols = sources_[s].index->symbols();
      if (at[s] < symbols.size() && symbols[at[s]] == text) sources_[s].rank[at[s]++] = rank;
    }
  }
  numbers_.assign(symbols_.size(), kUnknown);
}

int Merge::compare(const Source& a, const Source& b) const {
  const std::size_t a_count = a.index->label_count(a.next);
  const std::size_t b_count = b.index->label_count(b.next);
  for (std::size_t i = 0; i < a_count && i < b_count; ++i) {
    const LabelRef x = a.index->label_ref(a.next, i);
    const LabelRef y = b.index->label_ref(b.next, i);
    if (a.rank[x.name] != b.rank[y.name]) return a.rank[x.name] < b.rank[y.name] ? -1 : 1;
    if (a.rank[x.value] != b.rank[y.value]) return a.rank[x.value] < b.rank[y.value] ? -1 : 1;
  }
  if (a_count == b_count) return 0;
  return a_count < b_count ? -1 : 1;
}

void Merge::find_least() {
  least_.clear();
  for (Source& source : sources_) {
    if (source.at_end()) continue;
    const int order = least_.empty() ? 0 : compare(source, *least_.front());
    if (order < 0) least_.clear();
    if (order <= 0) least_.push_back(&source);
  }
}

Result<void> Merge::put(const Source& labels, const SeriesData& data) {
  if (!writer_) writer_ = HF_TRY(BlockFileWriter::create(files_, folder_, name_, options_));
  const auto number = [&](Symbol rank) {
    Symbol& known = numbers_[rank];
    if (known == kUnknown) known = writer_->intern(symbols_[rank]);
    return known;
  };
  refs_.clear();
  for (std::size_t i = 0; i < labels.index->label_count(labels.next); ++i) {
    const LabelRef ref = labels.index->label_ref(labels.next, i);
    refs_.push_back({number(labels.rank[ref.name]), number(labels.rank[ref.value])});
  }
  return writer_->add(std::span<const LabelRef>(refs_), data);
}

// End to end: the parts do not overlap and come in ascending order.
void Merge::join(const std::vector<Source*>& parts) {
  std::vector<const void*> key;
  std::size_t count = 0;
  bool histograms = false;
  for (const Source* part : parts) {
    key.push_back(part->data.times.get());
    count += part->data.size();
    histograms = histograms || !part->data.histograms.empty();
  }
  TimesPtr& times = joined_times_[key];
  if (!times) {
    std::vector<Timestamp> all;
    all.reserve(count);
    for (const Source* part : parts)
      all.insert(all.end(), part->data.times->begin(), part->data.times->end());
    times = std::make_shared<const std::vector<Timestamp>>(std::move(all));
    joined_times_count_ += count;
  }
  joined_.times = times;
  joined_.values.clear();
  joined_.histograms.clear();
  joined_.values.reserve(count);
  for (Source* part : parts) {
    SeriesData& data = part->data;
    joined_.values.insert(joined_.values.end(), data.values.begin(), data.values.end());
    if (!histograms) continue;
    if (data.histograms.empty()) {
      joined_.histograms.resize(joined_.values.size());
    } else {
      joined_.histograms.insert(joined_.histograms.end(), data.histograms.begin(),
                                data.histograms.end());
    }
  }
}

// Sample by sample: of two at one time the one of the later source stays.
void Merge::unite(const std::vector<Source*>& parts) {
  std::vector<Timestamp> times;
  joined_.values.clear();
  joined_.histograms.clear();
  bool histograms = false;
  std::vector<std::size_t> at(parts.size());
  for (;;) {
    Timestamp t = std::numeric_limits<Timestamp>::max();
    std::size_t from = parts.size();
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const SeriesData& data = parts[p]->data;
      if (at[p] == data.size()) continue;
      if (from == parts.size() || (*data.times)[at[p]] <= t) {
        t = (*data.times)[at[p]];
        from = p;
      }
    }
    if (from == parts.size()) break;
    SeriesData& chosen = parts[from]->data;
    times.push_back(t);
    joined_.values.push_back(chosen.values[at[from]]);
    joined_.histograms.push_back(chosen.histograms.empty() ? nullptr : chosen.histograms[at[from]]);
    histograms = histograms || joined_.histograms.back();
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const SeriesData& data = parts[p]->data;
      if (at[p] < data.size() && (*data.times)[at[p]] == t) ++at[p];
    }
  }
  if (!histograms) joined_.histograms.clear();
  joined_.times = std::make_shared<const std::vector<Timestamp>>(std::move(times));
}

Result<void> Merge::merge_series() {
  std::vector<Source*> parts;
  for (Source* source : least_) {
    HF_TRY(source->cursor->read(source->next, from_, to_, source->data));
    if (source->data.size() > 0) parts.push_back(source);
  }
  if (parts.empty()) return {};
  if (parts.size() == 1) return put(*parts.front(), parts.front()->data);
  // By time, sources of one time in their order: then parts that do not overlap just follow.
  std::vector<Source*> by_time = parts;
  std::stable_sort(by_time.begin(), by_time.end(), [](const Source* a, const Source* b) {
    return a->data.times->front() < b->data.times->front();
  });
  bool apart = true;
  for (std::size_t i = 1; i < by_time.size(); ++i) {
    if (by_time[i]->data.times->front() <= by_time[i - 1]->data.times->back()) apart = false;
  }
  if (apart) {
    join(by_time);
  } else {
    unite(parts);
  }
  return put(*parts.front(), joined_);
}

Result<std::optional<BlockMeta>> Merge::run(std::stop_token stop) {
  for (find_least(); !least_.empty(); find_least()) {
    if (stop.stop_requested()) return Error(Code::kCanceled, "the merge was stopped");
    HF_TRY(merge_series());
    for (Source* source : least_) ++source->next;
    std::size_t held = joined_times_count_;
    for (const Source& source : sources_) held += source.cursor->times_held();
    if (held > kTimesHeldMax) HF_TRY(open_cursors());
  }
  if (!writer_) return std::optional<BlockMeta>();
  return std::optional<BlockMeta>(HF_TRY(writer_->finish()));
}

}  // namespace

Result<std::optional<BlockMeta>> merge_blocks(FileSystem& files,
                                              const std::vector<BlockPtr>& sources,
                                              const std::string& folder, const std::string& name,
                                              const BlockWriterOptions& options, Timestamp from,
                                              Timestamp to, std::stop_token stop) {
  Merge merge(files, folder, name, options, from, to);
  const auto run = [&]() -> Result<std::optional<BlockMeta>> {
    HF_TRY(merge.open(sources));
    return merge.run(std::move(stop));
  };
  return run().context("merge into " + folder + "/" + name);
}

}  // namespace holdfast::metrics
