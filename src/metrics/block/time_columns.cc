// Three ways to write a column, all told by its first and last timestamp and its count, which stand
// in the index:
//   regular   all steps are equal: the step follows from those, nothing is written
//   steps     each step's difference from the usual step: scrapes that jitter or miss
//   seconds   each step's difference from the step before: intervals that change
// The page is compressed as a whole, so a difference of few kinds costs a few bits.
#include "metrics/block/time_columns.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "metrics/block/format.h"

namespace holdfast::metrics {

using model::Timestamp;

namespace {

enum Mode : std::uint8_t { kRegular = 0, kSteps = 1, kSeconds = 2 };

std::uint64_t u64(Timestamp t) { return static_cast<std::uint64_t>(t); }
std::uint64_t zigzag(std::uint64_t v) { return (v << 1) ^ (0 - (v >> 63)); }
std::uint64_t unzigzag(std::uint64_t v) { return (v >> 1) ^ (0 - (v & 1)); }

bool is_regular(const std::vector<Timestamp>& times) {
  for (std::size_t i = 2; i < times.size(); ++i) {
    if (u64(times[i]) - u64(times[i - 1]) != u64(times[1]) - u64(times[0])) return false;
  }
  return true;
}

// The step most columns have: the middle one of a few.
std::uint64_t usual_step(const std::vector<Timestamp>& times) {
  constexpr std::size_t kProbes = 63;
  std::vector<std::uint64_t> steps;
  const std::size_t count = times.size() - 1;
  const std::size_t stride = count / kProbes + 1;
  for (std::size_t i = 0; i < count; i += stride)
    steps.push_back(u64(times[i + 1]) - u64(times[i]));
  std::nth_element(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2),
                   steps.end());
  return steps[steps.size() / 2];
}

constexpr std::size_t kPartTriesMax = 32;
constexpr std::size_t kPartIndexMax = 1 << 20;

}  // namespace

std::string encode_times(const std::vector<Timestamp>& times) {
  ByteWriter regular;
  regular.u8(kRegular);
  if (is_regular(times)) return regular.take();
  const std::uint64_t usual = usual_step(times);
  ByteWriter steps;
  steps.u8(kSteps);
  steps.varint(usual);
  ByteWriter seconds;
  seconds.u8(kSeconds);
  std::uint64_t before = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const std::uint64_t step = u64(times[i]) - u64(times[i - 1]);
    steps.varint(zigzag(step - usual));
    seconds.varint(zigzag(step - before));
    before = step;
  }
  return steps.str().size() <= seconds.str().size() ? steps.take() : seconds.take();
}

namespace {

Result<TimesPtr> decode_times(const TimeColumnInfo& column, ByteReader& in) {
  const Error bad = block_damage("a column of timestamps is wrong");
  const std::uint8_t mode = in.u8();
  if (!in.ok() || mode > kSeconds || column.count == 0) return bad;
  auto times = std::make_shared<std::vector<Timestamp>>();
  const std::uint64_t span = u64(column.max) - u64(column.min);
  if (mode != kRegular && column.count - 1 > in.left()) return bad;
  std::uint64_t step = 0;
  if (mode == kRegular && column.count > 1) {
    step = span / (column.count - 1);
    if (step == 0) return bad;
  }
  const std::uint64_t usual = mode == kSteps ? in.varint() : 0;
  times->resize(column.count);
  std::uint64_t t = u64(column.min);
  (*times)[0] = column.min;
  for (std::uint32_t i = 1; i < column.count; ++i) {
    if (mode == kSteps) step = usual + unzigzag(in.varint());
    if (mode == kSeconds) step += unzigzag(in.varint());
    t += step;
    if (static_cast<Timestamp>(t) <= (*times)[i - 1]) return bad;
    (*times)[i] = static_cast<Timestamp>(t);
  }
  if (!in.ok() || times->back() != column.max) return bad;
  return TimesPtr(std::move(times));
}

}  // namespace

Result<std::vector<TimesPtr>> decode_page(const std::vector<TimeColumnInfo>& columns,
                                          std::string_view raw) {
  ByteReader in(raw);
  std::vector<TimesPtr> out;
  for (const TimeColumnInfo& column : columns) out.push_back(HF_TRY(decode_times(column, in)));
  if (!in.at_end()) return block_damage("a page of timestamps does not end where it should");
  return out;
}

std::uint32_t TimeColumnWriter::add(const TimesPtr& times) {
  if (const auto it = by_pointer_.find(times.get()); it != by_pointer_.end())
    return it->second.span;
  const XXH128_hash_t hash = XXH3_128bits(times->data(), times->size() * sizeof(Timestamp));
  const auto [it, added] =
      by_content_.try_emplace({hash.low64, hash.high64}, static_cast<std::uint32_t>(spans_.size()));
  if (added) {
    TimeSpan span;
    span.count = static_cast<std::uint32_t>(times->size());
    span.min = times->front();
    span.max = times->back();
    spans_.push_back(span);
    held_.push_back({times, it->second});
    held_times_ += times->size();
  }
  // Callers that hand in a vector of its own with each series must not make us keep them all.
  if (memo_times_ > kHeldTimesMax / 4) {
    by_pointer_.clear();
    memo_times_ = 0;
  }
  by_pointer_.emplace(times.get(), Memo{times, it->second});
  memo_times_ += times->size() + 16;
  return it->second;
}

// Which held columns are parts of others. Every timestamp (of large batches a sample of them, chosen by
// its value) is listed with the columns that have it; a column asks for its first listed one.
struct TimeColumnWriter::Parts {
  struct Entry {
    Timestamp t;
    std::uint32_t held;
    std::uint32_t index;
  };

  explicit Parts(const std::vector<Held>& all) : held(all) {
    std::size_t total = 0;
    for (const Held& h : held) total += h.times->size();
    while (total / (mask + 1) > kPartIndexMax) mask = mask * 2 + 1;
    for (std::uint32_t h = 0; h < held.size(); ++h) {
      const std::vector<Timestamp>& times = *held[h].times;
      for (std::uint32_t i = 0; i < times.size(); ++i) {
        if (listed(times[i])) entries.push_back({times[i], h, i});
      }
    }
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
      if (a.t != b.t) return a.t < b.t;
      const std::size_t as = held[a.held].times->size();
      const std::size_t bs = held[b.held].times->size();
      return as != bs ? as > bs : a.held < b.held;
    });
  }
  bool listed(Timestamp t) const { return ((u64(t) * 0x9e3779b97f4a7c15ULL) >> 40 & mask) == 0; }
  // A longer column that has this one at `first`; itself when there is none.
  std::uint32_t whole_of(std::uint32_t h, std::uint32_t& first) const {
    first = 0;
    const std::vector<Timestamp>& part = *held[h].times;
    std::uint32_t probe = 0;
    while (probe < part.size() && !listed(part[probe])) ++probe;
    if (probe == part.size()) return h;
    auto it = std::lower_bound(entries.begin(), entries.end(), part[probe],
                               [](const Entry& e, Timestamp t) { return e.t < t; });
    for (std::size_t tries = 0;
         it != entries.end() && it->t == part[probe] && tries < kPartTriesMax; ++it, ++tries) {
      const std::vector<Timestamp>& whole = *held[it->held].times;
      if (whole.size() <= part.size()) return h;  // the rest is shorter still
      if (it->index < probe) continue;
      const std::size_t begin = it->index - probe;
      if (part.size() > whole.size() - begin) continue;
      if (!std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin)))
        continue;
      first = static_cast<std::uint32_t>(begin);
      return it->held;
    }
    return h;
  }

  const std::vector<Held>& held;
  std::uint64_t mask = 0;
  std::vector<Entry> entries;
};

void TimeColumnWriter::put(const Held& held, std::vector<TimePage>& pages) {
  const std::vector<Timestamp>& times = *held.times;
  std::uint64_t page_times = 0;
  if (!pages.empty()) {
    for (const TimeColumnInfo& column : pages.back().columns) page_times += column.count;
  }
  if (pages.empty() || page_times + times.size() > kPageTimesMax) pages.emplace_back();
  pages.back().columns.push_back(
      {static_cast<std::uint32_t>(times.size()), times.front(), times.back()});
  pages.back().raw += encode_times(times);
}

std::vector<TimePage> TimeColumnWriter::seal() {
  std::vector<TimePage> pages;
  const Parts parts(held_);
  std::vector<std::uint32_t> whole(held_.size());
  std::vector<std::uint32_t> first(held_.size());
  for (std::uint32_t h = 0; h < held_.size(); ++h) whole[h] = parts.whole_of(h, first[h]);
  for (std::uint32_t h = 0; h < held_.size(); ++h) {
    if (whole[h] != h) continue;
    spans_[held_[h].span].column = column_count_++;
    put(held_[h], pages);
  }
  for (std::uint32_t h = 0; h < held_.size(); ++h) {
    std::uint32_t at = h;
    std::uint32_t begin = 0;
    while (whole[at] != at) {  // each step leads to a longer column
      begin += first[at];
      at = whole[at];
    }
    spans_[held_[h].span].column = spans_[held_[at].span].column;
    spans_[held_[h].span].first = begin;
  }
  held_.clear();
  held_times_ = 0;
  by_pointer_.clear();
  memo_times_ = 0;
  return pages;
}

}  // namespace holdfast::metrics
