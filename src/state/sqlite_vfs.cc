#include "state/sqlite_vfs.h"

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/check.h"

namespace holdfast::state {

struct SqliteVfs::Impl {
  explicit Impl(Env& e) : env(e) {}

  int failed(Error error, int sqlite_code) {
    const int code = error.code() == Code::kExhausted ? SQLITE_FULL : sqlite_code;
    last_error = std::move(error);
    return code;
  }

  Env& env;
  std::string name;
  sqlite3_vfs vfs{};
  std::optional<Error> last_error;
};

namespace {

constexpr int kPathSizeMax = 4096;
constexpr int kSectorSize = 4096;
// SQLite counts milliseconds from noon of 24 November 4714 BC; this is 1970 on that scale.
constexpr std::int64_t kUnixEpochJulianMs = 210'866'760'000'000;

struct OpenFile {
  std::unique_ptr<File> file;
  std::string path;
  bool name_unsynced = false;  // made here, and its folder not synced since
};

// SQLite allocates this, raw; what needs a destructor hangs off a pointer.
struct SqliteFile {
  sqlite3_file base;
  SqliteVfs::Impl* vfs;
  OpenFile* open;
};

SqliteFile& self(sqlite3_file* file) { return *reinterpret_cast<SqliteFile*>(file); }
SqliteVfs::Impl& self(sqlite3_vfs* vfs) { return *static_cast<SqliteVfs::Impl*>(vfs->pAppData); }

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int file_close(sqlite3_file* file) {
  delete self(file).open;
  self(file).open = nullptr;
  return SQLITE_OK;
}

int file_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto& f = self(file);
  const auto wanted = static_cast<std::size_t>(size);
  auto bytes = f.open->file->read_at(static_cast<std::uint64_t>(offset), wanted);
  if (!bytes) return f.vfs->failed(std::move(bytes).error(), SQLITE_IOERR_READ);
  std::memcpy(out, bytes->data(), bytes->size());
  if (bytes->size() == wanted) return SQLITE_OK;
  // SQLite asks for zeros beyond the end and uses them.
  std::memset(static_cast<char*>(out) + bytes->size(), 0, wanted - bytes->size());
  return SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  auto& f = self(file);
  const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
  auto written = f.open->file->write_at(static_cast<std::uint64_t>(offset), bytes);
  return written ? SQLITE_OK : f.vfs->failed(std::move(written).error(), SQLITE_IOERR_WRITE);
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& f = self(file);
  auto done = f.open->file->truncate(static_cast<std::uint64_t>(size));
  return done ? SQLITE_OK : f.vfs->failed(std::move(done).error(), SQLITE_IOERR_TRUNCATE);
}

int file_sync(sqlite3_file* file, int) {
  auto& f = self(file);
  if (auto done = f.open->file->sync(); !done) {
    return f.vfs->failed(std::move(done).error(), SQLITE_IOERR_FSYNC);
  }
  if (!f.open->name_unsynced) return SQLITE_OK;
  if (auto done = f.vfs->env.files.sync_dir(folder_of(f.open->path)); !done) {
    return f.vfs->failed(std::move(done).error(), SQLITE_IOERR_DIR_FSYNC);
  }
  f.open->name_unsynced = false;
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* out) {
  auto& f = self(file);
  auto size = f.open->file->size();
  if (!size) return f.vfs->failed(std::move(size).error(), SQLITE_IOERR_FSTAT);
  *out = static_cast<sqlite3_int64>(*size);
  return SQLITE_OK;
}

int file_lock(sqlite3_file*, int) { return SQLITE_OK; }
int file_check_reserved(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int file_sector_size(sqlite3_file*) { return kSectorSize; }
// Writing a range leaves the bytes around it alone, even when power fails in the middle.
int file_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

constexpr sqlite3_io_methods kFileMethods = {
    1,
    file_close,
    file_read,
    file_write,
    file_truncate,
    file_sync,
    file_size,
    file_lock,
    file_lock,
    file_check_reserved,
    file_control,
    file_sector_size,
    file_characteristics,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  auto& impl = self(vfs);
  file->pMethods = nullptr;
  // Nameless files are temporary tables and sorters; temp_store=MEMORY keeps those off the disk.
  if (path == nullptr) return SQLITE_CANTOPEN;
  auto& files = impl.env.files;
  const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
  const bool absent = !files.exists(path);
  if (absent && !create) return SQLITE_CANTOPEN;
  const bool writable = (flags & SQLITE_OPEN_READWRITE) != 0;
  auto opened = files.open(path, writable ? OpenMode::kReadWrite : OpenMode::kRead);
  if (!opened) return impl.failed(std::move(opened).error(), SQLITE_CANTOPEN);
  auto& f = self(file);
  f.vfs = &impl;
  f.open = new OpenFile{std::move(*opened), path, absent};
  f.base.pMethods = &kFileMethods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  auto& impl = self(vfs);
  if (auto done = impl.env.files.remove(path); !done) {
    if (done.error().code() == Code::kNotFound) return SQLITE_IOERR_DELETE_NOENT;
    return impl.failed(std::move(done).error(), SQLITE_IOERR_DELETE);
  }
  if (sync_folder == 0) return SQLITE_OK;
  auto done = impl.env.files.sync_dir(folder_of(path));
  return done ? SQLITE_OK : impl.failed(std::move(done).error(), SQLITE_IOERR_DIR_FSYNC);
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int, int* out) {
  auto& impl = self(vfs);
  auto info = impl.env.files.info(path);
  if (!info && info.error().code() != Code::kNotFound) {
    return impl.failed(std::move(info).error(), SQLITE_IOERR_ACCESS);
  }
  // As on the machine: an empty journal is no journal.
  *out = info && info->size > 0 ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const int length = std::snprintf(out, static_cast<std::size_t>(size), "%s", path);
  return length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

int vfs_randomness(sqlite3_vfs* vfs, int size, char* out) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(self(vfs).env.random.next());
  return size;
}

// Only a busy database sleeps, and with one connection none is ever busy.
int vfs_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int vfs_time_ms(sqlite3_vfs* vfs, sqlite3_int64* out) {
  *out = to_ms(self(vfs).env.clock.now()) + kUnixEpochJulianMs;
  return SQLITE_OK;
}

int vfs_time_days(sqlite3_vfs* vfs, double* out) {
  sqlite3_int64 ms = 0;
  const int code = vfs_time_ms(vfs, &ms);
  *out = static_cast<double>(ms) / 86'400'000.0;
  return code;
}

int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

SqliteVfs::SqliteVfs(Env& env) : impl_(std::make_unique<Impl>(env)) {
  char name[40];
  // The address is unique among all that live at this moment, which is all that SQLite asks.
  std::snprintf(name, sizeof(name), "holdfast-%p", static_cast<void*>(impl_.get()));
  impl_->name = name;
  auto& vfs = impl_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(SqliteFile);
  vfs.mxPathname = kPathSizeMax;
  vfs.zName = impl_->name.c_str();
  vfs.pAppData = impl_.get();
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_time_days;
  vfs.xCurrentTimeInt64 = vfs_time_ms;
  vfs.xGetLastError = vfs_last_error;
  HF_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "SQLite takes another file system");
}

SqliteVfs::~SqliteVfs() { sqlite3_vfs_unregister(&impl_->vfs); }

const std::string& SqliteVfs::name() const { return impl_->name; }

std::optional<Error> SqliteVfs::take_error() {
  return std::exchange(impl_->last_error, std::nullopt);
}

}  // namespace holdfast::state
