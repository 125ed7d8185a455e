// A DNS server of our own on loopback, asked by the system's resolver.
#include "net/dns.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

namespace holdfast::net {
namespace {

std::string u16(int value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

std::string encoded(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}

std::string record(int type, const std::string& data) {
  return u16(0xc00c) + u16(type) + u16(1) + u16(0) + u16(60) + u16(static_cast<int>(data.size())) +
         data;
}

// Answers each question by its type; a type without records is "no data", rcode 2 on demand.
class DnsServer {
 public:
  DnsServer() {
    fd_ = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~DnsServer() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    ::close(fd_);
  }
  // Answers from now on.
  Endpoint at() {
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    return {"127.0.0.1", port_, ""};
  }
  std::map<int, std::vector<std::string>> records;  // set before at()
  std::atomic<int> code = 0;

 private:
  void run() {
    pollfd wait{fd_, POLLIN, 0};
    while (!stop_) {
      if (::poll(&wait, 1, 50) <= 0) continue;
      char question[512];
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      const auto size = ::recvfrom(fd_, question, sizeof question, 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 17) continue;
      std::size_t end = 12;
      while (question[end] != 0) end += static_cast<std::size_t>(question[end]) + 1;
      const int type = static_cast<unsigned char>(question[end + 1]) << 8 |
                       static_cast<unsigned char>(question[end + 2]);
      const auto& answers = records[type];
      std::string out(question, 2);
      out += u16(0x8180 | code) + u16(1) + u16(static_cast<int>(answers.size())) + u16(0) + u16(0);
      out.append(question + 12, end + 5 - 12);
      for (const auto& answer : answers) out += answer;
      ::sendto(fd_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(Dns, GivesTheRecordsOfEachType) {
  DnsServer server;
  server.records[1] = {record(1, std::string("\x0a\0\0\x01", 4))};
  server.records[28] = {record(28, std::string(15, '\0') + '\1')};
  server.records[33] = {record(33, u16(1) + u16(2) + u16(9100) + encoded("a.example")),
                        record(33, u16(1) + u16(2) + u16(9200) + encoded("b.example"))};
  server.records[15] = {record(15, u16(10) + encoded("mail.example"))};
  server.records[2] = {record(2, encoded("ns.example"))};
  SystemDns dns({server.at()});
  const struct {
    DnsType type;
    std::string want;
  } cases[] = {{DnsType::kA, "10.0.0.1:0"},
               {DnsType::kAaaa, "::1:0"},
               {DnsType::kSrv, "a.example:9100 b.example:9200"},
               {DnsType::kMx, "mail.example:0"},
               {DnsType::kNs, "ns.example:0"}};
  for (const auto& test : cases) {
    const auto found = dns.query("x.example.", test.type);
    ASSERT_TRUE(found) << found.error().message();
    std::string text;
    for (const auto& one : *found)
      text += (text.empty() ? "" : " ") + one.target + ":" + std::to_string(one.port);
    EXPECT_EQ(text, test.want);
  }
}

TEST(Dns, TellsNoRecordsFromNoServer) {
  DnsServer server;
  SystemDns dns({server.at()});
  const auto none = dns.query("x.example.", DnsType::kSrv);
  ASSERT_TRUE(none) << none.error().message();
  EXPECT_TRUE(none->empty());
  server.code = 3;  // the name does not exist
  EXPECT_TRUE(dns.query("x.example.", DnsType::kA)->empty());
  server.code = 5;  // refused
  const auto refused = dns.query("x.example.", DnsType::kA);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_FALSE(SystemDns({{"not-an-address", 53, ""}}).query("x.", DnsType::kA));
}

TEST(Dns, BrokenAnswersAreErrors) {
  EXPECT_FALSE(parse_dns_answer("", DnsType::kA));
  EXPECT_FALSE(parse_dns_answer(std::string(20, '\xff'), DnsType::kSrv));
}

}  // namespace
}  // namespace holdfast::net
