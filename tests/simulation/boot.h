// tests/simulation/boot.h: one run of Holdfast on the simulated machine, from its start to its death.
//
// Purpose     A program that is killed writes nothing more, not even what its destructors would: MortalFiles
//             cuts it off from the disk at that instant, SlowPool lets its work on the pool take a moment, so
//             that a death may fall between a commit and its answer.
// Ownership   World keeps every Boot until its own end: what was on the network when it died may still come back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/control_plane.h"
#include "base/sim.h"

namespace holdfast::simulation {

// The disk as one run of a program sees it. After die() every call, also on open files, is kUnavailable.
class MortalFiles final : public FileSystem {
 public:
  explicit MortalFiles(FileSystem& disk) : disk_(disk) {}
  void die() { *alive_ = false; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_dir(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& path) override;

 private:
  FileSystem& disk_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Tasks of one run. Work on the pool begins up to kDelayMax after it was posted.
class SlowPool final : public Executor {
 public:
  static constexpr Duration kDelayMax = 4ms;

  SlowPool(SimExecutor& executor, Random& random) : tasks_(executor), random_(random) {}
  void post(Lane lane, Task task) override;
  TimerId post_after(Lane lane, Duration delay, Task task) override;
  bool cancel(TimerId timer) override { return tasks_.cancel(timer); }
  bool on_control() const override { return true; }
  void clear() { tasks_.clear(); }

 private:
  SimHostExecutor tasks_;
  Random& random_;
};

struct Boot {
  Boot(SimClock& clock, Random& random, FileSystem& disk, Transport& transport,
       SimExecutor& machine)
      : files(disk), executor(machine, random), env{clock, random, files, transport, executor} {}

  // kill -9: the disk first, then the tasks; what destructors still try goes nowhere.
  void die() {
    files.die();
    subscription.reset();
    plane.reset();
    executor.clear();
  }

  MortalFiles files;
  SlowPool executor;
  Env env;
  std::unique_ptr<app::ControlPlane> plane;
  std::unique_ptr<state::Subscription> subscription;
};

}  // namespace holdfast::simulation
