#include "learn/postmortem/postmortems.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "base/text.h"

namespace holdfast::learn {
namespace {

constexpr std::string_view kKind = "postmortem";
// Incidents that ended before there were postmortems get none.
constexpr Duration kLookBack = 48h;
constexpr Duration kRetryAfter = 5s;

}  // namespace

struct Postmortems::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, respond::Notifier& notifier,
       PostmortemOptions options)
      : env(env),
        journal(journal),
        outbox(outbox),
        notifier(notifier),
        options(std::move(options)) {}

  Result<void> restore() {
    for (const auto& document : HF_TRY(journal.documents(kKind))) {
      auto one = HF_TRY(parse_json<Postmortem>(document.body).context("postmortem " + document.id));
      postmortems[document.id] = std::move(one);
    }
    for (const auto& document : HF_TRY(journal.documents("incident"))) {
      if (postmortems.contains(document.id)) continue;
      auto incident = parse_json<model::Incident>(document.body);
      if (incident && incident->resolved_at &&
          env.clock.now() - *incident->resolved_at <= kLookBack)
        on_incident(*incident);
    }
    watch_later();
    return {};
  }

  void on_incident(const model::Incident& incident) {
    if (incident.active() || incident.drill || !incident.merged_into.empty()) return;
    if (static_cast<int>(incident.rank) > options.ranks_up_to) return;
    if (postmortems.contains(incident.id.value) || busy.contains(incident.id.value)) return;
    commit(draft_postmortem(incident, options.language, options.due_within, env.clock.now()), {},
           [weak = weak_from_this(), incident](Result<Postmortem> result) {
             if (result) return;
             auto self = weak.lock();
             if (!self) return;
             log_warn("a postmortem could not be written; it is tried again",
                      {{"incident", incident.id.value}, {"error", result.error().message()}});
             self->env.executor.post_after(Lane::kControl, kRetryAfter, [weak, incident] {
               if (auto alive = weak.lock()) alive->on_incident(incident);
             });
           });
  }

  void commit(const Postmortem& next, std::function<void(state::Batch&)> more, Done done) {
    state::Batch batch;
    const auto body = dump_json(next);
    batch.document(std::string(kKind), next.incident, body);
    batch.entry(kPostmortemChanged, next.incident, body);
    if (more) more(batch);
    busy.insert(next.incident);
    outbox.commit(std::move(batch), [weak = weak_from_this(), next, done](Result<state::Seq> seq) {
      auto self = weak.lock();
      if (!self) return;
      self->busy.erase(next.incident);
      if (!seq) {
        if (done) done(Error(seq.error()));
        return;
      }
      self->postmortems[next.incident] = next;
      self->watch_later();
      if (done) done(next);
    });
  }

  // One timer, for the earliest due time nobody was told about.
  void watch_later() {
    std::optional<WallTime> next;
    for (const auto& [id, one] : postmortems) {
      if (one.reviewed_at || one.overdue_told_at) continue;
      if (!next || one.due_at < *next) next = one.due_at;
    }
    if (timer != TimerId::kNone) env.executor.cancel(timer);
    timer = TimerId::kNone;
    if (!next) return;
    const Duration wait = std::max<Duration>(*next - env.clock.now() + 1ms, 1ms);
    timer = env.executor.post_after(Lane::kControl, wait, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->timer = TimerId::kNone;
      self->tell_overdue();
    });
  }

  void tell_overdue() {
    std::vector<Postmortem> late;
    for (const auto& [id, one] : postmortems) {
      if (one.overdue(env.clock.now()) && !one.overdue_told_at && !busy.contains(id))
        late.push_back(one);
    }
    for (auto& one : late) {
      one.overdue_told_at = env.clock.now();
      commit(
          one,
          [&](state::Batch& batch) {
            auto document = journal.document("incident", one.incident);
            if (!document || !*document) return;
            if (auto incident = parse_json<model::Incident>((*document)->body))
              notifier.add_intents(*incident, "postmortem_overdue", batch);
          },
          [weak = weak_from_this()](Result<Postmortem> result) {
            auto self = weak.lock();
            if (!self || result) return;
            self->env.executor.post_after(Lane::kControl, kRetryAfter, [weak] {
              if (auto alive = weak.lock()) alive->watch_later();
            });
          });
    }
    if (late.empty()) watch_later();
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  respond::Notifier& notifier;
  PostmortemOptions options;
  std::map<std::string, Postmortem> postmortems;
  std::set<std::string> busy;  // whose change is on its way to the disk
  TimerId timer = TimerId::kNone;
  std::unique_ptr<state::Subscription> subscription;
};

Postmortems::Postmortems(Env& env, state::Journal& journal, state::Outbox& outbox,
                         respond::Notifier& notifier, PostmortemOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, notifier, std::move(options))) {}
Postmortems::~Postmortems() = default;

Result<void> Postmortems::start() {
  HF_TRY(impl_->restore());
  impl_->subscription =
      impl_->journal.subscribe(std::string(model::kIncidentChanged),
                               [weak = std::weak_ptr<Impl>(impl_)](const state::Entry& entry) {
                                 auto self = weak.lock();
                                 if (!self) return;
                                 if (auto incident = parse_json<model::Incident>(entry.body))
                                   self->on_incident(*incident);
                               });
  return {};
}

void Postmortems::configure(PostmortemOptions options) { impl_->options = std::move(options); }
const PostmortemOptions& Postmortems::options() const { return impl_->options; }

std::vector<Postmortem> Postmortems::list() const {
  std::vector<Postmortem> list;
  for (const auto& [id, one] : impl_->postmortems) list.push_back(one);
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.created_at > b.created_at; });
  return list;
}

Result<Postmortem> Postmortems::find(const std::string& incident) const {
  const auto found = impl_->postmortems.find(incident);
  if (found == impl_->postmortems.end())
    return not_found("incident '" + printable(incident) + "' has no postmortem");
  return found->second;
}

void Postmortems::draft(const model::Incident& incident, const std::string& language, Done done) {
  const auto& id = incident.id.value;
  if (impl_->postmortems.contains(id) || impl_->busy.contains(id))
    return done(Error(Code::kExists, "incident " + id + " has a postmortem already"));
  impl_->commit(draft_postmortem(incident, language.empty() ? impl_->options.language : language,
                                 impl_->options.due_within, impl_->env.clock.now()),
                {}, std::move(done));
}

void Postmortems::change(const std::string& incident, Change change, Done done) {
  if (impl_->busy.contains(incident)) {
    return done(Error(Code::kConflict,
                      "the postmortem of " + incident + " is being changed by somebody else"));
  }
  auto found = find(incident);
  if (!found) return done(std::move(found).error());
  auto next = change(std::move(*found), impl_->env.clock.now());
  if (!next) return done(std::move(next).error());
  impl_->commit(*next, {}, std::move(done));
}

}  // namespace holdfast::learn
