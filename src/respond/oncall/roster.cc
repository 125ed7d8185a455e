#include "respond/oncall/roster.h"

#include <algorithm>

#include "base/text.h"
#include "model/json_members.h"

namespace holdfast::respond::oncall {
namespace {

constexpr std::string_view kOverrideKind = "oncall_override";
constexpr std::string_view kSwapKind = "oncall_swap";

template <typename T>
auto find_id(std::vector<T>& list, const std::string& id) {
  return std::find_if(list.begin(), list.end(), [&](const T& item) { return item.id == id; });
}

std::string removed_body(const std::string& id, const std::string& by) {
  return nlohmann::json{{"id", id}, {"removed_by", by}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

struct Roster::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal) : env(env), journal(journal) {}

  template <typename T>
  Result<void> load(std::string_view kind, std::vector<T>& list, state::Batch& old) {
    const auto documents = HF_TRY(journal.documents(kind));
    for (const auto& document : documents) {
      auto item =
          HF_TRY(parse_json<T>(document.body).context(std::string(kind) + " " + document.id));
      if (item.to + kKeepChanges < env.clock.now())
        old.document(std::string(kind), document.id, "");
      else
        list.push_back(std::move(item));
    }
    std::stable_sort(list.begin(), list.end(),
                     [](const T& a, const T& b) { return a.made_at < b.made_at; });
    return {};
  }

  std::string known_schedules() const {
    std::vector<std::string> names;
    for (const auto& schedule : schedules) names.push_back(schedule.name);
    return names.empty() ? "there are none" : "there are " + join(names, ", ");
  }

  const Schedule* find(std::string_view name) const {
    const auto found = std::find_if(schedules.begin(), schedules.end(),
                                    [&](const Schedule& s) { return s.name == name; });
    return found == schedules.end() ? nullptr : &*found;
  }

  Result<void> check(const std::string& schedule, WallTime from, WallTime to,
                     const std::vector<std::string>& who) const {
    if (find(schedule) == nullptr)
      return not_found("no schedule '" + printable(schedule, 60) + "'; " + known_schedules());
    if (from >= to) return invalid("it must end after it begins");
    if (to <= env.clock.now()) return invalid("its time has passed already");
    if (to - from > 366 * 24h) return invalid("it is longer than a year");
    for (const auto& person : who) {
      if (people.count(person) == 0) return not_found("no person '" + printable(person, 60) + "'");
    }
    return {};
  }

  template <typename T>
  void write(std::string_view kind, const T& item, std::vector<T>& list,
             std::function<void(Result<T>)> done) {
    state::Batch batch;
    const auto body = dump_json(item);
    batch.document(std::string(kind), item.id, body);
    batch.entry(kRosterChanged, item.schedule, body);
    journal.commit(std::move(batch),
                   [weak = weak_from_this(), item, &list, done](Result<state::Seq> seq) {
                     const auto self = weak.lock();
                     if (!self) return;
                     if (!seq) return done(Error(seq.error()));
                     const auto found = find_id(list, item.id);
                     if (found == list.end())
                       list.push_back(item);
                     else
                       *found = item;
                     done(item);
                   });
  }

  Env& env;
  state::Journal& journal;
  std::vector<Schedule> schedules;
  std::map<std::string, model::Person> people;
  Changes changes;
  std::set<std::string> taking;  // swaps whose taker is on the way to the disk
};

Roster::Roster(Env& env, state::Journal& journal) : impl_(std::make_shared<Impl>(env, journal)) {}
Roster::~Roster() = default;

Result<void> Roster::start() {
  state::Batch old;
  HF_TRY(impl_->load(kOverrideKind, impl_->changes.overrides, old));
  HF_TRY(impl_->load(kSwapKind, impl_->changes.swaps, old));
  if (!old.empty()) impl_->journal.commit(std::move(old));
  return {};
}

void Roster::configure(std::vector<Schedule> schedules, const std::vector<model::Person>& people) {
  impl_->schedules = std::move(schedules);
  impl_->people.clear();
  for (const auto& person : people) impl_->people[person.id] = person;
}

const std::vector<Schedule>& Roster::schedules() const { return impl_->schedules; }
const std::map<std::string, model::Person>& Roster::people() const { return impl_->people; }
const Changes& Roster::changes() const { return impl_->changes; }
const Schedule* Roster::find(std::string_view name) const { return impl_->find(name); }

Result<std::vector<Shift>> Roster::shifts(std::string_view schedule, WallTime from,
                                          WallTime to) const {
  const auto* found = impl_->find(schedule);
  if (found == nullptr)
    return not_found("no schedule '" + printable(schedule, 60) + "'; " + impl_->known_schedules());
  return resolve(*found, impl_->changes, from, to);
}

std::vector<std::string> Roster::on_call(std::string_view schedule, std::string_view role,
                                         WallTime at) const {
  const auto* found = impl_->find(schedule);
  if (found == nullptr) return {};
  const auto shift = shift_at(*found, impl_->changes, at);
  if (!shift) return {};
  if (role.empty()) return shift->users;
  const auto place =
      std::find(found->roles.begin(), found->roles.end(), role) - found->roles.begin();
  if (static_cast<std::size_t>(place) >= found->roles.size() ||
      static_cast<std::size_t>(place) >= shift->users.size())
    return {};
  return {shift->users[static_cast<std::size_t>(place)]};
}

void Roster::add_override(Override wanted, OverrideDone done) {
  if (wanted.users.empty()) return done(invalid("an override needs at least one person"));
  if (auto ok = impl_->check(wanted.schedule, wanted.from, wanted.to, wanted.users); !ok)
    return done(std::move(ok).error());
  if (const auto& roles = impl_->find(wanted.schedule)->roles;
      !wanted.role.empty() && std::find(roles.begin(), roles.end(), wanted.role) == roles.end())
    return done(
        invalid("no role '" + printable(wanted.role, 60) + "'; there are: " + join(roles, ", ")));
  wanted.made_at = impl_->env.clock.now();
  wanted.id = "ovr-" + lower(make_ulid(wanted.made_at, impl_->env.random));
  impl_->write<Override>(kOverrideKind, wanted, impl_->changes.overrides, std::move(done));
}

void Roster::ask_swap(Swap wanted, SwapDone done) {
  std::vector<std::string> who = {wanted.person};
  if (!wanted.taker.empty()) who.push_back(wanted.taker);
  if (auto ok = impl_->check(wanted.schedule, wanted.from, wanted.to, who); !ok)
    return done(std::move(ok).error());
  if (wanted.taker == wanted.person) return done(invalid("nobody swaps with themselves"));
  wanted.made_at = impl_->env.clock.now();
  wanted.id = "swap-" + lower(make_ulid(wanted.made_at, impl_->env.random));
  impl_->write<Swap>(kSwapKind, wanted, impl_->changes.swaps, std::move(done));
}

void Roster::take_swap(const std::string& id, const std::string& taker, SwapDone done) {
  const auto found = find_id(impl_->changes.swaps, id);
  if (found == impl_->changes.swaps.end())
    return done(not_found("no swap '" + printable(id, 60) + "'"));
  if (!found->taker.empty())
    return done(Error(Code::kConflict, "the swap is taken by " + found->taker));
  if (impl_->taking.count(id) > 0) return done(Error(Code::kConflict, "the swap is being taken"));
  auto taken = *found;
  if (taker == taken.person) return done(invalid("nobody swaps with themselves"));
  if (auto ok = impl_->check(taken.schedule, taken.from, taken.to, {taker}); !ok)
    return done(std::move(ok).error());
  taken.taker = taker;
  impl_->taking.insert(id);
  impl_->write<Swap>(kSwapKind, taken, impl_->changes.swaps,
                     [weak = std::weak_ptr(impl_), id, done = std::move(done)](Result<Swap> swap) {
                       if (const auto self = weak.lock()) self->taking.erase(id);
                       done(std::move(swap));
                     });
}

void Roster::remove(const std::string& id, const std::string& by, Done done) {
  auto& changes = impl_->changes;
  const auto item = find_id(changes.overrides, id);
  const auto swap = find_id(changes.swaps, id);
  const bool is_override = item != changes.overrides.end();
  if (!is_override && swap == changes.swaps.end())
    return done(not_found("no override or swap '" + printable(id, 60) + "'"));
  const auto schedule = is_override ? item->schedule : swap->schedule;
  state::Batch batch;
  batch.document(std::string(is_override ? kOverrideKind : kSwapKind), id, "");
  batch.entry(kRosterChanged, schedule, removed_body(id, by));
  impl_->journal.commit(
      std::move(batch), [weak = std::weak_ptr(impl_), id, done](Result<state::Seq> seq) {
        const auto self = weak.lock();
        if (!self) return;
        if (!seq) return done(Error(seq.error()));
        std::erase_if(self->changes.overrides, [&](const Override& o) { return o.id == id; });
        std::erase_if(self->changes.swaps, [&](const Swap& s) { return s.id == id; });
        done({});
      });
}

}  // namespace holdfast::respond::oncall
