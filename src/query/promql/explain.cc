#include "query/promql/explain.h"

#include <nlohmann/json.hpp>

#include "query/promql/accumulate.h"
#include "query/promql/scan.h"
#include "query/promql/shared_exprs.h"

namespace holdfast::query::promql {
namespace {

using Json = nlohmann::ordered_json;

std::string node_name(const Expr& expr) {
  struct Visitor {
    std::string operator()(const NumberLiteral&) const { return "number"; }
    std::string operator()(const StringLiteral&) const { return "string"; }
    std::string operator()(const VectorSelector&) const { return "vector selector"; }
    std::string operator()(const MatrixSelector&) const { return "range selector"; }
    std::string operator()(const Subquery&) const { return "subquery"; }
    std::string operator()(const ParenExpr&) const { return "parentheses"; }
    std::string operator()(const UnaryExpr&) const { return "unary"; }
    std::string operator()(const BinaryExpr& b) const {
      return "binary " + std::string(binary_op_text(b.op));
    }
    std::string operator()(const AggregateExpr& a) const {
      return "aggregation " + std::string(aggregate_op_text(a.op));
    }
    std::string operator()(const Call& c) const { return "call " + std::string(c.function->name); }
  };
  return std::visit(Visitor{}, expr.node);
}

class Explainer {
 public:
  explicit Explainer(Evaluator& ev) : ev_(ev) {}

  // `fused` says that the node above takes this one's series as they are read.
  Result<Json> explain(const Expr& expr, const Steps& steps, bool fused) {
    Json node;
    node["node"] = node_name(expr);
    node["text"] = format_expr(expr);
    node["type"] = value_type_name(expr.type);
    node["position"] = {expr.position.begin, expr.position.end};
    auto path = Json::array();
    const bool once = steps.count > 1 && is_step_invariant(expr);
    if (once) path.push_back("once, spread over all steps");
    if (ev_.is_shared(expr)) path.push_back("shared with an equal part");
    if (fused) path.push_back("fused into the aggregation above");
    const auto inner = once ? Steps{steps.start, steps.step, 1} : steps;
    if (can_scan(expr)) HF_TRY(describe_scan(expr, inner, node, path));
    const bool fuses = takes_rows(expr, inner);
    if (fuses) path.push_back("adds up series as they are read");
    if (!path.empty()) node["path"] = std::move(path);
    auto parts = Json::array();
    for (const auto* part : parts_of(expr)) {
      const auto* aggregate = std::get_if<AggregateExpr>(&expr.node);
      const bool input = aggregate != nullptr && part == aggregate->expr.get();
      parts.push_back(HF_TRY(explain(*part, inner_steps(expr, inner), fuses && input)));
    }
    if (!parts.empty()) node["parts"] = std::move(parts);
    return node;
  }

 private:
  static Steps inner_steps(const Expr& expr, const Steps& steps) {
    const auto* subquery = std::get_if<Subquery>(&expr.node);
    if (subquery == nullptr) return steps;
    const auto interval = subquery->step && subquery->step->ms > 0 ? subquery->step->ms : 60'000;
    const auto span = subquery->range.ms + steps.last() - steps.start;
    return {steps.start - subquery->range.ms, interval,
            static_cast<std::size_t>(std::max<std::int64_t>(span / interval, 1))};
  }

  bool takes_rows(const Expr& expr, const Steps& steps) const {
    const auto* aggregate = std::get_if<AggregateExpr>(&expr.node);
    if (aggregate == nullptr || Accumulator::make(aggregate->op, 1) == nullptr) return false;
    const auto& input = *aggregate->expr;
    return can_scan(input) && !ev_.is_shared(input) &&
           !(steps.count > 1 && is_step_invariant(input));
  }

  Result<void> describe_scan(const Expr& expr, const Steps& steps, Json& node, Json& path) {
    auto scan = HF_TRY(scan_of(ev_, expr, steps));
    if (!scan) return {};
    node["series"] = scan->selection().size();
    node["parallel_parts"] = scan->parts();
    node["threads"] = scan->threads();
    const auto* call = std::get_if<Call>(&without_parens(expr).node);
    if (call == nullptr) {
      path.push_back("looks back for each step");
    } else if (find_float_function(call->function->name) != nullptr) {
      path.push_back("window function over all steps at once");
    } else {
      path.push_back("window function, one window at a time");
    }
    return {};
  }

  Evaluator& ev_;
};

}  // namespace

Result<std::string> explain_json(Evaluator& ev, const Expr& expr) {
  const auto& steps = ev.input().steps;
  Json plan;
  plan["query"] = format_expr(expr);
  plan["steps"] = steps.count;
  plan["threads"] = ev.parallel().threads();
  plan["plan"] = HF_TRY(Explainer(ev).explain(expr, steps, false));
  return plan.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace holdfast::query::promql
