#include "collect/host/process_metrics.h"

#include <unistd.h>

#include "collect/host/kernel_tables.h"

namespace holdfast::collect {
namespace {

constexpr double kTicksPerSecond = 100;

// The second field may hold blanks and parentheses: fields are counted after the last ")".
// Index 0 is field 3 of proc(5), the state.
std::vector<std::string_view> stat_fields(std::string_view text) {
  const auto close = text.rfind(')');
  return close == std::string_view::npos ? std::vector<std::string_view>() : words(text.substr(close + 1));
}

std::optional<double> boot_time(FileSystem& files, const std::string& proc) {
  const auto text = files.read_file(proc + "/stat");
  if (!text) return std::nullopt;
  for (const auto line : lines(*text)) {
    const auto parts = words(line);
    if (parts.size() == 2 && parts[0] == "btime") return number(parts[1]);
  }
  return std::nullopt;
}

}  // namespace

Result<void> collect_process(FileSystem& files, const ProcessOptions& options, MetricSink& sink) {
  const auto folder = options.proc + "/" + options.pid;
  const auto text = HF_TRY(files.read_file(folder + "/stat"));
  const auto fields = stat_fields(text);
  if (fields.size() < 22) return invalid(folder + "/stat has too few fields");
  const auto field = [&](int proc5) { return number(fields[static_cast<std::size_t>(proc5) - 3]).value_or(0); };

  sink.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
               (field(14) + field(15)) / kTicksPerSecond);
  sink.gauge("process_threads", "Number of OS threads in the process.", field(20));
  sink.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", field(23));
  sink.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
             field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  if (const auto boot = boot_time(files, options.proc)) {
    sink.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
               *boot + field(22) / kTicksPerSecond);
  }
  if (const auto open = files.list(folder + "/fd")) {
    sink.gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(open->size()));
  }
  if (const auto limits = files.read_file(folder + "/limits")) {
    for (const auto line : lines(*limits)) {
      const auto parts = words(line);
      if (parts.size() < 5 || !line.starts_with("Max open files")) continue;
      if (const auto max = number(parts[3])) {
        sink.gauge("process_max_fds", "Maximum number of open file descriptors.", *max);
      }
    }
  }
  return {};
}

}  // namespace holdfast::collect
