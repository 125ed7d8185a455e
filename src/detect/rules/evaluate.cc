#include "detect/rules/evaluate.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "detect/rules/evidence.h"
#include "detect/rules/usage.h"

namespace holdfast::detect {
namespace {

using model::Labels;
using query::promql::Vector;

// As Prometheus' query.timeout.
constexpr Duration kQueryTimeout = 2min;

// Comparisons with a number, apart from those that answer 0 and 1.
std::optional<SharedComparison> shared_of(const query::promql::ExprPtr& expr) {
  if (expr == nullptr) return std::nullopt;
  const auto& top = query::promql::without_parens(*expr);
  const auto* binary = std::get_if<query::promql::BinaryExpr>(&top.node);
  if (binary == nullptr || !query::promql::is_comparison(binary->op) || binary->return_bool)
    return std::nullopt;
  if (binary->left->type != query::promql::ValueType::kVector) return std::nullopt;
  const auto* limit = std::get_if<query::promql::NumberLiteral>(
      &query::promql::without_parens(*binary->right).node);
  if (limit == nullptr) return std::nullopt;
  return SharedComparison{binary->left, query::promql::format_expr(*binary->left), binary->op,
                          limit->value};
}

bool holds(query::promql::BinaryOp op, double value, double limit) {
  using query::promql::BinaryOp;
  switch (op) {
    case BinaryOp::kEqual:
      return value == limit;
    case BinaryOp::kNotEqual:
      return value != limit;
    case BinaryOp::kLess:
      return value < limit;
    case BinaryOp::kLessEqual:
      return value <= limit;
    case BinaryOp::kGreater:
      return value > limit;
    case BinaryOp::kGreaterEqual:
      return value >= limit;
    default:
      return false;
  }
}

// Gives each rule the lowest level on which no rule before it writes what it reads, reads what it writes, or writes
// the same. A selector without an exact name reads everything.
class Levels {
 public:
  void place(PreparedRule& rule) {
    std::vector<std::string> reads;
    bool reads_all = false;
    if (rule.expr != nullptr) {
      for_each_selector(*rule.expr, [&](const std::vector<model::Matcher>& matchers) {
        const auto named = std::find_if(matchers.begin(), matchers.end(), [](const auto& m) {
          return m.op() == model::MatchOp::kEqual && m.name() == model::kMetricName;
        });
        if (named == matchers.end())
          reads_all = true;
        else
          reads.push_back(named->value());
      });
    }
    std::vector<std::string> writes{rule.name};
    if (rule.alerting) writes = {"ALERTS", "ALERTS_FOR_STATE"};
    const auto of_alerts = [](const std::string& name) {
      return name == "ALERTS" || name == "ALERTS_FOR_STATE";
    };
    if (reads_all || std::any_of(reads.begin(), reads.end(), of_alerts)) rule.shared.reset();
    int level = reads_all ? any_writer_ + 1 : 0;
    for (const auto& name : reads) level = std::max(level, of(writers_, name) + 1);
    for (const auto& name : writes) {
      level = std::max({level, of(readers_, name) + 1, all_reader_ + 1});
      if (!rule.alerting) level = std::max(level, of(writers_, name) + 1);
    }
    rule.level = level;
    for (const auto& name : reads) raise(readers_, name, level);
    for (const auto& name : writes) raise(writers_, name, level);
    if (reads_all) all_reader_ = std::max(all_reader_, level);
    any_writer_ = std::max(any_writer_, level);
  }

 private:
  using Names = std::map<std::string, int>;
  static int of(const Names& names, const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? -1 : found->second;
  }
  static void raise(Names& names, const std::string& name, int level) {
    const auto [at, added] = names.emplace(name, level);
    if (!added) at->second = std::max(at->second, level);
  }
  Names writers_, readers_;  // the highest level so far, by metric name
  int any_writer_ = -1, all_reader_ = -1;
};

// What a rule says of a label goes before what its group says.
void merge_labels(PreparedRule& prepared, const RuleGroup& group, const Labels& labels,
                  const std::vector<std::string>& removed) {
  auto all = group.labels.all();
  for (const auto& name : removed) all.push_back({name, ""});
  all.insert(all.end(), labels.begin(), labels.end());
  prepared.labels = Labels(std::move(all));
  prepared.removed_labels = removed;
  for (const auto& name : group.removed_labels) {
    if (!labels.has(name)) prepared.removed_labels.push_back(name);
  }
  prepared.identity = (prepared.alerting ? "alerting;" : "recording;") + prepared.name + ";" +
                      prepared.labels.text();
  for (const auto& name : prepared.removed_labels) prepared.identity += ";-" + name;
}

// A text that is no template was refused with its file; a group's label reaches here unchecked and shows its error.
Template template_of(const std::string& text) {
  auto parsed = Template::parse(text);
  if (parsed) return std::move(*parsed);
  auto shown =
      "<error expanding template: error parsing template: " + parsed.error().message() + ">";
  for (std::size_t at = 0; (at = shown.find("{{", at)) != std::string::npos; at += 2)
    shown.replace(at, 2, "{ {");
  auto safe = Template::parse(shown);
  return safe ? std::move(*safe) : Template();
}

std::vector<NamedTemplate> templates_of(const Labels& labels) {
  std::vector<NamedTemplate> templates;
  for (const auto& label : labels) templates.push_back({label.name, template_of(label.value)});
  return templates;
}

PreparedRule prepare(const RecordingRule& rule, const RuleGroup& group) {
  PreparedRule prepared;
  prepared.name = rule.record;
  prepared.query = rule.query;
  prepared.expr = rule.expr;
  prepared.place = rule.place;
  merge_labels(prepared, group, rule.labels, rule.removed_labels);
  return prepared;
}

PreparedRule prepare(const AlertingRule& rule, const RuleGroup& group) {
  PreparedRule prepared;
  prepared.alerting = true;
  prepared.name = rule.alert;
  prepared.query = rule.query;
  prepared.expr = rule.expr;
  prepared.policy = {rule.hold, rule.keep_firing_for};
  merge_labels(prepared, group, rule.labels, rule.removed_labels);
  prepared.annotations = rule.annotations;
  prepared.label_templates = templates_of(prepared.labels);
  prepared.annotation_templates = templates_of(rule.annotations);
  prepared.shared = shared_of(rule.expr);
  prepared.evidence = evidence_of(rule);
  prepared.place = rule.place;
  if (rule.expr != nullptr) {
    if (const auto windows = windows_of(*rule.expr); !windows.empty())
      prepared.window_max = windows.back();
  }
  return prepared;
}

std::string definition_of(const PreparedGroup& group) {
  std::string text = format_duration(group.interval) + "\n" + format_duration(group.query_offset) +
                     "\n" + std::to_string(group.limit);
  for (const auto& rule : group.rules) {
    text += "\n" + rule.key + "\n" + rule.query + "\n" + rule.annotations.text() + "\n" +
            format_duration(rule.policy.hold) + "\n" +
            format_duration(rule.policy.keep_firing_for) + "\n" + rule.place.text();
  }
  return text;
}

Labels alerts_label(const model::Alert& alert) {
  return alert.labels.with(model::kMetricName, "ALERTS")
      .with("alertstate", model::alert_state_name(alert.state));
}

// What rules of one evaluation asked for, by the text of the question. Recorded series may change any answer.
using Answers = std::map<std::string, Vector>;

class RuleEvaluation {
 public:
  RuleEvaluation(const PreparedGroup& group, const PreparedRule& rule, const RuleMemory& memory,
                 WallTime at, const EvaluationContext& context, Answers* answers)
      : group_(group),
        rule_(rule),
        memory_(memory),
        at_(at),
        answers_(answers),
        sample_at_(to_ms(at) - to_ms(group.query_offset)),
        context_(context),
        engine_(context.store, context.clock) {
    options_.deadline = context.clock.mono() + kQueryTimeout;
    options_.stop = context.stop;
    options_.subquery_step = context.subquery_step;
  }

  RuleOutcome run() {
    RuleOutcome outcome;
    outcome.memory = memory_;
    auto done = rule_.alerting ? run_alerting(outcome) : run_recording(outcome);
    if (!done) outcome.error = done.error().message();
    return outcome;
  }

 private:
  static Result<Vector> vector_of(query::promql::QueryResult result) {
    if (auto* vector = std::get_if<Vector>(&result.value)) return std::move(*vector);
    if (const auto* scalar = std::get_if<query::promql::Scalar>(&result.value)) {
      return Vector{{{Labels(), {{scalar->t, scalar->value, nullptr}}}}};
    }
    return invalid("rule result is not a vector or scalar");
  }

  Result<void> check_limit(std::size_t count, const std::string& what) const {
    if (group_.limit <= 0 || count <= static_cast<std::size_t>(group_.limit)) return {};
    return Error(Code::kTooLarge, "exceeded limit of " + std::to_string(group_.limit) + " with " +
                                      std::to_string(count) + " " + what);
  }

  Result<void> run_recording(RuleOutcome& outcome) {
    auto vector = HF_TRY(vector_of(HF_TRY(engine_.instant(*rule_.expr, sample_at_, options_))));
    HF_TRY(check_limit(vector.series.size(), "series"));
    std::map<Labels, model::Sample> samples;
    for (auto& series : vector.series) {
      auto all = series.labels.with(model::kMetricName, rule_.name).all();
      for (const auto& name : rule_.removed_labels) all.push_back({name, ""});
      all.insert(all.end(), rule_.labels.begin(), rule_.labels.end());
      auto sample = series.points.back();
      sample.t = sample_at_;
      if (!samples.emplace(Labels(std::move(all)), std::move(sample)).second) {
        return invalid("vector contains metrics with the same labelset after applying rule labels");
      }
    }
    return store(samples, outcome);
  }

  Result<void> run_alerting(RuleOutcome& outcome) {
    auto vector = HF_TRY(alerting_vector());
    auto seen = HF_TRY(seen_of(vector));
    if (memory_.ask_store) HF_TRY(remember(seen));
    outcome.memory.ask_store = false;
    auto step = step_alerts(*memory_.alerts, std::move(seen), rule_.policy, at_);
    HF_TRY(check_limit(step.active_count, "alerts"));
    std::map<Labels, model::Sample> samples;
    for (const auto& [labels, active] : step.next) {
      if (active.alert.state == model::AlertState::kResolved) continue;
      samples[alerts_label(active.alert)] = {sample_at_, 1, nullptr};
      const auto since = static_cast<double>(to_ms(active.alert.active_at) / 1000);
      samples[labels.with(model::kMetricName, "ALERTS_FOR_STATE")] = {sample_at_, since, nullptr};
    }
    if (!step.next.empty() || !memory_.alerts->empty()) {
      outcome.memory.alerts = std::make_shared<const AlertStates>(std::move(step.next));
    }
    outcome.changed = std::move(step.changed);
    outcome.forgotten = std::move(step.forgotten);
    return store(samples, outcome);
  }

  // Of a comparison that others share, what holds of the answer that is there already.
  Result<Vector> alerting_vector() {
    if (answers_ == nullptr || !rule_.shared)
      return vector_of(HF_TRY(engine_.instant(*rule_.expr, sample_at_, options_)));
    const auto& shared = *rule_.shared;
    auto found = answers_->find(shared.key);
    if (found == answers_->end()) {
      auto vector = HF_TRY(vector_of(HF_TRY(engine_.instant(*shared.left, sample_at_, options_))));
      found = answers_->emplace(shared.key, std::move(vector)).first;
    }
    Vector kept;
    for (const auto& series : found->second.series) {
      const auto& point = series.points.back();
      if (point.histogram == nullptr && holds(shared.op, point.value, shared.limit))
        kept.series.push_back(series);
    }
    return kept;
  }

  // When alerts that are new to us began, as ALERTS_FOR_STATE tells it.
  Result<void> remember(std::vector<SeenAlert>& seen) const {
    const auto& policy = context_.restore;
    if (seen.empty() || rule_.policy.hold < policy.grace_period) return {};
    metrics::SelectRequest request;
    request.matchers = {model::Matcher::equal(std::string(model::kMetricName), "ALERTS_FOR_STATE"),
                        model::Matcher::equal("alertname", rule_.name)};
    request.from = sample_at_ - to_ms(policy.outage_tolerance);
    request.to = sample_at_ - 1;
    std::map<Labels, WallTime> began;
    for (const auto& column : HF_TRY(context_.store.select(request).context("restore alerts"))) {
      if (column.values.empty() || model::is_stale(column.values.back())) continue;
      const auto since = from_ms(static_cast<std::int64_t>(column.values.back()) * 1000);
      began.emplace(column.labels->without_name(), restored(since, from_ms(column.times.back())));
    }
    for (auto& one : seen) {
      if (const auto found = began.find(one.labels); found != began.end())
        one.active_since = found->second;
    }
    return {};
  }

  // The time away does not count; one that would fire within the grace period gets that period first.
  WallTime restored(WallTime since, WallTime down_at) const {
    const auto pending = std::chrono::duration_cast<Duration>(down_at - since);
    const auto remaining = rule_.policy.hold - pending;
    if (remaining <= Duration::zero()) return since;
    const auto ms = [](Duration d) { return std::chrono::milliseconds(to_ms(d)); };
    if (remaining < context_.restore.grace_period)
      return at_ + ms(context_.restore.grace_period) - ms(rule_.policy.hold);
    return since + (at_ - down_at);
  }

  Result<std::vector<SeenAlert>> seen_of(const Vector& vector) {
    std::vector<SeenAlert> seen;
    std::map<Labels, bool> known;
    for (const auto& series : vector.series) {
      SeenAlert one;
      one.value = series.points.empty() ? 0 : series.points.back().value;
      const auto query = [this](const std::string& text) { return ask(text); };
      const TemplateData data{
          series.labels, context_.external_labels, context_.external_url, one.value, at_, query};
      auto labels = series.labels.without_name().all();
      for (const auto& name : rule_.removed_labels) labels.push_back({name, ""});
      for (const auto& [name, text] : rule_.label_templates)
        labels.push_back({name, text.expand(data)});
      labels.push_back({"alertname", rule_.name});
      one.labels = Labels(std::move(labels));
      std::vector<model::Label> annotations;
      for (const auto& [name, text] : rule_.annotation_templates)
        annotations.push_back({name, text.expand(data)});
      one.annotations = Labels(std::move(annotations));
      one.evidence = rule_.evidence;
      one.evidence.value = format_double(one.value);
      if (!known.emplace(one.labels, true).second) {
        return invalid(
            "vector contains metrics with the same labelset after applying alert labels");
      }
      seen.push_back(std::move(one));
    }
    return seen;
  }

  Result<Vector> ask(const std::string& query) {
    return vector_of(HF_TRY(engine_.instant(query, sample_at_, options_)));
  }

  // Appends the samples, and staleness markers for what was there last time and is not now.
  Result<void> store(const std::map<Labels, model::Sample>& samples, RuleOutcome& outcome) {
    std::vector<metrics::SampleIn> batch;
    std::vector<Labels> series;
    for (const auto& [labels, sample] : samples) {
      batch.push_back({metrics::SeriesRef::kNone, &labels, sample});
      series.push_back(labels);
    }
    for (const auto& labels : *memory_.series) {
      if (samples.count(labels) == 0)
        batch.push_back(
            {metrics::SeriesRef::kNone, &labels, {sample_at_, model::stale_marker(), nullptr}});
    }
    if (!batch.empty()) {
      const auto result = HF_TRY(context_.store.append(batch).context("store the rule's result"));
      if (result.rejected() > 0) {
        outcome.error = std::to_string(result.rejected()) + " of " + std::to_string(batch.size()) +
                        " samples were rejected: " + result.first_error;
      }
    }
    outcome.sample_count = samples.size();
    // Mostly nothing was there and nothing is: then nothing is made anew.
    if (series != *memory_.series)
      outcome.memory.series = std::make_shared<const std::vector<Labels>>(std::move(series));
    return {};
  }

  const PreparedGroup& group_;
  const PreparedRule& rule_;
  const RuleMemory& memory_;
  const WallTime at_;
  Answers* const answers_;  // null: nothing is shared
  const model::Timestamp sample_at_;
  const EvaluationContext& context_;
  query::promql::Engine engine_;
  query::promql::QueryOptions options_;
};

}  // namespace

PreparedGroup prepare_group(const RuleGroup& group, Duration query_offset) {
  PreparedGroup prepared{group.name,
                         group.file,
                         group.interval,
                         group.query_offset.value_or(query_offset),
                         group.limit,
                         {},
                         {}};
  std::map<std::string, int> repeats;
  Levels levels;
  for (const auto& rule : group.rules) {
    auto one = std::visit([&](const auto& r) { return prepare(r, group); }, rule);
    one.key = group.file + ";" + group.name + ";" + one.identity;
    if (const int n = ++repeats[one.identity]; n > 1) one.key += ";" + std::to_string(n);
    levels.place(one);
    prepared.rules.push_back(std::move(one));
  }
  // What nobody else asks is asked whole.
  std::map<std::string, int> users;
  for (const auto& one : prepared.rules) {
    if (one.shared) ++users[one.shared->key];
  }
  for (auto& one : prepared.rules) {
    if (one.shared && users[one.shared->key] < 2) one.shared.reset();
  }
  prepared.definition = definition_of(prepared);
  return prepared;
}

RuleMemory empty_memory() {
  return {std::make_shared<const AlertStates>(), std::make_shared<const std::vector<Labels>>()};
}

std::vector<Labels> alert_series(const AlertStates& states) {
  std::vector<Labels> series;
  for (const auto& [labels, active] : states) {
    if (active.alert.state == model::AlertState::kResolved) continue;
    series.push_back(alerts_label(active.alert));
    series.push_back(labels.with(model::kMetricName, "ALERTS_FOR_STATE"));
  }
  std::sort(series.begin(), series.end());
  return series;
}

std::vector<RuleOutcome> evaluate_group(const PreparedGroup& group,
                                        const std::vector<RuleMemory>& memory, WallTime at,
                                        const EvaluationContext& context) {
  std::vector<RuleOutcome> outcomes;
  outcomes.reserve(group.rules.size());
  Answers answers;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i];
    const auto begin = context.clock.mono();
    outcomes.push_back(
        RuleEvaluation(group, rule, memory[i], at, context, rule.alerting ? &answers : nullptr)
            .run());
    outcomes.back().took = context.clock.mono() - begin;
    // An answer may rest on what has just been stored; what rests on ALERTS is never shared.
    if (!rule.alerting) answers.clear();
  }
  return outcomes;
}

RuleOutcome evaluate_rule(const PreparedGroup& group, std::size_t index, const RuleMemory& memory,
                          WallTime at, const EvaluationContext& context) {
  const auto begin = context.clock.mono();
  auto outcome = RuleEvaluation(group, group.rules[index], memory, at, context, nullptr).run();
  outcome.took = context.clock.mono() - begin;
  return outcome;
}

Result<void> append_stale(metrics::Store& store, const std::vector<Labels>& series, WallTime at) {
  std::vector<metrics::SampleIn> batch;
  for (const auto& labels : series)
    batch.push_back(
        {metrics::SeriesRef::kNone, &labels, {to_ms(at), model::stale_marker(), nullptr}});
  if (!batch.empty()) HF_TRY(store.append(batch));
  return {};
}

}  // namespace holdfast::detect
