// app/machine.h: the real Env of this machine: system clock and random, POSIX files, Asio network, threads.
//
// Threads     Owned by main; outlives everything that is handed its env.
#pragma once

#include <cstdint>

#include "base/env.h"
#include "net/transport.h"

namespace holdfast::app {

// Bytes this process may use: what the machine has, or what its control group allows if that is less.
std::uint64_t memory_of_machine();

class Machine {
 public:
  Machine(int io_threads, int pool_threads, int server_threads = 1)
      : transport_(io_threads, server_threads),
        executor_(pool_threads),
        env{clock_, random_, files_, transport_, executor_} {}
  void stop_executor() { executor_.stop(); }

 private:
  SystemClock clock_;
  SystemRandom random_;
  PosixFileSystem files_;
  net::AsioTransport transport_;
  ThreadExecutor executor_;

 public:
  Env env;  // last: refers to the others
};

}  // namespace holdfast::app
