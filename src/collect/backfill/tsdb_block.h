// collect/backfill/tsdb_block.h: one block of Prometheus: what it says of itself, its series, their samples.
//
// Purpose     Hands out the series of a block with the samples of a span of time, without those that tombstones hide.
//
//               block folder  | meta.json | index | chunks/000001 ... | tombstones |
//               segment       | magic 85BD40DD u32be | version 1 | 0 0 0 | chunk ... |
//               chunk         | size uvarint | encoding u8 | bytes | crc32c u32be over encoding and bytes |
//
// Errors      kNotFound, kInvalid, kDataLoss for a bad checksum, kUnsupported; each names file and offset, and for a
//             chunk its series.
// Threads     One reader, one thread.
// Source      Prometheus, tsdb/docs/format: README, chunks.md, tombstones.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "collect/backfill/tsdb_index.h"
#include "metrics/store.h"

namespace holdfast::collect {

struct TsdbMeta {
  std::string ulid;
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;  // not included
  std::uint64_t samples = 0;      // before tombstones
  std::uint64_t series = 0;
  std::vector<std::string> parents;  // blocks it was made of
};
Result<TsdbMeta> parse_tsdb_meta(std::string_view json);

struct HiddenSpan {
  model::Timestamp from = 0;
  model::Timestamp to = 0;  // both included
};
using Tombstones = std::map<std::uint64_t, std::vector<HiddenSpan>>;  // by reference of the series
Result<Tombstones> parse_tombstones(std::string_view bytes);

// The blocks of a data directory or of a snapshot, oldest first, or the one block `path` is. Blocks that were merged
// into another that is there are left out, as Prometheus does at its start.
Result<std::vector<std::string>> find_tsdb_blocks(FileSystem& files, const std::string& path);

class TsdbBlock {
 public:
  static Result<TsdbBlock> open(FileSystem& files, std::string path);

  const TsdbMeta& meta() const { return meta_; }
  bool has_tombstones() const { return !tombstones_.empty(); }

  // Series with samples in [from, to], in the order of their labels; `each` may stop with an error.
  using Each = std::function<Result<void>(const TsdbSeries&, std::vector<model::Sample>&)>;
  Result<void> for_each(model::Timestamp from, model::Timestamp to, const Each& each);

 private:
  TsdbBlock(FileSystem& files, std::string path, TsdbIndex index)
      : files_(files), path_(std::move(path)), index_(std::move(index)) {}
  Result<void> open_segments();
  Result<void> read_one(const ChunkRef& chunk, std::vector<model::Sample>& out);
  void hide(std::uint64_t ref, std::vector<model::Sample>& samples) const;

  FileSystem& files_;
  std::string path_;
  TsdbMeta meta_;
  TsdbIndex index_;
  Tombstones tombstones_;
  std::vector<FileWindow> segments_;
};

}  // namespace holdfast::collect
