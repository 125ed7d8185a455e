#include "metrics/block.h"

#include <algorithm>

#include "base/bytes.h"
#include "metrics/frame.h"

namespace holdfast::metrics {

using model::Labels;
using model::Matcher;
using model::Timestamp;

namespace {

Error bad(std::string_view why) { return {Code::kDataLoss, "metrics block: " + std::string(why)}; }

Result<void> read_symbols(ByteReader& in, BlockIndex& index) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many symbols");
  for (std::uint64_t i = 0; i < count; ++i) index.symbols.emplace_back(in.text());
  return in.ok() ? Result<void>() : bad("the symbols end early");
}

Result<void> read_groups(ByteReader& in, BlockIndex& index, std::uint64_t data_size) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many groups");
  std::uint64_t offset = kBlockMagic.size();
  for (std::uint64_t i = 0; i < count; ++i) {
    BlockIndex::Group group;
    group.offset = offset;
    group.size = in.varint();
    group.raw_size = in.varint();
    group.crc = in.u32();
    if (!in.ok() || group.size > data_size || offset > data_size - group.size ||
        group.raw_size > kBlockGroupSizeMax) {
      return bad("a group lies outside the file");
    }
    offset += group.size;
    index.groups.push_back(group);
  }
  return {};
}

Result<void> read_series(ByteReader& in, BlockIndex& index) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many series");
  index.series.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    BlockIndex::Series series;
    const std::uint64_t pair_count = in.varint();
    if (pair_count > in.left()) return bad("a series has too many labels");
    series.pair_begin = static_cast<std::uint32_t>(index.pairs.size());
    series.pair_count = static_cast<std::uint32_t>(pair_count);
    for (std::uint64_t k = 0; k < pair_count; ++k) {
      const std::uint64_t name = in.varint();
      const std::uint64_t value = in.varint();
      if (name >= index.symbols.size() || value >= index.symbols.size())
        return bad("a label is unknown");
      index.pairs.push_back({static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(value)});
    }
    const std::uint64_t group = in.varint();
    const std::uint64_t offset = in.varint();
    series.min_time = in.zigzag();
    series.max_time =
        static_cast<Timestamp>(static_cast<std::uint64_t>(series.min_time) + in.varint());
    if (!in.ok() || group >= index.groups.size() || offset >= index.groups[group].raw_size) {
      return bad("a series lies outside its group");
    }
    series.group = static_cast<std::uint32_t>(group);
    series.offset = static_cast<std::uint32_t>(offset);
    index.series.push_back(series);
  }
  return {};
}

// A matcher's verdict on each symbol, asked when first needed: a block repeats few values often.
class Verdicts {
 public:
  Verdicts(const BlockIndex& index, const Matcher& matcher)
      : index_(index),
        matcher_(matcher),
        known_(index.symbols.size(), kUnknown),
        on_empty_(matcher.matches_empty()) {
    for (std::uint32_t i = 0; i < index.symbols.size(); ++i) {
      if (index.symbols[i] == matcher.name()) name_ = i;
    }
  }
  bool accepts(const BlockIndex::Series& series) {
    for (std::uint32_t i = 0; i < series.pair_count; ++i) {
      const BlockIndex::Pair pair = index_.pairs[series.pair_begin + i];
      if (pair.name != name_) continue;
      char& verdict = known_[pair.value];
      if (verdict == kUnknown) verdict = matcher_.matches(index_.symbols[pair.value]) ? kYes : kNo;
      return verdict == kYes;
    }
    return on_empty_;
  }

 private:
  static constexpr char kUnknown = 0;
  static constexpr char kYes = 1;
  static constexpr char kNo = 2;
  const BlockIndex& index_;
  const Matcher& matcher_;
  std::vector<char> known_;
  std::uint32_t name_ = UINT32_MAX;
  bool on_empty_;
};

Result<void> read_chunks(std::string_view bytes, Timestamp from, Timestamp to, Samples& out) {
  ByteReader in(bytes);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto kind = static_cast<ChunkKind>(in.u8());
    const std::uint64_t samples = in.varint();
    const Timestamp min = in.zigzag();
    const auto max = static_cast<Timestamp>(static_cast<std::uint64_t>(min) + in.varint());
    const std::string_view data = in.text();
    if (!in.ok() || samples > UINT32_MAX) return bad("a chunk ends early");
    if (min > to) return {};
    if (max < from) continue;
    HF_TRY(decode_chunk(kind, static_cast<std::uint32_t>(samples), data, from, to, out));
  }
  return {};
}

}  // namespace

Result<BlockFooter> decode_block_footer(std::string_view bytes) {
  if (bytes.size() != kBlockFooterSize) return bad("no footer");
  ByteReader in(bytes);
  BlockFooter footer;
  footer.index_offset = in.u64();
  footer.index_size = in.u64();
  footer.index_raw_size = in.u64();
  footer.index_crc = in.u32();
  footer.min_time = static_cast<Timestamp>(in.u64());
  footer.max_time = static_cast<Timestamp>(in.u64());
  footer.wal_segment = in.u64();
  footer.series_count = in.u64();
  footer.sample_count = in.u64();
  if (in.raw(kBlockMagic.size()) != kBlockMagic) return bad("no footer");
  if (in.u32() != crc32c(bytes.substr(0, kBlockFooterSize - 4)))
    return bad("the footer's checksum is wrong");
  return footer;
}

Result<BlockIndex> decode_block_index(std::string_view raw, std::uint64_t data_size) {
  ByteReader in(raw);
  BlockIndex index;
  HF_TRY(read_symbols(in, index));
  HF_TRY(read_groups(in, index, data_size));
  HF_TRY(read_series(in, index));
  if (!in.at_end()) return bad("the index does not end where it should");
  return index;
}

Labels BlockIndex::labels(std::size_t series_index) const {
  const Series& s = series[series_index];
  std::vector<model::Label> result;
  result.reserve(s.pair_count);
  for (std::uint32_t i = 0; i < s.pair_count; ++i) {
    const Pair pair = pairs[s.pair_begin + i];
    result.push_back({symbols[pair.name], symbols[pair.value]});
  }
  return Labels(std::move(result));
}

std::vector<std::uint32_t> BlockIndex::select(const std::vector<Matcher>& matchers, Timestamp from,
                                              Timestamp to) const {
  std::vector<Verdicts> verdicts;
  for (const Matcher& matcher : matchers) verdicts.emplace_back(*this, matcher);
  std::vector<std::uint32_t> result;
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    if (series[i].min_time > to || series[i].max_time < from) continue;
    if (std::all_of(verdicts.begin(), verdicts.end(),
                    [&](Verdicts& v) { return v.accepts(series[i]); })) {
      result.push_back(i);
    }
  }
  return result;
}

std::optional<std::uint32_t> BlockIndex::find(const Labels& wanted) const {
  std::size_t low = 0;
  std::size_t high = series.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (labels(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == series.size() || labels(low) != wanted) return std::nullopt;
  return static_cast<std::uint32_t>(low);
}

Result<std::shared_ptr<const Block>> Block::open(FileSystem& files, const std::string& path) {
  auto block = std::make_shared<Block>();
  block->path_ = path;
  block->file_ = HF_TRY(files.open(path, OpenMode::kRead));
  block->size_ = HF_TRY(block->file_->size());
  if (block->size_ < kBlockMagic.size() + kBlockFooterSize) return bad("too short");
  const std::string footer =
      HF_TRY(block->file_->read_at(block->size_ - kBlockFooterSize, kBlockFooterSize));
  block->footer_ = HF_TRY(decode_block_footer(footer));
  if (HF_TRY(block->file_->read_at(0, kBlockMagic.size())) != kBlockMagic) return bad("no header");
  const std::uint64_t end = block->size_ - kBlockFooterSize;
  const BlockFooter& f = block->footer_;
  if (f.index_size > end || f.index_offset != end - f.index_size)
    return bad("the index lies outside the file");
  return std::shared_ptr<const Block>(std::move(block));
}

Result<BlockIndexPtr> Block::index() const {
  const std::lock_guard lock(mutex_);
  if (auto kept = index_.lock()) return kept;
  const std::string packed = HF_TRY(file_->read_at(footer_.index_offset, footer_.index_size));
  if (packed.size() != footer_.index_size || crc32c(packed) != footer_.index_crc) {
    return bad("the index's checksum is wrong");
  }
  const std::string raw = HF_TRY(expand(packed, footer_.index_raw_size, kBlockIndexSizeMax));
  auto index =
      std::make_shared<const BlockIndex>(HF_TRY(decode_block_index(raw, footer_.index_offset)));
  index_ = index;
  return index;
}

Result<void> Block::Cursor::read(std::uint32_t series_index, Timestamp from, Timestamp to,
                                 Samples& out) {
  const BlockIndex::Series& series = index_->series[series_index];
  if (series.group != group_index_) {
    const BlockIndex::Group& group = index_->groups[series.group];
    const std::string packed = HF_TRY(block_->file_->read_at(group.offset, group.size));
    if (packed.size() != group.size || crc32c(packed) != group.crc)
      return bad("a group's checksum is wrong");
    group_index_ = UINT32_MAX;
    group_ = HF_TRY(expand(packed, group.raw_size, kBlockGroupSizeMax));
    group_index_ = series.group;
  }
  return read_chunks(std::string_view(group_).substr(series.offset), from, to, out);
}

}  // namespace holdfast::metrics
