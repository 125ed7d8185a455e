#include "net/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kAnswerSizeMax = 65535;  // bytes; all that DNS over TCP can carry

int type_number(DnsType type) {
  switch (type) {
    case DnsType::kA:
      return ns_t_a;
    case DnsType::kAaaa:
      return ns_t_aaaa;
    case DnsType::kSrv:
      return ns_t_srv;
    case DnsType::kMx:
      return ns_t_mx;
    case DnsType::kNs:
      return ns_t_ns;
  }
  return ns_t_a;
}

// A resolver state that is closed however query() ends.
class State {
 public:
  State() : ready_(::res_ninit(&state_) == 0) {}
  ~State() {
    if (ready_) ::res_nclose(&state_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  bool ready() const { return ready_; }
  struct __res_state* get() {
    return &state_;
  }

  Result<void> use(const std::vector<Endpoint>& servers) {
    if (servers.empty()) return {};
    state_.nscount = 0;
    for (const auto& server : servers) {
      if (state_.nscount == MAXNS) break;
      auto& address = state_.nsaddr_list[state_.nscount];
      address = {};
      address.sin_family = AF_INET;
      address.sin_port = htons(server.port);
      if (::inet_pton(AF_INET, server.host.c_str(), &address.sin_addr) != 1) {
        return invalid("DNS server " + server.text() + " is no IPv4 address");
      }
      ++state_.nscount;
    }
    return {};
  }

 private:
  struct __res_state state_ {};
  bool ready_;
};

std::string reason_of(int code) {
  switch (code) {
    case TRY_AGAIN:
      return "no server answered";
    case NO_RECOVERY:
      return "the servers refused or failed";
    default:
      return "the query failed";
  }
}

Result<DnsRecord> read_record(const ns_msg& message, const ns_rr& record, DnsType type) {
  const unsigned char* data = ns_rr_rdata(record);
  const std::size_t size = ns_rr_rdlen(record);
  DnsRecord out;
  if (type == DnsType::kA || type == DnsType::kAaaa) {
    const bool v6 = type == DnsType::kAaaa;
    if (size != (v6 ? 16u : 4u)) return unavailable("an address record has another size");
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, data, text.data(), text.size());
    out.target = text.data();
    return out;
  }
  const std::size_t skip = type == DnsType::kSrv ? 6 : type == DnsType::kMx ? 2 : 0;
  if (size <= skip) return unavailable("a record is cut off");
  if (type == DnsType::kSrv) {
    out.port = static_cast<std::uint16_t>(data[4] << 8 | data[5]);
  }
  std::array<char, NS_MAXDNAME> name{};
  if (::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + skip, name.data(),
                           name.size()) < 0) {
    return unavailable("a name in a record is broken");
  }
  out.target = name.data();
  if (out.target.ends_with('.')) out.target.pop_back();
  return out;
}

}  // namespace

Result<std::vector<DnsRecord>> parse_dns_answer(std::string_view message, DnsType type) {
  ns_msg parsed{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  if (::ns_initparse(bytes, static_cast<int>(message.size()), &parsed) != 0) {
    return unavailable("the answer is broken");
  }
  std::vector<DnsRecord> records;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    ns_rr record{};
    if (::ns_parserr(&parsed, ns_s_an, i, &record) != 0) return unavailable("the answer is broken");
    if (ns_rr_type(record) != type_number(type)) continue;  // aliases on the way
    records.push_back(HF_TRY(read_record(parsed, record, type)));
  }
  return records;
}

Result<std::vector<DnsRecord>> SystemDns::query(const std::string& name, DnsType type) {
  const auto state = std::make_unique<State>();
  if (!state->ready()) return unavailable("the resolver could not be set up");
  HF_TRY(state->use(servers_));
  std::string answer(kAnswerSizeMax, '\0');
  const int size = ::res_nsearch(state->get(), name.c_str(), ns_c_in, type_number(type),
                                 reinterpret_cast<unsigned char*>(answer.data()),
                                 static_cast<int>(answer.size()));
  if (size < 0) {
    const int code = state->get()->res_h_errno;
    if (code == HOST_NOT_FOUND || code == NO_DATA) return std::vector<DnsRecord>();
    return unavailable("DNS query for " + printable(name) + ": " + reason_of(code));
  }
  answer.resize(std::min(answer.size(), static_cast<std::size_t>(size)));
  return parse_dns_answer(answer, type).context("DNS query for " + printable(name));
}

}  // namespace holdfast::net
