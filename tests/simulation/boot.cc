#include "simulation/boot.h"

#include <utility>

namespace holdfast::simulation {
namespace {

Error dead(const std::string& what) {
  return unavailable(what + ": this run of the program is over");
}

class MortalFile final : public File {
 public:
  MortalFile(std::unique_ptr<File> file, std::shared_ptr<bool> alive)
      : file_(std::move(file)), alive_(std::move(alive)) {}
  Result<void> append(std::string_view bytes) override {
    return *alive_ ? file_->append(bytes) : dead("append");
  }
  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    return *alive_ ? file_->write_at(offset, bytes) : dead("write");
  }
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
    if (!*alive_) return dead("read");
    return file_->read_at(offset, size);
  }
  Result<std::uint64_t> size() override {
    if (!*alive_) return dead("size");
    return file_->size();
  }
  Result<void> truncate(std::uint64_t size) override {
    return *alive_ ? file_->truncate(size) : dead("truncate");
  }
  Result<void> sync() override { return *alive_ ? file_->sync() : dead("sync"); }

 private:
  std::unique_ptr<File> file_;
  std::shared_ptr<bool> alive_;
};

}  // namespace

Result<std::unique_ptr<File>> MortalFiles::open(const std::string& path, OpenMode mode) {
  if (!*alive_) return dead("open " + path);
  auto file = HF_TRY(disk_.open(path, mode));
  return std::unique_ptr<File>(std::make_unique<MortalFile>(std::move(file), alive_));
}

Result<void> MortalFiles::create_directories(const std::string& path) {
  return *alive_ ? disk_.create_directories(path) : dead("create " + path);
}

Result<std::vector<FileInfo>> MortalFiles::list(const std::string& path) {
  if (!*alive_) return dead("list " + path);
  return disk_.list(path);
}

Result<FileInfo> MortalFiles::info(const std::string& path) {
  if (!*alive_) return dead("info " + path);
  return disk_.info(path);
}

Result<void> MortalFiles::rename(const std::string& from, const std::string& to) {
  return *alive_ ? disk_.rename(from, to) : dead("rename " + from);
}

Result<void> MortalFiles::remove(const std::string& path) {
  return *alive_ ? disk_.remove(path) : dead("remove " + path);
}

Result<void> MortalFiles::sync_dir(const std::string& path) {
  return *alive_ ? disk_.sync_dir(path) : dead("sync " + path);
}

Result<std::uint64_t> MortalFiles::free_space(const std::string& path) {
  if (!*alive_) return dead("space of " + path);
  return disk_.free_space(path);
}

void SlowPool::post(Lane lane, Task task) {
  if (lane == Lane::kControl) return tasks_.post(lane, std::move(task));
  post_after(lane, Duration::zero(), std::move(task));
}

TimerId SlowPool::post_after(Lane lane, Duration delay, Task task) {
  if (lane == Lane::kPool)
    delay += Duration(random_.below(static_cast<std::uint64_t>(Duration(kDelayMax).count())));
  return tasks_.post_after(lane, delay, std::move(task));
}

}  // namespace holdfast::simulation
