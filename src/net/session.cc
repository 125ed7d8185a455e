#include "net/session.h"

#include <charconv>
#include <ctime>

#include "base/text.h"
#include "net/path.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kReadSizeBody = 64 * 1024;
// Read ahead of the answer under way: enough for any pipeline of small requests.
constexpr std::size_t kAheadSizeMax = 256 * 1024;
// Bodies up to this are copied behind their head and leave in one write; above, in slices of this size,
// which is also the progress a slow client must make within write_timeout.
constexpr std::size_t kSliceSize = 256 * 1024;
constexpr Duration kLinger = 2s;
constexpr Duration kHeartbeat = 15s;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

// A line break in a value would let its writer add fields of his own.
void append_value(std::string& out, std::string_view value) {
  const auto begin = out.size();
  out.append(value);
  if (value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) return;
  for (auto i = begin; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
  }
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

Session::Session(std::shared_ptr<ServerCore> core, std::unique_ptr<Connection> connection)
    : core_(std::move(core)),
      connection_(std::move(connection)),
      peer_(connection_->peer()),
      parser_(core_->limits.header_size_max, core_->limits.body_size_max) {}

void Session::start() {
  now_ = idle_since_ = core_->env.clock.mono();
  read();
  arm();
}

void Session::on_thread(void (Session::*step)()) {
  connection_->post([weak = weak_from_this(), step] {
    if (const auto self = weak.lock(); self && !self->ended_) (self.get()->*step)();
  });
}

void Session::abort() {
  gone_.request_stop();  // a handler may be at work on the connection's own thread
  on_thread(&Session::end);
}
void Session::drain() { on_thread(&Session::drain_here); }
void Session::end_events() { on_thread(&Session::finish_events); }

void Session::drain_here() {
  now_ = core_->env.clock.mono();
  if (events_) return finish_events();
  const bool idle = !busy_ && ready_.empty() && in_.size() == in_used_ &&
                    (!incoming_ || parser_.state() == ParseState::kHeader) && !writing_;
  if (idle) return end();
  pump();
}

// ---- reading ----

bool Session::wants_read() const {
  if (reading_ || input_ended_ || ended_) return false;
  if (lingering_) return true;
  if (closing_ || faulted_) return false;
  // Also while a handler works: that is how we learn that the client has gone.
  return ready_.size() < core_->limits.pipeline_count_max &&
         (!busy_ || ready_size_ + (in_.size() - in_used_) < kAheadSizeMax);
}

void Session::read() {
  if (!wants_read()) return;
  reading_ = true;
  const auto size = parser_.state() == ParseState::kBody || lingering_ ? kReadSizeBody : kReadSize;
  connection_->read(size, [weak = weak_from_this()](Result<std::string> chunk) {
    if (const auto self = weak.lock()) self->on_read(std::move(chunk));
  });
}

void Session::on_read(Result<std::string> chunk) {
  reading_ = false;
  if (ended_) return;
  if (!chunk) return end();
  now_ = core_->env.clock.mono();
  if (lingering_) {
    if (chunk->empty()) return end();
    return read();  // discarded
  }
  if (chunk->empty()) {
    input_ended_ = true;
    // The client may have closed only its sending half and still listen; handlers that ask learn of it.
    gone_.request_stop();
    if (events_) return end();
  } else if (in_used_ == in_.size()) {
    in_ = std::move(*chunk);
    in_used_ = 0;
  } else {
    in_.erase(0, in_used_);
    in_used_ = 0;
    in_ += *chunk;
  }
  pump();
}

// Parses at most one message off the input. True when ready_ has grown.
bool Session::parse_one() {
  if (closing_ || faulted_ || events_ || in_used_ == in_.size()) return false;
  if (ready_.size() >= core_->limits.pipeline_count_max) return false;
  if (!incoming_) {
    // Empty lines between requests begin nothing, so no time limit runs for them.
    while (std::string_view(in_).substr(in_used_).starts_with("\r\n")) in_used_ += 2;
    if (in_used_ == in_.size()) return false;
    incoming_ = std::make_shared<Exchange>(weak_from_this(), core_, gone_.get_token());
    message_began_ = now_;
    continue_sent_ = false;
  }
  const auto before = parser_.state();
  const auto rest = std::string_view(in_).substr(in_used_);
  const auto used = parser_.feed(rest, incoming_->request);
  in_used_ += used;
  incoming_->size += used;
  switch (parser_.state()) {
    case ParseState::kDone: take_request(); return true;
    case ParseState::kFault: take_fault(parser_.fault()); return true;
    case ParseState::kBody:
      if (before == ParseState::kHeader) body_began_ = now_;
      return false;
    case ParseState::kHeader: return false;
  }
  return false;
}

void Session::take_request() {
  auto exchange = std::move(incoming_);
  auto& turn = exchange->turn;
  turn.keep_alive = parser_.keep_alive();
  turn.http_1_1 = parser_.is_http_1_1();
  turn.head = exchange->request.method == "HEAD";
  parser_.reset();
  if (auto set = set_target(exchange->request); !set) {
    // The message's end is known, so the connection stays usable.
    exchange->is_fault = true;
    exchange->fault = {400, set.error().message()};
  }
  exchange->request.peer = peer_;
  ready_size_ += exchange->size;
  ready_.push_back(std::move(exchange));
}

// Its answer waits in line behind those of the requests before it.
void Session::take_fault(HttpFault fault) {
  auto exchange = std::move(incoming_);
  exchange->is_fault = true;
  exchange->turn.keep_alive = false;
  if (fault.status == 408 || fault.status == 413 || fault.status == 431) core_->count_refused();
  exchange->fault = std::move(fault);
  ready_size_ += exchange->size;
  ready_.push_back(std::move(exchange));
  in_used_ = in_.size();
  faulted_ = true;
}

// ---- answering ----

bool Session::can_work() const {
  return !busy_ && !closing_ && !ended_ && !events_ && !ready_.empty() &&
         out_.size() < kSliceSize;
}

void Session::pump() {
  if (pumping_ || ended_) return;
  pumping_ = true;
  inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!ended_) {
    if (can_work()) {
      auto exchange = std::move(ready_.front());
      ready_.pop_front();
      ready_size_ -= exchange->size;
      dispatch(std::move(exchange));
    } else if (!parse_one()) {
      break;
    }
  }
  inside_.store(std::thread::id(), std::memory_order_relaxed);
  pumping_ = false;
  if (ended_) return;
  if (!busy_ && ready_.empty() && !closing_ && incoming_ && !continue_sent_ &&
      parser_.expects_continue() && incoming_->request.body.empty()) {
    out_ += kContinue;
    continue_sent_ = true;
  }
  const bool drained = core_->draining() && !incoming_;
  if ((input_ended_ || drained) && !busy_ && !events_ && ready_.empty()) closing_ = true;
  flush();
  if (ended_) return;
  read();
  arm();
}

void Session::dispatch(std::shared_ptr<Exchange> exchange) {
  busy_ = true;
  auto& turn = exchange->turn;
  turn.number = next_number_++;
  turn.began = now_;
  current_ = turn;
  exchange->dispatched = true;
  if (exchange->is_fault) {
    return exchange->send(Response::text(exchange->fault.status, exchange->fault.reason + "\n"));
  }
  if (!core_->enter()) return end();
  std::optional<Response> refusal;
  if (core_->router.filter()) refusal = core_->router.filter()(exchange->request);
  const Router::Route* route = nullptr;
  if (!refusal) {
    Response missing;
    route = core_->router.match(exchange->request, missing);
    if (!route) refusal = std::move(missing);
  }
  if (refusal) {
    exchange->send(std::move(*refusal));
  } else if (route->options.blocking && connection_->begin_blocking([gone = gone_]() mutable { gone.request_stop(); })) {
    // On this thread: handing over and back would wake two others, which takes longer than most answers.
    exchange->run(*route);
    connection_->end_blocking();
  } else if (route->options.blocking) {
    core_->env.executor.post(Lane::kPool, [exchange, route, core = core_] {
      if (!core->enter()) return;
      exchange->run(*route);
      core->leave();
    });
  } else {
    exchange->run(*route);
  }
  core_->leave();
}

void Session::deliver(const Turn& turn, Response response) {
  if (inside_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    return complete(turn, std::move(response));
  }
  connection_->post([weak = weak_from_this(), turn, response = std::move(response)]() mutable {
    const auto self = weak.lock();
    if (!self || self->ended_) return;
    self->now_ = self->core_->env.clock.mono();
    self->complete(turn, std::move(response));
    self->pump();
  });
}

std::string_view Session::date_line() {
  const auto second = to_ms(core_->env.clock.now()) / 1000;
  if (second != date_second_) {
    date_second_ = second;
    const std::time_t time = second;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[64];
    // The C locale's names, which the program never changes.
    const auto size = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    date_line_.assign(text, size);
  }
  return date_line_;
}

void Session::append_head(const Turn& turn, const Response& response, std::string_view length_line) {
  out_ += turn.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ";
  append_number(out_, static_cast<std::uint64_t>(response.status));
  out_ += ' ';
  out_ += reason_phrase(response.status);
  out_ += "\r\n";
  out_ += date_line();
  for (const auto& [name, value] : response.headers) {
    // The framing is ours to tell.
    if (equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Connection") ||
        equals_ignoring_case(name, "Transfer-Encoding")) {
      continue;
    }
    append_value(out_, name);
    out_ += ": ";
    append_value(out_, value);
    out_ += "\r\n";
  }
  out_ += length_line;
  if (closing_) {
    out_ += "Connection: close\r\n";
  } else if (!turn.http_1_1) {
    out_ += "Connection: keep-alive\r\n";
  }
  out_ += "\r\n";
}

void Session::complete(const Turn& turn, Response response) {
  if (ended_ || !busy_ || turn.number != current_.number) return;
  if (!turn.keep_alive || core_->draining()) closing_ = true;
  std::string length;
  if (!has_no_body(response.status)) {
    length = "Content-Length: ";
    append_number(length, response.body.size());
    length += "\r\n";
  }
  const bool with_body = !turn.head && !has_no_body(response.status) && !response.body.empty();
  out_.reserve(out_.size() + 256 + (with_body ? std::min(response.body.size(), kSliceSize) : 0));
  append_head(turn, response, length);
  if (!with_body) {
    busy_ = false;
  } else if (response.body.size() <= kSliceSize) {
    out_ += response.body;
    busy_ = false;
  } else {
    big_ = std::move(response.body);
    big_used_ = 0;
  }
  idle_since_ = now_;
  core_->count(response.status, core_->env.clock.mono() - turn.began);
}

void Session::flush() {
  if (writing_ || ended_) return;
  if (out_.size() < kSliceSize && big_used_ < big_.size()) {
    const auto size = std::min(kSliceSize, big_.size() - big_used_);
    out_.append(big_, big_used_, size);
    big_used_ += size;
    if (big_used_ == big_.size()) {
      big_ = {};
      big_used_ = 0;
      busy_ = false;
    }
  }
  if (out_.empty()) {
    if (!closing_ || busy_ || lingering_) return;
    // Closing first could reset the connection under bytes the client still sends, and the reset could
    // overtake our last answer.
    lingering_ = true;
    linger_began_ = now_;
    connection_->shutdown_write();
    if (input_ended_) end();
    return;
  }
  writing_ = true;
  write_began_ = now_;
  const auto event_size = std::exchange(event_bytes_, 0);
  connection_->write(std::exchange(out_, {}),
                     [weak = weak_from_this(), event_size](const Result<void>& result) {
                       if (const auto self = weak.lock()) self->on_written(result, event_size);
                     });
}

void Session::on_written(const Result<void>& result, std::size_t event_size) {
  writing_ = false;
  if (ended_) return;
  if (events_) events_->waiting.fetch_sub(event_size, std::memory_order_relaxed);
  if (!result) return end();
  now_ = core_->env.clock.mono();
  pump();
}

void Session::end() {
  if (ended_) return;
  const auto self = shared_from_this();  // remove() may let go of the last other owner
  ended_ = true;
  if (events_) events_->open.store(false, std::memory_order_release);
  gone_.request_stop();
  connection_->cancel_timer();
  connection_->close();
  core_->remove(this);
}

// ---- server-sent events ----

void Session::begin_events(const Turn& turn, std::shared_ptr<EventState> events) {
  const auto begin = [turn, events = std::move(events)](Session& self) {
    if (self.ended_ || !self.busy_ || turn.number != self.current_.number) {
      events->open.store(false, std::memory_order_release);
      return;
    }
    self.events_chunked_ = turn.http_1_1;
    self.closing_ = true;  // the stream ends with the connection
    Response head;
    head.headers.add("Content-Type", "text/event-stream");
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Accel-Buffering", "no");
    self.append_head(turn, head, self.events_chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
    self.core_->count(200, self.core_->env.clock.mono() - turn.began);
    self.closing_ = false;
    self.events_ = events;
    self.beat_at_ = self.now_ + kHeartbeat;
    if (turn.head || self.core_->draining() || self.input_ended_) self.finish_events();
  };
  if (inside_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return begin(*this);
  connection_->post([weak = weak_from_this(), begin] {
    const auto self = weak.lock();
    if (!self) return;
    self->now_ = self->core_->env.clock.mono();
    begin(*self);
    self->pump();
  });
}

void Session::push_event(std::string bytes) {
  connection_->post([weak = weak_from_this(), bytes = std::move(bytes)] {
    const auto self = weak.lock();
    if (!self || self->ended_ || !self->events_) return;
    self->now_ = self->core_->env.clock.mono();
    self->event_bytes_ += bytes.size();
    if (self->events_chunked_) {
      append_number(self->out_, bytes.size(), 16);
      self->out_ += "\r\n";
    }
    self->out_ += bytes;
    if (self->events_chunked_) self->out_ += "\r\n";
    self->pump();
  });
}

void Session::finish_events() {
  if (!events_) return;
  events_->open.store(false, std::memory_order_release);
  if (events_->waiting.load(std::memory_order_relaxed) > (1 << 20)) return end();
  if (events_chunked_ && !current_.head) out_ += "0\r\n\r\n";
  events_.reset();
  busy_ = false;
  closing_ = true;
  pump();
}

// ---- time ----

// The moment something must happen if nothing else does before.
MonoTime Session::next_deadline() const {
  const auto& limits = core_->limits;
  if (lingering_) return linger_began_ + kLinger;
  if (writing_ && events_) return std::min(write_began_ + limits.write_timeout, beat_at_);
  if (writing_) return write_began_ + limits.write_timeout;
  if (events_) return beat_at_;
  if (busy_) return MonoTime::max();  // a handler takes the time it takes
  if (incoming_ && parser_.state() == ParseState::kBody) return body_began_ + limits.body_timeout;
  if (incoming_) return message_began_ + limits.header_timeout;
  return idle_since_ + limits.idle_timeout;
}

// The connection's timer is moved only when it would fire too late: on a busy connection the deadline
// moves with every request and the timer with almost none.
void Session::arm() {
  if (ended_) return;
  const auto deadline = next_deadline();
  if (deadline == MonoTime::max()) return;
  if (armed_for_ != MonoTime{} && armed_for_ <= deadline) return;
  armed_for_ = deadline;
  connection_->set_timer(std::max<Duration>(deadline - now_, 0ns), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void Session::on_timer() {
  if (ended_) return;
  armed_for_ = {};
  now_ = core_->env.clock.mono();
  if (now_ < next_deadline()) return arm();
  if (events_ && (!writing_ || now_ < write_began_ + core_->limits.write_timeout)) {
    beat_at_ = now_ + kHeartbeat;
    if (!writing_) out_ += events_chunked_ ? "3\r\n:\n\n\r\n" : ":\n\n";
    return pump();
  }
  if (incoming_ && !lingering_ && !writing_ && !busy_) {
    HF_PROBE("http: slow client answered with 408");
    take_fault({408, parser_.state() == ParseState::kBody ? "request body came too slowly"
                                                          : "request header came too slowly"});
    return pump();
  }
  end();
}

}  // namespace holdfast::net
