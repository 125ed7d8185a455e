#include "app/api/promql_tree.h"

#include "app/api/json_text.h"
#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::app {
namespace {

using namespace query::promql;

constexpr std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    case ValueType::kNone:
      break;
  }
  return "none";
}

constexpr std::string_view match_text(model::MatchOp op) {
  switch (op) {
    case model::MatchOp::kEqual:
      return "=";
    case model::MatchOp::kNotEqual:
      return "!=";
    case model::MatchOp::kRegex:
      return "=~";
    case model::MatchOp::kNotRegex:
      break;
  }
  return "!~";
}

constexpr std::string_view card_text(MatchCard card) {
  switch (card) {
    case MatchCard::kOneToOne:
      return "one-to-one";
    case MatchCard::kManyToOne:
      return "many-to-one";
    case MatchCard::kOneToMany:
      return "one-to-many";
    case MatchCard::kManyToMany:
      break;
  }
  return "many-to-many";
}

void append_names(std::string& out, const std::vector<std::string>& names) {
  JsonList list(out);
  for (const auto& name : names) append_json_text(list.next(), name);
  list.end();
}

class TreeWriter {
 public:
  explicit TreeWriter(std::string& out) : out_(out) {}

  void write(const Expr* expr) {
    if (expr == nullptr) {
      out_ += "null";
      return;
    }
    std::visit([this](const auto& node) { one(node); }, expr->node);
  }

 private:
  void shift(JsonMembers& members, const TimeShift& shift) {
    members.whole("offset", shift.offset.ms);
    if (shift.at)
      members.whole("timestamp", *shift.at);
    else
      members.raw("timestamp", "null");
    if (shift.anchor == TimeShift::Anchor::kNone)
      members.raw("startOrEnd", "null");
    else
      members.text("startOrEnd", shift.anchor == TimeShift::Anchor::kStart ? "start" : "end");
  }
  void selector(JsonMembers& members, const VectorSelector& selector, RangeMode mode) {
    members.text("name", selector.name);
    JsonList list(members.name("matchers"));
    for (const auto& matcher : selector.matchers) {
      JsonMembers(list.next())
          .text("name", matcher.name())
          .text("value", matcher.value())
          .text("type", match_text(matcher.op()))
          .end();
    }
    list.end();
    shift(members, selector.shift);
    members.boolean("anchored", mode == RangeMode::kAnchored);
    members.boolean("smoothed", mode == RangeMode::kSmoothed);
  }
  void child(JsonMembers& members, const char* name, const ExprPtr& expr) {
    members.name(name);
    write(expr.get());
  }

  void one(const NumberLiteral& node) {
    JsonMembers(out_).text("type", "numberLiteral").text("val", format_double(node.value)).end();
  }
  void one(const StringLiteral& node) {
    JsonMembers(out_).text("type", "stringLiteral").text("val", node.value).end();
  }
  void one(const VectorSelector& node) {
    JsonMembers members(out_);
    members.text("type", "vectorSelector");
    selector(members, node, node.mode);
    members.end();
  }
  void one(const MatrixSelector& node) {
    JsonMembers members(out_);
    members.text("type", "matrixSelector").whole("range", node.range.ms);
    selector(members, std::get<VectorSelector>(node.selector->node), node.mode);
    members.end();
  }
  void one(const Subquery& node) {
    JsonMembers members(out_);
    members.text("type", "subquery");
    child(members, "expr", node.expr);
    members.whole("range", node.range.ms).whole("step", node.step ? node.step->ms : 0);
    shift(members, node.shift);
    members.end();
  }
  void one(const ParenExpr& node) {
    JsonMembers members(out_);
    members.text("type", "parenExpr");
    child(members, "expr", node.expr);
    members.end();
  }
  void one(const UnaryExpr& node) {
    JsonMembers members(out_);
    members.text("type", "unaryExpr").text("op", node.op == UnaryOp::kMinus ? "-" : "+");
    child(members, "expr", node.expr);
    members.end();
  }
  void matching(JsonMembers& members, const BinaryExpr& node) {
    const bool vectors =
        node.left->type == ValueType::kVector && node.right->type == ValueType::kVector;
    if (!vectors) {
      members.raw("matching", "null");
      return;
    }
    const auto& match = node.matching;
    JsonMembers inner(members.name("matching"));
    inner.text("card", card_text(match.card));
    append_names(inner.name("labels"), match.labels);
    inner.boolean("on", match.on);
    append_names(inner.name("include"), match.include);
    JsonMembers fill(inner.name("fillValues"));
    const auto value = [&](const char* name, const std::optional<double>& number) {
      if (number)
        fill.number(name, *number);
      else
        fill.raw(name, "null");
    };
    value("lhs", match.fill_left);
    value("rhs", match.fill_right);
    fill.end();
    inner.end();
  }
  void one(const BinaryExpr& node) {
    JsonMembers members(out_);
    members.text("type", "binaryExpr").text("op", binary_op_text(node.op));
    child(members, "lhs", node.left);
    child(members, "rhs", node.right);
    matching(members, node);
    members.boolean("bool", node.return_bool);
    members.end();
  }
  void one(const AggregateExpr& node) {
    JsonMembers members(out_);
    members.text("type", "aggregation").text("op", aggregate_op_text(node.op));
    child(members, "expr", node.expr);
    child(members, "param", node.param);
    append_names(members.name("grouping"), node.grouping);
    members.boolean("without", node.without);
    members.end();
  }
  void one(const Call& node) {
    JsonMembers members(out_);
    members.text("type", "call");
    JsonMembers function(members.name("func"));
    function.text("name", node.function->name);
    JsonList types(function.name("argTypes"));
    for (const auto type : node.function->args) append_json_text(types.next(), type_name(type));
    types.end();
    function.whole("variadic", node.function->variadic)
        .text("returnType", type_name(node.function->returns))
        .end();
    JsonList args(members.name("args"));
    for (const auto& arg : node.args) {
      args.next();
      write(arg.get());
    }
    args.end();
    members.end();
  }

  std::string& out_;
};

void gather(const Expr* expr, std::vector<std::vector<model::Matcher>>& sets) {
  if (expr == nullptr) return;
  const auto& node = expr->node;
  if (const auto* vector = std::get_if<VectorSelector>(&node)) sets.push_back(vector->matchers);
  if (const auto* matrix = std::get_if<MatrixSelector>(&node)) gather(matrix->selector.get(), sets);
  if (const auto* sub = std::get_if<Subquery>(&node)) gather(sub->expr.get(), sets);
  if (const auto* paren = std::get_if<ParenExpr>(&node)) gather(paren->expr.get(), sets);
  if (const auto* unary = std::get_if<UnaryExpr>(&node)) gather(unary->expr.get(), sets);
  if (const auto* binary = std::get_if<BinaryExpr>(&node)) {
    gather(binary->left.get(), sets);
    gather(binary->right.get(), sets);
  }
  if (const auto* aggregate = std::get_if<AggregateExpr>(&node)) {
    gather(aggregate->param.get(), sets);
    gather(aggregate->expr.get(), sets);
  }
  if (const auto* call = std::get_if<Call>(&node)) {
    for (const auto& arg : call->args) gather(arg.get(), sets);
  }
}

}  // namespace

std::string promql_tree(const Expr& expr) {
  std::string out;
  TreeWriter(out).write(&expr);
  return out;
}

std::vector<std::vector<model::Matcher>> selectors_of(const Expr& expr) {
  std::vector<std::vector<model::Matcher>> sets;
  gather(&expr, sets);
  return sets;
}

}  // namespace holdfast::app
