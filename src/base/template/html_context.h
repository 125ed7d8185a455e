// base/template/html_context.h: where in a page a piece of text ends, seen as a browser sees it.
//
// Purpose     A Context says what the next byte would be part of: text, a tag, an attribute of some kind, a script, a
//             style, a URL in any of these. follow() takes a text along.
// Errors      Text that browsers read differently ends in State::kError, with the reason in Context::error.
// Threads     Pure.
// Source      HTML living standard, section 13.2.5; Go's documentation of html/template.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/template/value.h"

namespace holdfast::templates {

enum class State : std::uint8_t {
  kText,
  kTag,
  kAttrName,
  kAfterName,
  kBeforeValue,
  kHtmlComment,
  kRcdata,
  kAttr,
  kUrl,
  kSrcset,
  kJs,
  kJsDoubleQuoted,
  kJsSingleQuoted,
  kJsBackQuoted,
  kJsRegexp,
  kJsBlockComment,
  kJsLineComment,
  kCss,
  kCssDoubleQuoted,
  kCssSingleQuoted,
  kCssDoubleQuotedUrl,
  kCssSingleQuotedUrl,
  kCssUrl,
  kCssBlockComment,
  kCssLineComment,
  kError,
  kDead,
};
// What ends the attribute value it stands in.
enum class Delimiter : std::uint8_t { kNone, kDoubleQuote, kSingleQuote, kSpaceOrTagEnd };
enum class UrlPart : std::uint8_t { kNone, kPreQuery, kQueryOrFragment, kUnknown };
// What a slash would begin in a script.
enum class Slash : std::uint8_t { kRegexp, kDivision, kUnknown };
enum class Element : std::uint8_t { kNone, kScript, kStyle, kTextarea, kTitle };
enum class Attribute : std::uint8_t { kNone, kScript, kScriptType, kStyle, kUrl, kSrcset };

struct Context {
  State state = State::kText;
  Delimiter delimiter = Delimiter::kNone;
  UrlPart url_part = UrlPart::kNone;
  Slash slash = Slash::kRegexp;
  Attribute attribute = Attribute::kNone;
  Element element = Element::kNone;
  std::string error;  // with kError; begins with ':' where no place is known

  bool operator==(const Context&) const = default;
};

bool is_comment(State state);
// The state in which a value of this attribute begins.
State start_of(Attribute attribute);
// "{stateURL delimDoubleQuote ...}", as Go names it.
std::string show(const Context& context);
// The name of a template as called from this context; its own when that is plain text.
std::string mangled(const Context& context, const std::string& name);

// What follows a piece from the front of `text`, and the size of that piece; text is not empty.
std::pair<Context, std::size_t> follow(const Context& context, std::string_view text);

// What is left of HTML when tags and comments are taken out.
std::string strip_tags(const std::string& html);

enum class ContentType : std::uint8_t { kPlain, kCss, kHtml, kJs, kUrl, kSrcset, kUnsafe };
ContentType attribute_type(std::string_view lower_case_name);

// CSS' backslash escapes decoded.
std::string decode_css(std::string_view text);
bool is_css_name(std::uint32_t rune);

}  // namespace holdfast::templates
