#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "metrics/codec/runs.h"

namespace holdfast::metrics::codec {
namespace {

std::int64_t integer_start_of(const PayloadSource& source, std::size_t run) {
  return source.integers[Partition(source.integers.size()).begin(run)];
}

double start_of(const PayloadSource& source, std::size_t run) {
  return std::ldexp(static_cast<double>(integer_start_of(source, run)), -source.places[run]);
}

unsigned bit_width_of(std::span<const std::uint64_t> values) {
  std::uint64_t all = 0;
  for (const std::uint64_t v : values) all |= v;
  return static_cast<unsigned>(std::bit_width(all));
}

void write_starts(std::span<const std::int64_t> starts, BitWriter& out) {
  std::vector<std::uint64_t> steps;
  std::uint64_t last = 0;
  for (std::size_t i = 1; i < starts.size(); ++i) {
    const auto step =
        static_cast<std::uint64_t>(starts[i]) - static_cast<std::uint64_t>(starts[i - 1]);
    steps.push_back(fold_sign(static_cast<std::int64_t>(step - last)));
    last = step;
  }
  const std::span<const std::uint64_t> all(steps);
  const unsigned first_width = bit_width_of(all.first(1));
  const unsigned width = bit_width_of(all.subspan(1));
  out.put(first_width, 7);
  out.put(width, 7);
  for (std::size_t i = 0; i < steps.size(); ++i) out.put(steps[i], i == 0 ? first_width : width);
}

void write_run(const Head& head, const PayloadSource& source, std::size_t run, const RunPlan& plan,
               std::span<const std::uint8_t> symbols, AnsEncoder& encoder, BitWriter& out) {
  const bool binary = head.scale == Scale::kBinary;
  const unsigned width = plan.bins.width;
  if (!head.mixed() && width > 0) {
    visit_run(head, source, run, plan, [&](std::uint64_t integer, std::uint64_t foreseen) {
      out.put(integer - foreseen, width);
    });
  }
  if (!symbols.empty()) encoder.write(symbols, out);
  const bool escapes =
      std::any_of(symbols.begin(), symbols.end(), [](std::uint8_t s) { return s >= kAbove; });
  if (!head.mixed() && !escapes) return;
  std::size_t next = 0;
  visit_run(head, source, run, plan, [&](std::uint64_t integer, std::uint64_t foreseen) {
    const unsigned symbol = symbols[next++];
    if (symbol == kRepeat) return;
    const Token token = token_of(integer - foreseen, plan.bins);
    out.put(token.extra, extra_bits(symbol));
    if (!head.mixed()) return;
    std::uint64_t low = foreseen + residual_of(symbol, token.extra, plan.bins);
    const unsigned idle = binary ? idle_below(low, width) : 0;
    out.put((integer - low) >> idle, width - idle);
  });
}

void append_bits(const std::string& bytes, std::size_t count, BitWriter& out) {
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i / 8, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
    out.put(word, 32);
  }
  for (; i < count; i += 8) {
    out.put(static_cast<std::uint8_t>(bytes[i / 8]),
            static_cast<unsigned>(std::min<std::size_t>(8, count - i)));
  }
}

}  // namespace

RunPlan plan_of(const Head& head, const PayloadSource& source, std::size_t run) {
  RunPlan out;
  const Partition partition(source.integers.size());
  out.count = partition.size(run);
  out.symbol_count = out.count - (has_start(head.predictor) ? 1 : 0);
  const std::size_t runs = partition.count();
  const std::size_t from = run + 1 < runs || run == 0 ? run : run - 1;
  const std::size_t others = runs > 1 ? 2 : 1;
  if (head.scale == Scale::kBinary) {
    out.places = source.places[run];
    std::array<double, 2> starts{};
    for (std::size_t i = 0; i < others; ++i) starts[i] = start_of(source, from + i);
    out.forecast = binary_forecast_of(head, {starts.data(), others}, partition.size(from),
                                      out.places, run - from);
  } else {
    std::array<std::int64_t, 2> starts{};
    for (std::size_t i = 0; i < others; ++i) starts[i] = integer_start_of(source, from + i);
    out.forecast = forecast_of(head, {starts.data(), others}, partition.size(from), run - from);
  }
  out.bins = bins_of(head, out.places);
  return out;
}

void make_symbols(const Head& head, const PayloadSource& source,
                  std::vector<std::uint8_t>& symbols) {
  symbols.clear();
  symbols.reserve(source.integers.size());
  const bool repeats = head.mixed();
  const std::size_t runs = Partition(source.integers.size()).count();
  for (std::size_t run = 0; run < runs; ++run) {
    const RunPlan plan = plan_of(head, source, run);
    const Bins bins = plan.bins;
    const bool repeat = repeats && bins.width > 0;
    visit_run(head, source, run, plan, [&](std::uint64_t integer, std::uint64_t foreseen) {
      const std::uint64_t residual = integer - foreseen;
      symbols.push_back(repeat && residual == 0 ? static_cast<std::uint8_t>(kRepeat)
                                                : token_of(residual, bins).symbol);
    });
  }
}

std::string write_payload(const Head& head, const PayloadSource& source,
                          std::span<const std::uint8_t> symbols, AnsEncoder& encoder) {
  const std::size_t runs = Partition(source.integers.size()).count();
  BitWriter out;
  if (head.scale == Scale::kBinary) {
    for (const int places : source.places) out.put(static_cast<std::uint64_t>(places + 1024), 12);
    if (has_start(head.predictor)) {
      for (std::size_t run = 0; run < runs; ++run) {
        out.put(std::bit_cast<std::uint64_t>(start_of(source, run)), 64);
      }
    }
  } else if (runs > 1 && has_start(head.predictor)) {
    std::vector<std::int64_t> starts;
    for (std::size_t run = 0; run < runs; ++run) starts.push_back(integer_start_of(source, run));
    write_starts(starts, out);
  }
  BitWriter body;
  std::vector<std::uint64_t> sizes;
  std::size_t used = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    const RunPlan plan = plan_of(head, source, run);
    const std::size_t before = body.bit_size();
    write_run(head, source, run, plan, symbols.subspan(used, plan.symbol_count), encoder, body);
    used += plan.symbol_count;
    if (run + 1 < runs) sizes.push_back(body.bit_size() - before);
  }
  if (runs > 1) {
    const std::uint64_t least = *std::min_element(sizes.begin(), sizes.end());
    for (auto& size : sizes) size -= least;
    const unsigned width = bit_width_of(sizes);
    out.put(width, 6);
    out.put(least, 24);
    for (const std::uint64_t size : sizes) out.put(size, width);
  }
  const std::size_t body_bits = body.bit_size();
  append_bits(body.take(), body_bits, out);
  return out.take();
}

}  // namespace holdfast::metrics::codec
