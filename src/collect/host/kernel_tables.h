// collect/host/kernel_tables.h: the kernel's text tables, read into numbers.
//
// Purpose     /proc speaks in a handful of shapes; the collectors read them through these functions.
// Errors      A line that does not fit is left out: kernels add lines, and one odd line must not hide the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::collect {

// Words between blanks.
std::vector<std::string_view> words(std::string_view line);
std::vector<std::string_view> lines(std::string_view text);
std::optional<double> number(std::string_view word);

// "MemTotal:  16318 kB" and "Active(anon): 12 kB" as MemTotal_bytes 16709632, Active_anon_bytes 12288.
std::vector<std::pair<std::string, double>> read_meminfo(std::string_view text);

// One line of /proc/pressure/*: "some avg10=0.00 ... total=123456" (microseconds).
struct Pressure {
  std::optional<double> some_seconds;
  std::optional<double> full_seconds;
};
Pressure read_pressure(std::string_view text);

// A line of /proc/self/mounts, its octal escapes undone.
struct Mount {
  std::string device;
  std::string mountpoint;
  std::string fstype;
  bool read_only = false;
};
std::vector<Mount> read_mounts(std::string_view text);

}  // namespace holdfast::collect
