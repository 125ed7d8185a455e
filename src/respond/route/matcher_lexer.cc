#include "respond/route/matcher_lexer.h"

namespace holdfast::respond::route {
namespace {

constexpr char32_t kNone = 0xffffffff;

// unicode.IsSpace.
bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

// One character and its size in bytes; what is no UTF-8 counts as one strange byte.
char32_t decode(std::string_view s, std::size_t& size) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  size = 1;
  const unsigned first = byte(0);
  if (first < 0x80) return first;
  const std::size_t want = first >= 0xf0 && first < 0xf5   ? 4
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xc2 && first < 0xe0 ? 2
                                                           : 0;
  if (want == 0 || s.size() < want) return 0xfffd;
  char32_t rune = first & (0xffU >> (want + 1));
  for (std::size_t i = 1; i < want; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0xfffd;
    rune = (rune << 6) | (byte(i) & 0x3f);
  }
  size = want;
  return rune;
}

}  // namespace

bool is_reserved(char32_t c) {
  return is_space(c) || (c < 0x80 && std::string_view("{}!=~,\\\"'`").find(static_cast<char>(c)) !=
                                         std::string_view::npos);
}

bool has_reserved(std::string_view text) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); i += size) {
    if (is_reserved(decode(text.substr(i), size))) return true;
  }
  return false;
}

std::string Token::place() const {
  return std::to_string(column_begin) + ":" + std::to_string(column_end);
}

Result<Token> MatcherLexer::peek() {
  if (!peeked_) peeked_ = scan();
  return *peeked_;
}

Result<Token> MatcherLexer::next() {
  auto token = peek();
  if (token && token->kind != TokenKind::kEnd) peeked_.reset();
  return token;
}

char32_t MatcherLexer::advance() {
  if (at_ >= text_.size()) {
    width_ = 0;
    return kNone;
  }
  const auto c = decode(text_.substr(at_), width_);
  at_ += width_;
  ++column_;
  return c;
}

void MatcherLexer::back() {
  at_ -= width_;
  if (width_ > 0) --column_;
}

bool MatcherLexer::accept(char c) {
  if (advance() == static_cast<unsigned char>(c)) return true;
  back();
  return false;
}

Token MatcherLexer::emit(TokenKind kind) {
  Token token{kind, text_.substr(begin_, at_ - begin_), column_begin_, column_};
  begin_ = at_;
  column_begin_ = column_;
  return token;
}

Error MatcherLexer::wrong(std::string_view what) const {
  return invalid(std::to_string(column_begin_) + ":" + std::to_string(column_) + ": " +
                 std::string(text_.substr(begin_, at_ - begin_)) + ": " + std::string(what));
}

Error MatcherLexer::expected(std::string_view what) const {
  const auto list = "expected one of '" + std::string(what) + "'";
  if (at_ < text_.size()) return wrong(list);
  return invalid(std::to_string(column_begin_) + ":" + std::to_string(column_) +
                 ": unexpected end of input, " + list);
}

Result<Token> MatcherLexer::scan() {
  for (auto c = advance(); c != kNone; c = advance()) {
    switch (c) {
      case '{':
        return emit(TokenKind::kOpenBrace);
      case '}':
        return emit(TokenKind::kCloseBrace);
      case ',':
        return emit(TokenKind::kComma);
      case '=':
      case '!':
        back();
        return scan_operator();
      case '"':
        return scan_quoted();
      default:
        break;
    }
    if (!is_reserved(c)) {
      while (c != kNone && !is_reserved(c)) c = advance();
      if (c != kNone) back();
      return emit(TokenKind::kUnquoted);
    }
    if (!is_space(c)) return wrong("invalid input");
    begin_ = at_;
    column_begin_ = column_;
  }
  return emit(TokenKind::kEnd);
}

Result<Token> MatcherLexer::scan_operator() {
  if (accept('!')) {
    if (accept('=')) return emit(TokenKind::kNotEqual);
    if (accept('~')) return emit(TokenKind::kNotRegex);
    return expected("=~");
  }
  accept('=');
  return accept('~') ? emit(TokenKind::kRegex) : emit(TokenKind::kEqual);
}

Result<Token> MatcherLexer::scan_quoted() {
  bool escaped = false;
  for (auto c = advance(); c != kNone; c = advance()) {
    if (escaped)
      escaped = false;
    else if (c == '\\')
      escaped = true;
    else if (c == '"')
      return emit(TokenKind::kQuoted);
  }
  return wrong("missing end \"");
}

}  // namespace holdfast::respond::route
