// Config::masked(): the file printed again with every secret as <secret>.
#include <nlohmann/json.hpp>

#include "base/yaml.h"
#include "respond/route/config_reader.h"

namespace holdfast::respond::route {
namespace {

constexpr std::string_view kSecretText = "<secret>";

// Where the printer is: inside a mapping with a table, or in free territory.
class Printer {
 public:
  std::string print(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kMap) top(root);
    return std::move(out_);
  }

 private:
  static std::string quoted(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  // Plain when nothing in it could be taken for something else.
  static std::string scalar(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kNull) return "null";
    constexpr std::string_view kSafe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    const auto& text = node.scalar;
    const bool safe = !text.empty() && text.find_first_not_of(kSafe) == std::string::npos &&
                      (text[0] != '-' || text.size() > 1) && text != "---" && text != "...";
    if (safe && (!node.quoted || scalar_tag_of(text) == "!!str")) return text;
    return quoted(text);
  }
  static std::string_view scalar_tag_of(const std::string& text) {
    YamlNode plain;
    plain.kind = YamlNode::Kind::kScalar;
    plain.scalar = text;
    if (text == "null" || text == "Null" || text == "NULL") return "!!null";
    return scalar_tag(plain);
  }

  void indent(int depth) { out_.append(static_cast<std::size_t>(depth) * 2, ' '); }
  static std::string key_text(const YamlNode& key) {
    auto node = key;
    node.quoted = true;
    return scalar(node);
  }

  // A value behind "key:" or "-"; what is below it stands `depth` deep.
  void value(const YamlNode& node, int depth, const ObjectTable* table, bool secret) {
    if (secret && node.kind == YamlNode::Kind::kScalar && !node.scalar.empty()) {
      out_.append(" ").append(kSecretText).append("\n");
    } else if (node.kind == YamlNode::Kind::kMap && !node.members.empty()) {
      out_ += '\n';
      for (const auto& [name, item] : node.members) member(name, item, depth, table, secret);
    } else if (node.kind == YamlNode::Kind::kSequence && !node.items.empty()) {
      out_ += '\n';
      for (const auto& item : node.items) {
        indent(depth);
        out_ += '-';
        value(item, depth + 1, table, secret);
      }
    } else if (node.kind == YamlNode::Kind::kMap) {
      out_ += " {}\n";
    } else if (node.kind == YamlNode::Kind::kSequence) {
      out_ += " []\n";
    } else {
      out_ += " " + scalar(node) + "\n";
    }
  }

  void member(const YamlNode& key, const YamlNode& node, int depth, const ObjectTable* table,
              bool secret) {
    const auto* field = table == nullptr ? nullptr : table->find(key.scalar);
    // In a mapping of named objects (http_headers) the names are no keys of the table.
    const auto* inner = field != nullptr ? field->object : nullptr;
    const bool masked = secret || (field != nullptr && is_secret(*field));
    indent(depth);
    out_ += key_text(key) + ":";
    if (field != nullptr && field->type == FieldType::kObjectMap)
      object_map(node, depth + 1, inner);
    else if (field != nullptr && field->type == FieldType::kAnyUrl)
      value(without_password(node), depth + 1, inner, masked);
    else
      value(node, depth + 1, inner, masked);
  }

  void object_map(const YamlNode& node, int depth, const ObjectTable* table) {
    if (node.kind != YamlNode::Kind::kMap || node.members.empty())
      return value(node, depth, nullptr, false);
    out_ += '\n';
    for (const auto& [name, item] : node.members) {
      indent(depth);
      out_ += key_text(name) + ":";
      value(item, depth + 1, table, false);
    }
  }

  // http://user:password@proxy becomes http://user:xxxxx@proxy, as Go prints it.
  static YamlNode without_password(const YamlNode& node) {
    auto shown = node;
    const auto begin = shown.scalar.find("://");
    if (begin == std::string::npos) return shown;
    const auto end = shown.scalar.find_first_of("/?#", begin + 3);
    const auto at = shown.scalar.rfind('@', end);
    const auto colon = shown.scalar.find(':', begin + 3);
    if (at == std::string::npos || at < begin || colon > at) return shown;
    shown.scalar.replace(colon + 1, at - colon - 1, "xxxxx");
    return shown;
  }

  void receiver_member(const YamlNode& key, const YamlNode& node) {
    const std::string_view name = key.scalar;
    const auto* kind =
        name.ends_with("_configs") ? integration_kind(name.substr(0, name.size() - 8)) : nullptr;
    indent(2);
    out_ += key_text(key) + ":";
    value(node, 3, kind == nullptr ? nullptr : &kind->table, false);
  }

  void receivers(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kSequence || node.items.empty())
      return value(node, 1, nullptr, false);
    out_ += '\n';
    for (const auto& item : node.items) {
      indent(1);
      out_ += '-';
      if (item.kind != YamlNode::Kind::kMap || item.members.empty()) {
        value(item, 2, nullptr, false);
        continue;
      }
      out_ += '\n';
      for (const auto& [key, settings] : item.members) receiver_member(key, settings);
    }
  }

  void top(const YamlNode& root) {
    for (const auto& [key, node] : root.members) {
      out_ += key_text(key) + ":";
      if (key.scalar == "receivers")
        receivers(node);
      else
        value(node, 1,
              key.scalar == "global"    ? &global_table()
              : key.scalar == "tracing" ? &tracing_table()
                                        : nullptr,
              false);
    }
  }

  std::string out_;
};

}  // namespace

std::string Config::masked() const {
  auto root = parse_yaml(original);
  // It was parsed before; a Config made by hand shows nothing rather than a secret.
  if (!root) return {};
  return Printer().print(*root);
}

}  // namespace holdfast::respond::route
