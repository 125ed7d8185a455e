// tests/collect/receive_world.h: a simulated Holdfast with a real store that is sent to over HTTP.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "collect/receive/batch.h"
#include "collect/receive/receive_routes.h"
#include "sim_target.h"

namespace holdfast::collect {

inline std::string describe(const model::Histogram& h) {
  std::string out = "{schema " + std::to_string(h.schema) + " count " + format_double(h.count) +
                    " sum " + format_double(h.sum) + " zero " + format_double(h.zero_count);
  const auto side = [&](const char* name, const std::vector<model::BucketSpan>& spans,
                        const std::vector<double>& buckets) {
    if (spans.empty()) return;
    out += std::string(" ") + name;
    for (const auto& span : spans)
      out += " [" + std::to_string(span.offset) + "+" + std::to_string(span.length) + "]";
    for (const double bucket : buckets) out += " " + format_double(bucket);
  };
  side("positive", h.positive_spans, h.positive_buckets);
  side("negative", h.negative_spans, h.negative_buckets);
  if (!h.custom_values.empty()) out += " bounds";
  for (const double bound : h.custom_values) out += " " + format_double(bound);
  return out + "}";
}

inline std::string describe(const model::Sample& sample) {
  if (sample.histogram) return describe(*sample.histogram);
  return model::is_stale(sample.value) ? "stale" : format_double(sample.value);
}

// One line a sample: name{labels} time value. In the order of the batch.
inline std::string describe(const Batch& batch) {
  std::string out;
  for (const auto& entry : batch.samples) {
    out += batch.series[entry.series].text() + " " + std::to_string(entry.sample.t) + " " +
           describe(entry.sample) + "\n";
  }
  for (const auto& entry : batch.exemplars) {
    out += "exemplar " + batch.series[entry.series].text() + " " + entry.exemplar.labels.text() +
           " " + std::to_string(entry.exemplar.t) + " " + format_double(entry.exemplar.value) +
           "\n";
  }
  return out;
}

class ReceiveWorld {
 public:
  explicit ReceiveWorld(ReceiveOptions options = {}) : options_(std::move(options)) { start(); }

  void start() {
    metrics::StoreOptions options;
    options.directory = "data/metrics";
    auto opened = metrics::Store::open(world.env, options);
    HF_CHECK(opened.has_value(), opened ? "" : opened.error().message());
    store = std::move(*opened);
    router = std::make_unique<net::Router>();
    auto made = add_receive_routes(*router, world.env, options_, *store);
    HF_CHECK(made.has_value(), made ? "" : made.error().message());
    receivers = std::move(*made);
    server = std::make_unique<net::Server>(world.env, *router);
    const auto at = server->listen({"holdfast", 8040, ""});
    HF_CHECK(at.has_value(), at ? "" : at.error().message());
    const auto started = receivers->start({});
    HF_CHECK(started.has_value(), started ? "" : started.error().message());
  }
  void stop() {
    server.reset();
    receivers.reset();
    store.reset();
  }
  ~ReceiveWorld() { stop(); }

  struct Answer {
    int status = 0;
    std::string body;
    net::Headers headers;
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Answer call(const std::string& method, const std::string& target, std::string body = {},
              const Fields& fields = {}) {
    net::ClientRequest request;
    request.method = method;
    request.url = "http://holdfast:8040" + target;
    request.body = std::move(body);
    for (const auto& [name, value] : fields) request.headers.set(name, value);
    std::optional<Answer> answer;
    client.send(std::move(request), [&](Result<net::ClientResponse> response) {
      if (!response)
        answer = Answer{-1, response.error().message(), {}};
      else
        answer = Answer{response->status, response->body, response->headers};
    });
    world.executor.run_until([&] { return answer.has_value(); }, 30s);
    HF_CHECK(answer.has_value(), "no answer in 30 s");
    return *answer;
  }

  // What the store holds of a metric: one line a sample.
  std::string stored(const std::string& metric_regex) const {
    metrics::SelectRequest request;
    auto matcher = model::Matcher::make(model::MatchOp::kRegex, "__name__", metric_regex);
    request.matchers.push_back(*matcher);
    const auto columns = store->select(request);
    if (!columns) return columns.error().message();
    std::string out;
    for (const auto& column : *columns) {
      for (std::size_t i = 0; i < column.times.size(); ++i) {
        const auto histogram = column.histograms.empty() ? nullptr : column.histograms[i];
        out += column.labels->text() + " " + std::to_string(column.times[i]) + " " +
               describe(model::Sample{column.times[i], column.values[i], histogram}) + "\n";
      }
    }
    return out;
  }
  model::Timestamp now() const { return to_ms(world.clock.now()); }

  SimWorld world;
  std::unique_ptr<metrics::Store> store;
  std::unique_ptr<net::Router> router;
  std::unique_ptr<Receivers> receivers;
  std::unique_ptr<net::Server> server;
  net::Client client{world.target_env};

 private:
  ReceiveOptions options_;
};

}  // namespace holdfast::collect
