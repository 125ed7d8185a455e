#include "metrics/value_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "metrics/prefault.h"

namespace holdfast::metrics {

// Straight from the kernel, so that a flush gives the memory back at once.
void ValueArena::Unmap::operator()(std::byte* slab) const { ::munmap(slab, kSlabSize); }

ValueBlock* ValueArena::add(ValueBlock* tail) {
  const std::uint32_t capacity = tail ? std::min(tail->capacity * 2, kLargest) : kFirst;
  const std::size_t size = sizeof(ValueBlock) + capacity * sizeof(double);
  if (used_ + size > kSlabSize) {
    void* slab =
        ::mmap(nullptr, kSlabSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HF_CHECK(slab != MAP_FAILED, "out of memory for samples");
    prefault(slab, kSlabSize);
    slabs_.emplace_back(static_cast<std::byte*>(slab));
    used_ = 0;
  }
  auto* block = new (slabs_.back().get() + used_) ValueBlock();
  used_ += size;
  block->before = tail;
  block->first = tail ? tail->first + tail->capacity : 0;
  block->capacity = capacity;
  return block;
}

void copy_values(const ValueBlock* tail, std::uint32_t begin, std::uint32_t end, double* out) {
  const ValueBlock* block = tail;
  while (block && block->first >= end) block = block->before;
  while (block && begin < end) {
    const std::uint32_t from = std::max(begin, block->first);
    std::memcpy(out + (from - begin), block->values() + (from - block->first),
                (end - from) * sizeof(double));
    end = from;
    block = block->before;
  }
}

}  // namespace holdfast::metrics
