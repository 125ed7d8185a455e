#include "metrics/codec/scaling.h"

#include "metrics/codec/partition.h"

#include <algorithm>
#include <cmath>

namespace holdfast::metrics::codec {
namespace {

constexpr double kIntegerMax = 9007199254740992.0;  // 2^53

std::uint64_t bits_of(double v) { return std::bit_cast<std::uint64_t>(v); }

bool as_decimal(double value, double power, std::int64_t& out) {
  const double scaled = value * power;
  if (!(std::fabs(scaled) < kIntegerMax)) return false;
  out = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
  return bits_of(static_cast<double>(out) / power) == bits_of(value);
}

bool finite(double v) { return std::fabs(v) <= 1.7976931348623157e308; }

// The fewest digits that hold `value`, from `digits` on; kDigitsMax + 1 is
// never.
unsigned digits_of(double value, unsigned digits) {
  std::int64_t ignored = 0;
  while (digits <= kDigitsMax && !as_decimal(value, kPowersOfTen[digits], ignored)) ++digits;
  return digits;
}

bool odd_one_out(double v) { return !finite(v) || (v == 0 && std::signbit(v)); }

// Digits that hold nearly all values; kDigitsMax + 1 when that takes too many.
unsigned column_digits(std::span<const double> values) {
  constexpr std::size_t kProbes = 64;
  const std::size_t step = std::max<std::size_t>(1, values.size() / kProbes);
  unsigned digits = 0;
  std::size_t probes = 0;
  std::size_t never = 0;
  for (std::size_t i = 0; i < values.size(); i += step) {
    if (odd_one_out(values[i])) continue;
    ++probes;
    const unsigned needed = digits_of(values[i], digits);
    if (needed > kDigitsMax) {
      ++never;
    } else {
      digits = needed;
    }
  }
  return never * 8 > probes ? kDigitsMax + 1 : digits;
}

enum class Fit { kGood, kMoreDigits, kNever };

// All values with these digits; `digits` becomes more where a value and the first need them.
Fit fit_decimal(std::span<const double> values, unsigned& digits, Scaled& out) {
  const std::size_t exceptions_max = 1 + values.size() / 16;
  const double power = kPowersOfTen[digits];
  out.exceptions.clear();
  std::size_t failed = 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t integer = 0;
    if (as_decimal(values[i], power, integer)) {
      last = integer;
    } else {
      if (!odd_one_out(values[i])) {
        const unsigned needed = digits_of(values[i], digits + 1);
        if (needed <= kDigitsMax && digits_of(values[0], needed) == needed) {
          digits = needed;
          return Fit::kMoreDigits;
        }
        if (++failed > exceptions_max) return Fit::kNever;
      }
      out.exceptions.push_back({static_cast<std::uint32_t>(i), bits_of(values[i])});
    }
    out.integers[i] = last;
  }
  return Fit::kGood;
}

bool scale_decimal(std::span<const double> values, Scaled& out) {
  unsigned digits = column_digits(values);
  if (digits > kDigitsMax) return false;
  out.scale = Scale::kDecimal;
  out.integers.resize(values.size());
  Fit fit = Fit::kMoreDigits;
  while (fit == Fit::kMoreDigits) fit = fit_decimal(values, digits, out);
  out.digits = static_cast<std::uint8_t>(digits);
  return fit == Fit::kGood;
}

// value = mantissa * 2^exponent, the mantissa odd; not for zero.
int lowest_exponent(double v) {
  const std::uint64_t bits = bits_of(v);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
  std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
  if (exponent > 0) mantissa |= std::uint64_t{1} << 52;
  return std::max(exponent, 1) - 1075 + std::countr_zero(mantissa);
}

// The places that hold all of a run, or as many as leave its largest value
// below 2^62.
int run_places(std::span<const double> run) {
  int needed = kPlacesMin;
  double largest = 0;
  for (const double v : run) {
    if (!finite(v) || v == 0) continue;
    needed = std::max(needed, -lowest_exponent(v));
    largest = std::max(largest, std::fabs(v));
  }
  if (largest == 0) return 0;
  return std::clamp(std::min(needed, 61 - std::ilogb(largest)), kPlacesMin, kPlacesMax);
}

bool scale_binary(std::span<const double> values, Scaled& out) {
  const Partition partition(values.size());
  std::size_t next_run = 0;
  const std::size_t exceptions_max = 2 + values.size() / 16;
  out.scale = Scale::kBinary;
  out.exceptions.clear();
  out.places.clear();
  out.integers.resize(values.size());
  std::size_t failed = 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (next_run < partition.count() && i == partition.begin(next_run)) {
      out.places.push_back(run_places(values.subspan(i, partition.size(next_run))));
      ++next_run;
      last = 0;
    }
    const int places = out.places.back();
    if (finite(v)) last = static_cast<std::int64_t>(std::ldexp(v, places));
    out.integers[i] = last;
    if (!finite(v) || bits_of(std::ldexp(static_cast<double>(last), -places)) != bits_of(v)) {
      if (!odd_one_out(v) && ++failed > exceptions_max) return false;
      out.exceptions.push_back({static_cast<std::uint32_t>(i), bits_of(v)});
    }
  }
  return true;
}

}  // namespace

void scale(std::span<const double> values, Scaled& out) {
  out.exceptions.clear();
  out.places.clear();
  out.digits = 0;
  const auto odd = static_cast<std::size_t>(
      std::count_if(values.begin(), values.end(), [](double v) { return odd_one_out(v); }));
  if (odd * 4 <= values.size()) {
    if (scale_decimal(values, out)) return;
    if (scale_binary(values, out)) return;
  }
  out.scale = Scale::kBits;
  out.exceptions.clear();
  out.places.clear();
  out.integers.resize(values.size());
  std::transform(values.begin(), values.end(), out.integers.begin(), ordered_bits);
}

void unscale_decimal(std::span<const std::int64_t> integers, unsigned digits, double* out) {
  const double power = kPowersOfTen[digits];
  if (digits == 0) {
    for (std::size_t i = 0; i < integers.size(); ++i) out[i] = static_cast<double>(integers[i]);
  } else {
    for (std::size_t i = 0; i < integers.size(); ++i) {
      out[i] = static_cast<double>(integers[i]) / power;
    }
  }
}

void unscale_binary(std::span<const std::int64_t> integers, int places, double* out) {
  // Powers of two beyond the range of a double are taken in two steps.
  if (places < -1000 || places > 1000) {
    for (std::size_t i = 0; i < integers.size(); ++i) {
      out[i] = std::ldexp(static_cast<double>(integers[i]), -places);
    }
    return;
  }
  const double power = std::ldexp(1.0, -places);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    out[i] = static_cast<double>(integers[i]) * power;
  }
}

void unscale_bits(std::span<const std::int64_t> integers, double* out) {
  std::transform(integers.begin(), integers.end(), out, from_ordered_bits);
}

}  // namespace holdfast::metrics::codec
