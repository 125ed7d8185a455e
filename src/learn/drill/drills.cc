// One drill at a time, and its story:
//
//   run() ──▶ durable: what will be broken, how it is undone ──▶ requests so far ──▶ break it
//         ──▶ waiting: incident, remedies, resolved, each as the journal tells it
//         ──▶ restoring (resolved, given up, aborted, or over the deadline)
//         ──▶ requests now ──▶ verdict
//
// The record that is worked on is `current`. What others see is the record as it was last written
// to the disk. A Holdfast that finds an unfinished record at its start goes straight to restoring.
#include "learn/drill/drills.h"

#include <algorithm>
#include <deque>

#include "base/log.h"
#include "base/text.h"
#include "learn/drill/drill_plan.h"
#include "learn/drill/restorer.h"

namespace holdfast::learn {

using model::Drill;

namespace {

constexpr std::size_t kRunsRemembered = 200;
constexpr Duration kRetryAfter = 1s;
constexpr Duration kOrderTimeout = 3s;
constexpr Duration kQueryDeadline = 2s;
constexpr std::string_view kRequests = "sum by (outcome) (load_requests_total)";
constexpr std::string_view kInterrupted = "Holdfast ended during the drill";

struct Requests {
  double all = 0;
  double lost = 0;  // unanswered, or answered 5xx
};

Requests requests_of(const Result<query::promql::QueryResult>& result) {
  Requests requests;
  const auto* vector = result ? std::get_if<query::promql::Vector>(&result->value) : nullptr;
  if (vector == nullptr) return requests;  // nobody measures load here
  for (const auto& series : vector->series) {
    if (series.points.empty()) continue;
    requests.all += series.points.back().value;
    if (series.labels.get("outcome") != "ok") requests.lost += series.points.back().value;
  }
  return requests;
}

void keep_earlier(std::optional<WallTime>& at, WallTime candidate) {
  if (!at || candidate < *at) at = candidate;
}

}  // namespace

struct Drills::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal, act::Operations& operations, net::Client& client,
       const query::promql::Engine& engine, DrillOptions options)
      : env(env),
        journal(journal),
        operations(operations),
        client(client),
        engine(engine),
        options(options) {}

  // Runs on the control strand, and only while the same drill is under way.
  template <typename F>
  auto for_this_drill(F then) {
    return
        [weak = weak_from_this(), id = current->drill.id, then = std::move(then)](auto&&... args) {
          const auto self = weak.lock();
          if (self && self->current && self->current->drill.id == id)
            then(*self, std::forward<decltype(args)>(args)...);
        };
  }

  // ---- the record

  void save(std::function<void(Result<void>)> then) {
    state::Batch batch;
    batch.entry(model::kDrillChanged, current->drill.id, dump_json(current->drill));
    batch.document("drill", current->drill.id, dump_record(*current));
    journal.commit(std::move(batch), [weak = weak_from_this(), drill = current->drill,
                                      then = std::move(then)](Result<state::Seq> seq) {
      const auto self = weak.lock();
      if (!self) return;
      if (seq) self->show(drill);
      then(seq ? Result<void>() : Result<void>(seq.error()));
    });
  }

  // Progress that need not be waited for; written again until it is.
  void save_soon() {
    save(for_this_drill([](Impl& self, const Result<void>& saved) {
      if (saved) return;
      log_warn("a drill's progress could not be recorded", {{"error", saved.error().message()}});
      self.later(kRetryAfter, [](Impl& again) { again.save_soon(); });
    }));
  }

  void show(const Drill& drill) {
    const auto at = std::ranges::find(shown, drill.id, &Drill::id);
    if (at != shown.end())
      *at = drill;
    else
      shown.insert(shown.begin(), drill);
    if (shown.size() <= kRunsRemembered) return;
    state::Batch batch;
    for (auto i = kRunsRemembered; i < shown.size(); ++i) batch.document("drill", shown[i].id, "");
    shown.resize(kRunsRemembered);
    journal.commit(std::move(batch));
  }

  template <typename F>
  void later(Duration delay, F then) {
    env.executor.post_after(Lane::kControl, delay, for_this_drill(std::move(then)));
  }

  // ---- begin

  void run(const std::string& kind, const std::string& service_name, const std::string& by,
           Done done) {
    if (current) {
      return done(
          Error(Code::kConflict, "drill " + current->drill.id + " is under way; one at a time"));
    }
    const auto service = find_drillable(services, service_name);
    if (!service) return done(service.error());
    const auto& name = (*service)->name;
    auto planned =
        plan_drill(kind, **service, operations.instances(name), operations.wanted(name), options);
    if (!planned) return done(planned.error());
    plan = std::move(*planned);
    current = DrillRecord{};
    auto& drill = current->drill;
    drill.id = new_id(kind);
    drill.name = kind;
    drill.service = name;
    drill.state = "injecting";
    drill.target = plan.target;
    drill.started_by = by;
    drill.started_at = env.clock.now();
    current->undo = plan.undo;
    trouble.clear();
    aborted.clear();
    save(for_this_drill([done = std::move(done)](Impl& self, const Result<void>& saved) {
      if (!saved) {
        self.current.reset();
        return done(saved.error());
      }
      log_info("drill begins",
               {{"id", self.current->drill.id}, {"target", self.current->drill.target}});
      done(self.current->drill);
      self.begin();
    }));
  }

  std::string new_id(const std::string& kind) const {
    auto second = to_ms(env.clock.now()) / 1000;
    const auto id = [&] { return kind + "-" + std::to_string(second); };
    while (std::ranges::find(shown, id(), &Drill::id) != shown.end()) ++second;
    return id();
  }

  void begin() {
    if (current->drill.state != "injecting") return;  // aborted while it was being written
    later(options.deadline, [](Impl& self) {
      if (self.current->drill.state == "injecting" || self.current->drill.state == "waiting")
        self.restore();
    });
    ask_requests([](Impl& self, const Requests& requests) {
      if (self.current->drill.state != "injecting") return;
      self.requests_before = requests;
      if (self.plan.canary.empty())
        self.inject();
      else
        self.start_release();
    });
  }

  template <typename F>
  void ask_requests(F then) {
    auto answered = for_this_drill(std::move(then));
    env.executor.post(Lane::kPool, [weak = weak_from_this(), answered] {
      auto self = weak.lock();
      if (!self) return;
      query::promql::QueryOptions limits;
      limits.deadline = self->env.clock.mono() + kQueryDeadline;
      const auto requests =
          requests_of(self->engine.instant(kRequests, to_ms(self->env.clock.now()), limits));
      auto& executor = self->env.executor;
      // Handed back, so that it never ends on a pool thread.
      executor.post(Lane::kControl,
                    [self = std::move(self), answered, requests] { answered(requests); });
    });
  }

  void start_release() {
    operations.start_canary(
        current->drill.id + "/start", current->drill.service, plan.canary, plan.canary_replicas,
        plan.canary_percent, for_this_drill([](Impl& self, const act::Report& report) {
          if (self.current->drill.state != "injecting") return;
          if (!report.ok) return self.give_up("the release could not be started: " + report.error);
          for (const auto& instance : self.operations.instances(self.current->drill.service)) {
            if (instance.version == self.plan.canary)
              self.plan.addresses.push_back(instance.admin_address);
          }
          self.inject();
        }));
  }

  void inject() {
    current->drill.injected_at = env.clock.now();
    orders_out = plan.addresses.size();
    if (orders_out == 0) return give_up("there is nothing to break");
    for (const auto& address : plan.addresses) {
      net::ClientRequest request;
      request.method = "POST";
      request.url = "http://" + address + "/fault";
      request.headers.set("content-type", "application/json");
      request.body = plan.order;
      request.timeout = kOrderTimeout;
      auto answered =
          for_this_drill([address](Impl& self, const Result<net::ClientResponse>& answer) {
            self.ordered(address, answer);
          });
      client.send(std::move(request), [&executor = env.executor,
                                       answered](Result<net::ClientResponse> answer) {
        executor.post(Lane::kControl, [answered, answer = std::move(answer)] { answered(answer); });
      });
    }
  }

  void ordered(const std::string& address, const Result<net::ClientResponse>& answer) {
    if (current->drill.state != "injecting") return;
    // One that dies of the order may take the answer with it.
    if (!answer && !plan.ends_process)
      return give_up(address + " did not take the fault: " + answer.error().message());
    if (answer && answer->status >= 300) {
      return give_up(address + " refused the fault: status " + std::to_string(answer->status) +
                     " " + printable(answer->body));
    }
    if (--orders_out > 0) return;
    current->drill.state = "waiting";
    if (current->drill.closed_at) return restore();
    save_soon();
  }

  void give_up(std::string why) {
    trouble = std::move(why);
    restore();
  }

  // ---- watch

  bool is_watching() const {
    return current && current->drill.injected_at &&
           (current->drill.state == "injecting" || current->drill.state == "waiting");
  }

  void on_entry(const state::Entry& entry) {
    if (!is_watching()) return;
    const auto before = dump_json(current->drill);
    if (entry.topic == model::kIncidentChanged) {
      if (const auto incident = parse_json<model::Incident>(entry.body)) on_incident(*incident);
    } else if (entry.topic == model::kRemedyChanged) {
      if (const auto remedy = parse_json<model::Remedy>(entry.body)) on_remedy(*remedy);
    }
    if (dump_json(current->drill) == before) return;
    if (current->drill.closed_at && current->drill.state == "waiting") return restore();
    save_soon();
  }

  // The first incident that is opened, or joined by a new alert or fault, after the injection.
  void on_incident(const model::Incident& incident) {
    auto& drill = current->drill;
    if (incident.service != drill.service) return;
    if (drill.incident.empty()) {
      const auto fresh =
          std::ranges::find_if(incident.timeline, [&](const model::TimelineEntry& line) {
            return (line.kind == "alert_fired" || line.kind == "opened") &&
                   line.at >= *drill.injected_at;
          });
      if (fresh == incident.timeline.end()) return;
      drill.incident = incident.id.value;
      drill.detected_at = std::max(incident.opened_at, fresh->at);
    }
    if (incident.id.value != drill.incident) return;
    if (incident.acknowledged_at && *incident.acknowledged_at >= *drill.injected_at) {
      keep_earlier(drill.acknowledged_at, *incident.acknowledged_at);
    }
    if (incident.active() || drill.closed_at) return;
    drill.closed_at = incident.resolved_at.value_or(env.clock.now());
    // Healed without an act of ours: the signal was good again when the incident was mitigated.
    if (!drill.repaired_at) drill.repaired_at = incident.mitigated_at;
  }

  void on_remedy(const model::Remedy& remedy) {
    auto& drill = current->drill;
    if (remedy.service != drill.service || remedy.planned_at < *drill.injected_at) return;
    if (remedy.state == model::RemedyState::kPlanned)
      keep_earlier(drill.acknowledged_at, remedy.planned_at);
    if (remedy.state == model::RemedyState::kVerified)
      drill.repaired_at = remedy.verified_at.value_or(env.clock.now());
  }

  // ---- put back

  void restore() {
    if (current->drill.state == "restoring" && restorer) return;
    current->drill.state = "restoring";
    save_soon();
    restorer = std::make_shared<Restorer>(env, operations, client, *current);
    restorer->run(for_this_drill([](Impl& self, const Result<void>& restored) {
      if (restored) {
        self.current->drill.restored_at = self.env.clock.now();
      } else {
        self.trouble += (self.trouble.empty() ? "" : "; ") +
                        ("not everything is back: " + restored.error().message());
        log_error("a drill could not be undone",
                  {{"id", self.current->drill.id}, {"error", restored.error().message()}});
      }
      self.ask_requests([](Impl& self_then, const Requests& now) { self_then.finish(now); });
    }));
  }

  void finish(const Requests& now) {
    auto& drill = current->drill;
    if (drill.injected_at && aborted != kInterrupted) {
      drill.requests = static_cast<std::int64_t>(std::max(0.0, now.all - requests_before.all));
      drill.requests_lost =
          static_cast<std::int64_t>(std::max(0.0, now.lost - requests_before.lost));
    }
    judge_drill(drill, trouble, options.deadline);
    if (!aborted.empty()) {
      drill.state = "aborted";
      drill.verdict =
          aborted + (drill.restored_at ? "; everything is put back." : "; " + trouble + ".");
    }
    save_end();
  }

  void save_end() {
    save(for_this_drill([](Impl& self, const Result<void>& saved) {
      if (!saved) {
        log_warn("a drill's end could not be recorded", {{"error", saved.error().message()}});
        return self.later(kRetryAfter, [](Impl& again) { again.save_end(); });
      }
      log_info("drill ended",
               {{"id", self.current->drill.id}, {"verdict", self.current->drill.verdict}});
      self.restorer.reset();
      self.current.reset();
      self.restore_next();
    }));
  }

  // ---- after a crash

  void restore_next() {
    if (current || unfinished.empty()) return;
    current = std::move(unfinished.front());
    unfinished.pop_front();
    trouble.clear();
    aborted = kInterrupted;
    log_warn("a drill was interrupted and is undone", {{"id", current->drill.id}});
    restore();
  }

  Result<void> load() {
    for (const auto& document : HF_TRY(journal.documents("drill"))) {
      auto record = HF_TRY(parse_record(document.body).context("drill " + document.id));
      shown.push_back(record.drill);
      if (!has_ended(record.drill)) unfinished.push_back(std::move(record));
    }
    std::ranges::stable_sort(shown, std::greater{}, &Drill::started_at);
    return {};
  }

  void abort(const std::string& id, const std::string& by, Done done) {
    if (!current || current->drill.id != id || has_ended(current->drill)) {
      const auto at = std::ranges::find(shown, id, &Drill::id);
      if (at == shown.end()) return done(not_found("no drill '" + printable(id) + "'"));
      return done(Error(Code::kConflict, "drill " + id + " has ended"));
    }
    if (aborted.empty()) aborted = "Aborted by " + by;
    if (current->drill.state != "restoring") current->drill.state = "restoring";
    save(for_this_drill([done = std::move(done)](Impl& self, const Result<void>& saved) {
      // What it broke is put back in any case.
      self.restore();
      if (saved)
        done(self.current->drill);
      else
        done(saved.error());
    }));
  }

  Env& env;
  state::Journal& journal;
  act::Operations& operations;
  net::Client& client;
  const query::promql::Engine& engine;
  const DrillOptions options;
  std::vector<model::Service> services;
  std::vector<Drill> shown;            // as on disk, newest first
  std::optional<DrillRecord> current;  // under way
  DrillPlan plan;                      // of it
  Requests requests_before;
  std::size_t orders_out = 0;
  std::string trouble;  // what went wrong in it
  std::string aborted;  // why it is not finished; empty: it runs its course
  std::shared_ptr<Restorer> restorer;
  std::deque<DrillRecord> unfinished;  // of an earlier Holdfast
  std::unique_ptr<state::Subscription> subscription;
};

Drills::Drills(Env& env, state::Journal& journal, act::Operations& operations, net::Client& client,
               const query::promql::Engine& engine, DrillOptions options)
    : impl_(std::make_shared<Impl>(env, journal, operations, client, engine, options)) {}
Drills::~Drills() = default;

Result<void> Drills::start(std::vector<model::Service> services) {
  impl_->services = std::move(services);
  HF_TRY(impl_->load());
  impl_->subscription =
      impl_->journal.subscribe("", [weak = std::weak_ptr(impl_)](const state::Entry& entry) {
        if (const auto self = weak.lock()) self->on_entry(entry);
      });
  // A turn later: whoever else is being started is there by then.
  impl_->env.executor.post(Lane::kControl, [weak = std::weak_ptr(impl_)] {
    if (const auto self = weak.lock()) self->restore_next();
  });
  return {};
}

void Drills::configure(std::vector<model::Service> services) {
  impl_->services = std::move(services);
}

void Drills::run(const std::string& kind, const std::string& service, const std::string& by,
                 Done done) {
  if (!done) done = [](const Result<Drill>&) {};
  if (!impl_->current && !impl_->unfinished.empty()) {
    return done(Error(Code::kConflict, "an interrupted drill is being undone"));
  }
  impl_->run(kind, service, by, std::move(done));
}

void Drills::abort(const std::string& id, const std::string& by, Done done) {
  if (!done) done = [](const Result<Drill>&) {};
  impl_->abort(id, by, std::move(done));
}

std::vector<Drill> Drills::runs() const { return impl_->shown; }

const Drill* Drills::active() const {
  if (!impl_->current) return nullptr;
  const auto at = std::ranges::find(impl_->shown, impl_->current->drill.id, &Drill::id);
  return at == impl_->shown.end() ? nullptr : &*at;
}

}  // namespace holdfast::learn
