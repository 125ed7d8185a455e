// One simulated machine with a journal on its disk: virtual time, chance from a seed, crashes at will.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/sim.h"
#include "state/journal.h"

namespace holdfast::state {

inline constexpr const char* kDirectory = "/data/journal";

struct SimHost {
  explicit SimHost(std::uint64_t seed = 1) : random(seed) { open(); }

  void open() {
    auto opened = open_journal(env, {kDirectory});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    journal = std::move(*opened);
  }

  // Everything in memory is gone, the disk keeps what it must and some of the rest.
  void crash() {
    executor.clear();
    files.crash();
    journal.reset();
  }

  void crash_and_reopen() {
    crash();
    open();
  }

  // Commits and runs until it is answered.
  Result<Seq> commit(Batch batch) {
    std::optional<Result<Seq>> answer;
    journal->commit(std::move(batch), [&](Result<Seq> result) { answer = std::move(result); });
    executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? std::move(*answer) : Result<Seq>(internal("never answered"));
  }

  std::vector<std::string> keys(const EntryQuery& query = {}) {
    std::vector<std::string> keys;
    auto entries = journal->read(query);
    EXPECT_TRUE(entries.has_value()) << entries.error().message();
    for (const auto& entry : *entries) keys.push_back(entry.key);
    return keys;
  }

  SeededRandom random;
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  std::unique_ptr<Journal> journal;
};

inline Batch one_entry(std::string key, std::string topic = "t") {
  return std::move(Batch().entry(topic, std::move(key), "{}"));
}

}  // namespace holdfast::state
