#include "collect/receive/influx_line.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace holdfast::collect {
namespace {

// One line, read from left to right. Escapes: a backslash takes the special meaning of the characters in
// `special` away and is itself otherwise.
class LineCursor {
 public:
  explicit LineCursor(std::string_view line) : rest_(line) {}

  std::string token(std::string_view ends, std::string_view special) {
    std::string out;
    while (!rest_.empty() && ends.find(rest_[0]) == std::string_view::npos) {
      if (rest_[0] == '\\' && rest_.size() > 1 && special.find(rest_[1]) != special.npos)
        rest_.remove_prefix(1);
      out += rest_[0];
      rest_.remove_prefix(1);
    }
    return out;
  }
  // A text field, quotes included; false when it does not end.
  bool quoted() {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void spaces() {
    while (take(' ')) {
    }
  }
  bool at(char c) const { return !rest_.empty() && rest_[0] == c; }
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<double> field_number(std::string_view text) {
  for (const std::string_view word : {"t", "T", "true", "True", "TRUE"}) {
    if (text == word) return 1;
  }
  for (const std::string_view word : {"f", "F", "false", "False", "FALSE"}) {
    if (text == word) return 0;
  }
  if (text.ends_with('i') || text.ends_with('u')) {
    const auto digits = text.substr(0, text.size() - 1);
    if (digits.find_first_not_of("+-0123456789") != digits.npos) return std::nullopt;
    return parse_double(digits);
  }
  // Numbers only: parse_double() also knows the words NaN and Inf, which line protocol does not.
  if (text.find_first_not_of("+-.0123456789eE") != text.npos) return std::nullopt;
  return parse_double(text);
}

class LineReader {
 public:
  LineReader(const InfluxOptions& options, Batch& out) : options_(options), out_(out) {}

  Result<void> read(std::string_view line) {
    LineCursor at(line);
    auto measurement = at.token(", ", ", \\");
    HF_TRY(read_tags(at));
    at.spaces();
    fields_.clear();
    do {
      HF_TRY(read_field(at));
    } while (at.take(','));
    const auto t = HF_TRY(read_time(at));
    for (auto& [field, value] : fields_) {
      auto labels = tags_;
      auto name = measurement.empty() ? field : measurement + "_" + field;
      labels.push_back({std::string(model::kMetricName), std::move(name)});
      HF_TRY(normalise_labels(labels));
      out_.add(model::Labels(std::move(labels)), t, value);
    }
    return {};
  }

 private:
  Result<void> read_tags(LineCursor& at) {
    tags_.assign(options_.more.begin(), options_.more.end());
    while (at.take(',')) {
      model::Label tag;
      tag.name = at.token("=, ", "=, \\");
      if (tag.name.empty() || !at.take('='))
        return invalid("tag '" + printable(tag.name) + "' has no '='");
      tag.value = at.token(", ", "=, \\");
      std::erase_if(tags_, [&](const model::Label& other) { return other.name == tag.name; });
      tags_.push_back(std::move(tag));
    }
    if (!at.at(' ')) return invalid("no fields");
    return {};
  }

  Result<void> read_field(LineCursor& at) {
    auto name = at.token("=, ", "=, \\");
    if (name.empty() || !at.take('=')) return invalid("field '" + printable(name) + "' has no '='");
    if (at.at('"')) {
      if (!at.quoted()) return invalid("the text of field '" + printable(name) + "' does not end");
      return {};
    }
    const auto text = at.token(", ", "");
    const auto value = field_number(text);
    if (!value)
      return invalid("field '" + printable(name) + "' is '" + printable(text) +
                     "'; allowed: a number, true, false, a text in quotes");
    fields_.emplace_back(std::move(name), *value);
    return {};
  }

  Result<model::Timestamp> read_time(LineCursor& at) {
    at.spaces();
    if (at.done()) return options_.now;
    const auto text = trim(at.rest());
    const auto steps = parse_int(text);
    if (!steps) return invalid("timestamp '" + printable(text) + "' is no integer");
    constexpr std::int64_t kMs = 1'000'000;
    const auto step = options_.precision.count();
    if (step >= kMs) {
      const auto factor = step / kMs;
      if (std::abs(static_cast<double>(*steps)) * static_cast<double>(factor) > 1e17)
        return invalid("timestamp '" + printable(text) + "' lies outside all time");
      return *steps * factor;
    }
    const auto divisor = kMs / step;
    return *steps >= 0 ? *steps / divisor : -((divisor - 1 - *steps) / divisor);
  }

  const InfluxOptions& options_;
  Batch& out_;
  std::vector<model::Label> tags_;
  std::vector<std::pair<std::string, double>> fields_;
};

// Up to the line feed that stands in no quoted text. Quotes count only where fields are: after the first
// space that is not escaped.
std::string_view take_line(std::string_view& body) {
  bool in_fields = false, in_quotes = false;
  const auto first = body.find_first_not_of(" \t");
  const bool is_comment = first != body.npos && body[first] == '#';
  std::size_t i = is_comment ? std::min(body.find('\n'), body.size()) : 0;
  for (; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\') {
      ++i;
    } else if (c == '\n' && !in_quotes) {
      break;
    } else if (c == ' ' && !in_quotes) {
      in_fields = true;
    } else if (c == '"' && in_fields) {
      in_quotes = !in_quotes;
    }
  }
  i = std::min(i, body.size());
  const auto line = body.substr(0, i);
  body.remove_prefix(std::min(i + 1, body.size()));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace

Result<Duration> influx_precision(std::string_view word) {
  constexpr std::pair<std::string_view, Duration> kWords[] = {
      {"", 1ns},         {"n", 1ns},  {"ns", 1ns}, {"u", 1us},  {"us", 1us},
      {"\xc2\xb5", 1us}, {"ms", 1ms}, {"s", 1s},   {"m", 1min}, {"h", 1h}};
  for (const auto& [name, step] : kWords) {
    if (name == word) return step;
  }
  return invalid("precision is '" + printable(word) + "'; allowed: ns, us, ms, s, m, h");
}

Batch read_influx_lines(std::string_view body, const InfluxOptions& options) {
  Batch out;
  LineReader reader(options, out);
  for (std::size_t number = 1; !body.empty();) {
    const auto* begin = body.data();
    const auto line = take_line(body);
    const auto text = trim(line);
    const auto series = out.series.size();
    const auto samples = out.samples.size();
    if (!text.empty() && text[0] != '#') {
      if (auto done = reader.read(text); !done) {
        out.series.resize(series);  // a line counts as a whole
        out.samples.resize(samples);
        out.refusals.add("line " + std::to_string(number) + ": " + done.error().message());
      }
    }
    number += static_cast<std::size_t>(std::count(begin, body.data(), '\n'));
  }
  return out;
}

}  // namespace holdfast::collect
