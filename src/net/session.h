// net/session.h: one client connection of the HTTP server; inside the room only.
//
// Purpose     Bytes in, requests out to the router, answers back in order. Answers are gathered in one
//             buffer and go out in one write when nothing more can be done at once.
//
//               read ─► parse ─► ready_ ─► filter, route, handler ─► Exchange::send ─► out_ ─► write
//                         │ (at most pipeline_count_max)  one at a time   │
//                         └───────────── fault: its answer waits in line ─┘
//
// Threads     Everything on the connection's thread, except what Exchange and the event stream hand over.
// Lifetime    ServerCore holds the session until end(); callbacks hold it weakly.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/codec.h"
#include "net/http.h"
#include "net/parse.h"

namespace holdfast::net {

class Session;

// What all sessions of one server share.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(Env& env, const Router& router, ServerLimits limits);

  Result<Endpoint> listen(const Endpoint& at);
  void shutdown(Duration deadline, std::function<void()> done);
  void close_now();  // ends every session and waits for running handlers
  ServerStats stats() const;
  LatencyHistogram latency() const;

  void remove(Session* session);
  void count(int status, Duration took);
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  // Brackets every call of a handler or the filter. False: the server is gone, do not call.
  bool enter();
  void leave();

  Env& env;
  const Router& router;
  const ServerLimits limits;
  CompressorPool compressors;

 private:
  void accept(std::unique_ptr<Connection> connection);
  void finish_shutdown();
  std::vector<std::shared_ptr<Session>> all_sessions();

  static constexpr std::size_t kBucketCount = 14;
  std::atomic<bool> draining_{false};
  std::atomic<bool> closed_{false};
  std::atomic<int> running_{0};
  // Counters nothing else is ordered by: relaxed.
  std::atomic<std::uint64_t> refused_{0};
  std::array<std::atomic<std::uint64_t>, 600> by_status_{};
  std::array<std::atomic<std::uint64_t>, kBucketCount + 1> latency_{};
  std::atomic<std::uint64_t> latency_sum_ns_{0};

  mutable std::mutex mutex_;
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions_ HF_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Listener>> listeners_ HF_GUARDED_BY(mutex_);
  std::function<void()> done_ HF_GUARDED_BY(mutex_);
  TimerId deadline_timer_ HF_GUARDED_BY(mutex_) = TimerId::kNone;
};

// What answering needs to know of a request after the request itself may be gone.
struct Turn {
  std::uint64_t number = 0;
  bool keep_alive = true;
  bool http_1_1 = true;
  bool head = false;
  MonoTime began{};
};

// One request and the right to answer it. Handlers own it; the session keeps only the turn.
class Exchange final : public Responder, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::weak_ptr<Session> session, std::shared_ptr<ServerCore> core, std::stop_token stop)
      : session_(std::move(session)), core_(std::move(core)), stop_(std::move(stop)) {}
  ~Exchange() override;

  void send(Response response) override;
  std::shared_ptr<EventStream> start_events() override;
  std::stop_token stop() const override { return stop_; }

  // The rest of the way to the handler: decode the body, call.
  void run(const Router::Route& route);

  Request request;
  Turn turn;
  bool is_fault = false;  // answer with `fault` and close
  HttpFault fault;
  std::size_t size = 0;  // bytes it took on the wire, for the read-ahead limit
  bool dispatched = false;

 private:
  void compress(Response& response) const;
  std::weak_ptr<Session> session_;
  std::shared_ptr<ServerCore> core_;
  std::stop_token stop_;
  std::atomic<bool> answered_{false};
};

// The sending side's view of an event stream, shared with the session.
struct EventState {
  std::atomic<bool> open{true};
  std::atomic<std::size_t> waiting{0};  // bytes accepted by send() and not yet written
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<ServerCore> core, std::unique_ptr<Connection> connection);

  void start();
  // Any thread.
  void drain();  // ends when idle, else after the request under way
  void abort();
  void deliver(const Turn& turn, Response response);
  void begin_events(const Turn& turn, std::shared_ptr<EventState> events);
  void push_event(std::string bytes);
  void end_events();

 private:
  void on_thread(void (Session::*step)());
  void drain_here();
  void read();
  void on_read(Result<std::string> chunk);
  void pump();
  bool parse_one();
  void take_request();
  void take_fault(HttpFault fault);
  void dispatch(std::shared_ptr<Exchange> exchange);
  void complete(const Turn& turn, Response response);
  void append_head(const Turn& turn, const Response& response, std::string_view length_line);
  void flush();
  void on_written(const Result<void>& result, std::size_t event_size);
  void finish_events();
  void end();
  bool can_work() const;
  bool wants_read() const;
  MonoTime next_deadline() const;
  void arm();
  void on_timer();
  std::string_view date_line();

  const std::shared_ptr<ServerCore> core_;
  const std::unique_ptr<Connection> connection_;
  const std::string peer_;
  std::stop_source gone_;
  std::atomic<std::thread::id> inside_{};  // the thread that runs pump(): answers from it need no hand-over

  // Reading.
  std::string in_;
  std::size_t in_used_ = 0;
  bool reading_ = false;
  bool input_ended_ = false;
  bool faulted_ = false;  // where the next message begins is unknown: no more parsing
  RequestParser parser_;
  std::shared_ptr<Exchange> incoming_;  // the message being parsed
  bool continue_sent_ = false;
  std::deque<std::shared_ptr<Exchange>> ready_;
  std::size_t ready_size_ = 0;

  // Answering.
  bool pumping_ = false;
  bool busy_ = false;  // a request has been dispatched and its answer is not wholly in out_
  Turn current_;
  std::uint64_t next_number_ = 1;
  std::string out_;
  std::string big_;  // a large body, sent in slices
  std::size_t big_used_ = 0;
  bool writing_ = false;
  bool closing_ = false;    // nothing more is read or answered after out_
  bool lingering_ = false;  // all is written; waits for the client to close first
  bool ended_ = false;

  // Events.
  std::shared_ptr<EventState> events_;
  bool events_chunked_ = false;
  std::size_t event_bytes_ = 0;  // in out_

  // Time.
  MonoTime now_{};  // as of the last callback
  MonoTime idle_since_{}, message_began_{}, body_began_{}, write_began_{}, linger_began_{}, beat_at_{};
  MonoTime armed_for_{};  // when the connection's timer fires; zero when it is not set
  std::string date_line_;
  std::int64_t date_second_ = -1;
};

}  // namespace holdfast::net
