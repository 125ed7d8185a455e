// Values as JSON, the way Go's encoding/json writes them.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/template/alert_functions.h"
#include "base/template/builtins.h"
#include "base/template/go_time.h"
#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

class JsonWriter {
 public:
  explicit JsonWriter(std::size_t size_max) : size_max_(size_max) {}

  std::string take() { return std::move(out_); }

  Result<void> write(const Value& v) {
    if (out_.size() > size_max_)
      return Error(Code::kTooLarge, "json: more than " + std::to_string(size_max_) + " bytes");
    if (v.is_nil())
      out_ += "null";
    else if (const auto* truth = v.as<bool>())
      out_ += *truth ? "true" : "false";
    else if (const auto* whole = v.as<std::int64_t>())
      out_ += std::to_string(*whole);
    else if (const auto* number = v.as<double>())
      return write_float(*number);
    else if (const auto* text = v.as<std::string>())
      write_text(*text);
    else if (const auto* safe = v.as<SafeText>())
      write_text(safe->text);
    else if (const auto* time = v.as<Time>())
      write_text(format_go_time(*time, kRfc3339Nano));
    else if (const auto* duration = v.as<Duration>())
      out_ += std::to_string(duration->count());
    else if (const auto* list = v.as_list())
      return write_list(*list);
    else if (const auto* map = v.as_map())
      return write_map(*map);
    else if (const auto* object = v.as_object())
      return write_object(*object);
    else
      return invalid("json: unsupported type: " + v.type_name());
    return {};
  }

 private:
  Result<void> write_float(double v) {
    if (!std::isfinite(v)) return invalid("json: unsupported value: " + print_float(v));
    const double size = std::fabs(v);
    const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
    char digits[400];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, v,
                      scientific ? std::chars_format::scientific : std::chars_format::fixed);
    std::string text(digits, end.ptr);
    // e-09 is e-9 in JavaScript.
    if (const auto e = text.find("e-0"); e != std::string::npos) text.erase(e + 2, 1);
    out_ += text;
    return {};
  }

  void write_text(std::string_view text) {
    out_ += '"';
    char code[8];
    for (std::size_t i = 0, size = 0; i < text.size() && out_.size() <= size_max_; i += size) {
      const auto rune = decode_rune(text.substr(i), size);
      if (rune == '"' || rune == '\\')
        (out_ += '\\') += static_cast<char>(rune);
      else if (rune == '\n')
        out_ += "\\n";
      else if (rune == '\r')
        out_ += "\\r";
      else if (rune == '\t')
        out_ += "\\t";
      else if (rune == '\b')
        out_ += "\\b";
      else if (rune == '\f')
        out_ += "\\f";
      else if (rune == 0xfffd && size == 1)
        out_ += "\\ufffd";
      else if (rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
               rune == 0x2029) {
        std::snprintf(code, sizeof code, "\\u%04x", rune);
        out_ += code;
      } else {
        out_ += text.substr(i, size);
      }
    }
    out_ += '"';
  }

  Result<void> write_list(const List& list) {
    out_ += '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += ',';
      HF_TRY(write(list.items[i]));
    }
    out_ += ']';
    return {};
  }

  Result<void> write_map(const Map& map) {
    out_ += '{';
    for (std::size_t i = 0; i < map.items.size(); ++i) {
      if (i > 0) out_ += ',';
      write_text(map.items[i].first);
      out_ += ':';
      HF_TRY(write(map.items[i].second));
    }
    out_ += '}';
    return {};
  }

  Result<void> write_object(const Object& object) {
    out_ += '{';
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
      if (i > 0) out_ += ',';
      const auto& field = object.type->fields[i];
      write_text(field.json.empty() ? field.name : field.json);
      out_ += ':';
      HF_TRY(write(object.fields[i]));
    }
    out_ += '}';
    return {};
  }

  const std::size_t size_max_;
  std::string out_;
};

}  // namespace

Result<std::string> to_json(const Value& value, std::size_t size_max) {
  JsonWriter writer(size_max);
  HF_TRY(writer.write(value));
  return writer.take();
}

}  // namespace holdfast::templates
