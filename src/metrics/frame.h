// metrics/frame.h: zstd, as the log and the blocks use it: one frame, the expanded size known.
//
// Errors      expand() answers kDataLoss for anything that is not exactly `raw_size` bytes of one
//             frame.
// Threads     From any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::metrics {

std::string compress(std::string_view raw, int level);
Result<std::string> expand(std::string_view frame, std::size_t raw_size, std::size_t raw_size_max);

}  // namespace holdfast::metrics
