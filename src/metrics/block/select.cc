// Finding series. Matchers that refuse the empty value say which series can be meant at all: the
// shortest of their lists is the start, and each candidate is then asked about the other matchers.
// Asking is a look at one number: a matcher's verdict on a value is worked out once, when first needed.
// So a block of a million series needs postings for the leading matcher's label alone.
#include <algorithm>
#include <bit>
#include <numeric>

#include "metrics/block/block_index.h"

namespace holdfast::metrics {

using model::MatchOp;

namespace {

// The literal bytes every match of the expression begins with; "" when in doubt.
std::string literal_prefix(std::string_view pattern) {
  constexpr std::string_view kMeta = R"(\.+*?()|[]{}^$)";
  if (pattern.find('|') != std::string_view::npos) return "";
  std::string prefix;
  std::size_t last = 0;  // where the last character began
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' || c == '?' || c == '{') {  // the character before may be absent
      prefix.resize(last);
      return prefix;
    }
    char literal = c;
    if (c == '\\' && i + 1 < pattern.size() &&
        kMeta.find(pattern[i + 1]) != std::string_view::npos) {
      literal = pattern[++i];
    } else if (kMeta.find(c) != std::string_view::npos) {
      return prefix;
    }
    const bool continues = (static_cast<unsigned char>(literal) & 0xc0) == 0x80;  // UTF-8
    if (!continues) last = prefix.size();
    prefix += literal;
  }
  return prefix;
}

}  // namespace

// One selection: verdicts, candidates.
class Selector {
 public:
  Selector(const BlockIndex& index, const std::vector<Matcher>& matchers) : index_(index) {
    for (const Matcher& matcher : matchers) {
      Condition c;
      c.matcher = &matcher;
      c.on_empty = matcher.matches_empty();
      const auto symbol = index.symbols_.find(matcher.name());
      const auto it = symbol ? std::lower_bound(index.names_.begin(), index.names_.end(), *symbol)
                             : index.names_.end();
      if (it != index.names_.end() && *it == *symbol)
        c.name_index = static_cast<std::size_t>(it - index.names_.begin());
      conditions_.push_back(std::move(c));
    }
  }

  std::vector<SeriesIndex> run() {
    std::stable_sort(conditions_.begin(), conditions_.end(),
                     [](const Condition& a, const Condition& b) { return a.cost() < b.cost(); });
    for (const Condition& c : conditions_) {
      if (!c.on_empty && c.name_index == kAbsent) return {};  // nobody has the label
    }
    std::vector<SeriesIndex> found = start();
    for (std::size_t i = 0; i < conditions_.size() && !found.empty(); ++i) {
      if (!conditions_[i].done) keep(conditions_[i], found);
    }
    return found;
  }

 private:
  static constexpr std::size_t kAbsent = SIZE_MAX;
  enum Verdict : std::uint8_t { kUnknown = 0, kYes = 1, kNo = 2 };
  struct Condition {
    const Matcher* matcher = nullptr;
    std::size_t name_index = kAbsent;
    bool on_empty = false;
    bool done = false;
    std::vector<std::uint8_t> verdicts;  // by symbol
    int cost() const {
      if (on_empty) return 4;
      if (matcher->op() == MatchOp::kEqual) return matcher->name() == model::kMetricName ? 0 : 1;
      if (matcher->op() == MatchOp::kRegex && !matcher->set_matches().empty()) return 2;
      return 3;
    }
  };

  // The positions of the values the matcher accepts.
  std::vector<std::size_t> accepted(const Condition& c, const Postings& postings) const {
    std::vector<std::size_t> out;
    const auto take = [&](std::string_view text) {
      const auto symbol = index_.symbols_.find(text);
      if (!symbol) return;
      const auto it = std::lower_bound(postings.values.begin(), postings.values.end(), *symbol);
      if (it != postings.values.end() && *it == *symbol)
        out.push_back(static_cast<std::size_t>(it - postings.values.begin()));
    };
    const Matcher& m = *c.matcher;
    if (m.op() == MatchOp::kEqual) {
      take(m.value());
    } else if (m.op() == MatchOp::kRegex && !m.set_matches().empty()) {
      for (const std::string& text : m.set_matches()) take(text);
    } else {
      const std::string prefix = m.op() == MatchOp::kRegex ? literal_prefix(m.value()) : "";
      const Symbol first = prefix.empty() ? 0 : index_.symbols_.lower_bound(prefix);
      auto it = std::lower_bound(postings.values.begin(), postings.values.end(), first);
      for (; it != postings.values.end(); ++it) {
        const std::string_view text = index_.symbols_[*it];
        if (!text.starts_with(prefix)) break;
        if (m.matches(text)) out.push_back(static_cast<std::size_t>(it - postings.values.begin()));
      }
    }
    return out;
  }

  std::vector<SeriesIndex> all() const {
    std::vector<SeriesIndex> out(index_.series_count());
    std::iota(out.begin(), out.end(), SeriesIndex{0});
    return out;
  }

  std::vector<SeriesIndex> unite(const Postings& postings,
                                 const std::vector<std::size_t>& values) const {
    std::size_t total = 0;
    for (const std::size_t v : values) total += postings.of(v).size();
    if (total == index_.series_count()) return all();
    std::vector<SeriesIndex> out;
    out.reserve(total);
    bool sorted = true;
    for (const std::size_t v : values) {
      const auto ids = postings.of(v);
      if (!out.empty() && !ids.empty() && ids.front() < out.back()) sorted = false;
      out.insert(out.end(), ids.begin(), ids.end());
    }
    if (sorted) return out;
    if (total < index_.series_count() / 64) {
      std::sort(out.begin(), out.end());
      return out;
    }
    std::vector<std::uint64_t> bits(index_.series_count() / 64 + 1);
    for (const SeriesIndex id : out) bits[id / 64] |= std::uint64_t{1} << (id % 64);
    out.clear();
    for (std::size_t word = 0; word < bits.size(); ++word) {
      for (std::uint64_t left = bits[word]; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(left));
        out.push_back(static_cast<SeriesIndex>(word * 64 + bit));
      }
    }
    return out;
  }

  // Equal matchers are worth a look at each list until one is short; others lead only alone.
  std::vector<SeriesIndex> start() {
    const std::size_t few = std::max<std::size_t>(index_.series_count() / 16, 1024);
    Condition* best = nullptr;
    PostingsPtr best_postings;
    std::vector<std::size_t> best_values;
    std::size_t best_count = SIZE_MAX;
    for (Condition& c : conditions_) {
      if (c.on_empty || (best && (c.cost() > 1 || best_count <= few))) break;
      PostingsPtr postings = index_.postings(c.name_index);
      std::vector<std::size_t> values = accepted(c, *postings);
      std::size_t count = 0;
      for (const std::size_t v : values) count += postings->of(v).size();
      if (count < best_count) {
        best = &c;
        best_postings = std::move(postings);
        best_values = std::move(values);
        best_count = count;
      }
      if (count == 0) break;
    }
    if (!best) return all();
    best->done = true;
    return unite(*best_postings, best_values);
  }

  void keep(Condition& c, std::vector<SeriesIndex>& found) {
    if (c.name_index == kAbsent) return;  // it accepts the empty value, which all have
    const Symbol name = index_.names_[c.name_index];
    std::vector<int> position;
    for (const BlockIndex::Shape& shape : index_.shapes_) position.push_back(shape.position(name));
    c.verdicts.assign(index_.symbols_.size(), kUnknown);
    std::size_t kept = 0;
    for (const SeriesIndex series : found) {
      const int at = position[index_.shape_of_[series]];
      bool yes = c.on_empty;
      if (at >= 0) {
        const Symbol value = index_.refs_[index_.row_of_[series] + static_cast<std::size_t>(at)];
        std::uint8_t& verdict = c.verdicts[value];
        if (verdict == kUnknown) verdict = c.matcher->matches(index_.symbols_[value]) ? kYes : kNo;
        yes = verdict == kYes;
      }
      found[kept] = series;
      kept += yes ? 1 : 0;
    }
    found.resize(kept);
  }

  const BlockIndex& index_;
  std::vector<Condition> conditions_;
};

std::vector<SeriesIndex> BlockIndex::select(const std::vector<Matcher>& matchers, Timestamp from,
                                            Timestamp to) const {
  std::vector<SeriesIndex> found = Selector(*this, matchers).run();
  if (from <= min_time_ && max_time_ <= to) return found;
  std::erase_if(found, [&](SeriesIndex series) {
    const TimeSpan& span = span_of(series);
    return span.min > to || span.max < from;
  });
  return found;
}

int BlockIndex::Shape::position(Symbol name) const {
  const auto it = std::lower_bound(names.begin(), names.end(), name);
  return it != names.end() && *it == name ? static_cast<int>(it - names.begin()) : -1;
}

PostingsPtr BlockIndex::postings(std::size_t name_index) const {
  const std::lock_guard lock(mutex_);
  PostingsPtr& made = postings_[name_index];
  if (!made) made = make_postings(names_[name_index]);
  return made;
}

// Counting sort: how often each value occurs, where its list begins, then each series to its place.
PostingsPtr BlockIndex::make_postings(Symbol name) const {
  auto postings = std::make_shared<Postings>();
  std::vector<int> position;
  for (const Shape& shape : shapes_) position.push_back(shape.position(name));
  std::vector<std::uint32_t> next(symbols_.size());
  for (std::size_t s = 0; s < shapes_.size(); ++s) {
    if (position[s] < 0) continue;
    const std::size_t width = shapes_[s].names.size();
    std::size_t at = shapes_[s].row_begin + static_cast<std::size_t>(position[s]);
    for (std::uint32_t i = 0; i < shapes_[s].series_count; ++i, at += width) ++next[refs_[at]];
  }
  std::uint32_t total = 0;
  for (std::size_t symbol = 0; symbol < next.size(); ++symbol) {
    if (next[symbol] == 0) continue;
    postings->values.push_back(static_cast<Symbol>(symbol));
    postings->begin.push_back(total);
    total += std::exchange(next[symbol], total);
  }
  postings->begin.push_back(total);
  postings->ids.resize(total);
  for (std::size_t series = 0; series < shape_of_.size(); ++series) {
    const int at = position[shape_of_[series]];
    if (at < 0) continue;
    const Symbol value = refs_[row_of_[series] + static_cast<std::size_t>(at)];
    postings->ids[next[value]++] = static_cast<SeriesIndex>(series);
  }
  return postings;
}

void BlockIndex::labels(SeriesIndex series, LabelViews& out) const {
  const Shape& shape = shapes_[shape_of_[series]];
  const std::uint32_t row = row_of_[series];
  out.resize(shape.names.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = {symbols_[shape.names[i]], symbols_[refs_[row + i]]};
}

std::string_view BlockIndex::label(SeriesIndex series, std::string_view name) const {
  const Shape& shape = shapes_[shape_of_[series]];
  for (std::size_t i = 0; i < shape.names.size(); ++i) {
    if (symbols_[shape.names[i]] == name) return symbols_[refs_[row_of_[series] + i]];
  }
  return {};
}

int BlockIndex::compare(SeriesIndex series, const LabelViews& other) const {
  const Shape& shape = shapes_[shape_of_[series]];
  for (std::size_t i = 0; i < shape.names.size() && i < other.size(); ++i) {
    if (const int c = symbols_[shape.names[i]].compare(other[i].name); c != 0) return c;
    if (const int c = symbols_[refs_[row_of_[series] + i]].compare(other[i].value); c != 0)
      return c;
  }
  if (shape.names.size() == other.size()) return 0;
  return shape.names.size() < other.size() ? -1 : 1;
}

int BlockIndex::compare_refs(SeriesIndex series, const std::vector<LabelRef>& refs) const {
  const std::size_t count = label_count(series);
  for (std::size_t i = 0; i < count && i < refs.size(); ++i) {
    const LabelRef mine = label_ref(series, i);
    if (mine != refs[i]) return mine < refs[i] ? -1 : 1;
  }
  if (count == refs.size()) return 0;
  return count < refs.size() ? -1 : 1;
}

std::optional<SeriesIndex> BlockIndex::find(const LabelViews& labels) const {
  std::vector<LabelRef> refs;
  refs.reserve(labels.size());
  for (const LabelView& label : labels) {
    const auto name = symbols_.find(label.name);
    const auto value = symbols_.find(label.value);
    if (!name || !value) return std::nullopt;
    refs.push_back({*name, *value});
  }
  SeriesIndex low = 0;
  auto high = static_cast<SeriesIndex>(series_count());
  while (low < high) {
    const SeriesIndex middle = low + (high - low) / 2;
    if (compare_refs(middle, refs) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == series_count() || compare_refs(low, refs) != 0) return std::nullopt;
  return low;
}

std::vector<std::string_view> BlockIndex::label_names() const {
  std::vector<std::string_view> out;
  for (const Symbol name : names_) out.push_back(symbols_[name]);
  return out;
}

std::vector<std::string_view> BlockIndex::label_values(std::string_view name) const {
  std::vector<std::string_view> out;
  const auto symbol = symbols_.find(name);
  if (!symbol) return out;
  const auto it = std::lower_bound(names_.begin(), names_.end(), *symbol);
  if (it == names_.end() || *it != *symbol) return out;
  const PostingsPtr made = postings(static_cast<std::size_t>(it - names_.begin()));
  for (const Symbol value : made->values) out.push_back(symbols_[value]);
  return out;
}

}  // namespace holdfast::metrics
