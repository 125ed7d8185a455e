#include "metrics/codec/column_group.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/bytes.h"
#include "metrics/frame.h"

namespace holdfast::metrics {
namespace {

constexpr std::size_t kRun = ColumnGroup::kRunSamples;
constexpr std::uint8_t kConstant = 0xff;
constexpr std::uint8_t kBits = 0xfe;  // smaller ways: value = integer / 10^way
constexpr std::array<double, 13> kPowers{1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                         1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

bool as_integer(double value, double power, std::int64_t& out) {
  const double scaled = value * power;
  if (!(std::fabs(scaled) < 9e15)) return false;
  out = std::llround(scaled);
  return bits_of(static_cast<double>(out) / power) == bits_of(value);
}

std::uint8_t way_of(std::span<const double> values) {
  if (std::all_of(values.begin(), values.end(),
                  [&](double v) { return bits_of(v) == bits_of(values[0]); })) {
    return kConstant;
  }
  std::size_t way = 0;
  for (const double value : values) {
    std::int64_t ignored = 0;
    while (way < kPowers.size() && !as_integer(value, kPowers[way], ignored)) ++way;
    if (way == kPowers.size()) return kBits;
  }
  for (const double value : values) {
    std::int64_t ignored = 0;
    if (!as_integer(value, kPowers[way], ignored)) return kBits;
  }
  return static_cast<std::uint8_t>(way);
}

std::string run_of(std::span<const double> values, std::uint8_t way, int level) {
  ByteWriter out;
  std::uint64_t last = 0;
  for (const double value : values) {
    if (way == kBits) {
      out.u64(bits_of(value) ^ last);
      last = bits_of(value);
    } else {
      std::int64_t integer = 0;
      as_integer(value, kPowers[way], integer);
      out.zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(integer) - last));
      last = static_cast<std::uint64_t>(integer);
    }
  }
  ByteWriter run;
  run.varint(out.str().size());
  run.raw(compress(out.str(), level));
  return run.take();
}

struct Column {
  std::size_t count = 0;
  std::uint8_t way = kConstant;
  double value = 0;
  std::vector<std::string_view> runs;
};

class Group final : public ColumnGroup {
 public:
  std::string bytes;
  std::vector<Column> columns;

  std::size_t column_count() const override { return columns.size(); }
  std::size_t sample_count(std::size_t column) const override { return columns[column].count; }
  std::size_t memory_size() const override {
    std::size_t size = sizeof *this + bytes.capacity() + columns.capacity() * sizeof(Column);
    for (const auto& column : columns) size += column.runs.capacity() * sizeof(std::string_view);
    return size;
  }

  Result<void> decode(std::size_t index, std::size_t first, std::size_t count,
                      double* out) const override {
    const Column& column = columns[index];
    if (column.way == kConstant) {
      std::fill_n(out, count, column.value);
      return {};
    }
    std::array<double, kRun> values;
    while (count > 0) {
      const std::size_t run = first / kRun;
      const std::size_t skip = first % kRun;
      const std::size_t take = std::min(count, kRun - skip);
      HF_TRY(decode_run(column, run, values.data()));
      std::copy_n(values.data() + skip, take, out);
      out += take, first += take, count -= take;
    }
    return {};
  }

 private:
  static Result<void> decode_run(const Column& column, std::size_t run, double* out) {
    const std::size_t count = std::min(kRun, column.count - run * kRun);
    ByteReader frame(column.runs[run]);
    const auto size = frame.varint();
    const std::string raw = HF_TRY(expand(frame.raw(frame.left()), size, kRun * 10));
    ByteReader in(raw);
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (column.way == kBits) {
        last ^= in.u64();
        out[i] = std::bit_cast<double>(last);
      } else {
        last += static_cast<std::uint64_t>(in.zigzag());
        out[i] = static_cast<double>(static_cast<std::int64_t>(last)) / kPowers[column.way];
      }
    }
    if (!in.ok() || !in.at_end()) return Error(Code::kDataLoss, "a column run has another size");
    return {};
  }
};

}  // namespace

void encode_column_group(std::span<const ValueColumn> columns, Effort effort, std::string& out) {
  ByteWriter head;
  std::string body;
  head.varint(columns.size());
  for (const auto& column : columns) {
    const std::uint8_t way = way_of(column.values);
    head.varint(column.values.size());
    head.u8(way);
    if (way == kConstant) {
      head.f64(column.values[0]);
      continue;
    }
    for (std::size_t first = 0; first < column.values.size(); first += kRun) {
      const std::size_t count = std::min(kRun, column.values.size() - first);
      const auto run =
          run_of(column.values.subspan(first, count), way, effort == Effort::kFast ? 1 : 3);
      head.varint(run.size());
      body += run;
    }
  }
  out += head.str();
  out += body;
}

Result<std::shared_ptr<const ColumnGroup>> ColumnGroup::open(std::string bytes,
                                                             std::size_t sample_count_max) {
  auto group = std::make_shared<Group>();
  group->bytes = std::move(bytes);
  ByteReader in(group->bytes);
  const Error loss(Code::kDataLoss, "a column group is damaged");
  const std::size_t columns = in.varint();
  if (columns > in.left()) return loss;
  std::size_t samples = 0;
  std::vector<std::vector<std::size_t>> sizes(columns);
  group->columns.resize(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    Column& column = group->columns[c];
    column.count = in.varint();
    column.way = in.u8();
    if (column.count == 0 || column.count > sample_count_max - samples) return loss;
    samples += column.count;
    if (column.way == kConstant) {
      column.value = in.f64();
    } else if (column.way != kBits && column.way >= kPowers.size()) {
      return loss;
    } else {
      const std::size_t runs = (column.count + kRun - 1) / kRun;
      if (runs > in.left()) return loss;
      for (std::size_t run = 0; run < runs; ++run) sizes[c].push_back(in.varint());
    }
    if (!in.ok()) return loss;
  }
  for (std::size_t c = 0; c < columns; ++c) {
    for (const auto size : sizes[c]) group->columns[c].runs.push_back(in.raw(size));
  }
  if (!in.ok() || !in.at_end()) return loss;
  return std::shared_ptr<const ColumnGroup>(std::move(group));
}

}  // namespace holdfast::metrics
