// metrics/prefault.h: memory that is about to be written, all at once.
//
// Purpose     prefault() has the kernel bring the pages in by one call instead of a fault for each 4 KiB: with
//             a million new series those faults were a quarter of the time under the append lock.
// Errors      None: a kernel before 5.14 does not know the call, and the pages come one by one.
// Threads     From any.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace holdfast::metrics {

inline void prefault(void* begin, std::size_t size) {
#ifdef MADV_POPULATE_WRITE
  constexpr std::uintptr_t kPage = 4096;
  const auto first = (reinterpret_cast<std::uintptr_t>(begin) + kPage - 1) / kPage * kPage;
  const auto end = (reinterpret_cast<std::uintptr_t>(begin) + size) / kPage * kPage;
  if (first < end)
    (void)::madvise(reinterpret_cast<void*>(first), end - first, MADV_POPULATE_WRITE);
#else
  (void)begin;
  (void)size;
#endif
}

}  // namespace holdfast::metrics
