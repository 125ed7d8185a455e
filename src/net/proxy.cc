#include "net/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kAnswerSizeMax = 16 * 1024;  // bytes of a proxy's answer to CONNECT

struct Address {
  std::array<unsigned char, 16> bytes{};
  int size = 0;  // 4 or 16; 0: none
};

Address address_of(std::string_view text) {
  Address out;
  const std::string host(text);
  if (::inet_pton(AF_INET, host.c_str(), out.bytes.data()) == 1)
    out.size = 4;
  else if (::inet_pton(AF_INET6, host.c_str(), out.bytes.data()) == 1)
    out.size = 16;
  return out;
}

bool is_within(const Address& address, std::string_view block) {
  const auto slash = block.find('/');
  const auto network = address_of(block.substr(0, slash));
  const auto length = parse_int(block.substr(slash + 1));
  if (network.size == 0 || network.size != address.size || !length) return false;
  if (*length < 0 || *length > network.size * 8) return false;
  for (int bit = 0; bit < *length; ++bit) {
    const auto mask = 0x80 >> (bit % 8);
    const auto at = static_cast<std::size_t>(bit / 8);
    if ((network.bytes[at] & mask) != (address.bytes[at] & mask)) return false;
  }
  return true;
}

bool is_loopback_host(std::string_view host, const Address& address) {
  if (equals_ignoring_case(host, "localhost")) return true;
  return is_within(address, "127.0.0.0/8") || is_within(address, "::1/128");
}

// Whether one exception names this host.
bool names(std::string_view rule, std::string_view host, const Address& address,
           std::uint16_t port) {
  if (rule == "*") return true;
  if (rule.find('/') != std::string_view::npos) return is_within(address, rule);
  const auto whole = address_of(rule);
  if (whole.size != 0) return whole.size == address.size && whole.bytes == address.bytes;
  if (const auto colon = rule.rfind(':'); colon != std::string_view::npos) {
    if (parse_int(rule.substr(colon + 1)) != port) return false;
    rule = rule.substr(0, colon);
    if (rule.starts_with('[') && rule.ends_with(']')) rule = rule.substr(1, rule.size() - 2);
    const auto other = address_of(rule);
    if (other.size != 0) return other.size == address.size && other.bytes == address.bytes;
  }
  if (rule.starts_with("*.")) rule.remove_prefix(1);
  const auto name = lower(rule), wanted = lower(host);
  if (name.starts_with('.')) return wanted.ends_with(name);
  return wanted == name || wanted.ends_with("." + name);
}

// Waits for the proxy's answer; the connection is handed on when it is a 2xx.
class Tunnel : public std::enable_shared_from_this<Tunnel> {
 public:
  Tunnel(std::unique_ptr<Connection> connection, std::string target, TunnelHandler handler)
      : connection_(std::move(connection)),
        target_(std::move(target)),
        handler_(std::move(handler)) {}

  void start(const Headers& fields, Duration timeout) {
    std::string head = "CONNECT " + target_ + " HTTP/1.1\r\nHost: " + target_ + "\r\n";
    for (const auto& [name, value] : fields) head += name + ": " + value + "\r\n";
    head += "\r\n";
    connection_->set_timer(timeout, [self = shared_from_this()] {
      self->finish(Error(Code::kTimeout, "the proxy did not open a tunnel to " + self->target_));
    });
    connection_->write(std::move(head), nullptr);
    read();
  }

 private:
  void read() {
    connection_->read(4096, [self = shared_from_this()](Result<std::string> bytes) {
      self->on_bytes(std::move(bytes));
    });
  }

  void on_bytes(Result<std::string> bytes) {
    if (!handler_) return;
    if (!bytes) return finish(std::move(bytes.error()));
    if (bytes->empty()) return finish(unavailable("the proxy closed the connection"));
    answer_ += *bytes;
    const auto end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (answer_.size() > kAnswerSizeMax) return finish(unavailable("the proxy answers too much"));
      return read();
    }
    const auto line = answer_.substr(0, answer_.find("\r\n"));
    const auto words = split(line, ' ');
    if (words.size() < 2 || !words[0].starts_with("HTTP/1.") || !words[1].starts_with('2')) {
      return finish(
          unavailable("the proxy refused a tunnel to " + target_ + ": " + printable(line, 100)));
    }
    // The other side speaks only when spoken to, so bytes behind the answer are not its own.
    if (answer_.size() != end + 4) return finish(unavailable("the proxy sent unasked bytes"));
    finish({});
  }

  void finish(Result<void> result) {
    const auto handler = std::exchange(handler_, nullptr);
    if (!handler) return;
    connection_->cancel_timer();
    if (!result) return handler(std::move(result.error()));
    handler(std::move(connection_));
  }

  std::unique_ptr<Connection> connection_;
  const std::string target_;
  TunnelHandler handler_;
  std::string answer_;
};

}  // namespace

ProxySettings proxy_from_environment(
    const std::function<std::optional<std::string>(const std::string&)>& variable) {
  const auto get = [&](const char* name) {
    auto value = variable(name);
    if (!value || value->empty()) value = variable(lower(name));
    return value.value_or("");
  };
  return {get("HTTP_PROXY"), get("HTTPS_PROXY"), get("NO_PROXY")};
}

bool is_excepted(std::string_view host, std::uint16_t port, std::string_view no_proxy) {
  const auto address = address_of(host);
  if (is_loopback_host(host, address)) return true;
  const auto rules = split(no_proxy, ',');
  return std::any_of(rules.begin(), rules.end(), [&](std::string_view rule) {
    rule = trim(rule);
    return !rule.empty() && names(rule, host, address, port);
  });
}

std::string choose_proxy(const Url& url, const ProxySettings& settings) {
  if (url.scheme != "http" && url.scheme != "https") return {};
  const auto& proxy = url.scheme == "https" ? settings.https : settings.http;
  if (proxy.empty() || is_excepted(url.host, url.port, settings.no_proxy)) return {};
  return proxy.find("://") == std::string::npos ? "http://" + proxy : proxy;
}

void open_tunnel(std::unique_ptr<Connection> connection, const std::string& target,
                 const Headers& fields, Duration timeout, TunnelHandler handler) {
  auto& plain = *connection;
  auto tunnel = std::make_shared<Tunnel>(std::move(connection), target, std::move(handler));
  plain.post([tunnel, fields, timeout] { tunnel->start(fields, timeout); });
}

}  // namespace holdfast::net
