// metrics/value_blocks.h: where the head keeps raw values until a flush packs them.
//
// Purpose     A series' newest values stand in a chain of blocks of 8, 16, 32 and then 64 doubles. Blocks come
//             from an arena that lives from one flush to the next and goes as a whole: nothing is
//             freed one by one, and a reader who holds the arena may read what was written before it
//             looked, while the writer goes on behind.
// Why raw     Eight bytes a sample for at most two hours (or the head's byte limit) cost less than packing
//             every sample twice: once here, once, much smaller, in the block.
// Threads     add() by one thread at a time; what lies below a count seen under the head's mutex never
//             changes again and may be read without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace holdfast::metrics {

struct ValueBlock {
  ValueBlock* before = nullptr;  // older values
  std::uint32_t first = 0;       // index in the series of values()[0]
  std::uint32_t capacity = 0;
  double* values() { return reinterpret_cast<double*>(this + 1); }
  const double* values() const { return reinterpret_cast<const double*>(this + 1); }
};
static_assert(sizeof(ValueBlock) == 16);

class ValueArena {
 public:
  ValueArena() = default;
  ValueArena(const ValueArena&) = delete;
  ValueArena& operator=(const ValueArena&) = delete;

  // A block to follow `tail`, the newest of its series, or the first when null.
  ValueBlock* add(ValueBlock* tail);
  std::uint64_t memory_size() const { return slabs_.size() * kSlabSize; }

 private:
  static constexpr std::size_t kSlabSize = 1 << 20;
  static constexpr std::uint32_t kFirst = 8;
  static constexpr std::uint32_t kLargest = 64;
  struct Unmap {
    void operator()(std::byte* slab) const;
  };
  std::vector<std::unique_ptr<std::byte, Unmap>> slabs_;
  std::size_t used_ = kSlabSize;  // of the last slab
};

// Copies values [begin, end) of the series whose newest block is `tail` to `out`.
void copy_values(const ValueBlock* tail, std::uint32_t begin, std::uint32_t end, double* out);

}  // namespace holdfast::metrics
