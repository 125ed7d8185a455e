// net/proxy.h: which proxy a request goes through, and the tunnel through one.
//
// Purpose     ProxySettings are HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or one proxy for all with exceptions.
//             choose_proxy() decides by URL; open_tunnel() does the CONNECT that https needs.
// Exceptions  Comma separated: "*", an address, a CIDR block, "example.com" (it and its subdomains),
//             ".example.com" (subdomains only); each may end with ":port". Loopback is never proxied.
// Threads     Pure; open_tunnel() as the connection beneath.
// Source      The conventions of Go's golang.org/x/net/http/httpproxy, which Prometheus follows.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/transport.h"
#include "net/http.h"

namespace holdfast::net {

struct ProxySettings {
  std::string http{};   // for http:// URLs; empty: none
  std::string https{};  // for https:// URLs
  std::string no_proxy{};
  bool operator==(const ProxySettings&) const = default;
};

// From HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case spellings.
ProxySettings proxy_from_environment(
    const std::function<std::optional<std::string>(const std::string&)>& variable);

// The URL of the proxy, or "".
std::string choose_proxy(const Url& url, const ProxySettings& settings);
bool is_excepted(std::string_view host, std::uint16_t port, std::string_view no_proxy);

using TunnelHandler = std::function<void(Result<std::unique_ptr<Connection>>)>;
// Asks the proxy at the other end for a stream to `target` (host:port) and hands the connection back.
void open_tunnel(std::unique_ptr<Connection> connection, const std::string& target,
                 const Headers& fields, Duration timeout, TunnelHandler handler);

}  // namespace holdfast::net
