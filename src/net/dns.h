// net/dns.h: DNS records of any kind, where addresses alone are not enough.
//
// Purpose     SRV, MX, NS, A and AAAA records for discovery. Connecting uses Transport::resolve instead.
// Blocking    query() waits for the servers, with the system's timeouts: call it on Lane::kPool.
// Search      Relative names are tried with the search list of /etc/resolv.conf.
// Errors      A name that does not exist, or has no such records, is an empty answer. Servers that do not
//             answer, refuse or send nonsense: kUnavailable, naming the last one's reason.
// Threads     Any; each query has a resolver state of its own.
// Source      RFC 1035, RFC 2782, RFC 3596; glibc's resolver sends and receives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/transport.h"

namespace holdfast::net {

enum class DnsType { kA, kAaaa, kSrv, kMx, kNs };

struct DnsRecord {
  std::string target;      // an address, or a name without its last dot
  std::uint16_t port = 0;  // SRV
};

class DnsResolver {
 public:
  virtual ~DnsResolver() = default;
  virtual Result<std::vector<DnsRecord>> query(const std::string& name, DnsType type) = 0;
};

class SystemDns final : public DnsResolver {
 public:
  // Empty: those of /etc/resolv.conf. IPv4 addresses with port.
  explicit SystemDns(std::vector<Endpoint> servers = {}) : servers_(std::move(servers)) {}
  Result<std::vector<DnsRecord>> query(const std::string& name, DnsType type) override;

 private:
  const std::vector<Endpoint> servers_;
};

// The records of one type in a whole answer message; for SystemDns and its fuzz test.
Result<std::vector<DnsRecord>> parse_dns_answer(std::string_view message, DnsType type);

}  // namespace holdfast::net
