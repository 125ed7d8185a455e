// How fast an exposition is read, and what a steady scrape of 1,000 series costs from the request to the
// store's door, over the simulated network. The checksum of values guards against reading nothing.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "base/sim.h"
#include "collect/scrape/scraper.h"
#include "collect/scrape/text_parser.h"
#include "metrics/store.h"
#include "net/http.h"
#include "net/transport.h"

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

// ---- real sockets, the real store ----

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Machine {
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor{2};
  net::AsioTransport transport{1};
  Env env{clock, random, files, transport, executor};
};

// The targets live in a process of their own, so that only the scraper's CPU is counted.
class TargetProcess {
 public:
  explicit TargetProcess(int series) {
    int ends[2];
    if (::pipe(ends) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) serve(series, ends[1]);
    ::close(ends[1]);
    if (::read(ends[0], &port_, sizeof port_) != sizeof port_) port_ = 0;
    ::close(ends[0]);
  }
  ~TargetProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::uint16_t port() const { return port_; }

 private:
  [[noreturn]] static void serve(int series, int out) {
    Machine machine;
    const auto body = exposition(series, 0);
    net::Router router;
    router.add("GET", "/metrics", [&](const net::Request&, net::ResponderPtr r) { r->send(net::Response::text(200, body)); });
    net::Server server(machine.env, router);
    const auto at = server.listen({"0.0.0.0", 0, ""});
    const std::uint16_t port = at ? at->port : 0;
    if (::write(out, &port, sizeof port) != sizeof port) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

// Each target is another address of loopback, so each has a connection of its own, as in production. The
// share of a core is what one target's CPU per scrape makes of 1,000 targets each 15 s.
void scrape_loopback(benchmark::State& state) {
  const auto targets = static_cast<int>(state.range(0));
  constexpr int kSeries = 1000;
  const Duration interval = targets >= 1000 ? Duration(15s) : Duration(500ms);
  TargetProcess process(kSeries);
  if (process.port() == 0) return state.SkipWithError("no target process");
  Machine machine;
  const auto folder = std::filesystem::temp_directory_path() / ("holdfast-bench-" + std::to_string(::getpid()));
  metrics::StoreOptions options;
  options.directory = folder.string();
  auto store = metrics::Store::open(machine.env, options);
  if (!store) return state.SkipWithError(store.error().message().c_str());
  {
    collect::Scraper scraper(machine.env, **store);
    std::vector<model::Target> list;
    for (int i = 0; i < targets; ++i) {
      model::Target target;
      target.job = "bench";
      target.address = "127." + std::to_string(1 + i / 62500) + "." + std::to_string(i / 250 % 250) + "." +
                       std::to_string(1 + i % 250) + ":" + std::to_string(process.port());
      target.interval = target.timeout = interval;
      list.push_back(std::move(target));
    }
    scraper.set_targets(std::move(list));
    std::this_thread::sleep_for(2 * interval);  // the caches fill; real time is what is measured here
    for (auto _ : state) {
      const auto scrapes_before = (*store)->stats().samples_appended;
      const auto cpu_before = cpu_seconds();
      std::this_thread::sleep_for(interval);
      const double cpu = cpu_seconds() - cpu_before;
      const auto samples = static_cast<double>((*store)->stats().samples_appended - scrapes_before);
      state.SetIterationTime(cpu);
      state.counters["samples"] = samples;
      state.counters["cpu_us_per_scrape"] = cpu * 1e6 / std::max(samples / kSeries, 1.0);
      state.counters["cpu_ns_per_sample"] = cpu * 1e9 / std::max(samples, 1.0);
      state.counters["core_of_1000_targets_at_15s"] = cpu / std::max(samples, 1.0) * 1000 * kSeries / 15;
    }
  }
  store->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(scrape_loopback)->ArgName("targets")->Arg(20)->Iterations(1)->UseManualTime();

}  // namespace

int main(int argc, char** argv) {
  // HOLDFAST_BENCH_TARGETS=1000 takes 45 s and about 2 GB; peers are measured beside it with the same targets.
  if (const char* wanted = std::getenv("HOLDFAST_BENCH_TARGETS")) {
    benchmark::RegisterBenchmark("scrape_loopback_full", scrape_loopback)
        ->ArgName("targets")
        ->Arg(std::atoi(wanted))
        ->Iterations(1)
        ->UseManualTime();
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
