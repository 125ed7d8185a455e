#include "collect/discovery/kubernetes_objects.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "collect/discovery/json_read.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;
using LabelVector = std::vector<model::Label>;

const std::string kPrefix = "__meta_kubernetes_";

void add(LabelVector& out, const std::string& name, std::string value) {
  out.push_back({kPrefix + name, std::move(value)});
}
void address(LabelVector& out, std::string value) {
  out.push_back({std::string(kAddressLabel), std::move(value)});
}

void add_pairs(LabelVector& out, const std::string& name, const json& map) {
  for (const auto& [key, value] : map.items()) {
    if (!value.is_string()) continue;
    add(out, name + "_" + label_name_of(key), value.get<std::string>());
    add(out, name + "present_" + label_name_of(key), "true");
  }
}

// Name, labels and annotations of any object.
void add_meta(LabelVector& out, const std::string& role, const json& object) {
  const auto& meta = member(object, "metadata");
  add(out, role + "_name", text_at(meta, "name"));
  add_pairs(out, role + "_label", member(meta, "labels"));
  add_pairs(out, role + "_annotation", member(meta, "annotations"));
}

std::string namespace_of(const json& object) {
  return text_at(member(object, "metadata"), "namespace");
}

std::string ready_of(const json& pod) {
  for (const auto& condition : items_of(member(member(pod, "status"), "conditions"))) {
    if (text_at(condition, "type") == "Ready") return lower(text_at(condition, "status"));
  }
  return "unknown";
}

void add_node(LabelVector& out, const std::string& name, const KubernetesLookup& lookup) {
  if (!lookup.node || name.empty()) return;
  if (const auto* node = lookup.node(name)) add_meta(out, "node", *node);
}

void add_pod(LabelVector& out, const json& pod) {
  const auto& meta = member(pod, "metadata");
  const auto& status = member(pod, "status");
  add_meta(out, "pod", pod);
  add(out, "pod_ip", text_at(status, "podIP"));
  add(out, "pod_ready", ready_of(pod));
  add(out, "pod_phase", text_at(status, "phase"));
  add(out, "pod_node_name", text_at(member(pod, "spec"), "nodeName"));
  add(out, "pod_host_ip", text_at(status, "hostIP"));
  add(out, "pod_uid", text_at(meta, "uid"));
  for (const auto& owner : items_of(member(meta, "ownerReferences"))) {
    if (!flag_at(owner, "controller")) continue;
    add(out, "pod_controller_kind", text_at(owner, "kind"));
    add(out, "pod_controller_name", text_at(owner, "name"));
  }
}

void add_container(LabelVector& out, const json& pod, const json& container, bool is_init) {
  const auto name = text_at(container, "name");
  const auto* list = is_init ? "initContainerStatuses" : "containerStatuses";
  std::string id;
  for (const auto& status : items_of(member(member(pod, "status"), list))) {
    if (text_at(status, "name") == name) id = text_at(status, "containerID");
  }
  add(out, "pod_container_name", name);
  add(out, "pod_container_id", std::move(id));
  add(out, "pod_container_image", text_at(container, "image"));
  add(out, "pod_container_init", is_init ? "true" : "false");
}

std::string protocol_of(const json& port) {
  const auto protocol = text_at(port, "protocol");
  return protocol.empty() ? "TCP" : protocol;
}

void add_container_port(LabelVector& out, const json& port) {
  add(out, "pod_container_port_name", text_at(port, "name"));
  add(out, "pod_container_port_number", number_at(port, "containerPort"));
  add(out, "pod_container_port_protocol", protocol_of(port));
}

// Each container of a Pod, those of its start included.
void each_container(const json& pod, const std::function<void(const json&, bool)>& visit) {
  const auto& spec = member(pod, "spec");
  for (const auto& container : items_of(member(spec, "containers"))) visit(container, false);
  for (const auto& container : items_of(member(spec, "initContainers"))) visit(container, true);
}

void pod_targets(TargetGroup& group, const json& pod) {
  const auto ip = text_at(member(pod, "status"), "podIP");
  if (ip.empty()) return;  // not started yet
  each_container(pod, [&](const json& container, bool is_init) {
    LabelVector base;
    add_container(base, pod, container, is_init);
    const auto& ports = items_of(member(container, "ports"));
    if (ports.empty()) {
      address(base, ip.find(':') == std::string::npos ? ip : "[" + ip + "]");
      group.targets.emplace_back(std::move(base));
      return;
    }
    for (const auto& port : ports) {
      auto labels = base;
      address(labels, join_host_port(ip, number_at(port, "containerPort")));
      add_container_port(labels, port);
      group.targets.emplace_back(std::move(labels));
    }
  });
}

void service_targets(TargetGroup& group, const json& service) {
  const auto& meta = member(service, "metadata");
  const auto& spec = member(service, "spec");
  const auto type = text_at(spec, "type").empty() ? "ClusterIP" : text_at(spec, "type");
  const auto host = text_at(meta, "name") + "." + text_at(meta, "namespace") + ".svc";
  for (const auto& port : items_of(member(spec, "ports"))) {
    LabelVector labels;
    address(labels, join_host_port(host, number_at(port, "port")));
    add(labels, "service_port_name", text_at(port, "name"));
    add(labels, "service_port_number", number_at(port, "port"));
    add(labels, "service_port_protocol", protocol_of(port));
    add(labels, "service_type", type);
    if (type == "ExternalName")
      add(labels, "service_external_name", text_at(spec, "externalName"));
    else
      add(labels, "service_cluster_ip", text_at(spec, "clusterIP"));
    if (type == "LoadBalancer")
      add(labels, "service_loadbalancer_ip", text_at(spec, "loadBalancerIP"));
    group.targets.emplace_back(std::move(labels));
  }
}

void node_targets(TargetGroup& group, const json& node) {
  const auto& status = member(node, "status");
  const auto& addresses = items_of(member(status, "addresses"));
  std::string host;
  for (const char* kind :
       {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}) {
    for (const auto& one : addresses) {
      if (host.empty() && text_at(one, "type") == kind) host = text_at(one, "address");
    }
  }
  if (host.empty()) return;
  LabelVector labels;
  const auto& kubelet = member(member(status, "daemonEndpoints"), "kubeletEndpoint");
  auto port = number_at(kubelet, "Port");
  address(labels, join_host_port(host, port.empty() ? "0" : port));
  labels.push_back({"instance", text_at(member(node, "metadata"), "name")});
  std::set<std::string> seen;
  for (const auto& one : addresses) {
    const auto kind = text_at(one, "type");
    if (seen.insert(kind).second)
      add(labels, "node_address_" + label_name_of(kind), text_at(one, "address"));
  }
  group.targets.emplace_back(std::move(labels));
}

bool host_matches(const std::string& pattern, const std::string& host) {
  if (pattern == host) return true;
  if (!pattern.starts_with("*.") || host.starts_with("*")) return false;
  const auto dot = host.find('.');
  return dot != std::string::npos && dot != 0 && host.substr(dot) == pattern.substr(1);
}

void ingress_targets(TargetGroup& group, const json& ingress) {
  const auto& spec = member(ingress, "spec");
  for (const auto& rule : items_of(member(spec, "rules"))) {
    const auto host = text_at(rule, "host");
    std::string scheme = "http";
    for (const auto& tls : items_of(member(spec, "tls"))) {
      for (const auto& name : items_of(member(tls, "hosts"))) {
        if (name.is_string() && host_matches(name.get<std::string>(), host)) scheme = "https";
      }
    }
    std::vector<std::string> paths;
    for (const auto& path : items_of(member(member(rule, "http"), "paths"))) {
      const auto text = text_at(path, "path");
      paths.push_back(text.empty() ? "/" : text);
    }
    if (!member(rule, "http").is_object()) paths = {"/"};
    for (const auto& path : paths) {
      LabelVector labels;
      address(labels, host);
      add(labels, "ingress_scheme", scheme);
      add(labels, "ingress_host", host);
      add(labels, "ingress_path", path);
      group.targets.emplace_back(std::move(labels));
    }
  }
}

// Endpoints and slices: addresses, and the Pods behind them with all their ports.
class Addresses {
 public:
  Addresses(TargetGroup& group, const KubernetesLookup& lookup, std::string space)
      : group_(group), lookup_(lookup), space_(std::move(space)) {}

  void add_target(LabelVector labels, const std::string& port, const json& target,
                  const std::string& node_name) {
    add_node(labels, node_name, lookup_);
    const auto* pod = pod_of(target);
    if (pod == nullptr) {
      group_.targets.emplace_back(std::move(labels));
      return;
    }
    add_pod(labels, *pod);
    auto& seen = seen_[object_name(*pod)];
    seen.first = pod;
    each_container(*pod, [&](const json& container, bool is_init) {
      for (const auto& own : items_of(member(container, "ports"))) {
        if (number_at(own, "containerPort") != port || !seen.second.insert(port).second) continue;
        add_container(labels, *pod, container, is_init);
        add_container_port(labels, own);
      }
    });
    seen.second.insert(port);
    group_.targets.emplace_back(std::move(labels));
  }

  // Ports of the same Pods that the endpoints do not name.
  void add_other_ports() {
    for (const auto& entry : seen_) {
      const auto& seen = entry.second;
      const auto ip = text_at(member(*seen.first, "status"), "podIP");
      if (ip.empty()) continue;
      each_container(*seen.first, [&](const json& container, bool is_init) {
        for (const auto& port : items_of(member(container, "ports"))) {
          const auto number = number_at(port, "containerPort");
          if (seen.second.contains(number)) continue;
          LabelVector labels;
          address(labels, join_host_port(ip, number));
          add_container(labels, *seen.first, container, is_init);
          add_container_port(labels, port);
          add_pod(labels, *seen.first);
          add_node(labels, text_at(member(*seen.first, "spec"), "nodeName"), lookup_);
          group_.targets.emplace_back(std::move(labels));
        }
      });
    }
  }

 private:
  static std::string object_name(const json& object) {
    return text_at(member(object, "metadata"), "name");
  }
  const json* pod_of(const json& target) const {
    if (!lookup_.pod || text_at(target, "kind") != "Pod") return nullptr;
    const auto space = text_at(target, "namespace");
    return lookup_.pod((space.empty() ? space_ : space) + "/" + text_at(target, "name"));
  }

  TargetGroup& group_;
  const KubernetesLookup& lookup_;
  const std::string space_;
  std::map<std::string, std::pair<const json*, std::set<std::string>>>
      seen_;  // Pod to its ports met
};

void add_service(LabelVector& labels, const std::string& key, const KubernetesLookup& lookup) {
  if (!lookup.service) return;
  if (const auto* service = lookup.service(key)) add_meta(labels, "service", *service);
}

void endpoints_targets(TargetGroup& group, const json& endpoints, const KubernetesLookup& lookup) {
  Addresses all(group, lookup, namespace_of(endpoints));
  for (const auto& subset : items_of(member(endpoints, "subsets"))) {
    for (const auto& port : items_of(member(subset, "ports"))) {
      for (const bool ready : {true, false}) {
        for (const auto& one :
             items_of(member(subset, ready ? "addresses" : "notReadyAddresses"))) {
          LabelVector labels;
          const auto number = number_at(port, "port");
          address(labels, join_host_port(text_at(one, "ip"), number));
          add(labels, "endpoint_port_name", text_at(port, "name"));
          add(labels, "endpoint_port_protocol", protocol_of(port));
          add(labels, "endpoint_ready", ready ? "true" : "false");
          const auto& target = member(one, "targetRef");
          add(labels, "endpoint_address_target_kind", text_at(target, "kind"));
          add(labels, "endpoint_address_target_name", text_at(target, "name"));
          add(labels, "endpoint_node_name", text_at(one, "nodeName"));
          add(labels, "endpoint_hostname", text_at(one, "hostname"));
          all.add_target(std::move(labels), number, target, text_at(one, "nodeName"));
        }
      }
    }
  }
  all.add_other_ports();
}

void add_condition(LabelVector& out, const json& endpoint, const char* name) {
  const auto& value = member(member(endpoint, "conditions"), name);
  if (value.is_boolean()) {
    add(out, std::string("endpointslice_endpoint_conditions_") + name,
        value.get<bool>() ? "true" : "false");
  }
}

void slice_targets(TargetGroup& group, const json& slice, const KubernetesLookup& lookup) {
  Addresses all(group, lookup, namespace_of(slice));
  for (const auto& port : items_of(member(slice, "ports"))) {
    for (const auto& endpoint : items_of(member(slice, "endpoints"))) {
      for (const auto& ip : items_of(member(endpoint, "addresses"))) {
        if (!ip.is_string()) continue;
        LabelVector labels;
        const auto number = number_at(port, "port");
        const auto host = ip.get<std::string>();
        address(labels, number.empty() ? host : join_host_port(host, number));
        add(labels, "endpointslice_port_name", text_at(port, "name"));
        add(labels, "endpointslice_port_protocol", text_at(port, "protocol"));
        add(labels, "endpointslice_port", number);
        add(labels, "endpointslice_port_app_protocol", text_at(port, "appProtocol"));
        for (const char* name : {"ready", "serving", "terminating"})
          add_condition(labels, endpoint, name);
        add(labels, "endpointslice_endpoint_hostname", text_at(endpoint, "hostname"));
        const auto& target = member(endpoint, "targetRef");
        add(labels, "endpointslice_address_target_kind", text_at(target, "kind"));
        add(labels, "endpointslice_address_target_name", text_at(target, "name"));
        add(labels, "endpointslice_endpoint_node_name", text_at(endpoint, "nodeName"));
        add(labels, "endpointslice_endpoint_zone", text_at(endpoint, "zone"));
        for (const auto& [key, value] : member(endpoint, "deprecatedTopology").items()) {
          if (!value.is_string()) continue;
          add(labels, "endpointslice_endpoint_topology_" + label_name_of(key),
              value.get<std::string>());
          add(labels, "endpointslice_endpoint_topology_present_" + label_name_of(key), "true");
        }
        all.add_target(std::move(labels), number, target, text_at(endpoint, "nodeName"));
      }
    }
  }
  all.add_other_ports();
}

}  // namespace

TargetGroup kubernetes_group(const std::string& role, const std::string& key, const json& object,
                             const KubernetesLookup& lookup) {
  TargetGroup group;
  group.source = role + "/" + key;
  LabelVector labels;
  if (role != "node") add(labels, "namespace", namespace_of(object));
  if (role == "pod") {
    add_pod(labels, object);
    add_node(labels, text_at(member(object, "spec"), "nodeName"), lookup);
    pod_targets(group, object);
  } else {
    add_meta(labels, role, object);
  }
  if (role == "node") {
    add(labels, "node_provider_id", text_at(member(object, "spec"), "providerID"));
    node_targets(group, object);
  } else if (role == "service") {
    service_targets(group, object);
  } else if (role == "ingress") {
    add(labels, "ingress_class_name", text_at(member(object, "spec"), "ingressClassName"));
    ingress_targets(group, object);
  } else if (role == "endpoints") {
    add_service(labels, key, lookup);
    endpoints_targets(group, object, lookup);
  } else if (role == "endpointslice") {
    add(labels, "endpointslice_address_type", text_at(object, "addressType"));
    const auto service =
        text_at(member(member(object, "metadata"), "labels"), "kubernetes.io/service-name");
    add_service(labels, namespace_of(object) + "/" + service, lookup);
    slice_targets(group, object, lookup);
  }
  group.labels = model::Labels(std::move(labels));
  return group;
}

}  // namespace holdfast::collect
