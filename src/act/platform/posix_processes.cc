#include "act/platform/posix_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "act/platform/proc_files.h"
#include "act/platform/process_log.h"
#include "base/check.h"
#include "base/log.h"

namespace holdfast::act {
namespace {

constexpr const char* kTagVariable = "HOLDFAST_INSTANCE";

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

int send_by_pidfd(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

// The children's part of the environment goes over ours.
std::vector<std::string> child_environment(const ProcessSpec& spec) {
  std::map<std::string, std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view pair = *at;
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    variables[std::string(pair.substr(0, equals))] = pair.substr(equals + 1);
  }
  for (const auto& [name, value] : spec.env) variables[name] = value;
  variables[kTagVariable] = spec.tag;
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> as_argv(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

// posix_spawn's two option objects, freed on every path.
struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void prepare(int log_fd) {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, log_fd, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, log_fd, STDERR_FILENO);
    // Also those that a library opened without O_CLOEXEC: a child that holds our listener or the
    // journal's lock would keep the next Holdfast from starting.
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    sigset_t all;
    sigfillset(&all);  // what we ignore (SIGPIPE) the child must not
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(
        &attributes,
        static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }
};

Result<pid_t> spawn_child(const ProcessSpec& spec, int log_fd) {
  SpawnSetup setup;
  setup.prepare(log_fd);
  auto arguments = spec.command;
  auto variables = child_environment(spec);
  const auto argv = as_argv(arguments);
  const auto envp = as_argv(variables);
  pid_t pid = 0;
  const int problem =
      ::posix_spawnp(&pid, argv[0], &setup.actions, &setup.attributes, argv.data(), envp.data());
  if (problem != 0) return errno_error(problem, "start " + spec.command[0]);
  return pid;
}

// Where an adopted process writes: its stdout, when that is a file, as our own spawn made it.
std::string log_path_of(std::int64_t pid) {
  std::error_code problem;
  const auto link = "/proc/" + std::to_string(pid) + "/fd/1";
  if (!std::filesystem::is_regular_file(link, problem)) return {};
  return std::filesystem::read_symlink(link, problem).string();
}

}  // namespace

// The watcher thread polls one pidfd per process and an eventfd that wakes it when the list
// changes. A watched process is named by its pid: two of the same pid cannot both be watched, since
// ours are not reaped before they are taken off the list, and adopted ones were checked by their
// start time.
struct PosixProcesses::Impl : std::enable_shared_from_this<Impl> {
  struct Watched {
    ProcessRef ref;
    int pidfd = -1;
    std::string log_path;
    OnExit on_exit;
  };

  Impl(Executor& executor_in, PosixProcessesOptions options_in)
      : executor(executor_in),
        options(options_in),
        wake_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    HF_CHECK(wake_fd >= 0, "no eventfd for the process watcher");
  }
  ~Impl() {
    for (auto& [pid, process] : watched) ::close(process.pidfd);
    for (const int fd : retired_fds) ::close(fd);
    ::close(wake_fd);
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd, &one, sizeof one);
  }

  void watch(Watched process) {
    const auto pid = process.ref.pid;
    {
      std::lock_guard lock(mutex);
      if (const auto old = watched.find(pid); old != watched.end()) {
        retired_fds.push_back(old->second.pidfd);
        watched.erase(old);
      }
      watched.emplace(pid, std::move(process));
    }
    wake();
  }

  void run() {
    auto logs_seen_at = std::chrono::steady_clock::now();
    while (true) {
      std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
      std::vector<std::int64_t> pids{0};
      {
        std::lock_guard lock(mutex);
        if (stopping) return;
        for (const int fd : retired_fds) ::close(fd);
        retired_fds.clear();
        for (const auto& [pid, process] : watched) {
          fds.push_back({process.pidfd, POLLIN, 0});
          pids.push_back(pid);
        }
      }
      const int wait_ms =
          static_cast<int>(std::max<std::int64_t>(1, to_ms(options.log_check_interval)));
      ::poll(fds.data(), fds.size(), wait_ms);
      if (fds[0].revents != 0) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(wake_fd, &count, sizeof count);
      }
      for (std::size_t i = 1; i < fds.size(); ++i) {
        if (fds[i].revents != 0) ended(pids[i], fds[i].fd);
      }
      if (std::chrono::steady_clock::now() - logs_seen_at < options.log_check_interval) continue;
      logs_seen_at = std::chrono::steady_clock::now();
      rotate_logs();
    }
  }

  void ended(std::int64_t pid, int pidfd) {
    {
      std::lock_guard lock(mutex);
      const auto at = watched.find(pid);
      if (at == watched.end() || at->second.pidfd != pidfd) return;  // forgotten meanwhile
    }
    const ProcessExit exit = collect(pid, pidfd);
    std::lock_guard lock(mutex);
    const auto at = watched.find(pid);
    if (at == watched.end() || at->second.pidfd != pidfd) return;
    const auto ref = at->second.ref;
    ::close(pidfd);
    at->second.pidfd = -1;
    // on_exit stays with the control strand: forget() there must be able to take it back.
    ended_waiting.emplace(pid, std::move(at->second));
    watched.erase(at);
    executor.post(Lane::kControl, [weak = weak_from_this(), ref, exit] {
      if (const auto self = weak.lock()) self->deliver(ref, exit);
    });
  }

  // Our own child leaves its exit status; whoever it left behind in its group goes with it. The
  // group is signalled before the child is reaped, while its number cannot belong to anybody else.
  static ProcessExit collect(std::int64_t pid, int pidfd) {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOWAIT | WNOHANG) != 0 ||
        info.si_pid == 0) {
      return {-1, 0};  // adopted: not our child
    }
    ::kill(static_cast<pid_t>(-pid), SIGKILL);
    ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
    if (info.si_code == CLD_EXITED) return {info.si_status, 0};
    return {-1, info.si_status};
  }

  void deliver(const ProcessRef& ref, const ProcessExit& exit) {
    OnExit on_exit;
    {
      std::lock_guard lock(mutex);
      const auto at = ended_waiting.find(ref.pid);
      if (at == ended_waiting.end() || at->second.ref != ref) return;
      on_exit = std::move(at->second.on_exit);
      ended_waiting.erase(at);
    }
    if (on_exit) on_exit(exit);
  }

  void rotate_logs() {
    std::set<std::string> paths;
    {
      std::lock_guard lock(mutex);
      for (const auto& [pid, process] : watched) {
        if (!process.log_path.empty()) paths.insert(process.log_path);
      }
    }
    for (const auto& path : paths) {
      if (const auto done = rotate_running_log(path, options.log_size_max); !done) {
        log_warn("a process log could not be rotated", {{"error", done.error().message()}});
      }
    }
  }

  Executor& executor;
  const PosixProcessesOptions options;
  const int wake_fd;
  std::thread thread;
  std::mutex mutex;
  std::map<std::int64_t, Watched> watched HF_GUARDED_BY(mutex);
  std::map<std::int64_t, Watched> ended_waiting HF_GUARDED_BY(mutex);  // exit known, not yet told
  std::vector<int> retired_fds
      HF_GUARDED_BY(mutex);  // closed by the thread that may be polling them
  bool stopping HF_GUARDED_BY(mutex) = false;
};

PosixProcesses::PosixProcesses(Executor& executor, PosixProcessesOptions options)
    : impl_(std::make_shared<Impl>(executor, options)) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

PosixProcesses::~PosixProcesses() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake();
  impl_->thread.join();
}

Result<ProcessRef> PosixProcesses::spawn(const ProcessSpec& spec, OnExit on_exit) {
  if (spec.command.empty() || spec.command[0].empty())
    return invalid("start: the command is empty");
  const int log_fd = HF_TRY(open_process_log(spec.log_path, impl_->options.log_size_max));
  const auto pid = spawn_child(spec, log_fd);
  ::close(log_fd);
  if (!pid) return pid.error();
  const int pidfd = open_pidfd(*pid);
  const int problem = errno;
  // Not reaped before `pidfd` says so, so that /proc knows it even when it has ended already.
  const auto stat = read_proc_stat(*pid);
  if (pidfd < 0 || !stat) {
    ::kill(-*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    if (pidfd >= 0) ::close(pidfd);
    return errno_error(pidfd < 0 ? problem : ESRCH, "watch " + spec.command[0]);
  }
  const ProcessRef ref{*pid, stat->start_time};
  impl_->watch({ref, pidfd, spec.log_path, std::move(on_exit)});
  return ref;
}

Result<void> PosixProcesses::adopt(const ProcessRef& process, OnExit on_exit) {
  const auto gone = not_found("process " + std::to_string(process.pid) + " is gone");
  if (process.pid <= 0) return gone;
  const int pidfd = open_pidfd(static_cast<pid_t>(process.pid));
  if (pidfd < 0) {
    if (errno == ESRCH || errno == EINVAL) return gone;
    return errno_error(errno, "watch process " + std::to_string(process.pid));
  }
  // After the pidfd is open: from now on the number cannot change hands unseen.
  const auto stat = read_proc_stat(static_cast<pid_t>(process.pid));
  if (!stat || stat->start_time != process.start_time || stat->state == 'Z' || stat->state == 'X') {
    ::close(pidfd);
    return gone;
  }
  impl_->watch({process, pidfd, log_path_of(process.pid), std::move(on_exit)});
  return {};
}

Result<void> PosixProcesses::signal(const ProcessRef& process, int signal) {
  const auto name = "process " + std::to_string(process.pid);
  if (process.pid <= 1) return not_found(name + " is none of ours");
  const auto pid = static_cast<pid_t>(process.pid);
  const int pidfd = open_pidfd(pid);
  if (pidfd < 0)
    return errno == ESRCH ? not_found(name + " is gone") : errno_error(errno, "signal " + name);
  const auto stat = read_proc_stat(pid);
  if (!stat || stat->start_time != process.start_time) {
    ::close(pidfd);
    return not_found(name + " is gone");
  }
  // SIGKILL leaves nobody time to stop its own children, so the whole group goes.
  const bool whole_group = signal == SIGKILL && ::getpgid(pid) == pid;
  const bool sent = send_by_pidfd(pidfd, signal) == 0;
  const int problem = errno;
  ::close(pidfd);
  if (whole_group && ::kill(-pid, SIGKILL) == 0) return {};
  if (sent) return {};
  return problem == ESRCH ? not_found(name + " is gone") : errno_error(problem, "signal " + name);
}

std::vector<ProcessRef> PosixProcesses::find(const std::string& tag) {
  const auto variable = std::string(kTagVariable) + "=" + tag;
  std::map<pid_t, ProcStat> tagged;
  for (const auto pid : list_pids()) {
    if (pid == ::getpid() || !has_environment(pid, variable)) continue;
    const auto stat = read_proc_stat(pid);
    if (stat && stat->state != 'Z' && stat->state != 'X') tagged.emplace(pid, *stat);
  }
  std::vector<ProcessRef> heads;
  for (const auto& [pid, stat] : tagged) {
    const bool has_leader = stat.session != pid && tagged.contains(stat.session);
    if (has_leader || tagged.contains(stat.parent)) continue;
    heads.push_back({pid, stat.start_time});
  }
  return heads;
}

void PosixProcesses::forget(const ProcessRef& process) {
  Impl::Watched dropped;  // its callback is destroyed outside the mutex
  {
    std::lock_guard lock(impl_->mutex);
    for (auto* list : {&impl_->watched, &impl_->ended_waiting}) {
      const auto at = list->find(process.pid);
      if (at == list->end() || at->second.ref != process) continue;
      dropped = std::move(at->second);
      list->erase(at);
      if (dropped.pidfd >= 0) impl_->retired_fds.push_back(dropped.pidfd);
    }
  }
  impl_->wake();
}

}  // namespace holdfast::act
