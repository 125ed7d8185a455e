// How holdfast.yaml is read: each section by one function that turns a mapping into plain values and reports
// what it does not like. Nothing stops at the first mistake; the caller refuses the whole when there is any.
#include "app/config.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "app/config_incident.h"
#include "app/config_limits.h"
#include "app/config_access.h"
#include "app/prometheus_file.h"
#include "base/text.h"
#include "collect/receive/receive_config.h"

namespace holdfast::app {
namespace {

const std::vector<std::string> kRemedies = {"restart_service", "scale_out",
                                            "shift_traffic_to_stable"};
constexpr Duration kIntervalMin = 100ms;
constexpr Duration kIntervalMax = 24h;

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

class Reader {
 public:
  Reader(FileSystem& files, const std::string& path, const Variables& variables,
         ConfigResult& result)
      : files_(files), path_(path), result_(result), context_{path, &result.findings, variables} {}

  void read(const YamlNode& root) {
    auto& config = result_.config;
    config.file = path_;
    if (root.kind == YamlNode::Kind::kNull) return;  // an empty file is an empty configuration
    YamlMap map(context_, root, "the configuration");
    config.external_url = map.text("external_url", config.external_url);
    check_url(map, "external_url", config.external_url);
    while (config.external_url.ends_with('/'))
      config.external_url.pop_back();  // links add their own
    config.notify.external_url = config.external_url;
    config.external_labels = labels(map, "external_labels");
    config.evaluation_interval =
        map.duration("evaluation_interval", config.evaluation_interval, kIntervalMin, kIntervalMax);
    if (const auto* node = map.member("host")) read_host(*node);
    if (const auto* node = map.member("notify")) read_notify(*node);
    if (const auto* node = map.member("incidents")) read_incidents(*node);
    for (const auto* node : map.list("services")) read_service(*node);
    for (const auto* node : map.list("scrape")) read_scrape(*node);
    for (const auto* node : map.list("probes")) read_probe(*node);
    read_rules(map);
    read_prometheus(map);
    if (const auto* node = map.member("access"))
      config.access = read_access(context_, *node, folder_of(path_));
    if (const auto* node = map.member("alerting"))
      config.alert_desk.alerting = read_alerting(context_, *node, files_, folder_of(path_));
    if (const auto* node = map.member("intake")) config.alert_desk.intake = read_intake(context_, *node);
    if (const auto* node = map.member("status_page"))
      config.alert_desk.status = read_status_page(context_, *node, config.services, folder_of(path_));
    if (const auto* node = map.member("limits")) config.limits = read_limits(context_, *node);
    if (const auto* node = map.member("storage"))
      config.storage = read_storage(context_, *node, folder_of(path_));
    config.rule_query_offset = map.duration("rule_query_offset", config.rule_query_offset, 0s);
    config.business = collect::read_business(context_, map);
    if (const auto* node = map.member("remote_write"))
      config.remote_write = collect::read_remote_write(context_, *node, folder_of(path_));
    if (const auto* node = map.member("remote_read"))
      config.remote_read = collect::read_remote_read(context_, *node, folder_of(path_));
    if (const auto* node = map.member("receive"))
      collect::read_receive_config(context_, *node, config.receive);
    config.incident = read_incident_config(context_, map, config.external_url);
    config.incidents.response = config.incident.response;
    if (auto& url = config.incident.words.settings.status_page_url; url.empty())
      url = config.alert_desk.status.options.page.url;
    config.oncall = read_oncall(context_, map, files_, folder_of(path_));
    config.slo =
        read_slos(context_, map, files_, folder_of(path_), config.services, config.rule_groups);
    map.finish();
    check_references();
  }

 private:
  model::Labels labels(YamlMap& map, std::string_view name) {
    std::vector<model::Label> found;
    for (auto& [key, value] : map.text_map(name)) {
      if (!model::is_label_name(key)) {
        const auto& members = map.member(name)->members;
        const auto at = std::find_if(members.begin(), members.end(), [&](const auto& member) {
          return member.first.scalar == key;
        });
        context_.report(
            at->first,
            "'" + printable(key) +
                "' is no label name; allowed: letters, digits and _, not beginning with a digit");
      } else {
        found.push_back({key, value});
      }
    }
    return model::Labels(std::move(found));
  }

  void read_host(const YamlNode& node) {
    YamlMap map(context_, node, "host");
    result_.config.host_metrics = map.boolean("metrics", true);
    result_.config.host_interval =
        map.duration("interval", result_.config.host_interval, kIntervalMin, kIntervalMax);
    map.finish();
  }

  void read_notify(const YamlNode& node) {
    YamlMap map(context_, node, "notify");
    auto& notify = result_.config.notify;
    notify.language = map.word("language", notify.language, {"en", "zh"});
    notify.give_up_after = map.duration("give_up_after", notify.give_up_after, 1s);
    std::set<std::string> names;
    for (const auto* item : map.list("receivers")) read_receiver(*item, names);
    map.finish();
  }

  void read_receiver(const YamlNode& node, std::set<std::string>& names) {
    YamlMap map(context_, node, "receiver");
    respond::Receiver receiver;
    receiver.name = map.required_text("name");
    if (!receiver.name.empty() && !names.insert(receiver.name).second)
      map.report("name", "receiver '" + receiver.name + "' stands twice");
    receiver.kind = map.word("kind", "log", {"log", "webhook", "slack", "email"});
    if (map.has("language")) receiver.language = map.word("language", "en", {"en", "zh"});
    receiver.worst_rank_only = static_cast<int>(map.integer("ranks_up_to", 4, 1, 4));
    if (receiver.kind == "webhook" || receiver.kind == "slack") {
      receiver.url = map.required_text("url");
      check_url(map, "url", receiver.url);
      if (receiver.kind == "slack") receiver.channel = map.text("channel");
    } else if (receiver.kind == "email") {
      read_email(map, receiver);
    }
    map.finish();
    if (map.valid()) result_.config.notify.receivers.push_back(std::move(receiver));
  }

  void read_email(YamlMap& map, respond::Receiver& receiver) {
    const auto smtp = map.required_text("smtp");
    if (!smtp.empty()) {
      auto endpoint = parse_endpoint(smtp);
      if (!endpoint || endpoint->host.empty() || endpoint->port == 0) {
        map.report("smtp", "'smtp' is '" + printable(smtp) + "'; allowed: host:port");
      } else {
        receiver.smtp.host = endpoint->host;
        receiver.smtp.port = endpoint->port;
      }
    }
    receiver.smtp.username = map.text("username");
    receiver.smtp.password = map.text("password");
    receiver.smtp.require_tls = map.boolean("require_tls", false);
    receiver.from = map.required_text("from");
    receiver.to = map.texts("to");
    if (is_missing(map, "to"))
      map.report("to", "receiver '" + receiver.name + "' needs 'to', a list of addresses");
  }

  // Absent, an empty text or a list without items; what is there and wrong has its own finding.
  static bool is_missing(YamlMap& map, std::string_view member) {
    const auto* node = map.member(member);
    if (node == nullptr) return true;
    return node->kind == YamlNode::Kind::kSequence
               ? node->items.empty()
               : node->kind == YamlNode::Kind::kScalar && node->scalar.empty();
  }

  void check_url(YamlMap& map, std::string_view member, const std::string& url) {
    if (url.empty()) return;
    if (auto parsed = net::parse_url(url); !parsed) {
      map.report(member, "'" + std::string(member) + "': " + parsed.error().message());
    }
  }

  void read_incidents(const YamlNode& node) {
    YamlMap map(context_, node, "incidents");
    auto& incidents = result_.config.incidents;
    if (map.has("group_by")) incidents.group_by = map.texts("group_by");
    if (map.has("ignore_severities")) incidents.ignore_severities = map.texts("ignore_severities");
    incidents.resolve_after = map.duration("resolve_after", incidents.resolve_after);
    incidents.relapse_within = map.duration("relapse_within", incidents.relapse_within);
    map.finish();
  }

  void read_service(const YamlNode& node) {
    YamlMap map(context_, node, "service");
    model::Service service;
    service.name = map.required_text("name");
    if (!service.name.empty() && !is_service_name(service.name)) {
      map.report("name",
                 "service name '" + printable(service.name) +
                     "'; allowed: lower-case letters, digits and -, beginning with a letter");
    }
    if (!service.name.empty() && !service_names_.insert(service.name).second)
      map.report("name", "service '" + service.name + "' stands twice");
    service.owner = map.text("owner");
    service.tier = map.word("tier", "standard", {"critical", "standard", "best_effort"});
    service.severity_scheme = map.text("severity_scheme", "A");
    if (const auto* scheme = map.member("severity_scheme"))
      schemes_.emplace_back(service.severity_scheme, scheme);
    service.depends_on = map.texts("depends_on");
    if (const auto* node = map.member("depends_on"))
      dependencies_.push_back({service.name, service.depends_on, node});
    service.supervised_only = map.boolean("supervised_only", false);
    service.signals = map.text_map("signals");
    for (const auto& [role, query] : service.signals)
      check_query(map, "signals", "signal '" + role + "'", query);
    if (const auto* platform = map.member("platform")) read_platform(*platform, service.platform);
    if (const auto* health = map.member("health")) read_health(*health, service.health);
    if (const auto* metrics = map.member("metrics")) read_metrics(*metrics, service.metrics);
    if (const auto* traffic = map.member("traffic")) read_traffic(*traffic, service.traffic);
    for (const auto* remedy : map.list("remedies")) read_remedy(*remedy, service);
    map.finish();
    if (map.valid()) result_.config.services.push_back(std::move(service));
  }

  static bool is_service_name(const std::string& name) {
    if (name[0] < 'a' || name[0] > 'z') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
  }

  void check_query(YamlMap& map, std::string_view member, const std::string& what,
                   const std::string& query) {
    if (auto parsed = query::promql::parse_expr(query); !parsed)
      map.report(member, what + ": " + parsed.error().message());
  }

  void read_platform(const YamlNode& node, model::PlatformSpec& platform) {
    YamlMap map(context_, node, "platform");
    // A kind that is none of these is told once, without what a process would need.
    platform.kind = map.has("kind") ? map.word("kind", "none", {"process", "none"}) : "process";
    platform.replicas = static_cast<int>(map.integer("replicas", 1, 0, 64));
    platform.replicas_max =
        static_cast<int>(map.integer("replicas_max", std::max(1, platform.replicas), 1, 64));
    if (platform.replicas_max < platform.replicas)
      map.report("replicas_max", "'replicas_max' is below 'replicas'");
    platform.stop_grace = map.duration("stop_grace", platform.stop_grace, 0s, 10min);
    platform.restart_backoff_min =
        map.duration("restart_backoff_min", platform.restart_backoff_min, 1ms, 1h);
    platform.restart_backoff_max =
        map.duration("restart_backoff_max", platform.restart_backoff_max, 1ms, 1h);
    if (platform.restart_backoff_max < platform.restart_backoff_min) {
      map.report("restart_backoff_max",
                 "'restart_backoff_max' is below 'restart_backoff_min', which is " +
                     format_duration(platform.restart_backoff_min));
    }
    platform.ready_timeout = map.duration("ready_timeout", platform.ready_timeout, 100ms, 1h);
    for (const auto* version : map.list("versions")) read_version(*version, platform);
    platform.stable =
        map.text("stable", platform.versions.empty() ? "" : platform.versions[0].name);
    map.finish();
    if (platform.kind != "process" || !map.valid()) return;
    if (platform.versions.empty())
      map.report("versions",
                 "a process platform needs 'versions', at least one with name and command");
    const auto known = std::any_of(platform.versions.begin(), platform.versions.end(),
                                   [&](const auto& v) { return v.name == platform.stable; });
    if (!platform.versions.empty() && !known) {
      std::vector<std::string> names;
      for (const auto& version : platform.versions) names.push_back(version.name);
      map.report("stable", "'stable' is '" + printable(platform.stable) +
                               "'; allowed, by 'versions': " + join(names, ", "));
    }
    check_ports(map, platform);
  }

  void read_version(const YamlNode& node, model::PlatformSpec& platform) {
    YamlMap map(context_, node, "version");
    model::ProcessVersion version;
    version.name = map.required_text("name");
    for (const auto& other : platform.versions) {
      if (!version.name.empty() && other.name == version.name)
        map.report("name", "version '" + version.name + "' stands twice");
    }
    if (version.name.find('/') != std::string::npos)
      map.report("name", "a version's name has no '/'");
    version.command = map.texts("command");
    if (is_missing(map, "command"))
      map.report("command", "a version needs 'command', a list: program and arguments");
    version.env = map.text_map("env");
    version.base_port = static_cast<int>(map.integer("base_port", 0, 0, 65000));
    version.base_admin_port = static_cast<int>(map.integer("base_admin_port", 0, 0, 65000));
    map.finish();
    if (map.valid()) platform.versions.push_back(std::move(version));
  }

  // Two versions, or two services, whose port ranges overlap would fight for them at run time.
  void check_ports(YamlMap& map, const model::PlatformSpec& platform) {
    for (const auto& version : platform.versions) {
      for (const int base : {version.base_port, version.base_admin_port}) {
        if (base == 0) continue;
        for (int port = base; port < base + platform.replicas_max; ++port) {
          if (!ports_.insert(port).second) {
            map.report("versions", "port " + std::to_string(port) + " of version '" + version.name +
                                       "' is taken by another instance");
            return;
          }
        }
      }
    }
  }

  static std::string path(YamlMap& map, std::string_view member, const std::string& fallback) {
    auto text = map.text(member, fallback);
    if (!text.starts_with('/'))
      map.report(member, "'" + std::string(member) + "' is '" + printable(text) +
                             "'; allowed: a path that begins with '/'");
    return text;
  }

  void read_health(const YamlNode& node, model::HealthSpec& health) {
    YamlMap map(context_, node, "health");
    health.live = path(map, "live", health.live);
    health.ready = path(map, "ready", health.ready);
    health.startup = path(map, "startup", health.startup);
    health.interval = map.duration("interval", health.interval, kIntervalMin, kIntervalMax);
    health.timeout = map.duration("timeout", health.timeout, 10ms, 10min);
    health.failures = static_cast<int>(map.integer("failures", health.failures, 1, 1000));
    map.finish();
  }

  void read_metrics(const YamlNode& node, model::MetricsSpec& metrics) {
    YamlMap map(context_, node, "metrics");
    const auto* member = map.has("path") ? "path" : "paths";
    if (map.has("path") && map.has("paths"))
      map.report("paths", "only one of 'path' and 'paths' may stand");
    metrics.paths = map.texts(member);
    for (const auto& one : metrics.paths) {
      if (!one.starts_with('/'))
        map.report(member,
                   "metrics path '" + printable(one) + "'; allowed: a path that begins with '/'");
    }
    metrics.interval = map.duration("interval", metrics.interval, kIntervalMin, kIntervalMax);
    map.finish();
  }

  void read_traffic(const YamlNode& node, model::TrafficSpec& traffic) {
    YamlMap map(context_, node, "traffic");
    traffic.kind = map.word("kind", "haproxy", {"haproxy", "none"});
    traffic.socket = map.text("socket");
    traffic.backend = map.text("backend");
    traffic.url = map.text("url");
    check_url(map, "url", traffic.url);
    if (traffic.kind == "haproxy") {
      if (is_missing(map, "socket"))
        map.report("socket", "haproxy needs 'socket', the path of its runtime socket");
      if (is_missing(map, "backend")) map.report("backend", "haproxy needs 'backend'");
    }
    map.finish();
  }

  void read_remedy(const YamlNode& node, model::Service& service) {
    YamlMap map(context_, node, "remedy");
    model::RemedyRule rule;
    rule.match = labels(map, "match");
    if (const auto* match = map.member("match"); match == nullptr || match->members.empty())
      map.report("match", "a remedy needs 'match', labels such as { fault: process_exit }");
    rule.remedy = map.required_text("remedy");
    if (!rule.remedy.empty()) rule.remedy = map.word("remedy", "", kRemedies);
    rule.cooldown = map.duration("cooldown", rule.cooldown);
    rule.attempts_max = static_cast<int>(map.integer("attempts_max", rule.attempts_max, 1, 100));
    rule.verify_within = map.duration("verify_within", rule.verify_within, 1s, 24h);
    rule.verify = map.text("verify");
    if (!rule.verify.empty()) check_query(map, "verify", "'verify'", rule.verify);
    map.finish();
    if (rule.remedy == "shift_traffic_to_stable" && service.traffic.kind == "none") {
      map.report("remedy", "shift_traffic_to_stable needs the service's 'traffic'");
    } else if (!rule.remedy.empty() && service.platform.kind == "none") {
      map.report("remedy", rule.remedy + " needs the service's 'platform'");
    }
    if (map.valid()) service.remedies.push_back(std::move(rule));
  }

  void read_scrape(const YamlNode& node) {
    YamlMap map(context_, node, "scrape job");
    model::Target target;
    target.job = map.required_text("job");
    if (!target.job.empty() && !jobs_.insert(target.job).second)
      map.report("job", "scrape job '" + target.job + "' stands twice");
    target.path = map.text("path", "/metrics");
    target.scheme = map.word("scheme", "http", {"http", "https"});
    target.interval = map.duration("interval", target.interval, kIntervalMin, kIntervalMax);
    target.timeout =
        map.duration("timeout", std::min(target.timeout, target.interval), 10ms, target.interval);
    target.honor_labels = map.boolean("honor_labels", false);
    target.labels = labels(map, "labels");
    const auto addresses = map.texts("targets");
    if (is_missing(map, "targets"))
      map.report("targets", "a scrape job needs 'targets', a list of host:port");
    for (const auto& address : addresses) {
      auto endpoint = parse_endpoint(address);
      if (!endpoint || endpoint->host.empty() || endpoint->port == 0) {
        map.report("targets", "target '" + printable(address) + "'; allowed: host:port");
        continue;
      }
      target.address = address;
      result_.config.targets.push_back(target);
    }
    map.finish();
  }

  void read_probe(const YamlNode& node) {
    YamlMap map(context_, node, "probe");
    model::Probe probe;
    probe.name = map.required_text("name");
    if (!probe.name.empty() && !probes_.insert(probe.name).second)
      map.report("name", "probe '" + probe.name + "' stands twice");
    probe.kind = map.word("kind", "http", {"http", "tcp", "tls"});
    probe.target = map.required_text("target");
    if (probe.kind == "http") {
      check_url(map, "target", probe.target);
    } else if (auto endpoint = parse_endpoint(probe.target);
               !probe.target.empty() &&
               (!endpoint || endpoint->host.empty() || endpoint->port == 0)) {
      map.report("target", "'target' is '" + printable(probe.target) + "'; allowed: host:port");
    }
    probe.interval = map.duration("interval", probe.interval, kIntervalMin, kIntervalMax);
    probe.timeout = map.duration("timeout", std::min(probe.timeout, probe.interval), 10ms, 10min);
    for (const auto& status : map.texts("statuses")) {
      const auto number = parse_int(status);
      if (!number || *number < 100 || *number > 599) {
        map.report("statuses", "status '" + printable(status) + "'; allowed: 100 to 599");
      } else {
        probe.statuses.push_back(static_cast<int>(*number));
      }
    }
    probe.body_contains = map.text("body_contains");
    probe.labels = labels(map, "labels");
    map.finish();
    if (map.valid()) result_.config.probes.push_back(std::move(probe));
  }

  void read_rules(YamlMap& map) {
    for (const auto& name : map.texts("rules")) {
      if (name.empty()) {
        map.report("rules", "the name of a rule file is empty");
        continue;
      }
      const auto path = name[0] == '/' ? name : folder_of(path_) + "/" + name;
      auto text = files_.read_file(path);
      if (!text) {
        map.report("rules", "rule file '" + printable(name) + "': " + text.error().message());
        continue;
      }
      auto file = detect::parse_rule_file(path, *text, result_.config.evaluation_interval);
      std::move(file.groups.begin(), file.groups.end(),
                std::back_inserter(result_.config.rule_groups));
      std::move(file.findings.begin(), file.findings.end(), std::back_inserter(result_.findings));
    }
  }

  // prometheus.yml files whose jobs, rules and remote writes are taken over.
  void read_prometheus(YamlMap& map) {
    for (const auto& name : map.texts("prometheus")) {
      const auto path = collect::path_within(folder_of(path_), name);
      auto text = files_.read_file(path);
      if (!text) {
        map.report("prometheus",
                   "Prometheus configuration '" + printable(name) + "': " + text.error().message());
        continue;
      }
      const auto root = parse_yaml(path, *text, result_.findings);
      if (root)
        read_prometheus_file(files_, path, *root, {.alone = false}, result_.config,
                             result_.findings);
    }
  }

  void check_references() {
    for (const auto& [service, names, node] : dependencies_) {
      for (const auto& name : names) {
        if (name == service) context_.report(*node, "service '" + service + "' depends on itself");
        if (service_names_.contains(name)) continue;
        context_.report(*node, "service '" + service + "' depends on '" + printable(name) +
                                   "', which is no service here");
      }
    }
    const auto schemes = scheme_names(result_.config.incident);
    for (const auto& [name, node] : schemes_) {
      if (std::find(schemes.begin(), schemes.end(), name) == schemes.end())
        context_.report(*node, "'severity_scheme' is '" + printable(name) +
                                   "'; allowed: " + join(schemes, ", "));
    }
  }

  FileSystem& files_;
  const std::string& path_;
  ConfigResult& result_;
  YamlContext context_;
  struct Dependencies {
    std::string service;
    std::vector<std::string> names;
    const YamlNode* node;
  };
  std::vector<std::pair<std::string, const YamlNode*>> schemes_;  // of services
  std::vector<Dependencies> dependencies_;  // checked when all services are known
  std::set<std::string> service_names_, jobs_, probes_;
  std::set<int> ports_;
};

}  // namespace

ConfigResult parse_config(FileSystem& files, const std::string& path, std::string_view yaml,
                          const Variables& variables) {
  ConfigResult result;
  result.config.file = path;
  auto root = parse_yaml(path, yaml, result.findings);
  if (root && recognise(yaml) == FileKind::kPrometheusConfig) {
    read_prometheus_file(files, path, *root, {}, result.config, result.findings);
  } else if (root) {
    Reader(files, path, variables, result).read(*root);
  }
  // In the order of the files, as people go through them.
  const auto place = [](const Finding& finding) {
    return std::tie(finding.place.file, finding.place.line, finding.place.column);
  };
  std::stable_sort(result.findings.begin(), result.findings.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return result;
}

ConfigResult load_config(FileSystem& files, const std::string& path, const Variables& variables) {
  auto text = files.read_file(path);
  if (text) return parse_config(files, path, *text, variables);
  ConfigResult result;
  result.findings.push_back({{path, 0, 0}, text.error().message()});
  return result;
}

}  // namespace holdfast::app
