#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/log.h"

namespace holdfast {
namespace {

// Probes register themselves on first passage; they are function statics and live for ever.
struct ProbeList {
  std::mutex mutex;
  std::vector<check_detail::Probe*> probes HF_GUARDED_BY(mutex);
};

ProbeList& probe_list() {
  static ProbeList list;
  return list;
}

std::atomic<std::uint64_t> bug_count{0};  // relaxed: only ever read for display
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
std::atomic<bool> bugs_abort{true};
#else
std::atomic<bool> bugs_abort{false};
#endif

}  // namespace

namespace check_detail {

void failed(const char* file, int line, const char* condition, std::string_view why) {
  std::fprintf(stderr, "%s:%d: check failed: %s: %.*s\n", file, line, condition,
               static_cast<int>(why.size()), why.data());
  std::fflush(stderr);
  std::abort();
}

void bug(const char* file, int line, std::string_view why) {
  bug_count.fetch_add(1, std::memory_order_relaxed);
  log_error("bug", {{"at", std::string(file) + ":" + std::to_string(line)}, {"why", std::string(why)}});
  if (bugs_abort.load(std::memory_order_relaxed)) std::abort();
}

Probe::Probe(const char* name) : name(name) {
  std::lock_guard lock(probe_list().mutex);
  probe_list().probes.push_back(this);
}

}  // namespace check_detail

std::map<std::string, std::uint64_t> probe_hits() {
  std::map<std::string, std::uint64_t> hits;
  std::lock_guard lock(probe_list().mutex);
  for (const auto* probe : probe_list().probes) {
    hits[probe->name] += probe->hits.load(std::memory_order_relaxed);
  }
  return hits;
}

std::uint64_t bugs_total() { return bug_count.load(std::memory_order_relaxed); }
void set_bugs_abort(bool abort) { bugs_abort.store(abort, std::memory_order_relaxed); }

}  // namespace holdfast
