// Walks a parsed template. Dot, variables and the output travel together in Run; each block remembers how many
// variables there were before it and forgets its own at its end.
#include "detect/rules/template.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "detect/rules/template_ast.h"
#include "detect/rules/template_functions.h"

namespace holdfast::detect {
namespace {

constexpr std::size_t kStepCountMax = 1'000'000;
constexpr std::size_t kOutputSizeMax = 1024 * 1024;
constexpr int kTemplateDepthMax = 100;

using Value = TemplateValue;

class Run {
 public:
  Run(const TemplateTree& tree, const TemplateData& data) : tree_(tree), data_(data) {}

  Result<std::string> expand() {
    const Value root(&data_);
    variables_ = {{"", root},
                  {"labels", data_.labels},
                  {"externalLabels", data_.external_labels},
                  {"externalURL", data_.external_url},
                  {"value", data_.value}};
    HF_TRY(walk(tree_.body, root));
    return std::move(out_);
  }

 private:
  enum class Flow { kOn, kBreak, kContinue };
  struct Variable {
    std::string name;
    Value value;
  };

  static Error fail(const TemplateExpr& at, const std::string& why) {
    return invalid(at.place.text() + ": executing at <" + printable(at.source) + ">: " + why);
  }

  Result<void> step(TemplatePlace place) {
    if (++steps_ > kStepCountMax) return invalid(place.text() + ": more than 1000000 steps");
    if (out_.size() > kOutputSizeMax) return Error(Code::kTooLarge, place.text() + ": more than 1048576 bytes of text");
    return {};
  }

  Result<Flow> walk(const std::vector<TemplateNode>& nodes, const Value& dot) {
    const auto known = variables_.size();
    for (const auto& node : nodes) {
      HF_TRY(step(node.place));
      const auto flow = HF_TRY(walk_node(node, dot));
      if (flow != Flow::kOn) {
        variables_.resize(known);
        return flow;
      }
    }
    // The outermost list keeps its variables: nothing comes after it.
    variables_.resize(known);
    return Flow::kOn;
  }

  Result<Flow> walk_node(const TemplateNode& node, const Value& dot) {
    switch (node.kind) {
      case TemplateNode::Kind::kText: out_ += node.text; return Flow::kOn;
      case TemplateNode::Kind::kAction: {
        const auto value = HF_TRY(run(node.pipeline, dot));
        if (node.pipeline.declared.empty()) out_ += value.print();
        return Flow::kOn;
      }
      case TemplateNode::Kind::kIf:
      case TemplateNode::Kind::kWith: return walk_condition(node, dot);
      case TemplateNode::Kind::kRange: return walk_range(node, dot);
      case TemplateNode::Kind::kTemplate: return walk_template(node, dot);
      case TemplateNode::Kind::kBreak: return Flow::kBreak;
      case TemplateNode::Kind::kContinue: return Flow::kContinue;
    }
    return Flow::kOn;
  }

  Result<Flow> walk_condition(const TemplateNode& node, const Value& dot) {
    const auto known = variables_.size();
    const auto value = HF_TRY(run(node.pipeline, dot));
    auto flow = Flow::kOn;
    if (value.truth()) {
      flow = HF_TRY(walk(node.body, node.kind == TemplateNode::Kind::kWith ? value : dot));
    } else {
      flow = HF_TRY(walk(node.otherwise, dot));
    }
    variables_.resize(known);
    return flow;
  }

  // How many turns a range over the value takes.
  static Result<std::size_t> turn_count(const Value& value, TemplatePlace place) {
    if (const auto* list = value.as<TemplateList>()) return (*list)->size();
    if (const auto* labels = value.as<model::Labels>()) return labels->size();
    if (const auto* map = value.as<TemplateMap>()) return (*map)->size();
    if (const auto* count = value.as<std::int64_t>()) return static_cast<std::size_t>(std::max<std::int64_t>(0, *count));
    if (value.is_nil()) return std::size_t{0};
    return invalid(place.text() + ": range can't iterate over " + value.print());
  }

  // Index and item, name and value in order of names, or a number and itself.
  static std::pair<Value, Value> turn_of(const Value& value, std::size_t i) {
    const auto index = static_cast<std::int64_t>(i);
    if (const auto* list = value.as<TemplateList>()) return {index, (**list)[i]};
    if (const auto* labels = value.as<model::Labels>()) return {labels->all()[i].name, labels->all()[i].value};
    if (const auto* map = value.as<TemplateMap>()) {
      const auto member = std::next((*map)->begin(), index);
      return {member->first, member->second};
    }
    return {index, index};
  }

  Result<Flow> walk_range(const TemplateNode& node, const Value& dot) {
    const auto known = variables_.size();
    const auto& names = node.pipeline.declared;
    const auto value = HF_TRY(run_commands(node.pipeline, dot));
    const auto count = HF_TRY(turn_count(value, node.place));
    if (count == 0) return walk(node.otherwise, dot);
    for (std::size_t i = 0; i < count; ++i) {
      HF_TRY(step(node.place));
      const auto [index, item] = turn_of(value, i);
      // One name is the item, two are the index and the item.
      if (names.size() == 2) set(names[0], index, node.pipeline.assigns);
      if (!names.empty()) set(names.back(), item, node.pipeline.assigns);
      const auto flow = HF_TRY(walk(node.body, item));
      variables_.resize(known);
      if (flow == Flow::kBreak) break;
    }
    return Flow::kOn;
  }

  Result<Flow> walk_template(const TemplateNode& node, const Value& dot) {
    const auto found = tree_.defined.find(node.text);
    if (found == tree_.defined.end()) return invalid(node.place.text() + ": template \"" + printable(node.text) + "\" not defined");
    if (++template_depth_ > kTemplateDepthMax) return invalid(node.place.text() + ": exceeded maximum template depth (100)");
    const auto inner = node.pipeline.commands.empty() ? Value() : HF_TRY(run(node.pipeline, dot));
    auto outer = std::exchange(variables_, {{"", inner}});
    HF_TRY(walk(found->second, inner));
    variables_ = std::move(outer);
    --template_depth_;
    return Flow::kOn;
  }

  void set(const std::string& name, const Value& value, bool assigns) {
    if (!assigns) {
      variables_.push_back({name, value});
      return;
    }
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name == name) {
        it->value = value;
        return;
      }
    }
  }

  Result<Value> run_commands(const TemplatePipeline& pipeline, const Value& dot) {
    Value value;
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
      value = HF_TRY(run_command(pipeline.commands[i], dot, i > 0 ? &value : nullptr));
    }
    return value;
  }

  Result<Value> run(const TemplatePipeline& pipeline, const Value& dot) {
    auto value = HF_TRY(run_commands(pipeline, dot));
    for (const auto& name : pipeline.declared) set(name, value, pipeline.assigns);
    return value;
  }

  Result<Value> run_command(const TemplateCommand& command, const Value& dot, const Value* piped) {
    const auto& first = command.args.front();
    HF_TRY(step(first.place));
    if (first.kind == TemplateExpr::Kind::kFunction) return call(command, dot, piped);
    if (command.args.size() > 1 || piped != nullptr) return fail(first, "can't give argument to non-function " + printable(first.source));
    return value_of(first, dot);
  }

  Result<Value> call(const TemplateCommand& command, const Value& dot, const Value* piped) {
    const auto& name = command.args.front();
    const auto* function = find_template_function(name.name);
    const auto count = static_cast<int>(command.args.size()) - 1 + (piped != nullptr ? 1 : 0);
    if (count < function->arg_count_min || (function->arg_count_max >= 0 && count > function->arg_count_max)) {
      const bool exact = function->arg_count_min == function->arg_count_max;
      const bool few = count < function->arg_count_min;
      return fail(name, "wrong number of args for " + name.name + ": want " + (exact ? "" : few ? "at least " : "at most ") +
                            std::to_string(few ? function->arg_count_min : function->arg_count_max) + " got " + std::to_string(count));
    }
    std::vector<Value> args;
    const bool stops_at_true = name.name == "or", stops_at_false = name.name == "and";
    for (std::size_t i = 1; i < command.args.size(); ++i) {
      args.push_back(HF_TRY(value_of(command.args[i], dot)));
      const bool truth = args.back().truth();
      if ((stops_at_true && truth) || (stops_at_false && !truth)) return read_fields(args.back(), name);
    }
    if (piped != nullptr) args.push_back(*piped);
    auto answer = function->call(data_, args);
    if (!answer) return fail(name, "error calling " + name.name + ": " + answer.error().message());
    if (const auto* text = answer->as<std::string>(); text != nullptr && text->size() > kTemplateTextSizeMax) {
      return fail(name, "error calling " + name.name + ": a text of more than 65536 bytes");
    }
    return read_fields(std::move(*answer), name);
  }

  Result<Value> value_of(const TemplateExpr& expr, const Value& dot) {
    switch (expr.kind) {
      case TemplateExpr::Kind::kDot: return read_fields(dot, expr);
      case TemplateExpr::Kind::kConstant: return expr.constant;
      case TemplateExpr::Kind::kPipeline: return read_fields(HF_TRY(run(*expr.pipeline, dot)), expr);
      case TemplateExpr::Kind::kFunction: return call({{expr}}, dot, nullptr);
      case TemplateExpr::Kind::kVariable: break;
    }
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name == expr.name) return read_fields(it->value, expr);
    }
    return fail(expr, "undefined variable: $" + expr.name);
  }

  Result<Value> read_fields(Value value, const TemplateExpr& expr) const {
    for (const auto& field : expr.fields) value = HF_TRY(read_field(value, field, expr));
    return value;
  }

  Result<Value> read_field(const Value& value, const std::string& field, const TemplateExpr& expr) const {
    if (value.is_nil()) return fail(expr, "nil data; no entry for key \"" + printable(field) + "\"");
    if (value.as<model::Labels>() != nullptr || value.as<TemplateMap>() != nullptr) return index_value(value, field);
    if (const auto* sample = value.as<QuerySample>()) {
      if (field == "Labels") return Value(sample->labels);
      if (field == "Value") return Value(sample->value);
      return fail(expr, "can't evaluate field " + printable(field) + " in type sample; allowed: .Labels, .Value");
    }
    if (const auto* const* data = value.as<const TemplateData*>()) {
      if (field == "Labels") return Value((*data)->labels);
      if (field == "ExternalLabels") return Value((*data)->external_labels);
      if (field == "ExternalURL") return Value((*data)->external_url);
      if (field == "Value") return Value((*data)->value);
      return fail(expr, "can't evaluate field " + printable(field) +
                            " in type data; allowed: .Labels, .ExternalLabels, .ExternalURL, .Value");
    }
    return fail(expr, "can't evaluate field " + printable(field) + " in type " + std::string(value.type_name()));
  }

  const TemplateTree& tree_;
  const TemplateData& data_;
  std::vector<Variable> variables_;
  std::string out_;
  std::size_t steps_ = 0;
  int template_depth_ = 0;
};

}  // namespace

struct Template::Node {
  TemplateTree tree;
};

Result<Template> Template::parse(std::string_view text) {
  Template parsed;
  parsed.root_ = std::make_shared<const Node>(Node{HF_TRY(parse_template(text))});
  return parsed;
}

Result<std::string> Template::try_expand(const TemplateData& data) const {
  if (root_ == nullptr) return std::string();
  return Run(root_->tree, data).expand();
}

std::string Template::expand(const TemplateData& data) const {
  auto expanded = try_expand(data);
  if (expanded) return std::move(*expanded);
  return "<error expanding template: error executing template: " + expanded.error().message() + ">";
}

}  // namespace holdfast::detect
