#include "respond/route/tree.h"

#include <algorithm>

#include "respond/route/go_text.h"

namespace holdfast::respond::route {
namespace {

void match_node(const Tree::Node& node, const LabelsView& labels,
                std::vector<const Tree::Node*>& found) {
  if (!labels.matches(node.route->matchers)) return;
  const auto before = found.size();
  for (const auto& child : node.children) {
    const auto known = found.size();
    match_node(*child, labels, found);
    if (found.size() > known && !child->route->keep_going) break;
  }
  if (found.size() == before) found.push_back(&node);
}

}  // namespace

Tree::Tree(std::shared_ptr<const Config> config) : config_(std::move(config)) {
  root_ = build(config_->route, nullptr);
}

std::unique_ptr<Tree::Node> Tree::build(const Route& route, const Node* parent) {
  auto node = std::make_unique<Node>();
  node->route = &route;
  node->parent = parent;
  node->receiver = config_->receiver(route.receiver);
  node->key = route.key;
  if (node->key.empty()) {
    node->key = parent == nullptr ? "{}" : parent->key + "/" + matchers_text(route.matchers);
  }
  node->id = node->key;
  for (int n = 2; by_id_.contains(node->id); ++n) node->id = node->key + "#" + std::to_string(n);
  by_id_[node->id] = node.get();
  for (const auto& child : route.routes) node->children.push_back(build(child, node.get()));
  return node;
}

const Tree::Node* Tree::find(std::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

std::vector<const Tree::Node*> Tree::match(const LabelsView& labels) const {
  std::vector<const Node*> found;
  match_node(*root_, labels, found);
  return found;
}

model::Labels group_labels(const Route& route, const LabelsView& labels) {
  if (route.group_by_all) return labels.copy();
  std::vector<model::Label> kept;
  for (const auto& name : route.group_by) {
    if (const auto value = labels.get(name); !value.empty()) {
      kept.push_back({name, std::string(value)});
    }
  }
  return model::Labels(std::move(kept));
}

std::string labels_text(const model::Labels& labels) {
  std::string text = "{";
  for (const auto& label : labels) {
    if (text.size() > 1) text += ", ";
    text += label.name + "=" + go_quote(label.value);
  }
  return text + "}";
}

std::string group_key(const std::string& route_key, const model::Labels& labels) {
  return route_key + ":" + labels_text(labels);
}

std::string matchers_text(const std::vector<model::Matcher>& matchers) {
  std::string text = "{";
  for (const auto& matcher : matchers) {
    if (text.size() > 1) text += ",";
    text += matcher.text();
  }
  return text + "}";
}

}  // namespace holdfast::respond::route
