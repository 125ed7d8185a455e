// Reading: what the head and the blocks offer, joined (gather.h). Blocks that turn out to be bad
// are taken off the list, and the reader asks again.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "metrics/engine.h"
#include "metrics/gather.h"

namespace holdfast::metrics {

namespace {

// Runs `read` until no block turns out to be bad: each kDataLoss has taken one off the list, by
// this reader or by another, so this ends.
template <typename F>
auto setting_bad_blocks_aside(F&& read) -> decltype(read()) {
  for (;;) {
    auto result = read();
    if (result || result.error().code() != Code::kDataLoss) return result;
  }
}

}  // namespace

Result<SelectionPtr> Engine::find(const SelectRequest& request) const {
  const auto binds = [](const Matcher& m) { return !m.matches_empty(); };
  if (std::none_of(request.matchers.begin(), request.matchers.end(), binds)) {
    return invalid("a selector needs at least one matcher that does not match the empty value");
  }
  return setting_bad_blocks_aside([&] { return find_once(request); });
}

Result<SelectionPtr> Engine::find_once(const SelectRequest& request,
                                       const std::vector<BlockPtr>& without) const {
  HF_TRY(bucket_known(request.from));
  for (;;) {
    const HeadIndex::Pin pin = head_.index().pin();
    Layout layout = blocks_->layout();
    const std::vector<SeriesId> ids = head_.index().select(request.matchers);
    HeadCaptures captures = head_.capture(ids, request.from, request.to);
    // Nothing changed its place or its id while the head was listed.
    if (blocks_->layout_version() != layout.version || head_.index().pin() != pin) continue;
    SelectionBuilder builder(head_.index(), request.from, request.to,
                             [blocks = blocks_.get()](const Block& block, const Error& why) {
                               blocks->set_aside(block, why);
                             });
    for (const Layout::Entry& entry : layout.blocks) {
      if (!entry.block->overlaps(request.from, request.to)) continue;
      if (std::find(without.begin(), without.end(), entry.block) != without.end()) continue;
      auto view = entry.block->view();
      if (!view) {
        if (view.error().code() == Code::kDataLoss) blocks_->set_aside(*entry.block, view.error());
        return std::move(view).error();
      }
      auto series = (*view)->select(request.matchers, request.from, request.to);
      builder.add_block(entry, std::move(*view), std::move(series));
    }
    builder.add_frozen(layout.frozen, ids);
    builder.add_head(std::move(captures));
    return builder.build();
  }
}

Result<std::vector<Column>> Engine::select(const SelectRequest& request) const {
  return setting_bad_blocks_aside([&]() -> Result<std::vector<Column>> {
    const SelectionPtr selection = HF_TRY(find(request));
    const auto cursor = selection->cursor();
    std::vector<Column> columns;
    SeriesData data;
    LabelViews views;
    std::size_t total = 0;
    for (std::size_t i = 0; i < selection->size(); ++i) {
      if (request.stop.stop_requested()) return Error(Code::kCanceled, "the read was cancelled");
      HF_TRY(cursor->read(i, data));
      if (data.size() == 0) continue;
      total += data.size();
      if (total > request.sample_count_max) {
        return Error(Code::kTooLarge, "the read would load more than " +
                                          std::to_string(request.sample_count_max) + " samples");
      }
      selection->labels(i, views);
      columns.push_back({std::make_shared<const Labels>(to_labels(views)), *data.times, data.values,
                         data.histograms});
    }
    std::sort(columns.begin(), columns.end(),
              [](const Column& a, const Column& b) { return *a.labels < *b.labels; });
    return columns;
  });
}

bool Engine::head_overlaps(Timestamp from, Timestamp to) const {
  const auto touches = [&](Timestamp min, Timestamp max) { return min <= to && max >= from; };
  const auto [min, max] = head_.time_range();
  if (min <= max && touches(min, max)) return true;
  const auto frozen = blocks_->layout().frozen;
  return frozen &&
         touches(frozen->captures.generation->min_time, frozen->captures.generation->max_time);
}

// Names, or values of `name`, without matchers: of blocks by the spans of their series, of the head
// as a whole, since it reaches back two hours at most.
Result<void> Engine::each_label(const std::string* name, Timestamp from, Timestamp to,
                                const std::function<void(std::string_view)>& visit) const {
  HF_TRY(bucket_known(from));
  for (const Layout::Entry& entry : blocks_->layout().blocks) {
    const BlockMeta& meta = entry.block->meta();
    if (!entry.block->overlaps(from, to)) continue;
    const auto view = entry.block->view();
    if (!view && view.error().code() == Code::kDataLoss) {
      blocks_->set_aside(*entry.block, view.error());
      continue;
    }
    if (!view) return view.error();
    if (from <= meta.min_time && meta.max_time <= to) {
      for (const std::string_view text :
           name ? (*view)->label_values(*name) : (*view)->label_names())
        visit(text);
      continue;
    }
    const auto spans = name ? entry.labels->values(**view, *name) : entry.labels->names(**view);
    for (const LabelSpan& span : *spans) {
      if (span.min_time <= to && span.max_time >= from) visit(span.text);
    }
  }
  for (const LevelFilePtr& level : levels_of_gone(from, to)) {
    const auto view = level->block()->view();
    if (!view && view.error().code() == Code::kDataLoss) {
      levels_->set_aside(*level, view.error());
      continue;
    }
    if (!view) return view.error();
    for (const std::string_view text : name ? (*view)->label_values(*name) : (*view)->label_names())
      if (!text.empty()) visit(text);
  }
  if (!head_overlaps(from, to)) return {};
  head_.index().each_pair([&](LabelView pair, std::size_t) {
    if (!name) visit(pair.name);
    if (name && pair.name == *name) visit(pair.value);
  });
  return {};
}

// `visit` answers whether it wants more.
Result<void> Engine::each_series(
    const std::vector<std::vector<Matcher>>& any_of, Timestamp from, Timestamp to,
    const std::function<bool(const Selection&, std::size_t)>& visit) const {
  const std::vector<std::vector<Matcher>> all = {
      {HF_TRY(Matcher::make(model::MatchOp::kRegex, std::string(model::kMetricName), ".*"))}};
  for (const std::vector<Matcher>& matchers : any_of.empty() ? all : any_of) {
    SelectRequest request;
    request.matchers = matchers;
    request.from = from;
    request.to = to;
    SelectionPtr selection = HF_TRY(find_levels(request, {}));  // when samples are gone
    if (!selection)
      selection = HF_TRY(setting_bad_blocks_aside([&] { return find_once(request); }));
    for (std::size_t i = 0; i < selection->size(); ++i) {
      if (!visit(*selection, i)) return {};
    }
  }
  return {};
}

Result<std::vector<Labels>> Engine::series(const std::vector<std::vector<Matcher>>& any_of,
                                           Timestamp from, Timestamp to, std::size_t limit) const {
  std::set<Labels> found;
  LabelViews views;
  HF_TRY(each_series(any_of, from, to, [&](const Selection& selection, std::size_t i) {
    selection.labels(i, views);
    found.insert(to_labels(views));
    return true;
  }));
  std::vector<Labels> list(found.begin(), found.end());
  if (limit != 0 && list.size() > limit) list.resize(limit);
  return list;
}

Result<std::vector<std::string>> Engine::label_names(
    const std::vector<std::vector<Matcher>>& any_of, Timestamp from, Timestamp to) const {
  std::set<std::string, std::less<>> names;
  const auto add = [&](std::string_view name) {
    if (!names.contains(name)) names.emplace(name);
  };
  if (any_of.empty()) {
    HF_TRY(each_label(nullptr, from, to, add));
  } else {
    LabelViews views;
    HF_TRY(each_series(any_of, from, to, [&](const Selection& selection, std::size_t i) {
      selection.labels(i, views);
      for (const LabelView& label : views) add(label.name);
      return true;
    }));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> Engine::label_values(
    const std::string& name, const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
    Timestamp to) const {
  std::set<std::string, std::less<>> values;
  const auto add = [&](std::string_view value) {
    if (!value.empty() && !values.contains(value)) values.emplace(value);
  };
  if (any_of.empty()) {
    HF_TRY(each_label(&name, from, to, add));
  } else {
    HF_TRY(each_series(any_of, from, to, [&](const Selection& selection, std::size_t i) {
      add(selection.label(i, name));
      return true;
    }));
  }
  return std::vector<std::string>(values.begin(), values.end());
}

}  // namespace holdfast::metrics
