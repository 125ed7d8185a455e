#include "collect/discovery/kubernetes_discovery.h"

#include <map>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>
#include "base/log.h"

#include "base/text.h"
#include "collect/discovery/json_read.h"
#include "collect/discovery/kubeconfig.h"
#include "collect/discovery/kubernetes_objects.h"
#include "collect/discovery/kubernetes_watch.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr Duration kRetryDelay = 15s;
// Changes within this time go out together: a deployment changes hundreds of objects in a second.
constexpr Duration kGatherTime = 200ms;

struct Kind {
  const char* prefix;
  const char* plural;
  bool namespaced;
};
const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> kKinds = {
      {"node", {"/api/v1", "nodes", false}},
      {"service", {"/api/v1", "services", true}},
      {"pod", {"/api/v1", "pods", true}},
      {"endpoints", {"/api/v1", "endpoints", true}},
      {"endpointslice", {"/apis/discovery.k8s.io/v1", "endpointslices", true}},
      {"ingress", {"/apis/networking.k8s.io/v1", "ingresses", true}}};
  return kKinds;
}

class Cluster : public std::enable_shared_from_this<Cluster> {
 public:
  Cluster(Env& env, net::Client& client, KubernetesSd config, Variables variables,
          Discovery::Handler handler)
      : env_(env),
        net_(client),
        config_(std::move(config)),
        variables_(std::move(variables)),
        handler_(std::move(handler)) {}

  // Reads credentials, so on the pool; again later when they are not there yet.
  void start() {
    env_.executor.post(Lane::kPool, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->open();
    });
  }

  void stop() {
    std::vector<std::shared_ptr<KubernetesWatch>> watches;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      watches.swap(watches_);
    }
    for (const auto& watch : watches) watch->stop();
    const std::lock_guard wait(calling_);
  }

  std::string problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
  }

 private:
  Result<ClusterAccess> access() {
    if (!config_.kubeconfig_file.empty()) {
      return read_kubeconfig(env_.files, config_.kubeconfig_file);
    }
    if (!config_.api_server.empty())
      return ClusterAccess{config_.api_server, config_.http, "default"};
    return in_cluster(env_.files, variables_);
  }

  void open() {
    auto found = access();
    if (!found) {
      note(found.error().message());
      env_.executor.post_after(Lane::kPool, kRetryDelay, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->open();
      });
      return;
    }
    while (found->server.ends_with('/')) found->server.pop_back();
    const auto client = std::make_shared<HttpClient>(env_, net_, found->http);
    std::vector<std::string> spaces = config_.namespaces;
    if (config_.own_namespace) spaces.push_back(found->name_space);
    std::vector<std::shared_ptr<KubernetesWatch>> fresh;
    for (const auto& role : wanted_roles()) {
      const auto& kind = kinds().at(role);
      if (!kind.namespaced || spaces.empty()) {
        fresh.push_back(
            make_watch(client, found->server, role, std::string(kind.prefix) + "/" + kind.plural));
        continue;
      }
      for (const auto& space : spaces) {
        fresh.push_back(make_watch(client, found->server, role,
                                   std::string(kind.prefix) + "/namespaces/" +
                                       net::percent_encode(space) + "/" + kind.plural));
      }
    }
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      unsynced_ = fresh.size();
      watches_ = fresh;
    }
    for (const auto& watch : fresh) watch->start();
  }

  std::set<std::string> wanted_roles() const {
    std::set<std::string> roles = {config_.role};
    if (config_.role == "endpoints" || config_.role == "endpointslice") {
      roles.insert({"service", "pod"});
    }
    if (config_.attach_node && config_.role != "service" && config_.role != "ingress") {
      roles.insert("node");
    }
    return roles;
  }

  std::shared_ptr<KubernetesWatch> make_watch(const std::shared_ptr<HttpClient>& client,
                                              const std::string& server, const std::string& role,
                                              std::string path) {
    KubernetesPath where{std::move(path), "", ""};
    for (const auto& selector : config_.selectors) {
      if (selector.role != role) continue;
      where.label = selector.label;
      where.field = selector.field;
    }
    const auto weak = weak_from_this();
    KubernetesWatch::Handlers handlers;
    handlers.changed = [weak, role](const std::string& key, const json* object) {
      if (const auto self = weak.lock()) self->on_change(role, key, object);
    };
    handlers.synced = [weak] {
      if (const auto self = weak.lock()) self->on_synced();
    };
    handlers.problem = [weak](const std::string& problem) {
      if (const auto self = weak.lock()) self->note(problem);
    };
    return std::make_shared<KubernetesWatch>(env_, client, server, std::move(where),
                                             std::move(handlers));
  }

  void note(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (!problem.empty() && problem != problem_) {
      log_warn("targets not refreshed",
               {{"discovery", "kubernetes " + config_.role}, {"error", problem}});
    }
    problem_ = problem;
  }

  void on_change(const std::string& role, const std::string& key, const json* object) {
    const std::lock_guard lock(mutex_);
    if (object != nullptr)
      objects_[role][key] = *object;
    else
      objects_[role].erase(key);
    touch(role, key);
    gather();
  }

  // Which groups an object is part of. Under the lock.
  void touch(const std::string& role, const std::string& key) {
    if (role == config_.role) {
      dirty_.insert(key);
      return;
    }
    if (role == "service" && config_.role == "endpoints") {
      dirty_.insert(key);
      return;
    }
    // Rarer, or not told by the key: all groups that may name it.
    const auto space = key.substr(0, key.find('/') == std::string::npos ? 0 : key.find('/') + 1);
    for (const auto& [other, value] : objects_[config_.role]) {
      if (role == "node" || other.starts_with(space)) dirty_.insert(other);
    }
  }

  void on_synced() {
    const std::lock_guard lock(mutex_);
    if (unsynced_ != 0 && --unsynced_ == 0) {
      first_ = true;
      gather();
    }
  }

  // Under the lock.
  void gather() {
    if (unsynced_ != 0 || scheduled_ || stopped_) return;
    scheduled_ = true;
    env_.executor.post_after(Lane::kPool, kGatherTime, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->hand_out();
    });
  }

  void hand_out() {
    std::vector<TargetGroup> groups;
    const std::lock_guard calling(calling_);
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      scheduled_ = false;
      if (stopped_) return;
      const KubernetesLookup lookup{finder("service"), finder("pod"),
                                    config_.attach_node ? finder("node") : nullptr};
      for (const auto& key : std::exchange(dirty_, {})) {
        const auto at = objects_[config_.role].find(key);
        auto group = at == objects_[config_.role].end()
                         ? TargetGroup{config_.role + "/" + key, {}, {}}
                         : kubernetes_group(config_.role, key, at->second, lookup);
        auto& last = last_[group.source];
        if (last == group) continue;
        last = group;
        if (group.targets.empty()) last_.erase(group.source);
        groups.push_back(std::move(group));
      }
      first = std::exchange(first_, false);
    }
    if (first || !groups.empty()) handler_(std::move(groups));
  }

  KubernetesLookup::Find finder(const std::string& role) {
    return [this, role](const std::string& key) -> const json* {
      const auto kind = objects_.find(role);
      if (kind == objects_.end()) return nullptr;
      const auto at = kind->second.find(key);
      return at == kind->second.end() ? nullptr : &at->second;
    };
  }

  Env& env_;
  net::Client& net_;
  const KubernetesSd config_;
  const Variables variables_;
  const Discovery::Handler handler_;
  std::mutex calling_;        // held while the handler runs; taken before mutex_
  mutable std::mutex mutex_;  // guards all below
  bool stopped_ = false;
  bool scheduled_ = false;
  bool first_ = false;
  std::size_t unsynced_ = 0;
  std::vector<std::shared_ptr<KubernetesWatch>> watches_;
  std::map<std::string, std::map<std::string, json>> objects_;  // role, then key
  std::set<std::string> dirty_;
  std::map<std::string, TargetGroup> last_;  // handed out, by source
  std::string problem_;
};

class KubernetesDiscovery final : public Discovery {
 public:
  explicit KubernetesDiscovery(std::shared_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {
    cluster_->start();
  }
  ~KubernetesDiscovery() override { cluster_->stop(); }
  std::string problem() const override { return cluster_->problem(); }

 private:
  std::shared_ptr<Cluster> cluster_;
};

}  // namespace

std::unique_ptr<Discovery> discover_kubernetes(Env& env, net::Client& client, KubernetesSd config,
                                               const Variables& variables,
                                               Discovery::Handler handler) {
  return std::make_unique<KubernetesDiscovery>(
      std::make_shared<Cluster>(env, client, std::move(config), variables, std::move(handler)));
}

}  // namespace holdfast::collect
