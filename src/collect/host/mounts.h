// collect/host/mounts.h: how full a mounted file system is.
//
// Threads     usage() may block on a dead network mount: call it on Lane::kPool.
#pragma once

#include <string>

#include "base/result.h"

namespace holdfast::collect {

struct FilesystemUsage {  // bytes, and counts of inodes
  double size = 0;
  double free = 0;   // for the superuser
  double avail = 0;  // for everybody
  double files = 0;
  double files_free = 0;
};

class MountStats {
 public:
  virtual ~MountStats() = default;
  virtual Result<FilesystemUsage> usage(const std::string& mountpoint) = 0;
};

class PosixMountStats final : public MountStats {
 public:
  Result<FilesystemUsage> usage(const std::string& mountpoint) override;
};

}  // namespace holdfast::collect
