// metrics/head_index.h: which series of the head carry which labels.
//
// Purpose     Keeps every name=value pair once, with the sorted ids of its series (postings), and answers
//             matchers with set algebra over them. A series is the list of its pairs.
// Idea        One table lookup a pair makes a series known: a fleet's new series are mostly old pairs.
// Invariants  Postings are sorted: ids are handed out by the caller and may come back after remove().
// Threads     add() and remove() from one thread at a time; everything else from any thread at once,
//             also beside them. Texts and pair lists that remove() took away stay readable for who
//             holds a Pin taken before.
// Source      Postings and matcher evaluation as in any inverted index (Manning et al., "Introduction
//             to Information Retrieval", chapter 1); the rule for matchers that accept the empty
//             value is PromQL's.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/stable_array.h"
#include "metrics/store.h"

namespace holdfast::metrics {

using SeriesId = std::uint32_t;  // 0 is none
using PairId = std::uint32_t;

// The labels of a series as pair ids, ordered by name. Points into the index: good while pinned.
struct PairList {
  const PairId* pairs = nullptr;
  std::uint32_t count = 0;
};

class HeadIndex {
 public:
  HeadIndex();
  ~HeadIndex();
  HeadIndex(const HeadIndex&) = delete;
  HeadIndex& operator=(const HeadIndex&) = delete;

  // Keeps alive what later removals take away.
  class Epoch;
  using Pin = std::shared_ptr<const Epoch>;
  Pin pin() const;

  // One series to come: labels sorted by name, without empty values, under an id that is not in use.
  struct Adding {
    SeriesId id = 0;
    std::span<const LabelView> labels;
    PairList list;  // the answer
  };
  // Fastest where neighbours share labels, as the series of a target do.
  void add(std::span<Adding> series);
  PairList add(SeriesId id, const LabelViews& labels) {
    Adding one{id, labels, {}};
    add({&one, 1});
    return one.list;
  }
  // All at once; sorted.
  void remove(const std::vector<std::pair<SeriesId, PairList>>& gone);

  // Sorted ids of the series that all matchers accept; without matchers all series.
  std::vector<SeriesId> select(const std::vector<Matcher>& matchers) const;

  LabelView pair(PairId id) const {
    const Pair& p = pairs_[id];
    return {p.name, p.value};
  }
  void labels(PairList list, LabelViews& out) const;
  std::string_view label(PairList list, std::string_view name) const;

  // For each pair its place in the order of names and values; series then compare by these.
  std::vector<std::uint32_t> pair_ranks() const;

  // How many series a pair has; how many values a label has; for limits. Writer only.
  std::size_t series_of(std::string_view name, std::string_view value) const;
  std::size_t values_of(std::string_view name) const;
  bool has_pair(std::string_view name, std::string_view value) const {
    return series_of(name, value) > 0;
  }

  std::size_t series_count() const;
  std::uint64_t memory_size() const;
  // Visits every live pair with its count of series, under the lock.
  template <typename F>
  void each_pair(F&& visit) const {
    const std::shared_lock lock(mutex_);
    for (PairId id = 1; id < next_pair_; ++id) {
      const Pair& p = pairs_[id];
      if (!p.postings.empty()) visit(LabelView{p.name, p.value}, p.postings.size());
    }
  }

 private:
  using Postings = std::vector<SeriesId>;
  struct Pair {
    std::string_view name;   // of a Name
    std::string_view value;  // owned: new char[]
    std::uint64_t hash = 0;
    Postings postings;
  };
  struct Name {
    std::string text;
    std::vector<PairId> pairs;
  };

  // A slot of the table: the pair, and what of its hash says where it stands.
  struct Slot {
    std::uint32_t tag = 0;
    PairId pair = 0;  // 0: empty
  };
  PairId intern(LabelView label);
  PairId make_pair(LabelView label, std::uint64_t hash);
  // The pair among those of the series before, from `next` on, or 0.
  PairId among(PairList before, std::uint32_t& next, LabelView label) const;
  std::optional<PairId> find_pair(std::string_view name, std::string_view value) const;
  Name* find_name(std::string_view name) const;
  void grow_table();
  Postings matching(const Matcher& matcher, bool wanted) const;
  bool accepts(SeriesId id, const Matcher& matcher) const;
  Postings all() const;

  mutable std::shared_mutex mutex_;  // add() and remove() alone, the rest shared; held briefly
  StableArray<Pair> pairs_;
  PairId next_pair_ = 1;
  std::vector<Slot> table_;  // open addressing by the low bits of the hash
  std::size_t table_used_ = 0;
  std::unordered_map<std::string_view, std::unique_ptr<Name>> names_;
  StableArray<PairList> lists_;  // by series id
  SeriesId lists_end_ = 1;       // no series from here on
  std::size_t series_count_ = 0;
  std::uint64_t text_size_ = 0;
  std::uint64_t pair_count_ = 0;
  std::shared_ptr<Epoch> epoch_;
  struct FreePairs;
  std::shared_ptr<FreePairs> free_pairs_;
};

}  // namespace holdfast::metrics
