#include "detect/rules/template_lexer.h"

#include <cstdio>

#include "base/text.h"

namespace holdfast::detect {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes beyond ASCII count as letters: names may be of any alphabet.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<TemplateToken>> run() {
    while (at_ < text_.size()) {
      HF_TRY(read_text());
      if (at_ < text_.size()) HF_TRY(read_action());
    }
    begin_token();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  bool looking_at(std::string_view word) const { return text_.substr(at_).substr(0, word.size()) == word; }
  bool trims_left() const { return text_.size() > at_ + 3 && text_[at_ + 2] == '-' && is_space(text_[at_ + 3]); }
  // " -}}" at the position: the space belongs to it.
  bool trims_right() const { return at_ > 0 && is_space(text_[at_ - 1]) && looking_at("-}}"); }

  Result<void> read_text() {
    begin_token();
    const auto open = text_.find("{{", at_);
    auto stop = open == std::string_view::npos ? text_.size() : open;
    auto from = at_;
    if (trim_next_) {
      while (from < stop && is_space(text_[from])) ++from;
      trim_next_ = false;
    }
    at_ = stop;
    if (open != std::string_view::npos && trims_left()) {
      while (stop > from && is_space(text_[stop - 1])) --stop;
    }
    if (stop > from) push(TokenKind::kText, std::string(text_.substr(from, stop - from)));
    return {};
  }

  Result<void> read_action() {
    begin_token();
    action_place_ = place_of(at_);
    const bool trims = trims_left();
    at_ += trims ? 3 : 2;
    auto comment = at_;
    while (trims && comment < text_.size() && is_space(text_[comment])) ++comment;
    if (text_.substr(comment, 2) == "/*") return read_comment(comment);
    push(TokenKind::kActionBegin, "{{");
    for (;;) {
      space_ = false;
      while (at_ < text_.size() && is_space(text_[at_])) {
        space_ = true;
        ++at_;
      }
      if (at_ >= text_.size()) return fail(action_place_, "unclosed action");
      begin_token();
      if (looking_at("}}")) return end_action(2);
      if (trims_right()) {
        trim_next_ = true;
        return end_action(3);
      }
      HF_TRY(read_token());
    }
  }

  Result<void> end_action(std::size_t size) {
    if (parens_ > 0) return fail(place_of(at_), "unclosed left paren");
    at_ += size;
    push(TokenKind::kActionEnd, "}}");
    return {};
  }

  Result<void> read_comment(std::size_t from) {
    const auto end = text_.find("*/", from + 2);
    if (end == std::string_view::npos) return fail(action_place_, "unclosed comment");
    at_ = end + 2;
    auto close = at_;
    while (close < text_.size() && is_space(text_[close])) ++close;
    if (close > at_ && text_.substr(close, 3) == "-}}") {
      trim_next_ = true;
      at_ = close + 3;
      return {};
    }
    if (text_.substr(at_, 2) != "}}") return fail(place_of(at_), "comment ends before closing delimiter");
    at_ += 2;
    return {};
  }

  Result<void> read_token() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '"') return read_quoted();
    if (c == '`') return read_raw();
    if (c == '\'') return read_character();
    if (c == '$') return read_name(TokenKind::kVariable);
    if (c == '.' && !is_digit(next)) return is_word(next) ? read_name(TokenKind::kField) : single(TokenKind::kDot);
    if (is_digit(c) || c == '.' || c == '+' || c == '-') return read_number();
    if (is_word(c)) return read_name(TokenKind::kWord);
    if (c == '|') return single(TokenKind::kPipe);
    if (c == ',') return single(TokenKind::kComma);
    if (c == '=') return single(TokenKind::kAssign);
    if (c == '(') {
      ++parens_;
      return single(TokenKind::kOpen);
    }
    if (c == ')') {
      if (parens_-- == 0) return fail(place_of(at_), "unexpected right paren");
      return single(TokenKind::kClose);
    }
    if (c == ':') {
      if (next != '=') return fail(place_of(at_), "expected :=");
      at_ += 2;
      push(TokenKind::kDeclare, ":=");
      return {};
    }
    return bad_character();
  }

  Result<void> bad_character() {
    char code[16];
    std::snprintf(code, sizeof code, "U+%04X", static_cast<unsigned>(static_cast<unsigned char>(text_[at_])));
    return fail(place_of(at_), std::string("unrecognized character in action: ") + code + " '" + printable(text_.substr(at_, 1)) + "'");
  }

  Result<void> single(TokenKind kind) {
    ++at_;
    push(kind, std::string(text_.substr(begin_, 1)));
    return {};
  }

  // A name ends where an action, a space or a sign of the language begins.
  Result<void> read_name(TokenKind kind) {
    const auto skip = kind == TokenKind::kWord ? 0U : 1U;
    at_ += skip;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const char c = at_ < text_.size() ? text_[at_] : ' ';
    if (!is_space(c) && std::string_view(".,|:=)(").find(c) == std::string_view::npos && !looking_at("}}")) return bad_character();
    push(kind, std::string(text_.substr(begin_ + skip, at_ - begin_ - skip)));
    return {};
  }

  Result<void> read_number() {
    if (text_[at_] == '+' || text_[at_] == '-') ++at_;
    const bool hex = looking_at("0x") || looking_at("0X");
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) {
      const char c = text_[at_++];
      const bool exponent = !hex && (c == 'e' || c == 'E');
      if (exponent && at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    }
    push(TokenKind::kNumber, std::string(text_.substr(begin_, at_ - begin_)));
    return {};
  }

  Result<void> read_raw() {
    const auto end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return fail(place_of(at_), "unterminated raw quoted string");
    at_ = end + 1;
    push(TokenKind::kString, std::string(text_.substr(begin_ + 1, end - begin_ - 1)));
    return {};
  }

  Result<void> read_quoted() {
    std::string decoded;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ) {
      if (text_[at_] == '"') {
        ++at_;
        push(TokenKind::kString, std::move(decoded));
        return {};
      }
      HF_TRY(read_char(decoded, '"'));
    }
    return fail(place_of(begin_), "unterminated quoted string");
  }

  Result<void> read_character() {
    std::string decoded;
    ++at_;
    while (at_ < text_.size() && text_[at_] != '\'' && text_[at_] != '\n') HF_TRY(read_char(decoded, '\''));
    if (at_ >= text_.size() || text_[at_] != '\'') return fail(place_of(begin_), "unterminated character constant");
    ++at_;
    if (decoded.size() != 1) return fail(place_of(begin_), "malformed character constant");
    push(TokenKind::kNumber, std::to_string(static_cast<unsigned char>(decoded[0])));
    return {};
  }

  Result<void> read_char(std::string& out, char quote) {
    if (text_[at_] != '\\') {
      out += text_[at_++];
      return {};
    }
    const auto from = at_++;
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    static constexpr std::string_view kNames = "abfnrtv\\", kCodes = "\a\b\f\n\r\t\v\\";
    if (const auto index = kNames.find(c); c != '\0' && index != std::string_view::npos) {
      out += kCodes[index];
    } else if (c == quote) {
      out += c;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return read_code(out, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8, c != 'x');
    } else if (c >= '0' && c <= '7') {
      --at_;
      return read_code(out, 8, 3, false);
    } else {
      return fail(place_of(from), "invalid syntax: escape \\" + printable(std::string(1, c)) +
                                      "; allowed: \\a \\b \\f \\n \\r \\t \\v \\\\ \\" + std::string(1, quote) +
                                      " \\x00 \\000 \\u0000 \\U00000000");
    }
    return {};
  }

  Result<void> read_code(std::string& out, std::uint32_t base, int count, bool character) {
    std::uint32_t code = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char c = at_ < text_.size() ? lower(text_.substr(at_, 1))[0] : ' ';
      const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
      if (digit >= static_cast<int>(base)) return fail(place_of(at_), "invalid syntax: escape needs " + std::to_string(count) + " digits");
      code = code * base + static_cast<std::uint32_t>(digit);
    }
    const bool none = code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
    if (character && none) return fail(place_of(begin_), "invalid syntax: no such character");
    if (character) append_utf8(out, code);
    else out += static_cast<char>(code & 0xff);
    return {};
  }

  void begin_token() { begin_ = at_; }
  void push(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), std::string(text_.substr(begin_, at_ - begin_)), space_, begin_, at_, place_of(begin_)});
  }
  // Lines and columns are counted onwards from the last place asked for; places are asked in order, nearly.
  TemplatePlace place_of(std::size_t offset) {
    if (offset < counted_) counted_ = 0, counted_place_ = {};
    for (; counted_ < offset; ++counted_) {
      if (text_[counted_] == '\n') {
        ++counted_place_.line;
        counted_place_.column = 1;
      } else {
        ++counted_place_.column;
      }
    }
    return counted_place_;
  }
  static Error fail(TemplatePlace place, const std::string& why) { return invalid(place.text() + ": " + why); }

  const std::string_view text_;
  std::size_t at_ = 0, begin_ = 0;
  bool space_ = false;
  bool trim_next_ = false;  // the action before ended with -}}
  int parens_ = 0;
  TemplatePlace action_place_;
  std::size_t counted_ = 0;
  TemplatePlace counted_place_;
  std::vector<TemplateToken> tokens_;
};

}  // namespace

Result<std::vector<TemplateToken>> lex_template(std::string_view text) { return Lexer(text).run(); }

}  // namespace holdfast::detect
