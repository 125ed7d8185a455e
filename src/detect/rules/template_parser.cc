// A recursive descent over the lexer's tokens. Variables are checked while reading, as Go does: a name that no
// action declared before is an error of the file, not of some evening when the alert fires.
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "detect/rules/template_ast.h"
#include "detect/rules/template_functions.h"
#include "detect/rules/template_lexer.h"

namespace holdfast::detect {
namespace {

constexpr int kDepthMax = 100;

class Parser {
 public:
  explicit Parser(std::vector<TemplateToken> tokens) : tokens_(std::move(tokens)) {}

  Result<TemplateTree> run() {
    variables_ = {"", "labels", "externalLabels", "externalURL", "value"};
    std::string stop;
    auto body = HF_TRY(read_list(stop, true));
    if (!stop.empty()) return fail(stop_place_, "unexpected {{" + stop + "}}");
    tree_.body = std::move(body);
    return std::move(tree_);
  }

 private:
  const TemplateToken& peek() const { return tokens_[at_]; }
  const TemplateToken& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool next_is(TokenKind kind) const { return peek().kind == kind; }
  static Error fail(TemplatePlace place, const std::string& why) { return invalid(place.text() + ": " + why); }
  static std::string shown(const TemplateToken& token) {
    if (token.kind == TokenKind::kEnd) return "EOF";
    return "\"" + printable(token.source) + "\"";
  }
  Error unexpected(const TemplateToken& token, std::string_view where) const {
    return fail(token.place, "unexpected " + shown(token) + " in " + std::string(where));
  }

  // Nodes until {{end}} or {{else}} (which `stop` names) or the end of the text.
  Result<std::vector<TemplateNode>> read_list(std::string& stop, bool top = false) {
    std::vector<TemplateNode> nodes;
    stop.clear();
    while (!next_is(TokenKind::kEnd)) {
      if (next_is(TokenKind::kText)) {
        TemplateNode node;
        node.place = peek().place;
        node.text = take().text;
        nodes.push_back(std::move(node));
        continue;
      }
      take();  // {{
      if (next_is(TokenKind::kWord) && (peek().text == "end" || peek().text == "else")) {
        stop_place_ = peek().place;
        stop = take().text;
        return nodes;
      }
      HF_TRY(read_action(nodes, top));
    }
    return nodes;
  }

  Result<void> read_action(std::vector<TemplateNode>& nodes, bool top) {
    const auto word = next_is(TokenKind::kWord) ? peek().text : std::string();
    TemplateNode node;
    node.place = peek().place;
    if (word == "if" || word == "range" || word == "with") {
      node.kind = word == "if" ? TemplateNode::Kind::kIf : word == "range" ? TemplateNode::Kind::kRange : TemplateNode::Kind::kWith;
      take();
      nodes.push_back(HF_TRY(read_control(std::move(node), word)));
      return {};
    }
    if (word == "break" || word == "continue") {
      if (range_depth_ == 0) return fail(peek().place, "{{" + word + "}} outside {{range}}");
      node.kind = word == "break" ? TemplateNode::Kind::kBreak : TemplateNode::Kind::kContinue;
      take();
      HF_TRY(read_end("{{" + word + "}}"));
    } else if (word == "define") {
      if (!top) return unexpected(peek(), "command; define stands at the top level only");
      return read_define();
    } else if (word == "template" || word == "block") {
      take();
      node.kind = TemplateNode::Kind::kTemplate;
      HF_TRY(read_template(node, word));
    } else {
      node.kind = TemplateNode::Kind::kAction;
      node.pipeline = HF_TRY(read_pipeline("command", TokenKind::kActionEnd));
    }
    nodes.push_back(std::move(node));
    return {};
  }

  Result<void> read_end(const std::string& where) {
    if (!next_is(TokenKind::kActionEnd)) return unexpected(peek(), where);
    take();
    return {};
  }

  // A block whose variables end with it; its {{end}} or {{else}} has been named in `stop`.
  Result<std::vector<TemplateNode>> read_block(std::string& stop, const std::string& word, TemplatePlace place) {
    if (++depth_ > kDepthMax) return fail(place, "nested deeper than 100 levels");
    const auto known = variables_.size();
    auto nodes = HF_TRY(read_list(stop));
    variables_.resize(known);
    --depth_;
    if (stop.empty()) return fail(peek().place, "unexpected EOF; {{" + word + "}} at " + place.text() + " has no {{end}}");
    return nodes;
  }

  Result<TemplateNode> read_control(TemplateNode node, const std::string& word) {
    const auto known = variables_.size();
    node.pipeline = HF_TRY(read_pipeline(word, TokenKind::kActionEnd));
    if (word == "range") ++range_depth_;
    std::string stop;
    node.body = HF_TRY(read_block(stop, word, node.place));
    if (word == "range") --range_depth_;
    if (stop == "else") {
      const bool chained = next_is(TokenKind::kWord) && (peek().text == "if" || peek().text == "with") && peek().text == word;
      if (chained) {
        // {{else if}} is an if inside the else, and they share one {{end}}.
        if (++depth_ > kDepthMax) return fail(node.place, "nested deeper than 100 levels");
        TemplateNode inner;
        inner.kind = node.kind;
        inner.place = take().place;
        node.otherwise.push_back(HF_TRY(read_control(std::move(inner), word)));
        --depth_;
        variables_.resize(known);
        return node;
      }
      HF_TRY(read_end("{{else}}"));
      node.otherwise = HF_TRY(read_block(stop, word, node.place));
      if (stop == "else") return fail(stop_place_, "expected end; found {{else}}");
    }
    HF_TRY(read_end("{{end}}"));
    variables_.resize(known);
    return node;
  }

  Result<void> read_define() {
    const auto place = take().place;
    if (!next_is(TokenKind::kString)) return unexpected(peek(), "define clause");
    const auto name = take().text;
    HF_TRY(read_end("define clause"));
    HF_TRY(read_defined(name, place, "define"));
    return {};
  }

  // A template of its own sees no variable of those around it.
  Result<void> read_defined(const std::string& name, TemplatePlace place, const std::string& word) {
    auto outer = std::move(variables_);
    const auto outer_ranges = std::exchange(range_depth_, 0);
    variables_ = {""};
    std::string stop;
    auto body = HF_TRY(read_block(stop, word, place));
    if (stop == "else") return fail(stop_place_, "unexpected {{else}} in " + word + " clause");
    HF_TRY(read_end("{{end}}"));
    variables_ = std::move(outer);
    range_depth_ = outer_ranges;
    if (word == "define" && tree_.defined.count(name) != 0) {
      return fail(place, "template: multiple definition of template \"" + printable(name) + "\"");
    }
    tree_.defined[name] = std::move(body);
    return {};
  }

  Result<void> read_template(TemplateNode& node, const std::string& word) {
    if (!next_is(TokenKind::kString)) return unexpected(peek(), word + " clause");
    node.text = take().text;
    if (next_is(TokenKind::kActionEnd)) {
      if (word == "block") return fail(peek().place, "missing value for block clause");
      take();
      return {};
    }
    node.pipeline = HF_TRY(read_pipeline(word + " clause", TokenKind::kActionEnd));
    if (word == "block") HF_TRY(read_defined(node.text, node.place, "block"));
    return {};
  }

  Result<TemplatePipeline> read_pipeline(const std::string& where, TokenKind end) {
    if (++depth_ > kDepthMax) return fail(peek().place, "nested deeper than 100 levels");
    TemplatePipeline pipeline;
    pipeline.place = peek().place;
    auto declared = HF_TRY(read_declarations(pipeline, where));
    for (;;) {
      if (next_is(end)) {
        if (pipeline.commands.empty()) return fail(peek().place, "missing value for " + where);
        return unexpected(peek(), "pipeline; a command must follow the |");
      }
      pipeline.commands.push_back(HF_TRY(read_command(where)));
      if (next_is(TokenKind::kPipe)) {
        take();
        continue;
      }
      if (!next_is(end)) return unexpected(peek(), where);
      take();
      break;
    }
    HF_TRY(check_pipeline(pipeline));
    // Declared after the pipeline is read: {{ $x := $x }} speaks of an outer $x.
    for (auto& name : declared) variables_.push_back(std::move(name));
    --depth_;
    return pipeline;
  }

  // The names to declare; those of an assignment must exist.
  Result<std::vector<std::string>> read_declarations(TemplatePipeline& pipeline, const std::string& where) {
    std::vector<std::string> declared;
    const auto sign = [&](std::size_t index) { return index < tokens_.size() ? tokens_[index].kind : TokenKind::kEnd; };
    const bool pair = where == "range" && sign(at_) == TokenKind::kVariable && sign(at_ + 1) == TokenKind::kComma;
    if (pair && sign(at_ + 2) != TokenKind::kVariable) return unexpected(tokens_[at_ + 2], "range");
    const auto operation = sign(at_ + (pair ? 3 : 1));
    if (sign(at_) != TokenKind::kVariable || (operation != TokenKind::kDeclare && operation != TokenKind::kAssign)) {
      if (pair && sign(at_ + 3) == TokenKind::kComma) return fail(tokens_[at_ + 3].place, "too many declarations in range");
      return declared;
    }
    pipeline.assigns = operation == TokenKind::kAssign;
    for (int i = 0; i < (pair ? 2 : 1); ++i) {
      if (i == 1) take();  // the comma
      const auto& name = take();
      if (pipeline.assigns) HF_TRY(check_variable(name));
      pipeline.declared.push_back(name.text);
      if (!pipeline.assigns) declared.push_back(name.text);
    }
    take();  // := or =
    return declared;
  }

  // Only what can be called may stand after a |: it takes the value before it as its last argument.
  static Result<void> check_pipeline(const TemplatePipeline& pipeline) {
    for (std::size_t i = 1; i < pipeline.commands.size(); ++i) {
      const auto& first = pipeline.commands[i].args.front();
      if (first.kind != TemplateExpr::Kind::kConstant && first.kind != TemplateExpr::Kind::kDot) continue;
      if (first.kind == TemplateExpr::Kind::kDot && !first.fields.empty()) continue;
      return fail(first.place, "non executable command in pipeline stage " + std::to_string(i + 1));
    }
    return {};
  }

  Result<TemplateCommand> read_command(const std::string& where) {
    TemplateCommand command;
    for (;;) {
      const auto& token = peek();
      if (token.kind == TokenKind::kPipe || token.kind == TokenKind::kActionEnd || token.kind == TokenKind::kClose) break;
      if (token.kind == TokenKind::kDeclare || token.kind == TokenKind::kAssign) return unexpected(token, where);
      if (!command.args.empty() && !token.after_space) return unexpected(token, "operand; a space must stand before it");
      command.args.push_back(HF_TRY(read_operand()));
    }
    if (command.args.empty()) return fail(peek().place, "empty command");
    return command;
  }

  Result<TemplateExpr> read_operand() {
    const auto token = take();
    TemplateExpr expr;
    expr.place = token.place;
    expr.source = token.source;
    switch (token.kind) {
      case TokenKind::kDot: break;
      case TokenKind::kField: expr.fields.push_back(token.text); break;
      case TokenKind::kVariable:
        HF_TRY(check_variable(token));
        expr.kind = TemplateExpr::Kind::kVariable;
        expr.name = token.text;
        break;
      case TokenKind::kWord: HF_TRY(read_word(expr, token)); break;
      case TokenKind::kString:
        expr.kind = TemplateExpr::Kind::kConstant;
        expr.constant = token.text;
        break;
      case TokenKind::kNumber:
        expr.kind = TemplateExpr::Kind::kConstant;
        expr.constant = HF_TRY(read_number(token));
        break;
      case TokenKind::kOpen:
        expr.kind = TemplateExpr::Kind::kPipeline;
        expr.pipeline = std::make_shared<TemplatePipeline>(HF_TRY(read_pipeline("parenthesized pipeline", TokenKind::kClose)));
        expr.source = "(...)";
        break;
      default: return unexpected(token, "operand");
    }
    return read_fields(std::move(expr), token.kind);
  }

  Result<TemplateExpr> read_fields(TemplateExpr expr, TokenKind kind) {
    while (next_is(TokenKind::kField) && !peek().after_space) {
      if (kind == TokenKind::kString || kind == TokenKind::kNumber || (expr.kind == TemplateExpr::Kind::kConstant)) {
        return fail(peek().place, "unexpected . after term \"" + printable(expr.source) + "\"");
      }
      expr.source += peek().source;
      expr.fields.push_back(take().text);
    }
    return expr;
  }

  static Result<void> read_word(TemplateExpr& expr, const TemplateToken& token) {
    expr.kind = TemplateExpr::Kind::kConstant;
    if (token.text == "true" || token.text == "false") {
      expr.constant = token.text == "true";
      return {};
    }
    if (token.text == "nil") return {};
    expr.kind = TemplateExpr::Kind::kFunction;
    expr.name = token.text;
    if (find_template_function(token.text) != nullptr) return {};
    const auto names = template_function_names();
    const auto near = nearest(token.text, names);
    return fail(token.place, "function \"" + printable(token.text) + "\" not defined; " +
                                 (near.empty() ? "allowed: " + join(names, ", ") : "did you mean \"" + near + "\"?"));
  }

  static Result<TemplateValue> read_number(const TemplateToken& token) {
    std::string digits;
    for (const char c : token.text) {
      if (c != '_') digits += c;
    }
    char* end = nullptr;
    errno = 0;
    const auto whole = std::strtoll(digits.c_str(), &end, 0);
    if (!digits.empty() && *end == '\0' && errno == 0) return TemplateValue(static_cast<std::int64_t>(whole));
    const auto value = std::strtod(digits.c_str(), &end);
    const bool spelt = digits.find_first_of("nNiI") == std::string::npos;  // strtod also reads "inf" and "nan"
    if (digits.empty() || *end != '\0' || !spelt || !std::isfinite(value)) {
      return fail(token.place, "bad number syntax: \"" + printable(token.source) + "\"");
    }
    return TemplateValue(value);
  }

  Result<void> check_variable(const TemplateToken& token) const {
    for (const auto& known : variables_) {
      if (known == token.text) return {};
    }
    std::vector<std::string> names;
    for (const auto& known : variables_) {
      if (!known.empty()) names.push_back("$" + known);
    }
    return fail(token.place, "undefined variable \"$" + printable(token.text) + "\"" +
                                 (names.empty() ? std::string() : "; allowed: " + join(names, ", ")));
  }

  std::vector<TemplateToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int range_depth_ = 0;
  std::vector<std::string> variables_;
  TemplatePlace stop_place_;
  TemplateTree tree_;
};

}  // namespace

Result<TemplateTree> parse_template(std::string_view text) { return Parser(HF_TRY(lex_template(text))).run(); }

}  // namespace holdfast::detect
