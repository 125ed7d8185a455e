// tests/net/child.h: a program started by a test and ended with it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "fixture.h"

namespace holdfast::net {

class Child {
 public:
  // Its output, both kinds, goes to `log`.
  Child(std::vector<std::string> words, const std::string& log) {
    pid_ = ::fork();
    if (pid_ == 0) {
      const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      ::dup2(::open("/dev/null", O_RDONLY), 0);
      ::dup2(out, 1);
      ::dup2(out, 2);
      std::vector<char*> arguments;
      for (auto& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool running() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  // Until something accepts connections there, or the child has ended.
  bool wait_for(std::uint16_t port) const {
    for (int i = 0; i < 3000 && running(); ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const bool open = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      ::close(fd);
      if (open) return true;
      std::this_thread::sleep_for(10ms);  // polling a foreign process; there is nothing to wait on
    }
    return false;
  }

 private:
  pid_t pid_;
};

// A port nothing listens on at this moment.
inline std::uint16_t free_port(Transport& transport) {
  return (*transport.listen({"127.0.0.1", 0, ""}, [](auto) {}))->local().port;
}

inline std::string temporary_dir() {
  std::string name = "/tmp/hf-net-XXXXXX";
  return ::mkdtemp(name.data());
}

}  // namespace holdfast::net
