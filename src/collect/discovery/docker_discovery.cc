#include "collect/discovery/docker_discovery.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "collect/discovery/json_read.h"
#include "collect/discovery/poller.h"

namespace holdfast::collect {
namespace {

using model::Label;
using nlohmann::json;

constexpr const char* kPrefix = "__meta_docker_";
constexpr int kSharedNetworkDepthMax = 16;  // containers that use one another's network, in a chain

using LabelVector = std::vector<Label>;

void add_map(LabelVector& out, const std::string& prefix, const json& map) {
  for (const auto& [name, value] : map.items()) {
    if (value.is_string()) out.push_back({prefix + label_name_of(name), value.get<std::string>()});
  }
}

std::map<std::string, LabelVector> network_labels(const json& networks) {
  std::map<std::string, LabelVector> out;
  for (const auto& network : items_of(networks)) {
    const auto id = text_at(network, "Id");
    auto& labels = out[id];
    const std::string prefix = std::string(kPrefix) + "network_";
    labels = {{prefix + "id", id},
              {prefix + "name", text_at(network, "Name")},
              {prefix + "scope", text_at(network, "Scope")},
              {prefix + "internal", flag_at(network, "Internal") ? "true" : "false"},
              {prefix + "ingress", flag_at(network, "Ingress") ? "true" : "false"}};
    add_map(labels, prefix + "label_", member(network, "Labels"));
  }
  return out;
}

class Translator {
 public:
  Translator(const DockerSd& config, const json& containers, const json& networks)
      : config_(config), networks_(network_labels(networks)) {
    for (const auto& container : items_of(containers))
      by_id_[text_at(container, "Id")] = &container;
  }

  void add(const json& container, TargetGroup& group) const {
    const auto& names = member(container, "Names");
    if (!names.is_array() || names.empty() || !names[0].is_string()) return;
    LabelVector common = {{std::string(kPrefix) + "container_id", text_at(container, "Id")},
                          {std::string(kPrefix) + "container_name", names[0].get<std::string>()},
                          {std::string(kPrefix) + "container_network_mode", mode_of(container)}};
    add_map(common, std::string(kPrefix) + "container_label_", member(container, "Labels"));
    // nlohmann keeps members sorted by name, so the first network is the first by name.
    for (const auto& [name, network] : networks_of(container).items()) {
      add_network(container, network, common, group);
      if (config_.match_first_network) break;
    }
  }

 private:
  static std::string mode_of(const json& container) {
    return text_at(member(container, "HostConfig"), "NetworkMode");
  }
  static const json& own_networks(const json& container) {
    return member(member(container, "NetworkSettings"), "Networks");
  }
  // A container may live in the network of another one.
  const json& networks_of(const json& container) const {
    const json* at = &container;
    for (int i = 0; i < kSharedNetworkDepthMax; ++i) {
      const auto& own = own_networks(*at);
      if (!own.empty()) return own;
      const auto mode = mode_of(*at);
      if (!mode.starts_with("container:")) return own;
      const auto other = by_id_.find(mode.substr(10));
      if (other == by_id_.end()) return own;
      at = other->second;
    }
    return own_networks(container);
  }

  void add_network(const json& container, const json& network, const LabelVector& common,
                   TargetGroup& group) const {
    const auto address = text_at(network, "IPAddress");
    LabelVector base = common;
    if (const auto at = networks_.find(text_at(network, "NetworkID")); at != networks_.end()) {
      base.insert(base.end(), at->second.begin(), at->second.end());
    }
    base.push_back({std::string(kPrefix) + "network_ip", address});
    bool added = false;
    for (const auto& port : items_of(member(container, "Ports"))) {
      if (text_at(port, "Type") != "tcp") continue;
      const auto inner = number_at(port, "PrivatePort");
      auto labels = base;
      labels.push_back({std::string(kPrefix) + "port_private", inner});
      if (const auto outer = number_at(port, "PublicPort"); !outer.empty() && outer != "0") {
        labels.push_back({std::string(kPrefix) + "port_public", outer});
        labels.push_back({std::string(kPrefix) + "port_public_ip", text_at(port, "IP")});
      }
      labels.push_back({std::string(kAddressLabel), join_host_port(address, inner)});
      group.targets.emplace_back(std::move(labels));
      added = true;
    }
    if (added) return;
    const bool on_host = mode_of(container) == "host";
    base.push_back({std::string(kAddressLabel),
                    on_host ? config_.host_networking_host
                            : join_host_port(address, std::to_string(config_.port))});
    group.targets.emplace_back(std::move(base));
  }

  const DockerSd& config_;
  const std::map<std::string, LabelVector> networks_;
  std::map<std::string, const json*> by_id_;
};

// "unix:///run/docker.sock" and "tcp://host:port" as URLs.
std::string base_url(const DockerSd& config) {
  const auto& host = config.host;
  if (host.starts_with("unix://")) return "http+unix://" + net::percent_encode(host.substr(7));
  if (!host.starts_with("tcp://")) return host;
  const auto& tls = config.http.tls;
  const bool secure = !tls.ca_file.empty() || !tls.ca_text.empty() || !tls.cert_file.empty() ||
                      !tls.cert_text.empty() || !tls.verify;
  return (secure ? "https://" : "http://") + host.substr(6);
}

class DockerPoller final : public Poller {
 public:
  DockerPoller(Env& env, net::Client& client, DockerSd config, Discovery::Handler handler)
      : Poller(env, "docker " + config.host, config.refresh, std::move(handler)),
        config_(std::move(config)),
        base_(base_url(config_)),
        client_(env, client, config_.http) {}

 protected:
  void round(Done done, std::stop_token stop) override {
    std::string target = "/containers/json";
    if (!config_.filters.empty()) {
      const json filters = config_.filters;
      target += "?filters=" + net::percent_encode(filters.dump());
    }
    const auto self = std::static_pointer_cast<DockerPoller>(shared_from_this());
    ask(target, done, stop, [self, done, stop](std::string containers) {
      self->ask("/networks", done, stop,
                [self, done, containers = std::move(containers)](const std::string& networks) {
                  auto group = docker_targets(self->config_, containers, networks);
                  if (!group) return done(group.error());
                  done(std::vector<TargetGroup>{std::move(*group)});
                });
    });
  }

 private:
  void ask(const std::string& target, const Done& done, std::stop_token stop,
           std::function<void(std::string)> next) {
    net::ClientRequest request;
    request.url = base_ + target;
    request.timeout = std::max<Duration>(config_.refresh, 1s);
    client_.send(
        std::move(request),
        [done, next = std::move(next), target](Result<net::ClientResponse> answer) {
          if (!answer) return done(std::move(answer.error()));
          if (answer->status != 200) {
            return done(unavailable(target + ": the engine answered with status " +
                                    std::to_string(answer->status)));
          }
          next(std::move(answer->body));
        },
        stop);
  }

  const DockerSd config_;
  const std::string base_;
  HttpClient client_;
};

}  // namespace

Result<TargetGroup> docker_targets(const DockerSd& config, std::string_view containers,
                                   std::string_view networks) {
  const auto list = json::parse(containers, nullptr, false);
  if (!list.is_array()) return invalid("the list of containers is no JSON list");
  const auto nets = json::parse(networks, nullptr, false);
  if (!nets.is_array()) return invalid("the list of networks is no JSON list");
  TargetGroup group;
  group.source = "Docker";
  const Translator translator(config, list, nets);
  for (const auto& container : list) translator.add(container, group);
  return group;
}

std::unique_ptr<Discovery> discover_docker(Env& env, net::Client& client, DockerSd config,
                                           Discovery::Handler handler) {
  return std::make_unique<PolledDiscovery>(
      std::make_shared<DockerPoller>(env, client, std::move(config), std::move(handler)));
}

}  // namespace holdfast::collect
