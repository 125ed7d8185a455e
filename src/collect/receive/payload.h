// collect/receive/payload.h: a request's body as its protocol meant it, bounded.
//
// Limits      `size_max` bounds what a body expands to, checked before or while it is expanded.
// Errors      kTooLarge over it (413), kUnsupported for an encoding we do not know (415), kInvalid for
//             bytes that are none of that encoding (400).
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::collect {

// Snappy's block format, as remote write uses it.
Result<std::string> unpack_snappy(std::string_view packed, std::size_t size_max);
// gzip, as gRPC messages and some senders without Content-Encoding carry it.
Result<std::string> unpack_gzip(std::string_view packed, std::size_t size_max);

}  // namespace holdfast::collect
