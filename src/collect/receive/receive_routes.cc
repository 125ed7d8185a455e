#include "collect/receive/receive_routes.h"

#include "base/text.h"
#include "collect/receive/handlers.h"

namespace holdfast::collect {
namespace {

constexpr std::string_view kWriteV1 = "prometheus.WriteRequest";
constexpr std::string_view kWriteV2 = "io.prometheus.write.v2.Request";

class AllReceivers final : public Receivers {
 public:
  AllReceivers(Env& env, ReceiveOptions options, metrics::Store& store)
      : options_(std::move(options)), intake_{env, options_, store} {}

  void add_routes(net::Router& router) override { add_remote_write(router); }
  Result<void> start(net::Router::Filter) override { return {}; }
  void stop() override {}
  std::optional<Endpoint> otlp_endpoint() const override { return std::nullopt; }
  std::optional<Endpoint> graphite_endpoint() const override { return std::nullopt; }
  void write_metrics(MetricSink& sink) const override;

 private:
  using Answer = net::Response (*)(Intake&, const net::Request&);

  void add(net::Router& router, const char* method, const char* path, Answer answer) {
    router.add(method, path,
               [this, answer](const net::Request& request, net::ResponderPtr to) {
                 to->send(answer(intake_, request));
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
    if (known && proto == kWriteV1 && options_.remote_write_v1)
      return options_.remote_write_v1(request, std::move(to));
    to->send(unsupported("Content-Type", type,
                         "application/x-protobuf, with proto=" + std::string(kWriteV2) +
                             (options_.remote_write_v1 ? " or " + std::string(kWriteV1) : "")));
  }

  static net::Response unsupported(std::string_view field, std::string_view got,
                                   std::string_view allowed) {
    return refuse({Code::kUnsupported, std::string(field) + " is '" + printable(got) +
                                           "'; allowed: " + std::string(allowed)});
  }

  const ReceiveOptions options_;
  Intake intake_;
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
  return std::unique_ptr<Receivers>(std::make_unique<AllReceivers>(env, std::move(options), store));
}

Result<std::unique_ptr<Receivers>> add_receive_routes(net::Router& router, Env& env,
                                                      ReceiveOptions options,
                                                      metrics::Store& store) {
  auto receivers = HF_TRY(Receivers::open(env, std::move(options), store));
  receivers->add_routes(router);
  return receivers;
}

}  // namespace holdfast::collect
