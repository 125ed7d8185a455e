// The small parsers of base on any bytes. What one accepts must survive a round trip.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"
#include "base/time.h"
#include "base/transport.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  if (const auto duration = parse_duration(input)) {
    const auto again = parse_duration(format_duration(*duration));
    HF_CHECK(again && *again == *duration, "duration changed");
  }
  if (const auto time = parse_time(input)) {
    const auto again = parse_time(format_time(*time));
    HF_CHECK(again.has_value(), "a formatted time is no time");
  }
  if (const auto number = parse_double(input)) {
    const auto again = parse_double(format_double(*number));
    HF_CHECK(again && (*again == *number || std::isnan(*number)), "number changed");
  }
  if (const auto endpoint = parse_endpoint(input)) {
    const auto again = parse_endpoint(endpoint->text());
    HF_CHECK(again && *again == *endpoint, "endpoint changed");
  }
  if (const auto bytes = base64_decode(input)) {
    HF_CHECK(base64_encode(*bytes) == input, "base64 has two texts for one value");
  }
  HF_CHECK(*base64_decode(base64_encode(input)) == input, "base64 lost bytes");
  HF_CHECK(crc32c(input) == bytes_detail::crc32c_portable(input), "two checksums");
  HF_CHECK(is_valid_utf8(printable(input)), "printable text is not UTF-8");

  ByteReader reader(input);
  while (reader.ok() && !reader.at_end()) {
    static_cast<void>(reader.varint());
    static_cast<void>(reader.text());
    static_cast<void>(reader.u32());
  }
  return 0;
}
