// net/tls.h: TLS over any Connection, on OpenSSL with memory BIOs.
//
// Purpose     The client's https, and the expiry probe: both read the peer's certificate from here.
// Threads     As the connection beneath. A TlsContext from any thread.
// Errors      A certificate that does not verify is kUnavailable and names OpenSSL's reason; a handshake
//             over its time is kTimeout.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
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

// The trusted certificates, read once: the system's file takes tens of milliseconds to parse.
class TlsContext;
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options);

// What distinguishes two sets of options, but for the server's name.
std::string tls_identity(const TlsOptions& options);

// One context for each set of options, made when first asked for.
class TlsContextCache {
 public:
  Result<std::shared_ptr<TlsContext>> get(const TlsOptions& options);

 private:
  std::mutex mutex_;
  // By everything that makes a context, the times of its files included: a renewed certificate is
  // taken up by the next connection.
  std::map<std::string, std::shared_ptr<TlsContext>> contexts_ HF_GUARDED_BY(mutex_);
};

using TlsHandler = std::function<void(Result<std::unique_ptr<TlsConnection>>)>;

// Shakes hands as a client, then hands over the encrypted connection. With options.verify false the
// certificate is read but not judged. Without a context one is made for this connection alone.
void tls_connect(std::unique_ptr<Connection> plain, const std::string& host, const TlsOptions& options,
                 TlsHandler handler, std::shared_ptr<TlsContext> context = nullptr);

}  // namespace holdfast::net
