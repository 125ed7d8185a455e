// metrics/index.h: which series carry which labels, in memory.
//
// Purpose     Interns label strings once, keeps for each name and value the sorted ids of its
//             series (postings), and answers matchers with set algebra over them.
// Invariants  Ids strictly increase as they are added and are never reused; postings are sorted.
// Threads     add() and remove() from one thread at a time (the appender); everything else from any
//             thread at once, also beside them.
// Source      Postings and matcher evaluation as in any inverted index (Manning et al.,
//             "Introduction to Information Retrieval", chapter 1); the rule for matchers that
//             accept the empty value is PromQL's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"

namespace holdfast::metrics {

using SeriesId = std::uint32_t;  // 0 is none

class Index {
 public:
  // `place` is what the owner wants back with the id.
  SeriesId add(const model::Labels& labels, std::uint32_t place);
  void remove(const std::vector<SeriesId>& sorted_ids);

  // Sorted ids of the series that all matchers accept; without matchers all series.
  std::vector<SeriesId> select(const std::vector<model::Matcher>& matchers) const;
  // The labels of a series; nothing when it was removed.
  std::optional<model::Labels> labels(SeriesId id) const;
  // The place of each id that is still there, in the order asked.
  std::vector<std::pair<SeriesId, std::uint32_t>> places(const std::vector<SeriesId>& ids) const;
  // Into the order of their labels; ids that are gone are taken out.
  void sort_by_labels(std::vector<SeriesId>& ids) const;
  // Only for the thread that adds and removes: takes no lock.
  bool has_labels(SeriesId id, const model::Labels& labels) const;

  std::size_t series_count() const;
  std::uint64_t memory_size() const;

 private:
  struct Pair {
    std::uint32_t name;
    std::uint32_t value;
  };
  struct Entry {
    std::unique_ptr<Pair[]> pairs;  // null: absent
    std::uint32_t pair_count = 0;
    std::uint32_t place = 0;
  };
  struct Symbol {
    std::string text;
    std::uint32_t use_count = 0;
  };
  using Postings = std::vector<SeriesId>;
  using Values = std::unordered_map<std::uint32_t, Postings>;  // by the value's symbol

  static constexpr std::size_t kPageSize = 1024;
  using Page = std::unique_ptr<std::vector<Entry>>;

  std::uint32_t intern(std::string_view text);
  void release(std::uint32_t symbol);
  const Entry* find(SeriesId id) const;
  void erase_pair(const Pair& pair, const std::vector<SeriesId>& gone);
  Postings matching_values(const model::Matcher& matcher, bool wanted) const;
  bool accepts(const Entry& entry, const model::Matcher& matcher) const;
  Postings all() const;

  mutable std::shared_mutex mutex_;  // held briefly: add() and remove() alone, the rest shared
  std::deque<Symbol> symbols_;       // never moves, so the views below stay good
  std::vector<std::uint32_t> symbols_free_;
  std::unordered_map<std::string_view, std::uint32_t> symbol_of_;
  std::unordered_map<std::uint32_t, Values> postings_;  // by the name's symbol
  std::vector<Page> pages_;
  std::vector<std::uint32_t> page_use_;
  SeriesId next_ = 1;
  std::size_t series_count_ = 0;
  std::uint64_t text_size_ = 0;
  std::uint64_t pair_count_ = 0;
};

}  // namespace holdfast::metrics
