// The functions that escape_for_html() puts behind actions. Each makes any text harmless for one place of a page.
#include <algorithm>
#include <cctype>
#include <cstdio>

#include "base/template/alert_functions.h"
#include "base/template/builtins.h"
#include "base/template/escape.h"
#include "base/template/html_context.h"
#include "base/template/lexer.h"
#include "base/text.h"

namespace holdfast::templates {
namespace {

// What stands in place of what would be dangerous: no word of any language, easily found.
constexpr std::string_view kRefused = "ZgotmplZ";

struct Said {
  std::string text;
  const SafeText* safe = nullptr;  // when one value came, and vouched for

  bool is(SafeText::Kind kind) const { return safe != nullptr && safe->kind == kind; }
};

// Nothing is nothing here, not <nil>.
Said said(const CallContext& context, Args args) {
  if (args.size() == 1) {
    if (const auto* text = args[0].as<std::string>()) return {*text};
    if (const auto* safe = args[0].as<SafeText>()) return {safe->text, safe};
  }
  std::vector<Value> present;
  for (const auto& arg : args) {
    if (!arg.is_nil()) present.push_back(arg);
  }
  return {go_sprint(present, context.text_size_max)};
}

// --- HTML --------------------------------------------------------------------------------------------------------

struct HtmlRules {
  bool ampersand = true;  // false: entities that are there stay
  bool unquoted = false;  // also what would end a value without quotes
};

std::string escape_markup(std::string_view text, HtmlRules rules) {
  std::string out;
  char code[16];
  for (std::size_t i = 0, size = 0; i < text.size(); i += size) {
    const auto rune = decode_rune(text.substr(i), size);
    switch (rune) {
      case 0:
        out += rules.unquoted ? "&#xfffd;" : "\xef\xbf\xbd";
        continue;
      case '"':
        out += "&#34;";
        continue;
      case '\'':
        out += "&#39;";
        continue;
      case '+':
        out += "&#43;";
        continue;
      case '<':
        out += "&lt;";
        continue;
      case '>':
        out += "&gt;";
        continue;
      case '&':
        out += rules.ampersand ? "&amp;" : "&";
        continue;
      default:
        break;
    }
    const bool spaces = (rune >= '\t' && rune <= '\r') || rune == ' ' || rune == '=' || rune == '`';
    const bool odd = (rune >= 0xfdd0 && rune <= 0xfdef) || (rune >= 0xfff0 && rune <= 0xffff);
    if (rules.unquoted && (spaces || odd)) {
      std::snprintf(code, sizeof code, spaces ? "&#%u;" : "&#x%x;", rune);
      out += code;
    } else {
      out += text.substr(i, size);
    }
  }
  return out;
}

Result<Value> html_text(const CallContext& context, Args args) {
  const Said s = said(context, args);
  return Value(s.is(SafeText::Kind::kHtml) ? s.text : escape_markup(s.text, {}));
}
Result<Value> html_attribute(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kHtml))
    return Value(escape_markup(strip_tags(s.text), {.ampersand = false}));
  return Value(escape_markup(s.text, {}));
}
Result<Value> html_unquoted(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kHtml))
    return Value(escape_markup(strip_tags(s.text), {.ampersand = false, .unquoted = true}));
  return Value(escape_markup(s.text, {.unquoted = true}));
}
Result<Value> html_rcdata(const CallContext& context, Args args) {
  const Said s = said(context, args);
  return Value(escape_markup(s.text, {.ampersand = !s.is(SafeText::Kind::kHtml)}));
}
Result<Value> html_name(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kHtmlAttr)) return Value(s.text);
  const auto name = lower(s.text);
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
  if (name.empty() || !plain || attribute_type(name) != ContentType::kPlain) return Value(kRefused);
  return Value(name);
}
// Whatever is put into a comment is dropped.
Result<Value> comment(const CallContext&, Args) { return Value(""); }

// --- URLs --------------------------------------------------------------------------------------------------------

bool is_safe_url(std::string_view url) {
  const auto colon = url.find(':');
  if (colon == std::string_view::npos) return true;
  const auto scheme = url.substr(0, colon);
  if (scheme.find('/') != std::string_view::npos) return true;
  return equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "https") ||
         equals_ignoring_case(scheme, "mailto");
}

bool is_hex_at(std::string_view text, std::size_t i) {
  return i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
}

// `keeps` leaves what has a meaning in a URL, and escapes that are there.
std::string escape_url(std::string_view url, bool keeps) {
  std::string out;
  char code[8];
  for (std::size_t i = 0; i < url.size(); ++i) {
    const char c = url[i];
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    const bool sign = std::string_view("!#$&*+,/:;=?@[]").find(c) != std::string_view::npos;
    const bool escape = c == '%' && is_hex_at(url, i + 1) && is_hex_at(url, i + 2);
    if (plain || (keeps && (sign || escape))) {
      out += c;
    } else {
      std::snprintf(code, sizeof code, "%%%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    }
  }
  return out;
}

Result<Value> url_filter(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kUrl) || is_safe_url(s.text)) return Value(s.text);
  return Value("#" + std::string(kRefused));
}
Result<Value> url_part(const CallContext& context, Args args) {
  const Said s = said(context, args);
  return Value(escape_url(s.text, s.is(SafeText::Kind::kUrl)));
}
Result<Value> url_whole(const CallContext& context, Args args) {
  return Value(escape_url(said(context, args).text, true));
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'); }

// One "url 2x" of a srcset.
std::string srcset_element(std::string_view element) {
  std::size_t begin = 0;
  while (begin < element.size() && is_space(element[begin])) ++begin;
  std::size_t end = begin;
  while (end < element.size() && !is_space(element[end])) ++end;
  const auto url = element.substr(begin, end - begin), rest = element.substr(end);
  const bool plain = std::all_of(rest.begin(), rest.end(), [](char c) {
    return is_space(c) || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
  if (!plain || !is_safe_url(url)) return "#" + std::string(kRefused);
  return std::string(element.substr(0, begin)) + escape_url(url, true) + std::string(rest);
}

Result<Value> srcset(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kSrcset)) return Value(s.text);
  std::string out;
  if (s.is(SafeText::Kind::kUrl)) {
    for (const char c : escape_url(s.text, true)) {
      if (c == ',')
        out += "%2c";
      else
        out += c;
    }
    return Value(out);
  }
  for (const auto element : split(s.text, ','))
    out += (out.empty() ? "" : ",") + srcset_element(element);
  return Value(out);
}

// --- scripts -----------------------------------------------------------------------------------------------------

enum class JsPlace { kString, kEscapedString, kRegexp };

std::string escape_js_text(std::string_view text, JsPlace place) {
  std::string out;
  char code[16];
  for (std::size_t i = 0, size = 0; i < text.size(); i += size) {
    const auto rune = decode_rune(text.substr(i), size);
    const char c = rune < 0x80 ? static_cast<char>(rune) : '\0';
    const bool markup = c != '\0' && std::string_view("\"&'+<>").find(c) != std::string_view::npos;
    if (rune == '\t')
      out += "\\t";
    else if (rune == '\n')
      out += "\\n";
    else if (rune == '\f')
      out += "\\f";
    else if (rune == '\r')
      out += "\\r";
    else if (rune == '/')
      out += "\\/";
    else if (rune < 0x20 || markup || (rune == '`' && place != JsPlace::kRegexp) ||
             rune == 0x2028 || rune == 0x2029) {
      std::snprintf(code, sizeof code, "\\u%04x", rune);
      out += code;
    } else if (c == '\\' && place != JsPlace::kEscapedString) {
      out += "\\\\";
    } else if (place == JsPlace::kRegexp && c != '\0' &&
               std::string_view("$()*-.?[]^{|}").find(c) != std::string_view::npos) {
      out += '\\';
      out += c;
    } else {
      out += text.substr(i, size);
    }
  }
  return out;
}

Result<Value> js_string(const CallContext& context, Args args) {
  const Said s = said(context, args);
  return Value(escape_js_text(
      s.text, s.is(SafeText::Kind::kJsStr) ? JsPlace::kEscapedString : JsPlace::kString));
}
Result<Value> js_regexp(const CallContext& context, Args args) {
  const auto out = escape_js_text(said(context, args).text, JsPlace::kRegexp);
  // Of nothing, "//" would be a comment.
  return Value(out.empty() ? "(?:)" : out);
}

bool is_js_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '$' || c == '_';
}

Result<Value> js_value(const CallContext& context, Args args) {
  Value value = args.size() == 1 ? args[0] : Value(go_sprint(args, context.text_size_max));
  if (const auto* safe = value.as<SafeText>()) {
    if (safe->kind == SafeText::Kind::kJs) return Value(safe->text);
    if (safe->kind == SafeText::Kind::kJsStr) return Value("\"" + safe->text + "\"");
  }
  // Durations say themselves as texts; times have a JSON form of their own.
  if (value.as<Duration>() != nullptr) value = value.print();
  auto written = to_json(value, context.text_size_max);
  if (!written) return Value(" /* " + written.error().message() + " */null ");
  std::string json = std::move(*written);
  // Names and numbers must not grow together with the words beside them.
  if (is_js_name(json.front()) || is_js_name(json.back())) json = " " + json + " ";
  return Value(std::move(json));
}

// --- styles ------------------------------------------------------------------------------------------------------

Result<Value> css_string(const CallContext& context, Args args) {
  const auto text = said(context, args).text;
  std::string out;
  char code[8];
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      out += "\\\\";
      continue;
    }
    if (c != '\0' && std::string_view("\t\n\f\r\"&'()+/:;<>{}").find(c) == std::string_view::npos) {
      out += c;
      continue;
    }
    std::snprintf(code, sizeof code, "\\%x", static_cast<unsigned>(c));
    out += code;
    // A space ends the number where a digit or another space follows.
    if (i + 1 == text.size() || is_hex_at(text, i + 1) || is_space(text[i + 1])) out += ' ';
  }
  return Value(out);
}

Result<Value> css_value(const CallContext& context, Args args) {
  const Said s = said(context, args);
  if (s.is(SafeText::Kind::kCss)) return Value(s.text);
  const auto decoded = decode_css(s.text);
  std::string name;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const char c = decoded[i];
    if (c == '\0' || std::string_view("\"'()/;@[\\]`{}").find(c) != std::string_view::npos)
      return Value(kRefused);
    if (c == '-' && i > 0 && decoded[i - 1] == '-') return Value(kRefused);
    if (c > 0 && c != '-' && is_css_name(static_cast<std::uint32_t>(c))) name += c;
  }
  name = lower(name);
  const bool runs =
      name.find("expression") != std::string::npos || name.find("mozbinding") != std::string::npos;
  return runs ? Value(kRefused) : Value(decoded);
}

Result<Value> joined(const CallContext& context, Args args) {
  return Value(go_sprint(args, context.text_size_max));
}

const Functions& table() {
  static const Functions functions = {
      {"_eval_args_", {"a*", joined}},
      {"_html_template_attrescaper", {"a*", html_attribute}},
      {"_html_template_commentescaper", {"a*", comment}},
      {"_html_template_cssescaper", {"a*", css_string}},
      {"_html_template_cssvaluefilter", {"a*", css_value}},
      {"_html_template_htmlescaper", {"a*", html_text}},
      {"_html_template_htmlnamefilter", {"a*", html_name}},
      {"_html_template_jsregexpescaper", {"a*", js_regexp}},
      {"_html_template_jsstrescaper", {"a*", js_string}},
      {"_html_template_jsvalescaper", {"a*", js_value}},
      {"_html_template_nospaceescaper", {"a*", html_unquoted}},
      {"_html_template_rcdataescaper", {"a*", html_rcdata}},
      {"_html_template_srcsetescaper", {"a*", srcset}},
      {"_html_template_urlescaper", {"a*", url_part}},
      {"_html_template_urlfilter", {"a*", url_filter}},
      {"_html_template_urlnormalizer", {"a*", url_whole}},
  };
  return functions;
}

}  // namespace

const Function* find_escaper(std::string_view name) {
  if (!name.starts_with('_')) return nullptr;
  const auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

}  // namespace holdfast::templates
