// Reading: head first, then blocks (engine.h tells why in this order), joined by labels.
#include <algorithm>
#include <set>

#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {

// Sources of one series may overlap when a flush runs beside the read. Then their samples are
// brought in order, and of two at one time the first stays.
void order_and_unite(Samples& samples) {
  std::vector<std::size_t> order(samples.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return samples.times[a] < samples.times[b];
  });
  Samples result;
  for (const std::size_t i : order) {
    if (!result.times.empty() && result.times.back() == samples.times[i]) continue;
    if (!samples.histograms.empty() && samples.histograms[i]) {
      result.push(samples.times[i], samples.histograms[i]);
    } else {
      result.push(samples.times[i], samples.values[i]);
    }
  }
  samples = std::move(result);
}

}  // namespace

// Runs `read` until no block turns out to be bad: each kDataLoss has taken one off the list, by
// this reader or by another, so this ends.
template <typename F>
auto Engine::setting_bad_blocks_aside(F&& read) const -> decltype(read()) {
  for (;;) {
    auto result = read();
    if (result || result.error().code() != Code::kDataLoss) return result;
  }
}

Result<Engine::Search> Engine::search(const std::vector<Matcher>& matchers, Timestamp from,
                                      Timestamp to) const {
  Search result;
  for (HeadRead& read : head_.read(head_.index().select(matchers), from, to)) {
    auto labels = head_.index().labels(read.id);
    if (!labels) continue;
    result.found.push_back(
        {std::make_shared<const Labels>(std::move(*labels)), std::move(read.chunks), {}});
  }
  HF_TRY(search_blocks(matchers, from, to, result));
  std::stable_sort(result.found.begin(), result.found.end(),
                   [](const Found& a, const Found& b) { return *a.labels < *b.labels; });
  std::vector<Found> joined;
  for (Found& found : result.found) {
    if (joined.empty() || *joined.back().labels != *found.labels) {
      joined.push_back(std::move(found));
      continue;
    }
    Found& same = joined.back();
    same.chunks.insert(same.chunks.end(), found.chunks.begin(), found.chunks.end());
    same.in_blocks.insert(same.in_blocks.end(), found.in_blocks.begin(), found.in_blocks.end());
  }
  result.found = std::move(joined);
  return result;
}

Result<void> Engine::search_blocks(const std::vector<Matcher>& matchers, Timestamp from,
                                   Timestamp to, Search& out) const {
  for (const BlockPtr& block : blocks_->overlapping(from, to)) {
    auto index = blocks_->index(block);
    if (!index) {
      if (index.error().code() == Code::kDataLoss) blocks_->set_aside(*block, index.error());
      return std::move(index).error();
    }
    out.cursors.push_back(std::make_unique<Block::Cursor>(block, *index));
    Block::Cursor* cursor = out.cursors.back().get();
    for (const std::uint32_t series : (*index)->select(matchers, from, to)) {
      out.found.push_back(
          {std::make_shared<const Labels>((*index)->labels(series)), {}, {{cursor, series}}});
    }
  }
  return {};
}

Result<void> Engine::read_found(const Found& found, Timestamp from, Timestamp to,
                                Samples& out) const {
  bool ordered = true;
  std::size_t done = 0;
  const auto check_order = [&] {
    if (done > 0 && done < out.size() && out.times[done] <= out.times[done - 1]) ordered = false;
    done = out.size();
  };
  auto in_blocks = found.in_blocks;
  std::stable_sort(in_blocks.begin(), in_blocks.end(), [](const auto& a, const auto& b) {
    return a.first->index().series[a.second].min_time < b.first->index().series[b.second].min_time;
  });
  for (const auto& [cursor, series] : in_blocks) {
    const auto read = cursor->read(series, from, to, out);
    if (!read) {
      if (read.error().code() == Code::kDataLoss)
        blocks_->set_aside(*cursor->block(), read.error());
      return read.error();
    }
    check_order();
  }
  for (const ChunkPtr& chunk : found.chunks) {
    // Nothing but our own bug makes a chunk in memory unreadable; kDataLoss is for blocks.
    if (const auto read = decode_chunk(*chunk, from, to, out); !read)
      return internal(read.error().message());
    check_order();
  }
  if (!ordered) {
    HF_PROBE("read: overlapping sources united");
    order_and_unite(out);
  }
  return {};
}

Result<bool> Engine::has_sample(const Found& found, Timestamp from, Timestamp to) const {
  const auto inside = [&](Timestamp t) { return from <= t && t <= to; };
  for (const ChunkPtr& chunk : found.chunks) {
    if (inside(chunk->min_time) || inside(chunk->max_time)) return true;
  }
  for (const auto& [cursor, series] : found.in_blocks) {
    const BlockIndex::Series& s = cursor->index().series[series];
    if (inside(s.min_time) || inside(s.max_time)) return true;
  }
  // The range lies within chunks: only their samples can tell.
  Samples samples;
  HF_TRY(read_found(found, from, to, samples));
  return samples.size() > 0;
}

Result<std::vector<Column>> Engine::select(const SelectRequest& request) const {
  const auto binds = [](const Matcher& m) { return !m.matches_empty(); };
  if (std::none_of(request.matchers.begin(), request.matchers.end(), binds)) {
    return invalid("a selector needs at least one matcher that does not match the empty value");
  }
  return setting_bad_blocks_aside([&] { return select_once(request); });
}

Result<std::vector<Column>> Engine::select_once(const SelectRequest& request) const {
  const Search search = HF_TRY(this->search(request.matchers, request.from, request.to));
  std::vector<Column> columns;
  columns.reserve(search.found.size());
  std::size_t total = 0;
  for (const Found& found : search.found) {
    if (request.stop.stop_requested()) return Error(Code::kCanceled, "the read was cancelled");
    Samples samples;
    HF_TRY(read_found(found, request.from, request.to, samples));
    if (samples.size() == 0) continue;
    total += samples.size();
    if (total > request.sample_count_max) {
      return Error(Code::kTooLarge, "the read would load more than " +
                                        std::to_string(request.sample_count_max) + " samples");
    }
    columns.push_back({found.labels, std::move(samples.times), std::move(samples.values),
                       std::move(samples.histograms)});
  }
  return columns;
}

Result<void> Engine::each_series(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                                 Timestamp to,
                                 const std::function<void(const Labels&)>& visit) const {
  const std::vector<std::vector<Matcher>> all = {{}};
  for (const std::vector<Matcher>& matchers : any_of.empty() ? all : any_of) {
    const Search search = HF_TRY(this->search(matchers, from, to));
    for (const Found& found : search.found) {
      if (HF_TRY(has_sample(found, from, to))) visit(*found.labels);
    }
  }
  return {};
}

Result<std::vector<Labels>> Engine::series(const std::vector<std::vector<Matcher>>& any_of,
                                           Timestamp from, Timestamp to, std::size_t limit) const {
  std::set<Labels> result;
  const auto visit = [&](const Labels& labels) { result.insert(labels); };
  HF_TRY(setting_bad_blocks_aside([&] {
    result.clear();
    return each_series(any_of, from, to, visit);
  }));
  std::vector<Labels> list(result.begin(), result.end());
  if (limit != 0 && list.size() > limit) list.resize(limit);
  return list;
}

Result<std::vector<std::string>> Engine::label_names(
    const std::vector<std::vector<Matcher>>& any_of, Timestamp from, Timestamp to) const {
  std::set<std::string> names;
  HF_TRY(setting_bad_blocks_aside([&] {
    names.clear();
    return each_series(any_of, from, to, [&](const Labels& labels) {
      for (const model::Label& label : labels) names.insert(label.name);
    });
  }));
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> Engine::label_values(
    const std::string& name, const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
    Timestamp to) const {
  std::set<std::string> values;
  HF_TRY(setting_bad_blocks_aside([&] {
    values.clear();
    return each_series(any_of, from, to, [&](const Labels& labels) {
      if (const std::string_view value = labels.get(name); !value.empty()) values.emplace(value);
    });
  }));
  return std::vector<std::string>(values.begin(), values.end());
}

}  // namespace holdfast::metrics
