// A double of the Kubernetes API: lists, watches that stay open, bookmarks and 410 Gone.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "collect/discovery/kubeconfig.h"
#include "collect/discovery/kubernetes_discovery.h"
#include "collect/discovery/kubernetes_objects.h"
#include "job_fixture.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

json pod(const std::string& name, const std::string& ip, const std::string& version) {
  auto object = json::parse(R"({"metadata": {"namespace": "prod", "uid": "u1",
      "labels": {"app.kubernetes.io/name": "enhancer"}, "annotations": {"prometheus.io/scrape": "true"},
      "ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "controller": true}]},
    "spec": {"nodeName": "node-a", "initContainers": [{"name": "setup", "image": "i:1"}],
      "containers": [{"name": "main", "image": "m:2", "ports": [{"name": "http", "containerPort": 8080}]}]},
    "status": {"hostIP": "10.9.0.1", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
      "containerStatuses": [{"name": "main", "containerID": "containerd://abc"}]}})");
  object["metadata"]["name"] = name;
  object["metadata"]["resourceVersion"] = version;
  object["status"]["podIP"] = ip;
  return object;
}

TEST(KubernetesObjects, APodGivesItsPortsAndAllItsLabels) {
  const auto group = kubernetes_group("pod", "prod/a", pod("a", "10.0.0.5", "1"), {});
  EXPECT_EQ(group.source, "pod/prod/a");
  EXPECT_EQ(group.labels,
            (model::Labels{{"__meta_kubernetes_namespace", "prod"},
                           {"__meta_kubernetes_pod_annotation_prometheus_io_scrape", "true"},
                           {"__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape", "true"},
                           {"__meta_kubernetes_pod_controller_kind", "ReplicaSet"},
                           {"__meta_kubernetes_pod_controller_name", "rs"},
                           {"__meta_kubernetes_pod_host_ip", "10.9.0.1"},
                           {"__meta_kubernetes_pod_ip", "10.0.0.5"},
                           {"__meta_kubernetes_pod_label_app_kubernetes_io_name", "enhancer"},
                           {"__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name", "true"},
                           {"__meta_kubernetes_pod_name", "a"},
                           {"__meta_kubernetes_pod_node_name", "node-a"},
                           {"__meta_kubernetes_pod_phase", "Running"},
                           {"__meta_kubernetes_pod_ready", "true"},
                           {"__meta_kubernetes_pod_uid", "u1"}}));
  ASSERT_EQ(group.targets.size(), 2u);
  EXPECT_EQ(group.targets[0],
            (model::Labels{{"__address__", "10.0.0.5:8080"},
                           {"__meta_kubernetes_pod_container_id", "containerd://abc"},
                           {"__meta_kubernetes_pod_container_image", "m:2"},
                           {"__meta_kubernetes_pod_container_init", "false"},
                           {"__meta_kubernetes_pod_container_name", "main"},
                           {"__meta_kubernetes_pod_container_port_name", "http"},
                           {"__meta_kubernetes_pod_container_port_number", "8080"},
                           {"__meta_kubernetes_pod_container_port_protocol", "TCP"}}));
  EXPECT_EQ(group.targets[1].get("__address__"), "10.0.0.5") << "no port";
  EXPECT_TRUE(kubernetes_group("pod", "prod/a", pod("a", "", "1"), {}).targets.empty());
}

TEST(KubernetesObjects, NodesServicesAndIngresses) {
  const auto node = kubernetes_group(
      "node", "n", json::parse(R"({"metadata": {"name": "n", "labels": {"zone": "z"}},
      "spec": {"providerID": "p://1"}, "status": {"addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "10.0.0.1"}],
      "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})"),
      {});
  ASSERT_EQ(node.targets.size(), 1u);
  EXPECT_EQ(node.targets[0],
            (model::Labels{{"__address__", "10.0.0.1:10250"},
                           {"__meta_kubernetes_node_address_Hostname", "h"},
                           {"__meta_kubernetes_node_address_InternalIP", "10.0.0.1"},
                           {"instance", "n"}}));
  EXPECT_EQ(node.labels.get("__meta_kubernetes_node_label_zone"), "z");
  EXPECT_EQ(node.labels.get("__meta_kubernetes_node_provider_id"), "p://1");

  const auto service = kubernetes_group(
      "service", "prod/s", json::parse(R"({"metadata": {"name": "s", "namespace": "prod"},
      "spec": {"type": "ClusterIP", "clusterIP": "10.3.0.1", "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}})"),
      {});
  EXPECT_EQ(service.targets.at(0),
            (model::Labels{{"__address__", "s.prod.svc:80"},
                           {"__meta_kubernetes_service_cluster_ip", "10.3.0.1"},
                           {"__meta_kubernetes_service_port_name", "web"},
                           {"__meta_kubernetes_service_port_number", "80"},
                           {"__meta_kubernetes_service_port_protocol", "TCP"},
                           {"__meta_kubernetes_service_type", "ClusterIP"}}));

  const auto ingress = kubernetes_group(
      "ingress", "prod/i", json::parse(R"({"metadata": {"name": "i", "namespace": "prod"},
      "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["*.example.com"]}],
        "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/x"}, {}]}}, {"host": "b.org"}]}})"),
      {});
  ASSERT_EQ(ingress.targets.size(), 3u);
  EXPECT_EQ(ingress.targets[0].get("__meta_kubernetes_ingress_scheme"), "https");
  EXPECT_EQ(ingress.targets[1].get("__meta_kubernetes_ingress_path"), "/");
  EXPECT_EQ(ingress.targets[2].get("__meta_kubernetes_ingress_scheme"), "http");
  EXPECT_EQ(ingress.labels.get("__meta_kubernetes_ingress_class_name"), "nginx");
}

TEST(KubernetesObjects, EndpointsKnowTheirServicePodAndTheOtherPortsOfIt) {
  const auto behind = pod("a", "10.0.0.5", "1");
  const auto service =
      json::parse(R"({"metadata": {"name": "s", "namespace": "prod", "labels": {"team": "t"}}})");
  KubernetesLookup lookup;
  lookup.pod = [&](const std::string& key) { return key == "prod/a" ? &behind : nullptr; };
  lookup.service = [&](const std::string& key) { return key == "prod/s" ? &service : nullptr; };
  const auto endpoints =
      json::parse(R"({"metadata": {"name": "s", "namespace": "prod"}, "subsets": [{
      "ports": [{"name": "m", "port": 9090, "protocol": "TCP"}],
      "addresses": [{"ip": "10.0.0.5", "nodeName": "node-a", "targetRef": {"kind": "Pod", "name": "a", "namespace": "prod"}}],
      "notReadyAddresses": [{"ip": "10.0.0.6"}]}]})");
  const auto group = kubernetes_group("endpoints", "prod/s", endpoints, lookup);
  EXPECT_EQ(group.labels.get("__meta_kubernetes_service_label_team"), "t");
  EXPECT_EQ(group.labels.get("__meta_kubernetes_endpoints_name"), "s");
  ASSERT_EQ(group.targets.size(), 3u);
  EXPECT_EQ(group.targets[0].get("__address__"), "10.0.0.5:9090");
  EXPECT_EQ(group.targets[0].get("__meta_kubernetes_endpoint_ready"), "true");
  EXPECT_EQ(group.targets[0].get("__meta_kubernetes_pod_name"), "a");
  EXPECT_EQ(group.targets[0].get("__meta_kubernetes_endpoint_address_target_kind"), "Pod");
  EXPECT_EQ(group.targets[1].get("__meta_kubernetes_endpoint_ready"), "false");
  EXPECT_EQ(group.targets[2].get("__address__"), "10.0.0.5:8080")
      << "the Pod's port that the endpoints do not name";

  const auto slice = json::parse(
      R"({"metadata": {"name": "s-1", "namespace": "prod", "labels": {"kubernetes.io/service-name": "s"}},
      "addressType": "IPv4", "ports": [{"name": "m", "port": 9090, "protocol": "TCP", "appProtocol": "http"}],
      "endpoints": [{"addresses": ["10.0.0.5"], "conditions": {"ready": true, "serving": true, "terminating": false},
        "zone": "z", "nodeName": "node-a", "targetRef": {"kind": "Pod", "name": "a"}}]})");
  const auto sliced = kubernetes_group("endpointslice", "prod/s-1", slice, lookup);
  EXPECT_EQ(sliced.labels.get("__meta_kubernetes_endpointslice_address_type"), "IPv4");
  EXPECT_EQ(sliced.labels.get("__meta_kubernetes_service_name"), "s");
  ASSERT_EQ(sliced.targets.size(), 2u);
  EXPECT_EQ(sliced.targets[0].get("__meta_kubernetes_endpointslice_endpoint_conditions_ready"),
            "true");
  EXPECT_EQ(sliced.targets[0].get("__meta_kubernetes_endpointslice_endpoint_zone"), "z");
  EXPECT_EQ(sliced.targets[0].get("__meta_kubernetes_endpointslice_port"), "9090");
  EXPECT_EQ(sliced.targets[0].get("__meta_kubernetes_pod_container_image"), "");
}

TEST(KubernetesTargets, PodsAreKeptLabelledAndAddressedByTheMissionsRules) {
  const auto read = read_jobs(R"(
- job_name: claude-enhancer
  kubernetes_sd_configs: [{role: pod, api_server: 'http://k'}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_label_app], action: keep, regex: claude-enhancer}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: 'true'}
  - {source_labels: [__meta_kubernetes_pod_label_version], target_label: version}
  - {source_labels: [__address__], target_label: __address__, regex: '([^:]+):.*', replacement: '${1}:9090'}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_port], target_label: __address__, regex: '(.+)', replacement: 'annotated:$1'}
)");
  ASSERT_EQ(read.findings, "");
  const auto target_of = [&](const std::string& app, const std::string& scrape,
                             const std::string& port) {
    auto object = pod("a", "10.0.0.5", "1");
    object["metadata"]["labels"] = {{"app", app}, {"version", "5.1"}};
    object["metadata"]["annotations"] = {{"prometheus.io/scrape", scrape}};
    if (!port.empty()) object["metadata"]["annotations"]["prometheus.io/port"] = port;
    const auto group = kubernetes_group("pod", "prod/a", object, {});
    std::vector<model::Label> all(group.labels.begin(), group.labels.end());
    for (const auto& label : group.targets[0]) all.push_back(label);
    return *make_target(read.jobs[0], model::Labels(all));
  };
  const auto kept = target_of("claude-enhancer", "true", "");
  ASSERT_TRUE(kept.target);
  EXPECT_EQ(kept.target->url, "http://10.0.0.5:9090/metrics");
  EXPECT_EQ(kept.target->labels.get("version"), "5.1");
  EXPECT_EQ(target_of("claude-enhancer", "true", "9191").target->address, "annotated:9191");
  EXPECT_FALSE(target_of("other", "true", "").target);
  EXPECT_FALSE(target_of("claude-enhancer", "false", "").target);
}

// Speaks the API over a raw connection, because a watch has no end.
class ApiServer {
 public:
  explicit ApiServer(SimWorld& world) {
    auto made = world.target_env.transport.listen({"target", 80, ""},
                                                  [this](auto c) { accept(std::move(c)); });
    HF_CHECK(made.has_value(), "listen");
    listener_ = std::move(*made);
  }
  void event(const std::string& type, const json& object) {
    const auto line = json{{"type", type}, {"object", object}}.dump() + "\n";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", line.size());
    watch_->write(size + line + "\r\n", nullptr);
  }
  void end_watch() { watch_->write("0\r\n\r\n", nullptr); }

  json pods = json::array();
  std::vector<std::string> asked;
  std::string authorization;

 private:
  void accept(std::unique_ptr<Connection> made) {
    const std::shared_ptr<Connection> connection = std::move(made);
    connections_.push_back(connection);
    read(connection);
  }
  void read(const std::shared_ptr<Connection>& connection) {
    connection->read(16384, [this, connection](Result<std::string> bytes) {
      if (!bytes || bytes->empty()) return;
      const auto target = bytes->substr(4, bytes->find(' ', 4) - 4);
      asked.push_back(target);
      if (const auto at = bytes->find("Authorization: "); at != std::string::npos) {
        authorization = bytes->substr(at + 15, bytes->find('\r', at) - at - 15);
      }
      if (target.find("watch=1") != std::string::npos) {
        watch_ = connection;
        connection->write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", nullptr);
      } else {
        const auto body = json{{"metadata", {{"resourceVersion", "100"}}}, {"items", pods}}.dump();
        connection->write(
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            nullptr);
      }
      read(connection);
    });
  }
  std::unique_ptr<Listener> listener_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::shared_ptr<Connection> watch_;
};

TEST(KubernetesDiscovery, FollowsPodsThroughWatchBookmarksAndGone) {
  SimWorld world;
  ApiServer api(world);
  api.pods = {pod("a", "10.0.0.1", "1"), pod("b", "10.0.0.2", "2")};
  net::Client client(world.env);
  KubernetesSd config;
  config.role = "pod";
  config.api_server = "http://target:80/";
  config.namespaces = {"prod"};
  config.selectors = {{"pod", "app=x", ""}};
  config.http.authorization = Authorization{"Bearer", {"sa-token", ""}};
  std::map<std::string, TargetGroup> groups;
  const auto discovery =
      discover_kubernetes(world.env, client, config, {}, [&](std::vector<TargetGroup> news) {
        for (auto& group : news) {
          if (group.targets.empty())
            groups.erase(group.source);
          else
            groups[group.source] = std::move(group);
        }
      });
  world.executor.run_for(2s);
  EXPECT_EQ(groups.size(), 2u) << discovery->problem();
  EXPECT_EQ(api.authorization, "Bearer sa-token");
  ASSERT_EQ(api.asked.size(), 2u);
  EXPECT_EQ(api.asked[0], "/api/v1/namespaces/prod/pods?limit=500&labelSelector=app%3Dx");
  EXPECT_NE(api.asked[1].find("allowWatchBookmarks=true&resourceVersion=100"), std::string::npos);

  api.event("ADDED", pod("c", "10.0.0.3", "101"));
  api.event("DELETED", pod("a", "10.0.0.1", "102"));
  api.event("MODIFIED", pod("b", "10.0.0.22", "103"));
  world.executor.run_for(1s);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups.at("pod/prod/b").targets[0].get("__address__"), "10.0.0.22:8080");

  api.event("BOOKMARK", json{{"metadata", {{"resourceVersion", "500"}}}});
  api.end_watch();
  world.executor.run_for(1s);
  EXPECT_NE(api.asked.back().find("resourceVersion=500"), std::string::npos)
      << "from the bookmark on";

  api.pods = {pod("d", "10.0.0.4", "600")};
  api.event("ERROR", json{{"kind", "Status"}, {"code", 410}});
  api.end_watch();
  world.executor.run_for(1s);
  ASSERT_EQ(groups.size(), 1u) << "a new list; what it lacks is gone";
  EXPECT_TRUE(groups.contains("pod/prod/d"));
}

TEST(ClusterAccessOf, KubeconfigAndThePodItself) {
  SeededRandom random(1);
  SimFileSystem files(random);
  ASSERT_TRUE(files.create_directories("/k"));
  ASSERT_TRUE(files.create_directories("/sa"));
  ASSERT_TRUE(files.write_file_atomic("/k/config", R"(
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: team}}]
clusters: [{name: k, cluster: {server: 'https://k:6443', certificate-authority: ca.pem}}]
users: [{name: u, user: {token: secret}}]
)"));
  const auto access = read_kubeconfig(files, "/k/config");
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ(access->server, "https://k:6443");
  EXPECT_EQ(access->http.tls.ca_file, "/k/ca.pem");
  EXPECT_EQ(access->http.authorization->credentials.text, "secret");
  EXPECT_EQ(access->name_space, "team");
  ASSERT_TRUE(files.write_file_atomic("/sa/namespace", "mine\n"));
  const auto within = in_cluster(
      files,
      [](const std::string& name) {
        return std::optional<std::string>(name == "KUBERNETES_SERVICE_HOST" ? "fd00::1" : "443");
      },
      "/sa");
  ASSERT_TRUE(within);
  EXPECT_EQ(within->server, "https://[fd00::1]:443");
  EXPECT_EQ(within->name_space, "mine");
  EXPECT_FALSE(in_cluster(
      files, [](const std::string&) { return std::optional<std::string>(); }, "/sa"));
}

}  // namespace
}  // namespace holdfast::collect
