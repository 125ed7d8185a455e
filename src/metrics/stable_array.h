// metrics/stable_array.h: an array that grows without moving what it holds.
//
// Threads     grow_to() from one thread at a time; operator[] from any for indices below a size that was
//             published to the reader (by a mutex, for example).
// Limits      kPages * kPageSize elements; HF_CHECK beyond.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>

#include "base/check.h"
#include "metrics/prefault.h"

namespace holdfast::metrics {

template <typename T>
class StableArray {
 public:
  StableArray() : pages_(std::make_unique<std::array<std::atomic<T*>, kPages>>()) {}
  ~StableArray() {
    for (auto& page : *pages_) {
      T* const elements = page.load(std::memory_order_relaxed);
      if (!elements) break;
      std::destroy_n(elements, kPageSize);
      ::operator delete(elements);
    }
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;

  void grow_to(std::size_t size) {
    while (capacity_ < size) {
      HF_CHECK(capacity_ / kPageSize < kPages, "a table of the metrics head is full");
      auto* page = static_cast<T*>(::operator new(kPageSize * sizeof(T)));
      prefault(page, kPageSize * sizeof(T));
      std::uninitialized_value_construct_n(page, kPageSize);
      // Released so that who reads the pointer sees constructed elements.
      (*pages_)[capacity_ / kPageSize].store(page, std::memory_order_release);
      capacity_ += kPageSize;
    }
  }
  T& operator[](std::size_t index) {
    return (*pages_)[index / kPageSize].load(std::memory_order_acquire)[index % kPageSize];
  }
  const T& operator[](std::size_t index) const {
    return (*pages_)[index / kPageSize].load(std::memory_order_acquire)[index % kPageSize];
  }
  std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::size_t kPageSize = 4096;
  static constexpr std::size_t kPages = 16384;  // 67 million
  std::unique_ptr<std::array<std::atomic<T*>, kPages>> pages_;
  std::size_t capacity_ = 0;
};

}  // namespace holdfast::metrics
