#include "detect/rules/template_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/time.h"

namespace holdfast::detect {
namespace {

constexpr std::string_view kTypeNames[] = {"nil",           "bool",   "int",           "float64",
                                           "string",        "map[string]string", "sample", "list",
                                           "map[string]interface {}", "data", "time.Time", "time.Duration"};

std::string print_labels(const model::Labels& labels) {
  std::string text = "map[";
  for (const auto& label : labels) {
    if (text.size() > 4) text += ' ';
    text += label.name + ":" + label.value;
  }
  return text + "]";
}

struct Printer {
  std::string operator()(std::monostate) const { return "<no value>"; }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return print_float(v); }
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(const model::Labels& v) const { return print_labels(v); }
  std::string operator()(const QuerySample& v) const { return "{" + print_labels(v.labels) + " " + print_float(v.value) + "}"; }
  std::string operator()(const TemplateList& v) const {
    std::string text = "[";
    for (const auto& item : *v) text += (text.size() > 1 ? " " : "") + item.print();
    return text + "]";
  }
  std::string operator()(const TemplateMap& v) const {
    std::string text = "map[";
    for (const auto& [name, value] : *v) text += (text.size() > 4 ? " " : "") + name + ":" + value.print();
    return text + "]";
  }
  std::string operator()(const TemplateData*) const { return "{}"; }
  std::string operator()(TemplateTime v) const { return print_time(v.ms); }
  std::string operator()(TemplateDuration v) const { return print_duration(v.ns); }
};

struct Truth {
  bool operator()(std::monostate) const { return false; }
  bool operator()(bool v) const { return v; }
  bool operator()(std::int64_t v) const { return v != 0; }
  bool operator()(double v) const { return v != 0; }  // NaN is true, as in Go
  bool operator()(const std::string& v) const { return !v.empty(); }
  bool operator()(const model::Labels& v) const { return !v.empty(); }
  bool operator()(const QuerySample&) const { return true; }
  bool operator()(const TemplateList& v) const { return !v->empty(); }
  bool operator()(const TemplateMap& v) const { return !v->empty(); }
  bool operator()(const TemplateData*) const { return true; }
  bool operator()(TemplateTime) const { return true; }
  bool operator()(TemplateDuration v) const { return v.ns != 0; }
};

std::string not_finite(double v) { return std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf"; }

// One %-directive of a format.
struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
  char verb = 0;

  std::string c_format(std::string_view length, char as) const {
    std::string format = "%";
    if (minus) format += '-';
    if (plus) format += '+';
    if (sharp) format += '#';
    if (space) format += ' ';
    if (zero) format += '0';
    if (width) format += std::to_string(*width);
    if (precision) format += "." + std::to_string(*precision);
    format += length;
    return format + as;
  }
  std::string pad(std::string text) const {
    std::size_t size = 0;  // in characters, not bytes
    for (const char c : text) size += (c & 0xc0) != 0x80 ? 1 : 0;
    if (!width || size >= static_cast<std::size_t>(*width)) return text;
    const std::string fill(static_cast<std::size_t>(*width) - size, zero && !minus ? '0' : ' ');
    return minus ? text + fill : fill + text;
  }
};

// Widths and precisions are bounded, so that a format cannot ask for gigabytes.
constexpr int kWidthMax = 1000;

std::optional<int> read_number(std::string_view format, std::size_t& i) {
  if (i >= format.size() || format[i] < '0' || format[i] > '9') return std::nullopt;
  int n = 0;
  for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i) n = std::min(n * 10 + (format[i] - '0'), kWidthMax);
  return n;
}

Directive read_directive(std::string_view format, std::size_t& i) {
  Directive d;
  for (; i < format.size(); ++i) {
    if (format[i] == '-') d.minus = true;
    else if (format[i] == '+') d.plus = true;
    else if (format[i] == '#') d.sharp = true;
    else if (format[i] == ' ') d.space = true;
    else if (format[i] == '0') d.zero = true;
    else break;
  }
  d.width = read_number(format, i);
  if (i < format.size() && format[i] == '.') {
    ++i;
    d.precision = read_number(format, i).value_or(0);
  }
  if (i < format.size()) d.verb = format[i++];
  return d;
}

std::string c_print(const std::string& format, auto value) {
  // The formats are built above from checked parts, never taken from outside.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(nullptr, 0, format.c_str(), value);
  std::string text(static_cast<std::size_t>(std::max(size, 0)) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), value);
#pragma GCC diagnostic pop
  text.pop_back();
  return text;
}

std::string bad_verb(const Directive& d, const TemplateValue& value) {
  if (value.is_nil()) return std::string("%!") + d.verb + "(<nil>)";
  return std::string("%!") + d.verb + "(" + std::string(value.type_name()) + "=" + value.print() + ")";
}

std::string format_float(const Directive& d, double v, const TemplateValue& value) {
  switch (d.verb) {
    case 'v':
    case 'g':
    case 'G':
      if (!d.precision) {
        auto text = print_float(v);
        if (d.plus && text[0] != '-' && text[0] != '+') text.insert(0, "+");
        return d.pad(text);
      }
      [[fallthrough]];
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      if (!std::isfinite(v)) {
        Directive plain = d;
        plain.zero = false;
        return plain.pad(not_finite(v));
      }
      return c_print(d.c_format("", d.verb == 'v' ? 'g' : d.verb), v);
    default: return bad_verb(d, value);
  }
}

std::string format_int(const Directive& d, std::int64_t v, const TemplateValue& value) {
  switch (d.verb) {
    case 'v':
    case 'd': return c_print(d.c_format("ll", 'd'), static_cast<long long>(v));
    case 'x':
    case 'X':
    case 'o': {
      const auto magnitude = v < 0 ? 0ULL - static_cast<unsigned long long>(v) : static_cast<unsigned long long>(v);
      auto text = c_print(std::string("%") + (d.sharp ? "#" : "") + "ll" + d.verb, magnitude);
      return d.pad(v < 0 ? "-" + text : text);
    }
    case 'c': return d.pad(std::string(1, static_cast<char>(v >= 32 && v < 127 ? v : '?')));
    default: return bad_verb(d, value);
  }
}

std::string format_text(const Directive& d, const std::string& v, const TemplateValue& value) {
  auto cut = v;
  if (d.precision && d.verb != 'x') {
    std::size_t bytes = 0;
    for (int n = 0; bytes < cut.size(); ++bytes) {
      if ((cut[bytes] & 0xc0) != 0x80 && n++ == *d.precision) break;
    }
    cut.resize(bytes);
  }
  switch (d.verb) {
    case 'v':
    case 's': return d.pad(cut);
    case 'q': return d.pad(model::quote(cut));
    case 'x': {
      std::string hex;
      for (const unsigned char c : cut) {
        hex += "0123456789abcdef"[c >> 4];
        hex += "0123456789abcdef"[c & 15];
      }
      return d.pad(hex);
    }
    default: return bad_verb(d, value);
  }
}

std::string format_one(const Directive& d, const TemplateValue& value) {
  if (d.verb == 'T') return d.pad(std::string(value.type_name()));
  if (const auto* v = value.as<double>()) return format_float(d, *v, value);
  if (const auto* v = value.as<std::int64_t>()) return format_int(d, *v, value);
  if (const auto* v = value.as<std::string>()) return format_text(d, *v, value);
  if (const auto* v = value.as<bool>()) return d.verb == 'v' || d.verb == 't' ? d.pad(*v ? "true" : "false") : bad_verb(d, value);
  if (value.is_nil()) return d.verb == 'v' ? d.pad("<nil>") : bad_verb(d, value);
  return d.verb == 'v' || d.verb == 's' ? d.pad(value.print()) : bad_verb(d, value);
}

}  // namespace

std::string_view TemplateValue::type_name() const { return kTypeNames[held.index()]; }
bool TemplateValue::truth() const { return std::visit(Truth{}, held); }
std::string TemplateValue::print() const { return std::visit(Printer{}, held); }

std::string print_float(double v) {
  if (!std::isfinite(v)) return not_finite(v);
  char digits[64];
  const auto scientific = std::to_chars(digits, digits + sizeof digits, v, std::chars_format::scientific);
  const std::string text(digits, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= 6) return text;  // strconv: shortest digits decide as precision 6
  const auto fixed = std::to_chars(digits, digits + sizeof digits, v, std::chars_format::fixed);
  return std::string(digits, fixed.ptr);
}

std::string print_duration(std::int64_t ns) {
  if (ns == 0) return "0s";
  const bool negative = ns < 0;
  auto rest = negative ? 0ULL - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  std::string text;
  // A fraction without its trailing zeros.
  const auto with_fraction = [](std::uint64_t value, std::uint64_t unit) {
    auto out = std::to_string(value / unit);
    if (auto part = value % unit; part != 0) {
      auto digits = std::to_string(unit + part).substr(1);
      while (digits.back() == '0') digits.pop_back();
      out += "." + digits;
    }
    return out;
  };
  if (rest < 1'000'000'000ULL) {
    text = rest < 1000 ? std::to_string(rest) + "ns"
           : rest < 1'000'000 ? with_fraction(rest, 1000) + "µs" : with_fraction(rest, 1'000'000) + "ms";
  } else {
    const auto hours = rest / 3'600'000'000'000ULL;
    const auto minutes = rest / 60'000'000'000ULL % 60;
    if (hours > 0) text += std::to_string(hours) + "h";
    if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
    text += with_fraction(rest % 60'000'000'000ULL, 1'000'000'000ULL) + "s";
  }
  return negative ? "-" + text : text;
}

std::string print_time(std::int64_t ms) {
  // From 2026-11-21T10:22:04.120Z to 2026-11-21 10:22:04.12 +0000 UTC.
  auto text = format_time(from_ms(ms));
  text[text.find('T')] = ' ';
  text.pop_back();
  if (const auto dot = text.find('.'); dot != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text + " +0000 UTC";
}

std::string printf_float(const char* format, double v) {
  return std::isfinite(v) ? c_print(format, v) : not_finite(v);
}

std::string go_sprintf(std::string_view format, const std::vector<TemplateValue>& args) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    ++i;
    const auto d = read_directive(format, i);
    if (d.verb == '%') out += '%';
    else if (d.verb == 0) out += "%!(NOVERB)";
    else if (next >= args.size()) out += std::string("%!") + d.verb + "(MISSING)";
    else out += format_one(d, args[next++]);
  }
  if (next < args.size()) {
    out += "%!(EXTRA ";
    for (std::size_t i = next; i < args.size(); ++i) {
      if (i > next) out += ", ";
      out += args[i].is_nil() ? "<nil>" : std::string(args[i].type_name()) + "=" + args[i].print();
    }
    out += ")";
  }
  return out;
}

Result<bool> values_equal(const TemplateValue& a, const TemplateValue& b) {
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  if (a.held.index() != b.held.index()) return invalid("incompatible types for comparison");
  if (const auto* v = a.as<bool>()) return *v == *b.as<bool>();
  if (const auto* v = a.as<std::int64_t>()) return *v == *b.as<std::int64_t>();
  if (const auto* v = a.as<double>()) return *v == *b.as<double>();
  if (const auto* v = a.as<std::string>()) return *v == *b.as<std::string>();
  if (const auto* v = a.as<TemplateDuration>()) return v->ns == b.as<TemplateDuration>()->ns;
  return invalid("non-comparable type " + std::string(a.type_name()));
}

Result<bool> values_less(const TemplateValue& a, const TemplateValue& b) {
  if (a.is_nil() || b.is_nil()) return invalid("invalid type for comparison");
  if (a.held.index() != b.held.index()) return invalid("incompatible types for comparison");
  if (const auto* v = a.as<std::int64_t>()) return *v < *b.as<std::int64_t>();
  if (const auto* v = a.as<double>()) return *v < *b.as<double>();
  if (const auto* v = a.as<std::string>()) return *v < *b.as<std::string>();
  if (const auto* v = a.as<TemplateDuration>()) return v->ns < b.as<TemplateDuration>()->ns;
  return invalid("invalid type for comparison");
}

}  // namespace holdfast::detect
