// Walks a parsed template. Dot, variables and the output travel together in Run; each block remembers how many variables
// there were before it and forgets its own at its end. As in Go, an error is told at the node that was looked at last.
#include "base/template/exec.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/template/builtins.h"
#include "base/template/escape.h"
#include "base/template/go_time.h"
#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

// What the letter of Function::params is called in Go.
std::string_view param_name(char letter) {
  switch (letter) {
    case 's':
      return "string";
    case 'i':
      return "int";
    case 'f':
      return "float64";
    case 'b':
      return "bool";
    case 't':
      return "time.Time";
    case 'd':
      return "time.Duration";
    case 'L':
      return "[]string";
    case 'l':
      return "[]interface {}";
    case 'm':
      return "map[string]interface {}";
    default:
      return "interface {}";
  }
}

bool fits(const Value& value, char letter) {
  switch (letter) {
    case 's':
      return value.as<std::string>() != nullptr;
    case 'i':
      return value.as<std::int64_t>() != nullptr;
    case 'f':
      return value.as<double>() != nullptr;
    case 'b':
      return value.as<bool>() != nullptr;
    case 't':
      return value.as<Time>() != nullptr;
    case 'd':
      return value.as<Duration>() != nullptr;
    case 'l':
      return value.as_list() != nullptr;
    case 'm':
      return value.as_map() != nullptr;
    case 'L': {
      const auto* list = value.as_list();
      return list != nullptr &&
             std::all_of(list->items.begin(), list->items.end(),
                         [](const Value& item) { return item.as<std::string>() != nullptr; });
    }
    default:
      return true;
  }
}

// Bytes and items that a value costs whoever reads it once.
std::size_t weight_of(const Value& value) {
  if (const auto* text = value.as<std::string>()) return text->size();
  if (const auto* safe = value.as<SafeText>()) return safe->text.size();
  if (const auto* list = value.as_list()) return list->items.size() * 16;
  if (const auto* map = value.as_map()) return map->items.size() * 32;
  return 0;
}

class Run {
 public:
  Run(const Set& set, const Definition& entry, const Functions& functions, const Options& options,
      const Execution& run)
      : set_(set),
        current_(&entry),
        functions_(functions),
        options_(options),
        run_(run),
        context_{run.host, run.now, options.limits.text_size_max} {}

  Result<std::string> execute() {
    variables_.push_back({"", run_.data});
    for (const auto& name : options_.variables) {
      const auto found = std::find_if(run_.variables.begin(), run_.variables.end(),
                                      [&name](const auto& given) { return given.first == name; });
      variables_.push_back({name, found == run_.variables.end() ? Value() : found->second});
    }
    HF_TRY(walk(current_->body, run_.data));
    return std::move(out_);
  }

 private:
  enum class Flow { kOn, kBreak, kContinue };
  struct Variable {
    std::string name;
    Value value;
  };
  // The value of a chain of fields on its way; Go tells nil that was stored from nothing at all.
  struct Reached {
    Value value;
    bool stored_nil = false;
  };

  // --- errors and limits ---------------------------------------------------------------------------------------

  void at(const Node& node) { at_ = &node; }
  void at(const Pipeline& node) { at_ = &node; }
  void at(const Command& node) { at_ = &node; }
  void at(const Expr& node) { at_ = &node; }

  Error fail(const std::string& why, Code code = Code::kInvalid) const {
    const auto position = std::visit([](const auto* node) { return node->position; }, at_);
    const auto shown = std::visit([](const auto* node) { return show(*node); }, at_);
    const auto place = place_of(current_->source->text, position);
    const std::string line = std::to_string(place.line) + ":";
    if (options_.wording == Wording::kGuiding) {
      return {code,
              line + std::to_string(place.column + 1) + ": executing at <" + shown + ">: " + why};
    }
    return {code, "template: " + current_->source->name + ":" + line +
                      std::to_string(place.column) + ": executing " + quote(current_->name) +
                      " at <" + shown + ">: " + why};
  }

  Result<void> step() {
    if (++steps_ <= options_.limits.step_count_max) return {};
    return fail("more than " + std::to_string(options_.limits.step_count_max) + " steps",
                Code::kTooLarge);
  }

  Result<void> charge(std::size_t size) {
    work_ += size;
    if (work_ <= options_.limits.work_size_max) return {};
    return fail("more than " + std::to_string(options_.limits.work_size_max) + " bytes of work",
                Code::kTooLarge);
  }

  Result<void> write(std::string_view text) {
    if (out_.size() + text.size() > options_.limits.output_size_max) {
      return fail("more than " + std::to_string(options_.limits.output_size_max) + " bytes of text",
                  Code::kTooLarge);
    }
    out_ += text;
    return {};
  }

  // --- nodes ---------------------------------------------------------------------------------------------------

  Result<Flow> walk(const std::vector<Node>& nodes, const Value& dot) {
    if (++depth_ > kBlockDepthMax)
      return fail("exceeded maximum depth of blocks (" + std::to_string(kBlockDepthMax) + ")");
    auto flow = Flow::kOn;
    for (const auto& node : nodes) {
      at(node);
      HF_TRY(step());
      flow = HF_TRY(walk_node(node, dot));
      if (flow != Flow::kOn) break;
    }
    --depth_;
    return flow;
  }

  Result<Flow> walk_node(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::kText:
        HF_TRY(write(node.text));
        return Flow::kOn;
      case Node::Kind::kAction: {
        const auto value = HF_TRY(eval_pipeline(node.pipeline, dot));
        if (node.pipeline.declared.empty()) HF_TRY(print(node, value));
        return Flow::kOn;
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith:
        return walk_condition(node, dot);
      case Node::Kind::kRange:
        return walk_range(node, dot);
      case Node::Kind::kTemplate:
        return walk_template(node, dot);
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  Result<void> print(const Node& node, const Value& value) {
    at(node);
    if (value.is_nil()) return write("<no value>");
    if (const auto* text = value.as<std::string>()) return write(*text);
    if (value.as_function() != nullptr)
      return fail("can't print " + show(node) + " of type " + value.type_name());
    return write(value.print(options_.limits.output_size_max));
  }

  Result<Flow> walk_condition(const Node& node, const Value& dot) {
    const auto known = variables_.size();
    const auto value = HF_TRY(eval_pipeline(node.pipeline, dot));
    const bool truth = value.truth();
    const bool inner = truth && node.kind == Node::Kind::kWith;
    const auto flow = HF_TRY(walk(truth ? node.body : node.otherwise, inner ? value : dot));
    variables_.resize(known);
    return flow;
  }

  // How many turns a range over the value takes.
  Result<std::size_t> turn_count(const Value& value) const {
    if (const auto* list = value.as_list()) return list->items.size();
    if (const auto* map = value.as_map()) return map->items.size();
    if (const auto* count = value.as<std::int64_t>())
      return static_cast<std::size_t>(std::max<std::int64_t>(0, *count));
    if (value.is_nil()) return std::size_t{0};
    return fail("range can't iterate over " + value.print(200));
  }

  // Index and item, name and value in order of names, or a number and itself.
  static std::pair<Value, Value> turn_of(const Value& value, std::size_t i) {
    if (const auto* map = value.as_map()) return {map->items[i].first, map->items[i].second};
    const Value index = static_cast<std::int64_t>(i);
    if (const auto* list = value.as_list()) return {index, list->items[i]};
    return {index, index};
  }

  Result<Flow> walk_range(const Node& node, const Value& dot) {
    const auto known = variables_.size();
    const auto& names = node.pipeline.declared;
    const bool assigns = node.pipeline.assigns;
    const auto value = HF_TRY(eval_commands(node.pipeline, dot));
    for (const auto& name : names) {
      if (!assigns) variables_.push_back({name, value});
    }
    const auto mark = variables_.size();
    const auto count = HF_TRY(turn_count(value));
    auto flow = Flow::kOn;
    if (count == 0) flow = HF_TRY(walk(node.otherwise, dot));
    for (std::size_t i = 0; i < count; ++i) {
      HF_TRY(step());
      auto [index, item] = turn_of(value, i);
      // One name is the item, two are the index and the item.
      if (names.size() == 2) HF_TRY(set_turn(names[0], mark - 2, std::move(index), assigns));
      if (!names.empty()) HF_TRY(set_turn(names.back(), mark - 1, item, assigns));
      const auto turn = HF_TRY(walk(node.body, item));
      variables_.resize(mark);
      if (turn == Flow::kBreak) break;
    }
    variables_.resize(known);
    return count == 0 ? flow : Flow::kOn;
  }

  Result<void> set_turn(const std::string& name, std::size_t slot, Value value, bool assigns) {
    if (assigns) return assign(name, std::move(value));
    variables_[slot].value = std::move(value);
    return {};
  }

  Result<Flow> walk_template(const Node& node, const Value& dot) {
    const auto found = set_.find(node.text);
    if (found == set_.end()) return fail("template " + quote(node.text) + " not defined");
    if (call_depth_ >= options_.limits.call_depth_max) {
      return fail("exceeded maximum template depth (" +
                  std::to_string(options_.limits.call_depth_max) + ")");
    }
    const auto inner = HF_TRY(eval_pipeline(node.pipeline, dot));
    // What a template declares is its own; it sees nothing of its caller's but the value handed in.
    auto outer = std::exchange(variables_, {{"", inner}});
    const auto* caller = std::exchange(current_, found->second.get());
    ++call_depth_;
    HF_TRY(walk(current_->body, inner));
    --call_depth_;
    current_ = caller;
    variables_ = std::move(outer);
    at(node);
    return Flow::kOn;
  }

  // --- pipelines -----------------------------------------------------------------------------------------------

  Result<void> assign(const std::string& name, Value value) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name != name) continue;
      it->value = std::move(value);
      return {};
    }
    return fail("undefined variable: $" + name);
  }

  Result<Value> eval_commands(const Pipeline& pipeline, const Value& dot) {
    Value value;
    if (pipeline.commands.empty()) return value;
    at(pipeline);
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
      value = HF_TRY(eval_command(pipeline.commands[i], dot, i > 0 ? &value : nullptr));
    }
    return value;
  }

  Result<Value> eval_pipeline(const Pipeline& pipeline, const Value& dot) {
    auto value = HF_TRY(eval_commands(pipeline, dot));
    for (const auto& name : pipeline.declared) {
      if (pipeline.assigns)
        HF_TRY(assign(name, value));
      else
        variables_.push_back({name, value});
    }
    return value;
  }

  Result<void> refuse_arguments(const Command& command, const Value* piped) const {
    if (command.args.size() == 1 && piped == nullptr) return {};
    return fail("can't give argument to non-function " + show(command.args.front()));
  }

  Result<Value> eval_command(const Command& command, const Value& dot, const Value* piped) {
    const Expr& first = command.args.front();
    HF_TRY(step());
    const auto rest = std::span<const Expr>(command.args).subspan(1);
    switch (first.kind) {
      case Expr::Kind::kFunction:
        return call_function(first, rest, dot, piped, &command);
      case Expr::Kind::kField:
      case Expr::Kind::kVariable:
      case Expr::Kind::kChain:
        return eval_path(first, rest, dot, piped, &command);
      case Expr::Kind::kPipeline:
        HF_TRY(refuse_arguments(command, piped));
        return eval_pipeline(*first.pipeline, dot);
      default:
        break;
    }
    at(first);
    HF_TRY(refuse_arguments(command, piped));
    if (first.kind == Expr::Kind::kNil) return fail("nil is not a command");
    return first.kind == Expr::Kind::kDot ? dot : first.constant;
  }

  // .a.b, $x.a.b or (...).a.b; what comes last may be a method that takes arguments.
  Result<Value> eval_path(const Expr& expr, std::span<const Expr> args, const Value& dot,
                          const Value* piped, const Command* command) {
    at(expr);
    Reached reached;
    if (expr.kind == Expr::Kind::kField) {
      reached.value = dot;
    } else if (expr.kind == Expr::Kind::kVariable) {
      reached.value = HF_TRY(variable(expr.name));
      if (expr.fields.empty()) {
        if (command != nullptr) HF_TRY(refuse_arguments(*command, piped));
        return std::move(reached.value);
      }
    } else {
      reached.value = HF_TRY(eval_arg(*expr.base, 'a', dot));
    }
    for (std::size_t i = 0; i < expr.fields.size(); ++i) {
      const bool last = i + 1 == expr.fields.size();
      reached =
          HF_TRY(eval_field(reached, expr.fields[i], expr, last ? args : std::span<const Expr>(),
                            dot, last ? piped : nullptr));
    }
    return std::move(reached.value);
  }

  Result<Value> variable(const std::string& name) const {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name == name) return it->value;
    }
    return fail("undefined variable: $" + name);
  }

  static const Function* find_method(const Value& value, const std::string& name) {
    const Functions* methods = nullptr;
    if (const auto* type = value.type())
      methods = &type->methods;
    else if (value.as<Time>() != nullptr)
      methods = &time_methods();
    else if (value.as<Duration>() != nullptr)
      methods = &duration_methods();
    if (methods == nullptr) return nullptr;
    const auto found = methods->find(name);
    return found == methods->end() ? nullptr : &found->second;
  }

  Result<Reached> eval_field(const Reached& receiver, const std::string& name, const Expr& node,
                             std::span<const Expr> args, const Value& dot, const Value* piped) {
    const Value& value = receiver.value;
    if (value.is_nil()) {
      if (receiver.stored_nil) return fail("nil pointer evaluating interface {}." + name);
      if (options_.missing_key == MissingKey::kError)
        return fail("nil data; no entry for key " + quote(name));
      return Reached{};
    }
    if (const auto* method = find_method(value, name)) {
      return Reached {
        HF_TRY(call(*method, name, &value, args, dot, piped, [&] { at(node); }))
        , true
      };
    }
    const bool has_args = !args.empty() || piped != nullptr;
    if (const auto* object = value.as_object()) {
      const auto& fields = object->type->fields;
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != name) continue;
        if (has_args) return fail(name + " has arguments but cannot be invoked as function");
        return Reached{object->fields[i], true};
      }
      if (options_.wording == Wording::kGuiding) {
        std::string allowed;
        for (const auto& field : fields)
          allowed += (allowed.empty() ? "; allowed: ." : ", .") + field.name;
        return fail("can't evaluate field " + name + " in type " + value.type_name() + allowed);
      }
    } else if (const auto* map = value.as_map()) {
      if (has_args) return fail(name + " is not a method but has arguments");
      if (const auto* found = map->find(name)) return Reached{*found, true};
      switch (options_.missing_key) {
        case MissingKey::kNoValue:
          return Reached{};
        case MissingKey::kZero:
          return Reached{map->type == nullptr ? Value() : map->type->element_zero, true};
        case MissingKey::kError:
          return fail("map has no entry for key " + quote(name));
      }
    }
    return fail("can't evaluate field " + name + " in type " + value.type_name());
  }

  // --- calls ---------------------------------------------------------------------------------------------------

  const Function* find_function(const std::string& name) const {
    if (const auto* escaper = options_.html ? find_escaper(name) : nullptr) return escaper;
    const auto found = functions_.find(name);
    return found == functions_.end() ? find_builtin(name) : &found->second;
  }

  Result<Value> call_function(const Expr& name, std::span<const Expr> args, const Value& dot,
                              const Value* piped, const Command* command) {
    at(name);
    const auto* function = find_function(name.name);
    if (function == nullptr) return fail(quote(name.name) + " is not a defined function");
    if ((name.name == "and" || name.name == "or") && !functions_.contains(name.name)) {
      return call_logic(name, args, dot, piped);
    }
    return call(*function, name.name, nullptr, args, dot, piped, [&] {
      if (command != nullptr)
        at(*command);
      else
        at(name);
    });
  }

  static std::string count_error(const std::string& name, const Function& function,
                                 std::size_t given, std::size_t piped) {
    const bool any = function.params.ends_with('*');
    const auto wanted = any ? function.params.size() - 2 : function.params.size();
    return "wrong number of args for " + name + ": want " + (any ? "at least " : "") +
           std::to_string(wanted) + " got " + std::to_string(any ? given : given + piped);
  }

  // and, or: no argument behind the one that decides is evaluated.
  Result<Value> call_logic(const Expr& name, std::span<const Expr> args, const Value& dot,
                           const Value* piped) {
    if (args.empty() && piped == nullptr)
      return fail(count_error(name.name, *find_builtin(name.name), 0, 0));
    Value value;
    for (const auto& arg : args) {
      value = HF_TRY(eval_arg(arg, 'a', dot));
      if (value.truth() == (name.name == "or")) return value;
    }
    return piped != nullptr ? *piped : value;
  }

  template <typename AtCall>
  Result<Value> call(const Function& function, const std::string& name, const Value* self,
                     std::span<const Expr> exprs, const Value& dot, const Value* piped,
                     AtCall at_call) {
    const std::string& params = function.params;
    const bool any = params.ends_with('*');
    const auto fixed = any ? params.size() - 2 : params.size();
    const auto count = exprs.size() + (piped != nullptr ? 1 : 0);
    if (any ? count < fixed : count != fixed)
      return fail(count_error(name, function, exprs.size(), piped != nullptr ? 1 : 0));
    const auto letter = [&](std::size_t i) { return i < fixed ? params[i] : params[fixed]; };

    std::vector<Value> args;
    args.reserve(count + 1);
    if (self != nullptr) args.push_back(*self);
    for (std::size_t i = 0; i < exprs.size(); ++i)
      args.push_back(HF_TRY(eval_arg(exprs[i], letter(i), dot)));
    if (piped != nullptr) args.push_back(HF_TRY(checked(*piped, letter(exprs.size()))));
    HF_TRY(step());
    std::size_t weight = 16;
    for (const auto& arg : args) weight += weight_of(arg);
    HF_TRY(charge(weight));

    auto answer = function.call(context_, args);
    if (!answer) {
      at_call();
      return fail("error calling " + name + ": " + answer.error().message(), answer.error().code());
    }
    const auto size = weight_of(*answer);
    if (size > options_.limits.text_size_max) {
      at_call();
      return fail("error calling " + name + ": a text of more than " +
                      std::to_string(options_.limits.text_size_max) + " bytes",
                  Code::kTooLarge);
    }
    if (answer->depth() > kValueDepthMax) {
      at_call();
      return fail("error calling " + name + ": lists and maps nested deeper than " +
                      std::to_string(kValueDepthMax),
                  Code::kTooLarge);
    }
    HF_TRY(charge(size));
    return std::move(*answer);
  }

  // The value when a parameter of this kind takes it.
  Result<Value> checked(Value value, char letter) const {
    if (letter == 'a') return value;
    if (value.is_nil()) {
      if (letter == 'L' || letter == 'l') return Value::list({});
      if (letter == 'm') return Value::map({});
      return fail("invalid value; expected " + std::string(param_name(letter)));
    }
    if (fits(value, letter)) return value;
    return fail("wrong type for value; expected " + std::string(param_name(letter)) + "; got " +
                value.type_name());
  }

  Result<Value> eval_arg(const Expr& arg, char letter, const Value& dot) {
    at(arg);
    switch (arg.kind) {
      case Expr::Kind::kDot:
        return checked(dot, letter);
      case Expr::Kind::kNil:
        if (letter == 'a') return Value();
        if (letter == 'L' || letter == 'l' || letter == 'm') return checked(Value(), letter);
        return fail("cannot assign nil to " + std::string(param_name(letter)));
      case Expr::Kind::kField:
      case Expr::Kind::kVariable:
      case Expr::Kind::kChain:
        return checked(HF_TRY(eval_path(arg, {}, dot, nullptr, nullptr)), letter);
      case Expr::Kind::kPipeline:
        return checked(HF_TRY(eval_pipeline(*arg.pipeline, dot)), letter);
      case Expr::Kind::kFunction:
        return checked(HF_TRY(call_function(arg, {}, dot, nullptr, nullptr)), letter);
      default:
        return literal(arg, letter);
    }
  }

  // A literal takes the kind that is wanted of it: 5 may be a float64.
  Result<Value> literal(const Expr& arg, char letter) const {
    const bool number = arg.kind == Expr::Kind::kNumber;
    switch (letter) {
      case 'a':
        return arg.constant;
      case 's':
        if (arg.kind == Expr::Kind::kString) return arg.constant;
        return fail("expected string; found " + arg.name);
      case 'b':
        if (arg.kind == Expr::Kind::kBool) return arg.constant;
        return fail("expected bool; found " + arg.name);
      case 'i':
        if (number && arg.is_int) return Value(arg.as_int);
        return fail("expected integer; found " + arg.name);
      case 'd':
        if (number && arg.is_int) return Value(Duration(arg.as_int));
        return fail("expected integer; found " + arg.name);
      case 'f':
        if (number && arg.is_float) return Value(arg.as_float);
        return fail("expected float; found " + arg.name);
      default:
        return fail("can't handle " + arg.name + " for arg of type " +
                    std::string(param_name(letter)));
    }
  }

  const Set& set_;
  const Definition* current_;
  const Functions& functions_;
  const Options& options_;
  const Execution& run_;
  const CallContext context_;
  std::vector<Variable> variables_;
  std::string out_;
  std::size_t steps_ = 0, work_ = 0;
  int call_depth_ = 0, depth_ = 0;
  std::variant<const Node*, const Pipeline*, const Command*, const Expr*> at_;
};

}  // namespace

Result<std::string> run_template(const Set& set, const Definition& entry,
                                 const Functions& functions, const Options& options,
                                 const Execution& run) {
  return Run(set, entry, functions, options, run).execute();
}

}  // namespace holdfast::templates
