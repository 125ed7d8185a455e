// net/tls.h: TLS over any Connection, on OpenSSL with memory BIOs.
//
// Purpose     The client's https, and the expiry probe: both read the peer's certificate from here.
// Threads     As the connection beneath.
// Errors      A certificate that does not verify is kUnavailable and names OpenSSL's reason.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/transport.h"
#include "net/http.h"

namespace holdfast::net {

struct PeerCertificate {
  std::string subject;
  std::string issuer;
  WallTime not_before{};
  WallTime not_after{};
};

class TlsConnection : public Connection {
 public:
  virtual const PeerCertificate& certificate() const = 0;
};

// Shakes hands as a client, then hands over the encrypted connection. With options.verify false the
// certificate is read but not judged.
void tls_connect(std::unique_ptr<Connection> plain, const std::string& host, const TlsOptions& options,
                 std::function<void(Result<std::unique_ptr<TlsConnection>>)> handler);

}  // namespace holdfast::net
