#include "act/platform/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "base/text.h"

namespace holdfast::act {
namespace {

// An environment is at most a few MiB (ARG_MAX); what is larger is cut.
constexpr std::size_t kFileSizeMax = 4 * 1024 * 1024;

std::string read_whole(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string bytes;
  char buffer[16 * 1024];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) break;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() >= kFileSizeMax) break;
  }
  ::close(fd);
  return bytes;
}

}  // namespace

std::optional<ProcStat> parse_proc_stat(std::string_view line) {
  const auto name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  // fields[0] is field 3 of the manual page: the state.
  const auto fields = split(trim(line.substr(name_end + 1)), ' ');
  if (fields.size() < 20 || fields[0].size() != 1) return std::nullopt;
  const auto parent = parse_int(fields[1]);
  const auto session = parse_int(fields[3]);
  const auto start = parse_int(fields[19]);
  if (!parent || !session || !start) return std::nullopt;
  ProcStat stat;
  stat.state = fields[0][0];
  stat.parent = static_cast<pid_t>(*parent);
  stat.session = static_cast<pid_t>(*session);
  stat.start_time = static_cast<std::uint64_t>(*start);
  return stat;
}

std::optional<ProcStat> read_proc_stat(pid_t pid) {
  return parse_proc_stat(read_whole("/proc/" + std::to_string(pid) + "/stat"));
}

std::vector<pid_t> list_pids() {
  std::vector<pid_t> pids;
  DIR* dir = ::opendir("/proc");
  if (dir == nullptr) return pids;
  while (const auto* entry = ::readdir(dir)) {
    const auto pid = parse_int(entry->d_name);
    if (pid && *pid > 0) pids.push_back(static_cast<pid_t>(*pid));
  }
  ::closedir(dir);
  return pids;
}

bool has_environment(pid_t pid, const std::string& name_value) {
  const auto bytes = read_whole("/proc/" + std::to_string(pid) + "/environ");
  for (const auto variable : split(bytes, '\0')) {
    if (variable == name_value) return true;
  }
  return false;
}

}  // namespace holdfast::act
