#include "act/platform/process_log.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace holdfast::act {
namespace {

bool is_full(const std::string& path, std::uint64_t size_max) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) >= size_max;
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return errno_error(errno, "open " + from);
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (out < 0) {
    const int number = errno;
    ::close(in);
    return errno_error(number, "open " + to);
  }
  ssize_t sent = 0;
  while ((sent = ::sendfile(out, in, nullptr, 1 << 20)) > 0) {
  }
  const int number = errno;
  ::close(in);
  ::close(out);
  if (sent < 0) return errno_error(number, "copy " + from + " to " + to);
  return {};
}

}  // namespace

Result<int> open_process_log(const std::string& path, std::uint64_t size_max) {
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), problem);
  if (problem) return errno_error(problem.value(), "create the folder of " + path);
  if (is_full(path, size_max) && std::rename(path.c_str(), (path + ".1").c_str()) != 0) {
    return errno_error(errno, "rename " + path);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) return errno_error(errno, "open " + path);
  return fd;
}

Result<void> rotate_running_log(const std::string& path, std::uint64_t size_max) {
  if (!is_full(path, size_max)) return {};
  HF_TRY(copy_file(path, path + ".1"));
  // The child appends (O_APPEND), so its next line goes to the new beginning.
  if (::truncate(path.c_str(), 0) != 0) return errno_error(errno, "empty " + path);
  return {};
}

}  // namespace holdfast::act
