#include "conformance/differential/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace holdfast::conformance {
namespace {

std::string found_on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const auto candidate = rest.substr(0, colon) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  out += static_cast<char>(v);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

// Snappy's block format with literals alone: a valid block that compresses nothing.
std::string as_snappy(std::string_view bytes) {
  std::string out;
  put_varint(out, bytes.size());
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, 60);
    out += static_cast<char>((part.size() - 1) << 2);
    out += part;
    bytes.remove_prefix(part.size());
  }
  return out;
}

// prometheus.WriteRequest of version 1.
std::string write_request(const std::vector<PeerSeries>& series, model::Timestamp from,
                          model::Timestamp to) {
  std::string request;
  for (const auto& s : series) {
    std::string one;
    for (const auto& label : s.labels) {
      std::string pair;
      put_bytes(pair, 1, label.name);
      put_bytes(pair, 2, label.value);
      put_bytes(one, 1, pair);
    }
    bool any = false;
    for (const auto& sample : s.samples) {
      if (sample.t < from || sample.t >= to) continue;
      std::string point;
      put_varint(point, 1 << 3 | 1);
      const auto bits = std::bit_cast<std::uint64_t>(sample.value);
      for (int k = 0; k < 64; k += 8) point += static_cast<char>(bits >> k);
      put_varint(point, 2 << 3);
      put_varint(point, static_cast<std::uint64_t>(sample.t));
      put_bytes(one, 2, point);
      any = true;
    }
    if (any) put_bytes(request, 1, one);
  }
  return request;
}

std::string escaped(std::string_view text) {
  std::string out;
  char hex[4];
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
    } else {
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
      out += hex;
    }
  }
  return out;
}

std::string seconds(model::Timestamp t) {
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(t / 1000),
                static_cast<long long>(t % 1000));
  return text;
}

void exec_prometheus(const std::string& program, const std::string& folder, int port) {
  const int log = ::open((folder + "/log").c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(log, 1);
  ::dup2(log, 2);
  const auto config = "--config.file=" + folder + "/prometheus.yml";
  const auto data = "--storage.tsdb.path=" + folder + "/data";
  const auto listen = "--web.listen-address=127.0.0.1:" + std::to_string(port);
  ::execl(program.c_str(), program.c_str(), config.c_str(), data.c_str(), listen.c_str(),
          "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y",
          static_cast<char*>(nullptr));
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Peer>> Peer::start() {
  const auto program = found_on_path("prometheus");
  if (program.empty())
    return Error(Code::kUnavailable, "no prometheus on PATH (Debian package prometheus)");
  std::unique_ptr<Peer> peer(new Peer);
  char name[] = "/tmp/holdfast-differential-XXXXXX";
  if (::mkdtemp(name) == nullptr) return internal("cannot make a folder in /tmp");
  peer->folder_ = name;
  std::ofstream(peer->folder_ + "/prometheus.yml") << "{}\n";
  peer->port_ = free_port();
  peer->pid_ = ::fork();
  if (peer->pid_ == 0) exec_prometheus(program, peer->folder_, peer->port_);
  HF_TRY(peer->wait_until_ready());
  peer->version_ = HF_TRY(peer->http("GET", "/api/v1/status/buildinfo", "", ""));
  return peer;
}

Peer::~Peer() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<void> Peer::wait_until_ready() {
  constexpr int kTries = 600, kPauseMs = 100;
  for (int i = 0; i < kTries; ++i) {
    const auto answer = http("GET", "/-/ready", "", "");
    if (answer && answer->find("Ready") != std::string::npos) return {};
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return internal("prometheus ended at once");
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  return internal("prometheus did not get ready in a minute");
}

Result<std::string> Peer::http(const std::string& method, const std::string& path,
                               const std::string& headers, const std::string& body) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port_);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return internal("cannot connect to prometheus");
  }
  // HTTP/1.0: the answer ends with the connection, and comes in one piece.
  const auto request = method + " " + path + " HTTP/1.0\r\nHost: localhost\r\n" + headers +
                       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t sent = 0; sent < request.size();) {
    const auto n = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[65536];
  for (;;) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return internal("prometheus broke off its answer");
  if (method == "POST" && path == "/api/v1/write" && answer.find(" 204 ") > 20)
    return internal("prometheus refused samples: " + answer.substr(end + 4));
  return answer.substr(end + 4);
}

Result<void> Peer::write(const std::vector<PeerSeries>& series, model::Timestamp from,
                         model::Timestamp to) {
  const auto request = write_request(series, from, to);
  if (request.empty()) return {};
  HF_TRY(http("POST", "/api/v1/write",
              "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
              "X-Prometheus-Remote-Write-Version: 0.1.0\r\n",
              as_snappy(request)));
  return {};
}

Result<std::string> Peer::query(const std::string& expr, model::Timestamp from, model::Timestamp to,
                                std::int64_t step) {
  std::string form = "query=" + escaped(expr);
  if (step == 0) {
    form += "&time=" + seconds(from);
  } else {
    form += "&start=" + seconds(from) + "&end=" + seconds(to) + "&step=" + seconds(step);
  }
  return http("POST", step == 0 ? "/api/v1/query" : "/api/v1/query_range",
              "Content-Type: application/x-www-form-urlencoded\r\n", form);
}

}  // namespace holdfast::conformance
