#include <algorithm>
#include <cmath>

#include "metrics/codec/runs.h"

namespace holdfast::metrics::codec {
namespace {

constexpr double kIntegerMax = 4611686018427387904.0;  // 2^62

unsigned fraction_bits_of(const Head& head) { return head.scale == Scale::kDecimal ? 4 : 0; }

std::int64_t scaled(double v, int places) {
  const double scaled = std::ldexp(v, places);
  return std::fabs(scaled) < kIntegerMax ? static_cast<std::int64_t>(scaled) : 0;
}

// Between which runs the slope of `run` is measured; false when there is only
// one.
bool slope_of(std::size_t runs, std::size_t run, std::size_t& from) {
  if (runs < 2) return false;
  from = run + 1 < runs ? run : run - 1;
  return true;
}

}  // namespace

Bins bins_of(const Head& head, int places) {
  if (head.scale != Scale::kBinary) return {static_cast<unsigned>(head.width), head.first_bin};
  return {static_cast<unsigned>(std::clamp(head.width + places, 0, 60)), head.first_bin};
}

Forecast::Run forecast_of(const Head& head, std::span<const std::int64_t> starts,
                          std::size_t length, std::size_t run) {
  Forecast::Run out;
  out.start = starts[run];
  out.fraction_bits = fraction_bits_of(head);
  std::size_t from = 0;
  if (slope_of(starts.size(), run, from)) {
    const auto begin = static_cast<std::uint64_t>(starts[from]);
    const auto end = static_cast<std::uint64_t>(starts[from + 1]);
    out.slope_known = !restarted(begin, end);
    if (out.slope_known) {
      out.slope = static_cast<std::int64_t>(end - begin) / static_cast<std::int64_t>(length);
    }
  }
  return out;
}

Forecast::Run binary_forecast_of(const Head& head, std::span<const double> starts,
                                 std::size_t length, int places, std::size_t run) {
  Forecast::Run out;
  out.start = scaled(starts[run], places);
  out.fraction_bits = fraction_bits_of(head);
  std::size_t from = 0;
  out.slope_known = slope_of(starts.size(), run, from) &&
                    !(starts[from + 1] >= 0 && starts[from + 1] < starts[from] / 2);
  if (out.slope_known) {
    const double rise = (starts[from + 1] - starts[from]) / static_cast<double>(length);
    out.slope = scaled(rise, places);
  }
  return out;
}

bool Payload::open(const char* bytes, const Head& head) {
  bytes_ = bytes;
  head_ = &head;
  partition_ = Partition(head.count);
  runs_ = partition_.count();
  end_ = (head.payload_begin + head.payload_size) * 8;
  std::size_t position = head.payload_begin * 8;
  if (head.scale == Scale::kBinary) {
    places_position_ = position;
    position += 12 * runs_;
    starts_position_ = position;
    if (has_start(head.predictor)) position += 64 * runs_;
  } else if (runs_ > 1 && has_start(head.predictor)) {
    if (position + 14 > end_) return false;
    first_step_width_ = static_cast<unsigned>(read_short(bytes, position, 7));
    step_width_ = static_cast<unsigned>(read_short(bytes, position + 7, 7));
    if (first_step_width_ > 64 || step_width_ > 64) return false;
    starts_position_ = position + 14;
    position = starts_position_ + first_step_width_ + step_width_ * (runs_ - 2);
  }
  if (runs_ > 1) {
    if (position + 30 > end_) return false;
    size_width_ = static_cast<unsigned>(read_short(bytes, position, 6));
    size_min_ = read_short(bytes, position + 6, 24);
    if (size_width_ > 24) return false;
    sizes_position_ = position + 30;
    position = sizes_position_ + size_width_ * (runs_ - 1);
  }
  first_position_ = position;
  return position <= end_;
}

std::int64_t Payload::start(std::size_t run) const {
  auto at = static_cast<std::uint64_t>(head_->value);
  std::uint64_t step = 0;
  std::size_t position = starts_position_;
  for (std::size_t i = 1; i <= run; ++i) {
    const unsigned width = i == 1 ? first_step_width_ : step_width_;
    step += static_cast<std::uint64_t>(unfold_sign(read_bits(bytes_, position, width)));
    position += width;
    at += step;
  }
  return static_cast<std::int64_t>(at);
}

double Payload::binary_start(std::size_t run) const {
  return std::bit_cast<double>(read_bits(bytes_, starts_position_ + 64 * run, 64));
}

bool Payload::plan(std::size_t run, RunPlan& out) const {
  const Head& head = *head_;
  out.count = partition_.size(run);
  out.symbol_count = out.count - (has_start(head.predictor) ? 1 : 0);
  out.position = first_position_;
  for (std::size_t i = 0; i < run; ++i) {
    out.position += size_min_ + read_short(bytes_, sizes_position_ + i * size_width_, size_width_);
  }
  out.end = end_;
  if (run + 1 < runs_) {
    out.end = out.position + size_min_ +
              read_short(bytes_, sizes_position_ + run * size_width_, size_width_);
  }
  if (out.end > end_ || out.position > out.end) return false;
  const std::size_t from = run + 1 < runs_ || run == 0 ? run : run - 1;
  const std::size_t others = runs_ > 1 ? 2 : 1;
  if (head.scale == Scale::kBinary) {
    out.places = static_cast<int>(read_short(bytes_, places_position_ + 12 * run, 12)) - 1024;
    if (out.places < kPlacesMin || out.places > kPlacesMax) return false;
    if (has_start(head.predictor)) {
      double starts[2]{};
      for (std::size_t i = 0; i < others; ++i) starts[i] = binary_start(from + i);
      out.forecast =
          binary_forecast_of(head, {starts, others}, partition_.size(from), out.places, run - from);
    }
  } else if (has_start(head.predictor)) {
    std::int64_t starts[2]{head.value, 0};
    if (runs_ > 1) {
      for (std::size_t i = 0; i < others; ++i) starts[i] = start(from + i);
    }
    out.forecast = forecast_of(head, {starts, others}, partition_.size(from), run - from);
  }
  out.bins = bins_of(head, out.places);
  return out.symbols_position(head) <= out.end;
}

namespace {

// Residuals whose low bits stand at equal distances before the symbols.
bool even_residuals(const char* bytes, const RunPlan& plan, std::span<const std::uint8_t> symbols,
                    std::size_t& position, std::uint64_t* out) {
  const unsigned width = plan.bins.width;
  const auto first = static_cast<std::uint64_t>(plan.bins.first);
  unsigned greatest = 0;
  if (width == 0) {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      out[i] = symbols[i] + first;
      greatest |= static_cast<unsigned>(symbols[i] >= kAbove);
    }
  } else {
    std::size_t low = plan.position;
    const std::uint64_t mask = low_mask(width);
    if (width <= 56) {
      for (std::size_t i = 0; i < symbols.size(); ++i, low += width) {
        const std::uint64_t bits = (load_u64(bytes + (low >> 3)) >> (low & 7)) & mask;
        out[i] = ((symbols[i] + first) << width) + bits;
        greatest |= static_cast<unsigned>(symbols[i] >= kAbove);
      }
    } else {
      for (std::size_t i = 0; i < symbols.size(); ++i, low += width) {
        out[i] = ((symbols[i] + first) << width) + read_bits(bytes, low, width);
        greatest |= static_cast<unsigned>(symbols[i] >= kAbove);
      }
    }
  }
  if (greatest == 0) return true;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const unsigned symbol = symbols[i];
    if (symbol < kAbove) continue;
    const unsigned count = extra_bits(symbol);
    if (symbol == kRepeat || position + count > plan.end) return false;
    const std::uint64_t extra = read_bits(bytes, position, count);
    position += count;
    const std::uint64_t low = width == 0 ? 0 : read_bits(bytes, plan.position + i * width, width);
    out[i] = residual_of(symbol, extra, plan.bins) + low;
  }
  return true;
}

}  // namespace

bool finish_run(const char* bytes, const Head& head, const RunPlan& plan,
                std::span<const std::uint8_t> symbols, std::size_t position, std::int64_t* out) {
  auto* integers = reinterpret_cast<std::uint64_t*>(out);
  const std::size_t skip = has_start(head.predictor) ? 1 : 0;
  if (skip == 1) out[0] = plan.forecast.start;
  if (!head.mixed()) {
    if (!even_residuals(bytes, plan, symbols, position, integers + skip)) return false;
    if (position != plan.end && !(plan.end - position < 8 && position < plan.end)) return false;
    walk_run(head.predictor, plan.forecast, plan.count,
             [&](std::size_t i, std::uint64_t foreseen) { return integers[i] += foreseen; });
    return true;
  }
  bool good = true;
  const bool binary = head.scale == Scale::kBinary;
  walk_run(head.predictor, plan.forecast, plan.count, [&](std::size_t i, std::uint64_t foreseen) {
    const unsigned symbol = symbols[i - skip];
    if (symbol == kRepeat) return integers[i] = foreseen;
    const unsigned extra_count = extra_bits(symbol);
    if (position + extra_count > plan.end) {
      good = false;
      return integers[i] = foreseen;
    }
    const std::uint64_t extra = extra_count == 0 ? 0 : read_bits(bytes, position, extra_count);
    position += extra_count;
    std::uint64_t low = foreseen + residual_of(symbol, extra, plan.bins);
    const unsigned idle = binary ? idle_below(low, plan.bins.width) : 0;
    const unsigned count = plan.bins.width - idle;
    if (position + count > plan.end) {
      good = false;
      return integers[i] = low;
    }
    low += read_bits(bytes, position, count) << idle;
    position += count;
    return integers[i] = low;
  });
  return good && position <= plan.end && plan.end - position < 8;
}

}  // namespace holdfast::metrics::codec
