// Bytes as a column group, decoded in whole and in part; and as doubles, which must come back.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "metrics/codec/column_group.h"

namespace {

using namespace holdfast::metrics;

void read(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSamplesMax = 1 << 16;
  const auto group =
      ColumnGroup::open(std::string(reinterpret_cast<const char*>(data), size), kSamplesMax);
  if (!group) return;
  std::vector<double> out;
  ColumnGroup::Scratch scratch;
  for (std::size_t c = 0; c < (*group)->column_count(); ++c) {
    const std::size_t count = (*group)->sample_count(c);
    if (count == 0 || count > kSamplesMax) std::abort();
    out.resize(count);
    const bool whole = (*group)->decode(c, 0, count, out.data(), scratch).has_value();
    const std::vector<double> first = out;
    const bool tail = (*group)->decode(c, count - 1, 1, out.data()).has_value();
    if (whole && (!tail || std::memcmp(&first.back(), out.data(), sizeof(double)) != 0)) {
      std::abort();
    }
  }
}

// The first byte says how long columns are, the second where references point.
void write(const std::uint8_t* data, std::size_t size) {
  if (size < 10) return;
  const std::size_t length = 1 + data[0];
  std::vector<double> values((size - 2) / sizeof(double));
  std::memcpy(values.data(), data + 2, values.size() * sizeof(double));
  std::vector<ValueColumn> columns;
  for (std::size_t i = 0; i < values.size(); i += length) {
    columns.push_back({std::span(values).subspan(i, std::min(length, values.size() - i)),
                       static_cast<int>(columns.size()) + data[1] % 3 - 1});
  }
  for (const Effort effort : {Effort::kFast, Effort::kSmall}) {
    std::string bytes;
    encode_column_group(columns, effort, bytes);
    const auto group = ColumnGroup::open(bytes, values.size());
    if (!group || (*group)->column_count() != columns.size()) std::abort();
    std::vector<double> out(length);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto expected = columns[c].values;
      if (!(*group)->decode(c, 0, expected.size(), out.data()).has_value() ||
          std::memcmp(out.data(), expected.data(), expected.size_bytes()) != 0) {
        std::abort();
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(data, size);
  write(data, size);
  return 0;
}
