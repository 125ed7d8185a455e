// act/processes.h: operating-system processes, as something handed in.
//
// Purpose     The process platform decides; this spawns, signals and watches. PosixProcesses is the
//             machine's, the simulation has its own.
// Strays      Each child carries HOLDFAST_INSTANCE=<tag> in its environment, so one started just
//             before a crash is found again by find() even when its pid was never recorded.
// Threads     Control strand only; on_exit runs there. Children are not killed by the destructor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::act {

struct ProcessSpec {
  std::vector<std::string> command;
  std::map<std::string, std::string> env;
  std::string tag;       // unique to data directory and instance
  std::string log_path;  // stdout and stderr are appended here; rotated at 10 MiB to .1
};

struct ProcessExit {
  int code = 0;              // of exit(); -1 when unknown (an adopted process is not our child)
  int signal = 0;            // that ended it; 0 when none
  std::string text() const;  // "exit code 3", "exit by signal 9 (SIGKILL)", "gone"
};

// A pid together with its start time names one process for ever.
struct ProcessRef {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, /proc/PID/stat field 22
  bool operator==(const ProcessRef&) const = default;
};

class Processes {
 public:
  using OnExit = std::function<void(ProcessExit)>;

  virtual ~Processes() = default;
  virtual Result<ProcessRef> spawn(const ProcessSpec& spec, OnExit on_exit) = 0;
  // Watches a process that an earlier Holdfast started; kNotFound when it is gone or is another
  // one.
  virtual Result<void> adopt(const ProcessRef& process, OnExit on_exit) = 0;
  virtual Result<void> signal(const ProcessRef& process, int signal) = 0;
  // Live processes of this tag, for adoption and for strays.
  virtual std::vector<ProcessRef> find(const std::string& tag) = 0;
  // Stops watching; the process lives on.
  virtual void forget(const ProcessRef& process) = 0;
};

}  // namespace holdfast::act
