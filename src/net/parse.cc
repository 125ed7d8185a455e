#include "net/parse.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/text.h"

namespace holdfast::net {
namespace http = boost::beast::http;
using boost::system::error_code;
using BeastView = boost::beast::string_view;

namespace {

// Reserved at once for a body whose length is announced; a client must send before we hold more.
constexpr std::size_t kBodyReserveMax = 1 << 20;

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

std::string body_too_large(std::size_t size_max) {
  return "body over " + std::to_string(size_max) + " bytes";
}

// "GET / HTTP/2.0" is a version we do not speak; anything else in that place is just wrong.
bool names_a_version(std::string_view line) {
  const auto space = line.rfind(' ');
  if (space == std::string_view::npos || line.find(' ') == space) return false;
  const auto word = line.substr(space + 1);
  return word.size() == 8 && word.starts_with("HTTP/") && word[6] == '.' && word[5] >= '0' &&
         word[5] <= '9' && word[7] >= '0' && word[7] <= '9' &&
         line.substr(line.find(' ') + 1, space - line.find(' ') - 1).find(' ') == std::string_view::npos;
}

HttpFault fault_of(const error_code& failure, std::size_t header_max, std::size_t body_max) {
  const auto is = [&](http::error error) { return failure == error; };
  if (is(http::error::header_limit)) {
    return {431, "request line and fields over " + std::to_string(header_max) + " bytes"};
  }
  if (is(http::error::body_limit)) return {413, body_too_large(body_max)};
  if (is(http::error::bad_method)) return {400, "bad method"};
  if (is(http::error::bad_target)) return {400, "bad request target"};
  if (is(http::error::bad_version)) return {400, "bad request line"};
  if (is(http::error::bad_status)) return {400, "bad status line"};
  if (is(http::error::bad_field)) return {400, "bad field name"};
  if (is(http::error::bad_value) || is(http::error::bad_obs_fold)) return {400, "bad field value"};
  if (is(http::error::bad_line_ending)) return {400, "bad line ending"};
  if (is(http::error::bad_content_length)) return {400, "bad Content-Length"};
  if (is(http::error::multiple_content_length)) return {400, "more than one Content-Length"};
  if (is(http::error::bad_transfer_encoding)) return {400, "bad Transfer-Encoding"};
  if (is(http::error::bad_chunk) || is(http::error::bad_chunk_extension)) return {400, "bad chunk"};
  if (is(http::error::partial_message)) return {400, "message is cut off"};
  return {400, "malformed message: " + failure.message()};
}

// What both directions share: Beast calls back for each part, we write it where it belongs.
template <bool kIsRequest>
class Collector : public http::basic_parser<kIsRequest> {
 public:
  Collector(std::size_t header_max, std::size_t body_max) {
    this->header_limit(static_cast<std::uint32_t>(header_max));
    this->body_limit(body_max);
  }
  bool in_body = false;

  // Whether these bytes may be offered. "0\r\n\r\n" may not come in two parts: Beast asserts that it never
  // meets the beginning of a last chunk twice. Nothing waits for long, for the message ends with these five.
  bool can_take(std::string_view bytes) const {
    return !in_body || !this->chunked() || bytes.size() >= 5 || bytes.empty() || bytes[0] != '0';
  }

 protected:
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void reserve(std::string& body, const boost::optional<std::uint64_t>& length) {
    if (length) body.reserve(std::min<std::uint64_t>(*length, kBodyReserveMax));
  }
};

}  // namespace

// ---- requests ----

class RequestParser::Machine final : public Collector<true> {
 public:
  Machine(std::size_t header_max, std::size_t body_max, HttpFault& fault)
      : Collector(2 * header_max + 64, body_max), fault_(fault) {}  // the parser counts exactly
  Request* request = nullptr;
  bool expects_continue = false;
  int version = 11;  // 10 or 11

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int number,
                       error_code&) override {
    version = number;
    request->method.assign(method.data(), method.size());
    request->target.assign(target.data(), target.size());
  }
  void on_response_impl(int, BeastView, int, error_code&) override {}

  void on_field_impl(http::field field, BeastView name, BeastView value, error_code& ec) override {
    if (in_body) return;  // a trailer: nobody may change the message's meaning after its body
    if (field == http::field::host && ++hosts_ > 1) return refuse(400, "more than one Host", ec);
    if (field == http::field::expect) {
      if (!equals_ignoring_case(view(value), "100-continue")) return refuse(417, "unknown Expect", ec);
      expects_continue = true;
    }
    if (field == http::field::transfer_encoding) {
      // Any other coding would leave the body's end to guessing, which is how requests get smuggled.
      if (!equals_ignoring_case(view(value), "chunked")) {
        return refuse(501, "Transfer-Encoding other than chunked", ec);
      }
    }
    request->headers.add(std::string(name.data(), name.size()),
                         std::string(value.data(), value.size()));
  }

  void on_header_impl(error_code& ec) override {
    if (version == 11 && hosts_ == 0) return refuse(400, "no Host", ec);
    if (version == 10 && this->chunked()) {
      return refuse(400, "Transfer-Encoding in HTTP/1.0", ec);
    }
    expects_continue = expects_continue && version == 11;
    in_body = true;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    reserve(request->body, length);
  }
  std::size_t on_body_impl(BeastView body, error_code&) override {
    request->body.append(body.data(), body.size());
    return body.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override {
    request->body.append(body.data(), body.size());
    return body.size();
  }

  void refuse(int status, const char* reason, error_code& ec) {
    fault_ = {status, reason};
    ec = http::error::bad_field;
  }

  HttpFault& fault_;
  int hosts_ = 0;
};

struct RequestParser::Impl {
  std::size_t header_max, body_max;
  std::optional<Machine> machine;
  HttpFault fault;
  ParseState state = ParseState::kHeader;
  std::size_t header_used = 0;  // bytes of this message's line and fields eaten so far
};

RequestParser::RequestParser(std::size_t header_size_max, std::size_t body_size_max)
    : impl_(std::make_unique<Impl>()) {
  impl_->header_max = header_size_max;
  impl_->body_max = body_size_max;
  reset();
}

RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  impl_->fault.reason.clear();
  impl_->machine.emplace(impl_->header_max, impl_->body_max, impl_->fault);
  impl_->state = ParseState::kHeader;
  impl_->header_used = 0;
}

std::size_t RequestParser::feed(std::string_view bytes, Request& request) {
  auto& self = *impl_;
  std::size_t eaten = 0;
  if (self.state == ParseState::kHeader && self.header_used == 0) {
    // Empty lines before a request are left over from older clients (RFC 9112, section 2.2).
    while (bytes.substr(eaten).starts_with("\r\n")) eaten += 2;
    bytes.remove_prefix(eaten);
    if (bytes == "\r") return eaten;  // half of such a line
    if (!bytes.empty() && !(bytes[0] >= 'A' && bytes[0] <= 'Z')) {
      self.fault = {400, "not an HTTP request"};
      self.state = ParseState::kFault;
      return eaten;
    }
  }
  if (bytes.empty() || self.state == ParseState::kDone || self.state == ParseState::kFault) return eaten;
  self.machine->request = &request;
  error_code failure;
  std::size_t used = 0;
  const auto put = [&](bool to_the_end) {
    self.machine->eager(to_the_end);
    const auto rest = bytes.substr(used);
    if (!self.machine->can_take(rest)) return;
    used += self.machine->put(boost::asio::buffer(rest.data(), rest.size()), failure);
    if (failure == http::error::need_more) failure = {};
  };
  if (!self.machine->in_body) {
    // Counted here: Beast applies its limit to the line and to the fields by themselves, and how it
    // counts depends on where the bytes were split.
    put(false);
    self.header_used += used;
    const auto size = self.header_used + (self.machine->in_body ? 0 : bytes.size() - used);
    if (!failure && size > self.header_max) failure = http::error::header_limit;
  }
  if (!failure && self.machine->in_body && !self.machine->is_done() && used < bytes.size()) {
    put(true);
    // A chunk's own line that never ends.
    if (!failure && !self.machine->is_done() && bytes.size() - used > self.header_max) {
      failure = http::error::bad_chunk;
    }
  }
  eaten += used;
  if (failure) {
    const auto line = bytes.substr(0, bytes.find("\r\n"));
    if (self.fault.reason.empty()) {
      self.fault = failure == http::error::bad_version && names_a_version(line)
                       ? HttpFault{505, "only HTTP/1.0 and HTTP/1.1 are served"}
                       : fault_of(failure, self.header_max, self.body_max);
    }
    self.state = ParseState::kFault;
  } else if (self.machine->is_done()) {
    self.state = ParseState::kDone;
  } else if (self.machine->in_body) {
    self.state = ParseState::kBody;
  }
  return eaten;
}

ParseState RequestParser::state() const { return impl_->state; }
bool RequestParser::keep_alive() const { return impl_->machine->keep_alive(); }
bool RequestParser::is_http_1_1() const { return impl_->machine->version == 11; }
bool RequestParser::expects_continue() const {
  return impl_->state == ParseState::kBody && impl_->machine->expects_continue;
}
const HttpFault& RequestParser::fault() const { return impl_->fault; }

// ---- responses ----

class ResponseParser::Machine final : public Collector<false> {
 public:
  using Collector::Collector;
  ClientResponse* response = nullptr;

 private:
  void on_request_impl(http::verb, BeastView, BeastView, int, error_code&) override {}
  void on_response_impl(int status, BeastView, int, error_code&) override {
    response->status = status;
  }
  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override {
    if (in_body) return;
    response->headers.add(std::string(name.data(), name.size()),
                          std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override { in_body = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    reserve(response->body, length);
  }
  std::size_t on_body_impl(BeastView body, error_code&) override {
    response->body.append(body.data(), body.size());
    return body.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code&) override {
    response->body.append(body.data(), body.size());
    return body.size();
  }
};

struct ResponseParser::Impl {
  std::size_t header_max, body_max;
  bool head;
  std::optional<Machine> machine;
  HttpFault fault;
  ParseState state = ParseState::kHeader;

  void restart() {
    machine.emplace(header_max, body_max);
    machine->eager(true);
    machine->skip(head);
    state = ParseState::kHeader;
  }
  void fail(const error_code& failure) {
    fault = fault_of(failure, header_max, body_max);
    state = ParseState::kFault;
  }
};

ResponseParser::ResponseParser(std::size_t header_size_max, std::size_t body_size_max, bool head)
    : impl_(std::make_unique<Impl>()) {
  impl_->header_max = header_size_max;
  impl_->body_max = body_size_max;
  impl_->head = head;
  impl_->restart();
}

ResponseParser::~ResponseParser() = default;

std::size_t ResponseParser::feed(std::string_view bytes, ClientResponse& response) {
  auto& self = *impl_;
  std::size_t eaten = 0;
  while (eaten < bytes.size() && (self.state == ParseState::kHeader || self.state == ParseState::kBody)) {
    self.machine->response = &response;
    error_code failure;
    const auto rest = bytes.substr(eaten);
    if (!self.machine->can_take(rest)) break;
    const auto used = self.machine->put(boost::asio::buffer(rest.data(), rest.size()), failure);
    eaten += used;
    if (failure == http::error::need_more) failure = {};
    if (failure) {
      self.fail(failure);
    } else if (!self.machine->is_done()) {
      if (self.machine->in_body) self.state = ParseState::kBody;
      if (bytes.size() - eaten > self.header_max) self.fail(http::error::header_limit);
      break;
    } else if (response.status < 200 && response.status != 101) {
      response = {};
      self.restart();
    } else {
      self.state = ParseState::kDone;
    }
  }
  return eaten;
}

void ResponseParser::end(ClientResponse& response) {
  auto& self = *impl_;
  if (self.state == ParseState::kDone || self.state == ParseState::kFault) return;
  self.machine->response = &response;
  error_code failure = http::error::partial_message;
  if (self.machine->got_some()) self.machine->put_eof(failure);
  if (failure) {
    self.fail(failure);
  } else {
    self.state = ParseState::kDone;
  }
}

ParseState ResponseParser::state() const { return impl_->state; }
bool ResponseParser::keep_alive() const { return impl_->machine->keep_alive(); }
const HttpFault& ResponseParser::fault() const { return impl_->fault; }

}  // namespace holdfast::net
