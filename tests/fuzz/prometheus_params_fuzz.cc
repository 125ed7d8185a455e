// Any bytes as the parameters of each endpoint of Prometheus' API: an answer of UTF-8 comes back, and never a 500. The
// first byte picks the endpoint, the second whether the rest is its query or its form.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "app/api/prometheus_api.h"
#include "base/sim.h"
#include "base/text.h"

namespace {

using namespace holdfast;

class Answer final : public net::Responder {
 public:
  void send(net::Response response) override { got = std::move(response); }
  std::shared_ptr<net::EventStream> start_events() override { return nullptr; }
  std::stop_token stop() const override { return {}; }
  std::optional<net::Response> got;
};

struct Host {
  Host() {
    metrics::StoreOptions options;
    options.directory = "/data";
    auto opened = metrics::Store::open(env, options);
    if (!opened) std::abort();
    store = std::move(*opened);
    engine = std::make_unique<query::promql::Engine>(*store, clock);
    const model::Labels labels{{"__name__", "up"}, {"job", "a"}};
    metrics::SampleIn sample;
    sample.labels = &labels;
    sample.sample = {to_ms(clock.now()), 1, nullptr};
    if (!store->append({&sample, 1})) std::abort();
    app::add_prometheus_routes(router, env,
                               {*store, *engine, [] { return std::vector<detect::GroupStatus>{}; },
                                [] { return std::vector<model::Alert>{}; },
                                [] { return std::vector<collect::TargetStatus>{}; }});
  }
  ~Host() {
    store.reset();
    executor.clear();
  }
  void call(const std::string& path, bool form, const std::string& rest) {
    net::Request request;
    request.method = form ? "POST" : "GET";
    request.path = request.target = path;
    if (form) {
      request.headers.set("Content-Type", "application/x-www-form-urlencoded");
      request.body = rest;
    } else {
      request.query = net::parse_query(rest);
    }
    net::Response refusal;
    const auto* route = router.match(request, refusal);
    if (route == nullptr) return;
    auto answer = std::make_shared<Answer>();
    route->handler(request, answer);
    executor.run_until([&] { return answer->got.has_value(); }, 200s);
    if (!answer->got || answer->got->status == 500 || !is_valid_utf8(answer->got->body))
      std::abort();
  }

  SeededRandom random{1};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  std::unique_ptr<metrics::Store> store;
  std::unique_ptr<query::promql::Engine> engine;
  net::Router router;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kPaths[] = {"/api/v1/query",
                                    "/api/v1/query_range",
                                    "/api/v1/query_exemplars",
                                    "/api/v1/series",
                                    "/api/v1/labels",
                                    "/api/v1/label/job/values",
                                    "/api/v1/metadata",
                                    "/api/v1/targets",
                                    "/api/v1/targets/metadata",
                                    "/api/v1/rules",
                                    "/api/v1/status/tsdb",
                                    "/api/v1/format_query",
                                    "/api/v1/parse_query",
                                    "/federate"};
  if (size < 2 || size > 4096) return 0;
  static Host host;  // opened once: thousands of calls a second go through it
  host.call(kPaths[data[0] % std::size(kPaths)], (data[1] & 1) != 0,
            std::string(reinterpret_cast<const char*>(data + 2), size - 2));
  return 0;
}
