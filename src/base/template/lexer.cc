#include "base/template/lexer.h"

#include <cstdint>
#include <cstdio>

namespace holdfast::templates {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes beyond ASCII count as letters: names may be of any alphabet.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size() && read_text() && (at_ >= text_.size() || read_action())) {
    }
    if (tokens_.empty() || tokens_.back().kind != TokenKind::kError) {
      begin_ = action_ = at_;
      push(TokenKind::kEnd);
    }
    return std::move(tokens_);
  }

 private:
  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  // " -}}": the space before belongs to it.
  bool trims_right(std::size_t at) const {
    return at + 1 < text_.size() && is_space(text_[at]) && text_.substr(at + 1).starts_with("-}}");
  }

  // All up to the next action, without what its trim markers take.
  bool read_text() {
    const auto open = text_.find("{{", at_);
    auto stop = open == std::string_view::npos ? text_.size() : open;
    begin_ = action_ = at_;
    at_ = stop;
    if (open != std::string_view::npos && text_.size() > open + 3 && text_[open + 2] == '-' &&
        is_space(text_[open + 3])) {
      while (stop > begin_ && is_space(text_[stop - 1])) --stop;
    }
    if (stop > begin_)
      tokens_.push_back(
          {TokenKind::kText, text_.substr(begin_, stop - begin_), {}, begin_, begin_});
    return true;
  }

  bool read_action() {
    begin_ = action_ = at_;
    const bool trims = text_.size() > at_ + 3 && text_[at_ + 2] == '-' && is_space(text_[at_ + 3]);
    auto inside = at_ + (trims ? 4 : 2);
    if (text_.substr(inside).starts_with("/*")) return read_comment(inside);
    at_ += trims ? 3 : 2;
    push(TokenKind::kActionBegin);
    parens_ = 0;
    for (;;) {
      begin_ = at_;
      if (looking_at("}}") || trims_right(at_)) return end_action();
      if (at_ >= text_.size()) return fail("unclosed action");
      if (!read_token()) return false;
    }
  }

  bool end_action() {
    if (parens_ > 0) return fail("unclosed left paren");
    const bool trims = !looking_at("}}");
    if (trims) begin_ = at_ += 2;
    at_ += 2;
    push(TokenKind::kActionEnd);
    if (trims) skip_space();
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  bool read_comment(std::size_t from) {
    begin_ = from;
    const auto end = text_.find("*/", from + 2);
    if (end == std::string_view::npos) return fail("unclosed comment");
    at_ = end + 2;
    if (trims_right(at_)) {
      at_ += 4;
      skip_space();
      return true;
    }
    if (!looking_at("}}")) return fail("comment ends before closing delimiter");
    at_ += 2;
    return true;
  }

  bool read_token() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (is_space(c)) return read_space();
    if (c == '"' || c == '\'') return read_quoted(c);
    if (c == '`') return read_raw();
    if (c == '$') return read_name(TokenKind::kVariable);
    if (c == '.' && !is_digit(next)) return read_name(TokenKind::kField);
    if (is_digit(c) || c == '.' || c == '+' || c == '-') return read_number();
    if (is_word(c)) return read_name(TokenKind::kWord);
    if (c == '|') return single(TokenKind::kPipe);
    if (c == '=') return single(TokenKind::kAssign);
    if (c == '(') {
      ++parens_;
      return single(TokenKind::kOpen);
    }
    if (c == ')') {
      single(TokenKind::kClose);
      if (--parens_ >= 0) return true;
      begin_ = at_ - 1;
      return fail("unexpected right paren U+0029 ')'");
    }
    if (c == ':') {
      if (next != '=') return fail("expected :=");
      ++at_;
      return single(TokenKind::kDeclare);
    }
    if (c > ' ' && c < 0x7f) return single(TokenKind::kChar);
    return bad_character("unrecognized character in action: ");
  }

  bool read_space() {
    // The last space may belong to a " -}}".
    while (at_ < text_.size() && is_space(text_[at_]) && !trims_right(at_)) ++at_;
    if (at_ > begin_) push(TokenKind::kSpace);
    return true;
  }

  bool bad_character(const char* what) {
    if (at_ >= text_.size()) return fail(std::string(what) + "U+FFFFFFFFFFFFFFFF");
    std::size_t size = 0;
    const auto rune = decode_rune(text_.substr(at_), size);
    return fail(what + show_rune(rune));
  }

  bool single(TokenKind kind) {
    ++at_;
    push(kind);
    return true;
  }

  // A name ends where an action, a space or a sign of the language begins.
  bool at_terminator() const {
    if (at_ >= text_.size() || is_space(text_[at_])) return true;
    return std::string_view(".,|:)(").find(text_[at_]) != std::string_view::npos ||
           looking_at("}}");
  }

  bool read_name(TokenKind kind) {
    if (kind != TokenKind::kWord) {
      ++at_;
      if (at_terminator()) {
        push(kind == TokenKind::kVariable ? kind : TokenKind::kDot);
        return true;
      }
    }
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (!at_terminator()) return bad_character("bad character ");
    push(kind);
    return true;
  }

  void accept_run(std::string_view set) {
    while (at_ < text_.size() && set.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool accept(std::string_view set) {
    const bool found = at_ < text_.size() && set.find(text_[at_]) != std::string_view::npos;
    if (found) ++at_;
    return found;
  }

  bool read_number() {
    accept("+-");
    std::string_view digits = "0123456789_";
    bool hex = false, decimal = true;
    if (accept("0")) {
      hex = accept("xX");
      if (hex)
        digits = "0123456789abcdefABCDEF_";
      else if (accept("oO"))
        digits = "01234567_";
      else if (accept("bB"))
        digits = "01_";
      decimal = digits.size() == 11;
    }
    accept_run(digits);
    if (accept(".")) accept_run(digits);
    if ((decimal && accept("eE")) || (hex && accept("pP"))) {
      accept("+-");
      accept_run("0123456789_");
    }
    // Complex numbers are no part of alerts; their sign or "i" is told as a mistake of the number.
    if (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '+' || text_[at_] == '-')) {
      std::size_t size = 0;
      decode_rune(text_.substr(at_), size);
      at_ += size;
      return fail("bad number syntax: " + quote(text_.substr(begin_, at_ - begin_)));
    }
    push(TokenKind::kNumber);
    return true;
  }

  bool read_raw() {
    const auto end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return fail("unterminated raw quoted string");
    at_ = end + 1;
    push(TokenKind::kString);
    return true;
  }

  bool read_quoted(char mark) {
    const char* what =
        mark == '"' ? "unterminated quoted string" : "unterminated character constant";
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == mark) {
        ++at_;
        push(mark == '"' ? TokenKind::kString : TokenKind::kNumber);
        return true;
      }
      if (text_[at_] == '\\' && ++at_ < text_.size() && text_[at_] == '\n') break;
    }
    return fail(what);
  }

  void push(TokenKind kind) {
    tokens_.push_back({kind, text_.substr(begin_, at_ - begin_), {}, begin_, action_});
  }
  bool fail(std::string why) {
    push(TokenKind::kError);
    tokens_.back().error = std::move(why);
    return false;
  }

  const std::string_view text_;
  std::size_t at_ = 0, begin_ = 0, action_ = 0;
  int parens_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view text) { return Lexer(text).run(); }

std::uint32_t decode_rune(std::string_view text, std::size_t& size) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const auto more = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  size = 1;
  const auto first = byte(0);
  if (first < 0x80) return first;
  if (first >= 0xc2 && first < 0xe0 && more(1)) {
    size = 2;
    return (first & 31) << 6 | (byte(1) & 63);
  }
  if (first >= 0xe0 && first < 0xf0 && more(1) && more(2)) {
    const auto rune = (first & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    if (rune >= 0x800 && (rune < 0xd800 || rune > 0xdfff)) {
      size = 3;
      return rune;
    }
  }
  if (first >= 0xf0 && first < 0xf5 && more(1) && more(2) && more(3)) {
    const auto rune =
        (first & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    if (rune >= 0x10000 && rune <= 0x10ffff) {
      size = 4;
      return rune;
    }
  }
  return 0xfffd;
}

void append_rune(std::string& out, std::uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
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

// Go's tables of printable characters are long; what is certainly not printable is short: controls, spaces other than
// the common one, format characters, surrogates and private use.
bool is_printable_rune(std::uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad) return false;
  if (c == 0x1680 || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f)) return false;
  if ((c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff) return false;
  if ((c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfff9 && c <= 0xfffb) || c == 0xfffe || c == 0xffff)
    return false;
  return c < 0xe0000;
}

std::string show_rune(std::uint32_t rune) {
  char code[16];
  std::snprintf(code, sizeof code, "U+%04X", rune);
  std::string out = code;
  if (is_printable_rune(rune)) {
    out += " '";
    append_rune(out, rune);
    out += '\'';
  }
  return out;
}

std::string quote(std::string_view text) {
  static constexpr std::string_view kCodes = "\a\b\f\n\r\t\v\\\"", kNames = "abfnrtv\\\"";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = 0;
    const auto rune = decode_rune(text.substr(i), size);
    char code[16];
    if (const auto known =
            rune < 0x80 ? kCodes.find(static_cast<char>(rune)) : std::string_view::npos;
        known != std::string_view::npos) {
      out += '\\';
      out += kNames[known];
    } else if (rune == 0xfffd && size == 1) {
      std::snprintf(code, sizeof code, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(text[i])));
      out += code;
    } else if (is_printable_rune(rune)) {
      out += text.substr(i, size);
    } else {
      std::snprintf(code, sizeof code,
                    rune < 0x80      ? "\\x%02x"
                    : rune < 0x10000 ? "\\u%04x"
                                     : "\\U%08x",
                    rune);
      out += code;
    }
    i += size;
  }
  return out + "\"";
}

namespace {

int digit_of(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

// One escape after its backslash; moves `i` behind it.
bool read_escape(std::string_view text, std::size_t& i, char mark, std::string& out) {
  static constexpr std::string_view kNames = "abfnrtv\\", kCodes = "\a\b\f\n\r\t\v\\";
  if (i >= text.size()) return false;
  const char c = text[i++];
  if (const auto index = kNames.find(c); index != std::string_view::npos) {
    out += kCodes[index];
    return true;
  }
  if (c == mark) {
    out += c;
    return true;
  }
  const bool octal = c >= '0' && c <= '7';
  if (octal)
    --i;
  else if (c != 'x' && c != 'u' && c != 'U')
    return false;
  const int base = octal ? 8 : 16, count = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : 8;
  std::uint32_t code = 0;
  for (int n = 0; n < count; ++n, ++i) {
    const int digit = i < text.size() ? digit_of(text[i]) : 99;
    if (digit >= base) return false;
    code = code * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  if (c == 'u' || c == 'U') {
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    append_rune(out, code);
    return true;
  }
  if (code > 255) return false;
  out += static_cast<char>(code);
  return true;
}

}  // namespace

bool unquote(std::string_view literal, std::string& out) {
  out.clear();
  if (literal.size() < 2 || literal.front() != literal.back()) return false;
  const char mark = literal.front();
  literal = literal.substr(1, literal.size() - 2);
  if (mark == '`') {
    for (const char c : literal) {
      if (c != '\r') out += c;  // as Go's raw strings
    }
    return true;
  }
  int count = 0;
  for (std::size_t i = 0; i < literal.size(); ++count) {
    if (literal[i] == '\\') {
      if (!read_escape(literal, ++i, mark, out)) return false;
      continue;
    }
    if (literal[i] == mark || literal[i] == '\n') return false;
    std::size_t size = 0;
    decode_rune(literal.substr(i), size);
    out += literal.substr(i, size);
    i += size;
  }
  return mark == '"' || count == 1;
}

}  // namespace holdfast::templates
