// Any bytes as a DNS answer, for every type we ask for: no crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/dns.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  for (const auto type : {net::DnsType::kA, net::DnsType::kAaaa, net::DnsType::kSrv,
                          net::DnsType::kMx, net::DnsType::kNs}) {
    (void)net::parse_dns_answer(message, type).has_value();
  }
  return 0;
}
