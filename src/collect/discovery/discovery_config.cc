#include "collect/discovery/discovery_config.h"

#include <algorithm>

#include "base/glob.h"
#include "base/text.h"

namespace holdfast::collect {
namespace {

constexpr Duration kRefreshMin = 1s;  // a search more often than this is a mistake in the unit

Duration refresh(YamlMap& map, Duration usual) {
  return map.duration("refresh_interval", usual, kRefreshMin);
}

void check_url(YamlMap& map, std::string_view member, const std::string& url) {
  if (url.empty()) return;
  auto parsed = net::parse_url(url);
  if (!parsed) map.report(member, "'" + std::string(member) + "': " + parsed.error().message());
}

TargetGroup read_static(const YamlContext& context, const YamlNode& node, std::size_t index) {
  YamlMap map(context, node, "static config");
  TargetGroup group;
  group.source = std::to_string(index);
  std::vector<model::Label> labels;
  for (auto& [name, value] : map.text_map("labels")) {
    if (name.empty() || !is_valid_utf8(name)) {
      map.report("labels", "\"" + printable(name) + "\" is not a valid label name");
    }
    labels.push_back({name, value});
  }
  group.labels = model::Labels(std::move(labels));
  if (!map.has("targets")) {
    map.report("targets", "a static config needs 'targets', a list of host:port");
  }
  for (const auto& address : map.texts("targets")) {
    if (address.find('/') != std::string::npos) {
      map.report("targets", "\"" + printable(address) + "\" is not a valid hostname");
    }
    group.targets.push_back(model::Labels{{std::string(kAddressLabel), address}});
  }
  map.finish();
  return group;
}

FileSd read_file(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "file_sd_config");
  FileSd out;
  for (const auto& file : map.texts("files")) {
    const auto slash = file.rfind('/');
    const auto name = slash == std::string::npos ? file : file.substr(slash + 1);
    const bool known = name.ends_with(".json") || name.ends_with(".yml") || name.ends_with(".yaml");
    const bool deep = slash != std::string::npos && has_pattern(file.substr(0, slash));
    if (!known || deep) {
      map.report("files", "path name \"" + printable(file) +
                              "\" is not valid for file discovery; allowed: *.json, *.yml, *.yaml, "
                              "a pattern in the last part only");
    }
    out.files.push_back(path_within(folder, file));
  }
  if (out.files.empty())
    map.report("files", "file service discovery config must contain at least one path name");
  out.refresh = refresh(map, out.refresh);
  map.finish();
  return out;
}

HttpSd read_http(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "http_sd_config");
  HttpSd out;
  out.url = map.required_text("url");
  check_url(map, "url", out.url);
  out.refresh = refresh(map, out.refresh);
  out.http = read_http_settings(context, map, folder);
  map.finish();
  return out;
}

DnsSd read_dns(const YamlContext& context, const YamlNode& node, const std::string&) {
  YamlMap map(context, node, "dns_sd_config");
  DnsSd out;
  out.names = map.texts("names");
  if (out.names.empty())
    map.report("names", "DNS-SD config must contain at least one SRV record name");
  auto type = map.text("type", out.type);
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const std::vector<std::string> allowed = {"SRV", "A", "AAAA", "MX", "NS"};
  if (std::find(allowed.begin(), allowed.end(), type) == allowed.end()) {
    map.report("type", "invalid DNS-SD records type " + printable(type) +
                           "; allowed: " + join(allowed, ", "));
    type = "SRV";
  }
  out.type = type;
  out.port = static_cast<int>(map.integer("port", 0, 0, 65535));
  if (out.type != "SRV" && out.port == 0) {
    map.report("port", "a port is required in DNS-SD configs for all record types except SRV");
  }
  out.refresh = refresh(map, out.refresh);
  map.finish();
  return out;
}

void read_namespaces(const YamlContext& context, YamlMap& map, KubernetesSd& out) {
  const auto* node = map.member("namespaces");
  if (node == nullptr) return;
  YamlMap inner(context, *node, "namespaces");
  out.own_namespace = inner.boolean("own_namespace", false);
  out.namespaces = inner.texts("names");
  inner.finish();
}

KubernetesSd read_kubernetes(const YamlContext& context, const YamlNode& node,
                             const std::string& folder) {
  YamlMap map(context, node, "kubernetes_sd_config");
  KubernetesSd out;
  const std::vector<std::string> roles = {"node",      "service",       "pod",
                                          "endpoints", "endpointslice", "ingress"};
  out.role = map.text("role");
  if (std::find(roles.begin(), roles.end(), out.role) == roles.end()) {
    map.report("role",
               out.role.empty()
                   ? "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"
                   : "unknown Kubernetes SD role '" + printable(out.role) +
                         "'; allowed: " + join(roles, ", "));
    out.role = "pod";
  }
  out.api_server = map.text("api_server");
  check_url(map, "api_server", out.api_server);
  out.kubeconfig_file = path_within(folder, map.text("kubeconfig_file"));
  if (!out.api_server.empty() && !out.kubeconfig_file.empty()) {
    map.report("kubeconfig_file", "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  }
  out.http = read_http_settings(context, map, folder);
  read_namespaces(context, map, out);
  for (const auto* item : map.list("selectors")) {
    YamlMap selector(context, *item, "selector");
    KubernetesSd::Selector one;
    one.role = selector.word("role", out.role, roles);
    one.label = selector.text("label");
    one.field = selector.text("field");
    selector.finish();
    out.selectors.push_back(std::move(one));
  }
  if (const auto* attach = map.member("attach_metadata")) {
    YamlMap inner(context, *attach, "attach_metadata");
    out.attach_node = inner.boolean("node", false);
    inner.finish();
  }
  map.finish();
  return out;
}

DockerSd read_docker(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "docker_sd_config");
  DockerSd out;
  out.host = map.required_text("host");
  out.port = static_cast<int>(map.integer("port", out.port, 1, 65535));
  out.host_networking_host = map.text("host_networking_host", out.host_networking_host);
  out.match_first_network = map.boolean("match_first_network", true);
  for (const auto* item : map.list("filters")) {
    YamlMap filter(context, *item, "filter");
    const auto name = filter.required_text("name");
    const auto values = filter.texts("values");
    if (values.empty()) filter.report("values", "a filter needs 'values'");
    auto& all = out.filters[name];
    all.insert(all.end(), values.begin(), values.end());
    filter.finish();
  }
  out.refresh = refresh(map, out.refresh);
  out.http = read_http_settings(context, map, folder);
  map.finish();
  return out;
}

ConsulSd read_consul(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "consul_sd_config");
  ConsulSd out;
  out.server = map.text("server", out.server);
  if (out.server.empty()) map.report("server", "consul SD configuration requires a server address");
  out.path_prefix = map.text("path_prefix");
  out.scheme = map.word("scheme", out.scheme, {"http", "https"});
  out.token = {map.text("token"), ""};
  out.datacenter = map.text("datacenter");
  out.name_space = map.text("namespace");
  out.partition = map.text("partition");
  out.services = map.texts("services");
  out.tags = map.texts("tags");
  out.node_meta = map.text_map("node_meta");
  out.tag_separator = map.text("tag_separator", out.tag_separator);
  out.filter = map.text("filter");
  out.allow_stale = map.boolean("allow_stale", true);
  out.refresh = refresh(map, out.refresh);
  const auto user = map.text("username"), word = map.text("password");
  out.http = read_http_settings(context, map, folder);
  if (!user.empty() || !word.empty()) {
    if (out.http.basic_auth) {
      map.report("username",
                 "at most one of consul SD configuration username and password and "
                 "basic auth can be configured");
    }
    out.http.basic_auth = BasicAuth{{user, ""}, {word, ""}};
  }
  map.finish();
  return out;
}

template <typename Config>
void read_all(const YamlContext& context, YamlMap& map, const char* member,
              const std::string& folder,
              Config (*read)(const YamlContext&, const YamlNode&, const std::string&),
              Discoveries& out) {
  for (const auto* node : map.list(member)) out.found.emplace_back(read(context, *node, folder));
}

}  // namespace

Discoveries read_discoveries(const YamlContext& context, YamlMap& map, const std::string& folder) {
  Discoveries out;
  std::size_t index = 0;
  for (const auto* node : map.list("static_configs")) {
    out.fixed.push_back(read_static(context, *node, index++));
  }
  read_all(context, map, "file_sd_configs", folder, read_file, out);
  read_all(context, map, "http_sd_configs", folder, read_http, out);
  read_all(context, map, "dns_sd_configs", folder, read_dns, out);
  read_all(context, map, "kubernetes_sd_configs", folder, read_kubernetes, out);
  read_all(context, map, "docker_sd_configs", folder, read_docker, out);
  read_all(context, map, "consul_sd_configs", folder, read_consul, out);
  const std::vector<std::string> provided = {
      "static_configs",    "file_sd_configs",       "http_sd_configs",  "dns_sd_configs",
      "docker_sd_configs", "kubernetes_sd_configs", "consul_sd_configs"};
  for (const auto& [key, value] : map.node().members) {
    if (!key.scalar.ends_with("_sd_configs")) continue;
    if (std::find(provided.begin(), provided.end(), key.scalar) != provided.end()) continue;
    map.member(key.scalar);  // named here, so not again as an unknown member
    context.report(key, "service discovery '" + printable(key.scalar) +
                            "' is not provided; allowed: " + join(provided, ", "));
  }
  return out;
}

}  // namespace holdfast::collect
