// metrics/block/columns.h: a column of small whole numbers as runs; the index is made of these.
//
// Purpose     Series are sorted, so their attributes (a label's value, where the times are) repeat and climb:
//             a column is stored as runs of equal values, each value as its step from the one before.
//             What is left repeats from metric to metric and is zstd's to find, one level up.
// Errors      get_column() answers false for anything put_column() did not write.
// Threads     Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/bytes.h"

namespace holdfast::metrics {

void put_column(ByteWriter& out, std::span<const std::uint32_t> values);

// Exactly `count` values, each below `limit`, to out[0], out[stride], ...
bool get_column(ByteReader& in, std::size_t count, std::uint64_t limit, std::uint32_t* out,
                std::size_t stride = 1);

}  // namespace holdfast::metrics
