// query/promql/parser.h: from words to an expression, by recursive descent.
//
// Purpose     Parser is the shared state of the parser_*.cc files: the token list, the place in it, the first error.
//             parse_expr() and parse_selector() (engine.h) are its only users.
// Errors      The first mistake wins; after it every method returns null at once. Texts are Prometheus'.
// Limits      Nesting of 200 levels; deeper is an error that says so.
// Threads     One object, one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/promql/ast.h"
#include "query/promql/lexer.h"

namespace holdfast::query::promql {

class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options) : text_(text), options_(options), tokens_(lex(text)) {}

  Result<ExprPtr> parse();
  Result<std::vector<model::Matcher>> parse_only_selector();

 private:
  struct Deeper;  // counts nesting while it lives

  // parser.cc: operators and primaries
  ExprPtr binary(int level);
  ExprPtr unary();
  ExprPtr power();
  ExprPtr postfix();
  ExprPtr primary();
  ExprPtr paren();
  ExprPtr word_expr();
  ExprPtr aggregate();
  ExprPtr call();
  bool modifiers(bool& return_bool, VectorMatching& matching);
  bool fill_value(std::optional<double>& into);
  bool label_list(const char* context, std::vector<std::string>& into);
  bool take_number(double& value);
  ExprPtr number();

  // parser_selector.cc: selectors, ranges, offset and @
  ExprPtr selector(std::string name, PositionRange begin);
  bool matchers(std::string& name, std::vector<model::Matcher>& into);
  bool one_matcher(std::string& name, std::vector<model::Matcher>& into);
  ExprPtr range(ExprPtr expr);
  ExprPtr offset(ExprPtr expr);
  ExprPtr at(ExprPtr expr);
  ExprPtr range_mode(ExprPtr expr);
  bool duration(DurationValue& into, bool positive, const char* context);
  std::shared_ptr<const DurationExpr> duration_sum(int level);
  std::shared_ptr<const DurationExpr> duration_unary();
  std::shared_ptr<const DurationExpr> duration_primary();

  // parser_check.cc: types
  ExprPtr make_binary(BinaryOp op, PositionRange op_position, ExprPtr left, ExprPtr right, bool return_bool, VectorMatching matching);
  ExprPtr make_aggregate(AggregateExpr node, PositionRange position);
  ExprPtr make_call(const FunctionInfo& function, std::vector<ExprPtr> args, PositionRange position);
  ExprPtr make_unary(UnaryOp op, ExprPtr expr, PositionRange position);
  bool expect_type(const ExprPtr& expr, ValueType want, const std::string& context);
  void check_range_mode(const FunctionInfo& function, const std::vector<ExprPtr>& args);

  const Token& here() const { return tokens_[index_]; }
  const Token& ahead(std::size_t n = 1) const { return tokens_[std::min(index_ + n, tokens_.size() - 1)]; }
  Token take() { return tokens_[index_ + 1 < tokens_.size() ? index_++ : index_]; }
  bool is(TokenKind kind) const { return here().kind == kind; }
  bool take_if(TokenKind kind);
  bool expect(TokenKind kind, const char* context, const char* expected);
  ExprPtr unexpected(const char* context, const char* expected);
  ExprPtr fail(PositionRange position, std::string message);
  ExprPtr make(decltype(Expr::node) node, ValueType type, PositionRange position) const;
  bool failed() const { return error_.has_value(); }

  std::string_view text_;
  const ParseOptions& options_;
  std::vector<Token> tokens_;
  std::size_t index_ = 0;
  int depth_ = 0;
  bool empty_selector_allowed_ = false;
  std::optional<Error> error_;
};

}  // namespace holdfast::query::promql
