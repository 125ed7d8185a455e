// One walk over the nodes of a template carries the Context along and writes the template anew. Branches must end where
// they began to differ; loops must end where they began. A template that calls itself is tried on the assumption that it
// ends in the context it began with, and if that fails once more with what came out.
#include "base/template/escape.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/template/html_context.h"
#include "base/template/lexer.h"
#include "base/text.h"

namespace holdfast::templates {
namespace {

// Loops and recursions are walked twice, so nested ones cost powers of two: a text may ask for more than it is worth.
constexpr std::size_t kVisitCountMax = 200'000;
constexpr int kDepthMax = 300;

bool is_predefined(std::string_view name) { return name == "html" || name == "urlquery"; }

// Escapers that do the same as a function people may have written themselves.
std::string_view normal(std::string_view name) {
  if (name == "_html_template_attrescaper" || name == "_html_template_htmlescaper" ||
      name == "_html_template_rcdataescaper") {
    return "html";
  }
  return name == "_html_template_urlescaper" || name == "_html_template_urlnormalizer" ? "urlquery"
                                                                                       : name;
}

// Behind `last`, `next` has nothing left to do.
bool is_redundant(std::string_view last, std::string_view next) {
  const bool attribute = next == "_html_template_attrescaper";
  if (last == "_html_template_commentescaper") {
    return attribute || next == "_html_template_nospaceescaper" ||
           next == "_html_template_htmlescaper";
  }
  if (last == "_html_template_cssescaper" || last == "_html_template_jsregexpescaper" ||
      last == "_html_template_jsstrescaper") {
    return attribute;
  }
  return last == "_html_template_urlescaper" && next == "_html_template_urlnormalizer";
}

// The name of the function a command begins with; empty when it begins with something else.
std::string function_of(const Command& command) {
  const auto& first = command.args.front();
  return first.kind == Expr::Kind::kFunction ? first.name : std::string();
}

Command command_of(std::string name, std::size_t position) {
  Expr expr;
  expr.kind = Expr::Kind::kFunction;
  expr.position = position;
  expr.name = std::move(name);
  Command command;
  command.position = position;
  command.args.push_back(std::move(expr));
  return command;
}

void add_escapers(Pipeline& pipeline, std::vector<std::string> escapers) {
  auto& commands = pipeline.commands;
  const std::string last = function_of(commands.back());
  if (is_predefined(last)) {
    if (commands.size() == 1 && commands.back().args.size() > 1) {
      // {{html .a .b}} becomes {{_eval_args_ .a .b | html}}, so that its html can be exchanged.
      commands.back().args.front().name = "_eval_args_";
      commands.push_back(command_of(last, pipeline.position));
    }
    bool same = false;
    for (auto& escaper : escapers) {
      if (normal(escaper) != last) continue;
      escaper = last;
      same = true;
    }
    if (same) commands.pop_back();
  }
  std::set<std::string, std::less<>> present;
  for (const auto& command : commands) {
    if (const auto name = function_of(command); !name.empty()) present.emplace(normal(name));
  }
  for (const auto& escaper : escapers) {
    if (present.contains(normal(escaper))) continue;
    if (!commands.empty() && is_redundant(function_of(commands.back()), escaper)) continue;
    commands.push_back(command_of(escaper, pipeline.position));
  }
}

// The context as it is where an action stands, which is itself the first byte of what comes.
Context nudged(Context c) {
  if (c.state == State::kTag) {
    c.state = State::kAttrName;
  } else if (c.state == State::kBeforeValue) {
    c.state = start_of(c.attribute);
    c.delimiter = Delimiter::kSpaceOrTagEnd;
    c.attribute = Attribute::kNone;
  } else if (c.state == State::kAfterName) {
    c.state = State::kAttrName;
    c.attribute = Attribute::kNone;
  }
  return c;
}

Context error_context(std::string why) {
  Context out;
  out.state = State::kError;
  out.error = std::move(why);
  return out;
}

class Escaper {
 public:
  explicit Escaper(const Set& set) : set_(set) {}

  Result<Set> run(const std::string& entry) {
    const auto end = escape_tree(Context(), entry, nullptr).first;
    if (end.state == State::kError) return invalid(message(entry, end.error));
    if (end.state != State::kText)
      return invalid(message(entry, ":ends in a non-text context: " + show(end)));
    for (auto& [name, definition] : facts_.made) made_[name] = definition;
    return std::move(made_);
  }

 private:
  // What was found out so far; tried out on a copy where it may turn out wrong.
  struct Facts {
    std::map<std::string, Context> ends;  // of templates, by mangled name
    std::map<std::string, std::shared_ptr<const Definition>> made;
    std::set<std::string> called;
  };
  struct Loop {
    std::vector<Context> exits;  // contexts at break and continue
  };

  // Errors are carried with their place in front, "name:line:column: ...", or ": ..." where none is known.
  static std::string message(const std::string& entry, const std::string& error) {
    if (error.starts_with(':')) return "html/template:" + entry + ": " + error.substr(1);
    return "html/template:" + error;
  }
  Context fail(std::size_t position, const std::string& why) const {
    const auto place = place_of(current_->source->text, position);
    return error_context(current_->source->name + ":" + std::to_string(place.line) + ":" +
                         std::to_string(place.column) + ": " + why);
  }
  static Context fail_without_place(const std::string& why) { return error_context(":" + why); }

  // --- lists and branches --------------------------------------------------------------------------------------

  Context escape_list(Context c, const std::vector<Node>& nodes, std::vector<Node>& out) {
    if (++depth_ > kDepthMax) return fail_without_place("templates nested deeper than 300 levels");
    for (const auto& node : nodes) {
      if (++visits_ > kVisitCountMax)
        return fail_without_place("more than 200000 steps to escape the template");
      Node copy = node;
      c = escape_node(std::move(c), node, copy);
      out.push_back(std::move(copy));
      // Nothing runs behind a break.
      if (c.state == State::kDead || c.state == State::kError) break;
    }
    --depth_;
    return c;
  }

  Context escape_node(Context c, const Node& node, Node& out) {
    switch (node.kind) {
      case Node::Kind::kText:
        return escape_text(std::move(c), node, out);
      case Node::Kind::kAction:
        return escape_action(std::move(c), node, out);
      case Node::Kind::kIf:
        return escape_branch(c, node, out, "if");
      case Node::Kind::kWith:
        return escape_branch(c, node, out, "with");
      case Node::Kind::kRange:
        return escape_range(c, node, out);
      case Node::Kind::kTemplate: {
        auto [end, name] = escape_tree(c, node.text, &node);
        out.text = name;
        return end;
      }
      case Node::Kind::kBreak:
      case Node::Kind::kContinue: {
        if (!loops_.empty()) loops_.back().exits.push_back(std::move(c));
        Context dead;
        dead.state = State::kDead;
        return dead;
      }
    }
    return c;
  }

  Context escape_branch(const Context& c, const Node& node, Node& out, const char* word) {
    out.body.clear();
    out.otherwise.clear();
    Context body = escape_list(c, node.body, out.body);
    Context otherwise = escape_list(c, node.otherwise, out.otherwise);
    return join(std::move(body), std::move(otherwise), node, word);
  }

  Context join_exits(Context c, const Loop& loop, const Node& node) {
    for (const auto& exit : loop.exits) {
      c = join(std::move(c), exit, node, "range");
      if (c.state == State::kError) return c;
    }
    return c;
  }

  Context escape_range(const Context& c, const Node& node, Node& out) {
    out.body.clear();
    out.otherwise.clear();
    loops_.emplace_back();
    Context body = escape_list(c, node.body, out.body);
    if (body.state != State::kError) body = join_exits(std::move(body), loops_.back(), node);
    loops_.pop_back();
    if (body.state == State::kError) return body;
    // The second turn begins where the first ended, and must end there as well.
    loops_.emplace_back();
    visits_ += facts_.ends.size();
    const Facts facts = facts_;
    std::vector<Node> unused;
    Context again = escape_list(body, node.body, unused);
    facts_ = facts;
    Context joined = join(std::move(body), std::move(again), node, "range");
    if (joined.state == State::kError) {
      loops_.pop_back();
      const auto words = joined.error.find(": ");
      if (words != std::string::npos) joined.error.insert(words + 2, "on range loop re-entry: ");
      return joined;
    }
    joined = join_exits(std::move(joined), loops_.back(), node);
    loops_.pop_back();
    if (joined.state == State::kError) return joined;
    Context otherwise = escape_list(c, node.otherwise, out.otherwise);
    return join(std::move(joined), std::move(otherwise), node, "range");
  }

  Context join(Context a, Context b, const Node& node, const char* word) {
    if (a.state == State::kError || b.state == State::kDead) return a;
    if (b.state == State::kError || a.state == State::kDead || a == b) return b;
    Context c = a;
    c.url_part = b.url_part;
    if (c == b) {
      c.url_part = UrlPart::kUnknown;
      return c;
    }
    c = a;
    c.slash = b.slash;
    if (c == b) {
      c.slash = Slash::kUnknown;
      return c;
    }
    // <p title={{if .C}}{{.}}{{end}}: a value that has begun, and one that is about to.
    Context next_a = nudged(a), next_b = nudged(b);
    if (!(next_a == a && next_b == b)) {
      Context joined = join(std::move(next_a), std::move(next_b), node, word);
      if (joined.state != State::kError) return joined;
    }
    return fail(node.position, "{{" + std::string(word) +
                                   "}} branches end in different contexts: " + show(a) + ", " +
                                   show(b));
  }

  // --- templates -----------------------------------------------------------------------------------------------

  std::pair<Context, std::string> escape_tree(const Context& c, const std::string& name,
                                              const Node* from) {
    const std::string made_name = mangled(c, name);
    facts_.called.insert(made_name);
    if (const auto known = facts_.ends.find(made_name); known != facts_.ends.end())
      return {known->second, made_name};
    const auto found = set_.find(name);
    if (found == set_.end()) {
      const std::string why = "no such template " + quote(name);
      return {from == nullptr ? fail_without_place(why) : fail(from->position, why), made_name};
    }
    if (++depth_ > kDepthMax)
      return {fail_without_place("templates nested deeper than 300 levels"), made_name};
    const auto* caller = std::exchange(current_, found->second.get());
    auto loops = std::exchange(loops_, {});
    Context end = escape_body(c, c, made_name);
    current_ = caller;
    loops_ = std::move(loops);
    --depth_;
    return {std::move(end), made_name};
  }

  Context escape_body(const Context& begin, const Context& assumed, const std::string& name) {
    const Definition& definition = *current_;
    const auto attempt = [&](const Context& from, const Context& end) -> std::optional<Context> {
      visits_ += facts_.ends.size();
      Facts before = facts_;
      facts_.ends[name] = end;
      facts_.called.clear();
      auto made = std::make_shared<Definition>();
      made->name = name;
      made->source = definition.source;
      last_ = escape_list(from, definition.body, made->body);
      // Whether the assumption mattered, and was right.
      const bool recursive = facts_.called.contains(name);
      if (last_.state == State::kError || (recursive && !(last_ == end))) {
        facts_ = std::move(before);
        return std::nullopt;
      }
      facts_.called.insert(before.called.begin(), before.called.end());
      facts_.ends[name] = last_;
      facts_.made[name] = std::move(made);
      return last_;
    };
    if (auto end = attempt(begin, assumed)) return *end;
    const Context first = last_;
    if (first.state == State::kError) return first;
    if (auto end = attempt(begin, first)) return *end;
    if (last_.state == State::kError) return last_;
    return fail(0, "cannot compute output context for template " + name);
  }

  // --- actions -------------------------------------------------------------------------------------------------

  Context escape_action(Context c, const Node& node, Node& out) {
    if (!node.pipeline.declared.empty()) return c;
    c = nudged(std::move(c));
    const auto& commands = node.pipeline.commands;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const auto name = function_of(commands[i]);
      const bool bare =
          c.state == State::kAttr && c.delimiter == Delimiter::kSpaceOrTagEnd && name == "html";
      if (is_predefined(name) && (i + 1 < commands.size() || bare)) {
        return fail(node.position, "predefined escaper " + quote(name) + " disallowed in template");
      }
    }
    std::vector<std::string> escapers;
    const auto use = [&escapers](const char* name) {
      escapers.push_back(std::string("_html_template_") + name);
    };
    switch (c.state) {
      case State::kError:
        return c;
      case State::kUrl:
      case State::kCssDoubleQuoted:
      case State::kCssSingleQuoted:
      case State::kCssDoubleQuotedUrl:
      case State::kCssSingleQuotedUrl:
      case State::kCssUrl:
        if (c.url_part == UrlPart::kUnknown) {
          return fail(node.position, show(node) + " appears in an ambiguous context within a URL");
        }
        if (c.url_part == UrlPart::kQueryOrFragment) {
          use("urlescaper");
          break;
        }
        if (c.url_part == UrlPart::kNone) use("urlfilter");
        use(c.state == State::kCssDoubleQuoted || c.state == State::kCssSingleQuoted
                ? "cssescaper"
                : "urlnormalizer");
        break;
      case State::kJs:
        use("jsvalescaper");
        // A slash behind a value divides.
        c.slash = Slash::kDivision;
        break;
      case State::kJsDoubleQuoted:
      case State::kJsSingleQuoted:
        use("jsstrescaper");
        break;
      case State::kJsBackQuoted:
        return fail(node.position, show(node) + " appears in a JS template literal");
      case State::kJsRegexp:
        use("jsregexpescaper");
        break;
      case State::kCss:
        use("cssvaluefilter");
        break;
      case State::kText:
        use("htmlescaper");
        break;
      case State::kRcdata:
        use("rcdataescaper");
        break;
      case State::kAttr:
        break;
      case State::kTag:
      case State::kAttrName:
        c.state = State::kAttrName;
        use("htmlnamefilter");
        break;
      case State::kSrcset:
        use("srcsetescaper");
        break;
      default:
        use("commentescaper");
        break;
    }
    if (c.delimiter == Delimiter::kSpaceOrTagEnd)
      use("nospaceescaper");
    else if (c.delimiter != Delimiter::kNone)
      use("attrescaper");
    add_escapers(out.pipeline, std::move(escapers));
    return c;
  }

  // --- text ----------------------------------------------------------------------------------------------------

  // Follows the text, takes comments out and writes "<" that begin no tag as "&lt;".
  Context escape_text(Context c, const Node& node, Node& out) {
    const std::string_view text = node.text;
    visits_ += text.size() / 64;
    std::string written;
    std::size_t done = 0;  // of `text`, written or dropped
    for (std::size_t at = 0; at < text.size();) {
      auto [next, size] = follow(c, text.substr(at));
      const auto end = at + size;
      const bool bare = c.delimiter == Delimiter::kNone;
      if (c.state == State::kText || c.state == State::kRcdata) {
        done = write_text(text, at, end, next.state != c.state, done, written);
      } else if (is_comment(c.state) && bare) {
        if (c.state == State::kJsBlockComment) {
          const auto comment = text.substr(done, end - done);
          const bool lines = comment.find_first_of("\n\r") != std::string_view::npos ||
                             comment.find("\xe2\x80\xa8") != std::string_view::npos ||
                             comment.find("\xe2\x80\xa9") != std::string_view::npos;
          written += lines ? '\n' : ' ';
        } else if (c.state == State::kCssBlockComment) {
          written += ' ';
        }
        done = end;
      }
      if (c.state != next.state && is_comment(next.state) && next.delimiter == Delimiter::kNone) {
        const auto begin = end - (next.state == State::kHtmlComment ? 4 : 2);
        written += text.substr(done, begin - done);
        done = end;
      }
      if (size == 0 && next == c) return fail(node.position, "no way on in this text");
      c = std::move(next);
      at = end;
    }
    if (c.state == State::kError) return c;
    if (done != 0) {
      if (!is_comment(c.state) || c.delimiter != Delimiter::kNone) written += text.substr(done);
      out.text = std::move(written);
    }
    return c;
  }

  static std::size_t write_text(std::string_view text, std::size_t begin, std::size_t end,
                                bool tag_follows, std::size_t done, std::string& written) {
    if (tag_follows && end > begin) {
      const auto open = text.rfind('<', end - 1);
      if (open != std::string_view::npos && open >= begin) end = open;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (text[i] != '<' || equals_ignoring_case(text.substr(i, 9), "<!DOCTYPE")) continue;
      written += text.substr(done, i - done);
      written += "&lt;";
      done = i + 1;
    }
    return done;
  }

  const Set& set_;
  const Definition* current_ = nullptr;
  Facts facts_;
  Set made_;
  Context last_;
  std::vector<Loop> loops_;
  std::size_t visits_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Set> escape_for_html(const Set& set, const std::string& entry) {
  return Escaper(set).run(entry);
}

}  // namespace holdfast::templates
