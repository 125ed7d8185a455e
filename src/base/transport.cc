#include "base/transport.h"

#include <charconv>

#include "base/text.h"

namespace holdfast {
namespace {

bool is_ipv4_loopback(std::string_view host) {
  const auto parts = split(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const auto part : parts) {
    const auto number = parse_int(part);
    if (!number || *number < 0 || *number > 255) return false;
  }
  return true;
}

}  // namespace

std::string Endpoint::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return invalid("endpoint \"" + printable(text) + "\": " + std::string(why) +
                   "; write host:port, [v6]:port, :port or unix:/path");
  };
  Endpoint endpoint;
  if (text.starts_with("unix:")) {
    endpoint.unix_path = text.substr(5);
    if (endpoint.unix_path.empty()) return wrong("the path is missing");
    if (endpoint.unix_path.find('\0') != std::string::npos)
      return wrong("the path holds a zero byte");
    return endpoint;
  }
  const auto colon = text.find_last_of(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  auto host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4)
      return wrong("the bracket is not closed by ]:port");
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return wrong("brackets are for IPv6 addresses");
  } else if (host.find(':') != std::string_view::npos) {
    return wrong("an IPv6 address needs brackets");
  }
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '@' || c == '[' || c == ']' ||
        c == 127) {
      return wrong("the host holds a character that no host has");
    }
  }
  const auto port_text = text.substr(colon + 1);
  const auto* end = port_text.data() + port_text.size();
  const auto [stop, error] = std::from_chars(port_text.data(), end, endpoint.port);
  if (error != std::errc{} || stop != end) return wrong("the port is no number from 0 to 65535");
  endpoint.host = host;
  return endpoint;
}

bool is_loopback(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return true;
  return endpoint.host == "::1" || equals_ignoring_case(endpoint.host, "localhost") ||
         is_ipv4_loopback(endpoint.host);
}

}  // namespace holdfast
