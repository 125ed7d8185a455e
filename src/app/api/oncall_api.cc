#include "app/api/oncall_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/oncall/ical.h"

namespace holdfast::app {
namespace {

using namespace respond::oncall;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr Duration kShiftsDefault = 28 * 24h;
constexpr Duration kShiftsMax = 400 * 24h;
constexpr Duration kCalendarBehind = 30 * 24h;
constexpr Duration kCalendarAhead = 180 * 24h;

Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

std::string user_of(const Request& request) {
  return std::string(request.headers.get("x-holdfast-user"));
}

std::chrono::milliseconds in_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

json view_json(const EscalationView& view) {
  json body = view.escalation;
  body["pages"] = json::array();
  for (const auto& page : view.pages) {
    json one = page;
    one["text"] = model::sentence(page);
    body["pages"].push_back(std::move(one));
  }
  return body;
}

Result<json> body_of(const Request& request) {
  auto body = request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
  if (!body.is_object()) return invalid("the body must be a JSON object");
  return body;
}

Result<std::string> text_of(const json& body, const char* name, bool required) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    if (required) return invalid("'" + std::string(name) + "' is missing");
    return std::string();
  }
  if (!found->is_string()) return invalid("'" + std::string(name) + "' must be a text");
  auto text = found->get<std::string>();
  if (text.size() > 10'000)
    return Error(Code::kTooLarge, "'" + std::string(name) + "' has more than 10000 bytes");
  if (required && trim(text).empty()) return invalid("'" + std::string(name) + "' is missing");
  return text;
}

Result<WallTime> time_of(const json& body, const char* name) {
  const auto text = HF_TRY(text_of(body, name, true));
  return parse_time(text).context("'" + std::string(name) + "'");
}

class OnCallApi : public std::enable_shared_from_this<OnCallApi> {
 public:
  OnCallApi(Env& env, OnCallDesk& desk) : env_(env), desk_(desk) {}

  void add_routes(net::Router& router) {
    route(router, "GET", "/now",
          [this](const Request& request, ResponderPtr to) { now(request, to); });
    route(router, "GET", "/schedules", [this](const Request&, ResponderPtr to) { schedules(to); });
    route(router, "GET", "/schedules/{name}/shifts",
          [this](const Request& r, ResponderPtr to) { shifts(r, to); });
    route(
        router, "GET", "/schedules/{name}/calendar.ics",
        [this](const Request& r, ResponderPtr to) { calendar(r.path_params.at("name"), "", to); });
    route(router, "GET", "/people/{id}/calendar.ics",
          [this](const Request& r, ResponderPtr to) { calendar("", r.path_params.at("id"), to); });
    route(router, "GET", "/changes", [this](const Request&, ResponderPtr to) { changes(to); });
    route(router, "GET", "/reachability",
          [this](const Request&, ResponderPtr to) { reachability(to); });
    route(router, "GET", "/escalations",
          [this](const Request&, ResponderPtr to) { escalations(to); });
    route(router, "GET", "/escalations/{id}",
          [this](const Request& r, ResponderPtr to) { escalation(r, to); });
    route(router, "POST", "/overrides",
          [this](const Request& r, ResponderPtr to) { add_override(r, to); });
    route(router, "POST", "/swaps", [this](const Request& r, ResponderPtr to) { ask_swap(r, to); });
    route(router, "POST", "/swaps/{id}/take",
          [this](const Request& r, ResponderPtr to) { take_swap(r, to); });
    route(router, "POST", "/changes/{id}/remove",
          [this](const Request& r, ResponderPtr to) { remove(r, to); });
    route(router, "POST", "/test-page",
          [this](const Request& r, ResponderPtr to) { test_page(r, to); });
    act(router, "confirm",
        [this](const std::string& id, const std::string& by, const json&, auto done) {
          desk_.escalations.confirm(id, by, done);
        });
    act(router, "escalate",
        [this](const std::string& id, const std::string& by, const json&, auto done) {
          desk_.escalations.escalate(id, by, done);
        });
    act(router, "ask",
        [this](const std::string& id, const std::string& by, const json& body, auto done) {
          const auto text = text_of(body, "target", true);
          if (!text) return done(Error(text.error()));
          const auto target = parse_target(*text);
          if (!target)
            return done(invalid("'target' is '" + printable(*text) +
                                "'; allowed: a person, schedule:NAME, team:NAME"));
          desk_.escalations.ask_in(id, *target, by, done);
        });
  }

 private:
  using Handler = std::function<void(const Request&, ResponderPtr)>;

  // Runs on the control strand; keeps this object alive with the route.
  void route(net::Router& router, const char* method, const std::string& path, Handler handler) {
    auto self = shared_from_this();
    router.add(method, "/api/holdfast/v1/oncall" + path,
               [self, handler](const Request& request, ResponderPtr to) {
                 self->env_.executor.post(Lane::kControl,
                                          [self, handler, request, to] { handler(request, to); });
               });
  }

  using Act = std::function<void(const std::string& id, const std::string& by, const json& body,
                                 Escalations::Done)>;
  void act(net::Router& router, const std::string& verb, Act act) {
    route(router, "POST", "/escalations/{id}/" + verb,
          [this, act](const Request& request, ResponderPtr to) {
            const auto body = body_of(request);
            if (!body) return to->send(failure(body.error()));
            const auto id = request.path_params.at("id");
            act(id, user_of(request), *body, [this, id, to](Result<void> result) {
              if (!result) return to->send(failure(result.error()));
              const auto view = desk_.escalations.find(id);
              to->send(answer(200, {{"escalation", view ? view_json(*view) : json()}}));
            });
          });
  }

  Result<WallTime> time_param(const Request& request, std::string_view name,
                              WallTime fallback) const {
    const auto text = request.param(name);
    if (text.empty()) return fallback;
    return parse_time(text).context("'" + std::string(name) + "'");
  }

  json person_json(const std::string& id, const std::string& role) const {
    json one = {{"id", id},    {"name", id},  {"role", role},
                {"phone", ""}, {"email", ""}, {"slack", ""}};
    const auto person = desk_.roster.people().find(id);
    if (person == desk_.roster.people().end()) return one;
    one["name"] = person->second.name;
    one["phone"] = person->second.phone;
    one["email"] = person->second.email;
    one["slack"] = person->second.slack;
    return one;
  }

  void now(const Request& request, const ResponderPtr& to) const {
    const auto at = time_param(request, "at", env_.clock.now());
    if (!at) return to->send(failure(at.error()));
    json list = json::array();
    for (const auto& schedule : desk_.roster.schedules()) {
      json one = {
          {"schedule", schedule.name}, {"title", schedule.title}, {"zone", schedule.zone.name()},
          {"people", json::array()},   {"until", nullptr},        {"source", ""}};
      if (const auto shift = shift_at(schedule, desk_.roster.changes(), *at)) {
        for (std::size_t i = 0; i < shift->users.size(); ++i)
          one["people"].push_back(
              person_json(shift->users[i], i < schedule.roles.size() ? schedule.roles[i] : ""));
        one["until"] = format_time(shift->to);
        one["source"] = shift->source;
      }
      list.push_back(std::move(one));
    }
    to->send(answer(200, {{"at", format_time(*at)}, {"on_call", list}}));
  }

  void schedules(const ResponderPtr& to) const {
    const auto now = env_.clock.now();
    json list = json::array();
    for (const auto& schedule : desk_.roster.schedules()) {
      const auto judged = quality(schedule, desk_.roster.changes(), now);
      json hours = json::object();
      for (const auto& [person, time] : judged.time_of) hours[person] = to_seconds(time) / 3600;
      json overloaded = json::object();
      for (const auto& [person, percent] : judged.overloaded) overloaded[person] = percent;
      json holes = json::array();
      const auto ahead = now + in_ms(30 * 24h);
      for (const auto& gap :
           gaps(resolve(schedule, desk_.roster.changes(), now, ahead), now, ahead))
        holes.push_back({{"from", format_time(gap.from)}, {"to", format_time(gap.to)}});
      json layers = json::array();
      for (const auto& layer : schedule.layers) layers.push_back(layer.name);
      list.push_back({{"name", schedule.name},
                      {"title", schedule.title},
                      {"zone", schedule.zone.name()},
                      {"roles", schedule.roles},
                      {"layers", layers},
                      {"quality",
                       {{"score", judged.score},
                        {"covered", judged.covered},
                        {"balance", judged.balance},
                        {"hours", hours},
                        {"overloaded", overloaded}}},
                      {"gaps", holes}});
    }
    to->send(answer(200, {{"schedules", list}}));
  }

  void shifts(const Request& request, const ResponderPtr& to) const {
    const auto from = time_param(request, "from", env_.clock.now());
    if (!from) return to->send(failure(from.error()));
    const auto end = time_param(request, "to", *from + in_ms(kShiftsDefault));
    if (!end) return to->send(failure(end.error()));
    if (*end <= *from || *end - *from > kShiftsMax)
      return to->send(failure(invalid("'to' must come after 'from', by at most 400 days")));
    const auto found = desk_.roster.shifts(request.path_params.at("name"), *from, *end);
    if (!found) return to->send(failure(found.error()));
    json list = json::array();
    for (const auto& shift : *found) list.push_back(shift);
    json holes = json::array();
    for (const auto& gap : gaps(*found, *from, *end))
      holes.push_back({{"from", format_time(gap.from)}, {"to", format_time(gap.to)}});
    to->send(answer(200, {{"shifts", list}, {"gaps", holes}}));
  }

  std::string name_of(const std::string& id) const {
    const auto person = desk_.roster.people().find(id);
    return person == desk_.roster.people().end() ? id : person->second.name;
  }

  // Of one schedule, or of one person in all of them.
  void calendar(const std::string& schedule, const std::string& person,
                const ResponderPtr& to) const {
    if (!schedule.empty() && desk_.roster.find(schedule) == nullptr)
      return to->send(failure(not_found("no schedule '" + printable(schedule) + "'")));
    if (!person.empty() && desk_.roster.people().count(person) == 0)
      return to->send(failure(not_found("no person '" + printable(person) + "'")));
    const auto now = env_.clock.now();
    const auto from = now - in_ms(kCalendarBehind);
    std::vector<Shift> all;
    for (const auto& one : desk_.roster.schedules()) {
      if (!schedule.empty() && one.name != schedule) continue;
      for (auto& shift : resolve(one, desk_.roster.changes(), from, now + in_ms(kCalendarAhead))) {
        const bool theirs = person.empty() || std::find(shift.users.begin(), shift.users.end(),
                                                        person) != shift.users.end();
        // The first may be cut by the view; a cut one would not be the event it was yesterday.
        if (theirs && shift.from != from) all.push_back(std::move(shift));
      }
    }
    const auto title = [&](const Shift& shift) {
      const auto of = shift.id.substr(0, shift.id.find('/'));
      std::vector<std::string> names;
      for (const auto& user : shift.users) names.push_back(name_of(user));
      return person.empty() ? join(names, ", ") : "On call: " + of;
    };
    auto response = Response::text(
        200, write_calendar(person.empty() ? schedule : name_of(person), all, title, now));
    response.headers.set("content-type", "text/calendar; charset=utf-8");
    to->send(std::move(response));
  }

  void changes(const ResponderPtr& to) const {
    json overrides = json::array();
    for (const auto& item : desk_.roster.changes().overrides) overrides.push_back(item);
    json swaps = json::array();
    for (const auto& item : desk_.roster.changes().swaps) swaps.push_back(item);
    to->send(answer(200, {{"overrides", overrides}, {"swaps", swaps}}));
  }

  void reachability(const ResponderPtr& to) const {
    json list = json::array();
    bool green = true;
    for (const auto& finding : desk_.reachability()) {
      green = green && finding.severity != "broken";
      list.push_back(finding);
    }
    to->send(answer(200, {{"green", green}, {"findings", list}}));
  }

  void escalations(const ResponderPtr& to) const {
    json list = json::array();
    for (const auto& view : desk_.escalations.active()) list.push_back(view_json(view));
    to->send(answer(200, {{"escalations", list}}));
  }

  void escalation(const Request& request, const ResponderPtr& to) const {
    const auto& id = request.path_params.at("id");
    const auto view = desk_.escalations.find(id);
    if (!view)
      return to->send(failure(not_found("incident '" + printable(id) + "' has no escalation")));
    to->send(answer(200, {{"escalation", view_json(*view)}}));
  }

  Result<Override> read_override(const Request& request) const {
    const auto body = HF_TRY(body_of(request));
    Override item;
    item.schedule = HF_TRY(text_of(body, "schedule", true));
    item.from = body.contains("from") ? HF_TRY(time_of(body, "from")) : env_.clock.now();
    item.to = HF_TRY(time_of(body, "to"));
    item.role = HF_TRY(text_of(body, "role", false));
    item.reason = HF_TRY(text_of(body, "reason", false));
    item.by = user_of(request);
    const auto users = body.find("users");
    if (users == body.end() || !users->is_array())
      return invalid("'users' must be a list of people");
    for (const auto& user : *users) {
      if (!user.is_string()) return invalid("'users' must be a list of people");
      item.users.push_back(user.get<std::string>());
    }
    return item;
  }

  void add_override(const Request& request, const ResponderPtr& to) {
    auto item = read_override(request);
    if (!item) return to->send(failure(item.error()));
    desk_.roster.add_override(std::move(*item), [to](Result<Override> made) {
      if (!made) return to->send(failure(made.error()));
      to->send(answer(201, {{"override", *made}}));
    });
  }

  Result<Swap> read_swap(const Request& request) const {
    const auto body = HF_TRY(body_of(request));
    Swap item;
    item.schedule = HF_TRY(text_of(body, "schedule", true));
    item.from = HF_TRY(time_of(body, "from"));
    item.to = HF_TRY(time_of(body, "to"));
    item.person = HF_TRY(text_of(body, "person", true));
    item.taker = HF_TRY(text_of(body, "taker", false));
    item.reason = HF_TRY(text_of(body, "reason", false));
    item.by = user_of(request);
    return item;
  }

  static Roster::SwapDone answer_swap(const ResponderPtr& to, int status) {
    return [to, status](Result<Swap> made) {
      if (!made) return to->send(failure(made.error()));
      to->send(answer(status, {{"swap", *made}}));
    };
  }

  void ask_swap(const Request& request, const ResponderPtr& to) {
    auto item = read_swap(request);
    if (!item) return to->send(failure(item.error()));
    desk_.roster.ask_swap(std::move(*item), answer_swap(to, 201));
  }

  void take_swap(const Request& request, const ResponderPtr& to) {
    const auto body = body_of(request);
    const auto taker = body ? text_of(*body, "taker", true) : Result<std::string>(body.error());
    if (!taker) return to->send(failure(taker.error()));
    desk_.roster.take_swap(request.path_params.at("id"), *taker, answer_swap(to, 200));
  }

  void remove(const Request& request, const ResponderPtr& to) {
    desk_.roster.remove(request.path_params.at("id"), user_of(request), [to](Result<void> done) {
      if (!done) return to->send(failure(done.error()));
      to->send(answer(200, json::object()));
    });
  }

  // Proves that a person can be reached; the answer says that it is on its way, the chain is in the
  // journal.
  void test_page(const Request& request, const ResponderPtr& to) {
    const auto body = body_of(request);
    const auto person = body ? text_of(*body, "person", true) : Result<std::string>(body.error());
    if (!person) return to->send(failure(person.error()));
    PageMessage message;
    message.event = "page";
    message.urgency = "high";
    message.subject = "Holdfast test page for " + *person;
    message.text = message.subject + ". Nothing is wrong.";
    const auto key = "test/" + lower(make_ulid(env_.clock.now(), env_.random));
    desk_.escalations.tell({respond::oncall::Target::Kind::kPerson, *person, ""}, message, key,
                           [to, key](Result<void> done) {
                             if (!done) return to->send(failure(done.error()));
                             to->send(answer(202, {{"key", key}}));
                           });
  }

  Env& env_;
  OnCallDesk& desk_;
};

}  // namespace

void add_oncall_routes(net::Router& router, Env& env, OnCallDesk& desk) {
  std::make_shared<OnCallApi>(env, desk)->add_routes(router);
}

}  // namespace holdfast::app
