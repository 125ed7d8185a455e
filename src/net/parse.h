// net/parse.h: HTTP/1.1 messages from bytes, without any I/O; inside the room only.
//
// Purpose     RequestParser and ResponseParser eat bytes as they arrive and fill our own types directly.
//             The grammar is Boost.Beast's; what we add is limits, one reason per fault and the rules
//             of RFC 9112 that guard against request smuggling.
// Errors      A fault is final for the connection: where the next message begins is not known any more.
// Threads     One at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace holdfast::net {

struct HttpFault {
  int status = 400;
  std::string reason;
};

enum class ParseState { kHeader, kBody, kDone, kFault };

class RequestParser {
 public:
  RequestParser(std::size_t header_size_max, std::size_t body_size_max);
  ~RequestParser();
  // Begins the next message.
  void reset();
  // Eats what it can of `bytes` into `request` and tells how much; the caller keeps the rest and offers
  // it again with more behind it. Stops after one message. The same `request` until the next reset().
  std::size_t feed(std::string_view bytes, Request& request);
  ParseState state() const;
  bool keep_alive() const;
  bool is_http_1_1() const;
  bool expects_continue() const;  // of the message whose fields are read
  const HttpFault& fault() const;

 private:
  class Machine;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  // `head` when the request was HEAD: then no body follows whatever the fields say.
  ResponseParser(std::size_t header_size_max, std::size_t body_size_max, bool head);
  ~ResponseParser();
  // As RequestParser::feed; interim answers (1xx) are skipped.
  std::size_t feed(std::string_view bytes, ClientResponse& response);
  // The stream ended: completes a body that runs to the end, otherwise faults.
  void end(ClientResponse& response);
  ParseState state() const;
  bool keep_alive() const;
  const HttpFault& fault() const;  // status 413 when over body_size_max

 private:
  class Machine;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::net
