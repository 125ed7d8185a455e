// respond/route/tree.h: which routes an alert takes, and the keys of its groups.
//
// Purpose     Matching is depth first, left to right: a child that matches without `continue` ends the search among its later
//             siblings; a node is itself a match only if no child of it is. A route that is muted takes the alert all the same.
// Keys        A group's key is <route key>:<group labels>, as Go prints them; two routes with the same key (written twice) are
//             told apart by `id`.
// Threads     Immutable once made; nodes live as long as the tree, and the tree holds its configuration.
// Source      ../shared/reference/alerting.md section 2.2.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "respond/route/config.h"
#include "respond/route/interned.h"

namespace holdfast::respond::route {

class Tree {
 public:
  struct Node {
    const Route* route = nullptr;
    const Receiver* receiver = nullptr;  // null when the configuration lacks it
    const Node* parent = nullptr;
    std::string key;  // the route's
    std::string id;   // unique: the key, and which of those with it
    std::vector<std::unique_ptr<Node>> children;
  };

  explicit Tree(std::shared_ptr<const Config> config);

  const Config& config() const { return *config_; }
  std::shared_ptr<const Config> shared_config() const { return config_; }
  const Node& root() const { return *root_; }
  const Node* find(std::string_view id) const;
  std::vector<const Node*> match(const LabelsView& labels) const;

 private:
  std::unique_ptr<Node> build(const Route& route, const Node* parent);

  std::shared_ptr<const Config> config_;
  std::map<std::string, const Node*, std::less<>> by_id_;
  std::unique_ptr<Node> root_;
};

// The labels by which the route groups, those that are there.
model::Labels group_labels(const Route& route, const LabelsView& labels);
// {alertname="y", job="x"}
std::string labels_text(const model::Labels& labels);
std::string group_key(const std::string& route_key, const model::Labels& labels);
// {a="b",c=~"d"}
std::string matchers_text(const std::vector<model::Matcher>& matchers);

}  // namespace holdfast::respond::route
