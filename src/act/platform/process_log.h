// act/platform/process_log.h: the file a child writes to, kept from growing for ever. For
// PosixProcesses.
//
// Errors      Each names the path.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace holdfast::act {

// Opened for appending, its folder made when absent; renamed to .1 before when it is full. The
// caller closes the descriptor.
Result<int> open_process_log(const std::string& path, std::uint64_t size_max);
// Copies a full log to .1 and empties it; nothing when it is not full or absent.
Result<void> rotate_running_log(const std::string& path, std::uint64_t size_max);

}  // namespace holdfast::act
