#include "collect/receive/receive_routes.h"

#include "base/log.h"
#include "base/text.h"
#include "collect/receive/graphite.h"
#include "collect/receive/handlers.h"
#include "collect/receive/otlp_handlers.h"
#include "collect/receive/push_handlers.h"
#include "net/grpc.h"

namespace holdfast::collect {
namespace {

constexpr std::string_view kWriteV1 = "prometheus.WriteRequest";
constexpr std::string_view kWriteV2 = "io.prometheus.write.v2.Request";

class AllReceivers final : public Receivers {
 public:
  AllReceivers(Env& env, ReceiveOptions options, metrics::Store& store)
      : options_(std::move(options)), intake_{env, options_, store} {}

  Result<void> open() { return push_.open(); }

  void add_routes(net::Router& router) override {
    add_remote_write(router);
    add_influx(router);
    add_push(router);
    add_import(router);
    for (const char* path : {"/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"}) {
      add(router, "POST", path,
          Answer([this](const net::Request& request) { return otlp_.answer(request); }));
    }
  }
  Result<void> start(net::Router::Filter filter) override {
    if (!options_.otlp.http_listen.empty()) HF_TRY(start_otlp_http(filter));
    if (!options_.otlp.listen.empty()) HF_TRY(start_grpc(std::move(filter)));
    if (!options_.graphite.listen.empty()) graphite_ = HF_TRY(GraphiteServer::open(intake_));
    return {};
  }
  void stop() override {
    grpc_.reset();
    otlp_http_.reset();
    graphite_.reset();
    grpc_at_.reset();
    otlp_http_at_.reset();
  }
  std::optional<Endpoint> otlp_endpoint() const override { return grpc_at_; }
  std::optional<Endpoint> otlp_http_endpoint() const override { return otlp_http_at_; }
  std::optional<Endpoint> graphite_endpoint() const override {
    return graphite_ ? std::optional(graphite_->local()) : std::nullopt;
  }
  void write_metrics(MetricSink& sink) const override;

 private:
  Result<void> start_grpc(net::Router::Filter filter) {
    const auto& listen = options_.otlp.listen;
    net::GrpcLimits limits;
    limits.message_size_max = options_.body_size_max;
    auto server = std::make_unique<net::GrpcServer>(intake_.env, limits);
    server->add("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                [this](const net::GrpcCall& call) { return otlp_.export_metrics(call.message); });
    if (filter) server->set_filter(std::move(filter));
    const auto at = HF_TRY(parse_endpoint(listen).context("otlp listen"));
    auto local = server->listen(at).context("otlp: listen on " + listen);
    if (!local && !options_.otlp.listen_required) {
      log_warn("no OTLP over gRPC", {{"error", local.error().message()}});
      return {};
    }
    grpc_at_ = HF_TRY(std::move(local));
    grpc_ = std::move(server);
    return {};
  }

  // Where OpenTelemetry's senders look for it when nobody tells them.
  Result<void> start_otlp_http(net::Router::Filter filter) {
    const auto& listen = options_.otlp.http_listen;
    if (filter) otlp_router_.set_filter(std::move(filter));
    add(otlp_router_, "POST", "/v1/metrics",
        Answer([this](const net::Request& request) { return otlp_.answer(request); }));
    net::ServerLimits limits;
    limits.body_size_max = options_.body_size_max;
    auto server = std::make_unique<net::Server>(intake_.env, otlp_router_, limits);
    const auto at = HF_TRY(parse_endpoint(listen).context("otlp http_listen"));
    auto local = server->listen(at).context("otlp: listen on " + listen);
    if (!local && !options_.otlp.http_listen_required) {
      log_warn("no OTLP over HTTP on a port of its own", {{"error", local.error().message()}});
      return {};
    }
    otlp_http_at_ = HF_TRY(std::move(local));
    otlp_http_ = std::move(server);
    return {};
  }

  void add_influx(net::Router& router) {
    add(router, "POST", "/write", answer_influx_write);
    add(router, "POST", "/api/v2/write", answer_influx_write);
    for (const char* path : {"/ping", "/api/v2/ping"}) {
      add(router, "GET", path, answer_influx_ping);  // HEAD too
    }
    add(router, "GET", "/query", answer_influx_query);
    add(router, "POST", "/query", answer_influx_query);
  }

  void add_import(net::Router& router) {
    add(router, "POST", "/api/v1/import", answer_import_json);
    add(router, "POST", "/api/v1/import/prometheus", answer_import_prometheus);
    add(router, "POST", "/api/v1/import/csv", answer_import_csv);
    add(router, "GET", "/api/v1/export", answer_export);
    add(router, "POST", "/api/v1/export", answer_export);
  }

  // At the Pushgateway's own paths and behind /pushgateway, where nothing of ours can clash.
  void add_push(net::Router& router) {
    for (const std::string prefix : {"", "/pushgateway"}) {
      const auto at = [&](const char* path) { return prefix + path; };
      for (const char* path : {"/metrics/job/{group...}", "/metrics/job@base64/{group...}"}) {
        add(router, "PUT", at(path),
            Answer([this](const net::Request& request) { return push_.push(request, true); }));
        add(router, "POST", at(path),
            Answer([this](const net::Request& request) { return push_.push(request, false); }));
        add(router, "DELETE", at(path),
            Answer([this](const net::Request& request) { return push_.remove(request); }));
      }
      add(router, "GET", at("/api/v1/metrics"),
          Answer([this](const net::Request&) { return push_.listing(); }));
    }
    add(router, "GET", "/pushgateway/metrics",
        Answer([this](const net::Request&) { return push_.exposition(); }));
    add(router, "GET", "/pushgateway/api/v1/status",
        Answer([this](const net::Request&) { return push_.status(); }));
    add(router, "PUT", "/pushgateway/api/v1/admin/wipe",
        Answer([this](const net::Request&) { return push_.wipe(); }));
  }

  using Answer = std::function<net::Response(const net::Request&)>;

  using Handle = net::Response (*)(Intake&, const net::Request&);
  void add(net::Router& router, const char* method, std::string path, Handle handle) {
    add(router, method, std::move(path),
        Answer([this, handle](const net::Request& request) { return handle(intake_, request); }));
  }
  static void add(net::Router& router, const char* method, std::string path, Answer answer) {
    router.add(method, std::move(path),
               [answer = std::move(answer)](const net::Request& request, net::ResponderPtr to) {
                 to->send(answer(request));
               },
               {.blocking = true});
  }

  void add_remote_write(net::Router& router) {
    router.add("POST", "/api/v1/write",
               [this](const net::Request& request, net::ResponderPtr to) {
                 remote_write(request, std::move(to));
               },
               {.blocking = true});
  }

  // The version by Content-Type; none named is 1.0, as the specification of 2.0 asks.
  void remote_write(const net::Request& request, net::ResponderPtr to) {
    const auto type = request.headers.get("Content-Type");
    const auto coding = request.headers.get("Content-Encoding");
    auto proto = media_parameter(type, "proto");
    if (proto.empty()) proto = kWriteV1;
    const bool known = type.empty() || media_type(type) == "application/x-protobuf";
    if (!coding.empty() && !equals_ignoring_case(coding, "snappy"))
      return to->send(unsupported("Content-Encoding", coding, "snappy"));
    if (known && proto == kWriteV2) return to->send(answer_remote_write_v2(intake_, request));
    if (known && proto == kWriteV1)
      return to->send(answer_remote_write_v1(intake_, *v1_buffers_, request));
    to->send(unsupported("Content-Type", type,
                         "application/x-protobuf, with proto=" + std::string(kWriteV2) + " or " +
                             std::string(kWriteV1)));
  }

  static net::Response unsupported(std::string_view field, std::string_view got,
                                   std::string_view allowed) {
    return refuse({Code::kUnsupported, std::string(field) + " is '" + printable(got) +
                                           "'; allowed: " + std::string(allowed)});
  }

  const ReceiveOptions options_;
  Intake intake_;
  const std::shared_ptr<RemoteWriteV1Buffers> v1_buffers_ = make_remote_write_v1_buffers();
  OtlpReceiver otlp_{intake_};
  PushReceiver push_{intake_};
  std::optional<Endpoint> grpc_at_, otlp_http_at_;
  net::Router otlp_router_;
  std::unique_ptr<net::GrpcServer> grpc_;  // the listeners stop first
  std::unique_ptr<net::Server> otlp_http_;
  std::unique_ptr<GraphiteServer> graphite_;
};

void AllReceivers::write_metrics(MetricSink& sink) const {
  const auto each = [&](std::string_view name, std::string_view help,
                        std::atomic<std::uint64_t> IntakeCounters::*member) {
    sink.family(name, "counter", help);
    for (std::size_t i = 0; i < kProtocolCount; ++i) {
      const auto value = (intake_.counters[i].*member).load(std::memory_order_relaxed);
      sink.sample(name, static_cast<double>(value),
                  {{"protocol", protocol_name(static_cast<Protocol>(i))}});
    }
  };
  each("holdfast_receive_requests_total", "Requests by the protocol they came in.",
       &IntakeCounters::requests);
  each("holdfast_receive_failed_total", "Requests of which nothing was kept.",
       &IntakeCounters::failed);
  each("holdfast_receive_samples_total", "Samples received and kept.", &IntakeCounters::samples);
  each("holdfast_receive_refused_total", "Samples received and refused one by one.",
       &IntakeCounters::refused);
}

}  // namespace

std::optional<NameTranslation> name_translation(std::string_view word) {
  constexpr std::pair<std::string_view, NameTranslation> kWords[] = {
      {"UnderscoreEscapingWithSuffixes", NameTranslation::kUnderscoreEscapingWithSuffixes},
      {"UnderscoreEscapingWithoutSuffixes", NameTranslation::kUnderscoreEscapingWithoutSuffixes},
      {"NoUTF8EscapingWithSuffixes", NameTranslation::kNoUtf8EscapingWithSuffixes},
      {"NoTranslation", NameTranslation::kNoTranslation}};
  for (const auto& [name, value] : kWords) {
    if (name == word) return value;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Receivers>> Receivers::open(Env& env, ReceiveOptions options,
                                                   metrics::Store& store) {
  auto receivers = std::make_unique<AllReceivers>(env, std::move(options), store);
  HF_TRY(receivers->open());
  return std::unique_ptr<Receivers>(std::move(receivers));
}

Result<std::unique_ptr<Receivers>> add_receive_routes(net::Router& router, Env& env,
                                                      ReceiveOptions options,
                                                      metrics::Store& store) {
  auto receivers = HF_TRY(Receivers::open(env, std::move(options), store));
  receivers->add_routes(router);
  return receivers;
}

}  // namespace holdfast::collect
