// collect/discovery/kubernetes_objects.h: target groups from Kubernetes objects; inside the part only.
//
// Purpose     One function for each role; the labels are exactly Prometheus' __meta_kubernetes_*.
// Threads     Pure.
// Source      Prometheus, configuration, kubernetes_sd_config, and the Kubernetes API reference.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "collect/discovery/target_group.h"

namespace holdfast::collect {

// How one object finds another: null when there is none.
struct KubernetesLookup {
  using Find = std::function<const nlohmann::json*(const std::string& key)>;
  Find service, pod, node;  // an empty function: that kind is not looked up
};

// The group's source is the role and the key; an object without targets gives an empty group.
TargetGroup kubernetes_group(const std::string& role, const std::string& key,
                             const nlohmann::json& object, const KubernetesLookup& lookup);

}  // namespace holdfast::collect
