// collect/business/log_follow.h: lines of files that grow, as events of business metrics.
//
// Purpose     LogFollower reads what was added to a file since it last looked, line by line, and gives each line that its
//             pattern finds to the registry. Named groups of the pattern are the references of value, id and labels.
// Rotation    A file that was renamed away is read to its end before the new one of its name is begun; one that was cut
//             is read from its begin. The file is known by its first bytes, so a new file that grew past the old one's
//             size within one interval is not taken for it.
// Limits      A line of more than 64 KiB is left out; 4 MiB a look.
// Threads     One at a time.
#pragma once

#include <memory>
#include <string>

#include "base/files.h"
#include "collect/business/registry.h"

namespace holdfast::collect {

class LogFollower {
 public:
  LogFollower(FileSystem& files, BusinessRegistry& registry, LogPattern pattern);
  ~LogFollower();
  // Reads what is new. A file that is not there yet is no error.
  void look();
  std::uint64_t lines() const { return lines_; }

 private:
  struct Regex;
  bool open();
  void read_new();
  void take_lines(std::string_view bytes);
  void take(std::string_view line);
  bool is_same_file();

  FileSystem& files_;
  BusinessRegistry& registry_;
  const LogPattern pattern_;
  std::unique_ptr<Regex> regex_;
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;
  std::string head_;       // the file's first bytes
  std::string partial_;    // a line without its end
  bool skipping_ = false;  // within a line that is too long
  bool first_ = true;      // the file that was there at the start
  std::uint64_t lines_ = 0;
};

}  // namespace holdfast::collect
