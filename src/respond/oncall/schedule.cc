// resolve() sweeps over the moments at which anything changes; between two of them the answer is
// one and the same.
#include "respond/oncall/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "respond/oncall/rotation.h"

namespace holdfast::respond::oncall {
namespace {

constexpr int kOverrideLevel = std::numeric_limits<int>::max();

std::vector<Piece> all_pieces(const Schedule& schedule, const Changes& changes, WallTime from,
                              WallTime to) {
  std::vector<Piece> pieces;
  for (const auto& item : changes.overrides) {
    if (item.schedule != schedule.name || item.to <= from || item.from >= to) continue;
    if (!item.role.empty()) continue;  // of one place only: Stretch puts it in
    pieces.push_back({std::max(item.from, from), std::min(item.to, to), item.users, kOverrideLevel,
                      0, nullptr, &item});
  }
  for (const auto& layer : schedule.layers) {
    for (auto& piece : pieces_of(layer, schedule.holidays, from, to))
      pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::vector<WallTime> moments(const Schedule& schedule, const Changes& changes,
                              const std::vector<Piece>& pieces, WallTime from, WallTime to) {
  std::vector<WallTime> all = {from, to};
  const auto add = [&](WallTime begin, WallTime end) {
    if (begin > from && begin < to) all.push_back(begin);
    if (end > from && end < to) all.push_back(end);
  };
  for (const auto& piece : pieces) add(piece.from, piece.to);
  for (const auto& absence : schedule.absences) add(absence.from, absence.to);
  for (const auto& item : changes.overrides) add(item.from, item.to);
  for (const auto& swap : changes.swaps) add(swap.from, swap.to);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void add_once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

// Decides one stretch in which nothing changes.
class Stretch {
 public:
  Stretch(const Schedule& schedule, const Changes& changes, WallTime from)
      : schedule_(schedule), changes_(changes), at_(from) {}

  // `active` from the highest level down. False: nobody.
  bool decide(const std::vector<const Piece*>& active, Shift& shift) const {
    for (std::size_t i = 0; i < active.size();) {
      std::size_t end = i;
      while (end < active.size() && active[end]->level == active[i]->level) ++end;
      shift.users.clear();
      shift.instead_of.clear();
      for (auto k = i; k < end; ++k) add_people(*active[k], shift);
      if (!shift.users.empty()) {
        name_source(*active[i], shift);
        apply_places(shift);
        apply_swaps(shift);
        return true;
      }
      i = end;
    }
    return false;
  }

 private:
  bool absent(const std::string& person) const {
    return std::any_of(schedule_.absences.begin(), schedule_.absences.end(), [&](const Absence& a) {
      return a.person == person && a.from <= at_ && at_ < a.to;
    });
  }

  void add_people(const Piece& piece, Shift& shift) const {
    if (piece.override != nullptr) {
      for (const auto& user : piece.users) add_once(shift.users, user);
      return;
    }
    bool somebody = false;
    for (const auto& user : piece.users) {
      if (absent(user)) {
        add_once(shift.instead_of, user);
      } else {
        add_once(shift.users, user);
        somebody = true;
      }
    }
    if (!somebody) add_stand_in(piece, shift);
  }

  void add_stand_in(const Piece& piece, Shift& shift) const {
    for (std::size_t next = 1; next < piece.layer->users.size(); ++next) {
      bool somebody = false;
      for (const auto& user :
           turn_users(*piece.layer, piece.turn + static_cast<std::int64_t>(next))) {
        if (absent(user)) continue;
        add_once(shift.users, user);
        somebody = true;
      }
      if (somebody) return;
    }
  }

  void name_source(const Piece& piece, Shift& shift) const {
    shift.level = piece.level;
    if (piece.override != nullptr) {
      shift.source = "override";
      shift.id = schedule_.name + "/" + piece.override->id;
    } else {
      shift.source = piece.layer->name;
      shift.id = schedule_.name + "/" + piece.layer->name + "/" + std::to_string(piece.turn);
    }
  }

  void apply_places(Shift& shift) const {
    for (const auto& item : changes_.overrides) {
      if (item.schedule != schedule_.name || item.role.empty() || at_ < item.from || at_ >= item.to)
        continue;
      const auto place = static_cast<std::size_t>(
          std::find(schedule_.roles.begin(), schedule_.roles.end(), item.role) -
          schedule_.roles.begin());
      if (place >= schedule_.roles.size() || place > shift.users.size() || item.users.empty())
        continue;
      if (place == shift.users.size()) shift.users.emplace_back();
      if (!shift.users[place].empty()) add_once(shift.instead_of, shift.users[place]);
      shift.users[place] = item.users.front();
      shift.id += "/" + item.id;
    }
  }

  void apply_swaps(Shift& shift) const {
    for (const auto& swap : changes_.swaps) {
      if (swap.schedule != schedule_.name || swap.taker.empty() || at_ < swap.from ||
          at_ >= swap.to)
        continue;
      const auto found = std::find(shift.users.begin(), shift.users.end(), swap.person);
      if (found == shift.users.end()) continue;
      add_once(shift.instead_of, swap.person);
      if (std::find(shift.users.begin(), shift.users.end(), swap.taker) != shift.users.end())
        shift.users.erase(found);
      else
        *found = swap.taker;
    }
  }

  const Schedule& schedule_;
  const Changes& changes_;
  const WallTime at_;
};

bool continues(const Shift& a, const Shift& b) {
  return a.to == b.from && a.id == b.id && a.users == b.users && a.instead_of == b.instead_of;
}

}  // namespace

std::vector<Shift> resolve(const Schedule& schedule, const Changes& changes, WallTime from,
                           WallTime to) {
  if (from >= to) return {};
  auto pieces = all_pieces(schedule, changes, from, to);
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const auto& a, const auto& b) { return a.from < b.from; });
  const auto cuts = moments(schedule, changes, pieces, from, to);
  std::vector<Shift> shifts;
  std::vector<const Piece*> active;
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::erase_if(active, [&](const Piece* piece) { return piece->to <= cuts[i]; });
    while (next < pieces.size() && pieces[next].from <= cuts[i]) active.push_back(&pieces[next++]);
    std::stable_sort(active.begin(), active.end(), [](const Piece* a, const Piece* b) {
      if (a->level != b->level) return a->level > b->level;
      return a->layer < b->layer;  // both of one vector, or overrides: the order of the file
    });
    Shift shift;
    shift.from = cuts[i];
    shift.to = cuts[i + 1];
    if (!Stretch(schedule, changes, cuts[i]).decide(active, shift)) continue;
    if (!shifts.empty() && continues(shifts.back(), shift))
      shifts.back().to = shift.to;
    else
      shifts.push_back(std::move(shift));
  }
  return shifts;
}

std::optional<Shift> shift_at(const Schedule& schedule, const Changes& changes, WallTime at) {
  // The view tells people how long the shift goes on; the answer itself is that of the instant.
  auto shifts = resolve(schedule, changes, at, at + 8 * 24h);
  if (shifts.empty() || shifts.front().from > at) return std::nullopt;
  return std::move(shifts.front());
}

std::vector<Gap> gaps(const std::vector<Shift>& shifts, WallTime from, WallTime to) {
  std::vector<Gap> out;
  auto covered = from;
  for (const auto& shift : shifts) {
    if (shift.from > covered) out.push_back({covered, std::min(shift.from, to)});
    covered = std::max(covered, shift.to);
  }
  if (covered < to) out.push_back({covered, to});
  return out;
}

Quality quality(const Schedule& schedule, const Changes& changes, WallTime from) {
  const auto to = from + 52 * 7 * 24h;
  Quality q;
  Duration covered{};
  for (const auto& shift : resolve(schedule, changes, from, to)) {
    covered += shift.to - shift.from;
    for (const auto& user : shift.users) q.time_of[user] += shift.to - shift.from;
  }
  q.covered = static_cast<int>(std::lround(100 * to_seconds(covered) / to_seconds(to - from)));
  double sum = 0;
  double total = 0;
  std::size_t pairs = 0;
  for (auto a = q.time_of.begin(); a != q.time_of.end(); ++a) {
    total += to_seconds(a->second);
    for (auto b = std::next(a); b != q.time_of.end(); ++b, ++pairs) {
      sum +=
          to_seconds(std::min(a->second, b->second)) / to_seconds(std::max(a->second, b->second));
    }
  }
  q.balance =
      pairs == 0 ? 100 : static_cast<int>(std::lround(100 * sum / static_cast<double>(pairs)));
  if (q.balance >= 95) {
    q.balance = 100;
  } else {
    const double average = total / static_cast<double>(q.time_of.size());
    for (const auto& [person, time] : q.time_of) {
      const auto above = static_cast<int>(std::lround(100 * to_seconds(time) / average)) - 100;
      if (above > 0) q.overloaded.emplace_back(person, above);
    }
  }
  q.score = static_cast<int>(std::lround((q.covered + q.balance) / 2.0));
  return q;
}

std::set<std::string> people_of(const Schedule& schedule, const Changes& changes, WallTime at) {
  std::set<std::string> people;
  for (const auto& layer : schedule.layers) {
    if (layer.until && layer.zone.instant(*layer.until) <= at) continue;
    for (const auto& turn : layer.users) people.insert(turn.begin(), turn.end());
    for (const auto& shift : layer.calendar) people.insert(shift.users.begin(), shift.users.end());
  }
  for (const auto& item : changes.overrides) {
    if (item.schedule == schedule.name && item.to > at)
      people.insert(item.users.begin(), item.users.end());
  }
  for (const auto& swap : changes.swaps) {
    if (swap.schedule == schedule.name && swap.to > at && !swap.taker.empty())
      people.insert(swap.taker);
  }
  return people;
}

}  // namespace holdfast::respond::oncall
