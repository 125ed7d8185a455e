#include "respond/route/go_text.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/text.h"

namespace holdfast::respond::route {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_utf8(std::string& out, std::uint32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | (rune >> 6));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | (rune >> 12));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (rune >> 18));
    out += static_cast<char>(0x80 | ((rune >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `count` digits of `base` at `pos`; -1 when they are not there.
std::int64_t digits(std::string_view s, std::size_t pos, std::size_t count, int base) {
  if (pos + count > s.size()) return -1;
  std::int64_t value = 0;
  for (std::size_t i = pos; i < pos + count; ++i) {
    const int digit = hex_digit(s[i]);
    if (digit < 0 || digit >= base) return -1;
    value = value * base + digit;
  }
  return value;
}

// One escape behind the backslash at `pos`; moves `pos` behind it. False: not one of Go's.
bool unescape(std::string_view s, std::size_t& pos, std::string& out) {
  const char c = s[pos];
  constexpr std::string_view kNames = "abfnrtv\\\"";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"";
  if (const auto at = kNames.find(c); at != std::string_view::npos) {
    out += kValues[at];
    ++pos;
    return true;
  }
  if (c >= '0' && c <= '7') {
    const auto value = digits(s, pos, 3, 8);
    if (value < 0 || value > 255) return false;
    out += static_cast<char>(value);
    pos += 3;
    return true;
  }
  const std::size_t count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (count == 0) return false;
  const auto value = digits(s, pos + 1, count, 16);
  if (value < 0) return false;
  pos += 1 + count;
  if (c == 'x') {
    out += static_cast<char>(value);
    return true;
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  append_utf8(out, static_cast<std::uint32_t>(value));
  return true;
}

Error bad_url(std::string_view text, std::string_view why) {
  return invalid("parse " + go_quote(text) + ": " + std::string(why));
}

// The scheme, empty when there is none; an error for what can be neither scheme nor path.
Result<std::string> scheme_of(std::string_view url) {
  for (std::size_t i = 0; i < url.size(); ++i) {
    const char c = url[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) continue;
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.') {
      if (i == 0) return std::string();
      continue;
    }
    if (c != ':') return std::string();
    if (i == 0) return bad_url(url, "missing protocol scheme");
    return lower(url.substr(0, i));
  }
  return std::string();
}

std::string_view authority_of(std::string_view url, std::string_view scheme) {
  auto rest = scheme.empty() ? url : url.substr(scheme.size() + 1);
  if (rest.substr(0, 2) != "//") return {};
  rest.remove_prefix(2);
  return rest.substr(0, rest.find_first_of("/?#"));
}

std::string_view host_of(std::string_view authority) {
  const auto at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

Result<void> check_host(std::string_view url, std::string_view host) {
  if (host.substr(0, 1) == "[") {
    if (host.find(']') == std::string_view::npos) return bad_url(url, "missing ']' in host");
  }
  for (const char c : host) {
    if (c == ' ' || c == '<' || c == '>' || c == '"' || c == '\\' || c == '^' || c == '`' ||
        c == '{' || c == '|' || c == '}')
      return bad_url(url, "invalid character " + go_quote(std::string(1, c)) + " in host name");
  }
  const auto colon = host.substr(0, 1) == "[" ? host.find(':', host.find(']')) : host.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto port = host.substr(colon);
  if (!std::all_of(port.begin() + 1, port.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return bad_url(url, "invalid port " + go_quote(port) + " after host");
  return {};
}

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1e3},
                                      {"\u00b5s", 1e3},
                                      {"\u03bcs", 1e3},
                                      {"ms", 1e6},
                                      {"s", 1e9},
                                      {"m", 60e9},
                                      {"h", 3600e9}}};

struct ModelUnit {
  std::string_view name;
  Duration size;
};
constexpr std::array<ModelUnit, 7> kModelUnits{
    {{"y", 24h * 365}, {"w", 24h * 7}, {"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view regexp_code_text(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    default:
      return "expression too large";
  }
}

}  // namespace

namespace {

// Of the character s begins with, in bytes; 1 for a byte that begins none.
std::size_t utf8_size(std::string_view s) {
  for (std::size_t size = 2; size <= 4 && size <= s.size(); ++size) {
    if (static_cast<unsigned char>(s[0]) >= 0x80 && is_valid_utf8(s.substr(0, size))) return size;
  }
  return 1;
}

}  // namespace

std::string go_quote(std::string_view s) {
  std::string out = "\"";
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    const auto byte = static_cast<unsigned char>(c);
    if (const auto size = utf8_size(s.substr(i)); size > 1) {
      out += s.substr(i, size);
      i += size - 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (const auto at = std::string_view("\a\b\f\n\r\t\v").find(c);
               at != std::string_view::npos) {
      out += '\\';
      out += "abfnrtv"[at];
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

Result<std::string> go_unquote(std::string_view literal) {
  const auto refused = [] { return invalid("invalid syntax"); };
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return refused();
  const auto body = literal.substr(1, literal.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < body.size();) {
    if (body[i] == '"' || body[i] == '\n') return refused();
    if (body[i] != '\\') {
      out += body[i++];
      continue;
    }
    if (++i >= body.size() || !unescape(body, i, out)) return refused();
  }
  if (!is_valid_utf8(out)) return invalid("quoted string contains invalid UTF-8 code points");
  return out;
}

Result<Duration> parse_go_duration(std::string_view text) {
  const auto quoted = go_quote(text);
  auto rest = text;
  const bool negative = rest.substr(0, 1) == "-";
  if (negative || rest.substr(0, 1) == "+") rest.remove_prefix(1);
  if (rest == "0") return Duration::zero();
  if (rest.empty()) return invalid("time: invalid duration " + quoted);
  double sum = 0;
  while (!rest.empty()) {
    std::size_t size = 0;
    while (size < rest.size() && (is_digit(rest[size]) || rest[size] == '.')) ++size;
    const auto number = rest.substr(0, size);
    if (std::none_of(number.begin(), number.end(), is_digit) ||
        std::count(number.begin(), number.end(), '.') > 1)
      return invalid("time: invalid duration " + quoted);
    rest.remove_prefix(size);
    size = 0;
    while (size < rest.size() && !is_digit(rest[size]) && rest[size] != '.') ++size;
    if (size == 0) return invalid("time: missing unit in duration " + quoted);
    const auto name = rest.substr(0, size);
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == kUnits.end())
      return invalid("time: unknown unit " + go_quote(name) + " in duration " + quoted);
    rest.remove_prefix(size);
    const bool point_only = number.front() == '.' || number.back() == '.';
    const auto value = parse_double(point_only ? "0" + std::string(number) + "0" : number);
    sum += value.value_or(0) * unit->nanoseconds;
  }
  if (!(sum < 9.2e18)) return invalid("time: invalid duration " + quoted);
  const auto count = static_cast<std::int64_t>(std::llround(sum));
  return Duration(negative ? -count : count);
}

Result<Duration> parse_model_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  if (text.empty()) return invalid("empty duration string");
  const auto refused = [&] { return invalid("not a valid duration string: " + go_quote(text)); };
  auto rest = text;
  double sum = 0;
  const ModelUnit* last = nullptr;
  while (!rest.empty()) {
    std::size_t size = 0;
    while (size < rest.size() && is_digit(rest[size])) ++size;
    const auto number = parse_int(rest.substr(0, size));
    if (!number) return refused();
    rest.remove_prefix(size);
    size = 0;
    while (size < rest.size() && !is_digit(rest[size])) ++size;
    if (size == 0) return refused();
    const auto name = rest.substr(0, size);
    const auto* unit = std::find_if(kModelUnits.begin(), kModelUnits.end(),
                                    [&](const ModelUnit& u) { return u.name == name; });
    if (unit == kModelUnits.end())
      return invalid("unknown unit " + go_quote(name) + " in duration " + go_quote(text));
    // From the largest to the smallest, each once.
    if (last != nullptr && unit <= last) return refused();
    last = unit;
    rest.remove_prefix(size);
    sum += static_cast<double>(*number) * static_cast<double>(unit->size.count());
    if (sum > 9.2e18) return invalid("duration out of range");
  }
  return Duration(static_cast<std::int64_t>(sum));
}

Result<void> check_any_url(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return bad_url(text, "net/url: invalid control character in URL");
  }
  const auto scheme = HF_TRY(scheme_of(text));
  const auto rest = scheme.empty() ? text : text.substr(scheme.size() + 1);
  if (scheme.empty() && rest.substr(0, 1) != "/") {
    const auto colon = rest.substr(0, rest.find_first_of("/?#")).find(':');
    if (colon != std::string_view::npos)
      return bad_url(text, "first path segment in URL cannot contain colon");
  }
  for (std::size_t i = rest.find('%'); i != std::string_view::npos; i = rest.find('%', i + 1)) {
    if (digits(rest, i + 1, 2, 16) < 0)
      return bad_url(text, "invalid URL escape " + go_quote(rest.substr(i, 3)));
  }
  return check_host(text, host_of(authority_of(text, scheme)));
}

Result<void> check_http_url(std::string_view text) {
  HF_TRY(check_any_url(text));
  const auto scheme = HF_TRY(scheme_of(text));
  if (scheme != "http" && scheme != "https")
    return invalid("unsupported scheme " + go_quote(scheme) + " for URL");
  if (host_of(authority_of(text, scheme)).empty()) return invalid("missing host for URL");
  return {};
}

std::string with_slash_after_path(std::string_view url) {
  const auto end = std::min(url.find_first_of("?#"), url.size());
  std::string out(url.substr(0, end));
  if (out.empty() || out.back() != '/') out += '/';
  return out.append(url.substr(end));
}

Result<void> check_host_port(std::string_view text) {
  const auto refused = [&](std::string_view why) {
    return invalid("address " + std::string(text) + ": " + std::string(why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused("missing port in address");
  if (text.substr(0, 1) == "[") {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return refused("missing ']' in address");
    if (end + 1 == text.size()) return refused("missing port in address");
    if (end + 1 != colon)
      return refused(text[end + 1] == ':' ? "too many colons in address"
                                          : "missing port in address");
  } else if (text.find(':') != colon) {
    return refused("too many colons in address");
  }
  if (text.find('[', 1) != std::string_view::npos) return refused("unexpected '[' in address");
  if (colon + 1 == text.size())
    return invalid("address " + go_quote(text) + ": port cannot be empty");
  return {};
}

Result<void> check_regexp(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  const std::string whole = "^(?:" + std::string(pattern) + ")$";
  const RE2 regexp(whole, options);
  if (regexp.ok()) return {};
  // RE2 calls a ")" too many a missing one as well.
  const bool unexpected = regexp.error().starts_with("unexpected");
  return invalid(
      "error parsing regexp: " +
      (unexpected ? "unexpected )" : std::string(regexp_code_text(regexp.error_code()))) + ": `" +
      regexp.error_arg() + "`");
}

std::string canonical_header(std::string_view name) {
  std::string out(name);
  const bool plain = std::all_of(out.begin(), out.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  });
  if (!plain) return out;
  bool upper = true;
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    upper = c == '-';
  }
  return out;
}

}  // namespace holdfast::respond::route
