// query/promql/parallel.h: one job in parts, done by the caller and by pool threads that are free.
//
// Purpose     A query over many series is cut into parts. The calling thread works on them itself
//             and invites the pool to help.
// Invariants  The caller never waits for a pool task that has not begun: a pool that is full or
//             gone costs speed, never progress. Nothing of a run is touched after it returned.
// Threads     run() from any thread, several at once. Parts of one run go on at the same time.
// Errors      The error of the lowest part that failed; parts not yet begun are left out then.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/check.h"
#include "base/executor.h"
#include "base/result.h"

namespace holdfast::query::promql {

class Parallel {
 public:
  using Part = std::function<Result<void>(std::size_t part)>;

  // Without an executor, or with one thread, everything is done by the caller.
  Parallel(Executor* executor, std::size_t threads) : executor_(executor), threads_(threads) {}

  std::size_t threads() const { return executor_ == nullptr ? 1 : threads_; }
  // `threads` is at most this->threads(); 1 keeps a small job on the caller's thread.
  Result<void> run(std::size_t parts, std::size_t threads, const Part& part) const;

 private:
  Executor* executor_;
  std::size_t threads_;
};

struct QueryResult;
// Prometheus' JSON of a large answer, written in parts (result_json.cc).
void append_result_json(std::string& out, const QueryResult& result, const Parallel& parallel);

}  // namespace holdfast::query::promql
