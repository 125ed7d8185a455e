#include "metrics/block/format.h"

#include "base/bytes.h"

namespace holdfast::metrics {

namespace {

constexpr std::uint64_t kSourcesMax = 4096;

void put_part(ByteWriter& out, const PartPlace& part) {
  out.u64(part.offset);
  out.u64(part.size);
  out.u64(part.raw_size);
  out.u32(part.crc);
}

PartPlace get_part(ByteReader& in) {
  PartPlace part;
  part.offset = in.u64();
  part.size = in.u64();
  part.raw_size = in.u64();
  part.crc = in.u32();
  return part;
}

// The parts lie one behind the other and end where the footer begins.
bool parts_fit(const BlockFooter& f, std::uint64_t end) {
  std::uint64_t at = f.symbols.offset;
  if (at < kBlockFileMagic.size()) return false;
  for (const PartPlace* part : {&f.symbols, &f.labels, &f.directory}) {
    if (part->offset != at || part->raw_size > kBlockPartSizeMax) return false;
    if (at > end || part->size > end - at) return false;
    at += part->size;
  }
  return at == end;
}

}  // namespace

Error block_damage(std::string_view what) { return {Code::kDataLoss, std::string(what)}; }

std::string encode_footer(const BlockFooter& footer) {
  const BlockMeta& meta = footer.meta;
  ByteWriter body;
  put_part(body, footer.symbols);
  put_part(body, footer.labels);
  put_part(body, footer.directory);
  body.zigzag(meta.min_time);
  body.zigzag(meta.max_time);
  body.varint(meta.series_count);
  body.varint(meta.sample_count);
  body.varint(meta.wal_segment);
  body.varint(meta.level);
  body.zigzag(meta.resolution);
  body.varint(meta.sources.size());
  for (const std::string& source : meta.sources) body.text(source);
  const std::size_t body_size = body.str().size();
  ByteWriter out;
  out.raw(body.str());
  out.u32(static_cast<std::uint32_t>(body_size));
  out.raw(kBlockFileMagic);
  out.u32(crc32c(out.str()));
  return out.take();
}

Result<BlockFooter> decode_footer(std::string_view file_tail, std::uint64_t file_size,
                                  std::size_t& wanted) {
  wanted = 0;
  if (file_tail.size() < kFooterTailSize) return block_damage("the file ends before its footer");
  ByteReader tail(file_tail.substr(file_tail.size() - kFooterTailSize));
  const std::uint64_t size = std::uint64_t{tail.u32()} + kFooterTailSize;
  if (tail.raw(kBlockFileMagic.size()) != kBlockFileMagic)
    return block_damage("the file does not end with a footer");
  if (size > kFooterSizeMax || size > file_size) return block_damage("the footer's size is wrong");
  if (size > file_tail.size()) {
    wanted = size;
    return block_damage("the footer is larger than what was read");
  }
  const std::string_view bytes = file_tail.substr(file_tail.size() - size);
  if (tail.u32() != crc32c(bytes.substr(0, bytes.size() - 4)))
    return block_damage("the footer's checksum is wrong");
  ByteReader in(bytes.substr(0, bytes.size() - kFooterTailSize));
  BlockFooter footer;
  footer.symbols = get_part(in);
  footer.labels = get_part(in);
  footer.directory = get_part(in);
  BlockMeta& meta = footer.meta;
  meta.min_time = in.zigzag();
  meta.max_time = in.zigzag();
  meta.series_count = in.varint();
  meta.sample_count = in.varint();
  meta.wal_segment = in.varint();
  const std::uint64_t level = in.varint();
  meta.resolution = in.zigzag();
  const std::uint64_t source_count = in.varint();
  if (!in.ok() || level > UINT32_MAX || source_count > kSourcesMax)
    return block_damage("the footer is wrong");
  meta.level = static_cast<std::uint32_t>(level);
  for (std::uint64_t i = 0; i < source_count && in.ok(); ++i) meta.sources.emplace_back(in.text());
  if (!in.ok() || !in.at_end()) return block_damage("the footer is wrong");
  if (meta.series_count > kBlockSeriesMax || meta.min_time > meta.max_time ||
      !parts_fit(footer, file_size - size)) {
    return block_damage("the footer contradicts itself");
  }
  return footer;
}

}  // namespace holdfast::metrics
