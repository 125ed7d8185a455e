// How fast an exposition is read, and what a steady scrape of 1,000 series costs from the request to the
// store's door, over the simulated network. The checksum of values guards against reading nothing.
#include <benchmark/benchmark.h>

#include <string>

#include "base/sim.h"
#include "collect/scrape/scraper.h"
#include "collect/scrape/text_parser.h"
#include "net/http.h"

namespace {

using namespace holdfast;
using collect::TextParser;

// The shape of a web service: few families, labels in the same order, values that change.
std::string exposition(int series, int round) {
  std::string out;
  SeededRandom random(17);
  for (int i = 0; i < series; ++i) {
    if (i % 100 == 0) {
      const auto name = "http_requests_" + std::to_string(i / 100) + "_total";
      out += "# HELP " + name + " Requests answered.\n# TYPE " + name + " counter\n";
    }
    out += "http_requests_" + std::to_string(i / 100) + "_total{method=\"GET\",path=\"/api/v1/item/" +
           std::to_string(i % 100) + "\",status=\"200\",version=\"5.0\"} " +
           std::to_string(random.below(1'000'000) + static_cast<std::uint64_t>(round)) + "\n";
  }
  return out;
}

void parse(benchmark::State& state) {
  const bool guess = state.range(0) != 0;
  const auto body = exposition(1000, 0);
  std::vector<std::string> order;
  for (TextParser parser(body, collect::Dialect::kPrometheus);;) {
    const auto entry = parser.next();
    if (*entry == TextParser::Entry::kEnd) break;
    if (*entry == TextParser::Entry::kSample) order.emplace_back(parser.series());
  }
  double checksum = 0;
  for (auto _ : state) {
    TextParser parser(body, collect::Dialect::kPrometheus);
    std::size_t at = 0;
    checksum = 0;
    for (;;) {
      const auto entry = parser.next(guess && at < order.size() ? std::string_view(order[at]) : std::string_view());
      if (*entry == TextParser::Entry::kEnd) break;
      if (*entry != TextParser::Entry::kSample) continue;
      ++at;
      checksum += parser.value();
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * order.size()));
  state.counters["checksum"] = checksum;
}
BENCHMARK(parse)->ArgName("guess")->Arg(0)->Arg(1);

void parse_with_labels(benchmark::State& state) {
  const auto body = exposition(1000, 0);
  std::size_t labels = 0;
  for (auto _ : state) {
    labels = 0;
    std::vector<model::Label> out;
    for (TextParser parser(body, collect::Dialect::kPrometheus);;) {
      const auto entry = parser.next();
      if (*entry == TextParser::Entry::kEnd) break;
      if (*entry != TextParser::Entry::kSample) continue;
      out.clear();
      if (!parser.labels(out)) state.SkipWithError("bad labels");
      labels += out.size();
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 1000));
  state.counters["checksum"] = static_cast<double>(labels);
}
BENCHMARK(parse_with_labels);

// Takes everything and keeps a sum.
class SumStore final : public metrics::Store {
 public:
  Result<metrics::AppendResult> append(std::span<const metrics::SampleIn> batch, bool want_refs) override {
    metrics::AppendResult result;
    result.appended = batch.size();
    for (const auto& in : batch) {
      sum += in.sample.value;
      if (want_refs) result.refs.push_back(in.ref == metrics::SeriesRef::kNone ? metrics::SeriesRef{++last_} : in.ref);
    }
    samples += batch.size();
    return result;
  }
  void set_metadata(const std::string&, const metrics::Metadata&) override {}
  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest&) const override { return internal(""); }
  using Sets = std::vector<std::vector<model::Matcher>>;
  using Time = model::Timestamp;
  Result<std::vector<model::Labels>> series(const Sets&, Time, Time, std::size_t) const override { return internal(""); }
  Result<std::vector<std::string>> label_names(const Sets&, Time, Time) const override { return internal(""); }
  Result<std::vector<std::string>> label_values(const std::string&, const Sets&, Time, Time) const override {
    return internal("");
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&, std::size_t) const override {
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<void> flush() override { return {}; }
  Result<void> maintain(model::Timestamp) override { return {}; }
  metrics::StoreStats stats() const override { return {}; }
  std::vector<std::string> problems() const override { return {}; }
  double sum = 0;
  std::uint64_t samples = 0;

 private:
  std::uint64_t last_ = 0;
};

void scrape_1000_series(benchmark::State& state) {
  SimClock clock;
  SimExecutor executor(clock);
  SeededRandom random(7);
  SimFileSystem files(random);
  SimNetwork network(executor, random);
  Env env{clock, random, files, network.host("holdfast"), executor};
  Env target_env{clock, random, files, network.host("target"), executor};
  const auto body = exposition(1000, 0);
  net::Router router;
  router.add("GET", "/metrics", [&](const net::Request&, net::ResponderPtr r) { r->send(net::Response::text(200, body)); });
  net::Server server(target_env, router);
  if (!server.listen({"target", 9100, ""})) return state.SkipWithError("cannot listen");
  SumStore store;
  collect::Scraper scraper(env, store);
  model::Target target;
  target.job = "bench";
  target.address = "target:9100";
  target.interval = 1s;
  target.timeout = 1s;
  scraper.set_targets({target});
  executor.run_for(2500ms);
  for (auto _ : state) executor.run_for(1s);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 1000));
  state.counters["stored"] = static_cast<double>(store.samples);
}
BENCHMARK(scrape_1000_series)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
