#include "metrics/block/tombstones.h"

#include <algorithm>

#include "base/bytes.h"
#include "metrics/block/format.h"

namespace holdfast::metrics {

namespace {

constexpr std::string_view kMagic = "HFTMB01\n";

}  // namespace

void Tombstones::hide(std::vector<SeriesIndex> series, Timestamp from, Timestamp to) {
  std::sort(series.begin(), series.end());
  Entry entry{{from, to}, {}};
  for (const SeriesIndex s : series) {
    if (!entry.runs.empty() && s <= entry.runs.back().last + 1) {
      entry.runs.back().last = s;
    } else {
      entry.runs.push_back({s, s});
    }
  }
  if (entry.runs.empty() || from > to) return;
  // The same question asked again adds nothing.
  const bool known = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.range.from <= from && e.range.to >= to && e.runs == entry.runs;
  });
  if (!known) entries_.push_back(std::move(entry));
}

void Tombstones::ranges(SeriesIndex series, std::vector<TimeRange>& out) const {
  out.clear();
  for (const Entry& entry : entries_) {
    const auto it = std::lower_bound(entry.runs.begin(), entry.runs.end(), series,
                                     [](const Run& run, SeriesIndex s) { return run.last < s; });
    if (it != entry.runs.end() && it->first <= series) out.push_back(entry.range);
  }
}

std::string Tombstones::encode() const {
  ByteWriter out;
  out.raw(kMagic);
  out.varint(entries_.size());
  for (const Entry& entry : entries_) {
    out.zigzag(entry.range.from);
    out.varint(static_cast<std::uint64_t>(entry.range.to) -
               static_cast<std::uint64_t>(entry.range.from));
    out.varint(entry.runs.size());
    std::uint64_t next = 0;
    for (const Run& run : entry.runs) {
      out.varint(run.first - next);
      out.varint(run.last - run.first);
      next = std::uint64_t{run.last} + 1;
    }
  }
  out.u32(crc32c(out.str()));
  return out.take();
}

Result<Tombstones> Tombstones::decode(std::string_view bytes, std::uint64_t series_count) {
  const Error bad = block_damage("the tombstones are not what was written");
  if (bytes.size() < kMagic.size() + 4) return bad;
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (ByteReader(bytes.substr(body.size())).u32() != crc32c(body)) return bad;
  ByteReader in(body);
  if (in.raw(kMagic.size()) != kMagic) return bad;
  Tombstones tombstones;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Entry entry;
    entry.range.from = in.zigzag();
    entry.range.to =
        static_cast<Timestamp>(static_cast<std::uint64_t>(entry.range.from) + in.varint());
    const std::uint64_t run_count = in.varint();
    std::uint64_t next = 0;
    for (std::uint64_t r = 0; r < run_count; ++r) {
      const std::uint64_t first = next + in.varint();
      const std::uint64_t last = first + in.varint();
      if (!in.ok() || first < next || last < first || last >= series_count) return bad;
      entry.runs.push_back({static_cast<SeriesIndex>(first), static_cast<SeriesIndex>(last)});
      next = last + 1;
    }
    tombstones.entries_.push_back(std::move(entry));
  }
  if (!in.ok() || !in.at_end()) return bad;
  return tombstones;
}

}  // namespace holdfast::metrics
