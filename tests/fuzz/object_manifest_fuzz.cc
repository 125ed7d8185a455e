// Manifests and records are read or refused; what was read is written back to the same meaning.
#include <cstdlib>
#include <string>

#include "metrics/objects/manifest.h"

#include "base/bytes.h"

namespace {

// The checksum right, so that what is behind it is reached too.
std::string sealed(std::string bytes) {
  if (bytes.size() < 4) return bytes;
  bytes.resize(bytes.size() - 4);
  holdfast::ByteWriter out;
  out.raw(bytes);
  out.u32(holdfast::crc32c(bytes));
  return out.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::metrics;
  const std::string given(reinterpret_cast<const char*>(data), size);
  for (const std::string& bytes : {given, sealed(given)}) {
    if (const auto manifest = decode_manifest(bytes)) {
      if (!is_object_id(manifest->id)) std::abort();
      const auto again = decode_manifest(encode_manifest(*manifest));
      if (!again || !(*again == *manifest)) std::abort();
    }
    if (const auto record = decode_record(bytes)) {
      const auto again = decode_record(encode_record(*record));
      if (!again || !(*again == *record)) std::abort();
    }
  }
  return 0;
}
