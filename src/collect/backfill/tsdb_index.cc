#include "collect/backfill/tsdb_index.h"

#include <algorithm>

#include "base/bytes.h"

namespace holdfast::collect {
namespace {

constexpr std::uint32_t kMagic = 0xBAAAD700;
constexpr std::uint8_t kVersion = 2;
constexpr std::uint64_t kHeaderSize = 5;
constexpr std::uint64_t kContentsSize = 6 * 8 + 4;
constexpr std::uint64_t kSeriesAlign = 16;
constexpr std::size_t kVarintMax = 10;
constexpr std::size_t kWindow = 1 << 20;
// Of one series' entry; a series of a year has some ten thousand chunks of a dozen bytes.
constexpr std::uint64_t kEntryMax = 64 << 20;

}  // namespace

std::uint8_t TsdbBytes::u8() {
  const auto bytes = raw(1);
  return bytes.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(bytes[0]);
}

std::uint32_t TsdbBytes::u32() {
  std::uint32_t value = 0;
  for (const char c : raw(4)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint64_t TsdbBytes::u64() {
  const std::uint64_t high = u32();
  return high << 32 | u32();
}

std::uint64_t TsdbBytes::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = u8();
    if (!ok_) return 0;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::int64_t TsdbBytes::signed_varint() {
  const auto v = varint();
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

std::string_view TsdbBytes::raw(std::uint64_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const auto bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

// ---- the window ----

Result<FileWindow> FileWindow::open(FileSystem& files, const std::string& path) {
  auto file = HF_TRY(files.open(path, OpenMode::kRead));
  const auto size = HF_TRY(file->size());
  return FileWindow(std::move(file), path, size);
}

Result<std::string_view> FileWindow::read(std::uint64_t offset, std::size_t size) {
  if (offset >= size_) return std::string_view();
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - offset));
  const bool inside = offset >= begin_ && offset + size <= begin_ + window_.size();
  if (!inside) {
    window_ = HF_TRY(file_->read_at(offset, std::max(size, kWindow)));
    begin_ = offset;
    size = std::min(size, window_.size());
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - begin_), size);
}

Error FileWindow::error(Code code, std::uint64_t offset, const std::string& what) const {
  return Error(code, path_ + ": offset " + std::to_string(offset) + ": " + what);
}

model::Labels TsdbSeries::make_labels() const {
  std::vector<model::Label> out;
  out.reserve(labels.size());
  for (const auto& [name, value] : labels) out.push_back({std::string(name), std::string(value)});
  return model::Labels(std::move(out));
}

// ---- the index ----

Result<TsdbIndex> TsdbIndex::open(FileWindow file) {
  TsdbIndex index(std::move(file));
  HF_TRY(index.read_contents());
  return index;
}

Result<void> TsdbIndex::read_contents() {
  const auto size = file_.size();
  if (size < kHeaderSize + kContentsSize)
    return file_.error(Code::kInvalid, 0, "too short for the index of a Prometheus block");
  TsdbBytes header(HF_TRY(file_.read(0, kHeaderSize)));
  if (header.u32() != kMagic)
    return file_.error(Code::kInvalid, 0, "this is no index of a Prometheus block");
  if (const auto version = header.u8(); version != kVersion) {
    return file_.error(Code::kUnsupported, 4,
                       "index version " + std::to_string(version) + "; known: 2");
  }
  const auto at = size - kContentsSize;
  const auto contents = HF_TRY(file_.read(at, kContentsSize));
  TsdbBytes in(contents);
  std::uint64_t sections[6];
  for (auto& section : sections) section = in.u64();
  if (in.u32() != crc32c(contents.substr(0, kContentsSize - 4)))
    return file_.error(Code::kDataLoss, at, "the checksum of the table of contents is wrong");
  const auto symbols = sections[0];
  series_begin_ = sections[1];
  if (symbols == 0 || symbols >= at || series_begin_ > at)
    return file_.error(Code::kInvalid, at, "the table of contents points outside the file");
  // Series end where the next section begins, whichever that is in this version of Prometheus.
  series_end_ = at;
  for (const auto section : sections) {
    if (section > series_begin_) series_end_ = std::min(series_end_, section);
  }
  if (series_begin_ == 0) series_end_ = 0;  // a block without series
  return read_symbols(symbols);
}

Result<void> TsdbIndex::read_symbols(std::uint64_t offset) {
  TsdbBytes head(HF_TRY(file_.read(offset, 4)));
  const std::uint64_t size = head.u32();
  if (!head.ok() || size < 4 || size + 8 > file_.size() - offset)
    return file_.error(Code::kInvalid, offset, "the symbols reach past the end of the file");
  const auto bytes = HF_TRY(file_.read(offset + 4, static_cast<std::size_t>(size)));
  symbol_bytes_.assign(bytes.begin(), bytes.end());
  const std::string_view symbols(symbol_bytes_.data(), symbol_bytes_.size());
  TsdbBytes crc(HF_TRY(file_.read(offset + 4 + size, 4)));
  if (crc.u32() != crc32c(symbols))
    return file_.error(Code::kDataLoss, offset, "the checksum of the symbols is wrong");
  TsdbBytes in(symbols);
  const std::uint64_t count = in.u32();
  if (count > size) return file_.error(Code::kInvalid, offset, "more symbols than bytes");
  symbols_.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) symbols_.push_back(in.raw(in.varint()));
  if (!in.ok()) return file_.error(Code::kInvalid, offset, "a symbol is cut off");
  return {};
}

Result<void> TsdbIndex::for_each(const std::function<Result<void>(const TsdbSeries&)>& each) {
  TsdbSeries series;
  for (std::uint64_t at = series_begin_; at < series_end_;) {
    at = (at + kSeriesAlign - 1) / kSeriesAlign * kSeriesAlign;
    if (at >= series_end_) break;
    const auto head = HF_TRY(file_.read(at, kVarintMax));
    TsdbBytes in(head);
    const auto size = in.varint();
    const auto begin = at + (head.size() - in.left());
    if (!in.ok() || size == 0 || size > kEntryMax || begin + size + 4 > series_end_)
      return file_.error(Code::kInvalid, at, "a series reaches past the end of the series");
    const auto entry = HF_TRY(file_.read(begin, static_cast<std::size_t>(size) + 4));
    TsdbBytes crc(entry.substr(entry.size() - 4));
    if (crc.u32() != crc32c(entry.substr(0, entry.size() - 4)))
      return file_.error(Code::kDataLoss, at, "the checksum of a series is wrong");
    series.ref = at / kSeriesAlign;
    HF_TRY(read_series(entry.substr(0, entry.size() - 4), at, series));
    HF_TRY(each(series));
    at = begin + size + 4;
  }
  return {};
}

Result<void> TsdbIndex::read_series(std::string_view entry, std::uint64_t offset,
                                    TsdbSeries& out) const {
  TsdbBytes in(entry);
  out.labels.clear();
  out.chunks.clear();
  const auto count = in.varint();
  if (count > entry.size()) return file_.error(Code::kInvalid, offset, "more labels than bytes");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto name = in.varint();
    const auto value = in.varint();
    if (!in.ok() || name >= symbols_.size() || value >= symbols_.size())
      return file_.error(Code::kInvalid, offset, "a label of a series names no symbol");
    out.labels.emplace_back(symbols_[name], symbols_[value]);
  }
  return read_chunks(in, offset, out);
}

Result<void> TsdbIndex::read_chunks(TsdbBytes& in, std::uint64_t offset, TsdbSeries& out) const {
  const auto count = in.varint();
  if (count > in.left()) return file_.error(Code::kInvalid, offset, "more chunks than bytes");
  // Hostile differences wrap instead of being undefined.
  std::uint64_t end = 0, ref = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto begin = i == 0 ? static_cast<std::uint64_t>(in.signed_varint()) : end + in.varint();
    end = begin + in.varint();
    ref = i == 0 ? in.varint() : ref + static_cast<std::uint64_t>(in.signed_varint());
    out.chunks.push_back({static_cast<model::Timestamp>(begin), static_cast<model::Timestamp>(end),
                          static_cast<std::uint32_t>(ref >> 32), static_cast<std::uint32_t>(ref)});
  }
  if (!in.ok()) return file_.error(Code::kInvalid, offset, "the chunks of a series are cut off");
  return {};
}

}  // namespace holdfast::collect
