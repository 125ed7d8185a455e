// metrics/block/symbols.h: the label names and values of a block, each once, sorted.
//
// Purpose     A symbol's number is its rank by bytes, so comparing numbers compares strings.
// Bytes       Front coded: how many bytes are shared with the one before, and the rest.
// Memory      One run of bytes and an offset a symbol.
// Errors      decode answers kDataLoss for bytes encode_symbols() did not write.
// Threads     Immutable after decode.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace holdfast::metrics {

using Symbol = std::uint32_t;

std::string encode_symbols(const std::vector<std::string_view>& sorted);

class Symbols {
 public:
  static Result<Symbols> decode(std::string_view raw, std::uint64_t size_max);

  std::size_t size() const { return begin_.empty() ? 0 : begin_.size() - 1; }
  std::string_view operator[](Symbol symbol) const {
    return std::string_view(bytes_).substr(begin_[symbol], begin_[symbol + 1] - begin_[symbol]);
  }
  std::optional<Symbol> find(std::string_view text) const;
  // The first symbol that is not less than `text`.
  Symbol lower_bound(std::string_view text) const;
  std::size_t memory_size() const { return bytes_.capacity() + begin_.capacity() * 4; }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> begin_;  // one more than symbols
};

// Gives strings numbers in order of appearance and keeps them; the writer's side.
class Interner {
 public:
  Symbol add(std::string_view text);
  std::string_view operator[](Symbol symbol) const { return texts_[symbol]; }
  std::size_t size() const { return texts_.size(); }
  // rank[number] is the position of the string among all, by bytes; `sorted` are those.
  std::vector<Symbol> ranks(std::vector<std::string_view>& sorted) const;

 private:
  struct Hash {
    std::size_t operator()(std::string_view text) const noexcept;
  };
  static constexpr std::size_t kPageSize = 64 * 1024;
  std::vector<std::unique_ptr<char[]>> pages_;
  std::size_t page_used_ = kPageSize;
  std::vector<std::string_view> texts_;
  std::unordered_map<std::string_view, Symbol, Hash> known_;
};

}  // namespace holdfast::metrics
