#include "metrics/block_set.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/log.h"

namespace holdfast::metrics {

namespace {
constexpr std::string_view kSuffix = ".blk";
constexpr std::string_view kTemporary = ".tmp";
// What decoded indexes and open column groups of all blocks may hold; more is read again.

Fingerprint fingerprint_of(const LabelViews& labels, std::string& canonical) {
  canonical.clear();
  for (const LabelView& label : labels) {
    canonical.append(label.name).push_back('\xff');
    canonical.append(label.value).push_back('\xff');
  }
  return fingerprint(canonical);
}
}  // namespace

void BlockFingerprints::get(const Block::View& view, const std::vector<SeriesIndex>& series,
                            std::vector<Fingerprint>& out) {
  const std::lock_guard lock(mutex_);
  known_.resize(view.series_count());
  LabelViews labels;
  std::string canonical;
  out.clear();
  out.reserve(series.size());
  for (const SeriesIndex index : series) {
    Fingerprint& known = known_[index];
    if (known == Fingerprint()) {
      view.labels(index, labels);
      known = fingerprint_of(labels, canonical);
    }
    out.push_back(known);
  }
}

namespace {

// Spans by text, whose bytes belong to the view. Neighbours mostly have the same texts.
class SpanMap {
 public:
  void add(std::string_view text, Timestamp min, Timestamp max) {
    if (last_ == nullptr || last_text_.data() != text.data() || last_text_.size() != text.size()) {
      last_ = &spans_[text];
      last_text_ = text;
    }
    last_->min_time = std::min(last_->min_time, min);
    last_->max_time = std::max(last_->max_time, max);
  }
  BlockLabelSpans::Spans take() const {
    auto result = std::make_shared<std::vector<LabelSpan>>();
    result->reserve(spans_.size());
    for (const auto& [text, span] : spans_)
      result->push_back({std::string(text), span.min_time, span.max_time});
    return result;
  }

 private:
  std::unordered_map<std::string_view, LabelSpan> spans_;  // nodes stay where they are
  std::string_view last_text_;
  LabelSpan* last_ = nullptr;
};

}  // namespace

BlockLabelSpans::Spans BlockLabelSpans::names(const Block::View& view) {
  const std::lock_guard lock(mutex_);
  if (names_) return names_;
  SpanMap spans;
  LabelViews labels;
  for (SeriesIndex i = 0; i < view.series_count(); ++i) {
    view.labels(i, labels);
    for (const LabelView& label : labels) spans.add(label.name, view.min_time(i), view.max_time(i));
  }
  return names_ = spans.take();
}

BlockLabelSpans::Spans BlockLabelSpans::values(const Block::View& view, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(values_.begin(), values_.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known != values_.end()) {
    std::rotate(values_.begin(), known, known + 1);
    return values_.front().second;
  }
  SpanMap spans;
  for (SeriesIndex i = 0; i < view.series_count(); ++i) {
    const std::string_view value = view.label(i, name);
    if (!value.empty()) spans.add(value, view.min_time(i), view.max_time(i));
  }
  if (values_.size() == kNamesKept) values_.pop_back();
  values_.insert(values_.begin(), {name, spans.take()});
  return values_.front().second;
}

BlockSet::BlockSet(FileSystem& files, std::string folder, std::size_t decoded_bytes_max)
    : files_(files),
      folder_(std::move(folder)),
      caches_(Block::make_caches({.decoded = decoded_bytes_max})) {}

Result<void> BlockSet::open() {
  HF_TRY(files_.create_directories(folder_));
  std::vector<Layout::Entry> found;
  std::set<std::string> merged;
  for (const FileInfo& file : HF_TRY(files_.list(folder_))) {
    const std::string path = folder_ + "/" + file.name;
    if (file.name.ends_with(kTemporary)) {
      HF_PROBE("block: interrupted write removed");
      HF_TRY(files_.remove(path));
      continue;
    }
    // Names of blocks set aside count too: their numbers are not used again.
    next_ = std::max<std::uint64_t>(next_, std::strtoull(file.name.c_str(), nullptr, 10) + 1);
    if (!file.name.ends_with(kSuffix)) continue;
    auto block = Block::open(files_, path, caches_);
    if (block) {
      for (const std::string& source : (*block)->meta().sources) merged.insert(source);
      found.push_back(Layout::Entry::of(*block));
    } else if (block.error().code() == Code::kDataLoss) {
      HF_PROBE("block: corrupt file set aside");
      HF_TRY(files_.rename(path, path + ".corrupt"));
      problems_.push_back(path + " is set aside as .corrupt: " + block.error().message());
      log_error("metrics block set aside", {{"path", path}, {"why", block.error().message()}});
    } else {
      return std::move(block).error().context("open " + path);
    }
  }
  for (Layout::Entry& entry : found) {
    const std::string name = entry.block->path().substr(folder_.size() + 1);
    if (merged.contains(name)) {
      HF_PROBE("block: source of a finished merge removed");
      HF_TRY(files_.remove(entry.block->path()));
      continue;
    }
    layout_.blocks.push_back(std::move(entry));
  }
  sort_locked();
  return {};
}

void BlockSet::sort_locked() const {
  std::stable_sort(layout_.blocks.begin(), layout_.blocks.end(),
                   [](const Layout::Entry& a, const Layout::Entry& b) {
                     return a.block->meta().min_time < b.block->meta().min_time;
                   });
}

Layout BlockSet::layout() const {
  const std::lock_guard lock(mutex_);
  return layout_;
}

Layout BlockSet::layout_on_disk() const {
  Layout all = layout();
  std::erase_if(all.blocks, [](const Layout::Entry& entry) { return entry.block->remote(); });
  return all;
}

std::uint64_t BlockSet::layout_version() const {
  const std::lock_guard lock(mutex_);
  return layout_.version;
}

std::shared_ptr<const Frozen> BlockSet::freeze(const std::function<HeadCaptures()>& freeze) {
  const std::lock_guard lock(mutex_);
  auto frozen = std::make_shared<Frozen>();
  frozen->captures = freeze();
  for (std::uint32_t i = 0; i < frozen->captures.series.size(); ++i) {
    const SeriesId id = frozen->captures.series[i].id;
    if (id >= frozen->place_of.size()) frozen->place_of.resize(std::size_t{id} + 1);
    frozen->place_of[id] = i + 1;
  }
  layout_.frozen = frozen;
  ++layout_.version;
  return frozen;
}

void BlockSet::thaw() {
  const std::lock_guard lock(mutex_);
  layout_.frozen.reset();
}

std::string BlockSet::next_name() {
  const std::lock_guard lock(mutex_);
  char name[40];
  std::snprintf(name, sizeof name, "%010llu.blk", static_cast<unsigned long long>(next_++));
  return name;
}

Result<void> BlockSet::replace(const Replace& change) {
  std::vector<Layout::Entry> added;
  for (const std::string& name : change.added) {
    added.push_back(Layout::Entry::of(HF_TRY(Block::open(files_, path(name), caches_))));
  }
  {
    const std::lock_guard lock(mutex_);
    for (const BlockPtr& gone : change.replaced) {
      std::erase_if(layout_.blocks,
                    [&](const Layout::Entry& entry) { return entry.block == gone; });
    }
    layout_.blocks.insert(layout_.blocks.end(), added.begin(), added.end());
    sort_locked();
    if (change.thaw) layout_.frozen.reset();
  }
  for (const BlockPtr& gone : change.replaced) {
    HF_TRY(files_.remove(gone->path()).context("remove merged metrics block " + gone->path()));
    (void)files_.remove(gone->path() + ".tombstones");  // mostly there is none
  }
  return {};
}

Result<std::optional<Sample>> BlockSet::newest_sample(const LabelViews& labels, Timestamp t) {
  std::optional<Sample> newest;
  for (const Layout::Entry& entry : layout().blocks) {
    // An append never waits for a bucket; what lies there is older than what is still sent.
    if (entry.block->meta().max_time < t || entry.block->remote()) continue;
    const auto read = [&]() -> Result<void> {
      const auto view = HF_TRY(entry.block->view());
      const auto found = view->find(labels);
      if (!found || view->max_time(*found) < t) return {};
      const Timestamp end = view->max_time(*found);
      if (newest && newest->t >= end) return {};
      SeriesData data;
      auto cursor = HF_TRY(entry.block->cursor());
      HF_TRY(cursor->read(*found, end, end, data));
      if (data.size() == 0) return {};
      newest = Sample{data.times->back(), data.values.back(),
                      data.histograms.empty() ? nullptr : data.histograms.back()};
      return {};
    };
    if (const auto done = read(); !done) {
      if (done.error().code() != Code::kDataLoss) return done.error();
      set_aside(*entry.block, done.error());
    }
  }
  return newest;
}

void BlockSet::set_aside(const Block& block, const Error& why) const {
  HF_PROBE("block: set aside while reading");
  const std::lock_guard lock(mutex_);
  const auto count = std::erase_if(
      layout_.blocks, [&](const Layout::Entry& entry) { return entry.block.get() == &block; });
  if (count == 0) return;  // another reader was first
  if (block.remote()) {
    log_error("metrics block left out", {{"why", why.message()}});
    problems_.push_back("a block in object storage is left out until the next start: " +
                        why.message());
    return;
  }
  std::string text = block.path() + " is set aside as .corrupt: " + why.message();
  if (const auto renamed = files_.rename(block.path(), block.path() + ".corrupt"); !renamed) {
    text += "; it could not be renamed: " + renamed.error().message();
  }
  log_error("metrics block set aside", {{"path", block.path()}, {"why", why.message()}});
  problems_.push_back(std::move(text));
}

Result<void> BlockSet::add_remote(const std::string& name, std::unique_ptr<File> file) {
  auto block = HF_TRY(Block::open_remote(files_, path(name), std::move(file), caches_));
  const std::lock_guard lock(mutex_);
  layout_.blocks.push_back(Layout::Entry::of(std::move(block)));
  sort_locked();
  return {};
}

Result<void> BlockSet::make_remote(const BlockPtr& block, std::unique_ptr<File> file) {
  const BlockPtr twin = HF_TRY(Block::open_remote(files_, block->path(), std::move(file), caches_));
  {
    const std::lock_guard lock(mutex_);
    const auto entry = std::find_if(layout_.blocks.begin(), layout_.blocks.end(),
                                    [&](const Layout::Entry& e) { return e.block == block; });
    if (entry == layout_.blocks.end()) return {};  // dropped meanwhile
    entry->block = twin;  // the same series, so what is known of them stays
  }
  return files_.remove(block->path()).context("remove metrics block " + block->path());
}

void BlockSet::forget(const std::string& name) {
  const std::string gone = path(name);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(layout_.blocks,
                  [&](const Layout::Entry& entry) { return entry.block->path() == gone; });
  }
  (void)files_.remove(gone + ".tombstones");
}

Result<void> BlockSet::drop(Timestamp floor, std::uint64_t size_max, const Before& before) {
  std::vector<BlockPtr> gone;
  {
    std::uint64_t total = size();
    const std::lock_guard lock(mutex_);
    for (const Layout::Entry& entry : layout_.blocks) {
      const bool local = !entry.block->remote();
      const bool too_much = size_max != 0 && total > size_max && local;
      if (entry.block->meta().max_time >= floor && !too_much) continue;
      gone.push_back(entry.block);
      if (local) total -= entry.block->size();
    }
  }
  for (const BlockPtr& block : gone) {
    if (before) HF_TRY(before(*block));
    auto removed = block->remote() ? Result<void>() : files_.remove(block->path());
    // It may have become a remote one meanwhile.
    if (!removed && removed.error().code() != Code::kNotFound)
      return std::move(removed).context("drop metrics block " + block->path());
    forget(block->path().substr(folder_.size() + 1));
  }
  return {};
}

Timestamp BlockSet::min_time() const {
  const std::lock_guard lock(mutex_);
  Timestamp min = model::kTimestampMax;
  for (const Layout::Entry& entry : layout_.blocks)
    min = std::min(min, entry.block->meta().min_time);
  return min;
}

Timestamp BlockSet::max_time() const {
  const std::lock_guard lock(mutex_);
  Timestamp max = model::kTimestampMin;
  for (const Layout::Entry& entry : layout_.blocks)
    max = std::max(max, entry.block->meta().max_time);
  return max;
}

std::uint64_t BlockSet::size() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const Layout::Entry& entry : layout_.blocks) {
    if (!entry.block->remote()) size += entry.block->size();
  }
  return size;
}

std::uint64_t BlockSet::wal_segment() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t segment = 1;
  for (const Layout::Entry& entry : layout_.blocks) {
    // A remote block may count the segments of another machine's log.
    if (!entry.block->remote()) segment = std::max(segment, entry.block->meta().wal_segment);
  }
  return segment;
}

std::vector<std::string> BlockSet::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace holdfast::metrics
