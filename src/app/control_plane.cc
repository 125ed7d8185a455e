#include "app/control_plane.h"

#include <algorithm>

#include "act/platform/process_platform.h"
#include "base/log.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr Duration kMaintainEvery = 1min;
// What an orderly stop allows instances beyond their own stop_grace.
constexpr Duration kStopMargin = 5s;

void log_slow(const query::promql::SlowQuery& slow) {
  log_warn("slow query", {{"query", printable(slow.query.text, 500)},
                          {"user", slow.query.user},
                          {"took", format_duration(slow.took)},
                          {"samples", std::to_string(slow.samples_read)},
                          {"error", slow.error}});
}

Duration longest_grace(const std::vector<model::Service>& services) {
  Duration longest = 0s;
  for (const auto& service : services) longest = std::max(longest, service.platform.stop_grace);
  return longest;
}

}  // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::open(Env& env, const Config& config,
                                                         const ControlPlaneOptions& options,
                                                         act::Processes& processes) {
  std::unique_ptr<ControlPlane> plane(new ControlPlane(env));
  plane->config = config;
  metrics::StoreOptions store;
  store.directory = options.data + "/metrics";
  store.retention = config.storage.retention.value_or(options.retention);
  store.retention_5m = config.storage.retention_5m;
  store.retention_1h = config.storage.retention_1h;
  store.limits = config.limits;
  store.retention_bytes = config.storage.retention_bytes;
  store.out_of_order_window = config.storage.out_of_order_window;
  store.decoded_bytes_max = std::clamp<std::uint64_t>(options.memory / 16, 32 << 20, 1 << 30);
  plane->objects_ = HF_TRY(open_objects(env, config.storage.objects));
  store.objects = plane->objects_.get();
  store.objects_prefix = config.storage.objects.prefix;
  store.local_retention = config.storage.objects.local_retention;
  store.objects_cache_bytes = config.storage.objects.cache_bytes;
  plane->store = HF_TRY(metrics::Store::open(env, store).context("metrics"));
  if (!config.remote_write.empty()) {
    plane->forwarder =
        HF_TRY(collect::Forwarder::open(env, options.data + "/forward").context("remote write"));
    plane->store = plane->forwarder->wrap(std::move(plane->store));
    plane->forwarder->configure(config.remote_write);
  }
  plane->journal = HF_TRY(state::open_journal(env, {options.data + "/journal"}).context("journal"));
  plane->tracker = std::make_unique<query::promql::QueryTracker>(
      env.clock, query::promql::TrackerOptions{.on_slow = log_slow});
  plane->client = std::make_unique<net::Client>(env);
  plane->reader = std::make_unique<collect::RemoteReader>(env, *plane->store, *plane->client);
  plane->reader->configure(config.remote_read, config.external_labels);
  plane->subquery_step = to_ms(config.evaluation_interval);
  plane->engine = std::make_unique<query::promql::Engine>(
      *plane->reader, env.clock,
      query::promql::EngineOptions{options.query_threads > 1 ? &env.executor : nullptr,
                                   options.query_threads, plane->tracker.get()});
  plane->outbox = std::make_unique<state::Outbox>(env, *plane->journal);
  plane->prober_ = std::make_unique<act::HttpHealthProber>(env);
  plane->platform_ = std::make_unique<act::ProcessPlatform>(
      act::InstanceParts{env, *plane->journal, processes, *plane->prober_, options.data},
      config.services);
  plane->conductor =
      std::make_unique<act::Conductor>(env, *plane->journal, *plane->platform_,
                                       act::make_routers(env, config.services), config.services);
  plane->notifier =
      std::make_unique<respond::Notifier>(env, *plane->client, *plane->outbox, config.notify);
  plane->desk =
      std::make_unique<IncidentDesk>(env, *plane->journal, *plane->outbox, *plane->client,
                                     *plane->notifier, config.incident);
  plane->incidents = std::make_unique<respond::Incidents>(env, *plane->journal, *plane->outbox,
                                                          *plane->notifier, config.incidents);
  plane->alert_desk = std::make_unique<AlertDesk>(env, *plane->journal, *plane->outbox,
                                                  *plane->client, config.external_url,
                                                  config.alert_desk);
  plane->bridge = std::make_unique<respond::AlertBridge>(env, *plane->journal,
                                                         plane->alert_desk->router, *plane->incidents);
  plane->oncall = std::make_unique<OnCallDesk>(env, *plane->journal, *plane->outbox, *plane->client,
                                               plane->oncall_config(), plane->around_oncall());
  plane->rules = std::make_unique<detect::RuleManager>(
      env, *plane->store, *plane->journal,
      detect::ManagerOptions{.external_labels = config.external_labels,
                             .external_url = config.external_url,
                             .query_offset = config.rule_query_offset,
                             .subquery_step = config.evaluation_interval});
  plane->healer = std::make_unique<recover::Healer>(env, *plane->journal, *plane->outbox,
                                                    *plane->conductor, *plane->engine);
  plane->drills = std::make_unique<learn::Drills>(env, *plane->journal, *plane->conductor,
                                                  *plane->client, *plane->engine);

  // Who listens starts before who speaks: incidents and healer hear of everything the platform and the rules find.
  plane->incidents->make_rooms_with(plane->desk->rooms);
  HF_TRY(plane->alert_desk->start_routing());
  plane->bridge->ask();
  HF_TRY(plane->incidents->start(config.services).context("incidents"));
  HF_TRY(plane->desk->start().context("postmortems"));
  HF_TRY(plane->alert_desk->start(*plane->incidents));
  plane->bridge->start(config.incidents.group_by);
  HF_TRY(plane->oncall->start().context("on call"));
  HF_TRY(plane->healer->start(config.services).context("healer"));
  HF_TRY(plane->drills->start(config.services).context("drills"));
  HF_TRY(plane->outbox->start().context("outbox"));
  HF_TRY(plane->conductor->start().context("services"));
  HF_TRY(plane->rules->start(config.rule_groups).context("rules"));
  plane->schedule_maintenance();
  return plane;
}

ControlPlane::~ControlPlane() {
  env.executor.cancel(maintenance_);
  if (objects_) objects_->stop();  // the store ends without waiting for a slow bucket
  if (forwarder) forwarder->stop();  // its writers ask the store for metadata
}

void ControlPlane::schedule_maintenance() {
  maintenance_ = env.executor.post_after(Lane::kPool, kMaintainEvery, [this] {
    if (auto done = store->maintain(to_ms(env.clock.now())); !done) {
      log_error("metrics maintenance failed; it is tried again",
                {{"error", done.error().message()}});
    }
    env.executor.post(Lane::kControl, [this] { schedule_maintenance(); });
  });
}

OnCallConfig ControlPlane::oncall_config() const {
  auto oncall = config.oncall;
  oncall.pager.receiver = [desk = alert_desk.get()](const std::string& receiver,
                                                    const respond::oncall::PageMessage& message,
                                                    const std::string& key,
                                                    respond::oncall::Pager::Done done) {
    desk->tell_receiver(receiver, message, key, std::move(done));
  };
  return oncall;
}

OnCallDesk::Surroundings ControlPlane::around_oncall() const {
  return {config.notify.language, config.external_url};
}

void ControlPlane::reconfigure(const Config& fresh) {
  config = fresh;
  notifier->configure(config.notify);
  desk->configure(config.incident);
  incidents->configure(config.incidents, config.services);
  alert_desk->configure(config.alert_desk);
  bridge->configure(config.incidents.group_by);
  oncall->configure(oncall_config(), around_oncall());
  healer->configure(config.services);
  drills->configure(config.services);
  rules->set_groups(config.rule_groups);
  store->set_limits(config.limits);
  if (forwarder) forwarder->configure(config.remote_write);
  reader->configure(config.remote_read, config.external_labels);
  subquery_step = to_ms(config.evaluation_interval);
}

void ControlPlane::stop(std::function<void()> done) {
  conductor->stop_all(longest_grace(config.services) + kStopMargin, [this, done] {
    journal->drain();
    done();
  });
}

}  // namespace holdfast::app
