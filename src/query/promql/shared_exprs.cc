#include "query/promql/shared_exprs.h"

namespace holdfast::query::promql {
namespace {

void count_subtrees(const Expr& expr, std::size_t& readers, SharedExprs& shared) {
  const auto before = readers;
  if (std::holds_alternative<VectorSelector>(expr.node)) ++readers;
  for (const auto* part : parts_of(expr)) count_subtrees(*part, readers, shared);
  if (readers > before && worth_sharing(expr)) ++shared.occurrences[format_expr(expr)];
}

std::size_t count_selectors(const Expr& expr) {
  std::size_t count = std::holds_alternative<VectorSelector>(expr.node) ? 1 : 0;
  for (const auto* part : parts_of(expr)) count += count_selectors(*part);
  return count;
}

}  // namespace

std::vector<const Expr*> parts_of(const Expr& expr) {
  struct Visitor {
    std::vector<const Expr*> parts;
    void operator()(const NumberLiteral&) {}
    void operator()(const StringLiteral&) {}
    void operator()(const VectorSelector&) {}
    void operator()(const MatrixSelector& m) { parts.push_back(m.selector.get()); }
    void operator()(const Subquery& s) { parts.push_back(s.expr.get()); }
    void operator()(const ParenExpr& p) { parts.push_back(p.expr.get()); }
    void operator()(const UnaryExpr& u) { parts.push_back(u.expr.get()); }
    void operator()(const BinaryExpr& b) {
      parts.push_back(b.left.get());
      parts.push_back(b.right.get());
    }
    void operator()(const AggregateExpr& a) {
      if (a.param) parts.push_back(a.param.get());
      parts.push_back(a.expr.get());
    }
    void operator()(const Call& c) {
      for (const auto& arg : c.args) parts.push_back(arg.get());
    }
  };
  Visitor visitor;
  std::visit(visitor, expr.node);
  return std::move(visitor.parts);
}

bool worth_sharing(const Expr& expr) {
  return expr.type == ValueType::kVector && !std::holds_alternative<ParenExpr>(expr.node);
}

SharedExprs shared_exprs(const Expr& query) {
  SharedExprs shared;
  if (count_selectors(query) < 2) return shared;  // the common case, without any text
  std::size_t readers = 0;
  count_subtrees(query, readers, shared);
  std::erase_if(shared.occurrences, [](const auto& entry) { return entry.second < 2; });
  return shared;
}

}  // namespace holdfast::query::promql
