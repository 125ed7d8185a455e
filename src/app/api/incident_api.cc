// Each route reads its members, hands an act to Incidents, and answers with the incident as it is when the act is durable.
#include "app/api/incident_api.h"

#include <algorithm>

#include "app/api/incident_routes.h"
#include "base/text.h"
#include "respond/incident/handling.h"

namespace holdfast::app {
namespace {

using incident_routes::answer;
using incident_routes::failure;
using incident_routes::Members;
using incident_routes::user_of;
using model::Incident;
using model::IncidentId;
using net::Request;
using net::ResponderPtr;
using nlohmann::json;
using respond::Notices;
using respond::Who;

respond::Incidents::Done answer_incident(ResponderPtr to, int status = 200) {
  return [to, status](Result<Incident> result) {
    to->send(result ? answer(status, {{"incident", *result}}) : failure(result.error()));
  };
}

// POST /incidents/{id}/<verb>: `read` takes the members and answers the act.
using Read = std::function<respond::Incidents::Act(Members&)>;
void act(net::Router& router, ControlPlane& plane, const std::string& verb, Read read) {
  incident_routes::route(router, plane, "POST", "/incidents/{id}/" + verb,
                         [&plane, read](const Request& request, ResponderPtr to) {
                           Members members(request);
                           const auto by = members.text("by", user_of(request));
                           auto change = read(members);
                           if (members.error()) return to->send(failure(*members.error()));
                           plane.incidents->change(IncidentId(request.path_params.at("id")),
                                                   by.empty() ? user_of(request) : by,
                                                   std::move(change), answer_incident(to));
                         });
}

std::optional<model::Rank> read_rank(Members& members, const ControlPlane& plane,
                                     const std::string& service) {
  if (auto rank = members.whole("rank", 1, 4)) return static_cast<model::Rank>(*rank);
  const auto name = members.maybe("level");
  if (!name) return std::nullopt;
  std::string scheme_name = "A";
  for (const auto& known : plane.config.services) {
    if (known.name == service) scheme_name = known.severity_scheme;
  }
  const auto& scheme = respond::scheme_of(plane.config.incident.response, scheme_name);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < scheme.levels.size(); ++i) {
    if (equals_ignoring_case(scheme.levels[i].name, *name))
      return static_cast<model::Rank>(static_cast<int>(i) + 1);
    names.push_back(scheme.levels[i].name);
  }
  members.refuse(invalid("'level' is '" + printable(*name) + "'; allowed in scheme " + scheme.name +
                         ": " + join(names, ", ")));
  return std::nullopt;
}

void declare(ControlPlane& plane, const Request& request, ResponderPtr to) {
  Members members(request);
  Incident wish;
  wish.title = members.required("title");
  wish.service = members.text("service");
  // What a person reports is a user's report, unless they say otherwise (M13-24).
  wish.source = members.text("source", "user_report");
  wish.extent = members.text("extent");
  wish.user_impact = members.text("user_impact");
  wish.drill = members.boolean("drill").value_or(false);
  wish.rank = read_rank(members, plane, wish.service).value_or(model::Rank::kMedium);
  if (auto at = members.time("started_at")) wish.started_at = *at;
  const auto by = members.text("by", user_of(request));
  if (members.error()) return to->send(failure(*members.error()));
  plane.incidents->declare(wish, by, answer_incident(to, 201));
}

respond::TaskEdit read_task(Members& members) {
  respond::TaskEdit edit;
  edit.id = members.text("id");
  edit.kind = members.maybe("kind");
  edit.title = members.maybe("title");
  edit.category = members.maybe("category");
  edit.owner = members.maybe("owner");
  edit.state = members.maybe("state");
  edit.note = members.maybe("note");
  edit.due_at = members.time("due_at");
  return edit;
}

void add_handling_routes(net::Router& router, ControlPlane& plane) {
  act(router, plane, "confirm", [](Members& members) {
    return [fields = members.other_texts({"by"})](Incident& i, const Who& who) {
      return respond::confirm(i, fields, who);
    };
  });
  act(router, plane, "fields", [](Members& members) {
    return [fields = members.other_texts({"by"})](Incident& i, const Who& who) {
      return respond::set_fields(i, fields, who);
    };
  });
  act(router, plane, "role", [](Members& members) -> respond::Incidents::Act {
    const auto role = members.required("role"), person = members.required("person");
    const auto backup = members.text("backup"), note = members.text("note");
    if (members.boolean("hand_over").value_or(false)) {
      return [=](Incident& i, const Who& who) {
        return respond::hand_over(i, role, person, note, who);
      };
    }
    return [=](Incident& i, const Who& who) {
      return respond::assign_role(i, role, person, backup, who);
    };
  });
  act(router, plane, "task", [](Members& members) {
    return [edit = read_task(members)](Incident& i, const Who& who) {
      return respond::set_task(i, edit, who);
    };
  });
  act(router, plane, "act", [](Members& members) {
    return [axis = members.required("axis"), text = members.text("text")](
               Incident& i, const Who& who) { return respond::add_act(i, axis, text, who); };
  });
  act(router, plane, "check", [](Members& members) {
    return [name = members.required("name"), note = members.text("note")](
               Incident& i, const Who& who) { return respond::add_check(i, name, note, who); };
  });
  act(router, plane, "close",
      [](Members&) { return [](Incident& i, const Who& who) { return respond::close(i, who); }; });
}

void add_timeline_routes(net::Router& router, ControlPlane& plane) {
  act(router, plane, "update", [&plane](Members& members) {
    const auto text = members.required("text");
    const auto at = members.time("next_at");
    return [&plane, text, at](Incident& i, const Who& who) {
      auto next = at;
      // Without a time of its own the severity's rhythm goes on.
      const auto every = respond::level_of(plane.config.incident.response, i).update_every;
      if (!next && every)
        next = who.now + std::chrono::duration_cast<std::chrono::milliseconds>(*every);
      return respond::add_status_update(i, text, next, who);
    };
  });
  act(router, plane, "chat", [](Members& members) {
    return
        [text = members.required("text"), at = members.time("at"), where = members.text("where")](
            Incident& i, const Who& who) { return respond::add_chat(i, text, at, where, who); };
  });
  act(router, plane, "impact", [](Members& members) {
    const auto at = members.time("at");
    if (!at) members.refuse(invalid("'at' is missing"));
    return [at = at.value_or(WallTime{}), why = members.required("why")](
               Incident& i, const Who& who) { return respond::move_impact_start(i, at, why, who); };
  });
  act(router, plane, "line", [](Members& members) -> respond::Incidents::Act {
    const auto entry = members.required("entry");
    const auto pinned = members.boolean("pinned");
    const auto at = members.time("at");
    const auto text = members.maybe("text");
    const auto why = members.text("why");
    return [=](Incident& i, const Who& who) -> Result<Notices> {
      if (pinned) HF_TRY(respond::pin_entry(i, entry, *pinned, who));
      if (pinned && !at && !text) return Notices{};
      return respond::correct_entry(i, entry, at, text, why, who);
    };
  });
}

// Those that concern two incidents.
void add_relation_routes(net::Router& router, ControlPlane& plane) {
  const auto relate =
      [&](const std::string& verb,
          std::function<void(const IncidentId&, const std::string& by, Members&, ResponderPtr)>
              handler) {
        incident_routes::route(router, plane, "POST", "/incidents/{id}/" + verb,
                               [handler](const Request& request, ResponderPtr to) {
                                 Members members(request);
                                 const auto by = members.text("by", user_of(request));
                                 handler(IncidentId(request.path_params.at("id")), by, members, to);
                                 if (members.error()) to->send(failure(*members.error()));
                               });
      };
  relate("merge", [&plane](const auto& id, const auto& by, Members& members, ResponderPtr to) {
    const auto into = members.required("into");
    if (!members.error()) plane.incidents->merge(id, IncidentId(into), by, answer_incident(to));
  });
  relate("split", [&plane](const auto& id, const auto& by, Members& members, ResponderPtr to) {
    const auto alerts = members.texts("alerts");
    const auto title = members.text("title");
    if (!members.error()) plane.incidents->split(id, alerts, title, by, answer_incident(to, 201));
  });
  relate("link", [&plane](const auto& id, const auto& by, Members& members, ResponderPtr to) {
    const auto other = members.required("incident");
    const auto kind = members.text("kind", "related");
    if (!members.error())
      plane.incidents->link(id, kind, IncidentId(other), by, answer_incident(to));
  });
}

json level_json(const model::SeverityLevel& level, int rank) {
  json one = {{"name", level.name},
              {"rank", rank},
              {"title", level.title_en},
              {"title_zh", level.title_zh},
              {"extent", level.extent_en},
              {"extent_zh", level.extent_zh},
              {"business", level.business_en},
              {"business_zh", level.business_zh},
              {"examples", level.examples_en},
              {"examples_zh", level.examples_zh},
              {"immediate", level.immediate},
              {"next_working_day", !level.respond_within.has_value()}};
  const auto seconds = [&](const char* name, const std::optional<Duration>& value) {
    if (value) one[name] = to_seconds(*value);
  };
  seconds("respond_within_seconds", level.respond_within);
  seconds("resolve_within_seconds", level.resolve_within);
  seconds("recovery_begins_within_seconds", level.recovery_begins_within);
  seconds("update_every_seconds", level.update_every);
  return one;
}

json schemes_json(const ControlPlane& plane) {
  json list = json::array();
  for (const auto& name : scheme_names(plane.config.incident)) {
    const auto& scheme = respond::scheme_of(plane.config.incident.response, name);
    json levels = json::array();
    int rank = 0;
    for (const auto& level : scheme.levels) levels.push_back(level_json(level, ++rank));
    list.push_back({{"name", name}, {"levels", std::move(levels)}});
  }
  return list;
}

}  // namespace

void add_incident_routes(net::Router& router, ControlPlane& plane) {
  incident_routes::route(
      router, plane, "POST", "/incidents",
      [&plane](const Request& request, ResponderPtr to) { declare(plane, request, to); });
  incident_routes::route(router, plane, "GET", "/severity",
                         [&plane](const Request&, ResponderPtr to) {
                           to->send(answer(200, {{"schemes", schemes_json(plane)}}));
                         });
  add_handling_routes(router, plane);
  add_timeline_routes(router, plane);
  add_relation_routes(router, plane);
  incident_routes::add_words_routes(router, plane);
  incident_routes::add_report_routes(router, plane);
}

}  // namespace holdfast::app
