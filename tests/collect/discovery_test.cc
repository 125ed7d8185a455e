// Each mechanism against a double that speaks its protocol, over the simulated network.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "collect/discovery/consul_discovery.h"
#include "collect/discovery/dns_discovery.h"
#include "collect/discovery/docker_discovery.h"
#include "collect/discovery/file_discovery.h"
#include "collect/discovery/http_discovery.h"
#include "sim_target.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class DiscoveryTest : public ::testing::Test {
 protected:
  Discovery::Handler handler() {
    return [this](std::vector<TargetGroup> news) {
      ++calls;
      for (auto& group : news) {
        if (group.targets.empty())
          groups.erase(group.source);
        else
          groups[group.source] = std::move(group);
      }
    };
  }
  // Addresses of all targets, in order.
  std::vector<std::string> addresses() const {
    std::vector<std::string> out;
    for (const auto& [source, group] : groups) {
      for (const auto& target : group.targets) out.emplace_back(target.get("__address__"));
    }
    return out;
  }
  void serve(const std::string& path, net::RequestHandler answer) {
    router.add("GET", path, std::move(answer));
  }
  void listen() {
    server = std::make_unique<net::Server>(world.target_env, router);
    ASSERT_TRUE(server->listen({"target", 80, ""}));
  }
  static void reply(const net::ResponderPtr& to, const json& body, const std::string& index = "") {
    auto response = net::Response::json(200, body.dump());
    if (!index.empty()) response.headers.set("X-Consul-Index", index);
    to->send(std::move(response));
  }

  SimWorld world;
  net::Router router;
  std::unique_ptr<net::Server> server;
  net::Client client{world.env};
  std::map<std::string, TargetGroup> groups;
  int calls = 0;
  using Addresses = std::vector<std::string>;
};

TEST_F(DiscoveryTest, FilesAreReadAndTheirChangesNoticed) {
  auto& files = world.files;
  ASSERT_TRUE(files.create_directories("/sd"));
  ASSERT_TRUE(files.write_file_atomic(
      "/sd/a.json", "[{\"targets\": [\"a:1\", \"b:1\"],\t\"labels\": {\"x\": \"y\"}}]"));
  ASSERT_TRUE(files.write_file_atomic("/sd/b.yml", "- targets: ['c:1']\n"));
  const auto discovery = discover_files(world.env, {{"/sd/*.json", "/sd/b.yml"}, 5min}, handler());
  world.executor.run_for(1s);
  EXPECT_EQ(addresses(), (Addresses{"a:1", "b:1", "c:1"}));
  EXPECT_EQ(groups.at("/sd/a.json:0").labels,
            (model::Labels{{"__meta_filepath", "/sd/a.json"}, {"x", "y"}}));
  ASSERT_TRUE(files.write_file_atomic("/sd/b.yml", "- targets: ['changed:1', 'd:1']\n"));
  world.executor.run_for(6s);
  EXPECT_EQ(addresses(), (Addresses{"a:1", "b:1", "changed:1", "d:1"}));
  ASSERT_TRUE(files.write_file_atomic("/sd/b.yml", "- targets: 5\n - broken"));
  world.executor.run_for(6s);
  EXPECT_EQ(addresses(), (Addresses{"a:1", "b:1", "changed:1", "d:1"}))
      << "a broken file keeps its targets";
  EXPECT_THAT(discovery->problem(), HasSubstr("/sd/b.yml"));
  ASSERT_TRUE(files.remove("/sd/b.yml"));
  world.executor.run_for(6s);
  EXPECT_EQ(addresses(), (Addresses{"a:1", "b:1"}));
  EXPECT_EQ(discovery->problem(), "");
}

TEST_F(DiscoveryTest, AnHttpServerIsAskedAtItsInterval) {
  json body = json::parse(R"([{"targets": ["a:1"], "labels": {"l": "v"}}])");
  int status = 200, asked = 0;
  std::string refresh, authorization;
  serve("/sd", [&](const net::Request& request, net::ResponderPtr to) {
    ++asked;
    refresh = request.headers.get("X-Prometheus-Refresh-Interval-Seconds");
    authorization = request.headers.get("Authorization");
    if (status == 200) return reply(to, body);
    to->send(net::Response::text(status, "no"));
  });
  listen();
  HttpSd config;
  config.url = "http://target/sd";
  config.refresh = 10s;
  config.http.authorization = Authorization{"Bearer", {"t0ken", ""}};
  const auto discovery = discover_http(world.env, client, config, handler());
  world.executor.run_for(1s);
  EXPECT_EQ(addresses(), (Addresses{"a:1"}));
  EXPECT_EQ(groups.begin()->second.labels.get("__meta_url"), "http://target/sd");
  EXPECT_EQ(refresh, "10");
  EXPECT_EQ(authorization, "Bearer t0ken");
  status = 503;
  world.executor.run_for(10s);
  EXPECT_EQ(addresses(), (Addresses{"a:1"}));
  EXPECT_EQ(discovery->problem(), "server returned HTTP status 503");
  status = 200;
  body = json::array();
  world.executor.run_for(10s);
  EXPECT_TRUE(groups.empty());
  EXPECT_EQ(asked, 3);
}

class TableDns final : public net::DnsResolver {
 public:
  Result<std::vector<net::DnsRecord>> query(const std::string& name, net::DnsType) override {
    if (fails) return unavailable("DNS query for " + name + ": no server answered");
    return records;
  }
  std::vector<net::DnsRecord> records;
  bool fails = false;
};

TEST_F(DiscoveryTest, DnsRecordsAreTargetsAndAFailureKeepsThem) {
  const auto dns = std::make_shared<TableDns>();
  dns->records = {{"a.example", 9100}, {"b.example", 9200}};
  const auto discovery =
      discover_dns(world.env, dns, {{"_m._tcp.example"}, "SRV", 0, 10s}, handler());
  world.executor.run_for(1s);
  EXPECT_EQ(addresses(), (Addresses{"a.example:9100", "b.example:9200"}));
  EXPECT_EQ(groups.at("_m._tcp.example").targets[0],
            (model::Labels{{"__address__", "a.example:9100"},
                           {"__meta_dns_name", "_m._tcp.example"},
                           {"__meta_dns_srv_record_port", "9100"},
                           {"__meta_dns_srv_record_target", "a.example."}}));
  dns->fails = true;
  world.executor.run_for(10s);
  EXPECT_EQ(addresses().size(), 2u);
  EXPECT_THAT(discovery->problem(), HasSubstr("no server answered"));
}

TEST_F(DiscoveryTest, AddressRecordsTakeTheConfiguredPort) {
  const auto dns = std::make_shared<TableDns>();
  dns->records = {{"fd00::1", 0}};
  const auto discovery = discover_dns(world.env, dns, {{"x"}, "AAAA", 80, 10s}, handler());
  world.executor.run_for(1s);
  EXPECT_EQ(addresses(), (Addresses{"[fd00::1]:80"}));
}

TEST(DockerTargets, AreOnePerPortWithPrometheusLabels) {
  const auto containers = R"([
    {"Id": "c1", "Names": ["/web"], "Labels": {"com.example/x": "y"}, "HostConfig": {"NetworkMode": "net"},
     "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "IP": "0.0.0.0", "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],
     "NetworkSettings": {"Networks": {"net": {"NetworkID": "n1", "IPAddress": "10.0.0.2"}, "other": {"NetworkID": "n2", "IPAddress": "10.1.0.2"}}}},
    {"Id": "c2", "Names": ["/side"], "HostConfig": {"NetworkMode": "container:c1"}, "Ports": [], "NetworkSettings": {"Networks": {}}},
    {"Id": "c3", "Names": ["/host"], "HostConfig": {"NetworkMode": "host"}, "Ports": [], "NetworkSettings": {"Networks": {"host": {"NetworkID": "n3", "IPAddress": ""}}}}])";
  const auto networks =
      R"([{"Id": "n1", "Name": "net", "Scope": "local", "Internal": false, "Ingress": false, "Labels": {"k": "v"}}])";
  DockerSd config;
  const auto group = docker_targets(config, containers, networks);
  ASSERT_TRUE(group) << group.error().message();
  ASSERT_EQ(group->targets.size(), 3u);
  EXPECT_EQ(group->targets[0], (model::Labels{{"__address__", "10.0.0.2:80"},
                                              {"__meta_docker_container_id", "c1"},
                                              {"__meta_docker_container_label_com_example_x", "y"},
                                              {"__meta_docker_container_name", "/web"},
                                              {"__meta_docker_container_network_mode", "net"},
                                              {"__meta_docker_network_id", "n1"},
                                              {"__meta_docker_network_ingress", "false"},
                                              {"__meta_docker_network_internal", "false"},
                                              {"__meta_docker_network_ip", "10.0.0.2"},
                                              {"__meta_docker_network_label_k", "v"},
                                              {"__meta_docker_network_name", "net"},
                                              {"__meta_docker_network_scope", "local"},
                                              {"__meta_docker_port_private", "80"},
                                              {"__meta_docker_port_public", "8080"},
                                              {"__meta_docker_port_public_ip", "0.0.0.0"}}));
  EXPECT_EQ(group->targets[1].get("__address__"), "10.0.0.2:80")
      << "in the network of another container";
  EXPECT_EQ(group->targets[2].get("__address__"), "localhost");
  config.match_first_network = false;
  EXPECT_EQ(docker_targets(config, containers, networks)->targets.size(), 5u);
  EXPECT_FALSE(docker_targets(config, "{}", "[]"));
}

TEST_F(DiscoveryTest, TheDockerEngineIsListedWithItsFilters) {
  std::string filters;
  serve("/containers/json", [&](const net::Request& request, net::ResponderPtr to) {
    filters = request.param("filters");
    reply(to, json::parse(
                  R"([{"Id": "c", "Names": ["/a"], "HostConfig": {"NetworkMode": "n"}, "Ports": [],
                               "NetworkSettings": {"Networks": {"n": {"IPAddress": "10.0.0.9"}}}}])"));
  });
  serve("/networks", [&](const net::Request&, net::ResponderPtr to) { reply(to, json::array()); });
  listen();
  DockerSd config;
  config.host = "tcp://target:80";
  config.port = 9100;
  config.filters = {{"name", {"a", "b"}}};
  const auto discovery = discover_docker(world.env, client, config, handler());
  world.executor.run_for(1s);
  EXPECT_EQ(addresses(), (Addresses{"10.0.0.9:9100"}));
  EXPECT_EQ(filters, R"({"name":["a","b"]})");
}

json consul_entry(const std::string& address, int port) {
  return json::parse(R"([{"Node": {"Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1",
      "TaggedAddresses": {"lan": "10.0.0.1"}, "Meta": {"rack-id": "7"}},
    "Service": {"ID": "web-1", "Service": "web", "Tags": ["a", "b"], "Address": ")" +
                     address + R"(", "Port": )" + std::to_string(port) + R"(, "Meta": {"v": "1"}},
    "Checks": [{"CheckID": "x", "Status": "passing"}, {"CheckID": "y", "Status": "warning"}]}])");
}

TEST_F(DiscoveryTest, ConsulTellsChangesThroughBlockingQueries) {
  net::ResponderPtr catalogue, health;
  std::string index;
  serve("/v1/catalog/services", [&](const net::Request& request, net::ResponderPtr to) {
    if (request.param("index") == "0")
      return reply(to, {{"web", {"a", "b"}}, {"db", json::array()}}, "5");
    catalogue = to;
  });
  serve("/v1/health/service/{name}", [&](const net::Request& request, net::ResponderPtr to) {
    if (request.path_params.at("name") != "web") return reply(to, json::array(), "3");
    index = request.param("index");
    if (index == "0") return reply(to, consul_entry("", 80), "7");
    health = to;
  });
  listen();
  ConsulSd config;
  config.server = "target:80";
  config.services = {"web"};
  config.tags = {"a"};
  config.refresh = 1s;
  const auto discovery = discover_consul(world.env, client, config, handler());
  world.executor.run_for(3s);
  ASSERT_EQ(addresses(), (Addresses{"10.0.0.1:80"})) << discovery->problem();
  EXPECT_EQ(groups.at("web").targets[0],
            (model::Labels{{"__address__", "10.0.0.1:80"},
                           {"__meta_consul_address", "10.0.0.1"},
                           {"__meta_consul_dc", "dc1"},
                           {"__meta_consul_health", "warning"},
                           {"__meta_consul_metadata_rack_id", "7"},
                           {"__meta_consul_node", "n1"},
                           {"__meta_consul_service", "web"},
                           {"__meta_consul_service_id", "web-1"},
                           {"__meta_consul_service_metadata_v", "1"},
                           {"__meta_consul_service_port", "80"},
                           {"__meta_consul_tagged_address_lan", "10.0.0.1"},
                           {"__meta_consul_tags", ",a,b,"}}));
  ASSERT_NE(health, nullptr) << "a second query waits";
  EXPECT_EQ(index, "7");
  reply(std::exchange(health, nullptr), consul_entry("10.9.9.9", 81), "8");
  world.executor.run_for(100ms);
  EXPECT_EQ(addresses(), (Addresses{"10.9.9.9:81"}));
  ASSERT_NE(catalogue, nullptr);
  reply(std::exchange(catalogue, nullptr), {{"db", json::array()}}, "6");
  world.executor.run_for(100ms);
  EXPECT_TRUE(groups.empty()) << "the service is gone from the catalogue";
}

TEST(TargetGroups, AreReadFromJsonAndYamlAndErrorsNameTheGroup) {
  EXPECT_EQ(parse_target_groups("s", "[]")->size(), 0u);
  EXPECT_EQ(parse_target_groups("s", "")->size(), 0u);
  EXPECT_EQ(parse_target_groups("s", "- targets: [a]\n  labels: {n: 5}\n")->at(0).labels.get("n"),
            "5");
  const struct {
    std::string text, want;
  } bad[] = {
      {"{}", "must be a list of target groups"},
      {"[{\"targets\": \"a\"}]", "group 0: 'targets' must be a list"},
      {"[{}, {\"target\": []}]", "group 1: unknown member 'target'; allowed: targets, labels"},
      {"[{\"labels\": {\"a\": []}}]", "group 0: label 'a' must be a text"}};
  for (const auto& test : bad) {
    const auto groups = parse_target_groups("s", test.text);
    ASSERT_FALSE(groups) << test.text;
    EXPECT_THAT(groups.error().message(), HasSubstr(test.want));
  }
}

}  // namespace
}  // namespace holdfast::collect
