#include "respond/route/strict_yaml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/route/go_text.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 11> kTrueWords{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                      "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalseWords{
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};

template <typename Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// 12, -0x1f, 0b101, 0o17, 017, 1_000.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  std::string_view rest = plain;
  const bool negative = rest.substr(0, 1) == "-";
  if (negative || rest.substr(0, 1) == "+") rest.remove_prefix(1);
  if (rest.empty() || rest[0] < '0' || rest[0] > '9') return std::nullopt;
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char mark = rest[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    rest.remove_prefix(base != 8 || mark == 'o' || mark == 'O' ? 2 : 1);
  }
  if (rest.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : rest) {
    const int digit = c >= '0' && c <= '9'                 ? c - '0'
                      : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                           : 99;
    if (digit >= base || value > (1ULL << 62) / 16) return std::nullopt;
    value = value * static_cast<unsigned>(base) + static_cast<unsigned>(digit);
  }
  const auto magnitude = static_cast<std::int64_t>(value);
  return negative ? -magnitude : magnitude;
}

// [-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)? and the words of infinity.
std::optional<double> fraction(std::string_view text) {
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == "+.inf") return HUGE_VAL;
  if (text == "-.inf" || text == "-.Inf" || text == "-.INF") return -HUGE_VAL;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  return parse_double(text[0] == '+' ? text.substr(1) : text);
}

std::optional<bool> truth(std::string_view text) {
  if (is_one_of(text, kTrueWords)) return true;
  if (is_one_of(text, kFalseWords)) return false;
  return std::nullopt;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

const std::vector<YamlNode>& no_items() {
  static const std::vector<YamlNode> none;
  return none;
}

}  // namespace

std::string_view scalar_tag(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return "!!null";
  if (node.quoted) return "!!str";
  if (truth(node.scalar)) return "!!bool";
  if (whole_number(node.scalar)) return "!!int";
  return fraction(node.scalar) ? "!!float" : "!!str";
}

void StrictYaml::mismatch(int line, std::string what) {
  if (stopped()) return;
  if (mismatches_.empty()) line_ = line;
  mismatches_.push_back("line " + std::to_string(line) + ": " + std::move(what));
}

void StrictYaml::refuse(int line, std::string what) {
  if (stopped()) return;
  line_ = line;
  refused_ = std::move(what);
}

void StrictYaml::cannot(const YamlNode& node, std::string_view go_type) {
  std::string what = "cannot unmarshal ";
  switch (node.kind) {
    case YamlNode::Kind::kSequence:
      what += "!!seq";
      break;
    case YamlNode::Kind::kMap:
      what += "!!map";
      break;
    default:
      what.append(scalar_tag(node)).append(" `");
      what += node.scalar.size() > 10 ? node.scalar.substr(0, 7) + "..." : node.scalar;
      what += '`';
  }
  mismatch(node.line, what + " into " + std::string(go_type));
}

void StrictYaml::unknown_field(const YamlNode& key, std::string_view go_type) {
  mismatch(key.line, "field " + key.scalar + " not found in type " + std::string(go_type));
}

// Only ${NAME} is a variable here: "$1" and "$$" stand in regular expressions and passwords of existing files.
std::string StrictYaml::expand(const YamlNode& node) {
  const std::string_view text = node.scalar;
  if (!variables_ || text.find("${") == std::string_view::npos) return node.scalar;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text.compare(i, 2, "${") == 0 ? end_of_variable(text, i) : std::string_view::npos;
    if (text.compare(i, 3, "$${") == 0) {
      out += "${";
      i += 2;
      continue;
    }
    if (end == std::string_view::npos ||
        !is_variable_name(text.substr(i + 2, std::min(end, text.find(":-", i)) - i - 2))) {
      out += text[i];
      continue;
    }
    auto value = expand_variables(text.substr(i, end - i + 1), variables_);
    if (!value) {
      refuse(node.line, value.error().message());
      return {};
    }
    out += *value;
    i = end;
  }
  return out;
}

std::optional<std::string> StrictYaml::text(const YamlNode& node, std::string_view go_type) {
  if (node.kind == YamlNode::Kind::kScalar) return expand(node);
  if (node.kind == YamlNode::Kind::kNull) return node.scalar;  // `null` and `~` are kept as written
  cannot(node, go_type);
  return std::nullopt;
}

std::optional<bool> StrictYaml::boolean(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return false;
  if (node.kind == YamlNode::Kind::kScalar && !node.quoted) {
    YamlNode expanded = node;
    expanded.scalar = expand(node);
    if (const auto value = truth(expanded.scalar)) return value;
  }
  cannot(node, "bool");
  return std::nullopt;
}

std::optional<std::int64_t> StrictYaml::integer(const YamlNode& node, std::string_view go_type) {
  if (node.kind == YamlNode::Kind::kNull) return 0;
  const bool is_unsigned = go_type == "uint64";
  if (node.kind == YamlNode::Kind::kScalar && !node.quoted) {
    const auto written = expand(node);
    auto value = whole_number(written);
    if (!value) {
      const auto number = truth(written) ? std::nullopt : fraction(written);
      if (number && std::abs(*number) < 9e18) value = static_cast<std::int64_t>(*number);
    }
    if (value && (!is_unsigned || *value >= 0)) return value;
  }
  cannot(node, go_type);
  return std::nullopt;
}

std::optional<Duration> StrictYaml::model_duration(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return Duration::zero();
  const auto written = text(node);
  if (!written || stopped()) return std::nullopt;
  auto parsed = parse_model_duration(*written);
  if (!parsed) {
    refuse(node.line, parsed.error().message());
    return std::nullopt;
  }
  return *parsed;
}

std::optional<Duration> StrictYaml::go_duration(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return Duration::zero();
  if (node.kind == YamlNode::Kind::kScalar) {
    const auto written = expand(node);
    if (auto parsed = parse_go_duration(written)) return *parsed;
    // A bare number is nanoseconds.
    const auto number = node.quoted ? std::nullopt : whole_number(written);
    if (number) return Duration(*number);
  }
  cannot(node, "time.Duration");
  return std::nullopt;
}

std::optional<std::vector<std::string>> StrictYaml::texts(const YamlNode& node,
                                                          std::string_view go_type) {
  const auto before = mismatches();
  std::vector<std::string> values;
  for (const auto& item : items(node, go_type)) {
    if (auto value = text(item)) values.push_back(std::move(*value));
  }
  if (!clean_since(before)) return std::nullopt;
  return values;
}

json StrictYaml::tree(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kSequence: {
      auto list = json::array();
      for (const auto& item : node.items) list.push_back(tree(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      auto map = json::object();
      for (const auto& [key, value] : node.members) map[key.scalar] = tree(value);
      return map;
    }
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.quoted) return expand(node);
  const auto written = expand(node);
  if (const auto value = truth(written)) return *value;
  if (const auto value = whole_number(written)) return *value;
  const auto number = fraction(written);
  if (number && std::isfinite(*number)) return *number;
  return written;
}

const std::vector<YamlNode>& StrictYaml::items(const YamlNode& node, std::string_view go_type) {
  if (node.kind == YamlNode::Kind::kSequence) return node.items;
  if (node.kind != YamlNode::Kind::kNull) cannot(node, go_type);
  return no_items();
}

Result<void> StrictYaml::result() const {
  if (refused_) return invalid(*refused_);
  if (mismatches_.empty()) return {};
  return invalid("yaml: unmarshal errors:\n  " + join(mismatches_, "\n  "));
}

}  // namespace holdfast::respond::route
