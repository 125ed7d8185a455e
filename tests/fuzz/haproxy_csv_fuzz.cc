// HAProxy's two tables, as any bytes that claim to be one.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "act/traffic/haproxy.h"
#include "act/traffic/haproxy_csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::act;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto rows = parse_haproxy_stat(text); rows && rows->size() > kHaproxyRowsMax)
    __builtin_trap();
  if (const auto servers = parse_haproxy_servers(text)) {
    for (const auto& server : *servers) {
      if (server.port < 0 || server.port > 65535 || server.weight < 0 || server.weight > 256)
        __builtin_trap();
    }
  }
  [[maybe_unused]] const auto views = haproxy_detail::views_of("enhancer", text);
  [[maybe_unused]] const auto complaints = haproxy_detail::complaints_in(text);
  return 0;
}
