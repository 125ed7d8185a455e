#include "metrics/block/block_file.h"

#include "base/bytes.h"
#include "metrics/block/histogram_column.h"
#include "metrics/frame.h"

namespace holdfast::metrics {

namespace {

constexpr std::size_t kTailSize = 4096;
enum CacheKind : std::uint32_t { kIndexes = 0, kGroups = 1, kPages = 2 };
// Two varints of ten bytes begin a column; each timestamp is at most one.
constexpr std::uint64_t kColumnHeadMax = 11;
constexpr std::uint64_t kVarintMax = 10;

std::string tombstones_path(const std::string& path) { return path + ".tombstones"; }

}  // namespace

Result<std::shared_ptr<const Block>> Block::open(FileSystem& files, const std::string& path,
                                                 std::shared_ptr<Caches> caches) {
  return BlockFile::open_with(files, path, nullptr, std::move(caches));
}

Result<std::shared_ptr<const Block>> Block::open_remote(FileSystem& files, const std::string& path,
                                                        std::unique_ptr<File> file,
                                                        std::shared_ptr<Caches> caches) {
  return BlockFile::open_with(files, path, std::move(file), std::move(caches));
}

// Without `file` the one at `path` is read.
Result<std::shared_ptr<const Block>> BlockFile::open_with(FileSystem& files, const std::string& path,
                                                          std::unique_ptr<File> file,
                                                          std::shared_ptr<Caches> caches) {
  auto block = std::make_shared<BlockFile>();
  const auto open = [&]() -> Result<void> {
    block->files_ = &files;
    block->path_ = path;
    block->caches_ = std::move(caches);
    block->id_ = block->caches_->next_block.fetch_add(1, std::memory_order_relaxed);
    block->remote_ = file != nullptr;
    block->file_ = file ? std::move(file) : HF_TRY(files.open(path, OpenMode::kRead));
    HF_TRY(block->read_footer());
    return block->read_tombstones();
  };
  HF_TRY(open().context("metrics block " + path));
  return std::shared_ptr<const Block>(std::move(block));
}

BlockFile::~BlockFile() {
  if (caches_) caches_->forget(id_);
}

Result<void> BlockFile::read_footer() {
  size_ = HF_TRY(file_->size());
  if (HF_TRY(file_->read_at(0, kBlockFileMagic.size())) != kBlockFileMagic)
    return block_damage("the file does not begin as a block does");
  std::size_t wanted = std::min<std::uint64_t>(size_, kTailSize);
  std::string tail = HF_TRY(file_->read_at(size_ - wanted, wanted));
  auto footer = decode_footer(tail, size_, wanted);
  if (!footer && wanted > 0) {
    tail = HF_TRY(file_->read_at(size_ - wanted, wanted));
    footer = decode_footer(tail, size_, wanted);
  }
  footer_ = HF_TRY(std::move(footer));
  return {};
}

Result<void> BlockFile::read_tombstones() {
  Tombstones tombstones;
  if (files_->exists(tombstones_path(path_))) {
    const std::string bytes = HF_TRY(files_->read_file(tombstones_path(path_)));
    tombstones = HF_TRY(Tombstones::decode(bytes, footer_.meta.series_count));
  }
  tombstones_ = std::make_shared<const Tombstones>(std::move(tombstones));
  return {};
}

Result<std::string> BlockFile::read_part(const PartPlace& part, std::string_view what) const {
  const auto read = [&]() -> Result<std::string> {
    const std::string packed = HF_TRY(file_->read_at(part.offset, part.size));
    if (packed.size() != part.size || crc32c(packed) != part.crc)
      return block_damage("the checksum is wrong");
    return expand(packed, part.raw_size, kBlockPartSizeMax);
  };
  return read().context(std::string(what) + " at byte " + std::to_string(part.offset));
}

Result<BlockIndexPtr> BlockFile::read_index() const {
  const std::string symbols = HF_TRY(read_part(footer_.symbols, "symbols"));
  const std::string labels = HF_TRY(read_part(footer_.labels, "labels"));
  const std::string directory = HF_TRY(read_part(footer_.directory, "directory"));
  return BlockIndex::decode(footer_.meta, {symbols, labels, directory}, footer_.symbols.offset, {})
      .context("index at byte " + std::to_string(footer_.symbols.offset));
}

Result<BlockIndexPtr> BlockFile::index() const {
  const LruCache::Key key{id_, kIndexes, 0};
  if (auto kept = caches_->indexes.get(key))
    return std::static_pointer_cast<const BlockIndex>(std::move(kept));
  const std::lock_guard lock(index_mutex_);
  BlockIndexPtr index = index_.lock();
  if (!index) {
    index = HF_TRY(read_index().context("metrics block " + path_));
    index_ = index;
  }
  caches_->indexes.put(key, index, index->memory_size());
  return index;
}

Result<std::shared_ptr<const Block::View>> BlockFile::view() const {
  return std::shared_ptr<const View>(HF_TRY(index()));
}

Result<std::string> BlockFile::read_region(const BlockIndex& index, std::uint32_t number) const {
  const RegionPlace& region = index.region(number);
  std::string bytes = HF_TRY(file_->read_at(region.offset, region.size));
  if (bytes.size() != region.size) return block_damage("the file ends early");
  if (crc32c(bytes) != region.crc) return block_damage("the checksum is wrong");
  return bytes;
}

namespace {

// Puts the file and the place before an error that a region's bytes brought about.
template <typename T>
Result<T> placed(Result<T> result, const std::string& path, std::string_view what,
                 const RegionPlace& region) {
  return std::move(result).context("metrics block " + path + ": " + std::string(what) +
                                   " at byte " + std::to_string(region.offset));
}

Result<void> check_columns(const ColumnGroup& group, const BlockIndex& index,
                           const BlockIndex::Group& place) {
  if (group.column_count() != place.series_count)
    return block_damage("the group has another number of columns than the index says");
  for (std::uint32_t i = 0; i < place.series_count; ++i) {
    const SeriesIndex series = place.series_begin + i;
    if (group.sample_count(i) != index.span_of(series).count)
      return block_damage("a column has another number of samples than the index says");
  }
  return {};
}

}  // namespace

Result<ColumnGroupPtr> BlockFile::group(const BlockIndex& index, std::uint32_t number,
                                        CacheUse use) const {
  const LruCache::Key key{id_, kGroups, number};
  if (auto kept = caches_->groups.get(key))
    return std::static_pointer_cast<const ColumnGroup>(std::move(kept));
  const BlockIndex::Group& place = index.groups()[number];
  const auto read = [&]() -> Result<ColumnGroupPtr> {
    std::string bytes = HF_TRY(read_region(index, place.region));
    ColumnGroupPtr group = HF_TRY(ColumnGroup::open(std::move(bytes), place.sample_count));
    HF_TRY(check_columns(*group, index, place));
    return group;
  };
  ColumnGroupPtr group = HF_TRY(placed(read(), path_, "group", index.region(place.region)));
  if (use == CacheUse::kKeep) caches_->groups.put(key, group, group->memory_size());
  return group;
}

Result<TimesPage> BlockFile::page(const BlockIndex& index, std::uint32_t number,
                                  CacheUse use) const {
  const LruCache::Key key{id_, kPages, number};
  if (auto kept = caches_->groups.get(key))
    return std::static_pointer_cast<const std::vector<TimesPtr>>(std::move(kept));
  const BlockIndex::Page& place = index.pages()[number];
  std::size_t size = 0;
  const auto read = [&]() -> Result<TimesPage> {
    const std::string bytes = HF_TRY(read_region(index, place.region));
    ByteReader in(bytes);
    const std::uint64_t raw_size = in.varint();
    if (!in.ok()) return block_damage("the page ends early");
    const auto begin = index.time_columns().begin() + place.column_begin;
    const std::vector<TimeColumnInfo> columns(begin, begin + place.column_count);
    std::uint64_t raw_size_max = 0;
    for (const TimeColumnInfo& column : columns)
      raw_size_max += kColumnHeadMax + kVarintMax * column.count;
    const std::string_view frame = std::string_view(bytes).substr(bytes.size() - in.left());
    const std::string raw = HF_TRY(expand(frame, raw_size, raw_size_max));
    auto times = HF_TRY(decode_page(columns, raw));
    for (const TimesPtr& column : times) size += column->size() * sizeof(Timestamp) + 64;
    return std::make_shared<const std::vector<TimesPtr>>(std::move(times));
  };
  TimesPage page = HF_TRY(placed(read(), path_, "page of timestamps", index.region(place.region)));
  if (use == CacheUse::kKeep) caches_->groups.put(key, page, size);
  return page;
}

Result<std::vector<model::HistogramPtr>> BlockFile::piece(const BlockIndex& index,
                                                          const BlockIndex::Piece& piece) const {
  const auto read = [&]() -> Result<std::vector<model::HistogramPtr>> {
    return decode_histogram_piece(HF_TRY(read_region(index, piece.region)), piece.count);
  };
  return placed(read(), path_, "histograms", index.region(piece.region));
}

std::shared_ptr<const Tombstones> BlockFile::tombstones() const {
  const std::lock_guard lock(tombstones_mutex_);
  return tombstones_;
}

Result<void> BlockFile::hide(const std::vector<SeriesIndex>& series, Timestamp from,
                             Timestamp to) const {
  std::vector<SeriesIndex> known;
  for (const SeriesIndex s : series) {
    if (s < footer_.meta.series_count) known.push_back(s);
  }
  // Written under the lock: one writer of the file at a time. Readers wait only for a pointer.
  const std::lock_guard lock(tombstones_mutex_);
  Tombstones next = *tombstones_;
  next.hide(std::move(known), from, to);
  HF_TRY(files_->write_file_atomic(tombstones_path(path_), next.encode()));
  tombstones_ = std::make_shared<const Tombstones>(std::move(next));
  version_.fetch_add(1, std::memory_order_release);
  return {};
}

}  // namespace holdfast::metrics
