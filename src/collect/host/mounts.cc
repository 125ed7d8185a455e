#include "collect/host/mounts.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace holdfast::collect {

Result<FilesystemUsage> PosixMountStats::usage(const std::string& mountpoint) {
  struct statvfs at {};
  if (::statvfs(mountpoint.c_str(), &at) != 0) return errno_error(errno, "statvfs " + mountpoint);
  const auto unit = static_cast<double>(at.f_frsize);
  return FilesystemUsage{static_cast<double>(at.f_blocks) * unit, static_cast<double>(at.f_bfree) * unit,
                         static_cast<double>(at.f_bavail) * unit, static_cast<double>(at.f_files),
                         static_cast<double>(at.f_ffree)};
}

}  // namespace holdfast::collect
