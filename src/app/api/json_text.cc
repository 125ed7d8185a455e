#include "app/api/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace holdfast::app {
namespace {

// Which bytes stand for themselves inside quotes.
constexpr std::array<bool, 256> plain_bytes() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
  plain[0x7f] = true;
  return plain;
}
constexpr auto kPlain = plain_bytes();

// The length of the UTF-8 sequence at `at`, 0 when it is none.
std::size_t sequence_size(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > text.size()) return 0;
  return is_valid_utf8(text.substr(at, size)) ? size : 0;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

template <typename List>
void append_label_map(std::string& out, const List& labels) {
  out += '{';
  bool first = true;
  for (const auto& label : labels) {
    if (!first) out += ',';
    first = false;
    append_json_text(out, label.name);
    out += ':';
    append_json_text(out, label.value);
  }
  out += '}';
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (kPlain[c]) {
      ++i;
      continue;
    }
    const auto size = c < 0x80 ? 1 : sequence_size(text, i);
    const bool separator = size == 3 && c == 0xe2 &&
                           static_cast<unsigned char>(text[i + 1]) == 0x80 &&
                           (static_cast<unsigned char>(text[i + 2]) & 0xfe) == 0xa8;
    if (size > 1 && !separator) {
      i += size;
      continue;
    }
    out.append(text, begin, i - begin);
    if (separator)
      out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
    else if (size == 0)
      out += "\xef\xbf\xbd";
    else
      append_escape(out, c);
    i += size == 0 ? 1 : size;
    begin = i;
  }
  out.append(text, begin, text.size() - begin);
  out += '"';
}

void append_json_time(std::string& out, model::Timestamp t) {
  if (t < 0) out += '-';
  const auto ms = t < 0 ? 0 - static_cast<std::uint64_t>(t) : static_cast<std::uint64_t>(t);
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, ms / 1000).ptr);
  if (const auto rest = ms % 1000; rest != 0) {
    std::to_chars(digits, digits + sizeof digits, 1000 + rest);
    out += '.';
    out.append(digits + 1, 3);
  }
}

void append_json_value(std::string& out, double value) {
  out += '"';
  const double size = std::abs(value);
  if (std::isfinite(value) && value != 0 && (size < 1e-6 || size >= 1e21))
    out += scientific(value);
  else
    out += format_double(value);
  out += '"';
}

void append_json_number(std::string& out, double value) {
  out += std::isfinite(value) ? format_double(value) : "null";
}

void append_json_labels(std::string& out, const model::Labels& labels) {
  append_label_map(out, labels);
}
void append_json_labels(std::string& out, const metrics::LabelViews& labels) {
  append_label_map(out, labels);
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

std::string scientific(double value) {
  if (!std::isfinite(value)) return format_double(value);
  char digits[40];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  return {digits, end.ptr};
}

std::string& JsonMembers::name(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_text(out_, name);
  return out_ += ':';
}

JsonMembers& JsonMembers::text(std::string_view name, std::string_view value) {
  append_json_text(this->name(name), value);
  return *this;
}

JsonMembers& JsonMembers::number(std::string_view name, double value) {
  append_json_number(this->name(name), value);
  return *this;
}

JsonMembers& JsonMembers::whole(std::string_view name, std::int64_t value) {
  this->name(name) += std::to_string(value);
  return *this;
}

JsonMembers& JsonMembers::raw(std::string_view name, std::string_view json) {
  this->name(name) += json;
  return *this;
}

}  // namespace holdfast::app
