// What the tests of the metrics engine share: a simulated machine, and the store on it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/sim.h"
#include "metrics/store.h"

namespace holdfast::metrics {

// One machine: what is on its disk outlives the stores opened on it.
struct Machine {
  explicit Machine(std::uint64_t seed)
      : random(seed), files(random, &clock), network(executor, random) {}

  SeededRandom random;
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files;
  SimNetwork network;
  Env env{clock, random, files, network.host("store"), executor};

  StoreOptions options() {
    StoreOptions o;
    o.directory = "/data/metrics";
    return o;
  }
  std::unique_ptr<Store> open() { return open(options()); }
  std::unique_ptr<Store> open(StoreOptions o) {
    auto store = Store::open(env, std::move(o));
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message());
    return store ? std::move(*store) : nullptr;
  }
  Timestamp now() { return to_ms(clock.now()); }
};

// What a store holds, or should hold: by series text, time to value bits (histograms by their sum).
using Content = std::map<std::string, std::map<Timestamp, std::uint64_t>>;

inline Matcher any_name() { return *Matcher::make(model::MatchOp::kRegex, "__name__", ".+"); }

inline Result<Content> content_of(const Reader& store, Timestamp from = model::kTimestampMin,
                                  Timestamp to = model::kTimestampMax) {
  SelectRequest request;
  request.matchers = {any_name()};
  request.from = from;
  request.to = to;
  Content content;
  for (const Column& column : HF_TRY(store.select(request))) {
    auto& samples = content[column.labels->text()];
    for (std::size_t i = 0; i < column.times.size(); ++i) {
      if (i > 0) {
        EXPECT_LT(column.times[i - 1], column.times[i]);
      }
      double value = column.values[i];
      if (!column.histograms.empty() && column.histograms[i]) value = column.histograms[i]->sum;
      samples[column.times[i]] = std::bit_cast<std::uint64_t>(value);
    }
  }
  return content;
}

inline Content must_content(const Reader& store) {
  auto content = content_of(store);
  EXPECT_TRUE(content.has_value()) << (content ? "" : content.error().message());
  return content ? *content : Content();
}

inline Result<AppendResult> put(Store& store, const Labels& labels, Timestamp t, double value) {
  const SampleIn in{SeriesRef::kNone, &labels, {t, value, nullptr}};
  return store.append({&in, 1}, true);
}

}  // namespace holdfast::metrics
