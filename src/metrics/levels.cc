// The engine's side of levels: making them, keeping them true, asking them.
#include <algorithm>

#include "metrics/engine.h"
#include "metrics/levels/level_selection.h"

namespace holdfast::metrics {

namespace {

std::string name_of(const Block& block) {
  return block.path().substr(block.path().find_last_of('/') + 1);
}

}  // namespace

Result<void> Engine::open_levels() {
  levels_ = std::make_unique<LevelSet>(env_.files, options_.directory + "/levels", options_);
  std::set<std::string> replaced;
  for (const Layout::Entry& entry : blocks_->layout().blocks) {
    for (const std::string& source : entry.block->meta().sources) replaced.insert(source);
  }
  return levels_->open(replaced);
}

// One after another, so that a merge or a deletion may come between.
Result<void> Engine::make_levels() {
  for (;;) {
    const std::lock_guard lock(compact_mutex_);
    const Layout layout = blocks_->layout_on_disk();
    // What is old is told by the samples, as merges do: data of last year are as young as their end.
    const Timestamp newest = std::max(head_.time_range().second, blocks_->max_time());
    const Timestamp now = to_ms(env_.clock.now());
    auto made = levels_->make_one(layout, std::min(newest, now), stop_.get_token());
    if (!made) {
      if (made.error().code() != Code::kDataLoss) return std::move(made).error();
      HF_PROBE("level: bad source set aside");
      std::vector<BlockPtr> blocks;
      for (const Layout::Entry& entry : layout.blocks) blocks.push_back(entry.block);
      HF_TRY(set_bad_aside(blocks));
      continue;
    }
    if (!*made) return {};
  }
}

// Of samples that are gone their buckets are hidden, each that may hold one of them.
Result<void> Engine::hide_in_levels(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                                    Timestamp to) {
  for (const LevelFilePtr& level : levels_of_gone(from, to)) {
    std::vector<SeriesIndex> series;
    for (const std::vector<Matcher>& matchers : any_of) {
      const LevelFile::Found found = HF_TRY(level->find(matchers, from, to));
      for (const SeriesIndex index : found.with_buckets) {
        for (unsigned column = 0; column < kLevelColumns; ++column)
          series.push_back(static_cast<SeriesIndex>(column * found.series_count + index));
      }
      series.insert(series.end(), found.with_samples.begin(), found.with_samples.end());
    }
    std::sort(series.begin(), series.end());
    series.erase(std::unique(series.begin(), series.end()), series.end());
    if (!series.empty())
      HF_TRY(level->block()->hide(
          series, from,
          std::min(to, model::kTimestampMax - level->resolution()) + level->resolution() - 1));
  }
  return {};
}

Result<void> Engine::copy_levels(const std::string& folder) {
  const std::vector<LevelFilePtr> levels = levels_->list();
  if (levels.empty()) return {};
  HF_TRY(env_.files.create_directories(folder + "/levels"));
  for (const LevelFilePtr& level : levels) {
    const std::string& path = level->block()->path();
    const std::string to = folder + "/levels/" + name_of(*level->block());
    HF_TRY(copy_file(path, to));
    if (env_.files.exists(path + ".tombstones"))
      HF_TRY(copy_file(path + ".tombstones", to + ".tombstones"));
  }
  return env_.files.sync_dir(folder + "/levels");
}

std::vector<LevelFilePtr> Engine::levels_of_gone(Timestamp from, Timestamp to) const {
  if (!levels_->touch(from, to)) return {};
  for (;;) {
    const Layout layout = blocks_->layout();
    std::vector<LevelFilePtr> levels = levels_->list();
    if (!same_blocks(layout, blocks_->layout())) continue;
    std::erase_if(levels, [&](const LevelFilePtr& level) {
      return !level->overlaps(from, to) ||
             std::any_of(layout.blocks.begin(), layout.blocks.end(), [&](const auto& entry) {
               return name_of(*entry.block) == level->source();
             });
    });
    return levels;
  }
}

Result<LevelSelectionPtr> Engine::find_levels(const SelectRequest& request,
                                              const LevelRequest& levels) const {
  for (;;) {
    auto found = find_levels_once(request, levels);
    // What turned out to be damaged is off the list now.
    if (found || found.error().code() != Code::kDataLoss) return found;
  }
}

Result<LevelSelectionPtr> Engine::find_levels_once(const SelectRequest& request,
                                                   const LevelRequest& wanted) const {
  if (!levels_->touch(request.from, request.to)) return LevelSelectionPtr();
  for (;;) {
    // A level counts only together with the blocks that stood beside it: the list of blocks must not
    // change while the levels are listed and the samples found.
    const Layout layout = blocks_->layout();
    const std::vector<LevelFilePtr> levels = levels_->list();
    const std::uint64_t in_head =
        head_overlaps(request.from, request.to) ? head_.sample_count() : 0;
    auto plan = plan_levels(layout, levels, request, wanted, in_head);
    if (!plan) {
      if (same_blocks(layout, blocks_->layout())) return LevelSelectionPtr();
      continue;
    }
    LevelSources sources;
    sources.samples = HF_TRY(find_once(request, plan->instead));
    if (!same_blocks(layout, blocks_->layout())) continue;
    sources.plan = *std::move(plan);
    sources.find_all = [this, request] { return find(request); };
    sources.on_data_loss = [this](const LevelFile& level, const Error& why) {
      levels_->set_aside(level, why);
    };
    return join_levels(request, wanted, std::move(sources));
  }
}

}  // namespace holdfast::metrics
