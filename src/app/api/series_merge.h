// app/api/series_merge.h: the series that any of several selectors finds, each once, ordered by labels.
//
// Purpose     match[] may be given many times; /series, /federate and remote read answer the union.
// Threads     One object, one thread; what it holds may be read by several.
// Errors      Those of Reader::find().
#pragma once

#include <cstddef>
#include <stop_token>
#include <vector>

#include "metrics/store.h"

namespace holdfast::app {

class SeriesUnion {
 public:
  struct Entry {
    std::size_t selection = 0;
    std::size_t index = 0;
  };
  static Result<SeriesUnion> find(const metrics::Reader& reader,
                                  const std::vector<std::vector<model::Matcher>>& any_of,
                                  model::Timestamp from, model::Timestamp to, std::stop_token stop);

  std::size_t size() const { return entries_.size(); }
  void labels(std::size_t i, metrics::LabelViews& out) const;
  // Fastest in ascending order of `i`.
  class Cursor {
   public:
    explicit Cursor(const SeriesUnion& all);
    Result<void> read(std::size_t i, metrics::SeriesData& out);

   private:
    const SeriesUnion& all_;
    std::vector<std::unique_ptr<metrics::Selection::Cursor>> cursors_;
  };

 private:
  std::vector<metrics::SelectionPtr> selections_;
  std::vector<Entry> entries_;
};

}  // namespace holdfast::app
