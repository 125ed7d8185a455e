#include "metrics/index.h"

#include <algorithm>
#include <mutex>

namespace holdfast::metrics {

using model::Labels;
using model::Matcher;
using model::MatchOp;

std::uint32_t Index::intern(std::string_view text) {
  const auto it = symbol_of_.find(text);
  if (it != symbol_of_.end()) {
    ++symbols_[it->second].use_count;
    return it->second;
  }
  std::uint32_t symbol = 0;
  if (symbols_free_.empty()) {
    symbol = static_cast<std::uint32_t>(symbols_.size());
    symbols_.emplace_back();
  } else {
    symbol = symbols_free_.back();
    symbols_free_.pop_back();
  }
  symbols_[symbol] = {std::string(text), 1};
  symbol_of_.emplace(symbols_[symbol].text, symbol);
  text_size_ += text.size();
  return symbol;
}

void Index::release(std::uint32_t symbol) {
  Symbol& s = symbols_[symbol];
  if (--s.use_count > 0) return;
  symbol_of_.erase(s.text);
  text_size_ -= s.text.size();
  s.text = std::string();
  symbols_free_.push_back(symbol);
}

SeriesId Index::add(const Labels& labels, std::uint32_t place) {
  const std::unique_lock lock(mutex_);
  const SeriesId id = next_++;
  HF_CHECK(id != 0, "series ids ran out");
  const std::size_t page = id / kPageSize;
  if (page >= pages_.size()) {
    pages_.resize(page + 1);
    page_use_.resize(page + 1);
  }
  if (!pages_[page]) pages_[page] = std::make_unique<std::vector<Entry>>(kPageSize);
  ++page_use_[page];
  Entry& entry = (*pages_[page])[id % kPageSize];
  entry.pairs = std::make_unique<Pair[]>(std::max<std::size_t>(labels.size(), 1));
  entry.pair_count = static_cast<std::uint32_t>(labels.size());
  entry.place = place;
  std::size_t i = 0;
  for (const model::Label& label : labels) {
    const Pair pair{intern(label.name), intern(label.value)};
    entry.pairs[i++] = pair;
    postings_[pair.name][pair.value].push_back(id);
  }
  pair_count_ += labels.size();
  ++series_count_;
  return id;
}

void Index::remove(const std::vector<SeriesId>& sorted_ids) {
  const std::unique_lock lock(mutex_);
  std::vector<Pair> touched;
  for (const SeriesId id : sorted_ids) {
    const Entry* entry = find(id);
    if (!entry) continue;
    touched.insert(touched.end(), entry->pairs.get(), entry->pairs.get() + entry->pair_count);
  }
  std::sort(touched.begin(), touched.end(), [](const Pair& a, const Pair& b) {
    return std::pair(a.name, a.value) < std::pair(b.name, b.value);
  });
  for (std::size_t i = 0; i < touched.size(); ++i) {
    const bool again =
        i > 0 && touched[i].name == touched[i - 1].name && touched[i].value == touched[i - 1].value;
    if (!again) erase_pair(touched[i], sorted_ids);
  }
  for (const Pair& pair : touched) {
    release(pair.name);
    release(pair.value);
  }
  for (const SeriesId id : sorted_ids) {
    if (!find(id)) continue;
    const std::size_t page = id / kPageSize;
    Entry& entry = (*pages_[page])[id % kPageSize];
    pair_count_ -= entry.pair_count;
    entry = Entry();
    --series_count_;
    if (--page_use_[page] == 0) pages_[page].reset();
  }
}

void Index::erase_pair(const Pair& pair, const std::vector<SeriesId>& gone) {
  Values& values = postings_[pair.name];
  Postings& ids = values[pair.value];
  std::erase_if(ids, [&](SeriesId id) { return std::binary_search(gone.begin(), gone.end(), id); });
  if (!ids.empty()) return;
  values.erase(pair.value);
  if (values.empty()) postings_.erase(pair.name);
}

const Index::Entry* Index::find(SeriesId id) const {
  const std::size_t page = id / kPageSize;
  if (page >= pages_.size() || !pages_[page]) return nullptr;
  const Entry& entry = (*pages_[page])[id % kPageSize];
  return entry.pairs ? &entry : nullptr;
}

Index::Postings Index::all() const {
  Postings ids;
  ids.reserve(series_count_);
  for (std::size_t page = 0; page < pages_.size(); ++page) {
    if (!pages_[page]) continue;
    for (std::size_t i = 0; i < kPageSize; ++i) {
      if ((*pages_[page])[i].pairs) ids.push_back(static_cast<SeriesId>(page * kPageSize + i));
    }
  }
  return ids;
}

// The series with a value of the matcher's name that it accepts (wanted) or refuses (not wanted).
Index::Postings Index::matching_values(const Matcher& matcher, bool wanted) const {
  Postings result;
  const auto name = symbol_of_.find(matcher.name());
  if (name == symbol_of_.end()) return result;
  const auto values = postings_.find(name->second);
  if (values == postings_.end()) return result;
  const auto take = [&](std::string_view text) {
    const auto symbol = symbol_of_.find(text);
    if (symbol == symbol_of_.end()) return;
    const auto ids = values->second.find(symbol->second);
    if (ids != values->second.end())
      result.insert(result.end(), ids->second.begin(), ids->second.end());
  };
  if (wanted && matcher.op() == MatchOp::kEqual) {
    take(matcher.value());
    return result;  // one list: sorted already
  }
  if (wanted && matcher.op() == MatchOp::kRegex && !matcher.set_matches().empty()) {
    for (const std::string& value : matcher.set_matches()) take(value);
  } else {
    for (const auto& [symbol, ids] : values->second) {
      if (matcher.matches(symbols_[symbol].text) == wanted)
        result.insert(result.end(), ids.begin(), ids.end());
    }
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool Index::accepts(const Entry& entry, const Matcher& matcher) const {
  for (std::uint32_t i = 0; i < entry.pair_count; ++i) {
    if (symbols_[entry.pairs[i].name].text == matcher.name()) {
      return matcher.matches(symbols_[entry.pairs[i].value].text);
    }
  }
  return matcher.matches_empty();
}

// Matchers that refuse the empty value say which series can be meant at all: their postings are
// intersected. Those that accept it also accept series without the label, which no posting lists:
// they only take away the series whose value they refuse. Once few candidates are left, asking each
// one is cheaper than building a long list.
std::vector<SeriesId> Index::select(const std::vector<Matcher>& matchers) const {
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
      std::erase_if(*result, [&](SeriesId id) { return !accepts(*find(id), *m); });
      continue;
    }
    const bool subtract = m->matches_empty();
    Postings list = matching_values(*m, !subtract);
    if (!result && !subtract) {
      result = std::move(list);
      continue;
    }
    if (!result) result = all();
    Postings next;
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

std::optional<Labels> Index::labels(SeriesId id) const {
  const std::shared_lock lock(mutex_);
  const Entry* entry = find(id);
  if (!entry) return std::nullopt;
  std::vector<model::Label> labels;
  labels.reserve(entry->pair_count);
  for (std::uint32_t i = 0; i < entry->pair_count; ++i) {
    labels.push_back({symbols_[entry->pairs[i].name].text, symbols_[entry->pairs[i].value].text});
  }
  return Labels(std::move(labels));
}

std::vector<std::pair<SeriesId, std::uint32_t>> Index::places(
    const std::vector<SeriesId>& ids) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<SeriesId, std::uint32_t>> result;
  result.reserve(ids.size());
  for (const SeriesId id : ids) {
    if (const Entry* entry = find(id)) result.emplace_back(id, entry->place);
  }
  return result;
}

void Index::sort_by_labels(std::vector<SeriesId>& ids) const {
  const std::shared_lock lock(mutex_);
  std::erase_if(ids, [&](SeriesId id) { return find(id) == nullptr; });
  // Strings are compared once, to rank the symbols; series then compare by small numbers.
  std::vector<std::uint32_t> order(symbols_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return symbols_[a].text < symbols_[b].text; });
  std::vector<std::uint32_t> rank(symbols_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  std::sort(ids.begin(), ids.end(), [&](SeriesId x, SeriesId y) {
    const Entry& a = *find(x);
    const Entry& b = *find(y);
    return std::lexicographical_compare(
        a.pairs.get(), a.pairs.get() + a.pair_count, b.pairs.get(), b.pairs.get() + b.pair_count,
        [&](const Pair& l, const Pair& r) {
          return std::pair(rank[l.name], rank[l.value]) < std::pair(rank[r.name], rank[r.value]);
        });
  });
}

bool Index::has_labels(SeriesId id, const Labels& labels) const {
  const Entry* entry = find(id);
  if (!entry || entry->pair_count != labels.size()) return false;
  std::size_t i = 0;
  for (const model::Label& label : labels) {
    const Pair& pair = entry->pairs[i++];
    if (symbols_[pair.name].text != label.name || symbols_[pair.value].text != label.value)
      return false;
  }
  return true;
}

std::size_t Index::series_count() const {
  const std::shared_lock lock(mutex_);
  return series_count_;
}

std::uint64_t Index::memory_size() const {
  const std::shared_lock lock(mutex_);
  // A symbol: its string, its hash node; a pair: eight bytes, and four in postings with half as
  // much slack.
  return symbols_.size() * (sizeof(Symbol) + 48) + text_size_ + pair_count_ * (sizeof(Pair) + 6) +
         series_count_ * (sizeof(Entry) + 16);
}

}  // namespace holdfast::metrics
