// Any text as what discoveries read from others: target groups, Docker's lists, Consul's health, Kubernetes'
// objects. No crash.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "collect/discovery/consul_discovery.h"
#include "collect/discovery/docker_discovery.h"
#include "collect/discovery/kubernetes_objects.h"
#include "collect/discovery/target_group.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)collect::parse_target_groups("f", text).has_value();
  (void)collect::docker_targets({}, text, "[]").has_value();
  (void)collect::docker_targets({}, "[]", text).has_value();
  (void)collect::consul_targets({}, "s", text).has_value();
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (object.is_discarded()) return 0;
  collect::KubernetesLookup lookup;
  lookup.pod = lookup.service = lookup.node = [&](const std::string&) { return &object; };
  for (const auto* role : {"node", "service", "pod", "endpoints", "endpointslice", "ingress"}) {
    (void)collect::kubernetes_group(role, "a/b", object, lookup);
  }
  return 0;
}
