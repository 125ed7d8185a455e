#include "respond/send/go_json.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace holdfast::respond::send {
namespace {

void hex_escape(std::string& out, unsigned value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kDigits[(value >> shift) & 15]);
}

// The size of the UTF-8 character at the front, 0 if there is none: overlong forms, surrogates and what is beyond
// U+10FFFF are none, as in Go.
std::size_t character_size(std::string_view s) {
  const auto at = [&](std::size_t i) {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned c = at(0);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    return (c == 0xE0 && at(1) < 0xA0) || (c == 0xED && at(1) > 0x9F) ? 0 : 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    return (c == 0xF0 && at(1) < 0x90) || (c == 0xF4 && at(1) > 0x8F) ? 0 : 4;
  }
  return 0;
}

void write_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
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
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
    return hex_escape(out, static_cast<unsigned char>(c));
  }
  out.push_back(c);
}

void write_text(std::string& out, std::string_view s) {
  out.push_back('"');
  while (!s.empty()) {
    const auto size = character_size(s);
    if (size == 0) {
      out += "\\ufffd";
      s.remove_prefix(1);
      continue;
    }
    const auto character = s.substr(0, size);
    if (size == 1) {
      write_ascii(out, s[0]);
    } else if (character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9") {
      hex_escape(out, character[2] == '\xA8' ? 0x2028 : 0x2029);
    } else {
      out += character;
    }
    s.remove_prefix(size);
  }
  out.push_back('"');
}

// As strconv.FormatFloat(v, 'f' or 'e', -1, 64): plain between 1e-6 and 1e21, an exponent without leading zero beyond.
void write_number(std::string& out, double v) {
  char text[400];
  const auto size = std::abs(v);
  const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  const auto end = std::to_chars(text, text + sizeof text, v,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string_view written(text, static_cast<std::size_t>(end.ptr - text));
  const auto cut = written.size() >= 4 ? written.size() - 4 : 0;
  if (!plain && written.substr(cut, 3) == "e-0") {
    out.append(written.substr(0, cut)).append("e-").push_back(written.back());
    return;
  }
  out += written;
}

template <typename Json>
void write(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      out.push_back('{');
      bool first = true;
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (!first) out.push_back(',');
        first = false;
        write_text(out, it.key());
        out.push_back(':');
        write(out, it.value());
      }
      out.push_back('}');
      return;
    }
    case Json::value_t::array: {
      out.push_back('[');
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out.push_back(',');
        write(out, value[i]);
      }
      out.push_back(']');
      return;
    }
    case Json::value_t::string:
      return write_text(out, value.template get_ref<const std::string&>());
    case Json::value_t::boolean:
      out += value.template get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      out += std::to_string(value.template get<std::int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.template get<std::uint64_t>());
      return;
    case Json::value_t::number_float: {
      const auto number = value.template get<double>();
      // Go refuses these; nothing that reaches a body can hold one, and null is valid JSON.
      if (!std::isfinite(number))
        out += "null";
      else
        write_number(out, number);
      return;
    }
    default:
      out += "null";
  }
}

}  // namespace

std::string go_json(const OrderedJson& value) {
  std::string out;
  write(out, value);
  return out;
}

std::string go_json_line(const OrderedJson& value) { return go_json(value) + "\n"; }

std::string go_json(const nlohmann::json& value) {
  std::string out;
  write(out, value);
  return out;
}

OrderedJson ordered(const nlohmann::json& value) {
  if (value.is_object()) {
    auto out = OrderedJson::object();
    for (auto it = value.begin(); it != value.end(); ++it) out[it.key()] = ordered(it.value());
    return out;
  }
  if (value.is_array()) {
    auto out = OrderedJson::array();
    for (const auto& item : value) out.push_back(ordered(item));
    return out;
  }
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float()) return value.get<double>();
  return nullptr;
}

OrderedJson ordered(const std::map<std::string, std::string>& values) {
  auto out = OrderedJson::object();
  for (const auto& [name, value] : values) out[name] = value;
  return out;
}

std::string go_time(WallTime at) {
  auto text = format_time(at);  // always three digits and Z
  text.pop_back();
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "Z";
}

}  // namespace holdfast::respond::send
