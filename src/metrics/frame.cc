#include "metrics/frame.h"

#include <zstd.h>

namespace holdfast::metrics {

std::string compress(std::string_view raw, int level) {
  std::string out(ZSTD_compressBound(raw.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), level);
  HF_CHECK(ZSTD_isError(size) == 0, "zstd compresses any bytes into its own bound");
  out.resize(size);
  return out;
}

Result<std::string> expand(std::string_view frame, std::size_t raw_size, std::size_t raw_size_max) {
  if (raw_size > raw_size_max)
    return Error(Code::kDataLoss, "a compressed part claims to be too large");
  // The frame names its own size too: a small file cannot make us allocate what it does not hold.
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != raw_size) {
    return Error(Code::kDataLoss, "a compressed part has another size than it should");
  }
  std::string out(raw_size, '\0');
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != raw_size) {
    return Error(Code::kDataLoss, "a compressed part does not expand");
  }
  return out;
}

}  // namespace holdfast::metrics
