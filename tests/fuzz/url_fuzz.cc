// Every URL that parses has a host and a target that can stand in a request line.

#include <cstdlib>
#include <string>

#include "net/codec.h"
#include "net/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::net;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto url = parse_url(text)) {
    if (url->host.empty() || !url->target.starts_with('/')) std::abort();
    if (url->target.find_first_of(" \r\n") != std::string::npos) std::abort();
  }
  const auto decoded = percent_decode(percent_encode(text));
  if (!decoded || *decoded != text) std::abort();
  const auto params = parse_query(text);
  if (parse_query(encode_query(params)) != params) {
    // Only a nameless, valueless part vanishes when it is written again as "=".
    for (const auto& [name, value] : params) {
      if (!name.empty() || !value.empty()) continue;
      return 0;
    }
    std::abort();
  }
  (void)choose_coding(text);
  (void)decode_body("gzip", text, 4096);
  (void)decode_body("zstd", text, 4096);
  return 0;
}
