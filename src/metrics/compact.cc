// Merging blocks. Spans of time grow by level: two hours, a day, eight days, thirty-two. Blocks that
// begin in the same span are merged once the span lies behind what is still coming in, and what
// they held in many small pieces packs into fewer, larger ones. A merge lists its sources in the
// new block, so a crash between its rename and their removal leaves nothing twice.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {

constexpr Timestamp kHour = 3600 * 1000;
constexpr Timestamp kSpans[] = {2 * kHour, 24 * kHour, 8 * 24 * kHour, 32 * 24 * kHour};
// Late samples and slow flushes still find the span open.
constexpr Timestamp kGrace = kHour / 2;
constexpr std::uint64_t kMergedSizeMax = std::uint64_t{16} << 30;  // bytes of the sources together

Timestamp floor_to(Timestamp t, Timestamp span) { return t / span - (t % span < 0 ? 1 : 0); }

struct Plan {
  std::vector<BlockPtr> sources;
  Effort effort = Effort::kSmall;
};

bool wants_rewrite(const Block& block) { return block.meta().level == 1 || block.has_tombstones(); }

}  // namespace

// The blocks to merge next; none when all is as it should be.
static Plan plan_merge(const Layout& layout, Timestamp span_max, bool everything) {
  Timestamp newest = model::kTimestampMin;
  for (const Layout::Entry& entry : layout.blocks)
    newest = std::max(newest, entry.block->meta().max_time);
  std::vector<Timestamp> spans;
  for (const Timestamp span : kSpans) {
    if (span <= span_max || span == kSpans[0]) spans.push_back(span);
  }
  if (everything) spans = {spans.back()};
  for (const Timestamp span : spans) {
    std::map<Timestamp, Plan> buckets;
    for (const Layout::Entry& entry : layout.blocks) {
      if (entry.block->remote()) continue;
      buckets[floor_to(entry.block->meta().min_time, span)].sources.push_back(entry.block);
    }
    for (auto& [number, plan] : buckets) {
      if (!everything && newest < (number + 1) * span + kGrace) continue;
      std::uint64_t total = 0;
      for (const BlockPtr& block : plan.sources) total += block->size();
      if (total > kMergedSizeMax) continue;
      const bool alone = plan.sources.size() == 1;
      if (alone && !(everything && wants_rewrite(*plan.sources[0]))) continue;
      plan.effort = span == kSpans[0] && !everything ? Effort::kFast : Effort::kSmall;
      return plan;
    }
  }
  return {};
}

Result<bool> Engine::merge_once(bool everything) {
  const std::lock_guard lock(compact_mutex_);
  const Layout layout = blocks_->layout();
  // A span is a tenth of the retention at most, so that retention drops whole blocks in time.
  // It is no longer than blocks stay on the disk, for those in a bucket alone are not merged.
  Timestamp span_max = to_ms(options_.retention) / 10;
  if (bucket_ && options_.local_retention > 0s)
    span_max = std::min(span_max, to_ms(options_.local_retention));
  const Plan plan = plan_merge(layout, span_max, everything);
  if (plan.sources.empty()) return false;
  BlockWriterOptions options;
  options.effort = plan.effort;
  options.level = 1;
  for (const BlockPtr& block : plan.sources) {
    options.level = std::max(options.level, block->meta().level + 1);
    options.wal_segment = std::max(options.wal_segment, block->meta().wal_segment);
    options.sources.push_back(block->path().substr(blocks_->folder().size() + 1));
  }
  const std::string name = blocks_->next_name();
  const auto merged = merge_blocks(env_.files, plan.sources, blocks_->folder(), name, options,
                                   model::kTimestampMin, model::kTimestampMax, stop_.get_token());
  if (!merged) {
    if (merged.error().code() != Code::kDataLoss) return merged.error();
    HF_PROBE("compact: bad source set aside");
    HF_TRY(set_bad_aside(plan.sources));
    return true;
  }
  if (auto removed = levels_->remove_of(options.sources); !removed) {
    if (*merged) (void)env_.files.remove(blocks_->path(name));
    return std::move(removed).error();
  }
  BlockSet::Replace change;
  if (*merged) change.added.push_back(name);
  change.replaced = plan.sources;
  HF_TRY(note_merge(plan.sources, *merged ? name : ""));
  HF_TRY(blocks_->replace(change));
  return true;
}

// Finds out which of the blocks cannot be read, by reading them.
Result<void> Engine::set_bad_aside(const std::vector<BlockPtr>& blocks) {
  bool found = false;
  for (const BlockPtr& block : blocks) {
    const auto read = [&]() -> Result<void> {
      const auto view = HF_TRY(block->view());
      auto cursor = HF_TRY(block->cursor());
      SeriesData data;
      for (SeriesIndex i = 0; i < view->series_count(); ++i)
        HF_TRY(cursor->read(i, model::kTimestampMin, model::kTimestampMax, data));
      return {};
    };
    if (const auto done = read(); !done) {
      if (done.error().code() != Code::kDataLoss) return done;
      blocks_->set_aside(*block, done.error());
      found = true;
    }
  }
  if (!found) return internal("a merge met damage that reading its sources does not show");
  return {};
}

Result<void> Engine::compact() {
  for (;;) {
    auto more = merge_once(true);
    if (!more) return std::move(more).error().context("compact metrics");
    if (!*more) return make_levels().context("compact metrics");
  }
}

Result<void> Engine::delete_series(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                                   Timestamp to) {
  // What is in memory goes to a block first: one way to hide samples is enough.
  HF_TRY(flush());
  const std::lock_guard lock(compact_mutex_);  // a merge must not read around the hiding
  HF_TRY(bucket_known(from));
  // All are found before the first is hidden: a bucket that is away refuses the whole.
  std::vector<std::pair<BlockPtr, std::vector<SeriesIndex>>> found;
  for (const Layout::Entry& entry : blocks_->layout().blocks) {
    if (!entry.block->overlaps(from, to)) continue;
    const auto view = HF_TRY(entry.block->view());
    std::vector<SeriesIndex> series;
    for (const std::vector<Matcher>& matchers : any_of) {
      const auto more = view->select(matchers, from, to);
      series.insert(series.end(), more.begin(), more.end());
    }
    std::sort(series.begin(), series.end());
    series.erase(std::unique(series.begin(), series.end()), series.end());
    if (!series.empty()) found.push_back({entry.block, std::move(series)});
  }
  for (const auto& [block, series] : found) {
    // They would still tell of what is hidden; they are made anew.
    HF_TRY(levels_->remove_of({block->path().substr(blocks_->folder().size() + 1)}));
    HF_TRY(block->hide(series, from, to));
  }
  return hide_in_levels(any_of, from, to);
}

// Blocks never change, so a copy of each is a store of its own.
Result<std::string> Engine::snapshot() {
  HF_TRY(flush());
  const std::lock_guard lock(compact_mutex_);
  const std::string name = format_time(env_.clock.now());
  std::string plain;
  for (const char c : name) plain.push_back(c == ':' ? '-' : c);
  plain += "-" + env_.random.hex(4);
  const std::string folder = options_.directory + "/snapshots/" + plain;
  HF_TRY(env_.files.create_directories(folder + "/blocks"));
  for (const Layout::Entry& entry : blocks_->layout().blocks) {
    if (entry.block->remote()) continue;  // stays in the bucket, where it is safe
    const std::string file = entry.block->path().substr(blocks_->folder().size());
    HF_TRY(copy_file(entry.block->path(), folder + "/blocks" + file));
    const std::string tombstones = entry.block->path() + ".tombstones";
    if (env_.files.exists(tombstones))
      HF_TRY(copy_file(tombstones, folder + "/blocks" + file + ".tombstones"));
  }
  HF_TRY(env_.files.sync_dir(folder + "/blocks"));
  HF_TRY(copy_levels(folder));
  return plain;
}

Result<void> Engine::copy_file(const std::string& from, const std::string& to) {
  constexpr std::size_t kPiece = 1 << 20;
  auto in = HF_TRY(env_.files.open(from, OpenMode::kRead));
  auto out = HF_TRY(env_.files.open(to, OpenMode::kCreate));
  for (std::uint64_t at = 0;;) {
    const std::string piece = HF_TRY(in->read_at(at, kPiece));
    if (piece.empty()) break;
    HF_TRY(out->append(piece));
    at += piece.size();
  }
  return out->sync();
}

Result<void> Engine::import(std::span<const Column> series) {
  // By days, series in label order within each.
  constexpr Timestamp kDay = 24 * kHour;
  std::vector<const Column*> order;
  for (const Column& column : series) {
    if (!column.times.empty()) order.push_back(&column);
  }
  std::sort(order.begin(), order.end(),
            [](const Column* a, const Column* b) { return *a->labels < *b->labels; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (*order[i - 1]->labels == *order[i]->labels)
      return invalid(order[i]->labels->text() + ": the series is imported twice");
  }
  std::map<Timestamp, std::vector<std::pair<const Column*, std::size_t>>> days;
  for (const Column* column : order) {
    for (std::size_t i = 0; i < column->times.size(); ++i) {
      if (i > 0 && column->times[i] <= column->times[i - 1])
        return invalid(column->labels->text() + ": the samples to import do not ascend in time");
      const Timestamp day = floor_to(column->times[i], kDay);
      if (i == 0 || day != floor_to(column->times[i - 1], kDay)) days[day].push_back({column, i});
    }
  }
  BlockSet::Replace change;
  const auto write = [&]() -> Result<void> {
    for (const auto& [day, parts] : days) {
      const std::string name = blocks_->next_name();
      auto writer = HF_TRY(BlockWriter::create(env_.files, blocks_->folder(), name, {}));
      LabelViews views;
      SeriesData data;
      for (const auto& [column, first] : parts) {
        std::size_t end = first;
        while (end < column->times.size() && floor_to(column->times[end], kDay) == day) ++end;
        const auto cut = [&, first = first](const auto& from) {
          using V = std::decay_t<decltype(from)>;
          if (from.empty()) return V();
          return V(from.begin() + static_cast<std::ptrdiff_t>(first),
                   from.begin() + static_cast<std::ptrdiff_t>(end));
        };
        data.times = std::make_shared<const std::vector<Timestamp>>(cut(column->times));
        data.values = cut(column->values);
        data.histograms = cut(column->histograms);
        views.clear();
        for (const model::Label& label : *column->labels)
          views.push_back({label.name, label.value});
        HF_TRY(writer->add(views, data));
      }
      HF_TRY(writer->finish());
      change.added.push_back(name);
    }
    return blocks_->replace(change);
  };
  auto written = write();
  if (!written) {
    // A refused import leaves nothing that the next start would find.
    for (const std::string& name : change.added) (void)env_.files.remove(blocks_->path(name));
  }
  return written;
}

std::vector<BlockInfo> Engine::blocks() const {
  std::vector<BlockInfo> result;
  for (const Layout::Entry& entry : blocks_->layout().blocks) {
    const BlockMeta& meta = entry.block->meta();
    result.push_back({entry.block->path().substr(blocks_->folder().size() + 1), meta.min_time,
                      meta.max_time, meta.series_count, meta.sample_count, entry.block->size(),
                      static_cast<int>(meta.level)});
  }
  return result;
}

}  // namespace holdfast::metrics
