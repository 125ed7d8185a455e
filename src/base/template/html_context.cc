#include "base/template/html_context.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/template/lexer.h"
#include "base/text.h"

namespace holdfast::templates {
namespace {

using Step = std::pair<Context, std::size_t>;

Context in_state(State state, Element element = Element::kNone) {
  Context out;
  out.state = state;
  out.element = element;
  return out;
}
Step failed(std::string why, std::string_view text) {
  Context out = in_state(State::kError);
  out.error = ":" + std::move(why);  // without a place; see Escaper::message
  return {std::move(out), text.size()};
}
Context with_state(Context context, State state) {
  context.state = state;
  return context;
}
std::string cut(std::string_view text) {
  std::size_t at = 0, size = 0;
  for (int n = 0; n < 32 && at < text.size(); ++n, at += size) decode_rune(text.substr(at), size);
  return quote(text.substr(0, at));
}

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alnum(char c) { return is_alpha(c) || (c >= '0' && c <= '9'); }
std::size_t skip_space(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \t\n\f\r", at), text.size());
}

// --- text and tags -----------------------------------------------------------------------------------------------

struct TagName {
  std::size_t end = 0;
  Element element = Element::kNone;
};

TagName read_tag_name(std::string_view text, std::size_t at) {
  if (at >= text.size() || !is_alpha(text[at])) return {at, Element::kNone};
  std::size_t end = at + 1;
  while (end < text.size()) {
    if (is_alnum(text[end])) {
      ++end;
    } else if ((text[end] == ':' || text[end] == '-') && end + 1 < text.size() &&
               is_alnum(text[end + 1])) {
      end += 2;
    } else {
      break;
    }
  }
  const auto name = lower(text.substr(at, end - at));
  return {end, name == "script"     ? Element::kScript
               : name == "style"    ? Element::kStyle
               : name == "textarea" ? Element::kTextarea
               : name == "title"    ? Element::kTitle
                                    : Element::kNone};
}

Step after_text(const Context& c, std::string_view text) {
  for (std::size_t at = 0;;) {
    auto open = text.find('<', at);
    if (open == std::string_view::npos || open + 1 == text.size()) return {c, text.size()};
    if (text.substr(open).starts_with("<!--")) return {in_state(State::kHtmlComment), open + 4};
    ++open;
    const bool closing = text[open] == '/';
    if (closing && ++open == text.size()) return {c, text.size()};
    const TagName name = read_tag_name(text, open);
    if (name.end != open)
      return {in_state(State::kTag, closing ? Element::kNone : name.element), name.end};
    at = name.end;
  }
}

State content_of(Element element) {
  switch (element) {
    case Element::kScript:
      return State::kJs;
    case Element::kStyle:
      return State::kCss;
    case Element::kTextarea:
    case Element::kTitle:
      return State::kRcdata;
    case Element::kNone:
      break;
  }
  return State::kText;
}

// The end of an attribute's name; npos, and `bad` the place, when a sign in it is a sure mistake.
std::size_t read_attribute_name(std::string_view text, std::size_t at, std::size_t& bad) {
  const auto end = std::min(text.find_first_of(" \t\n\f\r=>'\"<", at), text.size());
  if (end < text.size() && (text[end] == '\'' || text[end] == '"' || text[end] == '<')) {
    bad = end;
    return std::string_view::npos;
  }
  return end;
}
Step bad_attribute_name(std::string_view text, std::size_t bad) {
  return failed(quote(text.substr(bad, 1)) + " in attribute name: " + cut(text), text);
}

Step after_tag(const Context& c, std::string_view text) {
  const auto begin = skip_space(text, 0);
  if (begin == text.size()) return {c, text.size()};
  if (text[begin] == '>') return {in_state(content_of(c.element), c.element), begin + 1};
  std::size_t bad = 0;
  const auto end = read_attribute_name(text, begin, bad);
  if (end == std::string_view::npos) return bad_attribute_name(text, bad);
  if (end == begin) {
    return failed("expected space, attr name, or end of tag, but got " + quote(text.substr(begin)),
                  text);
  }
  const auto name = lower(text.substr(begin, end - begin));
  Context out = in_state(end == text.size() ? State::kAttrName : State::kAfterName, c.element);
  if (c.element == Element::kScript && name == "type") {
    out.attribute = Attribute::kScriptType;
  } else {
    switch (attribute_type(name)) {
      case ContentType::kUrl:
        out.attribute = Attribute::kUrl;
        break;
      case ContentType::kCss:
        out.attribute = Attribute::kStyle;
        break;
      case ContentType::kJs:
        out.attribute = Attribute::kScript;
        break;
      case ContentType::kSrcset:
        out.attribute = Attribute::kSrcset;
        break;
      default:
        break;
    }
  }
  return {std::move(out), end};
}

Step after_attribute_name(const Context& c, std::string_view text) {
  std::size_t bad = 0;
  const auto end = read_attribute_name(text, 0, bad);
  if (end == std::string_view::npos) return bad_attribute_name(text, bad);
  return {end == text.size() ? c : with_state(c, State::kAfterName), end};
}

Step after_name(const Context& c, std::string_view text) {
  const auto at = skip_space(text, 0);
  if (at == text.size()) return {c, at};
  if (text[at] != '=') return {with_state(c, State::kTag), at};
  return {with_state(c, State::kBeforeValue), at + 1};
}

Step before_value(const Context& c, std::string_view text) {
  auto at = skip_space(text, 0);
  if (at == text.size()) return {c, at};
  Context out = with_state(c, start_of(c.attribute));
  out.delimiter = Delimiter::kSpaceOrTagEnd;
  if (text[at] == '\'' || text[at] == '"') {
    out.delimiter = text[at] == '"' ? Delimiter::kDoubleQuote : Delimiter::kSingleQuote;
    ++at;
  }
  return {std::move(out), at};
}

// Where "</script" and its like stands, in any case; npos when nowhere.
std::size_t find_end_tag(std::string_view text, Element element) {
  static constexpr std::string_view kNames[] = {"", "script", "style", "textarea", "title"};
  const auto name = kNames[static_cast<std::size_t>(element)];
  for (std::size_t at = text.find("</"); at != std::string_view::npos;
       at = text.find("</", at + 2)) {
    const auto behind = at + 2 + name.size();
    if (behind < text.size() && equals_ignoring_case(text.substr(at + 2, name.size()), name) &&
        std::string_view("> \t\n\f/").find(text[behind]) != std::string_view::npos) {
      return at;
    }
  }
  return std::string_view::npos;
}

Step after_special(const Context& c, std::string_view text) {
  if (c.element != Element::kNone) {
    if (const auto end = find_end_tag(text, c.element); end != std::string_view::npos)
      return {Context(), end};
  }
  return {c, text.size()};
}

// --- URLs and scripts --------------------------------------------------------------------------------------------

Step after_url(Context c, std::string_view text) {
  if (text.find_first_of("#?") != std::string_view::npos) {
    c.url_part = UrlPart::kQueryOrFragment;
  } else if (skip_space(text, 0) != text.size() && c.url_part == UrlPart::kNone) {
    c.url_part = UrlPart::kPreQuery;
  }
  return {std::move(c), text.size()};
}

bool is_js_name(char c) { return is_alnum(c) || c == '$' || c == '_'; }

// What a slash after this run of tokens would begin. It has no strings, comments and regular expressions in it.
Slash next_slash(std::string_view run, Slash before) {
  for (;;) {
    const auto size = run.size();
    while (!run.empty() && std::string_view("\t\n\f\r ").find(run.back()) != std::string_view::npos)
      run.remove_suffix(1);
    if (run.ends_with("\xe2\x80\xa8") || run.ends_with("\xe2\x80\xa9")) run.remove_suffix(3);
    if (run.size() == size) break;
  }
  if (run.empty()) return before;
  const char last = run.back();
  if (last == '+' || last == '-') {
    // x++ / 2, but x + /re/: of "---" the last one counts alone.
    const auto other = run.find_last_not_of(last);
    const auto count = run.size() - (other == std::string_view::npos ? 0 : other + 1);
    return count % 2 == 1 ? Slash::kRegexp : Slash::kDivision;
  }
  if (last == '.') {
    const bool number = run.size() > 1 && run[run.size() - 2] >= '0' && run[run.size() - 2] <= '9';
    return number ? Slash::kDivision : Slash::kRegexp;
  }
  if (std::string_view(",<>=*%&|^?!~([:;{}").find(last) != std::string_view::npos)
    return Slash::kRegexp;
  auto word = run.size();
  while (word > 0 && is_js_name(run[word - 1])) --word;
  static constexpr std::string_view kWords[] = {
      "break", "case",       "continue", "delete", "do",  "else",   "finally",
      "in",    "instanceof", "return",   "throw",  "try", "typeof", "void"};
  const auto found = std::find(std::begin(kWords), std::end(kWords), run.substr(word));
  return found != std::end(kWords) ? Slash::kRegexp : Slash::kDivision;
}

Step after_js(Context c, std::string_view text) {
  const auto at = text.find_first_of("\"`'/");
  c.slash = next_slash(text.substr(0, at), c.slash);
  if (at == std::string_view::npos) return {std::move(c), text.size()};
  const char next = at + 1 < text.size() ? text[at + 1] : '\0';
  if (text[at] != '/') {
    c.state = text[at] == '"'    ? State::kJsDoubleQuoted
              : text[at] == '\'' ? State::kJsSingleQuoted
                                 : State::kJsBackQuoted;
    c.slash = Slash::kRegexp;
    return {std::move(c), at + 1};
  }
  if (next == '/') return {with_state(std::move(c), State::kJsLineComment), at + 2};
  if (next == '*') return {with_state(std::move(c), State::kJsBlockComment), at + 2};
  if (c.slash == Slash::kRegexp) return {with_state(std::move(c), State::kJsRegexp), at + 1};
  if (c.slash == Slash::kUnknown)
    return failed("'/' could start a division or regexp: " + cut(text.substr(at)), text);
  c.slash = Slash::kRegexp;
  return {std::move(c), at + 1};
}

Step after_js_quoted(Context c, std::string_view text) {
  const std::string_view special = c.state == State::kJsSingleQuoted ? "\\'"
                                   : c.state == State::kJsBackQuoted ? "`\\"
                                   : c.state == State::kJsRegexp     ? "\\/[]"
                                                                     : "\\\"";
  bool charset = false;
  for (auto at = text.find_first_of(special); at != std::string_view::npos;
       at = text.find_first_of(special, at + 1)) {
    if (text[at] == '\\') {
      if (++at == text.size())
        return failed("unfinished escape sequence in JS string: " + quote(text), text);
    } else if (text[at] == '[') {
      charset = true;
    } else if (text[at] == ']') {
      charset = false;
    } else if (!charset) {
      c.state = State::kJs;
      c.slash = Slash::kDivision;
      return {std::move(c), at + 1};
    }
  }
  if (charset) return failed("unfinished JS regexp charset: " + quote(text), text);
  return {std::move(c), text.size()};
}

Step after_block_comment(const Context& c, std::string_view text) {
  const auto end = text.find("*/");
  if (end == std::string_view::npos) return {c, text.size()};
  return {with_state(c, c.state == State::kJsBlockComment ? State::kJs : State::kCss), end + 2};
}

Step after_line_comment(const Context& c, std::string_view text) {
  const bool js = c.state == State::kJsLineComment;
  auto end = text.find_first_of(js ? "\n\r" : "\n\f\r");
  if (js) end = std::min({end, text.find("\xe2\x80\xa8"), text.find("\xe2\x80\xa9")});
  if (end == std::string_view::npos) return {c, text.size()};
  // The end of the line belongs to what follows.
  return {with_state(c, js ? State::kJs : State::kCss), end};
}

// --- styles ------------------------------------------------------------------------------------------------------

bool ends_with_url_keyword(std::string_view text) {
  while (!text.empty() && std::string_view("\t\n\f\r ").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  if (text.size() < 3 || lower(text.substr(text.size() - 3)) != "url") return false;
  if (text.size() == 3) return true;
  const auto before = static_cast<unsigned char>(text[text.size() - 4]);
  return !(before >= 0x80 || is_css_name(before));
}

Step after_css(Context c, std::string_view text) {
  for (auto at = text.find_first_of("(\"'/"); at != std::string_view::npos;
       at = text.find_first_of("(\"'/", at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (text[at] == '"') return {with_state(std::move(c), State::kCssDoubleQuoted), at + 1};
    if (text[at] == '\'') return {with_state(std::move(c), State::kCssSingleQuoted), at + 1};
    if (text[at] == '/' && next == '/')
      return {with_state(std::move(c), State::kCssLineComment), at + 2};
    if (text[at] == '/' && next == '*')
      return {with_state(std::move(c), State::kCssBlockComment), at + 2};
    if (text[at] == '(' && ends_with_url_keyword(text.substr(0, at))) {
      auto begin = skip_space(text, at + 1);
      c.state = State::kCssUrl;
      if (begin < text.size() && (text[begin] == '"' || text[begin] == '\'')) {
        c.state = text[begin] == '"' ? State::kCssDoubleQuotedUrl : State::kCssSingleQuotedUrl;
        ++begin;
      }
      return {std::move(c), begin};
    }
  }
  return {std::move(c), text.size()};
}

Step after_css_quoted(Context c, std::string_view text) {
  const bool bare = c.state == State::kCssUrl;
  const bool doubled = c.state == State::kCssDoubleQuoted || c.state == State::kCssDoubleQuotedUrl;
  const std::string_view special = bare ? "\\\t\n\f\r )" : doubled ? "\\\"" : "\\'";
  std::size_t from = 0;
  for (;;) {
    auto at = text.find_first_of(special, from);
    if (at == std::string_view::npos)
      return {after_url(std::move(c), decode_css(text.substr(from))).first, text.size()};
    if (text[at] != '\\') return {with_state(std::move(c), State::kCss), at + 1};
    if (++at == text.size())
      return failed("unfinished escape sequence in CSS string: " + quote(text), text);
    // A piece at a time: what stands before was seen already.
    c = after_url(std::move(c), decode_css(text.substr(from, at + 1 - from))).first;
    from = at + 1;
  }
}

Step transition(const Context& c, std::string_view text) {
  switch (c.state) {
    case State::kText:
      return after_text(c, text);
    case State::kTag:
      return after_tag(c, text);
    case State::kAttrName:
      return after_attribute_name(c, text);
    case State::kAfterName:
      return after_name(c, text);
    case State::kBeforeValue:
      return before_value(c, text);
    case State::kHtmlComment: {
      const auto end = text.find("-->");
      return end == std::string_view::npos ? Step{c, text.size()} : Step{Context(), end + 3};
    }
    case State::kRcdata:
      return after_special(c, text);
    case State::kUrl:
    case State::kSrcset:
      return after_url(c, text);
    case State::kJs:
      return after_js(c, text);
    case State::kJsDoubleQuoted:
    case State::kJsSingleQuoted:
    case State::kJsBackQuoted:
    case State::kJsRegexp:
      return after_js_quoted(c, text);
    case State::kJsBlockComment:
    case State::kCssBlockComment:
      return after_block_comment(c, text);
    case State::kJsLineComment:
    case State::kCssLineComment:
      return after_line_comment(c, text);
    case State::kCss:
      return after_css(c, text);
    case State::kCssDoubleQuoted:
    case State::kCssSingleQuoted:
    case State::kCssDoubleQuotedUrl:
    case State::kCssSingleQuotedUrl:
    case State::kCssUrl:
      return after_css_quoted(c, text);
    case State::kAttr:
    case State::kError:
    case State::kDead:
      break;
  }
  return {c, text.size()};
}

// --- attribute values --------------------------------------------------------------------------------------------

std::string_view ends_of(Delimiter delimiter) {
  switch (delimiter) {
    case Delimiter::kDoubleQuote:
      return "\"";
    case Delimiter::kSingleQuote:
      return "'";
    case Delimiter::kSpaceOrTagEnd:
      return " \t\n\f\r>";
    case Delimiter::kNone:
      break;
  }
  return "";
}

// Entities decoded, as far as they could hide a sign that matters: the named ones of markup, and all numbers.
std::string unescape_html(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"amp", "&"},         {"lt", "<"},    {"gt", ">"},     {"quot", "\""}, {"apos", "'"},
      {"nbsp", "\xc2\xa0"}, {"colon", ":"}, {"sol", "/"},    {"quest", "?"}, {"num", "#"},
      {"lpar", "("},        {"rpar", ")"},  {"bsol", "\\"},  {"grave", "`"}, {"Tab", "\t"},
      {"NewLine", "\n"},    {"semi", ";"},  {"equals", "="},
  };
  std::string out;
  while (!text.empty()) {
    const auto amp = std::min(text.find('&'), text.size());
    out += text.substr(0, amp);
    text.remove_prefix(amp);
    if (text.empty()) break;
    const auto end = text.substr(0, 12).find(';');
    const auto name = end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
    const auto* known = std::find_if(std::begin(kNames), std::end(kNames),
                                     [&name](const auto& n) { return n.first == name; });
    std::uint32_t code = 0;
    if (known != std::end(kNames)) {
      out += known->second;
    } else if (name.size() > 1 && name[0] == '#') {
      const bool hex = name[1] == 'x' || name[1] == 'X';
      for (const char c : name.substr(hex ? 2 : 1)) {
        const char low = static_cast<char>(c | 0x20);
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(hex && low >= 'a' && low <= 'f')) break;
        code = std::min<std::uint32_t>(
            code * (hex ? 16 : 10) + static_cast<std::uint32_t>(digit ? c - '0' : low - 'a' + 10),
            0x110000);
      }
      append_rune(out, code == 0 ? 0xfffd : code);
    } else {
      out += '&';
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

bool is_js_mime(std::string_view type) {
  static constexpr std::string_view kTypes[] = {"application/ecmascript",
                                                "application/javascript",
                                                "application/json",
                                                "application/ld+json",
                                                "application/x-ecmascript",
                                                "application/x-javascript",
                                                "module",
                                                "text/ecmascript",
                                                "text/javascript",
                                                "text/javascript1.0",
                                                "text/javascript1.1",
                                                "text/javascript1.2",
                                                "text/javascript1.3",
                                                "text/javascript1.4",
                                                "text/javascript1.5",
                                                "text/jscript",
                                                "text/livescript",
                                                "text/x-ecmascript",
                                                "text/x-javascript"};
  const auto plain = lower(trim(type.substr(0, type.find(';'))));
  return std::find(std::begin(kTypes), std::end(kTypes), plain) != std::end(kTypes);
}

Step after_value(const Context& c, std::string_view text) {
  auto end = text.find_first_of(ends_of(c.delimiter));
  const auto value = text.substr(0, end);
  if (c.delimiter == Delimiter::kSpaceOrTagEnd) {
    // Where an unquoted value with these signs ends is told differently by different browsers.
    if (const auto bad = value.find_first_of("\"'<=`"); bad != std::string_view::npos) {
      return failed(quote(value.substr(bad, 1)) + " in unquoted attr: " + quote(value), text);
    }
  }
  if (end == std::string_view::npos) {
    Context inside = c;
    const std::string decoded = unescape_html(text);
    for (std::string_view rest = decoded; !rest.empty();) {
      auto [next, size] = transition(inside, rest);
      inside = std::move(next);
      rest.remove_prefix(size);
    }
    return {std::move(inside), text.size()};
  }
  Element element = c.element;
  // A script of another type is data, not code.
  const bool type = c.state == State::kAttr && c.element == Element::kScript &&
                    c.attribute == Attribute::kScriptType;
  if (type && !is_js_mime(value)) element = Element::kNone;
  if (c.delimiter != Delimiter::kSpaceOrTagEnd) ++end;
  return {in_state(State::kTag, element), end};
}

constexpr std::string_view kStateNames[] = {
    "stateText",       "stateTag",       "stateAttrName", "stateAfterName",   "stateBeforeValue",
    "stateHTMLCmt",    "stateRCDATA",    "stateAttr",     "stateURL",         "stateSrcset",
    "stateJS",         "stateJSDqStr",   "stateJSSqStr",  "stateJSBqStr",     "stateJSRegexp",
    "stateJSBlockCmt", "stateJSLineCmt", "stateCSS",      "stateCSSDqStr",    "stateCSSSqStr",
    "stateCSSDqURL",   "stateCSSSqURL",  "stateCSSURL",   "stateCSSBlockCmt", "stateCSSLineCmt",
    "stateError",      "stateDead"};
constexpr std::string_view kDelimiterNames[] = {"delimNone", "delimDoubleQuote", "delimSingleQuote",
                                                "delimSpaceOrTagEnd"};
constexpr std::string_view kUrlPartNames[] = {"urlPartNone", "urlPartPreQuery",
                                              "urlPartQueryOrFrag", "urlPartUnknown"};
constexpr std::string_view kSlashNames[] = {"jsCtxRegexp", "jsCtxDivOp", "jsCtxUnknown"};
constexpr std::string_view kAttributeNames[] = {"attrNone",  "attrScript", "attrScriptType",
                                                "attrStyle", "attrURL",    "attrSrcset"};
constexpr std::string_view kElementNames[] = {"elementNone", "elementScript", "elementStyle",
                                              "elementTextarea", "elementTitle"};

template <typename E, std::size_t N>
std::string name_of(const std::string_view (&names)[N], E value) {
  return std::string(names[static_cast<std::size_t>(value)]);
}

}  // namespace

bool is_comment(State state) {
  return state == State::kHtmlComment || state == State::kJsBlockComment ||
         state == State::kJsLineComment || state == State::kCssBlockComment ||
         state == State::kCssLineComment;
}

State start_of(Attribute attribute) {
  switch (attribute) {
    case Attribute::kScript:
      return State::kJs;
    case Attribute::kStyle:
      return State::kCss;
    case Attribute::kUrl:
      return State::kUrl;
    case Attribute::kSrcset:
      return State::kSrcset;
    case Attribute::kNone:
    case Attribute::kScriptType:
      break;
  }
  return State::kAttr;
}

std::string show(const Context& c) {
  return "{" + name_of(kStateNames, c.state) + " " + name_of(kDelimiterNames, c.delimiter) + " " +
         name_of(kUrlPartNames, c.url_part) + " " + name_of(kSlashNames, c.slash) + " " +
         name_of(kAttributeNames, c.attribute) + " " + name_of(kElementNames, c.element) + " " +
         (c.error.empty() ? "<nil>" : c.error) + "}";
}

std::string mangled(const Context& c, const std::string& name) {
  if (c.state == State::kText) return name;
  std::string out = name + "$htmltemplate_" + name_of(kStateNames, c.state);
  if (c.delimiter != Delimiter::kNone) out += "_" + name_of(kDelimiterNames, c.delimiter);
  if (c.url_part != UrlPart::kNone) out += "_" + name_of(kUrlPartNames, c.url_part);
  if (c.slash != Slash::kRegexp) out += "_" + name_of(kSlashNames, c.slash);
  if (c.attribute != Attribute::kNone) out += "_" + name_of(kAttributeNames, c.attribute);
  if (c.element != Element::kNone) out += "_" + name_of(kElementNames, c.element);
  return out;
}

std::pair<Context, std::size_t> follow(const Context& c, std::string_view text) {
  if (c.delimiter != Delimiter::kNone) return after_value(c, text);
  auto [end_tag, before] = after_special(c, text);
  if (before == 0) return {std::move(end_tag), 0};
  return transition(c, text.substr(0, before));
}

std::string strip_tags(const std::string& html) {
  std::string out;
  Context c;
  bool all_text = true;
  std::size_t at = 0;
  while (at < html.size()) {
    const std::string_view rest = std::string_view(html).substr(at);
    if (c.delimiter != Delimiter::kNone) {
      const auto end = rest.find_first_of(ends_of(c.delimiter));
      if (end == std::string_view::npos) break;
      at += end + (c.delimiter != Delimiter::kSpaceOrTagEnd ? 1 : 0);
      c = in_state(State::kTag, c.element);
      continue;
    }
    const bool in_tag = c.state >= State::kTag && c.state <= State::kBeforeValue;
    // Scripts and styles are skipped as one text, not read.
    const Context as = c.element != Element::kNone && !in_tag && c.state != State::kAttr
                           ? with_state(c, State::kRcdata)
                           : c;
    auto [next, size] = transition(as, rest);
    if (c.state == State::kText || c.state == State::kRcdata) {
      auto end = size;
      if (next.state != c.state) {
        const auto open = rest.substr(0, size).rfind('<');
        if (open != std::string_view::npos) end = open;
      }
      out += rest.substr(0, end);
    } else {
      all_text = false;
    }
    c = std::move(next);
    if (c.state == State::kError) break;
    at += size;
  }
  if (all_text) return html;
  if (at < html.size() && (c.state == State::kText || c.state == State::kRcdata))
    out += html.substr(at);
  return out;
}

ContentType attribute_type(std::string_view name) {
  static constexpr std::string_view kUrls[] = {
      "action", "archive",    "background", "cite",   "classid",  "codebase",
      "data",   "formaction", "href",       "icon",   "longdesc", "manifest",
      "poster", "profile",    "src",        "usemap", "xmlns"};
  // They decide how content is read or where it is sent; a value of their own may not name them.
  static constexpr std::string_view kUnsafe[] = {
      "accept-charset", "async",          "challenge",  "charset", "content",
      "crossorigin",    "defer",          "enctype",    "form",    "formenctype",
      "formmethod",     "formnovalidate", "http-equiv", "keytype", "language",
      "method",         "novalidate",     "pattern",    "rel",     "sandbox",
      "type",           "value"};
  // Known plain ones that the guesses below would misjudge.
  static constexpr std::string_view kPlain[] = {"srclang"};
  if (name.starts_with("data-")) {
    name.remove_prefix(5);
  } else if (const auto colon = name.find(':'); colon != std::string_view::npos) {
    if (name.substr(0, colon) == "xmlns") return ContentType::kUrl;
    name.remove_prefix(colon + 1);
  }
  const auto in = [name](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  if (in(kUrls)) return ContentType::kUrl;
  if (in(kUnsafe)) return ContentType::kUnsafe;
  if (in(kPlain)) return ContentType::kPlain;
  if (name == "style") return ContentType::kCss;
  if (name == "srcdoc") return ContentType::kHtml;
  if (name == "srcset") return ContentType::kSrcset;
  if (name.starts_with("on")) return ContentType::kJs;
  for (const std::string_view part : {"src", "uri", "url"}) {
    if (name.find(part) != std::string_view::npos) return ContentType::kUrl;
  }
  return ContentType::kPlain;
}

bool is_css_name(std::uint32_t c) {
  return (c < 0x80 && is_alnum(static_cast<char>(c))) || c == '-' || c == '_' ||
         (c >= 0x80 && c <= 0x10ffff);
}

std::string decode_css(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto slash = std::min(text.find('\\'), text.size());
    out += text.substr(0, slash);
    text.remove_prefix(slash);
    if (text.size() < 2) break;
    std::size_t end = 1;
    std::uint32_t code = 0;
    while (end < text.size() && end < 7 &&
           std::isxdigit(static_cast<unsigned char>(text[end])) != 0) {
      const char low = static_cast<char>(text[end] | 0x20);
      const auto digit = static_cast<std::uint32_t>(low >= 'a' ? low - 'a' + 10 : text[end] - '0');
      if (code * 16 + digit > 0x10ffff) break;
      code = code * 16 + digit;
      ++end;
    }
    if (end > 1) {
      append_rune(out, code);
      text.remove_prefix(end);
      // One space ends the number and belongs to it.
      if (text.starts_with("\r\n"))
        text.remove_prefix(2);
      else if (!text.empty() &&
               std::string_view("\t\n\f\r ").find(text[0]) != std::string_view::npos)
        text.remove_prefix(1);
      continue;
    }
    std::size_t size = 0;
    decode_rune(text.substr(1), size);
    out += text.substr(1, size);
    text.remove_prefix(1 + size);
  }
  return out;
}

}  // namespace holdfast::templates
