#include "collect/discovery/discover.h"

#include <cstdlib>

#include "collect/discovery/consul_discovery.h"
#include "collect/discovery/dns_discovery.h"
#include "collect/discovery/docker_discovery.h"
#include "collect/discovery/file_discovery.h"
#include "collect/discovery/http_discovery.h"
#include "collect/discovery/kubernetes_discovery.h"

namespace holdfast::collect {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

struct Start {
  Env& env;
  net::Client& client;
  Discovery::Handler handler;

  std::unique_ptr<Discovery> operator()(const FileSd& config) const {
    return discover_files(env, config, handler);
  }
  std::unique_ptr<Discovery> operator()(const HttpSd& config) const {
    return discover_http(env, client, config, handler);
  }
  std::unique_ptr<Discovery> operator()(const DnsSd& config) const {
    return discover_dns(env, std::make_shared<net::SystemDns>(), config, handler);
  }
  std::unique_ptr<Discovery> operator()(const KubernetesSd& config) const {
    return discover_kubernetes(env, client, config, environment, handler);
  }
  std::unique_ptr<Discovery> operator()(const DockerSd& config) const {
    return discover_docker(env, client, config, handler);
  }
  std::unique_ptr<Discovery> operator()(const ConsulSd& config) const {
    return discover_consul(env, client, config, handler);
  }
};

}  // namespace

std::unique_ptr<Discovery> discover(Env& env, net::Client& client, const DiscoveryConfig& config,
                                    Discovery::Handler handler) {
  return std::visit(Start{env, client, std::move(handler)}, config);
}

}  // namespace holdfast::collect
