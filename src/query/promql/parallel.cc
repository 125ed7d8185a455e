#include "query/promql/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace holdfast::query::promql {
namespace {

// Shared with the pool's tasks, which may begin long after the run is over.
struct Run {
  Run(std::size_t parts_in, const Parallel::Part& part_in) : parts(parts_in), part(&part_in) {}

  const std::size_t parts;
  const Parallel::Part* part;        // the caller's, until closed
  std::atomic<std::size_t> next{0};  // relaxed: parts share nothing but this count
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t active HF_GUARDED_BY(mutex) = 0;  // pool tasks at work
  bool closed HF_GUARDED_BY(mutex) = false;
  std::size_t failed_part HF_GUARDED_BY(mutex) = 0;
  std::optional<Error> error HF_GUARDED_BY(mutex);

  void work() {
    for (;;) {
      const auto k = next.fetch_add(1, std::memory_order_relaxed);
      if (k >= parts) return;
      auto done = (*part)(k);
      if (done) continue;
      next.store(parts, std::memory_order_relaxed);
      const std::lock_guard lock(mutex);
      if (error && failed_part < k) continue;
      failed_part = k;
      error = std::move(done).error();
    }
  }

  void help() {
    {
      const std::lock_guard lock(mutex);
      if (closed) return;
      ++active;
    }
    work();
    const std::lock_guard lock(mutex);
    --active;
    idle.notify_all();
  }
};

}  // namespace

Result<void> Parallel::run(std::size_t parts, std::size_t threads, const Part& part) const {
  threads = std::min({threads, parts, this->threads()});
  if (threads <= 1) {
    for (std::size_t k = 0; k < parts; ++k) HF_TRY(part(k));
    return {};
  }
  const auto run = std::make_shared<Run>(parts, part);
  for (std::size_t i = 1; i < threads; ++i) executor_->post(Lane::kPool, [run] { run->help(); });
  run->work();
  std::unique_lock lock(run->mutex);
  run->closed = true;
  run->idle.wait(lock, [&] { return run->active == 0; });
  if (run->error) return *std::move(run->error);
  return {};
}

}  // namespace holdfast::query::promql
