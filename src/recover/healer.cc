// The healer's shell around the rounds (round.h). News and people's wishes queue up; while a commit
// is on its way to the disk nothing is decided. Then everything observed meanwhile is looked at
// together, and what is decided becomes the book only when it is durable: a fault, the remedy
// planned for it and the intent to act are one commit.
//
//   entry, tick ──▶ observe ──▶ round ──▶ commit ──▶ book ──▶ outbox ──▶ Operations
//                                 ▲                                        │
//                                 └──────────── outcome, as news ◀─────────┘
//
// The outcome is journaled with the remedy, then the intent is finished. A crash between the two
// finds the outcome in the book when the intent comes again, and does nothing; a crash before finds
// the remedy running, and asks Operations under the same key, which answers from its own record.
#include "recover/healer.h"

#include <algorithm>
#include <deque>

#include "base/log.h"
#include "base/text.h"
#include "recover/book.h"
#include "recover/round.h"

namespace holdfast::recover {

using model::Remedy;
using model::RemedyState;

namespace {

constexpr Duration kTickBusy = 250ms;  // a fault is open: its signal is watched
constexpr Duration kTickIdle = 1s;  // news wakes the healer; this is for news that the disk refused
constexpr Duration kQueryDeadline = 2s;
// An act always ends with a report; this only bounds how long the outbox believes in that.
constexpr Duration kActPatience = 1h;

std::string answer_text(const query::promql::QueryResult& result) {
  if (const auto* scalar = std::get_if<query::promql::Scalar>(&result.value))
    return format_double(scalar->value);
  const auto* vector = std::get_if<query::promql::Vector>(&result.value);
  if (vector == nullptr) return "a range";
  if (vector->series.empty()) return "nothing";
  const auto& first = vector->series.front();
  return std::to_string(vector->series.size()) + " series, first " + first.labels.text() + " " +
         (first.points.empty() ? "" : format_double(first.points.back().value));
}

}  // namespace

struct Healer::Impl : std::enable_shared_from_this<Impl> {
  struct Work {
    std::function<void(Draft&)> apply;
    Done done;  // a person waits for the answer; empty: news, which is never dropped
    std::function<void()> then;  // when it is durable
  };
  struct Waiting {
    state::Intent intent;
    state::Outbox::Finish finish;
  };

  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, act::Operations& operations,
       const query::promql::Engine& engine)
      : env(env), journal(journal), outbox(outbox), operations(operations), engine(engine) {}

  // ---- the queue

  void add(Work work) {
    queue.push_back(std::move(work));
    pump();
  }

  void pump() {
    if (committing || !started) return;
    for (const auto& service : services) observe(service);
    auto works = std::make_shared<std::deque<Work>>(std::move(queue));
    queue.clear();
    auto draft = std::make_shared<Draft>(book);
    for (const auto& work : *works) work.apply(*draft);
    const auto questions =
        run_round(*draft, observed, services, {env.clock.now(), env.clock.mono()});
    for (const auto& [fault, query] : questions) ask(fault, query);
    if (draft->empty()) return answer(*works);
    committing = true;
    outbox.commit(draft->take_batch(),
                  [weak = weak_from_this(), works, draft](Result<state::Seq> seq) {
                    if (const auto self = weak.lock()) self->committed(seq, *works, *draft);
                  });
  }

  void committed(const Result<state::Seq>& seq, std::deque<Work>& works, const Draft& draft) {
    committing = false;
    if (!seq) {
      log_error("remedies could not be written; nothing is done before they are",
                {{"error", seq.error().message()}});
      for (auto& work : works) {
        if (work.done) work.done(Error(seq.error()));
      }
      std::erase_if(works, [](const Work& work) { return static_cast<bool>(work.done); });
      queue.insert(queue.begin(), std::make_move_iterator(works.begin()),
                   std::make_move_iterator(works.end()));
      return schedule();  // the next tick tries again
    }
    book = draft.book();
    answer(works);
    schedule();
    pump();
  }

  void answer(std::deque<Work>& works) {
    for (auto& work : works) {
      if (work.then) work.then();
      if (work.done) work.done(book.automation);
    }
  }

  // ---- observing

  void observe(const model::Service& service) {
    if (!is_guarded(service)) return;
    auto& known = observed.instances[service.name];
    std::vector<SeenInstance> now_seen;
    for (const auto& instance : operations.instances(service.name)) {
      const auto same = std::ranges::find_if(
          known, [&](const auto& seen) { return seen.instance.id == instance.id; });
      now_seen.push_back(same == known.end() ? SeenInstance{} : *same);
      now_seen.back().see(instance);
    }
    known = std::move(now_seen);
    observed.wanted[service.name] = operations.wanted(service.name);
  }

  void on_entry(const state::Entry& entry) {
    if (entry.topic == model::kInstanceChanged) {
      // What it is now is asked of Operations; the entry only tells why it is so.
      if (const auto instance = parse_json<model::Instance>(entry.body)) note_purpose(*instance);
    } else if (entry.topic == model::kAlertChanged) {
      if (auto alert = parse_json<model::Alert>(entry.body)) on_alert(std::move(*alert));
    } else {
      return;
    }
    pump();
  }

  void note_purpose(const model::Instance& instance) {
    for (auto& seen : observed.instances[instance.service]) {
      if (seen.instance.id == instance.id) seen.see(instance);
    }
  }

  void on_alert(model::Alert alert) {
    auto fingerprint = alert.fingerprint();
    observed.alerts[std::move(fingerprint)] = std::move(alert);
  }

  void schedule() {
    const auto open =
        std::ranges::any_of(book.faults, [](const auto& item) { return item.second->open; });
    const auto delay = open || !queue.empty() ? kTickBusy : kTickIdle;
    if (timer != TimerId::kNone && delay >= timer_delay) return;  // it comes early enough
    if (timer != TimerId::kNone) env.executor.cancel(timer);
    timer_delay = delay;
    timer = env.executor.post_after(Lane::kControl, delay, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->timer = TimerId::kNone;
      self->pump();
      self->schedule();
    });
  }

  // ---- the verify query

  void ask(const std::string& fault, const std::string& query) {
    observed.watches[fault].asking = true;
    env.executor.post(Lane::kPool, [weak = weak_from_this(), fault, query] {
      auto self = weak.lock();
      if (!self) return;
      query::promql::QueryOptions options;
      options.deadline = self->env.clock.mono() + kQueryDeadline;
      auto result = self->engine.instant(query, to_ms(self->env.clock.now()), options);
      auto& executor = self->env.executor;
      // Handed back with the answer, so that the healer never ends on a pool thread.
      executor.post(Lane::kControl, [self = std::move(self), fault, result = std::move(result)] {
        self->answered(fault, result);
      });
    });
  }

  void answered(const std::string& fault, const Result<query::promql::QueryResult>& result) {
    const auto at = observed.watches.find(fault);
    if (at == observed.watches.end()) return;
    auto& watch = at->second;
    watch.asking = false;
    const auto quiet = result ? is_quiet(*result) : Result<bool>(result.error());
    // Without an answer nobody knows that it is well.
    watch.quiet = quiet ? *quiet : false;
    watch.answer = quiet ? answer_text(*result) : quiet.error().message();
  }

  // ---- acting, for the outbox

  void run_intent(const state::Intent& intent, state::Outbox::Finish finish) {
    if (!started) {
      waiting.push_back({intent, std::move(finish)});
      return;
    }
    const auto at = book.remedies.find(intent.key);
    if (at == book.remedies.end()) {
      log_error("a remedy's intent has no remedy", {{"key", intent.key}});
      return finish(state::Batch{});
    }
    if (!is_under_way(*at->second))
      return finish(state::Batch{});  // a crash came between outcome and here
    const auto act = parse_act(intent.body);
    if (!act) return ended(intent.key, {false, act.error().message(), {}}, std::move(finish));
    // An act that was begun goes on; Operations would anyway.
    if (at->second->state == RemedyState::kPlanned && book.automation.stopped) {
      return hold_planned(intent.key, std::move(finish));
    }
    add({[key = intent.key](Draft& draft) {
           if (draft.book().remedies.at(key)->state != RemedyState::kPlanned) return;
           auto remedy = *draft.book().remedies.at(key);
           remedy.state = RemedyState::kRunning;
           draft.put(std::move(remedy));
         },
         {},
         {}});
    log_info("remedy begins",
             {{"id", intent.key}, {"remedy", act->remedy}, {"target", act->target}});
    begin(intent.key, *act,
          [weak = weak_from_this(), key = intent.key, finish](act::Report report) {
            if (const auto self = weak.lock()) self->ended(key, std::move(report), finish);
          });
  }

  void hold_planned(const std::string& key, state::Outbox::Finish finish) {
    add({[key](Draft& draft) {
           if (draft.book().remedies.at(key)->state != RemedyState::kPlanned) return;
           draft.move(key, RemedyState::kRefused,
                      "stopped before it began, by " + draft.book().automation.by);
         },
         {},
         [finish] { finish(state::Batch{}); }});
  }

  void begin(const std::string& key, const Act& act, act::Done done) {
    if (act.remedy == kRestart)
      return operations.restart(key, act.service, act.target, std::move(done));
    if (act.remedy == kScaleOut)
      return operations.scale(key, act.service, act.version, act.replicas, std::move(done));
    if (act.remedy != kShiftTraffic)
      return done({false, "the remedy '" + act.remedy + "' is not known", {}});
    // The traffic first, on its own: it waits for nobody. Then the instances, whatever became of
    // the first.
    operations.set_canary_percent(
        key, act.service, 0, [weak = weak_from_this(), key, act, done](act::Report moved) {
          const auto self = weak.lock();
          if (!self) return;
          self->operations.stop_canary(
              key + "/stop", act.service, [moved, done](act::Report stopped) {
                stopped.steps.insert(stopped.steps.begin(), moved.steps.begin(), moved.steps.end());
                if (stopped.ok && !moved.ok)
                  log_warn("traffic came off the release only as it stopped",
                           {{"error", moved.error}});
                done(std::move(stopped));
              });
        });
  }

  void ended(const std::string& key, act::Report report, state::Outbox::Finish finish) {
    log_info("remedy ended",
             {{"id", key}, {"ok", report.ok ? "true" : "false"}, {"error", report.error}});
    const auto at = env.clock.now();
    add({[key, report = std::move(report), at](Draft& draft) {
           auto remedy = *draft.book().remedies.at(key);
           if (!is_under_way(remedy)) return;
           remedy.state = report.ok ? RemedyState::kDone : RemedyState::kFailed;
           if (!report.ok) remedy.reason = report.error;
           remedy.steps = report.steps;
           remedy.finished_at = at;
           draft.put(std::move(remedy));
         },
         {},
         [finish = std::move(finish)] { finish(state::Batch{}); }});
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  act::Operations& operations;
  const query::promql::Engine& engine;
  std::vector<model::Service> services;
  Book book;          // durable
  Observed observed;  // as of the last look
  std::deque<Work> queue;
  std::vector<Waiting> waiting;  // intents that came before it has started
  bool committing = false;
  bool started = false;
  TimerId timer = TimerId::kNone;
  Duration timer_delay{};
  std::unique_ptr<state::Subscription> subscription;
};

Healer::Healer(Env& env, state::Journal& journal, state::Outbox& outbox,
               act::Operations& operations, const query::promql::Engine& engine)
    : impl_(std::make_shared<Impl>(env, journal, outbox, operations, engine)) {
  state::Outbox::Handler handler;
  handler.run = [weak = std::weak_ptr(impl_)](const state::Intent& intent, int,
                                              state::Outbox::Finish finish) {
    if (const auto self = weak.lock()) self->run_intent(intent, std::move(finish));
  };
  handler.give_up = [](const state::Intent&, int, const Error&) {
    return std::optional<state::Batch>();
  };
  handler.attempt_timeout = kActPatience;
  outbox.handle("remedy", std::move(handler));
}

Healer::~Healer() {
  if (impl_->timer != TimerId::kNone) impl_->env.executor.cancel(impl_->timer);
}

Result<void> Healer::start(std::vector<model::Service> services) {
  auto& impl = *impl_;
  impl.services = std::move(services);
  impl.book = HF_TRY(load_book(impl.journal));
  for (const auto& document : HF_TRY(impl.journal.documents("alert"))) {
    if (auto alert = parse_json<model::Alert>(document.body)) impl.on_alert(std::move(*alert));
  }
  impl.subscription =
      impl.journal.subscribe("", [weak = std::weak_ptr(impl_)](const state::Entry& entry) {
        if (const auto self = weak.lock()) self->on_entry(entry);
      });
  // A turn later: whoever else is being started, Operations above all, knows its records by then.
  impl.env.executor.post(Lane::kControl, [weak = std::weak_ptr(impl_)] {
    const auto self = weak.lock();
    if (!self) return;
    self->started = true;
    for (auto& [intent, finish] : std::exchange(self->waiting, {})) {
      self->run_intent(intent, std::move(finish));
    }
    self->pump();
    self->schedule();
  });
  return {};
}

void Healer::configure(std::vector<model::Service> services) {
  impl_->services = std::move(services);
  impl_->pump();
}

std::vector<model::Fault> Healer::faults() const {
  const auto now = impl_->env.clock.now();
  std::vector<model::Fault> list;
  for (const auto& [id, fault] : impl_->book.faults) {
    if (fault->open || now - fault->closed_at.value_or(now) <= kFaultsRemembered)
      list.push_back(*fault);
  }
  std::ranges::stable_sort(list, std::greater{}, &model::Fault::detected_at);
  return list;
}

std::vector<Remedy> Healer::remedies() const {
  std::vector<Remedy> list;
  for (const auto& [id, remedy] : impl_->book.remedies) list.push_back(*remedy);
  std::ranges::stable_sort(list, std::greater{}, &Remedy::planned_at);
  if (list.size() > kRemediesRemembered) list.resize(kRemediesRemembered);
  return list;
}

model::Automation Healer::automation() const { return impl_->book.automation; }

void Healer::set_automation(bool stopped, const std::string& by, const std::string& reason,
                            Done done) {
  const model::Automation automation{stopped, by, reason, impl_->env.clock.now()};
  if (!done) done = [](const Result<model::Automation>&) {};
  impl_->add({[automation](Draft& draft) { draft.put(automation); }, std::move(done), {}});
}

}  // namespace holdfast::recover
