#include "collect/receive/payload.h"

#include <snappy.h>
#include <zlib.h>

#include <algorithm>

namespace holdfast::collect {
namespace {

Error too_large(std::size_t size_max) {
  return {Code::kTooLarge, "the body expands to over " + std::to_string(size_max) + " bytes"};
}

struct Inflate {
  z_stream stream{};
  ~Inflate() { ::inflateEnd(&stream); }
};

}  // namespace

Result<std::string> unpack_snappy(std::string_view packed, std::size_t size_max) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &size))
    return invalid("the body is not snappy (block format)");
  if (size > size_max) return too_large(size_max);
  std::string out;
  if (!snappy::Uncompress(packed.data(), packed.size(), &out))
    return invalid("the body is not snappy (block format)");
  return out;
}

Result<std::string> unpack_gzip(std::string_view packed, std::size_t size_max) {
  constexpr int kGzipOrZlib = 15 + 32;
  constexpr std::size_t kStepMax = 1 << 20;
  Inflate inflate;
  auto& stream = inflate.stream;
  if (::inflateInit2(&stream, kGzipOrZlib) != Z_OK) return internal("zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const auto used = out.size();
    const auto step =
        std::min({std::max<std::size_t>(packed.size() * 4, 1024), kStepMax, size_max + 1 - used});
    if (step == 0) return too_large(size_max);
    out.resize(used + step);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(step);
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(used + step - stream.avail_out);
    if (state != Z_OK && state != Z_STREAM_END) return invalid("the body is not gzip");
    if (state == Z_OK && stream.avail_in == 0 && stream.avail_out != 0)
      return invalid("the gzip body is cut off");
  }
  if (out.size() > size_max) return too_large(size_max);
  return out;
}

}  // namespace holdfast::collect
