// app/api/json_text.h: JSON written straight into a string, for answers of many thousand members.
//
// Purpose     Appenders of texts, numbers and labels. No tree is built: a list of 20,000 series is written as
//             fast as its bytes can be copied.
// Invariants  What was appended is UTF-8: other bytes become U+FFFD. As in Go, <, >, & and the two line
//             separators are escaped, so an answer is byte for byte what Prometheus writes.
// Units       Times are milliseconds since the epoch, written as seconds with at most three decimals.
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>

#include "metrics/store.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::app {

void append_json_text(std::string& out, std::string_view text);  // with its quotes
void append_json_time(std::string& out, model::Timestamp t);     // 1435781430.781
// "1", "+Inf": quoted, as Prometheus writes sample values; tiny and huge ones as 1e-07.
void append_json_value(std::string& out, double value);
void append_json_number(std::string& out, double value);  // unquoted; null when it is not finite
void append_json_labels(std::string& out, const model::Labels& labels);
void append_json_labels(std::string& out, const metrics::LabelViews& labels);

std::string json_text(std::string_view text);
// "1e+00": every alert's value, as Go's 'e' form.
std::string scientific(double value);

// Writes the commas and braces of one object or list.
class JsonMembers {
 public:
  explicit JsonMembers(std::string& out) : out_(out) { out_ += '{'; }
  // Begins a member; its value is appended to what this returns.
  std::string& name(std::string_view name);
  JsonMembers& text(std::string_view name, std::string_view value);
  JsonMembers& number(std::string_view name, double value);
  JsonMembers& whole(std::string_view name, std::int64_t value);
  JsonMembers& raw(std::string_view name, std::string_view json);
  JsonMembers& boolean(std::string_view name, bool value) {
    return raw(name, value ? "true" : "false");
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

class JsonList {
 public:
  explicit JsonList(std::string& out) : out_(out) { out_ += '['; }
  std::string& next() {
    if (!first_) out_ += ',';
    first_ = false;
    return out_;
  }
  void end() { out_ += ']'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace holdfast::app
