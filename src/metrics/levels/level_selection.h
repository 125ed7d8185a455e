// metrics/levels/level_selection.h: what of a request levels serve, and the series they have, joined with
// those whose samples are read.
//
// Purpose     plan_levels() decides block by block; LevelJoin puts a selection together that gives buckets
//             where it may and samples where it must.
// Invariants  Of one time of a series, either a level or its block is read, never both. Places of a series
//             that overlap, which summing up cannot undo, are read as samples.
// Threads     The plan is a value; the selection is immutable, each cursor serves one thread.
#pragma once

#include <functional>
#include <vector>

#include "metrics/block_set.h"
#include "metrics/levels/level_set.h"

namespace holdfast::metrics {

struct LevelPlan {
  struct Part {
    LevelFilePtr level;
    bool gone = false;  // the samples
  };
  std::vector<Part> parts;        // by time
  std::vector<BlockPtr> instead;  // blocks that the parts serve
  std::int64_t resolution = 0;
  Timestamp gone_until = model::kTimestampMin;
};
// Nothing when there are no levels for the request, or they would not pay. `head_samples` lie in the
// range besides the blocks.
std::optional<LevelPlan> plan_levels(const Layout& layout, const std::vector<LevelFilePtr>& levels,
                                     const SelectRequest& request, const LevelRequest& wanted,
                                     std::uint64_t head_samples);
bool same_blocks(const Layout& a, const Layout& b);

struct LevelSources {
  LevelPlan plan;
  SelectionPtr samples;                            // of what the plan leaves to samples
  std::function<Result<SelectionPtr>()> find_all;  // samples of all blocks
  std::function<void(const LevelFile&, const Error&)> on_data_loss;
};
Result<LevelSelectionPtr> join_levels(const SelectRequest& request, const LevelRequest& wanted,
                                      LevelSources sources);

}  // namespace holdfast::metrics
