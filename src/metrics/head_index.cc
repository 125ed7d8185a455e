#include "metrics/head_index.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace holdfast::metrics {

using model::MatchOp;

namespace {

std::uint64_t hash_pair(std::string_view name, std::string_view value) {
  return XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(name.data(), name.size()));
}

}  // namespace

// Ids of pairs that nobody can be looking at any more.
struct HeadIndex::FreePairs {
  std::mutex mutex;
  std::vector<PairId> ids;
};

// What one remove() took away waits here until every Pin taken before it is gone: a pin holds its
// epoch, an epoch holds the next, so an epoch dies only after all pins of it and of those before.
class HeadIndex::Epoch {
 public:
  explicit Epoch(std::shared_ptr<FreePairs> free) : free_(std::move(free)) {}
  ~Epoch() {
    const std::lock_guard lock(free_->mutex);
    free_->ids.insert(free_->ids.end(), pairs.begin(), pairs.end());
  }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  std::vector<PairId> pairs;
  std::vector<std::unique_ptr<const char[]>> texts;
  std::vector<std::unique_ptr<const PairId[]>> lists;
  std::shared_ptr<Epoch> next;

 private:
  std::shared_ptr<FreePairs> free_;
};

HeadIndex::HeadIndex() : free_pairs_(std::make_shared<FreePairs>()) {
  epoch_ = std::make_shared<Epoch>(free_pairs_);
  table_.resize(1024);
  pairs_.grow_to(1);
  lists_.grow_to(1);
}

HeadIndex::~HeadIndex() {
  for (SeriesId id = 1; id < lists_end_; ++id) delete[] lists_[id].pairs;
  for (PairId id = 1; id < next_pair_; ++id) {
    if (!pairs_[id].postings.empty()) delete[] pairs_[id].value.data();
  }
}

HeadIndex::Pin HeadIndex::pin() const {
  const std::shared_lock lock(mutex_);
  return epoch_;
}

std::optional<PairId> HeadIndex::find_pair(std::string_view name, std::string_view value) const {
  const std::uint64_t hash = hash_pair(name, value);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = hash & mask; table_[i].pair != 0; i = (i + 1) & mask) {
    if (table_[i].tag != static_cast<std::uint32_t>(hash)) continue;
    const Pair& pair = pairs_[table_[i].pair];
    if (pair.value == value && pair.name == name) return table_[i].pair;
  }
  return std::nullopt;
}

HeadIndex::Name* HeadIndex::find_name(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : it->second.get();
}

void HeadIndex::grow_table() {
  std::vector<Slot> table(table_.size() * 2);
  const std::size_t mask = table.size() - 1;
  for (const Slot& slot : table_) {
    if (slot.pair == 0) continue;
    std::size_t i = slot.tag & mask;
    while (table[i].pair != 0) i = (i + 1) & mask;
    table[i] = slot;
  }
  table_ = std::move(table);
}

PairId HeadIndex::intern(LabelView label) {
  const std::uint64_t hash = hash_pair(label.name, label.value);
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  for (; table_[at].pair != 0; at = (at + 1) & mask) {
    if (table_[at].tag != static_cast<std::uint32_t>(hash)) continue;
    const Pair& pair = pairs_[table_[at].pair];
    if (pair.value == label.value && pair.name == label.name) return table_[at].pair;
  }
  const PairId id = make_pair(label, hash);
  table_[at] = {static_cast<std::uint32_t>(hash), id};
  if (++table_used_ * 2 > table_.size()) grow_table();
  return id;
}

PairId HeadIndex::make_pair(LabelView label, std::uint64_t hash) {
  PairId id = 0;
  {
    const std::lock_guard lock(free_pairs_->mutex);
    if (!free_pairs_->ids.empty()) {
      id = free_pairs_->ids.back();
      free_pairs_->ids.pop_back();
    }
  }
  if (id == 0) {
    id = next_pair_++;
    pairs_.grow_to(next_pair_);
  }
  Name* name = find_name(label.name);
  if (!name) {
    auto made = std::make_unique<Name>();
    made->text = label.name;
    name = made.get();
    names_.emplace(name->text, std::move(made));
  }
  char* text = new char[std::max<std::size_t>(label.value.size(), 1)];
  std::memcpy(text, label.value.data(), label.value.size());
  Pair& pair = pairs_[id];
  pair.name = name->text;
  pair.value = std::string_view(text, label.value.size());
  pair.hash = hash;
  name->pairs.push_back(id);
  text_size_ += label.value.size();
  return id;
}

PairId HeadIndex::among(PairList before, std::uint32_t& next, LabelView label) const {
  for (; next < before.count; ++next) {
    const Pair& pair = pairs_[before.pairs[next]];
    if (pair.name == label.name) return pair.value == label.value ? before.pairs[next] : 0;
    if (pair.name > label.name) return 0;
  }
  return 0;
}

void HeadIndex::add(std::span<Adding> series) {
  const std::unique_lock lock(mutex_);
  PairList before;
  for (Adding& one : series) {
    auto* list = new PairId[std::max<std::size_t>(one.labels.size(), 1)];
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < one.labels.size(); ++i) {
      const PairId known = among(before, next, one.labels[i]);
      list[i] = known != 0 ? known : intern(one.labels[i]);
      Postings& ids = pairs_[list[i]].postings;
      // Ids mostly ascend; one that was used before finds its place.
      if (ids.empty() || ids.back() < one.id) {
        ids.push_back(one.id);
      } else {
        ids.insert(std::lower_bound(ids.begin(), ids.end(), one.id), one.id);
      }
    }
    lists_end_ = std::max(lists_end_, one.id + 1);
    lists_.grow_to(lists_end_);
    one.list = {list, static_cast<std::uint32_t>(one.labels.size())};
    lists_[one.id] = one.list;
    before = one.list;
    pair_count_ += one.list.count;
  }
  series_count_ += series.size();
}

void HeadIndex::remove(const std::vector<std::pair<SeriesId, PairList>>& gone) {
  if (gone.empty()) return;
  const std::unique_lock lock(mutex_);
  auto next = std::make_shared<Epoch>(free_pairs_);
  Epoch& grave = *epoch_;
  grave.next = next;
  std::vector<SeriesId> ids;
  std::vector<PairId> touched;
  for (const auto& [id, list] : gone) {
    ids.push_back(id);
    touched.insert(touched.end(), list.pairs, list.pairs + list.count);
    grave.lists.emplace_back(list.pairs);
    lists_[id] = {};
    pair_count_ -= list.count;
    --series_count_;
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  bool any_empty = false;
  for (const PairId id : touched) {
    Pair& pair = pairs_[id];
    std::erase_if(pair.postings,
                  [&](SeriesId s) { return std::binary_search(ids.begin(), ids.end(), s); });
    if (!pair.postings.empty()) continue;
    any_empty = true;
    std::erase(find_name(pair.name)->pairs, id);
    grave.pairs.push_back(id);
    grave.texts.emplace_back(pair.value.data());
    text_size_ -= pair.value.size();
  }
  if (any_empty) {
    // Holes would end other searches early: the table is made anew without the dead.
    std::fill(table_.begin(), table_.end(), Slot());
    table_used_ = 0;
    const std::size_t mask = table_.size() - 1;
    for (PairId id = 1; id < next_pair_; ++id) {
      if (pairs_[id].postings.empty()) continue;
      std::size_t i = pairs_[id].hash & mask;
      while (table_[i].pair != 0) i = (i + 1) & mask;
      table_[i] = {static_cast<std::uint32_t>(pairs_[id].hash), id};
      ++table_used_;
    }
  }
  epoch_ = std::move(next);
}

HeadIndex::Postings HeadIndex::all() const {
  Postings ids;
  ids.reserve(series_count_);
  for (SeriesId id = 1; id < lists_end_; ++id) {
    if (lists_[id].pairs) ids.push_back(id);
  }
  return ids;
}

// The series with a value of the matcher's name that it accepts (wanted) or refuses (not wanted).
HeadIndex::Postings HeadIndex::matching(const Matcher& matcher, bool wanted) const {
  if (wanted && matcher.op() == MatchOp::kEqual) {
    const auto pair = find_pair(matcher.name(), matcher.value());
    return pair ? pairs_[*pair].postings : Postings();
  }
  std::vector<const Postings*> lists;
  std::size_t total = 0;
  const auto take = [&](PairId id) {
    lists.push_back(&pairs_[id].postings);
    total += lists.back()->size();
  };
  if (wanted && matcher.op() == MatchOp::kRegex && !matcher.set_matches().empty()) {
    for (const std::string& value : matcher.set_matches()) {
      if (const auto pair = find_pair(matcher.name(), value)) take(*pair);
    }
  } else if (const Name* name = find_name(matcher.name())) {
    for (const PairId id : name->pairs) {
      if (matcher.matches(pairs_[id].value) == wanted) take(id);
    }
  }
  Postings result;
  if (lists.size() == 1) return *lists[0];
  if (total * 8 > lists_end_) {
    // Many: marks in a row of bits are cheaper than sorting.
    std::vector<std::uint64_t> marks(lists_end_ / 64 + 1);
    for (const Postings* list : lists) {
      for (const SeriesId id : *list) marks[id / 64] |= std::uint64_t{1} << (id % 64);
    }
    result.reserve(total);
    for (std::size_t word = 0; word < marks.size(); ++word) {
      for (std::uint64_t bits = marks[word]; bits != 0; bits &= bits - 1) {
        result.push_back(
            static_cast<SeriesId>(word * 64 + static_cast<unsigned>(std::countr_zero(bits))));
      }
    }
    return result;
  }
  result.reserve(total);
  for (const Postings* list : lists) result.insert(result.end(), list->begin(), list->end());
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool HeadIndex::accepts(SeriesId id, const Matcher& matcher) const {
  return matcher.matches(label(lists_[id], matcher.name()));
}

// Matchers that refuse the empty value say which series can be meant at all: their postings are
// intersected. Those that accept it also accept series without the label, which no posting lists:
// they only take away the series whose value they refuse. Once few candidates are left, asking each
// one is cheaper than building a long list.
std::vector<SeriesId> HeadIndex::select(const std::vector<Matcher>& matchers) const {
  constexpr std::size_t kFew = 256;
  const std::shared_lock lock(mutex_);
  std::vector<const Matcher*> order;
  for (const Matcher& m : matchers) order.push_back(&m);
  // Equality first: its lists are ready made and short.
  const auto cost = [](const Matcher& m) {
    if (m.matches_empty()) return 3;
    if (m.op() == MatchOp::kEqual) return 0;
    return m.op() == MatchOp::kRegex && !m.set_matches().empty() ? 1 : 2;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const Matcher* a, const Matcher* b) { return cost(*a) < cost(*b); });
  std::optional<Postings> result;
  for (const Matcher* m : order) {
    if (result && result->empty()) break;
    if (result && result->size() <= kFew) {
      std::erase_if(*result, [&](SeriesId id) { return !accepts(id, *m); });
      continue;
    }
    const bool subtract = m->matches_empty();
    Postings list = matching(*m, !subtract);
    if (!result && !subtract) {
      result = std::move(list);
      continue;
    }
    if (!result) result = all();
    Postings next;
    next.reserve(result->size());
    if (subtract) {
      std::set_difference(result->begin(), result->end(), list.begin(), list.end(),
                          std::back_inserter(next));
    } else {
      std::set_intersection(result->begin(), result->end(), list.begin(), list.end(),
                            std::back_inserter(next));
    }
    result = std::move(next);
  }
  return result ? std::move(*result) : all();
}

void HeadIndex::labels(PairList list, LabelViews& out) const {
  out.clear();
  for (std::uint32_t i = 0; i < list.count; ++i) out.push_back(pair(list.pairs[i]));
}

std::string_view HeadIndex::label(PairList list, std::string_view name) const {
  for (std::uint32_t i = 0; i < list.count; ++i) {
    const Pair& p = pairs_[list.pairs[i]];
    if (p.name == name) return p.value;
  }
  return {};
}

std::vector<std::uint32_t> HeadIndex::pair_ranks() const {
  const std::shared_lock lock(mutex_);
  std::vector<PairId> order;
  order.reserve(next_pair_);
  for (PairId id = 1; id < next_pair_; ++id) {
    if (!pairs_[id].postings.empty()) order.push_back(id);
  }
  std::sort(order.begin(), order.end(), [&](PairId a, PairId b) {
    const Pair& x = pairs_[a];
    const Pair& y = pairs_[b];
    if (x.name.data() != y.name.data()) return x.name < y.name;
    return x.value < y.value;
  });
  std::vector<std::uint32_t> rank(next_pair_);
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  return rank;
}

std::size_t HeadIndex::series_of(std::string_view name, std::string_view value) const {
  const auto id = find_pair(name, value);
  return id ? pairs_[*id].postings.size() : 0;
}

std::size_t HeadIndex::values_of(std::string_view name) const {
  const Name* found = find_name(name);
  return found ? found->pairs.size() : 0;
}

std::size_t HeadIndex::series_count() const {
  const std::shared_lock lock(mutex_);
  return series_count_;
}

std::uint64_t HeadIndex::memory_size() const {
  const std::shared_lock lock(mutex_);
  // A pair: itself, its text and table slot; its mention in a series: four bytes there, four in
  // postings with a quarter of slack; a series: its list and the allocation of it.
  return next_pair_ * (sizeof(Pair) + 32) + table_.size() * sizeof(Slot) + text_size_ +
         pair_count_ * 9 + lists_.capacity() * sizeof(PairList) + series_count_ * 16;
}

}  // namespace holdfast::metrics
