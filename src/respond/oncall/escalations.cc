// News, people's acts and what is due queue up as Work, as in incident/incidents.cc. While a commit
// is on its way to the disk nothing is decided; then all that queued meanwhile is applied to copies
// of the cases it touches and committed together, and only a durable copy becomes the state.
#include "respond/oncall/escalations.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/log.h"
#include "respond/oncall/escalation_rows.h"
#include "respond/oncall/page_outbox.h"

namespace holdfast::respond::oncall {

using model::Incident;
using model::Page;
using model::PageState;

namespace {

constexpr Duration kRetryAfter = 1s;
constexpr Duration kIdleAuditEvery = 60s;  // without any escalation in memory

struct State {
  std::map<std::string, Case> cases;  // by incident
  std::map<std::string, std::int64_t> cursors;
};

// What one commit will change. Cases are copied when first touched.
struct Draft {
  explicit Draft(const State& base) : base(base), cursors(base.cursors) {}

  Case* find(const std::string& incident) {
    if (archived.count(incident) > 0) return nullptr;
    if (const auto found = cases.find(incident); found != cases.end()) return &found->second;
    const auto known = base.cases.find(incident);
    if (known == base.cases.end()) return nullptr;
    return &cases.emplace(incident, known->second).first->second;
  }

  const State& base;
  std::map<std::string, Case> cases;
  std::map<std::string, Effects> effects;
  std::map<std::string, std::int64_t> cursors;
  std::set<std::string> archived;
  state::Batch extra;  // of what concerns no case
};

struct Work {
  std::function<Result<void>(Draft&)> apply;
  Escalations::Done done;  // a person asked
  bool repeats = false;    // comes again by itself: what is due
};

bool is_final(PageState state) { return state >= PageState::kHandedOver; }

bool is_over(const Case& c) {
  return c.escalation.state == EscalationState::kEnded &&
         std::all_of(c.pages.begin(), c.pages.end(),
                     [](const auto& item) { return is_final(item.second.state); });
}

}  // namespace

struct Escalations::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, Roster& roster,
       EscalationOptions options)
      : env(env), journal(journal), outbox(outbox), roster(roster), options(std::move(options)) {}

  // ---- the queue ----

  void add(Work work) {
    queue.push_back(std::move(work));
    pump();
  }

  void pump() {
    if (committing || queue.empty()) return;
    auto works = std::make_shared<std::deque<Work>>(std::move(queue));
    queue.clear();
    auto draft = std::make_shared<Draft>(state);
    auto answers = std::make_shared<std::vector<std::pair<Done, Result<void>>>>();
    for (auto& work : *works) {
      auto result = work.apply(*draft);
      if (work.done) answers->emplace_back(work.done, std::move(result));
    }
    auto batch = make_batch(*draft);
    if (batch.empty()) {
      adopt(*draft);
      for (auto& [done, result] : *answers) done(std::move(result));
      return;
    }
    committing = true;
    outbox.commit(std::move(batch),
                  [weak = weak_from_this(), works, draft, answers](Result<state::Seq> seq) {
                    if (auto self = weak.lock()) self->committed(seq, *works, *draft, *answers);
                  });
  }

  state::Batch make_batch(Draft& draft) const {
    auto batch = std::move(draft.extra);
    for (const auto& [incident, fx] : draft.effects) {
      const auto found = draft.cases.find(incident);
      if (found == draft.cases.end() || draft.archived.count(incident) > 0) continue;
      const auto& c = found->second;
      if (fx.changed)
        batch.document(std::string(kEscalationKind), incident, dump_json(c.escalation));
      for (const auto& event : fx.events)
        batch.entry(model::kEscalationChanged, incident, dump_json(event));
      for (const auto& id : fx.pages) {
        const auto body = dump_json(c.pages.at(id));
        batch.document(std::string(kPageKind), id, body);
        batch.entry(model::kPageChanged, id, body);
      }
      for (const auto& id : fx.queued)
        batch.intent(intent_of(c.pages.at(id), words(c.pages.at(id), c.incident)));
    }
    for (const auto& incident : draft.archived) {
      const auto& c = draft.base.cases.at(incident);
      batch.document(std::string(kPastKind), incident, past_body(c));
      batch.document(std::string(kEscalationKind), incident, "");
      for (const auto& [id, page] : c.pages) batch.document(std::string(kPageKind), id, "");
    }
    for (const auto& [key, value] : draft.cursors) {
      const auto known = draft.base.cursors.find(key);
      if (known == draft.base.cursors.end() || known->second != value)
        batch.document(std::string(kCursorKind), key, std::to_string(value));
    }
    return batch;
  }

  PageMessage words(const Page& page, const Incident& incident) const {
    const auto person = roster.people().find(page.person);
    std::string language = options.language;
    Zone zone;
    if (person != roster.people().end()) {
      if (!person->second.language.empty()) language = person->second.language;
      if (auto own = find_zone(person->second.zone)) zone = *own;
    }
    return words_of(page, incident, language, zone, options.external_url);
  }

  void adopt(Draft& draft) {
    for (auto& [incident, c] : draft.cases) state.cases[incident] = std::move(c);
    for (const auto& incident : draft.archived) state.cases.erase(incident);
    state.cursors = std::move(draft.cursors);
    arm();
  }

  void committed(const Result<state::Seq>& seq, std::deque<Work>& works, Draft& draft,
                 std::vector<std::pair<Done, Result<void>>>& answers) {
    committing = false;
    refused = !seq;
    if (!seq) {
      log_error("escalations could not be written; news waits, people are told",
                {{"error", seq.error().message()}});
      for (auto& [done, result] : answers) done(Error(seq.error()));
      std::erase_if(works, [](const Work& work) { return work.done || work.repeats; });
      queue.insert(queue.begin(), std::make_move_iterator(works.begin()),
                   std::make_move_iterator(works.end()));
      env.executor.post_after(Lane::kControl, kRetryAfter, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->pump();
      });
      arm();
      return;
    }
    adopt(draft);
    for (auto& [done, result] : answers) done(std::move(result));
    pump();
  }

  Ladder ladder(Draft& draft) const {
    return {options.policies,
            roster.people(),
            [this](const std::string& schedule, const std::string& role, WallTime at) {
              return roster.on_call(schedule, role, at);
            },
            draft.cursors,
            options.page_deadline,
            env.clock.now()};
  }

  // ---- what is due ----

  void arm() {
    if (!started) return;
    if (timer != TimerId::kNone) env.executor.cancel(timer);
    const auto now = env.clock.now();
    Duration delay = state.cases.empty() ? kIdleAuditEvery : kTickMax;
    for (const auto& [incident, c] : state.cases) {
      if (const auto due = next_due(c, options.page_deadline))
        delay = std::min<Duration>(delay, *due - now);
    }
    // Overdue rows of a commit that was refused are not tried in a circle.
    delay = std::max<Duration>(delay, committing || refused ? kRetryAfter : Duration(0));
    timer = env.executor.post_after(Lane::kControl, delay, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->tick();
    });
  }

  void tick() {
    timer = TimerId::kNone;
    if (!committing) {
      audit();
      const auto now = env.clock.now();
      std::vector<std::string> due;
      std::vector<std::string> over;
      for (const auto& [incident, c] : state.cases) {
        const auto at = next_due(c, options.page_deadline);
        if (at && *at <= now) due.push_back(incident);
        if (is_over(c)) over.push_back(incident);
      }
      if (!due.empty() || !over.empty()) {
        add({[this, due, over](Draft& draft) { return run(draft, due, over); }, {}, true});
        if (committing) return arm_later();
      }
    }
    arm();
  }

  // The commit's end arms again; this is for the case that it never ends.
  void arm_later() {
    timer = env.executor.post_after(Lane::kControl, kTickMax, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->tick();
    });
  }

  Result<void> run(Draft& draft, const std::vector<std::string>& due,
                   const std::vector<std::string>& over) {
    for (const auto& incident : due) {
      if (auto* c = draft.find(incident)) run_due(*c, ladder(draft), draft.effects[incident]);
    }
    for (const auto& incident : over) {
      const auto* c = draft.find(incident);
      if (c == nullptr || !is_over(*c) || draft.effects.count(incident) > 0) continue;
      draft.cases.erase(incident);
      draft.archived.insert(incident);
    }
    return {};
  }

  // ---- the auditor ----

  void audit() {
    const auto now = env.clock.mono();
    if (last_audit && now - *last_audit < kAuditEvery) return;
    last_audit = now;
    auto documents = journal.documents(kEscalationKind);
    if (!documents)
      return log_error("the auditor cannot read escalations",
                       {{"error", documents.error().message()}});
    for (const auto& document : *documents) {
      auto escalation = parse_json<Escalation>(document.body);
      if (!escalation) {
        log_error("an escalation is not readable",
                  {{"incident", document.id}, {"error", escalation.error().message()}});
        continue;
      }
      audit_one(*escalation);
    }
  }

  void audit_one(const Escalation& durable) {
    const auto known = state.cases.find(durable.incident);
    if (known == state.cases.end()) return adopt_lost(durable);
    Case seen{durable, known->second.pages, known->second.incident};
    auto fault = fault_of(seen, env.clock.now(), kAuditSlack);
    if (fault.empty()) fault = fault_of(known->second, env.clock.now(), kAuditSlack);
    if (fault.empty()) return;
    count_repair(durable.incident, fault);
    add({[this, incident = durable.incident, fault](Draft& draft) -> Result<void> {
           auto* c = draft.find(incident);
           if (c == nullptr) return {};
           auto& fx = draft.effects[incident];
           oncall::repair(*c, fault, env.clock.now(), fx);
           run_due(*c, ladder(draft), fx);
           return {};
         },
         {},
         true});
  }

  void adopt_lost(const Escalation& durable) {
    count_repair(durable.incident, "missing in memory");
    add({[this, durable](Draft& draft) -> Result<void> {
           if (draft.find(durable.incident) != nullptr) return {};
           Case c;
           c.escalation = durable;
           if (auto document = journal.document("incident", durable.incident);
               document && *document) {
             if (auto incident = parse_json<Incident>((*document)->body)) c.incident = *incident;
           }
           auto& kept = draft.cases[durable.incident] = std::move(c);
           oncall::repair(kept, "missing in memory", env.clock.now(),
                          draft.effects[durable.incident]);
           return {};
         },
         {},
         true});
  }

  void count_repair(const std::string& incident, const std::string& fault) {
    ++counts.repaired;
    log_error("the auditor repairs an escalation", {{"incident", incident}, {"fault", fault}});
  }

  // ---- news ----

  void on_incident(const Incident& incident) {
    add({[this, incident](Draft& draft) -> Result<void> {
           hear(draft, incident);
           return {};
         },
         {},
         false});
  }

  void hear(Draft& draft, const Incident& incident) {
    const auto& id = incident.id.value;
    if (auto* c = draft.find(id)) {
      const auto l = ladder(draft);
      auto& fx = draft.effects[id];
      apply_incident(*c, incident, l, fx);
      run_due(*c, l, fx);
      return;
    }
    if (incident.state != model::IncidentState::kOpen) return;
    const auto* policy = choose_policy(options.policies, incident);
    if (policy == nullptr || policy->steps.empty()) return;
    auto& fx = draft.effects[id];
    auto& c = draft.cases[id] = begin(incident, *policy, env.clock.now(), fx);
    run_due(c, ladder(draft), fx);
  }

  void on_page(const Page& page) {
    if (page.state == PageState::kHandedOver && !page.answered_at) {
      ++counts.pages_handed_over;
      if (!page.person.empty() && page.handed_at)
        proofs[page.person + "/" + page.method.name] = {page.method.target, *page.handed_at};
    }
    if (page.state == PageState::kFailed) ++counts.pages_failed;
    const auto c = state.cases.find(page.incident);
    if (c == state.cases.end() || !is_final(page.state)) return;
    const auto known = c->second.pages.find(page.id);
    if (known == c->second.pages.end() || known->second.state != PageState::kQueued) return;
    add({[this, page](Draft& draft) -> Result<void> {
           if (auto* touched = draft.find(page.incident)) {
             auto& fx = draft.effects[page.incident];
             apply_outcome(*touched, page, ladder(draft), fx);
           }
           return {};
         },
         {},
         false});
  }

  void on_entry(const state::Entry& entry) {
    if (entry.topic == model::kIncidentChanged) {
      if (auto incident = parse_json<Incident>(entry.body)) on_incident(*incident);
    } else if (entry.topic == model::kPageChanged) {
      if (auto page = parse_json<Page>(entry.body)) on_page(*page);
    }
  }

  std::string unwanted(const Page& page) const {
    if (page.event != "page" || page.step == kNoEscalation) return {};
    const auto c = state.cases.find(page.incident);
    if (c == state.cases.end()) return "its escalation is over";
    const auto& e = c->second.escalation;
    if (e.state == EscalationState::kEnded) return "the incident is resolved";
    if (e.state == EscalationState::kHeld && page.step > 0)
      return e.held_for + (e.held_by.empty() ? "" : " by " + e.held_by);
    return {};
  }

  // ---- start ----

  Result<void> load() {
    state.cases = HF_TRY(load_cases(journal));
    state.cursors = HF_TRY(load_cursors(journal));
    proofs = HF_TRY(load_proofs(journal));
    return {};
  }

  // Incidents that changed while nobody listened.
  Result<void> catch_up() {
    const auto documents = HF_TRY(journal.documents("incident"));
    for (const auto& document : documents) {
      const auto incident = parse_json<Incident>(document.body);
      if (!incident) continue;
      if (const auto c = state.cases.find(document.id); c != state.cases.end())
        c->second.incident = *incident;
      else if (!incident->active())
        continue;
      on_incident(*incident);
    }
    return {};
  }

  void person(const std::string& incident,
              std::function<Result<void>(Case&, const Ladder&, Effects&)> act, Done done) {
    add({[this, incident, act](Draft& draft) -> Result<void> {
           auto* c = draft.find(incident);
           if (c == nullptr)
             return not_found("no escalation of incident '" + incident + "' is active");
           return act(*c, ladder(draft), draft.effects[incident]);
         },
         std::move(done), false});
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  Roster& roster;
  EscalationOptions options;
  State state;
  std::map<std::string, ContactProof> proofs;  // by person/method
  std::deque<Work> queue;
  bool committing = false;
  bool refused = false;  // the last commit: what is due again is tried slowly
  bool started = false;
  TimerId timer = TimerId::kNone;
  std::optional<MonoTime> last_audit;
  EscalationStats counts;
  std::unique_ptr<PageOutbox> pages;
  std::vector<std::unique_ptr<state::Subscription>> subscriptions;
};

Escalations::Escalations(Env& env, state::Journal& journal, state::Outbox& outbox, Roster& roster,
                         std::shared_ptr<Pager> pager, EscalationOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, roster, std::move(options))) {
  impl_->pages =
      std::make_unique<PageOutbox>(env, outbox, std::move(pager), impl_->options.give_up_after,
                                   [weak = std::weak_ptr(impl_)](const Page& page) {
                                     const auto self = weak.lock();
                                     return self ? self->unwanted(page) : std::string();
                                   });
}

Escalations::~Escalations() = default;

Result<void> Escalations::start() {
  HF_TRY(impl_->load());
  for (const auto topic : {model::kIncidentChanged, model::kPageChanged}) {
    impl_->subscriptions.push_back(impl_->journal.subscribe(
        std::string(topic), [weak = std::weak_ptr(impl_)](const state::Entry& entry) {
          if (auto self = weak.lock()) self->on_entry(entry);
        }));
  }
  impl_->started = true;
  HF_TRY(impl_->catch_up());
  impl_->arm();
  return {};
}

void Escalations::configure(EscalationOptions options, std::shared_ptr<Pager> pager) {
  impl_->options = std::move(options);
  impl_->pages->configure(std::move(pager), impl_->options.give_up_after);
  impl_->arm();
}

std::vector<EscalationView> Escalations::active() const {
  std::vector<EscalationView> list;
  for (const auto& [incident, c] : impl_->state.cases) {
    if (c.escalation.state != EscalationState::kEnded) list.push_back(view_of(c));
  }
  return list;
}

std::optional<EscalationView> Escalations::find(const std::string& incident) const {
  if (const auto c = impl_->state.cases.find(incident); c != impl_->state.cases.end())
    return view_of(c->second);
  return load_past(impl_->journal, incident);
}

std::optional<WallTime> Escalations::proven_at(const std::string& person,
                                               const model::ContactMethod& method) const {
  const auto proof = impl_->proofs.find(person + "/" + method.name);
  // A changed number is another one.
  if (proof == impl_->proofs.end() || proof->second.target != method.target)
    return method.proven_at;
  return proof->second.at;
}

EscalationStats Escalations::stats() const {
  auto stats = impl_->counts;
  for (const auto& [incident, c] : impl_->state.cases) {
    stats.active += c.escalation.state == EscalationState::kActive ? 1 : 0;
    stats.held += c.escalation.state == EscalationState::kHeld ? 1 : 0;
    for (const auto& [id, page] : c.pages) {
      stats.pages_waiting += page.state == PageState::kWaiting ? 1 : 0;
      stats.pages_queued += page.state == PageState::kQueued ? 1 : 0;
    }
  }
  return stats;
}

void Escalations::confirm(const std::string& incident, const std::string& by, Done done) {
  impl_->person(
      incident,
      [by](Case& c, const Ladder& ladder, Effects& fx) {
        return oncall::confirm(c, by, ladder, fx);
      },
      std::move(done));
}

void Escalations::ask_in(const std::string& incident, const Target& target, const std::string& by,
                         Done done) {
  impl_->person(
      incident,
      [target, by](Case& c, const Ladder& ladder, Effects& fx) {
        return oncall::ask_in(c, target, by, ladder, fx);
      },
      std::move(done));
}

void Escalations::escalate(const std::string& incident, const std::string& by, Done done) {
  impl_->person(
      incident,
      [by](Case& c, const Ladder& ladder, Effects& fx) {
        return oncall::escalate(c, by, ladder, fx);
      },
      std::move(done));
}

void Escalations::tell(const Target& target, const PageMessage& message, const std::string& key,
                       Done done) {
  impl_->add({[impl = impl_.get(), target, message, key](Draft& draft) -> Result<void> {
                Case c;  // of its own: no escalation stands behind it
                c.escalation.incident = message.incident;
                Effects fx;
                const auto reached =
                    reach(c, target, message.urgency.empty() ? "high" : message.urgency, key,
                          impl->ladder(draft), fx);
                for (auto& [id, page] : c.pages) {
                  page.state = PageState::kQueued;
                  page.queued_at = page.due_at;
                  auto words = message;
                  words.person = page.person;
                  auto intent = intent_of(page, words);
                  intent.not_before = page.due_at;
                  draft.extra.entry(model::kPageChanged, id, dump_json(page));
                  draft.extra.intent(std::move(intent));
                }
                return reached;
              },
              std::move(done), false});
}

}  // namespace holdfast::respond::oncall
