// base/files.h: the disk, as something handed in.
//
// Purpose     Everything durable goes through here: PosixFileSystem on the machine, SimFileSystem
//             (base/sim.h) in simulation, which loses unsynced writes and tears the last at a crash.
// Errors      Full disk is kExhausted, absent file kNotFound, anything else kUnavailable; each names the path.
// Threads     FileSystem from any thread. A File from one thread at a time, except read_at().
// Durability  A file's bytes are safe after sync(); its name is safe after sync_dir() of its folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast {

class File {
 public:
  virtual ~File() = default;
  // A write that failed may have stored a part, as on a disk that fills up.
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  // Up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::string> read_at(std::uint64_t offset, std::size_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<void> sync() = 0;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // created when absent, kept when present
  kCreate,     // created or emptied
};

struct FileInfo {
  std::string name;  // within its folder
  bool is_directory = false;
  std::uint64_t size = 0;  // bytes
  WallTime modified{};
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // With all its parents; unlike those of files, the names it makes are safe on return.
  virtual Result<void> create_directories(const std::string& path) = 0;
  virtual Result<std::vector<FileInfo>> list(const std::string& path) = 0;  // sorted by name
  virtual Result<FileInfo> info(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Result<void> remove(const std::string& path) = 0;  // a file or an empty folder
  virtual Result<void> sync_dir(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_space(const std::string& path) = 0;  // bytes

  // Built on the above.
  bool exists(const std::string& path);
  Result<std::string> read_file(const std::string& path);
  // A temporary file (path + ".tmp"), synced, renamed over `path`, folder synced: the old bytes or the
  // new, never a mix. One writer per path at a time.
  Result<void> write_file_atomic(const std::string& path, std::string_view bytes);
  Result<void> remove_all(const std::string& path);  // absent is fine
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_dir(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& path) override;
};

}  // namespace holdfast
