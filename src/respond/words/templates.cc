#include "respond/words/templates.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast::respond::words {
namespace {

bool is_field_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

std::size_t line_of(std::string_view text, std::size_t position) {
  return 1 + static_cast<std::size_t>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
}

// Walks the text: literal pieces to `literal`, names of fields to `field`.
template <typename Literal, typename Field>
Result<void> walk(std::string_view text, Literal literal, Field field) {
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      const auto end = std::min(text.find_first_of("{}", i), text.size());
      literal(text.substr(i, end - i));
      i = end;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {
      literal(text.substr(i, 1));
      i += 2;
      continue;
    }
    const auto line = "line " + std::to_string(line_of(text, i));
    if (c == '}') return invalid(line + ": a '}' without its '{'; write '}}' for a brace");
    const auto end = text.find('}', i);
    if (end == std::string_view::npos)
      return invalid(line + ": a '{' that is not closed; write '{{' for a brace");
    const auto name = text.substr(i + 1, end - i - 1);
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_field_char))
      return invalid(line + ": '" + printable(name, 60) +
                     "' is no field; allowed: lower-case letters, digits and _");
    field(name);
    i = end + 1;
  }
  return {};
}

}  // namespace

bool is_public(std::string_view audience) { return audience != "team"; }

Result<std::vector<std::string>> fields_of(std::string_view text) {
  std::vector<std::string> names;
  HF_TRY(walk(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
      }));
  return names;
}

Result<std::string> substitute(std::string_view text, const Fields& fields) {
  if (text.size() > kTextSizeMax) return Error(Code::kTooLarge, "a text has at most 65536 bytes");
  std::string out;
  std::vector<std::string> missing;
  HF_TRY(walk(
      text, [&](std::string_view piece) { out += piece; },
      [&](std::string_view name) {
        const auto found = fields.find(std::string(name));
        if (found != fields.end())
          out += found->second;
        else if (std::find(missing.begin(), missing.end(), name) == missing.end())
          missing.emplace_back(name);
      }));
  if (!missing.empty()) return invalid("missing fields: " + join(missing, ", "));
  return out;
}

Result<Rendered> render(const Text& text, const Fields& fields) {
  Rendered rendered;
  // Subject and body in one, so that the error names all that is missing.
  const auto both = HF_TRY(substitute(text.subject + "\n" + text.body, fields)
                               .context(text.name + " (" + text.language + ")"));
  const auto end = both.find('\n');
  rendered.subject = both.substr(0, end);
  rendered.body = both.substr(end + 1);
  return rendered;
}

}  // namespace holdfast::respond::words
