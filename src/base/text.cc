#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace holdfast {
namespace {

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_ascii(std::string_view s) {
  std::uint64_t all = 0;
  std::uint64_t eight = 0;
  if (s.size() >= sizeof eight) {
    for (std::size_t i = 0; i + sizeof eight <= s.size(); i += sizeof eight) {
      std::memcpy(&eight, s.data() + i, sizeof eight);
      all |= eight;
    }
    std::memcpy(&eight, s.data() + s.size() - sizeof eight, sizeof eight);
    all |= eight;
  } else {
    for (const char c : s) all |= static_cast<unsigned char>(c);
  }
  return (all & 0x8080808080808080) == 0;
}

// The size of the well-formed UTF-8 character at the front; 0 when there is none.
std::size_t utf8_size(std::string_view s) {
  const auto at = [&](std::size_t i) -> unsigned {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0;
  };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (s.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && at(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && at(1) > 0x9F) return 0;  // surrogates
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && at(1) < 0x90) return 0;  // overlong
    if (first == 0xF4 && at(1) > 0x8F) return 0;  // beyond U+10FFFF
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Edits (insert, drop, change, swap neighbours) that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view trim(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = s.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view s, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = s.find(separator);
    parts.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return parts;
    s.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(), lower_char);
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_char(x) == lower_char(y); });
}

std::optional<std::int64_t> parse_int(std::string_view s) {
  if (s.size() > 1 && s[0] == '+' && s[1] != '-') s.remove_prefix(1);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc{} || stop != s.data() + s.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view s) {
  auto digits = s;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (equals_ignoring_case(digits, "inf") || equals_ignoring_case(digits, "infinity")) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return negative ? -kInfinity : kInfinity;
  }
  if (equals_ignoring_case(s, "nan")) return std::numeric_limits<double>::quiet_NaN();
  if (digits.empty() || !(digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9')))
    return std::nullopt;
  double value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too near to zero is zero or a denormal; too large is nothing we can hold.
    value = std::strtod(std::string(digits).c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;
  }
  return negative ? -value : value;
}

std::string format_double(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  // to_chars in fixed form prints the exact value of large numbers (1e23 is
  // 99999999999999991611392); Go prints the shortest digits and fills up with zeros. So: shortest
  // digits, then place the point.
  char buffer[40];
  const auto stop =
      std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer, static_cast<std::size_t>(stop - buffer));
  const auto e = shortest.find('e');
  const auto exponent = parse_int(shortest.substr(e + 1)).value_or(0);
  std::string digits;
  for (const char c : shortest.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::string out = std::signbit(v) ? "-" : "";
  const auto whole = exponent + 1;  // digits before the point
  const auto count = static_cast<std::int64_t>(digits.size());
  if (whole <= 0) {
    if (v == 0) return out + "0";
    return out + "0." + std::string(static_cast<std::size_t>(-whole), '0') + digits;
  }
  if (whole >= count)
    return out + digits + std::string(static_cast<std::size_t>(whole - count), '0');
  const auto point = static_cast<std::size_t>(whole);
  return out + digits.substr(0, point) + "." + digits.substr(point);
}

bool is_valid_utf8(std::string_view s) {
  if (is_ascii(s)) return true;
  while (!s.empty()) {
    const auto size = utf8_size(s);
    if (size == 0) return false;
    s.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view s, std::size_t max) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t count = 0; !s.empty(); ++count) {
    if (count == max) return out + "...";
    const auto size = std::max<std::size_t>(1, utf8_size(s));
    const auto byte = static_cast<unsigned char>(s[0]);
    // Also U+0080..U+009F, which terminals obey like control characters.
    const bool is_c1 = size == 2 && byte == 0xC2 && static_cast<unsigned char>(s[1]) < 0xA0;
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F || is_c1 || (size == 1 && byte >= 0x80)) {
      for (const char c : s.substr(0, size)) {
        out += "\\x";
        out += kHex[static_cast<unsigned char>(c) >> 4];
        out += kHex[static_cast<unsigned char>(c) & 15];
      }
    } else {
      out += s.substr(0, size);
    }
    s.remove_prefix(size);
  }
  return out;
}

std::string nearest(std::string_view word, const std::vector<std::string>& allowed) {
  constexpr std::size_t kWordMax = 100;  // the table grows with the square
  if (word.empty() || word.size() > kWordMax) return {};
  const std::size_t tolerance = std::max<std::size_t>(1, word.size() / 3);
  std::string best;
  std::size_t best_distance = tolerance + 1;
  const auto wanted = lower(word);
  for (const auto& candidate : allowed) {
    if (candidate.size() > kWordMax) continue;
    const auto distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace holdfast
