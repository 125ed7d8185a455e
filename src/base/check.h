// base/check.h: statements about our own code that hold in every build, and probes for rare paths.
//
// HF_CHECK(cond, why)  stops the process: only our bug can make it false, and going on could damage data.
// HF_BUG(why)          only our bug reaches this, and there is a safe way on: it fails tests, and in
//                      production logs, counts in holdfast_bugs_total and continues.
// HF_PROBE("name")     marks a rare path; the simulation suite fails when no scenario reached it.
// Threads              All from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast::check_detail {

[[noreturn]] void failed(const char* file, int line, const char* condition, std::string_view why);
void bug(const char* file, int line, std::string_view why);

struct Probe {
  explicit Probe(const char* name);
  const char* name;
  std::atomic<std::uint64_t> hits{0};  // relaxed: a counter nothing else is ordered by
};

}  // namespace holdfast::check_detail

namespace holdfast {

// How often each probe that was ever reached has been passed, by name.
std::map<std::string, std::uint64_t> probe_hits();
// Bugs met since the start; holdfast_bugs_total.
std::uint64_t bugs_total();
// Whether HF_BUG aborts (tests, the default in builds with sanitizers) or goes on.
void set_bugs_abort(bool abort);

}  // namespace holdfast

#define HF_CHECK(cond, why)                                                        \
  do {                                                                             \
    if (!(cond)) [[unlikely]]                                                      \
      ::holdfast::check_detail::failed(__FILE__, __LINE__, #cond, (why));          \
  } while (false)

#define HF_BUG(why) ::holdfast::check_detail::bug(__FILE__, __LINE__, (why))

#define HF_PROBE(name)                                                             \
  do {                                                                             \
    static ::holdfast::check_detail::Probe hf_probe{name};                         \
    hf_probe.hits.fetch_add(1, std::memory_order_relaxed);                         \
  } while (false)

// Says which mutex guards a member. Documentation for readers: libstdc++'s std::mutex carries no
// capability attributes, so clang's analysis cannot check it.
#define HF_GUARDED_BY(mutex)
