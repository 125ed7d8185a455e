// What object storage answers, whole or broken, is read or refused; what was read is complete.
#include <cstdlib>
#include <string>

#include "net/s3/answers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::net;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto listing = parse_listing(text)) {
    for (const auto& object : listing->objects) {
      if (object.key.empty()) std::abort();
    }
  }
  if (const auto id = parse_upload_id(text); id && id->empty()) std::abort();
  (void)parse_failure(text);
  return 0;
}
