#include "metrics/codec/ans.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace holdfast::metrics::codec {
namespace {

// 2^(level / 4), sixteen bits of it behind the point.
std::uint64_t weight_of(std::uint8_t level) {
  constexpr std::array<std::uint64_t, 4> kQuarters{65536, 77936, 92682, 110218};
  const unsigned step = level - 1u;
  return kQuarters[step & 3] << (step >> 2);
}

// Which symbol each state belongs to: every symbol's states lie evenly.
std::vector<std::uint8_t> spread(const std::array<std::uint16_t, kSymbolCount>& states,
                                 unsigned table_bits) {
  const std::size_t size = std::size_t{1} << table_bits;
  const std::size_t step = (size >> 1) + (size >> 3) + 3;
  std::vector<std::uint8_t> symbols(size);
  std::size_t at = 0;
  for (std::size_t s = 0; s < kSymbolCount; ++s) {
    for (unsigned i = 0; i < states[s]; ++i) {
      symbols[at] = static_cast<std::uint8_t>(s);
      at = (at + step) & (size - 1);
    }
  }
  return symbols;
}

}  // namespace

Shape Shape::of(std::span<const std::uint32_t, kSymbolCount> counts) {
  Shape shape;
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (std::size_t s = 0; s < kSymbolCount; ++s) {
    if (counts[s] == 0) continue;
    const double level = 4 * std::log2(counts[s] / total * 4096 * 4);
    shape.level[s] = static_cast<std::uint8_t>(std::clamp(1 + std::lround(level), 1L, 57L));
  }
  return shape;
}

bool share_states(const Shape& shape, unsigned table_bits,
                  std::array<std::uint16_t, kSymbolCount>& states) {
  std::uint64_t total = 0;
  std::size_t used = 0;
  for (const std::uint8_t level : shape.level) {
    if (level > kLevelMax) return false;
    if (level == 0) continue;
    total += weight_of(level);
    ++used;
  }
  const std::int64_t size = std::int64_t{1} << table_bits;
  if (used == 0 || static_cast<std::int64_t>(used) > size) return false;
  std::int64_t left = size;
  for (std::size_t s = 0; s < kSymbolCount; ++s) {
    states[s] = 0;
    if (shape.level[s] == 0) continue;
    const std::uint64_t fair =
        ((weight_of(shape.level[s]) << table_bits) + total / 2) / total;  // < 2^44
    states[s] = static_cast<std::uint16_t>(std::max<std::uint64_t>(1, fair));
    left -= states[s];
  }
  // What rounding left over goes to, or is taken from, the likeliest ones,
  // where it matters least.
  while (left != 0) {
    const auto most = std::max_element(states.begin(), states.end());
    const std::int64_t change = left > 0 ? left : -std::min<std::int64_t>(-left, (*most + 3) / 4);
    if (*most + change < 1) return false;
    *most = static_cast<std::uint16_t>(*most + change);
    left -= change;
  }
  return true;
}

bool AnsEncoder::build(const Shape& shape, unsigned table_bits) {
  table_bits_ = table_bits;
  if (!share_states(shape, table_bits, states_)) return false;
  const auto symbols = spread(states_, table_bits);
  std::uint16_t begin = 0;
  for (std::size_t s = 0; s < kSymbolCount; ++s) {
    begin_[s] = begin;
    begin = static_cast<std::uint16_t>(begin + states_[s]);
    cost_[s] = states_[s] == 0
                   ? 64.0F
                   : static_cast<float>(table_bits) - std::log2(static_cast<float>(states_[s]));
  }
  next_.resize(symbols.size());
  auto fill = begin_;
  for (std::size_t state = 0; state < symbols.size(); ++state) {
    next_[fill[symbols[state]]++] = static_cast<std::uint16_t>(state);
  }
  return true;
}

void AnsEncoder::write(std::span<const std::uint8_t> symbols, BitWriter& out) {
  const std::uint32_t size = std::uint32_t{1} << table_bits_;
  bits_.resize(symbols.size());
  // Any state of the last symbol will do: its own cost is nothing.
  std::uint32_t state = next_[begin_[symbols.back()]] + size;
  for (std::size_t i = symbols.size() - 1; i-- > 0;) {
    const std::uint8_t s = symbols[i];
    const std::uint32_t states = states_[s];
    unsigned count = table_bits_ + 1u - static_cast<unsigned>(std::bit_width(states));
    if ((state >> count) < states) --count;
    bits_[i] = (state & static_cast<std::uint32_t>(low_mask(count))) << 4 | count;
    state = next_[begin_[s] + (state >> count) - states] + size;
  }
  out.put(state - size, table_bits_);
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) out.put(bits_[i] >> 4, bits_[i] & 15);
}

bool AnsDecoder::build(const Shape& shape, unsigned table_bits) {
  table_bits_ = table_bits;
  std::array<std::uint16_t, kSymbolCount> states;
  if (!share_states(shape, table_bits, states)) return false;
  const auto symbols = spread(states, table_bits);
  table_.resize(symbols.size());
  for (std::size_t state = 0; state < symbols.size(); ++state) {
    const std::uint32_t x = states[symbols[state]]++;
    const auto bits = table_bits + 1u - static_cast<unsigned>(std::bit_width(x));
    table_[state] = {static_cast<std::uint16_t>((x << bits) - symbols.size()), symbols[state],
                     static_cast<std::uint8_t>(bits)};
  }
  return true;
}

bool AnsDecoder::read(Stream& stream) const {
  std::size_t position = stream.position;
  if (position + table_bits_ > stream.end) return false;
  std::size_t state = read_short(stream.bytes, position, table_bits_);
  position += table_bits_;
  const Entry* table = table_.data();
  const std::size_t last = stream.count - 1;
  for (std::size_t i = 0; i < last;) {
    if (position > stream.end) return false;
    // Four symbols take 48 bits at most.
    std::uint64_t held = load_u64(stream.bytes + (position >> 3)) >> (position & 7);
    const std::size_t stop = std::min(i + 4, last);
    for (; i < stop; ++i) {
      const Entry entry = table[state];
      stream.out[i] = entry.symbol;
      state = entry.base + (held & low_mask(entry.bits));
      held >>= entry.bits;
      position += entry.bits;
    }
  }
  stream.out[last] = table[state].symbol;
  stream.position = position;
  return position <= stream.end;
}

bool AnsDecoder::read(Stream& a, Stream& b) const {
  const Entry* table = table_.data();
  std::size_t pa = a.position;
  std::size_t pb = b.position;
  if (pa + table_bits_ > a.end || pb + table_bits_ > b.end) return false;
  std::size_t sa = read_short(a.bytes, pa, table_bits_);
  std::size_t sb = read_short(b.bytes, pb, table_bits_);
  pa += table_bits_;
  pb += table_bits_;
  const std::size_t both = (std::min(a.count, b.count) - 1) & ~std::size_t{3};
  for (std::size_t i = 0; i < both; i += 4) {
    if (pa > a.end || pb > b.end) return false;
    std::uint64_t ha = load_u64(a.bytes + (pa >> 3)) >> (pa & 7);
    std::uint64_t hb = load_u64(b.bytes + (pb >> 3)) >> (pb & 7);
    for (std::size_t j = i; j < i + 4; ++j) {
      const Entry ea = table[sa];
      const Entry eb = table[sb];
      a.out[j] = ea.symbol;
      b.out[j] = eb.symbol;
      sa = ea.base + (ha & low_mask(ea.bits));
      sb = eb.base + (hb & low_mask(eb.bits));
      ha >>= ea.bits;
      hb >>= eb.bits;
      pa += ea.bits;
      pb += eb.bits;
    }
  }
  const auto finish = [&](Stream& s, std::size_t position, std::size_t state) {
    for (std::size_t i = both; i + 1 < s.count; ++i) {
      if (position > s.end) return false;
      const Entry entry = table[state];
      s.out[i] = entry.symbol;
      state = entry.base + read_short(s.bytes, position, entry.bits);
      position += entry.bits;
    }
    s.out[s.count - 1] = table[state].symbol;
    s.position = position;
    return position <= s.end;
  };
  return finish(a, pa, sa) && finish(b, pb, sb);
}

}  // namespace holdfast::metrics::codec
