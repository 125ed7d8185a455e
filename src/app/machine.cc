#include "app/machine.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

namespace holdfast::app {

namespace {

// The limit of one control group (version 2); UINT64_MAX when there is none ("max", or no such file).
std::uint64_t limit_of(const std::string& group) {
  std::ifstream file("/sys/fs/cgroup" + group + "/memory.max");
  std::string text;
  std::uint64_t limit = 0;
  if (!(file >> text)) return UINT64_MAX;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  return error == std::errc() && end == text.data() + text.size() ? limit : UINT64_MAX;
}

}  // namespace

std::uint64_t memory_of_machine() {
  std::uint64_t memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    // A limit of any group above holds as well.
    for (std::string group = line.substr(3); !group.empty();
         group.resize(std::min(group.rfind('/'), group.size()))) {
      memory = std::min(memory, limit_of(group));
    }
  }
  return memory;
}

}  // namespace holdfast::app
