// net/client_call.h: the client's connections and calls; inside the room only.
//
// Purpose     A Call walks one request through its stages; a Wire is one connection that serves calls
//             one after another and rests in the pool between them.
//
//               begin ─► pool? ──yes──► attach ─► write ─► read ─► parse ─► finish ─► pool
//                          └─no─► resolve ─► connect ─► (proxy) ─► (TLS) ─┘ └─ redirect ─► begin
//
// Threads     A Call's stages run one at a time, on the thread of the callback that moves it on. The
//             mutex of a Call guards only what cancelling from outside must see.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "net/http.h"
#include "net/parse.h"
#include "net/tls.h"

namespace holdfast::net {

class Call;
class ClientCore;

// One connection. A read is always pending on it, so a peer's close is noticed while it rests, too.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(std::weak_ptr<ClientCore> core, std::string key, std::unique_ptr<Connection> connection,
       std::optional<WallTime> certificate_expires);

  // All on the connection's thread.
  void attach(std::shared_ptr<Call> call);
  void detach() { call_.reset(); }
  void read();
  void rest(Duration limit);  // in the pool

  Connection& connection() { return *connection_; }
  const std::string& key() const { return key_; }
  std::optional<WallTime> certificate_expires() const { return certificate_expires_; }
  bool usable() const { return !ended_; }

 private:
  void on_read(Result<std::string> chunk);
  const std::weak_ptr<ClientCore> core_;
  const std::string key_;
  const std::unique_ptr<Connection> connection_;
  const std::optional<WallTime> certificate_expires_;
  std::shared_ptr<Call> call_;
  bool reading_ = false;
  bool ended_ = false;
};

class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  explicit ClientCore(Env& environment) : env(environment) {}
  void send(ClientRequest request, Client::Handler handler, std::stop_token stop);
  void close_now();

  std::shared_ptr<Wire> take(const std::string& key);
  void give(std::shared_ptr<Wire> wire, Duration idle_time);
  void forget(const Wire* wire);
  // The call ends: runs the handler unless the client has gone or the call has ended already.
  void finish(Call& call, Result<ClientResponse> result);
  // Hands a part of the body to the request's on_body, under the same guarantees as the handler.
  void hand_over(Call& call, std::string_view bytes);

  Env& env;
  TlsContextCache tls_contexts;

 private:
  std::mutex mutex_;
  std::condition_variable handler_ended_;
  bool closed_ HF_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::vector<std::shared_ptr<Wire>>> idle_ HF_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Call>> calls_ HF_GUARDED_BY(mutex_);
  std::multiset<std::thread::id> in_handlers_ HF_GUARDED_BY(mutex_);
};

class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<ClientCore> core, ClientRequest request, Client::Handler handler)
      : core_(std::move(core)), request_(std::move(request)), handler_(std::move(handler)) {}

  void begin();
  void watch(std::stop_token stop);
  void cancel();
  void drop();  // forgets the handler and closes what is open; any thread

  // From the wire.
  void on_bytes(std::string_view bytes);
  void on_end(const Error* failure);

 private:
  friend class ClientCore;
  Duration left() const;
  Duration since_start() const;
  Result<void> prepare();
  void open();
  void connect(std::vector<std::string> addresses, std::size_t next);
  void connected(std::unique_ptr<Connection> made);
  void tunnel(std::unique_ptr<Connection> made);
  void secure(std::unique_ptr<Connection> plain);
  void use(std::shared_ptr<Wire> wire, bool reused);
  void start_on(std::shared_ptr<Wire> wire);
  // The wire may serve again when the answer was the last thing on it.
  void complete(bool wire_is_clean);
  bool redirect();
  void fail(Error error);
  void fail_timeout();
  std::string render() const;
  void release_wire(bool keep);

  const std::shared_ptr<ClientCore> core_;
  ClientRequest request_;
  Url url_;
  std::optional<Url> proxy_;
  std::string key_;
  MonoTime began_{};
  ClientTimings timings_;
  ClientResponse response_;
  std::optional<ResponseParser> parser_;
  std::string pending_;  // bytes the parser wants to see again
  bool reused_ = false;
  bool retried_ = false;
  bool got_bytes_ = false;
  int redirect_count_ = 0;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;

  std::mutex mutex_;
  std::shared_ptr<Wire> wire_ HF_GUARDED_BY(mutex_);
  bool ended_ HF_GUARDED_BY(mutex_) = false;
  Client::Handler handler_;  // guarded by the core's mutex
};

}  // namespace holdfast::net
