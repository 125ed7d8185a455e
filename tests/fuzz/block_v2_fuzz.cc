// Bytes as a block file; and, past the checksums no fuzzer guesses, as an expanded index, a page of
// timestamps, a piece of histograms, tombstones.
#include <cstdlib>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/sim.h"
#include "metrics/block/block_index.h"
#include "metrics/block/histogram_column.h"
#include "metrics/block/tombstones.h"

namespace {

using namespace holdfast;
using namespace holdfast::metrics;

constexpr BlockIndex::Limits kLimits{1 << 12, 1 << 20};

void read_as_file(std::string_view bytes) {
  SeededRandom random(1);
  SimFileSystem files(random);
  if (!files.write_file_atomic("/block", bytes)) std::abort();
  const auto block = Block::open(files, "/block", Block::make_caches({1 << 20, 1 << 20, 1 << 20}));
  if (!block) return;
  const auto view = (*block)->view();
  const auto cursor = (*block)->cursor();
  if (!view || !cursor) return;
  SeriesData data;
  LabelViews labels;
  for (SeriesIndex i = 0; i < (*view)->series_count(); ++i) {
    (void)(*cursor)->read(i, model::kTimestampMin, model::kTimestampMax, data);
    (*view)->labels(i, labels);
    (void)(*view)->find(labels);
  }
}

// | series | samples | bytes of regions | symbols | labels | directory |
void read_as_index(std::string_view bytes) {
  ByteReader in(bytes);
  BlockMeta meta;
  meta.series_count = in.varint();
  meta.sample_count = in.varint();
  const std::uint64_t data_size = in.varint();
  const std::string_view symbols = in.text();
  const std::string_view label_columns = in.text();
  const std::string_view directory = in.text();
  if (!in.ok()) return;
  const auto index =
      BlockIndex::decode(meta, {symbols, label_columns, directory}, data_size, kLimits);
  if (!index) return;
  const BlockIndex& view = **index;
  LabelViews labels;
  for (SeriesIndex i = 0; i < view.series_count(); ++i) {
    view.labels(i, labels);
    (void)view.find(labels);
    (void)view.compare(i, labels);
    (void)view.label(i, "b");
    const SeriesIndex values = view.values_of(i);
    if (view.values_of(values) != values || view.span_index(values) != view.span_index(i))
      std::abort();
    const BlockIndex::Group& group = view.groups()[view.group_of(i)];
    if (i - group.series_begin >= group.series_count) std::abort();
    (void)view.page_of(view.span_of(i).column);
    (void)view.pieces_of(i);
  }
  for (const std::string_view name : view.label_names()) (void)view.label_values(name);
  (void)view.select({*Matcher::make(model::MatchOp::kRegex, "a", "b.*"),
                     *Matcher::make(model::MatchOp::kNotEqual, "b", "c")},
                    0, 1);
}

void read_as_page(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<TimeColumnInfo> columns(in.u8() % 4);
  for (TimeColumnInfo& column : columns) {
    column.count = in.u8();
    column.min = in.zigzag();
    column.max = in.zigzag();
  }
  (void)decode_page(columns, bytes.substr(bytes.size() - in.left()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_as_file(bytes);
  read_as_index(bytes);
  read_as_page(bytes);
  if (const auto tombstones = Tombstones::decode(bytes, 1000)) {
    std::vector<TimeRange> ranges;
    tombstones->ranges(5, ranges);
  }
  if (!bytes.empty()) (void)decode_histogram_piece(bytes.substr(1), data[0]);
  return 0;
}
