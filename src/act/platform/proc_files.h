// act/platform/proc_files.h: what /proc tells of a process. For PosixProcesses.
//
// Errors      A process that is gone, or that we may not look at, is an empty answer.
// Source      proc_pid_stat(5).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::act {

struct ProcStat {
  char state = '?';  // Z: a zombie
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot
};

// One line of /proc/PID/stat. The command's name stands in parentheses and may hold anything, also
// spaces and parentheses: the fields begin after the last one.
std::optional<ProcStat> parse_proc_stat(std::string_view line);
std::optional<ProcStat> read_proc_stat(pid_t pid);
std::vector<pid_t> list_pids();
// Whether the environment the process was started with holds `name=value`.
bool has_environment(pid_t pid, const std::string& name_value);

}  // namespace holdfast::act
