#include "collect/discovery/dns_discovery.h"

#include "collect/discovery/poller.h"

namespace holdfast::collect {
namespace {

net::DnsType type_of(const std::string& name) {
  if (name == "A") return net::DnsType::kA;
  if (name == "AAAA") return net::DnsType::kAaaa;
  if (name == "MX") return net::DnsType::kMx;
  if (name == "NS") return net::DnsType::kNs;
  return net::DnsType::kSrv;
}

class DnsPoller final : public Poller {
 public:
  DnsPoller(Env& env, std::shared_ptr<net::DnsResolver> resolver, DnsSd config,
            Discovery::Handler handler)
      : Poller(env, "dns", config.refresh, std::move(handler)),
        config_(std::move(config)),
        resolver_(std::move(resolver)) {}

 protected:
  void round(Done done, std::stop_token stop) override {
    problem_.clear();
    std::vector<TargetGroup> groups;
    for (const auto& name : config_.names) {
      if (stop.stop_requested()) return;
      auto records = resolver_->query(name, type_of(config_.type));
      if (records)
        last_[name] = group_of(name, *records);
      else if (problem_.empty())
        problem_ = records.error().message();
      if (const auto at = last_.find(name); at != last_.end()) groups.push_back(at->second);
    }
    if (groups.empty() && !problem_.empty()) return done(unavailable(problem_));
    done(std::move(groups));
  }
  std::string partial_problem() const override { return problem_; }

 private:
  TargetGroup group_of(const std::string& name, const std::vector<net::DnsRecord>& records) const {
    TargetGroup group;
    group.source = name;
    for (const auto& record : records) {
      const auto port = config_.type == "SRV" ? static_cast<int>(record.port) : config_.port;
      std::vector<model::Label> labels = {
          {std::string(kAddressLabel), join_host_port(record.target, std::to_string(port))},
          {"__meta_dns_name", name}};
      // Names end with a dot here, as the records have it.
      if (config_.type == "SRV") {
        labels.push_back({"__meta_dns_srv_record_target", record.target + "."});
        labels.push_back({"__meta_dns_srv_record_port", std::to_string(record.port)});
      } else if (config_.type == "MX") {
        labels.push_back({"__meta_dns_mx_record_target", record.target + "."});
      } else if (config_.type == "NS") {
        labels.push_back({"__meta_dns_ns_record_target", record.target + "."});
      }
      group.targets.emplace_back(std::move(labels));
    }
    return group;
  }

  const DnsSd config_;
  const std::shared_ptr<net::DnsResolver> resolver_;
  std::map<std::string, TargetGroup> last_;  // by name
  std::string problem_;
};

}  // namespace

std::unique_ptr<Discovery> discover_dns(Env& env, std::shared_ptr<net::DnsResolver> resolver,
                                        DnsSd config, Discovery::Handler handler) {
  return std::make_unique<PolledDiscovery>(
      std::make_shared<DnsPoller>(env, std::move(resolver), std::move(config), std::move(handler)));
}

}  // namespace holdfast::collect
