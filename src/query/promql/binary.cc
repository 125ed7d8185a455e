// Binary operators.
//
// Labels do not change from step to step, so matching is done once: every series of both sides gets
// the number of its match group. What may differ by step is who is present; only that is decided
// per step.
#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {
namespace {

struct Outcome {
  Cell cell;
  bool keep = false;
};

double arithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMod:
      return std::fmod(a, b);
    case BinaryOp::kPow:
      return std::pow(a, b);
    case BinaryOp::kAtan2:
      return std::atan2(a, b);
    default:
      return 0;
  }
}

bool compare(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kEqual:
      return a == b;
    case BinaryOp::kNotEqual:
      return a != b;
    case BinaryOp::kLess:
      return a < b;
    case BinaryOp::kLessEqual:
      return a <= b;
    case BinaryOp::kGreater:
      return a > b;
    case BinaryOp::kGreaterEqual:
      return a >= b;
    default:
      return false;
  }
}

// Calls `run` with the operator as a function object, so that a loop over steps decides nothing.
template <typename Run>
void with_arithmetic(BinaryOp op, Run&& run) {
  switch (op) {
    case BinaryOp::kAdd:
      return run([](double a, double b) { return a + b; });
    case BinaryOp::kSub:
      return run([](double a, double b) { return a - b; });
    case BinaryOp::kMul:
      return run([](double a, double b) { return a * b; });
    case BinaryOp::kDiv:
      return run([](double a, double b) { return a / b; });
    default:
      return run([op](double a, double b) { return arithmetic(op, a, b); });
  }
}

bool is_trim(BinaryOp op) { return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower; }
// Arithmetic makes a new quantity, which the old name no longer tells.
bool changes_meaning(BinaryOp op) {
  return !is_comparison(op) && !is_set_operator(op) && !is_trim(op);
}

bool has_histograms(const StepSeries& s) { return !s.histograms.empty(); }

// Floats alone: no cell can fail, and nothing is to be told. `out` may be one of the operands.
struct FloatOperands {
  const double* left;
  const double* right;
  const Kind* present;       // of the one operand that may have gaps,
  const Kind* also_present;  // or of both; null: always there
};

void operate_on_floats(const BinaryExpr& binary, const FloatOperands& in, StepSeries& out) {
  const auto steps = out.size();
  const auto there = [&](std::size_t i) {
    return in.present[i] == Kind::kFloat &&
           (in.also_present == nullptr || in.also_present[i] == Kind::kFloat);
  };
  if (is_comparison(binary.op)) {
    for (std::size_t i = 0; i < steps; ++i) {
      const bool present = there(i);
      const bool holds = present && compare(binary.op, in.left[i], in.right[i]);
      out.values[i] = binary.return_bool ? (holds ? 1 : 0) : in.left[i];
      out.kinds[i] = present && (holds || binary.return_bool) ? Kind::kFloat : Kind::kNone;
    }
    return;
  }
  with_arithmetic(binary.op, [&](auto apply) {
    for (std::size_t i = 0; i < steps; ++i) {
      const bool present = there(i);
      out.values[i] = apply(in.left[i], in.right[i]);
      out.kinds[i] = present ? Kind::kFloat : Kind::kNone;
    }
  });
}

class Elementwise {
 public:
  Elementwise(Evaluator& ev, BinaryOp op, const PositionRange& at)
      : notes_(ev.annotate()), op_(op), at_(at) {}

  Outcome apply(const Cell& left, const Cell& right) {
    const bool left_histogram = left.kind == Kind::kHistogram,
               right_histogram = right.kind == Kind::kHistogram;
    if (!left_histogram && !right_histogram) return floats(left.value, right.value);
    if (left_histogram && right_histogram)
      return histograms(*left.histogram, *right.histogram, left);
    if (left_histogram) return histogram_and_float(left, right.value);
    if (op_ != BinaryOp::kMul) return incompatible("float", "histogram");
    return scaled(*right.histogram, left.value);
  }

 private:
  Outcome incompatible(std::string_view left, std::string_view right) {
    notes_.incompatible_types(binary_op_text(op_), left, right, at_);
    return {};
  }
  Outcome floats(double a, double b) {
    if (is_trim(op_)) return incompatible("float", "float");
    if (is_comparison(op_)) return {float_cell(a), compare(op_, a, b)};
    return {float_cell(arithmetic(op_, a, b)), true};
  }
  static Outcome scaled(const Histogram& h, double factor) {
    Histogram copy = h;
    scale(copy, factor);
    compact(copy);
    return {histogram_cell(std::move(copy)), true};
  }
  Outcome histogram_and_float(const Cell& left, double right) {
    if (op_ == BinaryOp::kMul) return scaled(*left.histogram, right);
    if (op_ == BinaryOp::kDiv) {
      Histogram copy = *left.histogram;
      divide(copy, right);
      compact(copy);
      return {histogram_cell(std::move(copy)), true};
    }
    if (is_trim(op_)) {
      return {histogram_cell(trim_buckets(*left.histogram, right, op_ == BinaryOp::kTrimUpper)),
              true};
    }
    return incompatible("histogram", "float");
  }
  Outcome histograms(const Histogram& a, const Histogram& b, const Cell& left) {
    if (op_ == BinaryOp::kEqual) return {left, equal_histograms(a, b)};
    if (op_ == BinaryOp::kNotEqual) return {left, !equal_histograms(a, b)};
    const bool add = op_ == BinaryOp::kAdd;
    if (!add && op_ != BinaryOp::kSub) return incompatible("histogram", "histogram");
    Histogram result = a;
    const auto outcome = add ? add_to(result, b) : subtract_from(result, b);
    if (!outcome.compatible) {
      notes_.incompatible_buckets(binary_op_text(op_), at_);
      return {};
    }
    if (!add) result.counter_reset = CounterReset::kGauge;
    if (outcome.reset_collision) notes_.reset_collision(add ? "addition" : "subtraction", at_);
    if (outcome.bounds_reconciled) notes_.bounds_reconciled(add ? "addition" : "subtraction", at_);
    compact(result);
    return {histogram_cell(std::move(result)), true};
  }

  Annotator& notes_;
  BinaryOp op_;
  const PositionRange& at_;
};

// Whether a refused pair was refused for its types (then bool has no answer either) or by
// comparison.
bool has_answer(const Outcome& outcome) { return outcome.cell.kind != Kind::kNone; }

std::vector<double> scalar_scalar(const BinaryExpr& binary, const std::vector<double>& a,
                                  const std::vector<double>& b) {
  std::vector<double> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    out[i] = is_comparison(binary.op) ? (compare(binary.op, a[i], b[i]) ? 1 : 0)
                                      : arithmetic(binary.op, a[i], b[i]);
  }
  return out;
}

Value vector_scalar(Evaluator& ev, const Expr& expr, const BinaryExpr& binary, Value vector,
                    const std::vector<double>& scalar, bool scalar_is_left) {
  Elementwise elementwise(ev, binary.op, expr.position);
  for (auto& s : vector.series) {
    if (changes_meaning(binary.op) || binary.return_bool) s.drop_name = true;
    // A comparison answers with the vector's value, on whichever side it stands.
    const bool plain = !is_comparison(binary.op) || binary.return_bool || !scalar_is_left;
    if (!has_histograms(s) && !is_trim(binary.op) && plain) {
      const auto *mine = s.values.data(), *other = scalar.data();
      operate_on_floats(
          binary,
          {scalar_is_left ? other : mine, scalar_is_left ? mine : other, s.kinds.data(), nullptr},
          s);
      continue;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (!s.has(i)) continue;
      const auto mine = s.at(i);
      const auto other = float_cell(scalar[i]);
      auto outcome =
          scalar_is_left ? elementwise.apply(other, mine) : elementwise.apply(mine, other);
      if (!has_answer(outcome)) {
        s.clear(i);
      } else if (binary.return_bool) {
        s.set_float(i, outcome.keep ? 1 : 0);
      } else if (!outcome.keep) {
        s.clear(i);
      } else if (!is_comparison(binary.op)) {
        s.set(i, std::move(outcome.cell));
      }
    }
  }
  drop_empty(vector.series);
  return vector;
}

Labels match_labels(const VectorMatching& matching, const Labels& labels) {
  if (matching.on) return labels.keep(matching.labels);
  return labels.drop(matching.labels);
}

// The match groups of both sides, numbered in the order of appearance. Groups are told apart by the
// bytes of the labels that match; labels of a group are made only for who asks.
class Groups {
 public:
  std::vector<std::size_t> left, right;  // by series

  Groups(const VectorMatching& matching, const Value& l, const Value& r)
      : matching_(matching), names_(matching.labels) {
    std::sort(names_.begin(), names_.end());
    numbers_.reserve(l.series.size());
    number(l, left);
    number(r, right);
  }
  std::size_t count() const { return first_.size(); }
  Labels labels(std::size_t group) const { return match_labels(matching_, *first_[group]); }

 private:
  void number(const Value& value, std::vector<std::size_t>& out) {
    out.reserve(value.series.size());
    for (const auto& s : value.series) {
      key_.clear();
      for (const auto& label : s.labels) {
        const bool named = std::binary_search(names_.begin(), names_.end(), label.name);
        if (matching_.on ? !named : named || label.name == model::kMetricName) continue;
        key_.append(label.name).push_back('\xff');
        key_.append(label.value).push_back('\xff');
      }
      const auto [it, fresh] = numbers_.try_emplace(key_, first_.size());
      if (fresh) first_.push_back(&s.labels);
      out.push_back(it->second);
    }
  }

  const VectorMatching& matching_;
  std::vector<std::string> names_;
  std::string key_;
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<const Labels*> first_;  // by group: of a member
};

std::vector<std::vector<bool>> presence(const Value& value, const std::vector<std::size_t>& group,
                                        std::size_t groups, std::size_t steps) {
  std::vector<std::vector<bool>> present(groups);
  for (std::size_t k = 0; k < value.series.size(); ++k) {
    auto& mask = present[group[k]];
    if (mask.empty()) mask.resize(steps);
    for (std::size_t i = 0; i < steps; ++i) mask[i] = mask[i] || value.series[k].has(i);
  }
  return present;
}

Result<Value> set_operation(const BinaryExpr& binary, Value left, Value right, std::size_t steps) {
  const Groups groups(binary.matching, left, right);
  const bool is_or = binary.op == BinaryOp::kOr;
  // and, unless: the left side masked by the right; or: the right side masked by the left.
  const auto mask = is_or ? presence(left, groups.left, groups.count(), steps)
                          : presence(right, groups.right, groups.count(), steps);
  auto& masked = is_or ? right : left;
  const auto& group = is_or ? groups.right : groups.left;
  for (std::size_t k = 0; k < masked.series.size(); ++k) {
    const auto& there = mask[group[k]];
    for (std::size_t i = 0; i < steps; ++i) {
      const bool met = !there.empty() && there[i];
      if (met != (binary.op == BinaryOp::kAnd)) masked.series[k].clear(i);
    }
  }
  drop_empty(masked.series);
  if (is_or) {
    for (auto& s : right.series) left.series.push_back(std::move(s));
    HF_TRY(merge_same_labels(left.series));
  }
  return left;
}

// Arithmetic and comparison of two vectors: the "one" side has at most one series of a group at a
// step.
class Join {
 public:
  Join(Evaluator& ev, const Expr& expr, const BinaryExpr& binary, const Value& left,
       const Value& right, std::size_t steps)
      : ev_(ev),
        binary_(binary),
        swapped_(binary.matching.card == MatchCard::kOneToMany),
        many_(swapped_ ? right : left),
        one_(swapped_ ? left : right),
        groups_(binary.matching, many_, one_),
        steps_(steps),
        elementwise_(ev, binary.op, expr.position) {
    members_.resize(groups_.count());
    for (std::size_t k = 0; k < many_.series.size(); ++k)
      members_[groups_.left[k]].many.push_back(k);
    for (std::size_t k = 0; k < one_.series.size(); ++k)
      members_[groups_.right[k]].one.push_back(k);
    many_any_ = any_present(many_);
    one_any_ = any_present(one_);
  }

  Result<Value> run() {
    for (std::size_t group = 0; group < members_.size(); ++group) {
      HF_TRY(ev_.check());
      if (join_floats(group)) continue;
      outputs_.clear();
      for (std::size_t i = 0; i < steps_; ++i) HF_TRY(join_step(group, i));
    }
    drop_empty(result_.series);
    HF_TRY(merge_same_labels(result_.series));
    return std::move(result_);
  }

 private:
  static constexpr std::size_t kFilled = static_cast<std::size_t>(-1);

  struct Members {
    std::vector<std::size_t> many, one;
  };

  std::vector<bool> any_present(const Value& value) const {
    std::vector<bool> any(steps_);
    for (const auto& s : value.series) {
      for (std::size_t i = 0; i < steps_; ++i) any[i] = any[i] || s.has(i);
    }
    return any;
  }

  // The common group: one series on the one side, floats alone, and no two answers alike. False
  // when the group is another, which then goes step by step.
  bool join_floats(std::size_t group) {
    const auto& members = members_[group];
    const auto& matching = binary_.matching;
    if (members.one.size() > 1) return false;
    if (members.many.empty() || members.one.empty())
      return !matching.fill_left && !matching.fill_right;
    if (is_trim(binary_.op) || matching.fill_left || matching.fill_right) return false;
    if (matching.card == MatchCard::kOneToOne && members.many.size() != 1) return false;
    const auto& one = one_.series[members.one.front()];
    if (has_histograms(one)) return false;
    const auto before = result_.series.size();
    hashes_.clear();
    for (const auto k : members.many) {
      const auto& many = many_.series[k];
      auto labels = has_histograms(many) ? Labels() : result_labels(many.labels, one.labels);
      if (has_histograms(many) || !hashes_.insert(labels.hash()).second) {
        result_.series.resize(before);
        return false;
      }
      auto& out = result_.series.emplace_back(std::move(labels), steps_);
      out.drop_name = binary_.return_bool || many.drop_name;
      const auto& left = swapped_ ? one : many;
      const auto& right = swapped_ ? many : one;
      operate_on_floats(
          binary_, {left.values.data(), right.values.data(), left.kinds.data(), right.kinds.data()},
          out);
    }
    return true;
  }

  Error duplicate_on_one_side(std::size_t group, const Labels& first, const Labels& second) const {
    return invalid(
        "found duplicate series for the match group " + braces(groups_.labels(group)) + " on the " +
        (swapped_ ? "left" : "right") + " hand-side of the operation: [" + braces(first) + ", " +
        braces(second) +
        "];many-to-many matching not allowed: matching labels must be unique on one side");
  }

  // Labels as messages have them, the name among the others: {__name__="x", a="b"}.
  static std::string braces(const Labels& labels) {
    std::string text = "{";
    for (const auto& label : labels) {
      if (text.size() > 1) text += ", ";
      text += (model::is_label_name(label.name) ? label.name : model::quote(label.name)) + "=" +
              model::quote(label.value);
    }
    return text + "}";
  }

  Result<void> join_step(std::size_t group, std::size_t i) {
    const auto& fill = binary_.matching;
    if (!many_any_[i] && !one_any_[i]) return {};
    if ((!many_any_[i] || !one_any_[i]) && !fill.fill_left && !fill.fill_right) return {};
    std::size_t one = kFilled;
    for (const auto k : members_[group].one) {
      if (!one_.series[k].has(i)) continue;
      if (one != kFilled)
        return duplicate_on_one_side(group, one_.series[one].labels, one_.series[k].labels);
      one = k;
    }
    bool matched = false;
    for (const auto k : members_[group].many) {
      if (!many_.series[k].has(i)) continue;
      if (one == kFilled && !fill.fill_right) continue;
      if (matched && fill.card == MatchCard::kOneToOne) {
        return invalid(
            "multiple matches for labels: many-to-one matching must be explicit "
            "(group_left/group_right)");
      }
      matched = true;
      HF_TRY(combine(group, i, k, one));
    }
    if (!matched && one != kFilled && fill.fill_left) HF_TRY(combine(group, i, kFilled, one));
    return {};
  }

  Result<void> combine(std::size_t group, std::size_t i, std::size_t many, std::size_t one) {
    const auto many_cell =
        many == kFilled ? float_cell(*binary_.matching.fill_left) : many_.series[many].at(i);
    const auto one_cell =
        one == kFilled ? float_cell(*binary_.matching.fill_right) : one_.series[one].at(i);
    auto outcome = swapped_ ? elementwise_.apply(one_cell, many_cell)
                            : elementwise_.apply(many_cell, one_cell);
    if (!has_answer(outcome)) return {};
    if (binary_.return_bool) {
      outcome.cell = float_cell(outcome.keep ? 1 : 0);
    } else if (!outcome.keep) {
      return {};
    }
    auto& out = output(group, many, one);
    if (out.has(i))
      return invalid("multiple matches for labels: grouping labels must ensure unique matches");
    out.set(i, std::move(outcome.cell));
    return {};
  }

  StepSeries& output(std::size_t group, std::size_t many, std::size_t one) {
    const auto [it, fresh] = outputs_.try_emplace({many, one}, 0);
    if (!fresh) return result_.series[it->second];
    const auto filled = many == kFilled || one == kFilled ? groups_.labels(group) : Labels();
    const auto& many_labels = many == kFilled ? filled : many_.series[many].labels;
    const auto& one_labels = one == kFilled ? filled : one_.series[one].labels;
    auto labels = result_labels(many_labels, one_labels);
    // Two pairs of one group with the same labels share the output, where a meeting is an error.
    for (const auto& [pair, index] : outputs_) {
      if (pair != it->first && result_.series[index].labels == labels) {
        it->second = index;
        return result_.series[index];
      }
    }
    it->second = result_.series.size();
    auto& out = result_.series.emplace_back(std::move(labels), steps_);
    out.drop_name = binary_.return_bool || (many != kFilled && many_.series[many].drop_name);
    return out;
  }

  Labels result_labels(const Labels& many, const Labels& one) const {
    const auto& matching = binary_.matching;
    auto labels = changes_meaning(binary_.op) ? drop_reserved(many) : many;
    if (matching.card == MatchCard::kOneToOne) {
      if (matching.on) {
        labels = labels.keep(matching.labels);
      } else {
        for (const auto& name : matching.labels) labels = labels.with(name, "");
      }
    }
    for (const auto& name : matching.include) labels = labels.with(name, one.get(name));
    return labels;
  }

  Evaluator& ev_;
  const BinaryExpr& binary_;
  bool swapped_;
  const Value& many_;
  const Value& one_;
  Groups groups_;
  std::size_t steps_;
  Elementwise elementwise_;
  std::vector<Members> members_;
  std::vector<bool> many_any_, one_any_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> outputs_;  // of the present group
  std::unordered_set<std::uint64_t> hashes_;  // of the present group's answers
  Value result_;
};

}  // namespace

Result<Value> eval_binary(Evaluator& ev, const Expr& expr, const BinaryExpr& binary,
                          const Steps& steps) {
  auto left = HF_TRY(ev.eval(*binary.left, steps));
  auto right = HF_TRY(ev.eval(*binary.right, steps));
  const bool left_scalar = left.type == ValueType::kScalar,
             right_scalar = right.type == ValueType::kScalar;
  if (left_scalar && right_scalar) {
    return Value{ValueType::kScalar, {}, scalar_scalar(binary, left.scalars, right.scalars), {}};
  }
  if (left_scalar) return vector_scalar(ev, expr, binary, std::move(right), left.scalars, true);
  if (right_scalar) return vector_scalar(ev, expr, binary, std::move(left), right.scalars, false);
  if (is_set_operator(binary.op))
    return set_operation(binary, std::move(left), std::move(right), steps.count);
  return Join(ev, expr, binary, left, right, steps.count).run();
}

}  // namespace holdfast::query::promql
