// metrics/block/format.h: what the parts of a block file share: magic, regions, footer, limits.
//
// Purpose     A block is a run of regions (value groups, time pages, histogram pieces), three compressed
//             index parts and a footer. Here are their kinds, the footer's bytes and the limits.
// Errors      kDataLoss for bytes that encode_footer() did not write.
// Threads     Values and pure functions.
// Source      docs/formats/block.md draws the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "metrics/block/block.h"

namespace holdfast::metrics {

inline constexpr std::string_view kBlockFileMagic = "HFBLK03\n";

// A group is closed at the metric's end once it holds kGroupSamplesMin samples; before it holds more than
// kGroupSamplesMost, where series differ in more than one label; and in any case before kGroupSamplesMax.
// Fewer waste tables, more make the read of a single series dear.
inline constexpr std::uint64_t kGroupSamplesMin = 16 * 1024;
inline constexpr std::uint64_t kGroupSamplesMost = 288 * 1024;
inline constexpr std::uint64_t kGroupSamplesMax = 384 * 1024;
inline constexpr std::uint32_t kGroupSeriesMax = 4096;
// A series this long may say that its values are those of another one.
inline constexpr std::uint64_t kTwinSamplesMin = 512;
// Timestamps of a page: read and expanded together.
inline constexpr std::uint64_t kPageTimesMax = 16 * 1024;

// What a reader accepts: bounds what corrupt bytes can make it allocate.
inline constexpr std::uint64_t kBlockSeriesMax = 1ULL << 26;
inline constexpr std::uint64_t kBlockPartSizeMax = 1ULL << 31;
inline constexpr std::uint64_t kBlockSymbolSizeMax = 1ULL << 31;
inline constexpr std::uint64_t kBlockRegionSizeMax = 1ULL << 31;
inline constexpr std::uint64_t kSeriesSamplesMax = 1ULL << 24;

enum class RegionKind : std::uint8_t { kValues = 0, kTimes = 1, kHistograms = 2 };
inline constexpr std::uint8_t kRegionKindCount = 3;

// A compressed part of the index.
struct PartPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t raw_size = 0;
  std::uint32_t crc = 0;
};

struct BlockFooter {
  BlockMeta meta;
  PartPlace symbols;    // follows the last region
  PartPlace labels;     // follows the symbols
  PartPlace directory;  // follows the labels; the footer follows it
};

// | body | body size u32 | magic, 8 | crc32c u32 of all before it |
inline constexpr std::size_t kFooterTailSize = 16;
inline constexpr std::size_t kFooterSizeMax = 1 << 20;

std::string encode_footer(const BlockFooter& footer);
// `file_tail` are the last bytes of a file of `file_size`. When it does not hold the whole footer,
// `wanted` is set to the footer's size and the call is repeated with that many bytes.
Result<BlockFooter> decode_footer(std::string_view file_tail, std::uint64_t file_size,
                                  std::size_t& wanted);

Error block_damage(std::string_view what);  // kDataLoss

}  // namespace holdfast::metrics
