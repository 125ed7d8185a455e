// Real children of the machine: sh and sleep.

#include "act/platform/posix_processes.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "act/platform/proc_files.h"

namespace holdfast::act {
namespace {

// Waits for a condition that another process brings about; false after ten seconds.
template <typename Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// The exit of one process, handed from the control strand to the test. The handler may outlive the
// box.
class ExitBox {
 public:
  Processes::OnExit handler() {
    return [state = state_](ProcessExit exit) {
      std::lock_guard lock(state->mutex);
      state->exit = exit;
      state->wake.notify_all();
    };
  }
  std::optional<ProcessExit> wait() {
    std::unique_lock lock(state_->mutex);
    state_->wake.wait_for(lock, 10s, [this] { return state_->exit.has_value(); });
    return state_->exit;
  }
  bool has() {
    std::lock_guard lock(state_->mutex);
    return state_->exit.has_value();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::optional<ProcessExit> exit;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class PosixProcessesTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/holdfast-act-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    for (const auto& ref : started_) {
      [[maybe_unused]] const auto gone = processes_.signal(ref, SIGKILL);
    }
    executor_.stop();
    std::filesystem::remove_all(dir_);
  }

  ProcessSpec shell(const std::string& script, const std::string& name = "a") {
    return {{"sh", "-c", script},
            {{"GREETING", "hello"}},
            dir_ + "#" + name,
            dir_ + "/" + name + ".log"};
  }
  ProcessRef spawn(const ProcessSpec& spec, ExitBox& box) {
    auto ref = processes_.spawn(spec, box.handler());
    EXPECT_TRUE(ref.has_value()) << ref.error().message();
    if (!ref) return {};
    started_.push_back(*ref);
    return *ref;
  }

  std::string dir_;
  ThreadExecutor executor_{1};
  PosixProcesses processes_{executor_, {.log_size_max = 1000, .log_check_interval = 10ms}};
  std::vector<ProcessRef> started_;
};

TEST(ProcessExitText, SaysHowItEnded) {
  struct Case {
    ProcessExit exit;
    std::string want;
  };
  const Case cases[] = {{{3, 0}, "exit code 3"},
                        {{0, 0}, "exit code 0"},
                        {{-1, 9}, "exit by signal 9 (SIGKILL)"},
                        {{-1, 15}, "exit by signal 15 (SIGTERM)"},
                        {{-1, 0}, "gone"}};
  for (const auto& c : cases) EXPECT_EQ(c.exit.text(), c.want);
}

TEST(ProcStatLine, IsReadAroundAnyCommandName) {
  const auto stat = parse_proc_stat(
      "42 (a) b (c) S 7 42 43 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 10 20 "
      "18446744073709551615");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->session, 43);
  EXPECT_EQ(stat->start_time, 98765U);
  for (const auto* bad : {"", "42", "42 (x", "42 (x) S", "42 (x) S 1 2 3", ")",
                          "42 (x) SS 7 42 43 0 -1 4194560 1 2"}) {
    EXPECT_FALSE(parse_proc_stat(bad).has_value()) << bad;
  }
}

TEST_F(PosixProcessesTest, ReportsTheExitCode) {
  ExitBox box;
  spawn(shell("exit 3"), box);
  const auto exit = box.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->text(), "exit code 3");
}

TEST_F(PosixProcessesTest, ReportsTheSignal) {
  ExitBox box;
  const auto ref = spawn(shell("exec sleep 60"), box);
  ASSERT_TRUE(processes_.signal(ref, SIGKILL));
  const auto exit = box.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->text(), "exit by signal 9 (SIGKILL)");
  EXPECT_EQ(processes_.signal(ref, SIGTERM).error().code(), Code::kNotFound);
}

TEST_F(PosixProcessesTest, NamesACommandThatCannotBeStarted) {
  ExitBox box;
  ProcessSpec spec = shell("");
  spec.command = {"/no/such/program"};
  const auto ref = processes_.spawn(spec, box.handler());
  ASSERT_FALSE(ref.has_value());
  EXPECT_EQ(ref.error().code(), Code::kNotFound);
  EXPECT_NE(ref.error().message().find("/no/such/program"), std::string::npos);
}

TEST_F(PosixProcessesTest, GivesTheChildItsEnvironmentAndNothingOfOurs) {
  ExitBox box;
  const int leaky = ::dup(2);  // a descriptor somebody opened without O_CLOEXEC
  spawn(shell("echo $GREETING $HOLDFAST_INSTANCE; ls /proc/$$/fd; readlink /proc/$$/fd/0; echo bad "
              ">&2"),
        box);
  ASSERT_TRUE(box.wait().has_value());
  ::close(leaky);
  EXPECT_EQ(read_text(dir_ + "/a.log"), "hello " + dir_ + "#a\n0\n1\n2\n/dev/null\nbad\n");
}

TEST_F(PosixProcessesTest, LeadsASessionOfItsOwn) {
  ExitBox box;
  const auto ref = spawn(shell("exec sleep 60"), box);
  EXPECT_EQ(::getsid(static_cast<pid_t>(ref.pid)), ref.pid);
}

TEST_F(PosixProcessesTest, AdoptsAfterTheSpawnerForgot) {
  ExitBox first, second;
  const auto ref = spawn(shell("exec sleep 60"), first);
  processes_.forget(ref);
  ASSERT_TRUE(processes_.adopt(ref, second.handler()));
  ASSERT_TRUE(processes_.signal(ref, SIGTERM));
  ASSERT_TRUE(second.wait().has_value());
  EXPECT_FALSE(first.has());
}

TEST_F(PosixProcessesTest, AdoptsAProcessThatIsNoChildOfOurs) {
  ExitBox parent, box;
  // Its own parent, setsid, is gone at once; so it is nobody's child of ours.
  spawn(shell("setsid -f sh -c 'echo $$; exec sleep 60'; exec sleep 60"), parent);
  ASSERT_TRUE(
      eventually([&] { return read_text(dir_ + "/a.log").find('\n') != std::string::npos; }));
  const auto pid = std::stol(read_text(dir_ + "/a.log"));
  const auto stat = read_proc_stat(static_cast<pid_t>(pid));
  ASSERT_TRUE(stat.has_value());
  const ProcessRef ref{pid, stat->start_time};
  ASSERT_TRUE(processes_.adopt(ref, box.handler()));
  ASSERT_TRUE(processes_.signal(ref, SIGTERM));
  const auto exit = box.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->text(), "gone");
}

TEST_F(PosixProcessesTest, DoesNotAdoptAnotherProcessOfThatNumber) {
  ExitBox box;
  auto ref = spawn(shell("exec sleep 60"), box);
  ++ref.start_time;
  EXPECT_EQ(processes_.adopt(ref, box.handler()).error().code(), Code::kNotFound);
  EXPECT_EQ(processes_.signal(ref, SIGKILL).error().code(), Code::kNotFound);
  EXPECT_EQ(processes_.adopt({0, 0}, box.handler()).error().code(), Code::kNotFound);
}

TEST_F(PosixProcessesTest, FindsTheHeadOfATagOnly) {
  ExitBox a, b;
  const auto ref =
      spawn(shell("sleep 60; exit 0", "a"), a);  // the shell and its sleep carry the tag
  spawn(shell("exec sleep 60", "b"), b);
  EXPECT_TRUE(
      eventually([&] { return processes_.find(dir_ + "#a") == std::vector<ProcessRef>{ref}; }));
  ASSERT_TRUE(processes_.signal(ref, SIGKILL));
  ASSERT_TRUE(a.wait().has_value());
  EXPECT_TRUE(eventually([&] { return processes_.find(dir_ + "#a").empty(); }));
  EXPECT_TRUE(eventually([&] { return processes_.find(dir_ + "#b").size() == 1; }));
}

TEST_F(PosixProcessesTest, LeavesNothingOfAGroupWhoseLeaderEnded) {
  ExitBox box;
  spawn(shell("sleep 60 & exit 0"), box);
  ASSERT_TRUE(box.wait().has_value());
  EXPECT_TRUE(eventually([&] { return processes_.find(dir_ + "#a").empty(); }));
}

TEST_F(PosixProcessesTest, ForgetsWhatEndsLater) {
  ExitBox forgotten, other;
  const auto ref = spawn(shell("exec sleep 60"), forgotten);
  processes_.forget(ref);
  ASSERT_TRUE(processes_.signal(ref, SIGKILL));
  spawn(shell("exit 0", "b"), other);
  ASSERT_TRUE(other.wait().has_value());
  EXPECT_FALSE(forgotten.has());
}

TEST_F(PosixProcessesTest, ChildrenSurviveTheirWatcher) {
  ProcessRef ref;
  {
    PosixProcesses short_lived(executor_);
    const auto spawned = short_lived.spawn(shell("exec sleep 60"), [](ProcessExit) {});
    ASSERT_TRUE(spawned.has_value());
    ref = *spawned;
    started_.push_back(ref);
  }
  // Between the start of a program and its environment in /proc lies a moment.
  EXPECT_TRUE(
      eventually([&] { return processes_.find(dir_ + "#a") == std::vector<ProcessRef>{ref}; }));
}

TEST_F(PosixProcessesTest, RenamesAFullLogAtSpawn) {
  std::ofstream(dir_ + "/a.log") << std::string(1000, 'x');
  ExitBox box;
  spawn(shell("echo fresh"), box);
  ASSERT_TRUE(box.wait().has_value());
  EXPECT_EQ(read_text(dir_ + "/a.log"), "fresh\n");
  EXPECT_EQ(read_text(dir_ + "/a.log.1").size(), 1000U);
}

TEST_F(PosixProcessesTest, EmptiesAFullLogWhileTheChildRuns) {
  ExitBox box;
  const auto ref = spawn(shell("i=0; while [ $i -lt 200 ]; do echo 0123456789; i=$((i+1)); done; "
                               "while [ ! -e " +
                               dir_ + "/go ]; do sleep 0.01; done; echo after; exec sleep 60"),
                         box);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(dir_ + "/a.log.1"); }));
  std::ofstream(dir_ + "/go") << "go";
  // At the new beginning, not behind a hole where the old text was.
  EXPECT_TRUE(eventually([&] {
    const auto text = read_text(dir_ + "/a.log");
    return text.find("after\n") != std::string::npos && text.find('\0') == std::string::npos;
  }));
  ASSERT_TRUE(processes_.signal(ref, SIGKILL));
}

}  // namespace
}  // namespace holdfast::act
