// act/platform/posix_processes.h: the machine's own processes as act::Processes.
//
// Purpose     Spawns with posix_spawn, watches with pidfds, finds by /proc/*/environ.
// Children    Each leads a session of its own, so Ctrl-C in the terminal does not reach it and a
//             SIGKILL can take its whole group. stdin is /dev/null, stdout and stderr the log file,
//             all else is closed. They live on when Holdfast dies, for whatever reason; the next
//             one adopts them.
// Logs        The child writes to its file itself (a pipe through Holdfast would break with it). At
//             spawn a full log is renamed to .1; while the child runs it is copied to .1 and
//             emptied, since the child keeps the file open. Lines written between the copy and the
//             emptying are lost.
// Limits      Looks at log sizes each log_check_interval.
// Threads     Calls from the control strand; one thread of its own waits for exits and posts them
//             there.
// Errors      A command that cannot be executed is kNotFound / kUnavailable with its name, from
//             spawn() itself.
// Source      pidfd_open(2), proc_pid_stat(5), posix_spawn(3).
#pragma once

#include <memory>

#include "act/processes.h"
#include "base/executor.h"

namespace holdfast::act {

struct PosixProcessesOptions {
  std::uint64_t log_size_max = 10 * 1024 * 1024;  // bytes
  Duration log_check_interval = 10s;
};

class PosixProcesses final : public Processes {
 public:
  explicit PosixProcesses(Executor& executor, PosixProcessesOptions options = {});
  ~PosixProcesses() override;  // joins its thread; exits not yet delivered are dropped

  Result<ProcessRef> spawn(const ProcessSpec& spec, OnExit on_exit) override;
  Result<void> adopt(const ProcessRef& process, OnExit on_exit) override;
  Result<void> signal(const ProcessRef& process, int signal) override;
  // The heads only: a process whose ancestor or session leader carries the same tag belongs to that
  // one.
  std::vector<ProcessRef> find(const std::string& tag) override;
  void forget(const ProcessRef& process) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::act
