#include "metrics/levels/level_set.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"

namespace holdfast::metrics {

namespace {

constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kCorrupt = ".corrupt";
constexpr std::string_view kTombstones = ".tombstones";
constexpr std::int64_t kMinute = 60'000;

std::vector<LevelKind> kinds_of(const StoreOptions& options) {
  const auto kind = [&](std::int64_t resolution, Duration retention) {
    return LevelKind{resolution, to_ms(retention), retention > options.retention};
  };
  return {kind(5 * kMinute, options.retention_5m),
          kind(60 * kMinute, options.retention_1h.value_or(options.retention))};
}

}  // namespace

LevelSet::LevelSet(FileSystem& files, std::string folder, const StoreOptions& options)
    : files_(files),
      folder_(std::move(folder)),
      // A short retention must not be over before the levels are made.
      age_(std::min(kLevelAge, to_ms(options.retention) / 2)),
      kinds_(kinds_of(options)),
      caches_(Block::make_caches({.indexes = 64u << 20, .groups = 64u << 20})) {}

std::string LevelSet::name_of(const std::string& source, std::int64_t resolution) {
  return source + (resolution % (60 * kMinute) == 0
                       ? "." + std::to_string(resolution / (60 * kMinute)) + "h"
                       : "." + std::to_string(resolution / kMinute) + "m");
}

std::string LevelSet::source_of(const Block& block) const {
  const std::string& path = block.path();
  return path.substr(path.find_last_of('/') + 1);
}

Result<void> LevelSet::open(const std::set<std::string>& replaced) {
  HF_TRY(files_.create_directories(folder_));
  for (const FileInfo& file : HF_TRY(files_.list(folder_))) {
    const std::string path = folder_ + "/" + file.name;
    if (file.name.ends_with(kTemporary)) {
      HF_PROBE("level: interrupted write removed");
      HF_TRY(files_.remove(path));
      continue;
    }
    if (file.name.ends_with(kCorrupt) || file.name.ends_with(kTombstones)) continue;
    auto level = LevelFile::open(files_, path, caches_);
    if (!level && level.error().code() == Code::kDataLoss) {
      HF_PROBE("level: corrupt file set aside");
      HF_TRY(files_.rename(path, path + std::string(kCorrupt)));
      problems_.push_back(path + " is set aside as .corrupt: " + level.error().message());
      log_error("metrics level set aside", {{"path", path}, {"why", level.error().message()}});
      continue;
    }
    if (!level) return std::move(level).error().context("open " + path);
    if (replaced.contains((*level)->source())) {
      HF_PROBE("level: of a block that was merged, removed");
      HF_TRY(remove(*level));
      continue;
    }
    levels_.push_back(std::move(*level));
  }
  return {};
}

std::vector<LevelFilePtr> LevelSet::list() const {
  const std::lock_guard lock(mutex_);
  return levels_;
}

bool LevelSet::touch(Timestamp from, Timestamp to) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(levels_.begin(), levels_.end(),
                     [&](const LevelFilePtr& level) { return level->overlaps(from, to); });
}

LevelFilePtr LevelSet::find(const std::string& source, std::int64_t resolution) const {
  const std::lock_guard lock(mutex_);
  for (const LevelFilePtr& level : levels_) {
    if (level->source() == source && level->resolution() == resolution) return level;
  }
  return nullptr;
}

// Only what is made for speed must pay; what outlives the samples is made in any case.
Result<bool> LevelSet::pays(const Block& block, const LevelKind& kind) const {
  if (block.meta().series_count > kLevelSeriesMax) {
    log_warn("metrics block has too many series for a level",
             {{"path", block.path()}, {"series", std::to_string(block.meta().series_count)}});
    return false;
  }
  if (kind.outlives) return true;
  const auto view = HF_TRY(block.view());
  constexpr std::size_t kLooked = 4096;  // series; a block's are much alike
  const std::size_t step = std::max<std::size_t>(view->series_count() / kLooked, 1);
  std::uint64_t samples = 0, buckets = 0;
  for (std::size_t i = 0; i < view->series_count(); i += step) {
    const auto series = static_cast<SeriesIndex>(i);
    samples += view->sample_count(series);
    buckets += static_cast<std::uint64_t>((bucket_end(view->max_time(series), kind.resolution) -
                                           bucket_end(view->min_time(series), kind.resolution)) /
                                          kind.resolution) +
               1;
  }
  return samples >= buckets * kLevelSamplesMin;
}

Result<bool> LevelSet::make(const Layout::Entry& entry, const LevelKind& kind,
                            std::stop_token stop) {
  const std::string source = source_of(*entry.block);
  const LevelWrite level{folder_, name_of(source, kind.resolution), source, kind.resolution, stop};
  LevelFilePtr finer;
  for (const LevelKind& other : kinds_) {
    if (other.resolution < kind.resolution && kind.resolution % other.resolution == 0)
      finer = find(source, other.resolution);
  }
  auto written =
      finer ? write_level(files_, finer, level) : write_level(files_, entry.block, level);
  if (!written && finer && written.error().code() == Code::kDataLoss) {
    set_aside(*finer, written.error());  // the samples are there to make both anew
    return true;
  }
  if (!HF_TRY(std::move(written))) {
    const std::lock_guard lock(mutex_);
    without_.insert(level.name);
    return false;
  }
  auto opened = HF_TRY(LevelFile::open(files_, folder_ + "/" + level.name, caches_));
  const std::lock_guard lock(mutex_);
  levels_.push_back(std::move(opened));
  std::stable_sort(
      levels_.begin(), levels_.end(), [](const LevelFilePtr& a, const LevelFilePtr& b) {
        return std::tuple(a->source(), a->resolution()) < std::tuple(b->source(), b->resolution());
      });
  return true;
}

Result<bool> LevelSet::make_one(const Layout& layout, Timestamp newest, std::stop_token stop) {
  for (const Layout::Entry& entry : layout.blocks) {
    if (entry.block->meta().max_time >= newest - age_) continue;
    const std::string source = source_of(*entry.block);
    for (const LevelKind& kind : kinds_) {
      if (kind.retention == 0 || entry.block->meta().max_time < newest - kind.retention) continue;
      const std::string name = name_of(source, kind.resolution);
      {
        const std::lock_guard lock(mutex_);
        if (without_.contains(name)) continue;
      }
      if (find(source, kind.resolution)) continue;
      if (HF_TRY(pays(*entry.block, kind))) {
        if (HF_TRY(make(entry, kind, stop))) return true;
        continue;
      }
      const std::lock_guard lock(mutex_);
      without_.insert(name);
    }
  }
  return false;
}

Timestamp LevelSet::awaited(const Layout& layout) const {
  for (const Layout::Entry& entry : layout.blocks) {  // oldest first
    const std::string source = source_of(*entry.block);
    for (const LevelKind& kind : kinds_) {
      if (!kind.outlives || find(source, kind.resolution)) continue;
      const std::lock_guard lock(mutex_);
      if (!without_.contains(name_of(source, kind.resolution))) return entry.block->meta().max_time;
    }
  }
  return model::kTimestampMax;
}

Result<void> LevelSet::remove(const LevelFilePtr& level) {
  {
    const std::lock_guard lock(mutex_);
    std::erase(levels_, level);
  }
  const std::string& path = level->block()->path();
  HF_TRY(files_.remove(path).context("remove metrics level " + path));
  (void)files_.remove(path + std::string(kTombstones));  // mostly there is none
  return {};
}

Result<void> LevelSet::remove_of(const std::vector<std::string>& sources) {
  bool any = false;
  for (const LevelFilePtr& level : list()) {
    if (std::find(sources.begin(), sources.end(), level->source()) == sources.end()) continue;
    HF_TRY(remove(level));
    any = true;
  }
  if (any) HF_TRY(files_.sync_dir(folder_));
  const std::lock_guard lock(mutex_);
  for (const std::string& source : sources) {
    for (const LevelKind& kind : kinds_) without_.erase(name_of(source, kind.resolution));
  }
  return {};
}

Result<void> LevelSet::drop(Timestamp now, std::uint64_t size_max) {
  std::vector<LevelFilePtr> levels = list();
  std::stable_sort(levels.begin(), levels.end(), [](const LevelFilePtr& a, const LevelFilePtr& b) {
    return a->end() < b->end();
  });
  std::uint64_t total = size();
  for (const LevelFilePtr& level : levels) {
    const auto kind = std::find_if(kinds_.begin(), kinds_.end(), [&](const LevelKind& k) {
      return k.resolution == level->resolution();
    });
    const bool expired = kind == kinds_.end() || level->end() < now - kind->retention;
    if (!expired && (size_max == 0 || total <= size_max)) continue;
    total -= level->block()->size();
    HF_TRY(remove(level));
    const std::lock_guard lock(mutex_);  // not to be made again at once
    without_.insert(name_of(level->source(), level->resolution()));
  }
  return {};
}

void LevelSet::set_aside(const LevelFile& level, const Error& why) {
  HF_PROBE("level: set aside while reading");
  const std::string& path = level.block()->path();
  {
    const std::lock_guard lock(mutex_);
    const auto count =
        std::erase_if(levels_, [&](const LevelFilePtr& known) { return known.get() == &level; });
    if (count == 0) return;  // another reader was first
  }
  std::string text = path + " is set aside as .corrupt: " + why.message();
  if (const auto renamed = files_.rename(path, path + std::string(kCorrupt)); !renamed)
    text += "; it could not be renamed: " + renamed.error().message();
  log_error("metrics level set aside", {{"path", path}, {"why", why.message()}});
  const std::lock_guard lock(mutex_);
  problems_.push_back(std::move(text));
}

std::uint64_t LevelSet::size() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const LevelFilePtr& level : levels_) size += level->block()->size();
  return size;
}

Timestamp LevelSet::min_time() const {
  const std::lock_guard lock(mutex_);
  Timestamp min = model::kTimestampMax;
  for (const LevelFilePtr& level : levels_) min = std::min(min, level->begin());
  return min;
}

std::vector<std::string> LevelSet::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace holdfast::metrics
