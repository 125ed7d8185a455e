#include "collect/scrape/text_parser.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"

namespace holdfast::collect {
namespace {

enum CharClass : std::uint8_t {
  kNameStart = 1,  // of a metric
  kNameRest = 2,
  kLabelStart = 4,
  kLabelRest = 8,
  kBlank = 16,
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c)
    table[c] = table[c - 'a' + 'A'] = kNameStart | kNameRest | kLabelStart | kLabelRest;
  for (int c = '0'; c <= '9'; ++c) table[c] = kNameRest | kLabelRest;
  table['_'] = kNameStart | kNameRest | kLabelStart | kLabelRest;
  table[':'] = kNameStart | kNameRest;
  table[' '] = table['\t'] = kBlank;
  return table;
}
constexpr auto kClasses = make_classes();
bool is(char c, std::uint8_t mask) { return (kClasses[static_cast<unsigned char>(c)] & mask) != 0; }

constexpr std::size_t kShown = 40;  // bytes of foreign text in a message
std::string shown(std::string_view text) { return "\"" + printable(text, kShown) + "\""; }

// Between quotes, as written.
struct Quoted {
  std::string_view raw;
  bool escaped = false;
};

std::string unescape(const Quoted& quoted) {
  if (!quoted.escaped) return std::string(quoted.raw);
  std::string out;
  out.reserve(quoted.raw.size());
  for (std::size_t i = 0; i < quoted.raw.size(); ++i) {
    const char c = quoted.raw[i];
    const char next = c == '\\' && i + 1 < quoted.raw.size() ? quoted.raw[i + 1] : '\0';
    if (next == 'n')
      out += '\n';
    else if (next == '\\' || next == '"')
      out += next;
    else {
      out += c;
      continue;
    }
    ++i;
  }
  return out;
}

std::optional<double> parse_value(std::string_view text) {
  // Counters are mostly small whole numbers; up to 15 digits a double holds them exactly.
  if (!text.empty() && text.size() <= 15) {
    std::uint64_t whole = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
      whole = whole * 10 + (text[i] - '0');
    if (i == text.size()) return static_cast<double>(whole);
  }
  const auto digits = text.starts_with('+') ? text.substr(1) : text;
  double value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code == std::errc() && end == digits.data() + digits.size() && !digits.empty() &&
      !(text.starts_with('+') && digits.starts_with('-'))) {
    // One NaN for all that are spelt: another bit pattern would be the staleness marker.
    return std::isnan(value) ? std::bit_cast<double>(model::kNormalNanBits) : value;
  }
  auto parsed = parse_double(text);
  if (parsed && std::isnan(*parsed)) return std::bit_cast<double>(model::kNormalNanBits);
  return parsed;
}

}  // namespace

// Walks one line. The same walk checks a series and, with another visitor, builds its labels.
struct TextParser::Cursor {
  const char* at;
  const char* end;

  bool done() const { return at == end; }
  char peek() const { return *at; }
  void skip_blanks() {
    while (at != end && is(*at, kBlank)) ++at;
  }
  std::string_view token() {
    const char* begin = at;
    while (at != end && !is(*at, kBlank)) ++at;
    return {begin, static_cast<std::size_t>(at - begin)};
  }
  std::string_view rest() const { return {at, static_cast<std::size_t>(end - at)}; }
  std::string here() const { return done() ? "the end of the line" : shown(rest().substr(0, 1)); }

  // From the opening quote to after the closing one.
  std::optional<std::string> quoted(Quoted& out, std::string_view what) {
    const char* begin = ++at;
    bool wide = false;
    out.escaped = false;
    for (; at != end && *at != '"'; ++at) {
      if (*at == '\\') {
        out.escaped = true;
        if (++at == end) break;
      }
      wide = wide || (static_cast<unsigned char>(*at) & 0x80) != 0;
    }
    if (done()) return std::string(what) + " has no closing quote";
    out.raw = {begin, static_cast<std::size_t>(at - begin)};
    ++at;
    if (wide && !is_valid_utf8(out.raw)) return std::string(what) + " is not valid UTF-8";
    return std::nullopt;
  }

  // After "{", up to after "}". visitor.name(Quoted) is called for a metric name in quotes,
  // visitor.label(name, value) for each pair. Returns what is wrong.
  template <typename Visitor>
  std::optional<std::string> label_set(Visitor& visitor) {
    for (;;) {
      skip_blanks();
      if (done()) return "the label set has no closing brace";
      if (peek() == '}') {
        ++at;
        return std::nullopt;
      }
      if (auto wrong = label(visitor)) return wrong;
      skip_blanks();
      if (done()) return "the label set has no closing brace";
      if (peek() == ',')
        ++at;
      else if (peek() != '}')
        return "expected \",\" or \"}\" in the label set, got " + here();
    }
  }

  template <typename Visitor>
  std::optional<std::string> label(Visitor& visitor) {
    Quoted name;
    if (peek() == '"') {
      if (auto wrong = quoted(name, "a quoted name")) return wrong;
      if (name.raw.empty()) return "a quoted name is empty";
      skip_blanks();
      if (done() || peek() != '=') return visitor.name(name);
    } else {
      if (!is(peek(), kLabelStart)) return "expected a label name, got " + here();
      const char* begin = at;
      while (at != end && is(*at, kLabelRest)) ++at;
      name.raw = {begin, static_cast<std::size_t>(at - begin)};
      skip_blanks();
      if (done() || peek() != '=')
        return "expected \"=\" after label name " + shown(name.raw) + ", got " + here();
    }
    ++at;
    skip_blanks();
    if (done() || peek() != '"')
      return "expected a quoted value for label " + shown(name.raw) + ", got " + here();
    if (name.raw == model::kMetricName) return "label \"__name__\" is reserved for the metric name";
    Quoted value;
    if (auto wrong = quoted(value, "the label value")) {
      return "label " + shown(name.raw) + ": " + *wrong;
    }
    return visitor.label(name, value);
  }

  // Name and label set; `at` is behind it afterwards, and blanks are not taken with it.
  template <typename Visitor>
  std::optional<std::string> series(Visitor& visitor) {
    if (is(peek(), kNameStart)) {
      const char* begin = at;
      while (at != end && is(*at, kNameRest)) ++at;
      if (auto wrong = visitor.name({{begin, static_cast<std::size_t>(at - begin)}, false}))
        return wrong;
      const char* name_end = at;
      if (!done() && !is(peek(), kBlank) && peek() != '{') {
        return "unexpected " + here() + " after metric name " +
               shown({begin, static_cast<std::size_t>(name_end - begin)});
      }
      skip_blanks();
      if (done() || peek() != '{') {
        at = name_end;
        return std::nullopt;
      }
    } else if (peek() != '{') {
      return "a metric name cannot begin with " + here();
    }
    ++at;
    if (auto wrong = label_set(visitor)) return wrong;
    if (!visitor.named()) return "the series has no metric name";
    return std::nullopt;
  }
};

namespace {

struct CheckSeries {
  bool has_name = false;
  std::optional<std::string> name(const Quoted&) {
    if (has_name) return "the series has two metric names";
    has_name = true;
    return std::nullopt;
  }
  std::optional<std::string> label(const Quoted&, const Quoted&) { return std::nullopt; }
  bool named() const { return has_name; }
};

struct CheckExemplar {
  std::optional<std::string> name(const Quoted& name) {
    return "expected \"=\" after label name " + shown(name.raw) + " of the exemplar";
  }
  std::optional<std::string> label(const Quoted&, const Quoted&) { return std::nullopt; }
};

struct BuildLabels {
  std::vector<model::Label>& out;
  std::optional<std::string> name(const Quoted& name) {
    out.push_back({std::string(model::kMetricName), unescape(name)});
    return std::nullopt;
  }
  std::optional<std::string> label(const Quoted& name, const Quoted& value) {
    auto text = unescape(name);
    for (const auto& other : out) {
      if (other.name == text) return "label " + shown(text) + " stands twice";
    }
    out.push_back({std::move(text), unescape(value)});
    return std::nullopt;
  }
  bool named() const { return true; }
};

constexpr std::array<std::string_view, 9> kTypes = {"counter",  "gauge",   "histogram",
                                                    "summary",  "untyped", "gaugehistogram",
                                                    "stateset", "info",    "unknown"};

}  // namespace

Dialect dialect_of(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return equals_ignoring_case(type, "application/openmetrics-text") ? Dialect::kOpenMetrics
                                                                    : Dialect::kPrometheus;
}

Error TextParser::error(std::string message) const {
  return invalid("line " + std::to_string(line_number_) + ": " + std::move(message));
}

Result<TextParser::Entry> TextParser::next(std::string_view expected_series) {
  while (at_ < body_.size()) {
    const char* begin = body_.data() + at_;
    const auto* newline = static_cast<const char*>(std::memchr(begin, '\n', body_.size() - at_));
    const char* end = newline != nullptr ? newline : body_.data() + body_.size();
    at_ = static_cast<std::size_t>(end - body_.data()) + 1;
    ++line_number_;
    while (begin != end && is(*begin, kBlank)) ++begin;
    if (begin == end) continue;
    if (ended_) return error("unexpected text after \"# EOF\"");
    line_ = {begin, static_cast<std::size_t>(end - begin)};
    if (*begin != '#') return sample(line_, expected_series);
    if (const auto entry = HF_TRY(comment(line_))) return *entry;
  }
  return end();
}

Result<TextParser::Entry> TextParser::end() {
  if (dialect_ == Dialect::kOpenMetrics && !ended_) {
    ++line_number_;
    return error("the exposition ends without \"# EOF\"");
  }
  return Entry::kEnd;
}

Result<std::optional<TextParser::Entry>> TextParser::comment(std::string_view line) {
  using Answer = std::optional<Entry>;
  Cursor cursor{line.data() + 1, line.data() + line.size()};
  if (cursor.done() || !is(cursor.peek(), kBlank)) return Answer();
  cursor.skip_blanks();
  const auto word = cursor.token();
  if (dialect_ == Dialect::kOpenMetrics) {
    if (word == "EOF") {
      ended_ = true;
      return Answer();
    }
    if (word == "UNIT") return Answer(HF_TRY(metadata(Entry::kUnit, cursor.rest())));
  }
  if (word == "HELP") return Answer(HF_TRY(metadata(Entry::kHelp, cursor.rest())));
  if (word == "TYPE") return Answer(HF_TRY(metadata(Entry::kType, cursor.rest())));
  return Answer();
}

Result<TextParser::Entry> TextParser::metadata(Entry entry, std::string_view rest) {
  const std::string_view word = entry == Entry::kHelp   ? "HELP"
                                : entry == Entry::kType ? "TYPE"
                                                        : "UNIT";
  Cursor cursor{rest.data(), rest.data() + rest.size()};
  cursor.skip_blanks();
  if (cursor.done()) return error("expected a metric name after " + std::string(word));
  if (cursor.peek() == '"') {
    Quoted name;
    if (auto wrong = cursor.quoted(name, "the metric name after " + std::string(word)))
      return error(*wrong);
    family_ = name.raw;
  } else {
    family_ = cursor.token();
    const bool good =
        is(family_[0], kNameStart) &&
        std::all_of(family_.begin(), family_.end(), [](char c) { return is(c, kNameRest); });
    if (!good)
      return error(shown(family_) + " after " + std::string(word) + " is not a metric name");
  }
  cursor.skip_blanks();
  text_ = cursor.rest();
  if (entry == Entry::kHelp && !is_valid_utf8(text_))
    return error("the help text is not valid UTF-8");
  if (entry == Entry::kType) {
    text_ = trim(text_);
    if (text_.empty()) return error("expected a type after metric name " + shown(family_));
    if (std::find(kTypes.begin(), kTypes.end(), text_) == kTypes.end()) {
      return error("type " + shown(text_) + " of metric " + shown(family_) +
                   " is none of counter, gauge, histogram, summary, untyped, gaugehistogram, "
                   "stateset, info, unknown");
    }
    if (text_ == "untyped") text_ = "unknown";
  }
  return entry;
}

Result<TextParser::Entry> TextParser::sample(std::string_view line,
                                             std::string_view expected_series) {
  Cursor cursor{line.data(), line.data() + line.size()};
  const auto size = expected_series.size();
  if (size != 0 && line.size() > size && is(line[size], kBlank) &&
      line.starts_with(expected_series)) {
    cursor.at += size;
    // "name {..." would be a longer series than the one expected.
    Cursor ahead = cursor;
    ahead.skip_blanks();
    if (ahead.done() || ahead.peek() != '{') {
      series_ = line.substr(0, size);
      HF_TRY(value_and_timestamp(cursor));
      return Entry::kSample;
    }
    cursor.at = line.data();
  }
  CheckSeries check;
  if (auto wrong = cursor.series(check)) return error(std::move(*wrong));
  series_ = {line.data(), static_cast<std::size_t>(cursor.at - line.data())};
  HF_TRY(value_and_timestamp(cursor));
  return Entry::kSample;
}

Result<void> TextParser::value_and_timestamp(Cursor& cursor) {
  if (!cursor.done() && !is(cursor.peek(), kBlank)) {
    return error("expected a space before the value, got " + cursor.here());
  }
  cursor.skip_blanks();
  if (cursor.done()) return error("expected a value after the series");
  const auto text = cursor.token();
  const auto value = parse_value(text);
  if (!value) return error("value " + shown(text) + " is not a number");
  value_ = *value;
  timestamp_.reset();
  exemplar_ = {};
  cursor.skip_blanks();
  if (cursor.done()) return {};
  if (dialect_ == Dialect::kOpenMetrics && cursor.peek() == '#') return exemplar(cursor);

  const auto stamp = cursor.token();
  if (dialect_ == Dialect::kOpenMetrics) {
    const auto seconds = parse_double(stamp);
    if (!seconds || !std::isfinite(*seconds)) {
      return error("timestamp " + shown(stamp) + " is not a number of seconds");
    }
    const double ms = *seconds * 1000;
    if (std::abs(ms) > static_cast<double>(model::kTimestampMax)) {
      return error("timestamp " + shown(stamp) + " is out of range");
    }
    timestamp_ = static_cast<model::Timestamp>(std::llround(ms));
  } else {
    timestamp_ = parse_int(stamp);
    if (!timestamp_)
      return error("timestamp " + shown(stamp) + " is not a whole number of milliseconds");
    if (*timestamp_ > model::kTimestampMax || *timestamp_ < model::kTimestampMin) {
      return error("timestamp " + shown(stamp) + " is out of range");
    }
  }
  cursor.skip_blanks();
  if (cursor.done()) return {};
  if (dialect_ == Dialect::kOpenMetrics && cursor.peek() == '#') return exemplar(cursor);
  return error("unexpected " + shown(cursor.rest()) + " after the timestamp");
}

Result<void> TextParser::exemplar(Cursor& cursor) {
  ++cursor.at;
  cursor.skip_blanks();
  if (cursor.done() || cursor.peek() != '{') {
    return error("expected \"{\" to begin the exemplar, got " + cursor.here());
  }
  exemplar_ = cursor.rest();
  ++cursor.at;
  CheckExemplar check;
  if (auto wrong = cursor.label_set(check)) return error(std::move(*wrong));
  Exemplar unused;
  return exemplar_value(cursor, unused);
}

Result<void> TextParser::exemplar_value(Cursor& cursor, Exemplar& out) const {
  cursor.skip_blanks();
  const auto text = cursor.token();
  const auto value = parse_value(text);
  if (!value) return error("value " + shown(text) + " of the exemplar is not a number");
  out.value = *value;
  cursor.skip_blanks();
  if (cursor.done()) return {};
  const auto stamp = cursor.token();
  const auto seconds = parse_double(stamp);
  if (!seconds || !std::isfinite(*seconds)) {
    return error("timestamp " + shown(stamp) + " of the exemplar is not a number of seconds");
  }
  if (std::abs(*seconds) > static_cast<double>(model::kTimestampMax) / 1000) {
    return error("timestamp " + shown(stamp) + " of the exemplar is out of range");
  }
  out.timestamp = static_cast<model::Timestamp>(std::llround(*seconds * 1000));
  cursor.skip_blanks();
  if (!cursor.done()) return error("unexpected " + shown(cursor.rest()) + " after the exemplar");
  return {};
}

Result<TextParser::Exemplar> TextParser::exemplar() const {
  Exemplar out;
  Cursor cursor{exemplar_.data() + 1, exemplar_.data() + exemplar_.size()};
  BuildLabels build{out.labels};
  if (auto wrong = cursor.label_set(build)) return error(std::move(*wrong));
  HF_TRY(exemplar_value(cursor, out));
  return out;
}

Result<void> TextParser::labels(std::vector<model::Label>& out) const {
  Cursor cursor{series_.data(), series_.data() + series_.size()};
  BuildLabels build{out};
  if (auto wrong = cursor.series(build)) return error(std::move(*wrong));
  return {};
}

std::string TextParser::family() const { return unescape({family_, true}); }
std::string TextParser::text() const { return unescape({text_, true}); }

}  // namespace holdfast::collect
