// Commits per second of the journal on a real disk, beside the physical limit: append and fdatasync.
//
// Argument `in flight`: how many commits wait for their answer at once. One is a chain of decisions each
// waiting for the last; more share transactions.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/sim.h"
#include "state/journal.h"

namespace holdfast::state {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "state_bench_XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// An incident's document and its entry, of the size they have after a dozen timeline lines.
Batch a_batch(std::int64_t number) {
  const std::string key = "INC-" + std::to_string(number % 50);
  const std::string body = R"({"pad":")" + std::string(1500, 'x') + R"("})";
  Batch batch;
  batch.entry("incident.changed", key, body).document("incident", key, body);
  return batch;
}

void raw_append_and_sync(benchmark::State& state) {
  Folder folder;
  PosixFileSystem files;
  auto file = *files.open(folder.path + "/log", OpenMode::kCreate);
  const std::string record(3200, 'x');
  for (auto _ : state) {
    if (!file->append(record) || !file->sync()) state.SkipWithError("the disk refuses");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(raw_append_and_sync)->UseRealTime();

void commits(benchmark::State& state) {
  const auto in_flight = state.range(0);
  Folder folder;
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  SimClock sim_clock;
  SimExecutor sim_executor(sim_clock);
  SeededRandom sim_random(1);
  SimNetwork network(sim_executor, sim_random);  // Env wants one; nothing connects
  ThreadExecutor executor(2);
  Env env{clock, random, files, network.host("bench"), executor};
  auto journal = *open_journal(env, {folder.path});

  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t waiting = 0;
  std::int64_t number = 0;
  bool failed = false;
  for (auto _ : state) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting < in_flight; });
    ++waiting;
    lock.unlock();
    journal->commit(a_batch(++number), [&](Result<Seq> result) {
      std::lock_guard done(mutex);
      failed = failed || !result;
      --waiting;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return waiting == 0; });
  if (failed) state.SkipWithError("a commit was refused");
  const auto stats = journal->stats();
  state.SetItemsProcessed(state.iterations());
  state.counters["batches/transaction"] =
      static_cast<double>(number) / static_cast<double>(stats.commits);
  state.counters["last_seq"] = static_cast<double>(stats.last_seq);  // the result's checksum
  lock.unlock();
  executor.stop();
}
BENCHMARK(commits)->ArgName("in flight")->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

}  // namespace
}  // namespace holdfast::state

BENCHMARK_MAIN();
