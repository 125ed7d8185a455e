#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>

#include "base/check.h"
#include "base/text.h"
#include "base/time.h"

namespace holdfast {
namespace {

// The one place of the house that is global: a log that had to be handed in could not tell of the
// places nobody handed it to.
struct LogState {
  std::mutex mutex;
  LogSink sink HF_GUARDED_BY(mutex);
  std::atomic<LogLevel> level{LogLevel::kInfo};  // relaxed: a line more or less at a change is fine
};

LogState& log_state() {
  static auto* state = new LogState;  // never destroyed: threads may log while the program ends
  return *state;
}

std::string_view level_text(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug ";
    case LogLevel::kInfo:
      return "info  ";
    case LogLevel::kWarn:
      return "warn  ";
    case LogLevel::kError:
      return "error ";
  }
  return "error ";
}

// Foreign text must not start a line of its own or pass for another field.
void append_value(std::string& line, std::string_view value) {
  constexpr std::size_t kValueMax = 4096;
  const bool plain = !value.empty() && value.size() <= kValueMax &&
                     value.find_first_of(" \"=\\") == std::string_view::npos &&
                     is_valid_utf8(value) && printable(value, value.size()) == value;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : printable(value, kValueMax)) {
    if (c == '"') line += '\\';
    line += c;
  }
  line += '"';
}

void write_to_stderr(std::string_view line) {
  while (!line.empty()) {
    const auto count = ::write(STDERR_FILENO, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // nobody listens; there is no other place to tell
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  auto& state = log_state();
  if (level < state.level.load(std::memory_order_relaxed)) return;
  std::string event(message);
  for (const auto& [key, value] : fields) {
    event += ' ';
    event += key;
    event += '=';
    append_value(event, value);
  }
  std::lock_guard lock(state.mutex);
  if (state.sink) {
    state.sink(level, event);
    return;
  }
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string line = format_time(now);
  line += ' ';
  line += level_text(level);
  line += event;
  line += '\n';
  write_to_stderr(line);
}

void set_log_level(LogLevel level) { log_state().level.store(level, std::memory_order_relaxed); }

void set_log_sink(LogSink sink) {
  auto& state = log_state();
  std::lock_guard lock(state.mutex);
  state.sink.swap(sink);
}

}  // namespace holdfast
