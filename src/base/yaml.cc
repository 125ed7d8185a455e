#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"

namespace holdfast {
namespace {

constexpr std::size_t kNodeCountMax = 1'000'000;
constexpr std::size_t kDepthMax = 100;

std::string at(int line, int column) { return std::to_string(line) + ":" + std::to_string(column) + ": "; }

// Thrown inside the parser's callbacks only, caught in parse_yaml().
struct Refused {
  Error error;
};

// Builds the tree from yaml-cpp's events. A stack of nodes that are still open; in a mapping a key waits
// until its value has come.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "a second document; one document a file is allowed");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(YamlNode::Kind::kNull, mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias inside the value it stands for");
    count_ += size_of(found->second);
    if (count_ > kNodeCountMax) refuse(mark, "aliases expand to more than 1000000 nodes");
    add(found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    auto node = make(YamlNode::Kind::kScalar, mark);
    node.scalar = value;
    node.quoted = tag == "!";
    if (node.quoted) check_closed(mark);
    // yaml-cpp announces a bare null word as a scalar with tag "?".
    if (!node.quoted && (value == "~" || value == "null" || value == "Null" || value == "NULL")) {
      node.kind = YamlNode::Kind::kNull;
    }
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

  YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<YamlNode> key;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& why) {
    throw Refused{invalid(at(mark.line + 1, mark.column + 1) + why)};
  }
  // yaml-cpp takes a quoted text that the file's end cuts off, and with it all that was to follow.
  void check_closed(const YAML::Mark& mark) const {
    const auto begin = static_cast<std::size_t>(std::max(mark.pos, 0)) + (text_.starts_with("\xef\xbb\xbf") ? 3 : 0);
    const char quote = begin < text_.size() ? text_[begin] : ' ';
    if (quote != '"' && quote != '\'') return;
    for (auto i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return;
        ++i;  // '' is a quote inside
      }
    }
    refuse(mark, std::string("a text that begins with ") + quote + " is not closed");
  }
  static std::size_t size_of(const YamlNode& node) {
    std::size_t size = 1;
    for (const auto& item : node.items) size += size_of(item);
    for (const auto& [key, value] : node.members) size += size_of(key) + size_of(value);
    return size;
  }
  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++count_ > kNodeCountMax) refuse(mark, "more than 1000000 nodes");
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (stack_.size() >= kDepthMax) refuse(mark, "nested deeper than 100 levels");
    stack_.push_back({make(kind, mark), anchor, {}});
  }
  void close() {
    auto done = std::move(stack_.back());
    stack_.pop_back();
    if (done.node.kind == YamlNode::Kind::kMap) merge(done.node);
    add(std::move(done.node), done.anchor);
  }
  // YAML 1.1's merge key, which files of the ecosystem use: members of "<<" that the mapping does not have itself.
  static void merge(YamlNode& map) {
    const auto found = std::find_if(map.members.begin(), map.members.end(),
                                    [](const auto& member) { return member.first.scalar == "<<" && !member.first.quoted; });
    if (found == map.members.end()) return;
    auto source = std::move(found->second);
    map.members.erase(found);
    std::vector<YamlNode> sources;
    if (source.kind == YamlNode::Kind::kSequence) sources = std::move(source.items);
    else sources.push_back(std::move(source));
    for (auto& one : sources) {
      if (one.kind != YamlNode::Kind::kMap) {
        throw Refused{invalid(at(one.line, one.column) + "'<<' merges a mapping or a list of mappings, not " +
                              std::string(one.kind_name()))};
      }
      for (auto& member : one.members) {
        if (map.find(member.first.scalar) == nullptr) map.members.push_back(std::move(member));
      }
    }
  }
  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = stack_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      check_key(parent.node, node);
      parent.key = std::move(node);
    } else {
      parent.node.members.emplace_back(std::move(*parent.key), std::move(node));
      parent.key.reset();
    }
  }
  static void check_key(const YamlNode& map, const YamlNode& key) {
    if (key.kind != YamlNode::Kind::kScalar) throw Refused{invalid(at(key.line, key.column) + "a key must be a text")};
    if (const auto* first = map.find(key.scalar)) {
      throw Refused{invalid(at(key.line, key.column) + "key '" + printable(key.scalar) + "' stands twice; first with its value at line " +
                            std::to_string(first->line))};
    }
  }

  const std::string_view text_;
  int documents_ = 0;
  std::size_t count_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string SourcePlace::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

YamlNode::YamlNode() = default;
YamlNode::YamlNode(const YamlNode&) = default;
YamlNode::YamlNode(YamlNode&&) noexcept = default;
YamlNode& YamlNode::operator=(const YamlNode&) = default;
YamlNode& YamlNode::operator=(YamlNode&&) noexcept = default;
YamlNode::~YamlNode() = default;

const YamlNode* YamlNode::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key.scalar == name) return &value;
  }
  return nullptr;
}

std::string_view YamlNode::kind_name() const {
  switch (kind) {
    case Kind::kNull: return "nothing";
    case Kind::kScalar: return "a text";
    case Kind::kSequence: return "a list";
    case Kind::kMap: return "a mapping";
  }
  return "?";
}

Result<YamlNode> parse_yaml(std::string_view text) {
  if (!is_valid_utf8(text)) return invalid("1:1: the file is not UTF-8 text");
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder(text);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const YAML::Exception& e) {
    return invalid(at(std::max(e.mark.line, 0) + 1, std::max(e.mark.column, 0) + 1) + e.msg);
  }
}

std::optional<YamlNode> parse_yaml(const std::string& file, std::string_view text, std::vector<Finding>& findings) {
  auto node = parse_yaml(text);
  if (node) return std::move(*node);
  Finding finding{{file, 0, 0}, node.error().message()};
  // The message begins with its place; people and tools want it in the place.
  const auto parts = split(finding.message, ':');
  if (parts.size() >= 3 && parse_int(parts[0]) && parse_int(parts[1])) {
    finding.place.line = static_cast<int>(*parse_int(parts[0]));
    finding.place.column = static_cast<int>(*parse_int(parts[1]));
    const std::string rest(trim(std::string_view(finding.message).substr(parts[0].size() + parts[1].size() + 2)));
    finding.message = rest;
  }
  findings.push_back(std::move(finding));
  return std::nullopt;
}

// A default may hold variables, too.
std::size_t end_of_variable(std::string_view text, std::size_t at) {
  int open = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') ++open;
    if (text[i] == '}' && --open == 0) return i;
  }
  return std::string_view::npos;
}

namespace {

constexpr int kDefaultsDeepMax = 8;

Result<std::string> expand(std::string_view text, const Variables& variables, int depth) {
  if (depth > kDefaultsDeepMax) return invalid("defaults of variables stand in each other more than 8 deep");
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 >= text.size() || (text[i + 1] != '$' && text[i + 1] != '{')) {
      out.push_back(text[i]);
      continue;
    }
    if (text[i + 1] == '$') {
      out.push_back('$');
      ++i;
      continue;
    }
    const auto end = end_of_variable(text, i);
    if (end == std::string_view::npos) return invalid("'${' without its '}'");
    const auto inside = text.substr(i + 2, end - i - 2);
    const auto dash = inside.find(":-");
    const std::string name(inside.substr(0, dash));
    if (name.empty()) return invalid("'${}' names no variable");
    auto value = variables(name);
    if (value && (!value->empty() || dash == std::string_view::npos)) {
      out += *value;
    } else if (dash != std::string_view::npos) {
      out += HF_TRY(expand(inside.substr(dash + 2), variables, depth + 1));
    } else {
      return invalid("environment variable '" + printable(name) + "' is not set; set it, or write ${" + printable(name) + ":-default}");
    }
    i = end;
  }
  return out;
}

}  // namespace

Result<std::string> expand_variables(std::string_view text, const Variables& variables) {
  return expand(text, variables, 0);
}

void YamlContext::report(const YamlNode& at, std::string message) const {
  findings->push_back({{file, at.line, at.column}, std::move(message)});
}

std::optional<std::string> YamlContext::text(const YamlNode& node, std::string_view what) const {
  if (node.kind != YamlNode::Kind::kScalar) {
    report(node, std::string(what) + " must be a text, not " + std::string(node.kind_name()));
    return std::nullopt;
  }
  if (!variables) return node.scalar;
  auto expanded = expand_variables(node.scalar, variables);
  if (!expanded) {
    report(node, std::string(what) + ": " + expanded.error().message());
    return std::nullopt;
  }
  return std::move(*expanded);
}

YamlMap::YamlMap(const YamlContext& context, const YamlNode& node, std::string what)
    : context_(context), node_(node), what_(std::move(what)), valid_(node.kind == YamlNode::Kind::kMap) {
  if (!valid_) context_.report(node, what_ + " must be a mapping, not " + std::string(node.kind_name()));
}

const YamlNode* YamlMap::member(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  if (!valid_) return nullptr;
  const auto* found = node_.find(name);
  return found == nullptr || found->kind == YamlNode::Kind::kNull ? nullptr : found;
}

std::string YamlMap::text(std::string_view name, std::string fallback) {
  const auto* found = member(name);
  if (found == nullptr) return fallback;
  return context_.text(*found, "'" + std::string(name) + "'").value_or(std::move(fallback));
}

std::string YamlMap::required_text(std::string_view name) {
  if (!has(name)) {
    if (valid_) context_.report(node_, what_ + " needs '" + std::string(name) + "'");
    return {};
  }
  auto value = text(name);
  if (value.empty()) report(name, "'" + std::string(name) + "' must not be empty");
  return value;
}

std::string YamlMap::word(std::string_view name, std::string fallback, const std::vector<std::string>& allowed) {
  auto value = text(name, fallback);
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  report(name, "'" + std::string(name) + "' is '" + printable(value) + "'; allowed: " + join(allowed, ", "));
  return fallback;
}

Duration YamlMap::duration(std::string_view name, Duration fallback, Duration min, Duration max) {
  if (!has(name)) return fallback;
  const auto value = text(name);
  auto parsed = parse_duration(value);
  if (!parsed) {
    report(name, "'" + std::string(name) + "': " + parsed.error().message());
    return fallback;
  }
  if (*parsed < min || *parsed > max) {
    report(name, "'" + std::string(name) + "' is " + format_duration(*parsed) + "; allowed: " + format_duration(min) +
                     (max == Duration::max() ? std::string(" or more") : " to " + format_duration(max)));
    return fallback;
  }
  return *parsed;
}

std::int64_t YamlMap::integer(std::string_view name, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  if (!has(name)) return fallback;
  const auto value = text(name);
  const auto parsed = parse_int(value);
  if (parsed && *parsed >= min && *parsed <= max) return *parsed;
  report(name, "'" + std::string(name) + "' is '" + printable(value) + "'; allowed: a whole number from " + std::to_string(min) + " to " +
                   std::to_string(max));
  return fallback;
}

double YamlMap::number(std::string_view name, double fallback, double min, double max) {
  if (!has(name)) return fallback;
  const auto value = text(name);
  const auto parsed = parse_double(value);
  if (parsed && *parsed >= min && *parsed <= max) return *parsed;
  report(name, "'" + std::string(name) + "' is '" + printable(value) + "'; allowed: a number from " + format_double(min) + " to " +
                   format_double(max));
  return fallback;
}

bool YamlMap::boolean(std::string_view name, bool fallback) {
  if (!has(name)) return fallback;
  const auto value = text(name);
  if (is_one_of(value, {"true", "True", "TRUE"})) return true;
  if (is_one_of(value, {"false", "False", "FALSE"})) return false;
  report(name, "'" + std::string(name) + "' is '" + printable(value) + "'; allowed: true, false");
  return fallback;
}

std::vector<std::string> YamlMap::texts(std::string_view name) {
  std::vector<std::string> values;
  const auto* found = member(name);
  if (found == nullptr) return values;
  const auto what = "'" + std::string(name) + "'";
  if (found->kind == YamlNode::Kind::kScalar) {
    if (auto value = context_.text(*found, what)) values.push_back(std::move(*value));
    return values;
  }
  for (const auto* item : list(name)) {
    if (auto value = context_.text(*item, "an item of " + what)) values.push_back(std::move(*value));
  }
  return values;
}

std::map<std::string, std::string> YamlMap::text_map(std::string_view name) {
  std::map<std::string, std::string> values;
  const auto* found = member(name);
  if (found == nullptr) return values;
  if (found->kind != YamlNode::Kind::kMap) {
    report(name, "'" + std::string(name) + "' must be a mapping, not " + std::string(found->kind_name()));
    return values;
  }
  for (const auto& [key, value] : found->members) {
    if (auto text = context_.text(value, "'" + key.scalar + "'")) values[key.scalar] = std::move(*text);
  }
  return values;
}

std::vector<const YamlNode*> YamlMap::list(std::string_view name) {
  std::vector<const YamlNode*> items;
  const auto* found = member(name);
  if (found == nullptr) return items;
  if (found->kind != YamlNode::Kind::kSequence) {
    report(name, "'" + std::string(name) + "' must be a list, not " + std::string(found->kind_name()));
    return items;
  }
  for (const auto& item : found->items) items.push_back(&item);
  return items;
}

void YamlMap::report(std::string_view name, std::string message) {
  const auto* found = valid_ ? node_.find(name) : nullptr;
  context_.report(found != nullptr ? *found : node_, std::move(message));
}

void YamlMap::finish() {
  if (!valid_) return;
  auto allowed = known_;
  std::sort(allowed.begin(), allowed.end());
  for (const auto& [key, value] : node_.members) {
    if (std::find(allowed.begin(), allowed.end(), key.scalar) != allowed.end()) continue;
    const auto near = nearest(key.scalar, allowed);
    context_.report(key, "unknown member '" + printable(key.scalar) + "' in " + what_ + "; " +
                             (near.empty() ? "allowed: " + join(allowed, ", ") : "did you mean '" + near + "'?"));
  }
}

}  // namespace holdfast
