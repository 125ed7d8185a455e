#include "base/template/alert_functions.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/bytes.h"
#include "base/template/builtins.h"
#include "base/template/go_time.h"
#include "base/template/lexer.h"
#include "base/text.h"

namespace holdfast::templates {
namespace {

// --- letters -----------------------------------------------------------------------------------------------------

struct Letters {
  std::uint32_t upper_begin, upper_end, distance;
};
// Alphabets whose small letters stand at one distance behind the capitals.
constexpr Letters kAlphabets[] = {
    {'A', 'Z', 32},     {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0x391, 0x3a1, 32},
    {0x3a3, 0x3ab, 32}, {0x410, 0x42f, 32}, {0x400, 0x40f, 80},
};

std::uint32_t to_upper(std::uint32_t c) {
  for (const auto& letters : kAlphabets) {
    if (c >= letters.upper_begin + letters.distance && c <= letters.upper_end + letters.distance)
      return c - letters.distance;
  }
  // Latin Extended-A pairs each capital with the small letter behind it.
  if (c >= 0x100 && c <= 0x137 && c != 0x131 && c != 0x130) return c & ~1U;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c % 2 == 0 ? c - 1 : c;
  return c >= 0x14a && c <= 0x177 ? c & ~1U : c;
}

std::uint32_t to_lower(std::uint32_t c) {
  for (const auto& letters : kAlphabets) {
    if (c >= letters.upper_begin && c <= letters.upper_end) return c + letters.distance;
  }
  if (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) return c | 1U;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c % 2 == 1 ? c + 1 : c;
  return c >= 0x14a && c <= 0x177 ? c | 1U : c;
}

template <typename Change>
std::string changed(std::string_view text, Change change) {
  std::string out;
  for (std::size_t i = 0, size = 0; i < text.size(); i += size) {
    const auto rune = decode_rune(text.substr(i), size);
    const auto other = change(rune);
    // What is no UTF-8 stays as it is.
    if (other == rune)
      out += text.substr(i, size);
    else
      append_rune(out, other);
  }
  return out;
}

bool is_word_rune(std::uint32_t c) {
  if (c >= 0x80) return is_printable_rune(c) && c != 0xd7 && c != 0xf7 && c >= 0xaa;
  const char letter = static_cast<char>(c);
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '_';
}

// --- regular expressions -----------------------------------------------------------------------------------------

std::string regex_error(const re2::RE2& regex) {
  const auto what = [&]() -> const char* {
    switch (regex.error_code()) {
      case re2::RE2::ErrorBadEscape:
        return "invalid escape sequence";
      case re2::RE2::ErrorBadCharClass:
        return "invalid character class";
      case re2::RE2::ErrorBadCharRange:
        return "invalid character class range";
      case re2::RE2::ErrorMissingBracket:
        return "missing closing ]";
      case re2::RE2::ErrorMissingParen:
        return "missing closing )";
      case re2::RE2::ErrorTrailingBackslash:
        return "trailing backslash at end of expression";
      case re2::RE2::ErrorRepeatArgument:
        return "missing argument to repetition operator";
      case re2::RE2::ErrorRepeatSize:
        return "invalid repeat count";
      case re2::RE2::ErrorRepeatOp:
        return "invalid nested repetition operator";
      case re2::RE2::ErrorBadPerlOp:
        return "invalid or unsupported Perl syntax";
      case re2::RE2::ErrorBadUTF8:
        return "invalid UTF-8";
      case re2::RE2::ErrorBadNamedCapture:
        return "invalid named capture";
      default:
        return "invalid expression";
    }
  }();
  const std::string arg = regex.error_arg();
  return std::string("error parsing regexp: ") + what + (arg.empty() ? "" : ": `" + arg + "`");
}

Result<std::unique_ptr<re2::RE2>> compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(pattern, options);
  if (!regex->ok()) return invalid(regex_error(*regex));
  return regex;
}

// $1, ${1}, $name and ${name} of a replacement; "$$" is a "$". An unknown group is nothing, as in Go.
std::string expand_groups(const re2::RE2& regex, std::string_view replacement,
                          const std::vector<re2::StringPiece>& groups) {
  const auto group = [&](const std::string& name) -> std::string_view {
    auto index = parse_int(name);
    if (!index) {
      const auto found = regex.NamedCapturingGroups().find(name);
      if (found == regex.NamedCapturingGroups().end()) return {};
      index = found->second;
    }
    if (*index < 0 || static_cast<std::size_t>(*index) >= groups.size()) return {};
    const auto& piece = groups[static_cast<std::size_t>(*index)];
    return piece.data() == nullptr ? std::string_view()
                                   : std::string_view(piece.data(), piece.size());
  };
  std::string out;
  for (std::size_t i = 0; i < replacement.size();) {
    if (replacement[i] != '$' || i + 1 >= replacement.size()) {
      out += replacement[i++];
      continue;
    }
    if (replacement[i + 1] == '$') {
      out += '$';
      i += 2;
      continue;
    }
    const bool braces = replacement[i + 1] == '{';
    const auto from = i + (braces ? 2 : 1);
    auto to = from;
    while (to < replacement.size() && static_cast<unsigned char>(replacement[to]) < 0x80 &&
           is_word_rune(static_cast<unsigned char>(replacement[to]))) {
      ++to;
    }
    if (to == from || (braces && (to >= replacement.size() || replacement[to] != '}'))) {
      out += replacement[i++];
      continue;
    }
    out += group(std::string(replacement.substr(from, to - from)));
    i = to + (braces ? 1 : 0);
  }
  return out;
}

// --- arguments ---------------------------------------------------------------------------------------------------

const std::string& text_at(Args args, std::size_t i) { return *args[i].as<std::string>(); }

Result<double> number_of(const Value& v) {
  if (const auto* number = v.as<double>()) return *number;
  if (const auto* whole = v.as<std::int64_t>()) return static_cast<double>(*whole);
  if (const auto* duration = v.as<Duration>()) return to_seconds(*duration);
  if (const auto* text = v.as<std::string>()) {
    if (auto parsed = parse_double(*text)) return *parsed;
    return invalid("strconv.ParseFloat: parsing " + quote(*text) + ": invalid syntax");
  }
  return invalid("can't convert " + v.type_name() + " to float");
}

// --- the functions -----------------------------------------------------------------------------------------------

Result<Value> fn_to_upper(const CallContext&, Args a) { return Value(upper_case(text_at(a, 0))); }
Result<Value> fn_to_lower(const CallContext&, Args a) { return Value(lower_case(text_at(a, 0))); }
Result<Value> fn_title(const CallContext&, Args a) {
  return Value(title_case(text_at(a, 0), true));
}

Result<Value> fn_trim_space(const CallContext&, Args a) {
  std::string_view text = text_at(a, 0);
  const auto is_space = [](std::uint32_t c) {
    return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
  };
  std::size_t begin = 0, end = 0, size = 0;
  for (std::size_t i = 0; i < text.size(); i += size) {
    const bool space = is_space(decode_rune(text.substr(i), size));
    if (space && end == 0) begin = i + size;
    if (!space) end = i + size;
  }
  return Value(end == 0 ? std::string_view() : text.substr(begin, end - begin));
}

Result<Value> fn_join(const CallContext& context, Args a) {
  const auto& separator = text_at(a, 0);
  std::string out;
  for (const auto& item : a[1].as_list()->items) {
    if (&item != &a[1].as_list()->items.front()) out += separator;
    out += *item.as<std::string>();
    if (out.size() > context.text_size_max) break;  // refused by the caller
  }
  return Value(std::move(out));
}

Result<Value> fn_match(const CallContext&, Args a) {
  return Value(HF_TRY(regex_match(text_at(a, 0), text_at(a, 1))));
}
Result<Value> fn_re_replace_all(const CallContext& context, Args a) {
  return Value(HF_TRY(
      regex_replace_all(text_at(a, 0), text_at(a, 1), text_at(a, 2), context.text_size_max)));
}

Result<Value> fn_string_slice(const CallContext&, Args a) {
  std::vector<std::string> items;
  for (const auto& arg : a) items.push_back(*arg.as<std::string>());
  return Value::strings(items);
}
Result<Value> fn_list(const CallContext&, Args a) { return Value::list({a.begin(), a.end()}); }
Result<Value> fn_append(const CallContext&, Args a) {
  std::vector<Value> items = a[0].as_list()->items;
  items.insert(items.end(), a.begin() + 1, a.end());
  return Value::list(std::move(items));
}
Result<Value> fn_dict(const CallContext&, Args a) {
  if (a.size() % 2 != 0) return invalid("invalid dict call");
  std::vector<std::pair<std::string, Value>> items;
  for (std::size_t i = 0; i < a.size(); i += 2) {
    const auto* key = a[i].as<std::string>();
    if (key == nullptr) return invalid("dict keys must be strings");
    items.emplace_back(*key, a[i + 1]);
  }
  return Value::map(std::move(items));
}

Result<Value> fn_safe_html(const CallContext&, Args a) { return Value::html(text_at(a, 0)); }
Result<Value> fn_safe_url(const CallContext&, Args a) { return Value::url(text_at(a, 0)); }

int hex_digit(char c) {
  const char low = static_cast<char>(c | 0x20);
  return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

Result<Value> fn_url_unescape(const CallContext&, Args a) {
  const std::string_view text = text_at(a, 0);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1,
              low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return invalid("invalid URL escape " + quote(text.substr(i, 3)));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return Value(std::move(out));
}

Result<Value> fn_date(const CallContext&, Args a) {
  return Value(format_go_time(*a[1].as<Time>(), text_at(a, 0)));
}
Result<Value> fn_tz(const CallContext&, Args a) {
  Time time = *a[1].as<Time>();
  time.zone = HF_TRY(find_zone(text_at(a, 0)));
  return Value(std::move(time));
}
Result<Value> fn_now(const CallContext& context, Args) {
  return Value(Time::of(context.now, HF_TRY(find_zone("Local"))));
}
Result<Value> fn_since(const CallContext& context, Args a) {
  const auto* method = &time_methods().find("Sub")->second;
  const Value args[] = {Time::of(context.now), a[0]};
  return method->call(context, args);
}
Result<Value> fn_humanize_duration(const CallContext&, Args a) {
  return Value(humanize_duration(HF_TRY(number_of(a[0]))));
}
Result<Value> fn_must_to_date(const CallContext&, Args a) {
  return Value(HF_TRY(parse_go_time(text_at(a, 0), text_at(a, 1))));
}
Result<Value> fn_to_date(const CallContext&, Args a) {
  auto time = parse_go_time(text_at(a, 0), text_at(a, 1));
  return Value(time ? std::move(*time) : Time::zero());
}

Result<Value> fn_to_json(const CallContext& context, Args a) {
  return Value(HF_TRY(to_json(a[0], context.text_size_max)));
}

Result<Value> fn_base64_encode(const CallContext&, Args a) {
  std::string out = base64_encode(text_at(a, 0));
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return Value(std::move(out));
}
Result<Value> fn_base64_decode(const CallContext&, Args a) {
  std::string text = text_at(a, 0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '=';
    if (!known) return invalid("illegal base64 data at input byte " + std::to_string(i));
  }
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  auto bytes = base64_decode(text);
  if (!bytes)
    return invalid("illegal base64 data at input byte " +
                   std::to_string(text.find_last_not_of('=') + 1));
  return Value(std::move(*bytes));
}

}  // namespace

std::string upper_case(std::string_view text) { return changed(text, to_upper); }
std::string lower_case(std::string_view text) { return changed(text, to_lower); }

std::string title_case(std::string_view text, bool rest_lower) {
  bool inside = false;
  return changed(text, [&inside, rest_lower](std::uint32_t c) {
    const bool begins = !inside;
    const bool apostrophe =
        rest_lower && inside && (c == '\'' || c == 0x2019 || c == '.' || c == ':');
    inside = is_word_rune(c) || apostrophe;
    if (begins) return to_upper(c);
    return rest_lower ? to_lower(c) : c;
  });
}

Result<bool> regex_match(const std::string& pattern, const std::string& text) {
  const auto regex = HF_TRY(compile(pattern));
  return re2::RE2::PartialMatch(text, *regex);
}

Result<std::string> regex_replace_all(const std::string& pattern, const std::string& replacement,
                                      const std::string& text, std::size_t size_max) {
  const auto regex = HF_TRY(compile(pattern));
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex->NumberOfCapturingGroups()) +
                                       1);
  std::string out;
  std::size_t at = 0, last_end = std::string::npos;
  while (at <= text.size() && regex->Match(text, at, text.size(), re2::RE2::UNANCHORED,
                                           groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const auto end = begin + groups[0].size();
    out.append(text, at, begin - at);
    if (out.size() > size_max) return out;  // refused by the caller
    // An empty match right after another match is none, as in Go.
    if (!(end == begin && begin == last_end)) out += expand_groups(*regex, replacement, groups);
    last_end = end;
    at = end;
    if (end == begin) {
      do {
        if (at < text.size()) out += text[at];
        ++at;
      } while (at < text.size() && (text[at] & 0xc0) == 0x80);
    }
  }
  if (at < text.size()) out.append(text, at, std::string::npos);
  return out;
}

std::string humanize_duration(double v) {
  if (!std::isfinite(v)) return printf_float("%.4g", v);
  if (v == 0) return printf_float("%.4g", v) + "s";
  if (std::fabs(v) < 1) {
    std::string_view prefix;
    for (const std::string_view next : {"m", "u", "n", "p", "f", "a", "z", "y"}) {
      if (std::fabs(v) >= 1) break;
      prefix = next;
      v *= 1000;
    }
    return printf_float("%.4g", v) + std::string(prefix) + "s";
  }
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  const auto whole =
      v < 9e18 ? static_cast<std::int64_t>(v) : std::numeric_limits<std::int64_t>::max();
  const auto seconds = std::to_string(whole % 60) + "s",
             minutes = std::to_string(whole / 60 % 60) + "m ";
  const auto hours = std::to_string(whole / 3600 % 24) + "h ",
             days = std::to_string(whole / 86400) + "d ";
  if (whole >= 86400) return sign + days + hours + minutes + seconds;
  if (whole >= 3600) return sign + hours + minutes + seconds;
  if (whole >= 60) return sign + minutes + seconds;
  return sign + printf_float("%.4g", v) + "s";
}

Functions alertmanager_functions() {
  return {
      {"append", {"la*", fn_append}},
      {"base64decode", {"s", fn_base64_decode}},
      {"base64encode", {"s", fn_base64_encode}},
      {"date", {"st", fn_date}},
      {"dict", {"a*", fn_dict}},
      {"humanizeDuration", {"a", fn_humanize_duration}},
      {"join", {"sL", fn_join}},
      {"list", {"a*", fn_list}},
      {"match", {"ss", fn_match}},
      {"mustToDate", {"ss", fn_must_to_date}},
      {"now", {"", fn_now}},
      {"reReplaceAll", {"sss", fn_re_replace_all}},
      {"safeHtml", {"s", fn_safe_html}},
      {"safeUrl", {"s", fn_safe_url}},
      {"since", {"t", fn_since}},
      {"stringSlice", {"s*", fn_string_slice}},
      {"title", {"s", fn_title}},
      {"toDate", {"ss", fn_to_date}},
      {"toJson", {"a", fn_to_json}},
      {"toLower", {"s", fn_to_lower}},
      {"toUpper", {"s", fn_to_upper}},
      {"trimSpace", {"s", fn_trim_space}},
      {"tz", {"st", fn_tz}},
      {"urlUnescape", {"s", fn_url_unescape}},
  };
}

}  // namespace holdfast::templates
