// collect/backfill/tsdb_index.h: the index of one Prometheus block, read from its first series to its last.
//
// Purpose     Names each series and where its chunks lie. What finds series by label (postings) is not needed to
//             read them all and is not looked at.
//
//               index   | magic BAAAD700 u32be | version 2 | symbols | series ... | ... | table of contents | crc |
//               series  | size uvarint | labels (pairs of symbol numbers) | chunks (times, references) | crc32c u32be |
//
// Limits      Symbols are held in memory, series are not: the file is read through a window.
// Errors      kDataLoss for a bad checksum, kInvalid for what is no index, kUnsupported for another version; each with
//             the offset.
// Threads     One reader, one thread.
// Source      Prometheus, tsdb/docs/format/index.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::collect {

// A file read through a window that moves forward; what read() hands out lives until the next call.
class FileWindow {
 public:
  FileWindow(std::unique_ptr<File> file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  static Result<FileWindow> open(FileSystem& files, const std::string& path);

  // Fewer bytes only at the end of the file.
  Result<std::string_view> read(std::uint64_t offset, std::size_t size);
  std::uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  // An error that names the file and the place.
  Error error(Code code, std::uint64_t offset, const std::string& what) const;

 private:
  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::string window_;
};

struct ChunkRef {
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;  // of its last sample
  std::uint32_t segment = 0;      // counted from zero
  std::uint32_t offset = 0;       // in its file
};

struct TsdbSeries {
  std::uint64_t ref = 0;  // what tombstones name it by
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::vector<ChunkRef> chunks;
  model::Labels make_labels() const;
};

class TsdbIndex {
 public:
  static Result<TsdbIndex> open(FileWindow file);

  // Every series in the order of the file, which is that of their labels. `each` may stop with an error.
  Result<void> for_each(const std::function<Result<void>(const TsdbSeries&)>& each);
  std::uint64_t bytes() const { return series_end_ - series_begin_; }

 private:
  explicit TsdbIndex(FileWindow file) : file_(std::move(file)) {}
  Result<void> read_contents();
  Result<void> read_symbols(std::uint64_t offset);
  Result<void> read_series(std::string_view entry, std::uint64_t offset, TsdbSeries& out) const;
  Result<void> read_chunks(class TsdbBytes& in, std::uint64_t offset, TsdbSeries& out) const;

  FileWindow file_;
  std::vector<char> symbol_bytes_;  // keeps its place when the reader is moved
  std::vector<std::string_view> symbols_;
  std::uint64_t series_begin_ = 0, series_end_ = 0;
};

// Varints and big-endian numbers of Prometheus' files.
class TsdbBytes {
 public:
  explicit TsdbBytes(std::string_view bytes) : rest_(bytes) {}
  std::uint32_t u32();
  std::uint64_t u64();
  std::uint8_t u8();
  std::uint64_t varint();
  std::int64_t signed_varint();
  std::string_view raw(std::uint64_t size);
  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace holdfast::collect
