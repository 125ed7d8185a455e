#include "collect/discovery/target_group.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/yaml.h"

namespace holdfast::collect {
namespace {

// JSON by a JSON parser: YAML's would not take its tabs.
YamlNode node_of(const nlohmann::json& json) {
  YamlNode node;
  if (json.is_object()) {
    node.kind = YamlNode::Kind::kMap;
    for (const auto& [key, value] : json.items()) {
      YamlNode name;
      name.kind = YamlNode::Kind::kScalar;
      name.scalar = key;
      node.members.emplace_back(std::move(name), node_of(value));
    }
  } else if (json.is_array()) {
    node.kind = YamlNode::Kind::kSequence;
    for (const auto& item : json) node.items.push_back(node_of(item));
  } else if (!json.is_null()) {
    node.kind = YamlNode::Kind::kScalar;
    node.scalar = json.is_string() ? json.get<std::string>() : json.dump();
  }
  return node;
}

Result<model::Labels> read_labels(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMap) {
    return invalid("'labels' must be a mapping, not " + std::string(node.kind_name()));
  }
  std::vector<model::Label> labels;
  for (const auto& [key, value] : node.members) {
    if (key.scalar.empty()) return invalid("a label has no name");
    if (value.kind == YamlNode::Kind::kNull) continue;
    if (value.kind != YamlNode::Kind::kScalar) {
      return invalid("label '" + printable(key.scalar) + "' must be a text, not " +
                     std::string(value.kind_name()));
    }
    labels.push_back({key.scalar, value.scalar});
  }
  return model::Labels(std::move(labels));
}

Result<TargetGroup> read_group(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMap) {
    return invalid("must be a mapping, not " + std::string(node.kind_name()));
  }
  TargetGroup group;
  for (const auto& [key, value] : node.members) {
    if (key.scalar == "labels") {
      if (value.kind != YamlNode::Kind::kNull) group.labels = HF_TRY(read_labels(value));
    } else if (key.scalar == "targets") {
      if (value.kind == YamlNode::Kind::kNull) continue;
      if (value.kind != YamlNode::Kind::kSequence) {
        return invalid("'targets' must be a list, not " + std::string(value.kind_name()));
      }
      for (const auto& item : value.items) {
        if (item.kind != YamlNode::Kind::kScalar) return invalid("a target must be a text");
        group.targets.push_back(model::Labels{{std::string(kAddressLabel), item.scalar}});
      }
    } else {
      return invalid("unknown member '" + printable(key.scalar) + "'; allowed: targets, labels");
    }
  }
  return group;
}

}  // namespace

Result<std::vector<TargetGroup>> parse_target_groups(const std::string& source,
                                                     std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto root = json.is_discarded() ? HF_TRY(parse_yaml(text)) : node_of(json);
  std::vector<TargetGroup> groups;
  if (root.kind == YamlNode::Kind::kNull) return groups;
  if (root.kind != YamlNode::Kind::kSequence) {
    return invalid("must be a list of target groups, not " + std::string(root.kind_name()));
  }
  for (const auto& item : root.items) {
    const auto index = std::to_string(groups.size());
    auto group = read_group(item);
    if (!group) return std::move(group.error()).context("group " + index);
    group->source = source + ":" + index;
    groups.push_back(std::move(*group));
  }
  return groups;
}

std::string label_name_of(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; });
  for (char& c : out) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!good) c = '_';
  }
  return out;
}

std::string join_host_port(std::string_view host, std::string_view port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::string(port);
}

}  // namespace holdfast::collect
