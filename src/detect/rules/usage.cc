#include "detect/rules/usage.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::detect {
namespace {

using model::Matcher;
using nlohmann::json;
using Visit = std::function<void(const std::vector<Matcher>&)>;
namespace promql = query::promql;

// Deeper than any dashboard that people draw.
constexpr int kJsonDepthMax = 64;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}

// The text with every variable replaced; inside brackets and after `offset` a duration is wanted.
std::string filled(const std::string& text, const std::string& with) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    if (text.compare(i, 2, "${") == 0) {
      end = text.find('}', i);
      end = end == std::string::npos ? i : end + 1;
    } else if (text.compare(i, 2, "[[") == 0) {
      end = text.find("]]", i);
      end = end == std::string::npos ? i : end + 2;
    } else if (text[i] == '$') {
      end = i + 1;
      while (end < text.size() && is_word(text[end]) && text[end] != ':') ++end;
    }
    if (end <= i + 1) {
      out += text[i++];
      continue;
    }
    const auto before = trim(out);
    const bool duration =
        before.ends_with("[") || before.ends_with(":") || before.ends_with("offset");
    out += duration ? "5m" : with;
    i = end;
  }
  return out;
}

class Usage {
 public:
  explicit Usage(const std::map<std::string, std::uint64_t>& series_by_name) {
    for (const auto& [name, series] : series_by_name) uses_.push_back({name, series, 0, 0});
  }

  void add(const RuleGroup& group) {
    for (const auto& rule : group.rules) {
      const auto expr = std::visit([](const auto& one) { return one.expr; }, rule);
      if (expr)
        for_each_selector(
            *expr, [this](const auto& matchers) { count(matchers, &MetricUse::rule_count); });
    }
  }

  void add(const DashboardText& dashboard) {
    const auto root = json::parse(dashboard.json, nullptr, false);
    if (root.is_discarded()) {
      report_.unread.push_back(dashboard.name + ": this is no JSON");
      return;
    }
    walk(dashboard.name, root, 0);
  }

  UsageReport take() {
    for (auto& use : uses_) {
      const bool used = use.rule_count + use.dashboard_count > 0;
      if (!used) report_.unused_series += use.series;
      (used ? report_.used : report_.unused).push_back(std::move(use));
    }
    std::stable_sort(report_.unused.begin(), report_.unused.end(),
                     [](const MetricUse& a, const MetricUse& b) { return a.series > b.series; });
    return std::move(report_);
  }

 private:
  void walk(const std::string& dashboard, const json& node, int depth) {
    if (depth > kJsonDepthMax) return;
    if (node.is_array()) {
      for (const auto& item : node) walk(dashboard, item, depth + 1);
    }
    if (!node.is_object()) return;
    // A panel's target, an annotation, a template variable.
    for (const auto* member : {"expr", "query", "definition"}) {
      const auto found = node.find(member);
      if (found != node.end() && found->is_string()) read(dashboard, found->get<std::string>());
    }
    for (const auto& [key, value] : node.items()) walk(dashboard, value, depth + 1);
  }

  void read(const std::string& dashboard, const std::string& text) {
    const auto query = variable_query(std::string(trim(text)));
    if (query.empty()) return;
    for (const auto* with : {"holdfast_variable", "1", "5m"}) {
      const auto expr = promql::parse_expr(filled(query, with));
      if (!expr) continue;
      for_each_selector(
          **expr, [this](const auto& matchers) { count(matchers, &MetricUse::dashboard_count); });
      return;
    }
    report_.unread.push_back(dashboard + ": " + printable(text));
    count_words(text);
  }

  // label_values(metric{...}, label), query_result(expr) and metrics(regex) of Grafana's variables.
  static std::string variable_query(const std::string& text) {
    const auto open = text.find('(');
    if (open == std::string::npos || !text.ends_with(")")) return text;
    const auto name = text.substr(0, open);
    const auto inside = text.substr(open + 1, text.size() - open - 2);
    if (name == "query_result") return inside;
    if (name == "metrics") return "{__name__=~\"" + inside + "\"}";
    if (name == "label_names") return "";
    if (name != "label_values") return text;
    const auto comma = inside.rfind(',');
    return comma == std::string::npos ? "" : std::string(trim(inside.substr(0, comma)));
  }

  void count(const std::vector<Matcher>& matchers, std::size_t MetricUse::*where) {
    std::vector<const Matcher*> names;
    for (const auto& m : matchers) {
      if (m.name() == model::kMetricName) names.push_back(&m);
    }
    if (names.empty()) {
      ++report_.nameless_count;
      return;
    }
    for (auto& use : uses_) {
      const bool meant = std::all_of(names.begin(), names.end(),
                                     [&](const Matcher* m) { return m->matches(use.name); });
      if (meant) ++(use.*where);
    }
  }

  void count_words(const std::string& text) {
    std::set<std::string> words;
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end > i) words.insert(text.substr(i, end - i));
      i = end + 1;
    }
    for (auto& use : uses_) use.dashboard_count += words.count(use.name);
  }

  std::vector<MetricUse> uses_;
  UsageReport report_;
};

}  // namespace

void for_each_selector(const promql::Expr& expr, const Visit& visit) {
  const auto inside = [&visit](const promql::ExprPtr& child) {
    if (child) for_each_selector(*child, visit);
  };
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, promql::VectorSelector>) visit(node.matchers);
        if constexpr (std::is_same_v<Node, promql::MatrixSelector>) inside(node.selector);
        if constexpr (requires { node.expr; }) inside(node.expr);
        if constexpr (requires { node.param; }) inside(node.param);
        if constexpr (requires { node.left; }) inside(node.left);
        if constexpr (requires { node.right; }) inside(node.right);
        if constexpr (requires { node.args; })
          std::for_each(node.args.begin(), node.args.end(), inside);
      },
      expr.node);
}

UsageReport find_unused(const std::map<std::string, std::uint64_t>& series_by_name,
                        const std::vector<RuleGroup>& groups,
                        const std::vector<DashboardText>& dashboards) {
  Usage usage(series_by_name);
  for (const auto& group : groups) usage.add(group);
  for (const auto& dashboard : dashboards) usage.add(dashboard);
  return usage.take();
}

}  // namespace holdfast::detect
