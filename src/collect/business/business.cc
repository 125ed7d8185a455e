#include "collect/business/business.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>

#include "base/log.h"
#include "base/text.h"
#include "collect/business/log_follow.h"
#include "collect/business/statsd.h"
#include "collect/source_loop.h"
#include "net/udp.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr std::size_t kEventsMax = 10'000;
constexpr std::size_t kErrorsShown = 100;
constexpr Duration kLookEvery = 500ms;

Result<BusinessEvent> read_event(const json& object) {
  if (!object.is_object()) return invalid("an event must be an object with 'metric'");
  BusinessEvent event;
  for (const auto& [name, value] : object.items()) {
    const bool text = value.is_string();
    if (name == "metric" && text)
      event.metric = value.get<std::string>();
    else if (name == "value" && value.is_number())
      event.value = value.get<double>();
    else if (name == "id" && (text || value.is_number_integer()))
      event.id = text ? value.get<std::string>() : value.dump();
    else if (name == "operation" && text && (value == "add" || value == "set"))
      event.operation =
          value == "add" ? BusinessEvent::Operation::kAdd : BusinessEvent::Operation::kSet;
    else if (name == "labels" && value.is_object()) {
      for (const auto& [label, given] : value.items()) {
        if (!given.is_string() && !given.is_number())
          return invalid("label '" + printable(label) + "' must be a text");
        event.labels.push_back(
            {label, given.is_string() ? given.get<std::string>() : given.dump()});
      }
    } else {
      return invalid(
          "member '" + printable(name) +
          "' cannot be read; allowed: metric (text), value (number), labels (object of texts), "
          "id (text), operation (add or set)");
    }
  }
  if (event.metric.empty()) return invalid("'metric' is missing");
  return event;
}

}  // namespace

struct BusinessMetrics::Impl {
  Impl(Env& e, metrics::Store& s, BusinessOptions o)
      : env(e),
        store(s),
        options(std::move(o)),
        registry(e.clock, options.metrics),
        spans(std::make_shared<SpanMapper>(options.spans)) {
    router.add("GET", "/metrics", [this](const net::Request&, const net::ResponderPtr& responder) {
      TextExposition text;
      registry.write(text);
      auto response = net::Response::text(200, text.take());
      response.headers.set("content-type", std::string(kExpositionType));
      responder->send(std::move(response));
    });
  }

  Env& env;
  metrics::Store& store;
  BusinessOptions options;
  BusinessRegistry registry;

  mutable std::shared_mutex mutex;
  std::shared_ptr<const SpanMapper> spans;        // under mutex
  std::shared_ptr<const StatsdOptions> mappings;  // under mutex

  std::unique_ptr<net::UdpReceiver> statsd;
  std::string statsd_listen;
  net::Router router;  // of the own port; outlives the server
  std::unique_ptr<net::Server> server;
  Endpoint server_local;
  std::string server_listen;
  std::vector<std::unique_ptr<LogFollower>> followers;
  std::unique_ptr<Ticker> looker;    // uses followers
  std::unique_ptr<SourceLoop> loop;  // uses registry

  Result<void> open_statsd();
  Result<void> open_server();
  void follow_logs();
  void take_datagram(std::string_view datagram);
};

void BusinessMetrics::Impl::take_datagram(std::string_view datagram) {
  std::shared_ptr<const StatsdOptions> how;
  {
    const std::shared_lock lock(mutex);
    how = mappings;
  }
  for (const auto line : split(datagram, '\n')) {
    if (trim(line).empty()) continue;
    auto events = parse_statsd_line(trim(line), *how);
    if (!events) {
      registry.count_refused(BusinessFeed::kStatsd, events.error().message());
      continue;
    }
    for (const auto& event : *events)
      (void)registry.observe(BusinessFeed::kStatsd, event);  // counted there
  }
}

Result<void> BusinessMetrics::Impl::open_statsd() {
  if (options.statsd.listen == statsd_listen) return {};
  statsd.reset();
  statsd_listen.clear();
  if (options.statsd.listen.empty()) return {};
  const auto endpoint = HF_TRY(parse_endpoint(options.statsd.listen));
  statsd = HF_TRY(net::UdpReceiver::open(endpoint, [this](std::string_view datagram) {
                    take_datagram(datagram);
                  }).context("statsd"));
  statsd_listen = options.statsd.listen;
  return {};
}

Result<void> BusinessMetrics::Impl::open_server() {
  if (options.listen == server_listen) return {};
  server.reset();
  server_listen.clear();
  if (options.listen.empty()) return {};
  const auto endpoint = HF_TRY(parse_endpoint(options.listen));
  server = std::make_unique<net::Server>(env, router);
  auto local = server->listen(endpoint);
  if (!local) {
    server.reset();
    return std::move(local).error().context("business metrics");
  }
  server_local = *local;
  server_listen = options.listen;
  return {};
}

void BusinessMetrics::Impl::follow_logs() {
  looker.reset();
  followers.clear();
  for (const auto& log : options.logs)
    followers.push_back(std::make_unique<LogFollower>(env.files, registry, log));
  if (followers.empty()) return;
  looker = std::make_unique<Ticker>(env, kLookEvery, 0, [this](WallTime) {
    for (const auto& follower : followers) follower->look();
  });
}

BusinessMetrics::BusinessMetrics(Env& env, metrics::Store& store, BusinessOptions options)
    : impl_(std::make_unique<Impl>(env, store, std::move(options))) {}

BusinessMetrics::~BusinessMetrics() {
  impl_->statsd.reset();
  impl_->server.reset();
  impl_->looker.reset();
  impl_->loop.reset();
}

Result<void> BusinessMetrics::start() { return set_options(impl_->options); }

Result<void> BusinessMetrics::set_options(BusinessOptions options) {
  auto& impl = *impl_;
  const bool new_interval = impl.loop == nullptr || options.interval != impl.options.interval;
  impl.options = std::move(options);
  impl.registry.set_metrics(impl.options.metrics);
  {
    const std::unique_lock lock(impl.mutex);
    impl.spans = std::make_shared<const SpanMapper>(impl.options.spans);
    impl.mappings = std::make_shared<const StatsdOptions>(impl.options.statsd);
  }
  impl.follow_logs();
  if (new_interval) {
    impl.loop.reset();
    impl.loop =
        std::make_unique<SourceLoop>(impl.env, impl.store, impl.options.interval,
                                     model::Labels{{"job", "business"}, {"instance", "holdfast"}},
                                     [this](MetricSink& sink) { impl_->registry.write(sink); });
  }
  HF_TRY(impl.open_statsd());
  return impl.open_server();
}

void BusinessMetrics::add_routes(net::Router& router) {
  router.add("POST", kBusinessEventsPath,
             [this](const net::Request& request, const net::ResponderPtr& responder) {
               responder->send(handle_events(request.body));
             },
             {true});
}

net::Response BusinessMetrics::handle_events(std::string_view body) {
  const auto refuse = [](int status, const std::string& message) {
    return net::Response::json(status, json{{"error", {{"message", message}}}}.dump());
  };
  const auto root = json::parse(body, nullptr, false);
  if (root.is_discarded()) return refuse(400, "the body is no JSON");
  const auto& events = root.is_object() && root.contains("events") ? root["events"] : root;
  if (events.is_array() && events.size() > kEventsMax)
    return refuse(413, "more than " + std::to_string(kEventsMax) + " events in one body");
  std::size_t accepted = 0, index = 0;
  json errors = json::array();
  std::size_t refused = 0;
  const auto take = [&](const json& one) {
    auto event = read_event(one);
    auto done =
        event ? impl_->registry.observe(BusinessFeed::kHttp, *event) : Result<void>(event.error());
    if (!event) impl_->registry.count_refused(BusinessFeed::kHttp, event.error().message());
    if (done)
      ++accepted;
    else if (++refused <= kErrorsShown)
      errors.push_back({{"index", index}, {"message", done.error().message()}});
    ++index;
  };
  if (events.is_array()) {
    for (const auto& one : events) take(one);
  } else {
    take(events);
  }
  json answer{{"accepted", accepted}, {"refused", refused}};
  if (refused > 0) answer["errors"] = std::move(errors);
  return net::Response::json(refused == 0 ? 200 : 400,
                             answer.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::size_t BusinessMetrics::observe_span(const SpanFacts& span) {
  std::shared_ptr<const SpanMapper> mapper;
  {
    const std::shared_lock lock(impl_->mutex);
    mapper = impl_->spans;
  }
  return mapper->observe(impl_->registry, span);
}

void BusinessMetrics::write_metrics(MetricSink& sink) { impl_->registry.write(sink); }
BusinessRegistry& BusinessMetrics::registry() { return impl_->registry; }

std::optional<Endpoint> BusinessMetrics::statsd_endpoint() const {
  if (impl_->statsd == nullptr) return std::nullopt;
  return impl_->statsd->local();
}

std::optional<Endpoint> BusinessMetrics::metrics_endpoint() const {
  if (impl_->server == nullptr) return std::nullopt;
  return impl_->server_local;
}

}  // namespace holdfast::collect
