#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/bytes.h"
#include "metrics/block.h"
#include "metrics/frame.h"

namespace holdfast::metrics {

using model::Labels;
using model::Timestamp;

namespace {

constexpr int kCompressLevel = 3;
constexpr std::size_t kWriteSize = 1 << 20;

// Gathers bytes so that the disk sees few large writes.
class Output {
 public:
  explicit Output(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<void> put(std::string_view bytes) {
    held_.append(bytes);
    offset_ += bytes.size();
    return held_.size() >= kWriteSize ? drain() : Result<void>();
  }
  Result<void> finish() {
    HF_TRY(drain());
    return file_->sync();
  }
  std::uint64_t offset() const { return offset_; }

 private:
  Result<void> drain() {
    if (held_.empty()) return {};
    HF_TRY(file_->append(held_));
    held_.clear();
    return {};
  }
  std::unique_ptr<File> file_;
  std::string held_;
  std::uint64_t offset_ = 0;
};

class IndexWriter {
 public:
  void add_group(std::uint64_t size, std::uint64_t raw_size, std::uint32_t crc) {
    ++group_count_;
    groups_.varint(size);
    groups_.varint(raw_size);
    groups_.u32(crc);
  }
  void add_series(const Labels& labels, std::uint32_t group, std::size_t offset, Timestamp min,
                  Timestamp max) {
    series_.varint(labels.size());
    for (const model::Label& label : labels) {
      series_.varint(symbol(label.name));
      series_.varint(symbol(label.value));
    }
    series_.varint(group);
    series_.varint(offset);
    series_.zigzag(min);
    series_.varint(static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min));
    ++series_count_;
  }
  std::string take() {
    ByteWriter out;
    out.varint(symbol_of_.size());
    out.raw(symbols_.str());
    out.varint(group_count_);
    out.raw(groups_.str());
    out.varint(series_count_);
    out.raw(series_.str());
    return out.take();
  }

 private:
  std::uint64_t symbol(const std::string& text) {
    const auto [it, added] = symbol_of_.try_emplace(text, symbol_of_.size());
    if (added) symbols_.text(text);
    return it->second;
  }
  std::unordered_map<std::string, std::uint64_t> symbol_of_;
  ByteWriter symbols_;
  ByteWriter groups_;
  ByteWriter series_;
  std::uint64_t group_count_ = 0;
  std::uint64_t series_count_ = 0;
};

void put_chunks(ByteWriter& out, const std::vector<ChunkPtr>& chunks) {
  out.varint(chunks.size());
  for (const ChunkPtr& chunk : chunks) {
    out.u8(static_cast<std::uint8_t>(chunk->kind));
    out.varint(chunk->count);
    out.zigzag(chunk->min_time);
    out.varint(static_cast<std::uint64_t>(chunk->max_time) -
               static_cast<std::uint64_t>(chunk->min_time));
    out.text(chunk->bytes);
  }
}

Result<void> put_group(Output& out, IndexWriter& index, ByteWriter& group) {
  const std::string raw = group.take();
  group = ByteWriter();
  const std::string packed = compress(raw, kCompressLevel);
  index.add_group(packed.size(), raw.size(), crc32c(packed));
  return out.put(packed);
}

Result<BlockFooter> write_body(Output& out, const BlockInput& input) {
  BlockFooter footer;
  footer.min_time = std::numeric_limits<Timestamp>::max();
  footer.max_time = std::numeric_limits<Timestamp>::min();
  footer.wal_segment = input.wal_segment;
  footer.series_count = input.series_count;
  IndexWriter index;
  ByteWriter group;
  std::uint32_t group_index = 0;
  HF_TRY(out.put(kBlockMagic));
  for (std::size_t i = 0; i < input.series_count; ++i) {
    const std::vector<ChunkPtr>& chunks = input.chunks(i);
    const Timestamp min = chunks.front()->min_time;
    const Timestamp max = chunks.back()->max_time;
    for (const ChunkPtr& chunk : chunks) footer.sample_count += chunk->count;
    footer.min_time = std::min(footer.min_time, min);
    footer.max_time = std::max(footer.max_time, max);
    index.add_series(input.labels(i), group_index, group.str().size(), min, max);
    put_chunks(group, chunks);
    if (group.str().size() >= kBlockGroupSize) {
      HF_TRY(put_group(out, index, group));
      ++group_index;
    }
  }
  if (!group.str().empty()) HF_TRY(put_group(out, index, group));
  const std::string raw = index.take();
  const std::string packed = compress(raw, kCompressLevel);
  footer.index_offset = out.offset();
  footer.index_size = packed.size();
  footer.index_raw_size = raw.size();
  footer.index_crc = crc32c(packed);
  HF_TRY(out.put(packed));
  HF_TRY(out.put(encode_block_footer(footer)));
  HF_TRY(out.finish());
  return footer;
}

}  // namespace

std::string encode_block_footer(const BlockFooter& footer) {
  ByteWriter out;
  out.u64(footer.index_offset);
  out.u64(footer.index_size);
  out.u64(footer.index_raw_size);
  out.u32(footer.index_crc);
  out.u64(static_cast<std::uint64_t>(footer.min_time));
  out.u64(static_cast<std::uint64_t>(footer.max_time));
  out.u64(footer.wal_segment);
  out.u64(footer.series_count);
  out.u64(footer.sample_count);
  out.raw(kBlockMagic);
  out.u32(crc32c(out.str()));
  HF_CHECK(out.str().size() == kBlockFooterSize, "the footer has a fixed size");
  return out.take();
}

Result<BlockFooter> write_block(FileSystem& files, const std::string& folder,
                                const std::string& name, const BlockInput& input) {
  const std::string path = folder + "/" + name;
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> Result<BlockFooter> {
    Output out(HF_TRY(files.open(temporary, OpenMode::kCreate)));
    const BlockFooter footer = HF_TRY(write_body(out, input));
    HF_TRY(files.rename(temporary, path));
    HF_TRY(files.sync_dir(folder));
    return footer;
  };
  auto footer = write();
  if (!footer) {
    (void)files.remove(temporary);  // gives the space back; the error that matters is the first
    return std::move(footer).context("write metrics block " + path);
  }
  return footer;
}

}  // namespace holdfast::metrics
