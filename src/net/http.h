// net/http.h: HTTP/1.1 messages, server and client, over base::Transport.
//
// Purpose     The same code serves the machine's sockets and the simulated network. Parsing is Boost.Beast's
//             (inside the .cc files only); connections, limits and timeouts are ours.
// Limits      See ServerLimits. Over a limit: 431 (headers), 413 (body), 408 (too slow), 503 (too many).
// Encoding    Request bodies with Content-Encoding gzip, zstd or snappy-block are not decoded for snappy
//             (remote write decodes itself); gzip and zstd are, bounded by body_size_max. Responses are
//             compressed when the client accepts it and the body has at least compress_size_min bytes.
// Threads     Handlers run on the connection's thread; those with RouteOptions::blocking where they may
//             block: there if the transport gives leave, else on the pool.
//             A Responder may be used from any thread, once; dropping it unanswered sends 500.
// Source      RFC 9110, RFC 9112; server-sent events: WHATWG HTML, section 9.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::net {

// Field names compare ignoring case; order and repeats are kept.
class Headers {
 public:
  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);  // replaces all of that name
  std::string_view get(std::string_view name) const;   // the first, or ""
  bool has(std::string_view name) const;
  void erase(std::string_view name);  // all of that name
  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

using Params = std::vector<std::pair<std::string, std::string>>;  // decoded, in order, repeats kept

struct Request {
  std::string method;  // upper case
  std::string target;  // as sent: path?query
  std::string path;    // percent-decoded, no "..", begins with '/'
  Params query;        // of the target
  Headers headers;
  std::string body;    // decoded from gzip or zstd
  std::string peer;    // "address:port"
  std::map<std::string, std::string> path_params;  // filled by the router

  std::string_view param(std::string_view name) const;  // query's first, or ""
  // Query parameters, and those of an application/x-www-form-urlencoded body after them.
  Params form() const;
};

struct Response {
  int status = 200;
  Headers headers{};
  std::string body{};

  static Response text(int status, std::string body);
  static Response json(int status, std::string body);
};

// Server-sent events. Closes when the client goes away; send() then answers false.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Any thread. More than 1 MiB waiting for a slow client closes the stream.
  virtual bool send(std::string_view event, std::string_view data, std::string_view id = {}) = 0;
  virtual bool open() const = 0;
};

class Responder {
 public:
  virtual ~Responder() = default;
  virtual void send(Response response) = 0;
  virtual std::shared_ptr<EventStream> start_events() = 0;
  // Stops when the client goes away or the server shuts down.
  virtual std::stop_token stop() const = 0;
};
using ResponderPtr = std::shared_ptr<Responder>;
using RequestHandler = std::function<void(const Request&, ResponderPtr)>;

struct RouteOptions {
  bool blocking = false;  // may take long or wait
};

// Matches method and path. Patterns: "/a/b", "/a/{name}/b" (one segment), "/assets/{path...}" (the rest).
// Where several match, a literal segment beats a name and a name beats the rest. HEAD falls back to GET.
// 404 names the path, 405 carries Allow. Build it before serving; it is immutable then. A parameter is
// decoded after matching, so it may hold an encoded slash.
class Router {
 public:
  void add(std::string method, std::string pattern, RequestHandler handler, RouteOptions options = {});
  // Runs before every handler and before the body is decoded, on the connection's thread, also for paths
  // that do not exist; an answer ends the request there. The one authorisation point.
  using Filter = std::function<std::optional<Response>(Request&)>;
  void set_filter(Filter filter) { filter_ = std::move(filter); }
  // What was added: for tests of the OpenAPI document against the handlers.
  std::vector<std::pair<std::string, std::string>> routes() const;  // method, pattern

  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;  // "{name}" and "{name...}" as written
    RequestHandler handler;
    RouteOptions options;
  };
  // The route for a request, its path_params filled; or null and the refusal (404 or 405).
  const Route* match(Request& request, Response& refusal) const;
  const Filter& filter() const { return filter_; }

 private:
  std::vector<Route> routes_;
  std::unordered_map<std::string, std::vector<std::size_t>> literal_;  // path to indices of routes_
  std::vector<std::size_t> patterns_;  // indices of routes with parameters, most specific first
  Filter filter_;
};

struct ServerLimits {
  std::size_t header_size_max = 32 * 1024;        // bytes of request line and fields together
  std::size_t body_size_max = 64 * 1024 * 1024;   // bytes, after decoding too
  std::size_t connection_count_max = 4096;
  std::size_t pipeline_count_max = 16;            // requests read ahead on one connection
  Duration header_timeout = 10s;                  // from the first byte to the end of the fields
  Duration body_timeout = 60s;
  Duration idle_timeout = 120s;
  Duration write_timeout = 60s;                   // without progress
  std::size_t compress_size_min = 1024;
};

struct ServerStats {
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;  // open now
  std::uint64_t refused = 0;      // by a limit
  std::map<int, std::uint64_t> by_status;
};

// How long requests took, from the last byte read to the answer handed to the connection.
struct LatencyHistogram {
  struct Bucket {
    double bound;         // seconds, inclusive; the last is +Inf
    std::uint64_t count;  // cumulative
  };
  std::vector<Bucket> buckets;
  double sum = 0;  // seconds
  std::uint64_t count = 0;
};

class ServerCore;

class Server {
 public:
  // The router must outlive the server.
  Server(Env& env, const Router& router, ServerLimits limits = {});
  // Closes everything at once and waits for handlers that are running; not to be called from one.
  ~Server();
  Result<Endpoint> listen(const Endpoint& at);  // the endpoint with the real port
  // Stops accepting, lets running requests finish up to the deadline, closes event streams, then calls
  // back on the control strand.
  void shutdown(Duration deadline, std::function<void()> done);
  ServerStats stats() const;
  LatencyHistogram latency() const;  // for /metrics

 private:
  std::shared_ptr<ServerCore> core_;
};

struct Url {
  std::string scheme{};  // http, https or http+unix
  std::string host{};    // without brackets; the socket's path for http+unix
  std::uint16_t port = 0;
  std::string target{};  // path?query, at least "/"
  std::string userinfo{};
};
Result<Url> parse_url(std::string_view text);
// Everything but RFC 3986's unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);
// Broken escapes are kInvalid. `plus_is_space` for queries and forms.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// "a=1&b=2"; broken escapes are kept as they are.
Params parse_query(std::string_view query);
std::string encode_query(const Params& params);

struct TlsOptions {
  bool verify = true;
  std::string ca_file{};      // empty: the system's
  std::string server_name{};  // empty: the URL's host
  Duration timeout = 10s;   // of the handshake; the client sets it to what is left of its own
  // PEM texts instead of files, and what the client shows of itself. Files are read anew when they change.
  std::string ca_text{};
  std::string cert_file{}, cert_text{};
  std::string key_file{}, key_text{};
  std::string min_version{}, max_version{};  // "TLS10" to "TLS13"; empty: from TLS12 on
};

// The proxy a request goes through: plain requests in absolute form, https by CONNECT.
struct ProxyOptions {
  std::string url{};          // http:// or https://, user and password inside; empty: none
  Headers connect_headers{};  // more fields for CONNECT
};

struct ClientResponse;

struct ClientRequest {
  std::string method = "GET";
  std::string url{};            // http://, https://, or http+unix://<percent-encoded path>/target
  Headers headers{};
  std::string body{};
  Duration timeout = 10s;     // for everything, connect included
  std::size_t response_size_max = 64 * 1024 * 1024;
  bool follow_redirects = false;  // at most 5, GET and HEAD only
  TlsOptions tls{};
  ProxyOptions proxy{};
  // For answers that do not end by themselves: gets the bytes of a 2xx body as they arrive, on the
  // connection's thread; they are not gathered then, nor decoded. response_size_max and timeout still
  // hold for the whole.
  std::function<void(const ClientResponse& head, std::string_view bytes)> on_body{};
  Duration idle_time = 30s;  // the connection rests this long for the next request
};

// Timings for probes; each since the start of the request.
struct ClientTimings {
  Duration resolved{}, connected{}, tls_done{}, first_byte{}, total{};
  std::optional<WallTime> certificate_expires{};  // https only
};

struct ClientResponse {
  int status = 0;
  Headers headers{};
  std::string body{};
  ClientTimings timings;
};

class ClientCore;

// Keeps idle connections for reuse (per host, at most 8, for the request's idle_time). A request on a reused connection that
// dies before the first byte is retried once on a fresh one when its method is idempotent.
class Client {
 public:
  using Handler = std::function<void(Result<ClientResponse>)>;

  explicit Client(Env& env);
  ~Client();  // pending handlers are dropped, running ones (but the caller's own) waited for
  // The handler runs on the connection's thread, never from within send(). A stopped token cancels with
  // kCanceled. A request that never reached a connection may end on the pool instead. Accept-Encoding is
  // added and the body decoded unless the request names its own. Without redirects a 3xx is an answer.
  void send(ClientRequest request, Handler handler, std::stop_token stop = {});

 private:
  std::shared_ptr<ClientCore> core_;
};

}  // namespace holdfast::net
