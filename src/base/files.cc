#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/check.h"

namespace holdfast {
namespace {

Error last_error(std::string_view doing, const std::string& path) {
  const int number = errno;
  return errno_error(number, std::string(doing) + " " + path);
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  // Not O_APPEND: with it Linux ignores the offset that write_at() gives.
  Result<void> append(std::string_view bytes) override {
    const auto end = ::lseek(fd_, 0, SEEK_END);
    if (end < 0) return last_error("seek in", path_);
    return write_at(static_cast<std::uint64_t>(end), bytes);
  }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return last_error("write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
    // In steps: a length field that was damaged must not allocate gigabytes before the file's end
    // tells.
    constexpr std::size_t kStep = 4 << 20;
    std::string out;
    while (out.size() < size) {
      const auto have = out.size();
      out.resize(have + std::min(size - have, kStep));
      ssize_t count = -1;
      do {
        count =
            ::pread(fd_, out.data() + have, out.size() - have, static_cast<off_t>(offset + have));
      } while (count < 0 && errno == EINTR);
      if (count < 0) return last_error("read", path_);
      out.resize(have + static_cast<std::size_t>(count));
      if (count == 0) break;
    }
    return out;
  }

  Result<std::uint64_t> size() override {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return last_error("stat", path_);
    return static_cast<std::uint64_t>(st.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return last_error("truncate", path_);
    return {};
  }

  Result<void> sync() override {
    // fdatasync also makes the size durable, which is all the metadata that reading back needs.
    if (::fdatasync(fd_) != 0) return last_error("sync", path_);
    return {};
  }

 private:
  const int fd_;
  const std::string path_;
};

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

FileInfo to_info(std::string name, const struct stat& st) {
  return {.name = std::move(name),
          .is_directory = S_ISDIR(st.st_mode),
          .size = S_ISDIR(st.st_mode) ? 0 : static_cast<std::uint64_t>(st.st_size),
          .modified = from_ms(st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000)};
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::kRead:
      flags |= O_RDONLY;
      break;
    case OpenMode::kReadWrite:
      flags |= O_RDWR | O_CREAT;
      break;
    case OpenMode::kCreate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  // 0640: what we store may hold secrets of the systems we watch.
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags, 0640);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return last_error("open", path);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
}

Result<void> PosixFileSystem::create_directories(const std::string& path) {
  if (path.empty()) return invalid("create folder: the path is empty");
  for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const auto part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0750) == 0) {
      HF_TRY(sync_dir(parent_of(part)));
    } else if (errno != EEXIST) {
      return last_error("create folder", part);
    }
    if (end == std::string::npos) break;
  }
  const auto made = HF_TRY(info(path));
  if (!made.is_directory) return errno_error(EEXIST, "create folder " + path);
  return {};
}

Result<std::vector<FileInfo>> PosixFileSystem::list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  if (!dir) return last_error("list", path);
  std::vector<FileInfo> out;
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(dir.get());
    if (!entry) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat st {};
    if (::fstatat(::dirfd(dir.get()), name.c_str(), &st, 0) != 0) {
      if (errno == ENOENT) continue;  // removed while we looked, or a dangling link
      return last_error("stat", path + "/" + name);
    }
    out.push_back(to_info(std::move(name), st));
  }
  if (errno != 0) return last_error("list", path);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Result<FileInfo> PosixFileSystem::info(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return last_error("stat", path);
  return to_info(path.substr(path.find_last_of('/') + 1), st);
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return last_error("rename", from + " to " + to);
  return {};
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return last_error("remove", path);
  return {};
}

Result<void> PosixFileSystem::sync_dir(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return last_error("open folder", path);
  Result<void> result;
  if (::fsync(fd) != 0) result = last_error("sync folder", path);
  ::close(fd);
  return result;
}

Result<std::uint64_t> PosixFileSystem::free_space(const std::string& path) {
  struct statvfs st {};
  if (::statvfs(path.c_str(), &st) != 0) return last_error("free space of", path);
  return static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize;
}

bool FileSystem::exists(const std::string& path) { return info(path).has_value(); }

Result<std::string> FileSystem::read_file(const std::string& path) {
  const auto file = HF_TRY(open(path, OpenMode::kRead));
  std::string out;
  // Until the end rather than by size: files under /proc and pipes claim to be empty.
  constexpr std::size_t kStep = 1 << 20;
  for (;;) {
    auto part = HF_TRY(file->read_at(out.size(), kStep));
    if (part.empty()) return out;
    if (out.empty())
      out = std::move(part);
    else
      out += part;
  }
}

Result<void> FileSystem::write_file_atomic(const std::string& path, std::string_view bytes) {
  // One fixed name: what a crash leaves behind is overwritten by the next attempt, not collected.
  const auto temporary = path + ".tmp";
  const auto written = [&]() -> Result<void> {
    const auto file = HF_TRY(open(temporary, OpenMode::kCreate));
    HF_TRY(file->append(bytes));
    return file->sync();
  }();
  if (!written) {
    // The first error is the one to tell; a remainder is overwritten next time.
    static_cast<void>(remove(temporary).has_value());
    return written.error();
  }
  HF_TRY(rename(temporary, path));
  return sync_dir(parent_of(path));
}

Result<void> FileSystem::remove_all(const std::string& path) {
  const auto found = info(path);
  if (!found) {
    if (found.error().code() == Code::kNotFound) return {};
    return found.error();
  }
  if (found->is_directory) {
    for (const auto& entry : HF_TRY(list(path))) HF_TRY(remove_all(path + "/" + entry.name));
  }
  return remove(path);
}

}  // namespace holdfast
