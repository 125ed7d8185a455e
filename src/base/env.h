// base/env.h: everything the house may touch, handed to constructors.
//
// Owned by app (the machine) or by World in the simulation. No room keeps a global; five whole
// holdfasts run in one process and never notice each other.
#pragma once

#include "base/clock.h"
#include "base/executor.h"
#include "base/files.h"
#include "base/random.h"
#include "base/transport.h"

namespace holdfast {

struct Env {
  Clock& clock;          // wall time for people, monotonic time for intervals
  Random& random;        // seeded: jitter, ids and sampling all draw from here
  FileSystem& files;     // read, write, rename, sync, directory sync
  Transport& transport;  // connect, listen, resolve
  Executor& executor;    // threads in production; one deterministic queue in simulation
};

}  // namespace holdfast
