#include "respond/route/object_reader.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/route/go_text.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;
using enum FieldType;

std::int64_t milliseconds(Duration d) { return to_ms(d); }

// The value of a key that is not given.
json default_value(const Field& field) {
  switch (field.type) {
    case kBool:
      return field.fallback == "true";
    case kOptionalBool:
    case kOptionalObject:
    case kAny:
      return nullptr;
    case kInt:
    case kInt64:
    case kUint:
      return 0;
    case kNumber:
      return 0.0;
    case kModelDuration:
    case kGoDuration:
    case kTextDuration:
      if (field.fallback.empty()) return 0;
      return milliseconds(parse_go_duration(field.fallback).value_or(Duration::zero()));
    case kTexts:
    case kTemplates:
    case kObjects:
    case kJiraLabels:
      return json::array();
    case kTextMap:
    case kTemplateMap:
    case kListMap:
    case kTree:
    case kObjectMap:
      return json::object();
    case kObject:
      return default_settings(*field.object);
    default:
      return std::string(field.fallback);
  }
}

bool is_jira(const Field& field) { return field.type == kJiraField || field.type == kJiraLabels; }

std::string enable_update_key(const Field& field) {
  return std::string(field.key) + "_enable_update";
}

json read_text(StrictYaml& yaml, const YamlNode& node, std::string_view go_type = "string") {
  return yaml.text(node, go_type).value_or("");
}

// A text that a rule of its own judges.
template <typename Check>
json read_checked(StrictYaml& yaml, const YamlNode& node, Check check) {
  auto text = yaml.text(node);
  if (!text || yaml.stopped() || node.kind == YamlNode::Kind::kNull) return "";
  if (auto checked = check(*text); !checked) yaml.refuse(node.line, checked.error().message());
  return *text;
}

// The print of a configuration may be read back; there a secret is no URL.
Result<void> check_secret_url(std::string_view text) {
  return text == "<secret>" ? Result<void>() : check_http_url(text);
}

// A template is judged when it is rendered; here only that its braces are closed.
Result<void> check_secret_template(std::string_view text) {
  if (text.empty() || text == "<secret>") return {};
  if (text.find("{{") == std::string_view::npos) return check_http_url(text);
  if (text.find("}}", text.rfind("{{")) == std::string_view::npos)
    return invalid("invalid template syntax: template: :1: unclosed action");
  return {};
}

Result<void> check_smarthost(std::string_view text) {
  return text.empty() ? Result<void>() : check_host_port(text);
}

Result<void> check_tls_version(std::string_view text) {
  if (text == "TLS10" || text == "TLS11" || text == "TLS12" || text == "TLS13") return {};
  return invalid("unknown TLS version: " + std::string(text));
}

json read_text_duration(StrictYaml& yaml, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return 0;
  auto text = yaml.text(node, "config.duration");
  if (!text || yaml.stopped()) return 0;
  auto parsed = parse_go_duration(*text);
  if (!parsed) yaml.refuse(node.line, parsed.error().message());
  return milliseconds(parsed.value_or(Duration::zero()));
}

json read_texts(StrictYaml& yaml, const YamlNode& node, const Field& field) {
  const auto values = yaml.texts(node, field.secret ? "[]config.Secret" : "[]string");
  return values ? json(*values) : json::array();
}

json read_text_map(StrictYaml& yaml, const YamlNode& node) {
  auto map = json::object();
  if (node.kind == YamlNode::Kind::kNull) return map;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, "map[string]string");
    return map;
  }
  for (const auto& [key, value] : node.members) map[key.scalar] = read_text(yaml, value);
  return map;
}

json read_list_map(StrictYaml& yaml, const YamlNode& node, const Field& field) {
  auto map = json::object();
  if (node.kind == YamlNode::Kind::kNull) return map;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, "config.ProxyHeader");
    return map;
  }
  for (const auto& [key, value] : node.members) map[key.scalar] = read_texts(yaml, value, field);
  return map;
}

json read_tree(StrictYaml& yaml, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return json::object();
  if (node.kind == YamlNode::Kind::kMap) return yaml.tree(node);
  yaml.cannot(node, "map[string]interface {}");
  return json::object();
}

json read_objects(StrictYaml& yaml, const YamlNode& node, const ObjectTable& table) {
  auto list = json::array();
  const auto type =
      table.list_type.empty() ? "[]" + std::string(table.go_type) : std::string(table.list_type);
  for (const auto& item : yaml.items(node, type)) {
    if (item.kind != YamlNode::Kind::kNull) list.push_back(read_object(yaml, item, table));
  }
  return list;
}

json read_object_map(StrictYaml& yaml, const YamlNode& node, const ObjectTable& table) {
  auto map = json::object();
  if (node.kind == YamlNode::Kind::kNull) return map;
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, "config.plain");
    return map;
  }
  for (const auto& [key, value] : node.members) {
    map[key.scalar] = value.kind == YamlNode::Kind::kNull ? default_settings(table)
                                                          : read_object(yaml, value, table);
  }
  return map;
}

// A jira field in its short or its long form.
void read_jira(StrictYaml& yaml, const YamlNode& node, const Field& field, json& settings) {
  const bool labels = field.type == kJiraLabels;
  const std::string key(field.key);
  const auto read = [&](const YamlNode& value) {
    return labels ? read_texts(yaml, value, field) : read_text(yaml, value);
  };
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kMap) {
    settings[key] = read(node);
    return;
  }
  for (const auto& [name, value] : node.members) {
    if (name.scalar == "enable_update") {
      settings[enable_update_key(field)] = yaml.boolean(value).value_or(true);
    } else if (name.scalar == (labels ? "values" : "template")) {
      settings[key] = read(value);
    } else {
      yaml.unknown_field(name, "config.plain");
    }
  }
}

json read_value(StrictYaml& yaml, const YamlNode& node, const Field& field) {
  switch (field.type) {
    case kUrl:
      return read_checked(yaml, node, check_http_url);
    case kSecretUrl:
      return read_checked(yaml, node, check_secret_url);
    case kSecretTemplate:
      return read_checked(yaml, node, check_secret_template);
    case kSecret:
      return read_text(yaml, node, "config.plain");
    case kAnyUrl:
      return read_checked(yaml, node, check_any_url);
    case kHostPort:
      return read_checked(yaml, node, check_smarthost);
    case kTlsVersion:
      return read_checked(yaml, node, check_tls_version);
    case kBool:
      return yaml.boolean(node).value_or(false);
    case kOptionalBool:
      if (node.kind == YamlNode::Kind::kNull) return nullptr;
      return yaml.boolean(node).value_or(false);
    case kInt:
      return yaml.integer(node).value_or(0);
    case kInt64:
      return yaml.integer(node, "int64").value_or(0);
    case kUint:
      return yaml.integer(node, "uint64").value_or(0);
    case kNumber: {
      auto value = yaml.tree(node);
      if (!value.is_number() && !value.is_null()) yaml.cannot(node, "float64");
      return value.is_number() ? value : json(0.0);
    }
    case kModelDuration:
      return milliseconds(yaml.model_duration(node).value_or(Duration::zero()));
    case kGoDuration:
      return milliseconds(yaml.go_duration(node).value_or(Duration::zero()));
    case kTextDuration:
      return read_text_duration(yaml, node);
    case kTexts:
    case kTemplates:
      return read_texts(yaml, node, field);
    case kTextMap:
    case kTemplateMap:
      return read_text_map(yaml, node);
    case kListMap:
      return read_list_map(yaml, node, field);
    case kTree:
      return read_tree(yaml, node);
    case kAny:
      return yaml.tree(node);
    case kObject:
    case kOptionalObject:
      if (node.kind == YamlNode::Kind::kNull) return default_value(field);
      return read_object(yaml, node, *field.object);
    case kObjects:
      return read_objects(yaml, node, *field.object);
    case kObjectMap:
      return read_object_map(yaml, node, *field.object);
    default:
      return read_text(yaml, node);
  }
}

std::string check_pairs(const json& settings, const ObjectTable& table) {
  for (const auto& pair : table.pairs) {
    const std::string key(pair.key);
    const bool inline_given = !is_zero(settings.at(key));
    const bool file_given = !is_zero(settings.at(key + "_file"));
    if (pair.need == Pair::kRequired && !inline_given && !file_given)
      return "one of " + key + " or " + key + "_file must be configured";
    if (inline_given && file_given)
      return "at most one of " + key + " & " + key + "_file must be configured";
  }
  return {};
}

}  // namespace

json default_settings(const ObjectTable& table) {
  auto settings = json::object();
  for (const auto& field : table.fields) {
    settings[std::string(field.key)] = default_value(field);
    if (is_jira(field)) settings[enable_update_key(field)] = true;
  }
  return settings;
}

json read_object(StrictYaml& yaml, const YamlNode& node, const ObjectTable& table) {
  auto settings = default_settings(table);
  if (node.kind != YamlNode::Kind::kMap) {
    yaml.cannot(node, table.go_type);
    return settings;
  }
  const auto before = yaml.mismatches();
  for (const auto& [key, value] : node.members) {
    if (yaml.stopped()) return settings;
    const auto* field = table.find(key.scalar);
    if (field == nullptr)
      yaml.unknown_field(key, table.go_type);
    else if (is_jira(*field))
      read_jira(yaml, value, *field, settings);
    else
      settings[key.scalar] = read_value(yaml, value, *field);
  }
  if (!yaml.clean_since(before)) return settings;
  auto wrong = check_pairs(settings, table);
  if (wrong.empty() && table.check != nullptr) wrong = table.check(settings);
  if (!wrong.empty()) yaml.refuse(node.line, std::move(wrong));
  return settings;
}

bool is_zero(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  if (value.is_array() || value.is_object()) return value.empty();
  if (value.is_boolean()) return !value.get<bool>();
  return value.is_null() || value == 0;
}

std::string absolute_path(std::string_view directory, std::string_view path) {
  if (path.empty() || path.front() == '/' || directory.empty()) return std::string(path);
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

void resolve_files(json& settings, const ObjectTable& table, std::string_view directory) {
  if (!settings.is_object()) return;
  for (const auto& field : table.fields) {
    auto& value = settings[std::string(field.key)];
    if (field.type == kFile) {
      value = absolute_path(directory, value.get_ref<const std::string&>());
    } else if (field.type == kObject || field.type == kOptionalObject) {
      resolve_files(value, *field.object, directory);
    } else if (field.type == kObjectMap) {
      for (auto& [name, header] : value.items()) {
        for (auto& file : header.at("files"))
          file = absolute_path(directory, file.get<std::string>());
      }
    }
  }
}

}  // namespace holdfast::respond::route
