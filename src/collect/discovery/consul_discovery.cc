#include "collect/discovery/consul_discovery.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <nlohmann/json.hpp>
#include "base/log.h"

#include "base/text.h"
#include "collect/discovery/json_read.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr Duration kWait = 2min;      // how long Consul may hold a query open
constexpr Duration kWaitSlack = 15s;  // it adds up to a sixteenth of its own
constexpr Duration kRetryDelay = 15s;
constexpr const char* kPrefix = "__meta_consul_";

void add_map(std::vector<model::Label>& out, const std::string& prefix, const json& map) {
  for (const auto& [name, value] : map.items()) {
    if (value.is_string()) out.push_back({prefix + label_name_of(name), value.get<std::string>()});
  }
}

// The worst state of all checks, maintenance first.
std::string health_of(const json& checks) {
  bool warning = false, critical = false;
  for (const auto& check : items_of(checks)) {
    const auto id = text_at(check, "CheckID"), status = text_at(check, "Status");
    if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) return "maintenance";
    critical = critical || status == "critical";
    warning = warning || status == "warning";
  }
  return critical ? "critical" : warning ? "warning" : "passing";
}

}  // namespace

Result<TargetGroup> consul_targets(const ConsulSd& config, const std::string& service_name,
                                   std::string_view body) {
  const auto list = json::parse(body, nullptr, false);
  if (!list.is_array()) return invalid("the health answer is no JSON list");
  TargetGroup group;
  group.source = service_name;
  const std::string prefix = kPrefix;
  for (const auto& entry : list) {
    const auto& node = member(entry, "Node");
    const auto& service = member(entry, "Service");
    std::string tags = config.tag_separator;
    for (const auto& tag : items_of(member(service, "Tags"))) {
      if (tag.is_string()) tags += tag.get<std::string>() + config.tag_separator;
    }
    const auto host = text_at(service, "Address");
    std::vector<model::Label> labels = {
        {std::string(kAddressLabel), join_host_port(host.empty() ? text_at(node, "Address") : host,
                                                    number_at(service, "Port"))},
        {prefix + "address", text_at(node, "Address")},
        {prefix + "dc", text_at(node, "Datacenter")},
        {prefix + "health", health_of(member(entry, "Checks"))},
        {prefix + "namespace", text_at(service, "Namespace")},
        {prefix + "partition", text_at(service, "Partition")},
        {prefix + "node", text_at(node, "Node")},
        {prefix + "service", service_name},
        {prefix + "service_address", host},
        {prefix + "service_id", text_at(service, "ID")},
        {prefix + "service_port", number_at(service, "Port")},
        {prefix + "tags", std::move(tags)}};
    add_map(labels, prefix + "metadata_", member(node, "Meta"));
    add_map(labels, prefix + "service_metadata_", member(service, "Meta"));
    add_map(labels, prefix + "tagged_address_", member(node, "TaggedAddresses"));
    group.targets.emplace_back(std::move(labels));
  }
  return group;
}

namespace {

class Consul : public std::enable_shared_from_this<Consul> {
 public:
  Consul(Env& env, net::Client& client, ConsulSd config, Discovery::Handler handler)
      : env_(env),
        config_(std::move(config)),
        client_(env, client, config_.http),
        handler_(std::move(handler)) {}

  void start() {
    if (!config_.services.empty() && config_.tags.empty()) {
      for (const auto& name : config_.services) watch(name);
    } else {
      ask("", std::make_shared<Query>());
    }
  }
  void stop() {
    stop_.request_stop();
    const std::lock_guard wait(calling_);
    const std::lock_guard lock(mutex_);
    handler_ = nullptr;
  }
  std::string problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
  }

 private:
  struct Query {
    std::string index = "0";
    MonoTime begun{};
    bool gone = false;  // guarded by mutex_
  };
  using QueryPtr = std::shared_ptr<Query>;

  void watch(const std::string& name) {
    auto query = std::make_shared<Query>();
    {
      const std::lock_guard lock(mutex_);
      if (!services_.emplace(name, query).second) return;
    }
    ask(name, query);
  }

  std::string url_of(const std::string& service, const Query& query) const {
    net::Params params = {{"index", query.index}, {"wait", std::to_string(to_ms(kWait)) + "ms"}};
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) params.emplace_back(name, value);
    };
    add("dc", config_.datacenter);
    add("ns", config_.name_space);
    add("partition", config_.partition);
    if (config_.allow_stale) params.emplace_back("stale", "");
    for (const auto& [name, value] : config_.node_meta) {
      params.emplace_back("node-meta", name + ":" + value);
    }
    if (service.empty())
      add("filter", config_.filter);
    else
      for (const auto& tag : config_.tags) params.emplace_back("tag", tag);
    const auto path = service.empty() ? std::string("/v1/catalog/services")
                                      : "/v1/health/service/" + net::percent_encode(service);
    const auto server = config_.server.find("://") != std::string::npos
                            ? config_.server
                            : config_.scheme + "://" + config_.server;
    return server + config_.path_prefix + path + "?" + net::encode_query(params);
  }

  // The catalogue when `service` is empty.
  void ask(const std::string& service, QueryPtr query) {
    net::ClientRequest request;
    request.url = url_of(service, *query);
    request.timeout = kWait + kWaitSlack;
    if (!config_.token.empty()) request.headers.add("X-Consul-Token", config_.token.text);
    query->begun = env_.clock.mono();
    client_.send(
        std::move(request),
        [weak = weak_from_this(), service, query](Result<net::ClientResponse> answer) {
          if (const auto self = weak.lock()) self->on_answer(service, query, std::move(answer));
        },
        stop_.get_token());
  }

  void on_answer(const std::string& service, const QueryPtr& query,
                 Result<net::ClientResponse> answer) {
    if (stop_.stop_requested()) return;
    auto taken = take(service, *query, answer);
    {
      const std::lock_guard lock(mutex_);
      if (query->gone) return;
      const auto problem = taken ? std::string() : taken.error().message();
      if (!problem.empty() && problem != problem_) {
        log_warn("targets not refreshed",
                 {{"discovery", "consul " + config_.server}, {"error", problem}});
      }
      problem_ = problem;
    }
    if (!taken) query->index = "0";
    const auto spent = env_.clock.mono() - query->begun;
    const auto delay = taken ? std::max<Duration>(config_.refresh - spent, 0s) : kRetryDelay;
    env_.executor.post_after(Lane::kPool, delay, [weak = weak_from_this(), service, query] {
      const auto self = weak.lock();
      if (self && !self->stop_.stop_requested()) self->ask(service, query);
    });
  }

  Result<void> take(const std::string& service, Query& query,
                    const Result<net::ClientResponse>& answer) {
    if (!answer) return answer.error();
    if (answer->status != 200) {
      return unavailable("Consul answered with status " + std::to_string(answer->status));
    }
    const auto index = parse_int(answer->headers.get("X-Consul-Index")).value_or(0);
    const auto before = parse_int(query.index).value_or(0);
    if (index != 0 && index == before) return {};  // the wait ended without news
    // An index that goes back means a new Consul: it is asked from the beginning.
    query.index = std::to_string(index < before ? 0 : index);
    if (service.empty()) return take_catalogue(answer->body);
    hand_out({ HF_TRY(consul_targets(config_, service, answer->body)) });
    return {};
  }

  Result<void> take_catalogue(const std::string& body) {
    const auto catalogue = json::parse(body, nullptr, false);
    if (!catalogue.is_object()) return invalid("the catalogue is no JSON object");
    std::vector<TargetGroup> gone;
    {
      const std::lock_guard lock(mutex_);
      for (auto at = services_.begin(); at != services_.end();) {
        if (catalogue.contains(at->first) && wanted(at->first, catalogue[at->first])) {
          ++at;
          continue;
        }
        at->second->gone = true;
        gone.push_back({at->first, {}, {}});
        at = services_.erase(at);
      }
    }
    for (const auto& [name, tags] : catalogue.items()) {
      if (wanted(name, tags)) watch(name);
    }
    if (!gone.empty() || catalogue.empty()) hand_out(std::move(gone));
    return {};
  }

  bool wanted(const std::string& name, const json& tags) const {
    const auto& names = config_.services;
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) return false;
    const auto& all = items_of(tags);
    return std::all_of(config_.tags.begin(), config_.tags.end(), [&](const std::string& tag) {
      return std::find(all.begin(), all.end(), json(tag)) != all.end();
    });
  }

  void hand_out(std::vector<TargetGroup> groups) {
    const std::lock_guard calling(calling_);
    Discovery::Handler handler;
    {
      const std::lock_guard lock(mutex_);
      handler = handler_;
    }
    if (handler && !stop_.stop_requested()) handler(std::move(groups));
  }

  Env& env_;
  const ConsulSd config_;
  HttpClient client_;
  std::stop_source stop_;
  std::mutex calling_;        // held while the handler runs; taken before mutex_
  mutable std::mutex mutex_;  // guards all below
  Discovery::Handler handler_;
  std::map<std::string, QueryPtr> services_;
  std::string problem_;
};

class ConsulDiscovery final : public Discovery {
 public:
  explicit ConsulDiscovery(std::shared_ptr<Consul> consul) : consul_(std::move(consul)) {
    consul_->start();
  }
  ~ConsulDiscovery() override { consul_->stop(); }
  std::string problem() const override { return consul_->problem(); }

 private:
  std::shared_ptr<Consul> consul_;
};

}  // namespace

std::unique_ptr<Discovery> discover_consul(Env& env, net::Client& client, ConsulSd config,
                                           Discovery::Handler handler) {
  return std::make_unique<ConsulDiscovery>(
      std::make_shared<Consul>(env, client, std::move(config), std::move(handler)));
}

}  // namespace holdfast::collect
