// base/log.h: the program's own log, one line an event: time, level, message, key=value fields.
//
// Form        2026-11-21T10:22:04.123Z info  incident opened id=INC-7 service=enhancer
// Threads     From any thread; lines never mix. Writes to stderr; set_log_sink() diverts (tests, simulation).
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
using LogField = std::pair<std::string_view, std::string>;
// Given the message and its fields; without the time, so that a simulated run logs the same lines each
// time. Called under the log's mutex: it must not log itself.
using LogSink = std::function<void(LogLevel, std::string_view line)>;

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::kDebug, m, f); }
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::kInfo, m, f); }
inline void log_warn(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::kWarn, m, f); }
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::kError, m, f); }

void set_log_level(LogLevel level);
void set_log_sink(LogSink sink);  // empty: back to stderr

}  // namespace holdfast
