// metrics/block/histogram_column.h: the native histograms of a series as pieces of bytes.
//
// Purpose     A piece holds a run of samples, histograms and the gaps between them (float samples). Histograms in
//             a row with one layout (schema, spans, bounds) are turned on their side: the counts of one
//             bucket over time are a column, and the columns are packed by the codec of values.
// Errors      kDataLoss for bytes that encode_histogram_pieces() did not write.
// Memory      A piece is closed at kPieceHistogramsMax histograms or kPieceValuesMax numbers.
// Threads     Pure functions.
// Source      docs/formats/block.md draws the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/codec/column_group.h"
#include "model/sample.h"

namespace holdfast::metrics {

inline constexpr std::size_t kPieceHistogramsMax = 256;
inline constexpr std::size_t kPieceValuesMax = 1 << 16;

struct HistogramPiece {
  std::uint32_t first = 0;  // position of its first histogram among the samples of the series
  std::uint32_t count = 0;  // samples it spans; the last is a histogram
  std::string bytes;
};

// `histograms` is as long as the series; null where a sample is a float.
std::vector<HistogramPiece> encode_histogram_pieces(std::span<const model::HistogramPtr> histograms,
                                                    Effort effort);
// `count` entries, null between histograms.
Result<std::vector<model::HistogramPtr>> decode_histogram_piece(std::string_view bytes,
                                                                std::uint32_t count);

}  // namespace holdfast::metrics
