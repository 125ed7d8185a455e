#include "act/processes.h"

#include <cstring>

namespace holdfast::act {

std::string ProcessExit::text() const {
  if (signal != 0) {
    const char* name = sigabbrev_np(signal);
    return "exit by signal " + std::to_string(signal) +
           (name != nullptr ? " (SIG" + std::string(name) + ")" : "");
  }
  if (code < 0) return "gone";
  return "exit code " + std::to_string(code);
}

}  // namespace holdfast::act
