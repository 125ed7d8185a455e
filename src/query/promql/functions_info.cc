// info(): adds labels of info metrics (target_info and its like) to the series they describe.
//
// A series and an info series belong together when they agree in the identifying labels, instance
// and job. Who belongs to whom may change from step to step as info series come and go, so a series
// of the input may become several.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "query/promql/functions.h"

namespace holdfast::query::promql {
namespace {

constexpr std::array<std::string_view, 2> kIdentifying = {"instance", "job"};
constexpr std::string_view kInfoDefault = "target_info";

bool is_identifying(std::string_view name) {
  return std::find(kIdentifying.begin(), kIdentifying.end(), name) != kIdentifying.end();
}

// How the first selector or subquery within is moved in time: info is looked up where the samples
// are.
const TimeShift* shift_within(const Expr& expr) {
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node)) return &selector->shift;
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node))
    return shift_within(*matrix->selector);
  if (const auto* subquery = std::get_if<Subquery>(&expr.node)) return &subquery->shift;
  if (const auto* paren = std::get_if<ParenExpr>(&expr.node)) return shift_within(*paren->expr);
  if (const auto* unary = std::get_if<UnaryExpr>(&expr.node)) return shift_within(*unary->expr);
  if (const auto* aggregate = std::get_if<AggregateExpr>(&expr.node))
    return shift_within(*aggregate->expr);
  if (const auto* binary = std::get_if<BinaryExpr>(&expr.node)) {
    const auto* left = shift_within(*binary->left);
    return left != nullptr ? left : shift_within(*binary->right);
  }
  if (const auto* call = std::get_if<Call>(&expr.node)) {
    for (const auto& arg : call->args) {
      if (const auto* shift = shift_within(*arg)) return shift;
    }
  }
  return nullptr;
}

struct Wanted {
  std::vector<model::Matcher> names;  // of the info metrics
  std::vector<model::Matcher> data;   // on their labels
  std::vector<std::string> labels;    // to copy; all when empty
};

Result<Wanted> wanted_of(const Call& call) {
  Wanted wanted;
  if (call.args.size() > 1) {
    const auto& selector = std::get<VectorSelector>(without_parens(*call.args[1]).node);
    for (const auto& m : selector.matchers) {
      if (m.name() == model::kMetricName) {
        wanted.names.push_back(m);
      } else {
        wanted.data.push_back(m);
        wanted.labels.push_back(m.name());
      }
    }
  }
  if (wanted.names.empty()) {
    wanted.names.push_back(
        model::Matcher::equal(std::string(model::kMetricName), std::string(kInfoDefault)));
  }
  // Matchers that only exclude names would make every other metric an info metric.
  const bool names_some =
      std::any_of(wanted.names.begin(), wanted.names.end(), [](const model::Matcher& m) {
        return m.op() == model::MatchOp::kEqual || m.op() == model::MatchOp::kRegex;
      });
  if (!names_some) {
    wanted.names.push_back(HF_TRY(
        model::Matcher::make(model::MatchOp::kRegex, std::string(model::kMetricName), ".+_info")));
  }
  return wanted;
}

std::string identity(const Labels& labels) {
  std::string id;
  for (const auto name : kIdentifying) {
    id += labels.get(name);
    id += '\xff';
  }
  return id;
}

bool has_identity(const Labels& labels) {
  return std::any_of(kIdentifying.begin(), kIdentifying.end(),
                     [&](auto name) { return labels.has(name); });
}

class InfoJoin {
 public:
  InfoJoin(const Wanted& wanted, const Value& info, const Value& times)
      : wanted_(wanted), info_(info), times_(times) {
    for (std::size_t k = 0; k < info.series.size(); ++k)
      by_identity_[identity(info.series[k].labels)].push_back(k);
  }

  Result<void> add(const StepSeries& base, std::vector<StepSeries>& out) const {
    if (is_info(base.labels) || !has_identity(base.labels)) {
      out.push_back(base);
      return {};
    }
    const auto found = by_identity_.find(identity(base.labels));
    std::map<std::vector<std::size_t>, std::size_t> outputs;  // by the info series that apply
    for (std::size_t i = 0; i < base.size(); ++i) {
      if (!base.has(i)) continue;
      std::vector<std::size_t> chosen;
      if (found != by_identity_.end()) chosen = HF_TRY(choose(found->second, i));
      if (chosen.empty() && !may_lack_info()) continue;
      const auto [it, fresh] = outputs.try_emplace(chosen, out.size());
      if (fresh) {
        out.emplace_back(HF_TRY(enriched(base.labels, chosen)), base.size());
        out.back().drop_name = base.drop_name;
      }
      out[it->second].set(i, base.at(i));
    }
    return {};
  }

 private:
  bool is_info(const Labels& labels) const {
    return std::all_of(wanted_.names.begin(), wanted_.names.end(),
                       [&](const model::Matcher& m) { return m.matches(labels); });
  }
  bool may_lack_info() const {
    return std::all_of(wanted_.data.begin(), wanted_.data.end(),
                       [](const model::Matcher& m) { return m.matches_empty(); });
  }

  // The present info series, of each info metric the one with the newest sample.
  Result<std::vector<std::size_t>> choose(const std::vector<std::size_t>& candidates,
                                          std::size_t i) const {
    std::map<std::string_view, std::size_t> newest;
    for (const auto k : candidates) {
      const auto& s = info_.series[k];
      if (!s.has(i)) continue;
      if (s.kinds[i] == Kind::kHistogram) {
        return invalid("this should be an info metric, with float samples: " + s.labels.text());
      }
      const auto [it, fresh] = newest.try_emplace(s.labels.metric_name(), k);
      if (fresh) continue;
      const double mine = times_.series[k].values[i], other = times_.series[it->second].values[i];
      if (mine == other)
        return invalid("found duplicate series for info metric: " + s.labels.text());
      if (mine > other) it->second = k;
    }
    std::vector<std::size_t> chosen;
    for (const auto& [name, k] : newest) chosen.push_back(k);
    return chosen;
  }

  Result<Labels> enriched(const Labels& base, const std::vector<std::size_t>& chosen) const {
    Labels labels = base;
    std::map<std::string, std::string> added;
    for (const auto k : chosen) {
      for (const auto& label : info_.series[k].labels) {
        if (is_reserved(label.name) || is_identifying(label.name) || base.has(label.name)) continue;
        const auto& only = wanted_.labels;
        if (!only.empty() && std::find(only.begin(), only.end(), label.name) == only.end())
          continue;
        const auto [it, fresh] = added.try_emplace(label.name, label.value);
        if (!fresh && it->second != label.value) return invalid("conflicting label: " + label.name);
        labels = labels.with(label.name, label.value);
      }
    }
    return labels;
  }

  const Wanted& wanted_;
  const Value& info_;
  const Value& times_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_identity_;
};

Result<Value> info(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  const auto base = HF_TRY(ev.eval(*call.args[0], steps));
  const auto wanted = HF_TRY(wanted_of(call));
  VectorSelector selector;
  selector.matchers = wanted.names;
  selector.matchers.insert(selector.matchers.end(), wanted.data.begin(), wanted.data.end());
  if (const auto* shift = shift_within(*call.args[0])) selector.shift = *shift;
  Expr lookup;
  lookup.node = std::move(selector);
  lookup.type = ValueType::kVector;
  const auto info = HF_TRY(ev.eval_selector(lookup, steps, false));
  const auto times = HF_TRY(ev.eval_selector(lookup, steps, true));
  const InfoJoin join(wanted, info, times);
  Value result;
  for (const auto& s : base.series) {
    HF_TRY(ev.check());
    HF_TRY(join.add(s, result.series));
  }
  HF_TRY(merge_same_labels(result.series));
  return result;
}

constexpr std::array<SpecialEntry, 1> kFunctions = {{{"info", info}}};

}  // namespace

std::span<const SpecialEntry> info_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
