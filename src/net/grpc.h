// net/grpc.h: a server of unary gRPC calls over HTTP/2 without TLS, on base::Transport.
//
// Purpose     Enough of gRPC for receivers such as OTLP's: one request message, one answer. The framing is
//             nghttp2's (inside the .cc only); connections, limits and the end of things are ours.
//
//               bytes ─► nghttp2 ─► Stream (headers, body) ─► filter ─► handler on the pool
//                 ▲                                                          │
//                 └──── HEADERS, DATA, trailers with grpc-status ◄───────────┘
//
// Limits      GrpcLimits. A message over message_size_max is RESOURCE_EXHAUSTED, one call over
//             call_count_max of a connection is refused by HTTP/2 itself.
// Compression Requests identity or gzip (bounded by message_size_max), answers identity.
// Threads     add() and set_filter() before listen(). Handlers run on Lane::kPool, many at once. Destroy it
//             from outside its handlers; destruction closes everything and waits for those running.
// Errors      A handler's Error becomes grpc-status and grpc-message: kInvalid INVALID_ARGUMENT, kExhausted
//             and kUnavailable UNAVAILABLE (senders try again), kTooLarge RESOURCE_EXHAUSTED, ...
// Source      RFC 9113; github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/env.h"
#include "net/http.h"

namespace holdfast::net {

struct GrpcLimits {
  std::size_t message_size_max = 64 * 1024 * 1024;  // bytes, after decompression
  std::size_t header_size_max = 32 * 1024;          // bytes of one call's fields
  std::size_t connection_count_max = 1024;
  std::size_t call_count_max = 100;  // at once on one connection
  Duration idle_timeout = 10min;     // without a byte from the client
};

struct GrpcCall {
  std::string path;  // "/package.Service/Method"
  Headers headers;
  std::string message;
  std::string peer;
};

// The number of a status as gRPC counts them: 0 OK, 3 INVALID_ARGUMENT, 14 UNAVAILABLE, ...
int grpc_status(Code code);

class GrpcCore;

class GrpcServer {
 public:
  using Handler = std::function<Result<std::string>(const GrpcCall&)>;

  explicit GrpcServer(Env& env, GrpcLimits limits = {});
  ~GrpcServer();
  void add(std::string path, Handler handler);
  // As Router's: asked with the call as a POST without a body before its handler runs; an answer refuses.
  void set_filter(Router::Filter filter);
  Result<Endpoint> listen(const Endpoint& at);

 private:
  std::shared_ptr<GrpcCore> core_;
};

}  // namespace holdfast::net
