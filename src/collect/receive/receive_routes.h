// collect/receive/receive_routes.h: everything that is sent to us over HTTP, gRPC and Graphite's TCP.
//
// Purpose     Receivers owns what the protocols keep between requests and adds their handlers:
//
//   POST /api/v1/write                         remote write 2.0 and 1.0
//   POST /v1/metrics, /otlp/v1/metrics,        OTLP, protobuf or JSON
//        /api/v1/otlp/v1/metrics
//   gRPC MetricsService/Export                 OTLP on a listener of its own, as is POST /v1/metrics
//   POST /write, /api/v2/write; /ping, /query  InfluxDB line protocol
//   /metrics/job/..., /pushgateway/api/v1/...  Pushgateway
//   /api/v1/import, /api/v1/export, ...        JSON lines, Prometheus text, CSV
//   TCP                                        Graphite plaintext
//
// Answers     2xx only after Store::append acknowledged. 400 names the place and the series of what was
//             refused, while the rest stands. 503 with Retry-After on a full disk, 413 over a size
//             limit, 415 for an encoding we do not know.
// Threads     open(), start() and destruction from the owner; add_routes() before the server serves.
//             Handlers run on the pool. Destroy it after the server and before the store.
// Errors      start() when a listener cannot be had; open() when kept push groups cannot be read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/metric_sink.h"
#include "metrics/store.h"
#include "net/http.h"

namespace holdfast::collect {

// How OTLP names become ours; the words are Prometheus' `translation_strategy`.
enum class NameTranslation {
  kUnderscoreEscapingWithSuffixes,
  kUnderscoreEscapingWithoutSuffixes,
  kNoUtf8EscapingWithSuffixes,
  kNoTranslation,
};
// By the word; nullopt for another.
std::optional<NameTranslation> name_translation(std::string_view word);

struct OtlpOptions {
  std::string listen = "127.0.0.1:4317";  // of gRPC; empty: none
  bool listen_required = false;  // false: a port that is taken is told in the log, and no more
  std::string http_listen = "127.0.0.1:4318";  // of /v1/metrics alone; empty: none
  bool http_listen_required = false;
  NameTranslation translation = NameTranslation::kUnderscoreEscapingWithSuffixes;
  std::vector<std::string> promote_resource_attributes;
  bool promote_all_resource_attributes = false;
  bool promote_scope_metadata = false;  // otel_scope_name, _version, _schema_url, attributes
  bool keep_identifying_resource_attributes = false;  // in target_info
  bool explicit_to_custom_buckets = false;  // explicit histograms as native ones of custom buckets
  std::size_t delta_series_max = 100'000;   // whose sums are kept; more are refused
  Duration delta_expiry = 5min;             // of one that is no longer sent
};

struct GraphiteOptions {
  std::string listen;                     // "host:port"; empty: none
  std::vector<std::string> templates;     // "[filter] template [tag=value,...]", as Telegraf's
  std::string separator = ".";            // joins the parts a template gives to the name
  std::size_t line_size_max = 64 * 1024;  // bytes
  std::size_t connection_count_max = 1000;
};

struct PushOptions {
  std::string file;         // groups are kept here over a restart; empty: in memory only
  Duration interval = 15s;  // how often they are written into the store
  std::size_t group_count_max = 10'000;
  bool consistency_check = true;  // a push that contradicts what is there is refused
};

struct ReceiveOptions {
  OtlpOptions otlp;
  GraphiteOptions graphite;
  PushOptions push;
  std::size_t body_size_max = 64 * 1024 * 1024;  // bytes, after decompression
  // PromQL's selectors, for /api/v1/export; the language lives in a room beside this one.
  std::function<Result<std::vector<model::Matcher>>(const std::string&)> parse_selector;
};

class Receivers {
 public:
  static Result<std::unique_ptr<Receivers>> open(Env& env, ReceiveOptions options,
                                                 metrics::Store& store);
  virtual ~Receivers() = default;
  virtual void add_routes(net::Router& router) = 0;
  // Opens the listeners the options name. `filter` is the authorisation of gRPC calls, as Router's.
  virtual Result<void> start(net::Router::Filter filter) = 0;
  virtual void stop() = 0;  // closes the listeners
  // holdfast_receive_*: what came, what was refused and why.
  virtual void write_metrics(MetricSink& sink) const = 0;
  // Where they listen, with the real ports.
  virtual std::optional<Endpoint> otlp_endpoint() const = 0;  // of gRPC
  virtual std::optional<Endpoint> otlp_http_endpoint() const = 0;
  virtual std::optional<Endpoint> graphite_endpoint() const = 0;
};

// open() and add_routes() in one.
Result<std::unique_ptr<Receivers>> add_receive_routes(net::Router& router, Env& env,
                                                      ReceiveOptions options,
                                                      metrics::Store& store);

}  // namespace holdfast::collect
