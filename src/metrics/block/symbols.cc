#include "metrics/block/symbols.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "metrics/block/format.h"

namespace holdfast::metrics {

std::string encode_symbols(const std::vector<std::string_view>& sorted) {
  ByteWriter lengths;
  ByteWriter bytes;
  std::string_view before;
  for (const std::string_view text : sorted) {
    std::size_t shared = 0;
    while (shared < before.size() && shared < text.size() && before[shared] == text[shared])
      ++shared;
    lengths.varint(shared);
    lengths.varint(text.size() - shared);
    bytes.raw(text.substr(shared));
    before = text;
  }
  std::uint64_t size = 0;
  for (const std::string_view text : sorted) size += text.size();
  ByteWriter out;
  out.varint(sorted.size());
  out.varint(size);
  out.text(lengths.str());
  out.text(bytes.str());
  return out.take();
}

Result<Symbols> Symbols::decode(std::string_view raw, std::uint64_t size_max) {
  ByteReader in(raw);
  const std::uint64_t count = in.varint();
  const std::uint64_t size = in.varint();
  ByteReader lengths(in.text());
  ByteReader bytes(in.text());
  if (!in.ok() || !in.at_end()) return block_damage("the symbols end early");
  if (count > lengths.left() || size > size_max || size > UINT32_MAX)
    return block_damage("there are too many symbols");
  Symbols symbols;
  symbols.begin_.reserve(count + 1);
  symbols.begin_.push_back(0);
  // Grown as it fills: a small file cannot claim gigabytes.
  symbols.bytes_.reserve(std::min<std::uint64_t>(size, raw.size() * 4));
  std::string& out = symbols.bytes_;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t last = i == 0 ? 0 : symbols.begin_[i - 1];
    const std::size_t last_size = out.size() - last;
    const std::uint64_t shared = lengths.varint();
    const std::string_view rest = bytes.raw(lengths.varint());
    if (!lengths.ok() || !bytes.ok() || shared > last_size ||
        out.size() + shared + rest.size() > size) {
      return block_damage("a symbol is wrong");
    }
    // Ascending: what follows the shared bytes is more than what followed them before.
    const std::string_view old = std::string_view(out).substr(last + shared, last_size - shared);
    if (i > 0 && rest <= old) return block_damage("the symbols are out of order");
    const std::size_t begin = out.size();
    out.resize(begin + shared);
    std::memcpy(out.data() + begin, out.data() + last, shared);
    out.append(rest);
    symbols.begin_.push_back(static_cast<std::uint32_t>(out.size()));
  }
  if (!lengths.at_end() || !bytes.at_end() || out.size() != size)
    return block_damage("the symbols do not end where they should");
  return symbols;
}

Symbol Symbols::lower_bound(std::string_view text) const {
  Symbol low = 0;
  auto high = static_cast<Symbol>(size());
  while (low < high) {
    const Symbol middle = low + (high - low) / 2;
    if ((*this)[middle] < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<Symbol> Symbols::find(std::string_view text) const {
  const Symbol at = lower_bound(text);
  if (at < size() && (*this)[at] == text) return at;
  return std::nullopt;
}

std::size_t Interner::Hash::operator()(std::string_view text) const noexcept {
  return XXH3_64bits(text.data(), text.size());
}

Symbol Interner::add(std::string_view text) {
  if (const auto it = known_.find(text); it != known_.end()) return it->second;
  if (pages_.empty() || page_used_ + text.size() > kPageSize) {
    pages_.push_back(std::make_unique<char[]>(std::max(kPageSize, text.size())));
    page_used_ = 0;
  }
  char* place = pages_.back().get() + page_used_;
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  page_used_ += text.size();
  const auto symbol = static_cast<Symbol>(texts_.size());
  texts_.emplace_back(place, text.size());
  known_.emplace(texts_.back(), symbol);
  return symbol;
}

std::vector<Symbol> Interner::ranks(std::vector<std::string_view>& sorted) const {
  std::vector<Symbol> order(texts_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Symbol>(i);
  std::sort(order.begin(), order.end(), [&](Symbol a, Symbol b) { return texts_[a] < texts_[b]; });
  std::vector<Symbol> rank(order.size());
  sorted.clear();
  sorted.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    rank[order[i]] = static_cast<Symbol>(i);
    sorted.push_back(texts_[order[i]]);
  }
  return rank;
}

}  // namespace holdfast::metrics
