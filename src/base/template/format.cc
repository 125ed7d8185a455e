// Go's fmt over values: Sprint, Sprintln and Sprintf. Everything is written through a Sink that stops at a size, because a
// value may hold another many times over and a width may ask for a thousand spaces.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/template/builtins.h"
#include "base/template/go_time.h"
#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

std::string not_finite(double v) { return std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf"; }

std::string c_print(const char* format, double value) {
  // The formats are built from checked parts below, never taken from outside.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(nullptr, 0, format, value);
  std::string text(static_cast<std::size_t>(std::max(size, 0)) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, value);
#pragma GCC diagnostic pop
  text.pop_back();
  return text;
}

std::size_t rune_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0, size = 0; i < text.size(); i += size, ++count)
    decode_rune(text.substr(i), size);
  return count;
}

// One %-directive of a format.
struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  bool names = false;  // %+v: with the names of fields
  std::optional<int> width, precision;
  std::uint32_t verb = 'v';

  std::string verb_text() const {
    std::string out;
    append_rune(out, verb);
    return out;
  }
  std::string pad(std::string text) const {
    if (!width) return text;
    const auto size = rune_count(text);
    const auto wanted = static_cast<std::size_t>(*width);
    if (size >= wanted) return text;
    const std::string fill(wanted - size, zero && !minus ? '0' : ' ');
    return minus ? text + fill : fill + text;
  }
};

class Printer {
 public:
  explicit Printer(std::size_t size_max) : size_max_(size_max) {}

  std::string take() { return std::move(out_); }
  bool full() const { return out_.size() > size_max_; }
  void raw(std::string_view text) {
    if (!full()) out_ += text.substr(0, size_max_ + 1 - std::min(out_.size(), size_max_));
  }
  void value(const Directive& d, const Value& v, int depth);

 private:
  void bad_verb(const Directive& d, const Value& v) {
    raw("%!" + d.verb_text() + "(");
    if (v.is_nil()) {
      raw("<nil>");
    } else {
      raw(v.type_name() + "=");
      value(Directive{}, v, 0);
    }
    raw(")");
  }
  void boolean(const Directive& d, bool v, const Value& whole);
  void integer(const Directive& d, std::int64_t v, const Value& whole);
  void floating(const Directive& d, double v, const Value& whole);
  void text(const Directive& d, const std::string& v, const Value& whole);
  void list(const Directive& d, const List& v);
  void map(const Directive& d, const Map& v);
  void object(const Directive& d, const Object& v);

  const std::size_t size_max_;
  std::string out_;
};

void Printer::boolean(const Directive& d, bool v, const Value& whole) {
  if (d.verb != 'v' && d.verb != 't') return bad_verb(d, whole);
  raw(d.pad(v ? "true" : "false"));
}

std::string digits_of(std::uint64_t v, unsigned base, bool upper) {
  std::string out;
  do {
    const auto digit = static_cast<unsigned>(v % base);
    out.insert(out.begin(),
               static_cast<char>(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10));
    v /= base;
  } while (v > 0);
  return out;
}

void Printer::integer(const Directive& d, std::int64_t v, const Value& whole) {
  unsigned base = 10;
  std::string prefix;
  switch (d.verb) {
    case 'v':
    case 'd':
      break;
    case 'b':
      base = 2, prefix = d.sharp ? "0b" : "";
      break;
    case 'o':
      base = 8, prefix = d.sharp ? "0" : "";
      break;
    case 'O':
      base = 8, prefix = "0o";
      break;
    case 'x':
      base = 16, prefix = d.sharp ? "0x" : "";
      break;
    case 'X':
      base = 16, prefix = d.sharp ? "0X" : "";
      break;
    case 'c':
    case 'q': {
      std::string rune;
      append_rune(rune, v < 0 || v > 0x10ffff ? 0xfffd : static_cast<std::uint32_t>(v));
      if (d.verb == 'c') return raw(d.pad(rune));
      auto quoted = rune == "'"    ? "\\'"
                    : rune == "\"" ? "\""
                                   : quote(rune).substr(1, quote(rune).size() - 2);
      return raw(d.pad("'" + quoted + "'"));
    }
    case 'U': {
      const auto code = digits_of(static_cast<std::uint64_t>(v), 16, true);
      return raw(d.pad("U+" + std::string(code.size() < 4 ? 4 - code.size() : 0, '0') + code));
    }
    default:
      return bad_verb(d, whole);
  }
  const auto magnitude = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  std::string digits = digits_of(magnitude, base, d.verb == 'X');
  const std::string sign = v < 0 ? "-" : d.plus ? "+" : d.space ? " " : "";
  Directive padded = d;
  std::size_t digits_min = 0;
  if (d.precision) {
    digits_min = static_cast<std::size_t>(*d.precision);
    if (digits_min == 0 && v == 0) digits.clear();
    padded.zero = false;
  } else if (d.zero && d.width && !d.minus) {
    digits_min = static_cast<std::size_t>(*d.width) -
                 std::min(sign.size(), static_cast<std::size_t>(*d.width));
    padded.zero = false;
  }
  if (digits.size() < digits_min) digits.insert(0, digits_min - digits.size(), '0');
  if (prefix == "0" && digits.starts_with('0')) prefix.clear();
  raw(padded.pad(sign + prefix + digits));
}

void Printer::floating(const Directive& d, double v, const Value& whole) {
  const char verb = d.verb == 'v' ? 'g' : d.verb < 0x80 ? static_cast<char>(d.verb) : '?';
  if (std::string_view("eEfFgG").find(verb) == std::string_view::npos) return bad_verb(d, whole);
  std::string text;
  if (!std::isfinite(v)) {
    text = std::isnan(v) ? (d.plus ? "+NaN" : "NaN") : not_finite(v);
    Directive spaces = d;
    spaces.zero = false;
    return raw(spaces.pad(text));
  }
  if ((verb == 'g' || verb == 'G') && !d.precision) {
    text = print_float(v);
    if (verb == 'G') std::replace(text.begin(), text.end(), 'e', 'E');
  } else {
    const std::string format = std::string("%.") + std::to_string(d.precision.value_or(6)) + verb;
    text = c_print(format.c_str(), v);
  }
  std::string sign;
  if (text.starts_with('-')) {
    sign = "-";
    text.erase(0, 1);
  } else if (d.plus) {
    sign = "+";
  } else if (d.space) {
    sign = " ";
  }
  if (d.zero && !d.minus && d.width &&
      sign.size() + text.size() < static_cast<std::size_t>(*d.width)) {
    text.insert(0, static_cast<std::size_t>(*d.width) - sign.size() - text.size(), '0');
  }
  Directive spaces = d;
  spaces.zero = false;
  raw(spaces.pad(sign + text));
}

void Printer::text(const Directive& d, const std::string& v, const Value& whole) {
  std::string_view cut = v;
  if (d.precision && d.verb != 'x' && d.verb != 'X') {
    std::size_t at = 0, size = 0;
    for (int n = 0; n < *d.precision && at < cut.size(); ++n, at += size)
      decode_rune(cut.substr(at), size);
    cut = cut.substr(0, at);
  }
  switch (d.verb) {
    case 'v':
      if (d.sharp) return raw(d.pad(quote(cut)));
      [[fallthrough]];
    case 's':
      return raw(d.pad(std::string(cut)));
    case 'q': {
      const bool plain = cut.find('`') == std::string_view::npos &&
                         std::none_of(cut.begin(), cut.end(), [](char c) {
                           return (c >= 0 && c < 32 && c != '\t') || c == 0x7f;
                         });
      return raw(d.pad(d.sharp && plain ? "`" + std::string(cut) + "`" : quote(cut)));
    }
    case 'x':
    case 'X': {
      if (d.precision) cut = cut.substr(0, static_cast<std::size_t>(*d.precision));
      const char* digits = d.verb == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
      const std::string prefix = d.sharp ? (d.verb == 'x' ? "0x" : "0X") : "";
      std::string hex;
      for (const char c : cut) {
        if (hex.size() > size_max_) break;
        if (d.space && !hex.empty()) hex += ' ';
        if (d.sharp && (d.space || hex.empty())) hex += prefix;
        hex += digits[static_cast<unsigned char>(c) >> 4];
        hex += digits[static_cast<unsigned char>(c) & 15];
      }
      return raw(d.pad(hex));
    }
    default:
      return bad_verb(d, whole);
  }
}

void Printer::list(const Directive& d, const List& v) {
  raw("[");
  for (std::size_t i = 0; i < v.items.size() && !full(); ++i) {
    if (i > 0) raw(" ");
    value(d, v.items[i], 1);
  }
  raw("]");
}

void Printer::map(const Directive& d, const Map& v) {
  raw("map[");
  for (std::size_t i = 0; i < v.items.size() && !full(); ++i) {
    if (i > 0) raw(" ");
    value(d, Value(v.items[i].first), 1);
    raw(":");
    value(d, v.items[i].second, 1);
  }
  raw("]");
}

void Printer::object(const Directive& d, const Object& v) {
  raw("{");
  for (std::size_t i = 0; i < v.fields.size() && !full(); ++i) {
    if (i > 0) raw(" ");
    if (d.names) raw(v.type->fields[i].name + ":");
    value(d, v.fields[i], 1);
  }
  raw("}");
}

void Printer::value(const Directive& d, const Value& v, int depth) {
  if (full()) return;
  if (depth == 0 && d.verb == 'T') return raw(d.pad(v.type_name()));
  const bool words =
      d.verb == 'v' || d.verb == 's' || d.verb == 'q' || d.verb == 'x' || d.verb == 'X';
  if (v.is_nil()) {
    if (depth > 0 || d.verb == 'v') return raw(d.pad("<nil>"));
    return bad_verb(d, v);
  }
  if (const auto* held = v.as<bool>()) return boolean(d, *held, v);
  if (const auto* held = v.as<std::int64_t>()) return integer(d, *held, v);
  if (const auto* held = v.as<double>()) return floating(d, *held, v);
  if (const auto* held = v.as<std::string>()) return text(d, *held, v);
  if (const auto* held = v.as<SafeText>()) return text(d, held->text, v);
  if (const auto* held = v.as<Time>())
    return words ? text(d, print_go_time(*held), v) : bad_verb(d, v);
  if (const auto* held = v.as<Duration>()) {
    return words ? text(d, print_go_duration(*held), v) : integer(d, held->count(), v);
  }
  if (const auto* held = v.as_list()) return list(d, *held);
  if (const auto* held = v.as_map()) return map(d, *held);
  if (const auto* held = v.as_object()) return object(d, *held);
  raw("0x0");
}

// --- Sprintf -----------------------------------------------------------------------------------------------------

class Formatter {
 public:
  Formatter(std::string_view format, Args args, std::size_t size_max)
      : format_(format), args_(args), printer_(size_max) {}

  std::string run() {
    while (at_ < format_.size() && !printer_.full()) {
      const auto percent = std::min(format_.find('%', at_), format_.size());
      printer_.raw(format_.substr(at_, percent - at_));
      at_ = percent;
      if (at_ < format_.size()) {
        ++at_;
        directive();
      }
    }
    if (!reordered_ && next_ < args_.size()) extra();
    return printer_.take();
  }

 private:
  bool eat(char c) {
    if (at_ >= format_.size() || format_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::optional<int> number() {
    std::optional<int> n;
    for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_) {
      n = std::min(n.value_or(0) * 10 + (format_[at_] - '0'), kWidthMax);
    }
    return n;
  }
  // [3]: the next argument is the third.
  void index() {
    if (at_ >= format_.size() || format_[at_] != '[') return;
    reordered_ = true;
    const auto close = format_.find(']', at_);
    if (close == std::string_view::npos) {
      good_index_ = false;
      ++at_;
      return;
    }
    ++at_;
    const auto n = number();
    if (at_ != close || !n || *n < 1 || static_cast<std::size_t>(*n) > args_.size()) {
      good_index_ = false;
    } else {
      next_ = static_cast<std::size_t>(*n) - 1;
    }
    at_ = close + 1;
  }
  // A width or precision given as an argument; sets `bad` when that is no sensible number.
  std::optional<int> star(bool& bad) {
    const auto* n = next_ < args_.size() ? args_[next_++].as<std::int64_t>() : nullptr;
    bad = n == nullptr || *n > 1'000'000 || *n < -1'000'000;
    if (bad) return std::nullopt;
    return static_cast<int>(std::clamp<std::int64_t>(*n, -kWidthMax, kWidthMax));
  }

  void directive() {
    Directive d;
    good_index_ = true;
    for (;; ++at_) {
      const char c = at_ < format_.size() ? format_[at_] : '\0';
      if (c == '-')
        d.minus = true;
      else if (c == '+')
        d.plus = true;
      else if (c == '#')
        d.sharp = true;
      else if (c == ' ')
        d.space = true;
      else if (c == '0')
        d.zero = true;
      else
        break;
    }
    index();
    bool bad = false;
    if (eat('*')) {
      d.width = star(bad);
      if (bad) printer_.raw("%!(BADWIDTH)");
      if (d.width && *d.width < 0) {
        d.minus = true;
        d.width = -*d.width;
      }
    } else {
      d.width = number();
    }
    if (eat('.')) {
      index();
      if (eat('*')) {
        d.precision = star(bad);
        if (d.precision && *d.precision < 0) d.precision.reset(), bad = true;
        if (bad) printer_.raw("%!(BADPREC)");
      } else {
        d.precision = number().value_or(0);
      }
    }
    index();
    if (d.minus) d.zero = false;
    if (at_ >= format_.size()) return printer_.raw("%!(NOVERB)");
    std::size_t size = 0;
    d.verb = decode_rune(format_.substr(at_), size);
    at_ += size;
    if (d.verb == '%') return printer_.raw("%");
    if (d.verb == 'v') d.names = std::exchange(d.plus, false);
    if (!good_index_) return printer_.raw("%!" + d.verb_text() + "(BADINDEX)");
    if (next_ >= args_.size()) return printer_.raw("%!" + d.verb_text() + "(MISSING)");
    printer_.value(d, args_[next_++], 0);
  }

  void extra() {
    printer_.raw("%!(EXTRA ");
    for (std::size_t i = next_; i < args_.size() && !printer_.full(); ++i) {
      if (i > next_) printer_.raw(", ");
      if (!args_[i].is_nil()) printer_.raw(args_[i].type_name() + "=");
      printer_.value(Directive{}, args_[i], 0);
    }
    printer_.raw(")");
  }

  const std::string_view format_;
  const Args args_;
  Printer printer_;
  std::size_t at_ = 0, next_ = 0;
  bool reordered_ = false, good_index_ = true;
};

}  // namespace

std::string go_sprintf(std::string_view format, Args args, std::size_t size_max) {
  return Formatter(format, args, size_max).run();
}

std::string go_sprint(Args args, std::size_t size_max) {
  Printer printer(size_max);
  const auto is_text = [](const Value& v) {
    return v.as<std::string>() != nullptr || v.as<SafeText>() != nullptr;
  };
  for (std::size_t i = 0; i < args.size() && !printer.full(); ++i) {
    if (i > 0 && !is_text(args[i]) && !is_text(args[i - 1])) printer.raw(" ");
    printer.value(Directive{}, args[i], 0);
  }
  return printer.take();
}

std::string go_sprintln(Args args, std::size_t size_max) {
  Printer printer(size_max);
  for (std::size_t i = 0; i < args.size() && !printer.full(); ++i) {
    if (i > 0) printer.raw(" ");
    printer.value(Directive{}, args[i], 0);
  }
  printer.raw("\n");
  return printer.take();
}

std::string print_float(double v) {
  if (!std::isfinite(v)) return not_finite(v);
  char digits[512];
  const auto scientific =
      std::to_chars(digits, digits + sizeof digits, v, std::chars_format::scientific);
  const std::string text(digits, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  // Where the digits are the shortest that read back, Go decides as if the precision were 6.
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed = std::to_chars(digits, digits + sizeof digits, v, std::chars_format::fixed);
  return std::string(digits, fixed.ptr);
}

std::string printf_float(const char* format, double v) {
  return std::isfinite(v) ? c_print(format, v) : not_finite(v);
}

}  // namespace holdfast::templates
