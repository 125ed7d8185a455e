// Which level serves which block. A block's level is taken where it holds a sixteenth of its samples or
// less; altogether a third of the points must be saved, or walking both ways costs more than it gains.
// What is left of blocks that retention dropped is taken in any case: there is nothing else.
#include <algorithm>
#include <map>

#include "metrics/levels/level_selection.h"

namespace holdfast::metrics {

namespace {

constexpr double kGainMin = 1.5;

std::string name_of(const Block& block) {
  const std::string& path = block.path();
  return path.substr(path.find_last_of('/') + 1);
}

// The share of a block's samples that lies in the request, were they spread evenly.
double share(const Block& block, const SelectRequest& request) {
  const BlockMeta& meta = block.meta();
  const auto from = std::max(meta.min_time, request.from), to = std::min(meta.max_time, request.to);
  const auto all = meta.max_time - meta.min_time;
  if (from > to) return 0;
  return all == 0 ? 1 : static_cast<double>(to - from) / static_cast<double>(all);
}

using BySource = std::map<std::string, std::vector<LevelFilePtr>>;

// The coarsest whose buckets make up buckets of `resolution`.
LevelFilePtr fitting(const std::vector<LevelFilePtr>& levels, std::int64_t resolution) {
  LevelFilePtr best;
  for (const LevelFilePtr& level : levels) {
    if (resolution % level->resolution() != 0) continue;
    if (!best || level->resolution() > best->resolution()) best = level;
  }
  return best;
}

std::int64_t finest(const std::vector<LevelFilePtr>& levels) {
  std::int64_t resolution = levels.front()->resolution();
  for (const LevelFilePtr& level : levels) resolution = std::min(resolution, level->resolution());
  return resolution;
}

}  // namespace

bool same_blocks(const Layout& a, const Layout& b) {
  return std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(),
                    [](const auto& x, const auto& y) { return x.block == y.block; });
}

std::optional<LevelPlan> plan_levels(const Layout& layout, const std::vector<LevelFilePtr>& levels,
                                     const SelectRequest& request, const LevelRequest& wanted,
                                     std::uint64_t head_samples) {
  BySource gone;
  for (const LevelFilePtr& level : levels) {
    if (level->overlaps(request.from, request.to)) gone[level->source()].push_back(level);
  }
  LevelPlan plan;
  plan.resolution = wanted.resolution;
  double samples = static_cast<double>(head_samples), points = samples;
  for (const Layout::Entry& entry : layout.blocks) {
    const auto found = gone.find(name_of(*entry.block));
    const double part = share(*entry.block, request);
    const double own = part * static_cast<double>(entry.block->meta().sample_count);
    samples += own;
    LevelFilePtr level;
    if (found != gone.end()) {
      if (wanted.resolution > 0) level = fitting(found->second, wanted.resolution);
      gone.erase(found);
    }
    if (level && level->bucket_count() * kLevelSamplesMin <= entry.block->meta().sample_count) {
      points += part * static_cast<double>(level->bucket_count());
      plan.parts.push_back({level, false});
      plan.instead.push_back(entry.block);
    } else {
      points += own;
    }
  }
  if (wanted.resolution == 0) {
    if (gone.empty()) return std::nullopt;
    for (const auto& [source, left] : gone)
      plan.resolution = std::max(plan.resolution, finest(left));
  }
  for (const auto& [source, left] : gone) {
    const LevelFilePtr level = fitting(left, plan.resolution);
    if (!level) return std::nullopt;  // only coarser buckets are left than were asked for
    plan.parts.push_back({level, true});
    plan.gone_until = std::max(plan.gone_until, level->end());
  }
  if (plan.parts.empty() || (gone.empty() && samples < kGainMin * points)) return std::nullopt;
  std::stable_sort(plan.parts.begin(), plan.parts.end(),
                   [](const auto& a, const auto& b) { return a.level->end() < b.level->end(); });
  return plan;
}

}  // namespace holdfast::metrics
