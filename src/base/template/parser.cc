// A recursive descent over the lexer's tokens. Variables are checked while reading, as Go does: a name that no action
// declared before is an error of the file, not of some evening when the alert fires.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/template/ast.h"
#include "base/template/builtins.h"
#include "base/template/lexer.h"
#include "base/text.h"

namespace holdfast::templates {
namespace {

class Parser {
 public:
  Parser(const std::string& name, std::string_view text, const Functions& functions,
         const Options& options)
      : source_(std::make_shared<const Source>(Source{name, std::string(text)})),
        functions_(functions),
        options_(options),
        tokens_(lex(source_->text)) {}

  Result<std::vector<Definition>> run() {
    variables_ = {""};
    variables_.insert(variables_.end(), options_.variables.begin(), options_.variables.end());
    std::vector<Node> body;
    while (peek().kind != TokenKind::kEnd) {
      if (next_is_define()) {
        HF_TRY(read_define());
        continue;
      }
      Stop stop;
      HF_TRY(read_node(body, stop));
      if (!stop.word.empty()) return fail(stop.token, "unexpected {{" + stop.word + "}}");
    }
    HF_TRY(add({source_->name, source_, std::move(body)}, peek()));
    return std::move(defined_);
  }

 private:
  // The {{end}} or {{else}} that a list of nodes met. After "else if" and "else with" the inner word is still to be read.
  struct Stop {
    std::string word;
    Token token;
  };

  // --- tokens --------------------------------------------------------------------------------------------------

  const Token& peek() const { return tokens_[at_]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  const Token& peek_solid() {
    if (peek().kind == TokenKind::kSpace) take();
    return peek();
  }
  const Token& take_solid() {
    peek_solid();
    return take();
  }
  static bool is_word(const Token& token, std::string_view word) {
    return token.kind == TokenKind::kWord && token.text == word;
  }
  bool next_is_define() {
    if (peek().kind != TokenKind::kActionBegin) return false;
    std::size_t i = at_ + 1;
    if (tokens_[i].kind == TokenKind::kSpace) ++i;
    return is_word(tokens_[i], "define");
  }

  // --- errors --------------------------------------------------------------------------------------------------

  Error fail(std::size_t position, const std::string& why, const std::string& hint = "") const {
    const auto place = place_of(source_->text, position);
    if (options_.wording == Wording::kGuiding) {
      return invalid(std::to_string(place.line) + ":" + std::to_string(place.column + 1) + ": " +
                     why + hint);
    }
    return invalid("template: " + source_->name + ":" + std::to_string(place.line) + ": " + why);
  }
  Error fail(const Token& token, const std::string& why, const std::string& hint = "") const {
    return fail(token.position, why, hint);
  }
  static std::string shown(const Token& token) {
    switch (token.kind) {
      case TokenKind::kEnd:
        return "EOF";
      case TokenKind::kDot:
        return "<.>";
      case TokenKind::kWord:
        if (is_keyword(token.text)) return "<" + std::string(token.text) + ">";
        break;
      default:
        break;
    }
    // Long ones are cut as Go cuts them.
    if (token.text.size() > 10) {
      std::size_t size = 0;
      for (int n = 0; n < 10 && size < token.text.size(); ++n) {
        std::size_t step = 0;
        decode_rune(token.text.substr(size), step);
        size += step;
      }
      return quote(token.text.substr(0, size)) + "...";
    }
    return quote(token.text);
  }
  static bool is_keyword(std::string_view word) {
    static constexpr std::string_view kWords[] = {"block", "break",    "continue", "define",
                                                  "else",  "end",      "if",       "nil",
                                                  "range", "template", "with"};
    return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
  }
  Error unexpected(const Token& token, std::string_view where) const {
    if (token.kind == TokenKind::kError) {
      const bool action = token.error.ends_with(" action");
      const int line = place_of(source_->text, token.position).line;
      const int began = place_of(source_->text, token.action).line;
      std::string extra;
      if (token.action != token.position && line != began && options_.wording == Wording::kGo) {
        extra = std::string(action ? " started at " : " in action started at ") + source_->name +
                ":" + std::to_string(began);
      }
      // A guide points to where it can be mended: the begin of what was not closed.
      const bool begin = action && options_.wording == Wording::kGuiding;
      return fail(begin ? token.action : token.position, token.error + extra);
    }
    return fail(token, "unexpected " + shown(token) + " in " + std::string(where));
  }
  Result<void> expect_end(std::string_view where) {
    const Token& token = take_solid();
    if (token.kind != TokenKind::kActionEnd) return unexpected(token, where);
    return {};
  }

  // --- lists and controls --------------------------------------------------------------------------------------

  Result<std::vector<Node>> read_list(Stop& stop, const Token& opened) {
    std::vector<Node> nodes;
    stop = {};
    while (peek().kind != TokenKind::kEnd) {
      HF_TRY(read_node(nodes, stop));
      if (!stop.word.empty()) return nodes;
    }
    const auto place = place_of(source_->text, opened.position);
    return fail(peek(), "unexpected EOF",
                "; {{" + std::string(opened.text) + "}} at " + std::to_string(place.line) + ":" +
                    std::to_string(place.column + 1) + " has no {{end}}");
  }

  Result<void> read_node(std::vector<Node>& nodes, Stop& stop) {
    const Token token = take();
    if (token.kind == TokenKind::kText) {
      Node node;
      node.position = token.position;
      node.text = token.text;
      nodes.push_back(std::move(node));
      return {};
    }
    if (token.kind != TokenKind::kActionBegin) return unexpected(token, "input");
    const Token word = peek_solid();
    if (is_word(word, "end")) {
      take();
      HF_TRY(expect_end("end"));
      stop = {"end", word};
    } else if (is_word(word, "else")) {
      take();
      const Token& next = peek_solid();
      if (!is_word(next, "if") && !is_word(next, "with")) HF_TRY(expect_end("else"));
      stop = {"else", word};
    } else {
      HF_TRY(read_action(nodes, word));
    }
    return {};
  }

  Result<void> read_action(std::vector<Node>& nodes, const Token& word) {
    Node node;
    node.position = word.position;
    if (is_word(word, "if") || is_word(word, "range") || is_word(word, "with")) {
      nodes.push_back(HF_TRY(read_control()));
      return {};
    }
    const bool breaks = is_word(word, "break");
    if ((breaks || is_word(word, "continue")) && find_function(word.text) == nullptr) {
      const std::string shown = "{{" + std::string(word.text) + "}}";
      take();
      HF_TRY(expect_end(shown));
      if (range_depth_ == 0) return fail(word, shown + " outside {{range}}");
      node.kind = breaks ? Node::Kind::kBreak : Node::Kind::kContinue;
    } else if (is_word(word, "template")) {
      take();
      HF_TRY(read_template(node));
    } else if (is_word(word, "block")) {
      take();
      HF_TRY(read_block(node, word));
    } else {
      node.kind = Node::Kind::kAction;
      node.pipeline = HF_TRY(read_pipeline("command", TokenKind::kActionEnd));
    }
    nodes.push_back(std::move(node));
    return {};
  }

  // {{if}}, {{range}}, {{with}}; the word is still to be read.
  Result<Node> read_control() {
    const Token word = take_solid();
    if (++depth_ > kNestingMax) return too_deep(word);
    const bool loop = word.text == "range";
    Node node;
    node.kind = loop ? Node::Kind::kRange : word.text == "if" ? Node::Kind::kIf : Node::Kind::kWith;
    const auto known = variables_.size();
    node.pipeline = HF_TRY(read_pipeline(word.text, TokenKind::kActionEnd));
    node.position = node.pipeline.position;
    range_depth_ += loop ? 1 : 0;
    Stop stop;
    node.body = HF_TRY(read_list(stop, word));
    range_depth_ -= loop ? 1 : 0;
    if (stop.word == "else") HF_TRY(read_else(node, word));
    variables_.resize(known);
    --depth_;
    return node;
  }

  Result<void> read_else(Node& node, const Token& word) {
    const Token next = peek_solid();
    if (next.kind == TokenKind::kWord) {
      // {{else if}} and {{else with}} stand for {{else}}{{if}} ... {{end}}{{end}}, within their own kind only.
      if (next.text != word.text) return unexpected(next, "else");
      node.otherwise.push_back(HF_TRY(read_control()));
      return {};
    }
    Stop stop;
    node.otherwise = HF_TRY(read_list(stop, word));
    if (stop.word != "end") return fail(stop.token, "expected end; found {{else}}");
    return {};
  }

  Error too_deep(const Token& token) const {
    return fail(token, "nested deeper than " + std::to_string(kNestingMax) + " levels");
  }

  // --- definitions ---------------------------------------------------------------------------------------------

  Result<std::string> read_template_name(std::string_view where) {
    const Token& token = take_solid();
    std::string name;
    if (token.kind != TokenKind::kString) return unexpected(token, where);
    if (!unquote(token.text, name)) return fail(token, "invalid syntax");
    return name;
  }

  Result<void> read_template(Node& node) {
    node.kind = Node::Kind::kTemplate;
    node.position = peek_solid().position;
    node.text = HF_TRY(read_template_name("template clause"));
    if (peek_solid().kind == TokenKind::kActionEnd) {
      take();
    } else {
      node.pipeline = HF_TRY(read_pipeline("template clause", TokenKind::kActionEnd));
    }
    return {};
  }

  Result<void> read_block(Node& node, const Token& word) {
    node.kind = Node::Kind::kTemplate;
    node.position = peek_solid().position;
    node.text = HF_TRY(read_template_name("block clause"));
    node.pipeline = HF_TRY(read_pipeline("block clause", TokenKind::kActionEnd));
    return read_body(node.text, "block clause", word);
  }

  Result<void> read_define() {
    take();
    const Token word = take_solid();
    const auto name = HF_TRY(read_template_name("define clause"));
    HF_TRY(expect_end("define clause"));
    return read_body(name, "define clause", word);
  }

  // The body of a definition sees no variables but its own $.
  Result<void> read_body(const std::string& name, const std::string& where, const Token& word) {
    if (++depth_ > kNestingMax) return too_deep(word);
    auto outer = std::exchange(variables_, {""});
    const int ranges = std::exchange(range_depth_, 0);
    Stop stop;
    auto body = HF_TRY(read_list(stop, word));
    if (stop.word != "end") return fail(stop.token, "unexpected {{else}} in " + where);
    variables_ = std::move(outer);
    range_depth_ = ranges;
    --depth_;
    return add({name, source_, std::move(body)}, word);
  }

  Result<void> add(Definition definition, const Token& at) {
    for (auto& known : defined_) {
      if (known.name != definition.name) continue;
      if (is_empty(known.body)) {
        known = std::move(definition);
      } else if (!is_empty(definition.body)) {
        return fail(at, "template: multiple definition of template " + quote(definition.name));
      }
      return {};
    }
    defined_.push_back(std::move(definition));
    return {};
  }

  // --- pipelines -----------------------------------------------------------------------------------------------

  Result<Pipeline> read_pipeline(std::string_view where, TokenKind end) {
    Pipeline pipeline;
    pipeline.position = peek_solid().position;
    HF_TRY(read_declarations(pipeline, where));
    while (peek_solid().kind != end) {
      const Token& token = peek();
      if (!begins_operand(token)) return unexpected(token, where);
      pipeline.commands.push_back(HF_TRY(read_command()));
    }
    const Token& closing = take();
    if (pipeline.commands.empty()) return fail(closing, "missing value for " + std::string(where));
    for (std::size_t i = 1; i < pipeline.commands.size(); ++i) {
      const auto& first = pipeline.commands[i].args.front();
      switch (first.kind) {
        case Expr::Kind::kBool:
        case Expr::Kind::kDot:
        case Expr::Kind::kNil:
        case Expr::Kind::kNumber:
        case Expr::Kind::kString: {
          const std::string why =
              "non executable command in pipeline stage " + std::to_string(i + 1);
          return fail(options_.wording == Wording::kGuiding ? first.position : closing.position,
                      why);
        }
        default:
          break;
      }
    }
    return pipeline;
  }

  Result<void> read_declarations(Pipeline& pipeline, std::string_view where) {
    while (peek_solid().kind == TokenKind::kVariable) {
      const auto back = at_;
      const Token variable = take();
      const Token next = peek_solid();
      const bool comma = next.kind == TokenKind::kChar && next.text == ",";
      if (!comma && next.kind != TokenKind::kAssign && next.kind != TokenKind::kDeclare) {
        at_ = back;
        return {};
      }
      take();
      pipeline.declared.emplace_back(variable.text.substr(1));
      if (comma) {
        if (where != "range" || pipeline.declared.size() >= 2) {
          return fail(variable, "too many declarations in " + std::string(where));
        }
        const auto after = peek_solid().kind;
        if (after != TokenKind::kVariable && after != TokenKind::kActionEnd &&
            after != TokenKind::kClose) {
          return fail(peek(), "range can only initialize variables");
        }
        continue;
      }
      pipeline.assigns = next.kind == TokenKind::kAssign;
      // An assignment to a name that nobody declared could only fail when it is run.
      for (const auto& name : pipeline.declared) {
        if (pipeline.assigns && options_.wording == Wording::kGuiding)
          HF_TRY(check_variable(name, variable));
        if (!pipeline.assigns) variables_.push_back(name);
      }
      if (pipeline.assigns && options_.wording == Wording::kGo) {
        variables_.insert(variables_.end(), pipeline.declared.begin(), pipeline.declared.end());
      }
      return {};
    }
    // "$a," and then no ":=": Go takes the names as declared.
    variables_.insert(variables_.end(), pipeline.declared.begin(), pipeline.declared.end());
    return {};
  }

  static bool begins_operand(const Token& token) {
    switch (token.kind) {
      case TokenKind::kWord:
        return !is_keyword(token.text) || token.text == "nil";
      case TokenKind::kField:
      case TokenKind::kDot:
      case TokenKind::kVariable:
      case TokenKind::kNumber:
      case TokenKind::kString:
      case TokenKind::kOpen:
        return true;
      default:
        return false;
    }
  }

  Result<Command> read_command() {
    Command command;
    command.position = peek_solid().position;
    for (;;) {
      if (begins_operand(peek_solid())) command.args.push_back(HF_TRY(read_operand()));
      const Token& token = peek();
      if (token.kind == TokenKind::kSpace) {
        take();
        if (begins_operand(peek())) continue;
      }
      const Token& after = peek();
      if (after.kind == TokenKind::kActionEnd || after.kind == TokenKind::kClose) break;
      if (after.kind == TokenKind::kPipe) {
        take();
        const auto& next = peek_solid();
        const bool ends = next.kind == TokenKind::kActionEnd || next.kind == TokenKind::kClose;
        // Go lets it pass; a guide does not.
        if (ends && options_.wording == Wording::kGuiding) {
          return fail(next, "unexpected " + shown(next) + " in pipeline; a command must follow the |");
        }
        break;
      }
      return unexpected(after, "operand");
    }
    return command;
  }

  Result<Expr> read_operand() {
    Expr term = HF_TRY(read_term());
    if (peek().kind != TokenKind::kField) return term;
    const Token first = peek();
    std::vector<std::string> fields;
    while (peek().kind == TokenKind::kField) fields.emplace_back(take().text.substr(1));
    switch (term.kind) {
      case Expr::Kind::kField:
      case Expr::Kind::kVariable:
        term.position = first.position;
        term.fields.insert(term.fields.end(), fields.begin(), fields.end());
        return term;
      case Expr::Kind::kFunction:
      case Expr::Kind::kPipeline: {
        Expr chain;
        chain.kind = Expr::Kind::kChain;
        chain.position = first.position;
        chain.fields = std::move(fields);
        chain.base = std::make_shared<const Expr>(std::move(term));
        return chain;
      }
      default:
        return fail(first, "unexpected . after term " + quote(show(term)));
    }
  }

  Result<Expr> read_term() {
    const Token token = take();
    Expr expr;
    expr.position = token.position;
    switch (token.kind) {
      case TokenKind::kDot:
        break;
      case TokenKind::kField:
        expr.kind = Expr::Kind::kField;
        expr.fields.emplace_back(token.text.substr(1));
        break;
      case TokenKind::kVariable:
        expr.kind = Expr::Kind::kVariable;
        expr.name = token.text.substr(1);
        HF_TRY(check_variable(expr.name, token));
        break;
      case TokenKind::kString: {
        std::string text;
        if (!unquote(token.text, text)) return fail(token, "invalid syntax");
        expr.kind = Expr::Kind::kString;
        expr.name = token.text;
        expr.constant = std::move(text);
        break;
      }
      case TokenKind::kNumber:
        HF_TRY(read_number(expr, token));
        break;
      case TokenKind::kOpen:
        if (++depth_ > kNestingMax) return too_deep(token);
        expr.kind = Expr::Kind::kPipeline;
        expr.pipeline = std::make_shared<const Pipeline>(
            HF_TRY(read_pipeline("parenthesized pipeline", TokenKind::kClose)));
        expr.position = expr.pipeline->position;
        --depth_;
        break;
      default:
        HF_TRY(read_word(expr, token));
        break;
    }
    return expr;
  }

  Result<void> read_word(Expr& expr, const Token& token) {
    expr.name = token.text;
    if (token.text == "nil") {
      expr.kind = Expr::Kind::kNil;
    } else if (token.text == "true" || token.text == "false") {
      expr.kind = Expr::Kind::kBool;
      expr.constant = token.text == "true";
    } else {
      expr.kind = Expr::Kind::kFunction;
      if (find_function(token.text) == nullptr) {
        return fail(token, "function " + quote(token.text) + " not defined",
                    function_hint(token.text));
      }
    }
    return {};
  }

  Result<void> check_variable(const std::string& name, const Token& token) const {
    if (std::find(variables_.begin(), variables_.end(), name) != variables_.end()) return {};
    std::string hint;
    for (const auto& known : variables_) {
      if (!known.empty()) hint += (hint.empty() ? "; allowed: $" : ", $") + known;
    }
    return fail(token, "undefined variable " + quote("$" + name), hint);
  }

  const Function* find_function(std::string_view name) const {
    const auto found = functions_.find(name);
    return found == functions_.end() ? find_builtin(name) : &found->second;
  }
  std::string function_hint(std::string_view name) const {
    std::vector<std::string> names = builtin_names();
    for (const auto& [known, function] : functions_) names.push_back(known);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return hint_of(name, names);
  }
  static std::string hint_of(std::string_view name, const std::vector<std::string>& names);

  // --- numbers -------------------------------------------------------------------------------------------------

  Result<void> read_number(Expr& expr, const Token& token) const;

  const std::shared_ptr<const Source> source_;
  const Functions& functions_;
  const Options& options_;
  const std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::vector<std::string> variables_;
  int depth_ = 0, range_depth_ = 0;
  std::vector<Definition> defined_;
};

std::string Parser::hint_of(std::string_view name, const std::vector<std::string>& names) {
  if (const auto near = nearest(name, names); !near.empty())
    return "; did you mean " + quote(near) + "?";
  std::string out;
  for (const auto& known : names) out += (out.empty() ? "; allowed: " : ", ") + known;
  return out;
}

// Underscores may stand between digits and behind a prefix, nowhere else.
bool drop_underscores(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const bool before = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0;
    const bool after =
        i + 1 < text.size() && std::isalnum(static_cast<unsigned char>(text[i + 1])) != 0;
    if (!before || !after) return false;
  }
  return true;
}

enum class Whole { kNone, kInt, kTooLarge };

// As strconv.ParseInt with base 0: 42, 0x2a, 0o52, 052, 0b101010.
Whole parse_whole(std::string_view text, std::int64_t& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || end != text.data() + text.size()) return Whole::kNone;
  const std::uint64_t limit = std::uint64_t{1} << 63;
  if (error != std::errc() || value > limit || (value == limit && !negative))
    return Whole::kTooLarge;
  out = static_cast<std::int64_t>(negative ? 0 - value : value);
  return Whole::kInt;
}

bool parse_float(std::string_view text, double& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  // Go wants the exponent of a hexadecimal fraction; from_chars reads "infinity", which the lexer never passes.
  if (hex && text.find_first_of("pP") == std::string_view::npos) return false;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), out,
                      hex ? std::chars_format::hex : std::chars_format::general);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (negative) out = -out;
  return true;
}

Result<void> Parser::read_number(Expr& expr, const Token& token) const {
  expr.kind = Expr::Kind::kNumber;
  expr.name = token.text;
  if (token.text.front() == '\'') {
    std::string decoded;
    std::size_t size = 0;
    if (!unquote(token.text, decoded) || decoded.empty())
      return fail(token, "malformed character constant: " + expr.name);
    // '\xff' is the number 255, not a broken character.
    const bool byte = decoded.size() == 1;
    expr.as_int = byte ? static_cast<unsigned char>(decoded[0])
                       : static_cast<std::int64_t>(decode_rune(decoded, size));
    expr.as_float = static_cast<double>(expr.as_int);
    expr.is_int = expr.is_float = true;
    expr.constant = expr.as_int;
    return {};
  }
  const bool hex = token.text.find_first_of("xX") != std::string_view::npos;
  const bool fraction = token.text.find_first_of(hex ? ".pP" : ".eEpP") != std::string_view::npos;
  std::string plain;
  if (!drop_underscores(token.text, plain))
    return fail(token, "illegal number syntax: " + quote(token.text));
  if (!fraction) {
    switch (parse_whole(plain, expr.as_int)) {
      case Whole::kNone: {
        // "08" is no octal number, and to Go a decimal one that was too large.
        const bool digits = plain.find_first_not_of("0123456789") == std::string::npos;
        return fail(token, (digits ? "integer overflow: " : "illegal number syntax: ") + quote(token.text));
      }
      case Whole::kTooLarge:
        return fail(token, "integer overflow: " + quote(token.text));
      case Whole::kInt:
        break;
    }
    expr.is_int = expr.is_float = true;
    expr.as_float = static_cast<double>(expr.as_int);
    expr.constant = expr.as_int;
    return {};
  }
  if (!parse_float(plain, expr.as_float))
    return fail(token, "illegal number syntax: " + quote(token.text));
  expr.is_float = true;
  expr.constant = expr.as_float;
  if (std::fabs(expr.as_float) < 9e18 && std::trunc(expr.as_float) == expr.as_float) {
    expr.is_int = true;
    expr.as_int = static_cast<std::int64_t>(expr.as_float);
  }
  return {};
}

}  // namespace

Place place_of(std::string_view text, std::size_t position) {
  text = text.substr(0, position);
  const auto line_start = text.rfind('\n');
  return {1 + static_cast<int>(std::count(text.begin(), text.end(), '\n')),
          static_cast<int>(line_start == std::string_view::npos ? text.size()
                                                                : text.size() - line_start - 1)};
}

std::string show(const Expr& expr) {
  std::string out;
  switch (expr.kind) {
    case Expr::Kind::kDot:
      return ".";
    case Expr::Kind::kNil:
    case Expr::Kind::kBool:
    case Expr::Kind::kNumber:
    case Expr::Kind::kString:
    case Expr::Kind::kFunction:
      return expr.name;
    case Expr::Kind::kVariable:
      out = "$" + expr.name;
      break;
    case Expr::Kind::kPipeline:
      return show(*expr.pipeline);
    case Expr::Kind::kChain:
      out = expr.base->kind == Expr::Kind::kPipeline ? "(" + show(*expr.base) + ")"
                                                     : show(*expr.base);
      break;
    case Expr::Kind::kField:
      break;
  }
  for (const auto& field : expr.fields) out += "." + field;
  return out;
}

std::string show(const Command& command) {
  std::string out;
  for (const auto& arg : command.args) {
    if (&arg != &command.args.front()) out += ' ';
    out += arg.kind == Expr::Kind::kPipeline ? "(" + show(arg) + ")" : show(arg);
  }
  return out;
}

std::string show(const Pipeline& pipeline) {
  std::string out;
  for (const auto& name : pipeline.declared) out += (out.empty() ? "$" : ", $") + name;
  if (!out.empty()) out += pipeline.assigns ? " = " : " := ";
  for (const auto& command : pipeline.commands) {
    if (&command != &pipeline.commands.front()) out += " | ";
    out += show(command);
  }
  return out;
}

std::string show(const Node& node) {
  const std::string pipeline = show(node.pipeline);
  switch (node.kind) {
    case Node::Kind::kText:
      return node.text;
    case Node::Kind::kAction:
      return "{{" + pipeline + "}}";
    case Node::Kind::kIf:
      return "{{if " + pipeline + "}}";
    case Node::Kind::kRange:
      return "{{range " + pipeline + "}}";
    case Node::Kind::kWith:
      return "{{with " + pipeline + "}}";
    case Node::Kind::kTemplate:
      return "{{template " + quote(node.text) + (pipeline.empty() ? "" : " ") + pipeline + "}}";
    case Node::Kind::kBreak:
      return "{{break}}";
    case Node::Kind::kContinue:
      return "{{continue}}";
  }
  return "";
}

bool is_empty(const std::vector<Node>& body) {
  return std::all_of(body.begin(), body.end(), [](const Node& node) {
    return node.kind == Node::Kind::kText &&
           node.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  });
}

Result<std::vector<Definition>> parse_source(const std::string& name, std::string_view text,
                                             const Functions& functions, const Options& options) {
  if (text.size() > kSourceSizeMax)
    return Error(Code::kTooLarge, "template: " + name + ": more than 4194304 bytes");
  return Parser(name, text, functions, options).run();
}

}  // namespace holdfast::templates
