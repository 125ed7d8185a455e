// The life of one process: lock, configuration, control plane on the control strand, collectors, listener; then wait for
// signals; then everything in reverse. A step that fails undoes the ones before by leaving scope.
#include "app/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <future>
#include <thread>

#include "act/platform/posix_processes.h"
#include "app/access/audited_router.h"
#include "app/access/oidc.h"
#include "app/alert_listeners.h"
#include "app/alertmanager_metrics.h"
#include "app/api/access_api.h"
#include "app/api/auth.h"
#include "app/api/event_hub.h"
#include "app/api/holdfast_api.h"
#include "app/api/oncall_api.h"
#include "app/api/metrics_api.h"
#include "app/api/prometheus_api.h"
#include "app/console.h"
#include "app/control_plane.h"
#include "app/machine.h"
#include "app/self_metrics.h"
#include "app/targets.h"
#include "base/log.h"
#include "base/text.h"
#include "collect/business/business.h"
#include "collect/host/host_metrics.h"
#include "collect/host/mounts.h"
#include "collect/probe/prober.h"
#include "collect/receive/receive_routes.h"
#include "collect/scrape/scraper.h"
#include "collect/scrape/target_manager.h"
#include "collect/source_loop.h"
#include "detect/rules/rule_metrics.h"
#include "query/promql/engine.h"

namespace holdfast::app {
namespace {

constexpr Duration kShutdownGrace = 5s;
constexpr Duration kSelfInterval = 5s;

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// One Holdfast a data directory. The kernel drops the lock with the process, however it ends.
class DataLock {
 public:
  ~DataLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  Result<void> take(const std::string& data) {
    const auto path = data + "/lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) return errno_error(errno, path);
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno == EWOULDBLOCK)
      return Error(Code::kConflict,
                   "another Holdfast uses the data directory " + data + " (its lock is held)");
    return errno_error(errno, path);
  }

 private:
  int fd_ = -1;
};

std::string all_findings(const std::vector<Finding>& findings) {
  std::string text = "the configuration was refused:";
  for (const auto& finding : findings) text += "\n  " + finding.text();
  return text;
}

Result<Config> read_config(FileSystem& files, const ServeOptions& options) {
  if (options.config.empty()) return Config{};
  auto result = load_config(files, options.config, environment);
  if (!result.findings.empty()) return invalid(all_findings(result.findings));
  return std::move(result.config);
}

// What a reload cannot change: processes and routers of a run.
std::vector<Finding> fixed_changes(const Config& now, const Config& fresh) {
  const auto shape = [](const Config& config) {
    std::string text;
    for (const auto& service : config.services) {
      text += service.name + "\n" + service.platform.kind + service.platform.stable +
              service.traffic.kind + service.traffic.socket + service.traffic.backend;
      for (const auto& version : service.platform.versions) {
        text += version.name + std::to_string(version.base_port) + "," +
                std::to_string(version.base_admin_port) + join(version.command, " ");
        for (const auto& [key, value] : version.env) text += key + "=" + value;
      }
    }
    return text;
  };
  if (shape(now) == shape(fresh)) return {};
  return {{{fresh.file, 0, 0},
           "services, their platform versions or traffic changed; restart Holdfast to apply that "
           "(instances are stopped and started anew)"}};
}

class Daemon {
 public:
  Daemon(const ServeOptions& options, const sigset_t& signals)
      : options_(options), signals_(signals), machine_(kIoThreads, kPoolThreads, kServerThreads) {}

  Result<void> run() {
    const auto started = machine_.env.clock.mono();
    HF_TRY(prepare());
    if (auto opened = on_control([this] { return open(); }); !opened) {
      release();
      return opened;
    }
    log_info("ready", {{"listen", "http://" + endpoint_.text()},
                       {"data", options_.data},
                       {"config", options_.config.empty() ? "none" : options_.config},
                       {"after", format_duration(machine_.env.clock.mono() - started)}});
    wait_for_stop();
    log_info("stopping");
    close();
    return {};
  }

 private:
  static constexpr int kIoThreads = 1;
  static constexpr int kServerThreads = 4;  // all but one may be busy with an answer
  static constexpr int kPoolThreads = 3;
  static constexpr std::size_t kQueryThreads = 2;  // of one large query

  Result<void> prepare() {
    ::umask(077);  // what Holdfast keeps is for its user alone: the token, pages, journal
    HF_TRY(machine_.env.files.create_directories(options_.data).context("data directory"));
    // One name for one folder: children are found again by a tag that holds it.
    if (const std::unique_ptr<char, void (*)(void*)> path(
            ::realpath(options_.data.c_str(), nullptr), ::free);
        path) {
      options_.data = path.get();
    }
    HF_TRY(lock_.take(options_.data));
    listen_ = HF_TRY(parse_endpoint(options_.listen).context("--listen"));
    if (!options_.auth && !is_loopback(listen_)) {
      return Error(Code::kForbidden,
                   "--auth off is allowed on loopback only (127.0.0.1, ::1, localhost), not on " +
                       options_.listen);
    }
    return {};
  }

  // Runs on the control strand and waits for its result: everything of the control plane is born there.
  Result<void> on_control(std::function<Result<void>()> task) {
    std::promise<Result<void>> promise;
    machine_.env.executor.post(Lane::kControl, [&] { promise.set_value(task()); });
    return promise.get_future().get();
  }

  Result<void> open() {
    auto config = HF_TRY(read_config(machine_.env.files, options_));
    started_ = config_loaded_ = machine_.env.clock.now();
    auth_ = HF_TRY(Auth::open(machine_.env, options_.data, options_.auth));
    if (auth_->token_is_new())
      log_info("admin token written; sign in with it", {{"file", auth_->token_path()}});
    processes_ = std::make_unique<act::PosixProcesses>(machine_.env.executor);
    plane_ = HF_TRY(ControlPlane::open(
        machine_.env, config, {options_.data, options_.retention, kQueryThreads, memory_of_machine()}, *processes_));
    HF_TRY(auth_->start(*plane_->journal));
    oidc_ = OidcSignIn::make(machine_.env, *plane_->client, *auth_);
    configure_access();
    retention_ = config.storage.retention.value_or(options_.retention);
    start_collectors();
    HF_TRY(start_server());
    return {};
  }

  // Control strand.
  void configure_access() {
    const auto& config = plane_->config;
    auth_->configure(config.access, config.oncall.people, config.services);
    oidc_->configure(config.access.oidc, config.external_url);
  }

  void start_collectors() {
    auto& env = machine_.env;
    scraper_ = std::make_unique<collect::Scraper>(env, *plane_->store);
    target_manager_ = std::make_unique<collect::TargetManager>(env, *scraper_);
    take_jobs();
    prober_ = std::make_unique<collect::Prober>(env, *plane_->store);
    prober_->set_probes(plane_->config.probes);
    refresh_targets();
    instances_changed_ = plane_->journal->subscribe(
        std::string(model::kInstanceChanged), [this](const state::Entry&) { refresh_targets(); });
    const auto host = host_name();
    if (plane_->config.host_metrics) {
      host_metrics_ = std::make_unique<collect::HostMetrics>(env.files, env.clock, mounts_);
      host_loop_ = std::make_unique<collect::SourceLoop>(
          env, *plane_->store, plane_->config.host_interval,
          model::Labels{{"job", "node"}, {"instance", host}},
          [this](collect::MetricSink& sink) { host_metrics_->collect(sink); });
    }
    self_loop_ = std::make_unique<collect::SourceLoop>(
        env, *plane_->store, kSelfInterval, model::Labels{{"job", "holdfast"}, {"instance", host}},
        [this](collect::MetricSink& sink) {
          write_self_metrics(*plane_, counts_, server_.get(), sink);
          alertmanager_metrics_.write(sink);
        });
    tick();
  }

  static std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
  }

  void take_jobs() {
    for (const auto& notice : plane_->config.notices) log_info(notice);
    const auto kept = std::max(retention_, plane_->config.storage.retention_5m);
    for (const auto& slo : plane_->config.slo.slos) {
      if (slo.window.length > kept)
        log_info("slo " + slo.name + ": its window is longer than samples are kept, which is " +
                 format_duration(kept) + " (storage: retention)");
    }
    target_manager_->set_jobs(plane_->config.jobs);
  }

  void refresh_targets() {
    scraper_->set_targets(scrape_targets(plane_->config, *plane_->conductor));
  }

  // Once a second: counts for /metrics.
  void tick() {
    counts_.refresh(*plane_);
    const auto now = machine_.env.clock.mono();
    if (now >= alertmanager_metrics_due_) {
      alertmanager_metrics_.refresh(plane_->alert_desk->router, config_good_, config_loaded_);
      alertmanager_metrics_due_ = now + kAlertmanagerMetricsEvery;
    }
    tick_ = machine_.env.executor.post_after(Lane::kControl, 1s, [this] { tick(); });
  }

  Result<void> start_server() {
    auto& env = machine_.env;
    auth_->add_routes(router_);
    add_access_routes(router_, env, *auth_);
    oidc_->add_routes(router_);
    HF_TRY(start_receivers());
    business_ =
        std::make_unique<collect::BusinessMetrics>(env, *plane_->store, plane_->config.business);
    business_->add_routes(router_);
    HF_TRY(business_->start().context("business metrics"));
    add_prometheus_routes(
        router_, env,
        {*plane_->store, *plane_->engine, [this] { return plane_->rules->status(); },
         [this] { return plane_->rules->alerts(); }, [this] { return scraper_->status(); },
         [this] { return plane_->config.external_labels; }, [this] { return runtime_info(); },
         [this] { return scrape_pools(); }, [this] { return scraper_->metadata(); },
         [this](const std::string& pool, const model::Labels& labels) {
           return target_manager_->relabel_steps(pool, labels);
         },
         [this] { return plane_->subquery_step.load(); }});
    add_metrics_routes(router_, metrics_sources(*plane_));
    add_holdfast_routes(router_, *plane_, {[this] { return reload(); }});
    add_oncall_routes(router_, env, *plane_->oncall);
    add_alert_routes(router_, env, *plane_->alert_desk, alertmanager_hooks());
    events_ = std::make_unique<EventHub>(env, *plane_->journal);
    events_->add_routes(router_);
    add_health_routes();
    add_console_routes(router_);
    auth_->guard(router_);
    served_.set_filter([this](net::Request& request) { return auth_->check(request); });
    add_audited_routes(served_, router_, auth_->audit());
    server_ = std::make_unique<net::Server>(env, served_);
    endpoint_ = HF_TRY(server_->listen(listen_).context("listen on " + options_.listen));
    alert_listeners_ = HF_TRY(AlertListeners::open(
        env, *plane_->alert_desk, plane_->config.alert_desk, alertmanager_hooks(),
        [this](net::Request& request) { return auth_->check(request); }, auth_->audit()));
    return {};
  }

  AlertmanagerHooks alertmanager_hooks() {
    return {started_, [this] {
              std::vector<std::string> texts;
              for (const auto& finding : reload()) texts.push_back(finding.text());
              return texts;
            },
            [this](collect::MetricSink& sink) { alertmanager_metrics_.write(sink); }};
  }

  ScrapePools scrape_pools() const {
    ScrapePools all;
    for (const auto& pool : target_manager_->pools()) {
      all.names.push_back(pool.name);
      all.dropped_counts[pool.name] = pool.dropped_count;
    }
    for (auto& target : target_manager_->dropped())
      all.dropped.push_back({std::move(target.scrape_pool), std::move(target.discovered_labels)});
    return all;
  }

  // Control strand.
  RuntimeInfo runtime_info() const {
    RuntimeInfo info;
    info.started = started_;
    info.config_loaded = config_loaded_;
    info.config_good = config_good_;
    if (!options_.config.empty())
      info.config_text = machine_.env.files.read_file(options_.config).value_or("");
    info.flags = {{"config", options_.config},
                  {"data", options_.data},
                  {"listen", options_.listen},
                  {"auth", options_.auth ? "on" : "off"},
                  {"retention", format_duration(retention_)}};
    info.directory = options_.data;
    info.host = host_name();
    info.retention = retention_;
    return info;
  }

  Result<void> start_receivers() {
    auto options = plane_->config.receive;
    options.push.file = options_.data + "/push_groups.json";
    options.parse_selector = [](const std::string& text) {
      return query::promql::parse_selector(text);
    };
    receivers_ = HF_TRY(
        collect::add_receive_routes(router_, machine_.env, std::move(options), *plane_->store));
    return receivers_->start([this](net::Request& request) { return auth_->check_send(request); });
  }

  void add_health_routes() {
    const auto text = [](const char* body) {
      return [body](const net::Request&, net::ResponderPtr to) {
        to->send(net::Response::text(200, body));
      };
    };
    router_.add("GET", "/-/healthy", text("Holdfast is healthy.\n"));
    router_.add("GET", "/-/ready", text("Holdfast is ready.\n"));
    for (const char* path : {"/health/live", "/health/ready", "/health/startup"})
      router_.add("GET", path, text("ok\n"));
    // What rule groups do is known on the control strand, the rest is written on the pool.
    router_.add("GET", "/metrics", [this](const net::Request&, net::ResponderPtr to) {
      auto& executor = machine_.env.executor;
      executor.post(Lane::kControl, [this, &executor, to] {
        executor.post(Lane::kPool,
                      [this, to, groups = plane_->rules->status()] { send_metrics(groups, *to); });
      });
    });
  }

  void send_metrics(const std::vector<detect::GroupStatus>& groups, net::Responder& to) {
    collect::TextExposition sink;
    write_self_metrics(*plane_, counts_, server_.get(), sink);
    alertmanager_metrics_.write(sink);
    receivers_->write_metrics(sink);
    business_->write_metrics(sink);
    detect::write_rule_metrics(groups, {[&](const auto& name, const auto& type, const auto& help) {
                                          sink.family(name, type, help);
                                        },
                                        [&](const auto& name, const auto& labels, double value) {
                                          std::vector<collect::LabelView> views;
                                          for (const auto& [label, text] : labels)
                                            views.push_back({label, text});
                                          sink.add(name, views, value);
                                        }});
    net::Response response = net::Response::text(200, sink.take());
    response.headers.set("content-type", std::string(collect::kExpositionType));
    to.send(std::move(response));
  }

  // Control strand. The findings; none when the new configuration is in effect.
  std::vector<Finding> reload() {
    if (options_.config.empty())
      return {{{"", 0, 0}, "Holdfast was started without --config; there is nothing to reload"}};
    auto result = load_config(machine_.env.files, options_.config, environment);
    if (result.findings.empty()) result.findings = fixed_changes(plane_->config, result.config);
    config_good_ = result.findings.empty();
    if (!result.findings.empty()) {
      log_error("reload refused; the running configuration stays",
                {{"findings", all_findings(result.findings)}});
      return result.findings;
    }
    if (auto moved = business_->set_options(result.config.business); !moved) {
      log_error("reload refused; the running configuration stays",
                {{"error", moved.error().message()}});
      return {{{options_.config, 0, 0}, moved.error().message()}};
    }
    plane_->reconfigure(result.config);
    configure_access();
    prober_->set_probes(plane_->config.probes);
    take_jobs();
    refresh_targets();
    config_loaded_ = machine_.env.clock.now();
    log_info("configuration reloaded", {{"file", options_.config}});
    return {};
  }

  // ---- signals ----

  // No call, and a change of the configuration all the same.
  void reload_by_signal() {
    const auto findings = reload();
    AuditRecord record;
    record.actor = "SIGHUP";
    record.action = "configuration_change";
    record.resource = options_.config;
    record.result = findings.empty() ? "ok" : "failed: " + findings.front().text();
    auth_->audit()->write(std::move(record));
  }

  void wait_for_stop() {
    while (true) {
      int signal = 0;
      if (::sigwait(&signals_, &signal) != 0) continue;
      if (signal != SIGHUP) return;
      machine_.env.executor.post(Lane::kControl, [this] { reload_by_signal(); });
    }
  }

  void close() {
    std::promise<void> stopped;
    machine_.env.executor.post(Lane::kControl, [&] {
      server_->shutdown(kShutdownGrace, [&] {
        // Nobody asks any more, and what is stopped on purpose is no target that went down.
        instances_changed_.reset();
        prober_.reset();
        target_manager_.reset();
        scraper_.reset();
        plane_->stop([&] { stopped.set_value(); });
      });
    });
    stopped.get_future().wait();
    if (auto synced = plane_->store->sync(); !synced)
      log_error("metrics were not synced", {{"error", synced.error().message()}});
    release();
  }

  // Everything of the control plane dies where it was born, then the threads end.
  void release() {
    (void)on_control([this]() -> Result<void> {
      machine_.env.executor.cancel(tick_);
      instances_changed_.reset();
      events_.reset();
      business_.reset();
      receivers_.reset();
      alert_listeners_.reset();
      server_.reset();
      host_loop_.reset();
      self_loop_.reset();
      prober_.reset();
      target_manager_.reset();
      scraper_.reset();
      if (oidc_) oidc_->stop();
      if (auth_) auth_->stop();
      plane_.reset();
      processes_.reset();
      return {};
    });
    machine_.stop_executor();
  }

  ServeOptions options_;
  const sigset_t signals_;
  DataLock lock_;
  Machine machine_;
  Endpoint listen_, endpoint_;
  WallTime started_{}, config_loaded_{};
  Duration retention_{};  // of samples
  bool config_good_ = true;  // the last reload was accepted
  net::Router router_;  // as the parts add them
  net::Router served_;  // the same routes, audited
  ControlCounts counts_;
  AlertmanagerMetrics alertmanager_metrics_;
  MonoTime alertmanager_metrics_due_{};
  collect::PosixMountStats mounts_;
  std::unique_ptr<Auth> auth_;
  std::shared_ptr<OidcSignIn> oidc_;
  std::unique_ptr<act::PosixProcesses> processes_;
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<collect::Scraper> scraper_;
  std::unique_ptr<collect::TargetManager> target_manager_;  // after the scraper that it feeds
  std::unique_ptr<collect::Prober> prober_;
  std::unique_ptr<collect::HostMetrics> host_metrics_;
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<AlertListeners> alert_listeners_;
  std::unique_ptr<collect::Receivers> receivers_;
  std::unique_ptr<collect::BusinessMetrics> business_;
  std::unique_ptr<collect::SourceLoop> host_loop_, self_loop_;
  std::unique_ptr<EventHub> events_;
  std::unique_ptr<state::Subscription> instances_changed_;
  TimerId tick_ = TimerId::kNone;
};

}  // namespace

Result<void> serve(const ServeOptions& options) {
  // Before any thread exists, so that all inherit the mask and only wait_for_stop() takes these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Daemon(options, signals).run();
}

}  // namespace holdfast::app
