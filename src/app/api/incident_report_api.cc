// Postmortems, KPIs and the review. A PDF is drawn on the pool; everything else is read on the control strand.
#include "app/api/incident_routes.h"
#include "base/text.h"
#include "base/zones.h"
#include "learn/kpi/kpi.h"
#include "learn/kpi/review.h"
#include "learn/postmortem/pdf.h"

namespace holdfast::app::incident_routes {
namespace {

using learn::Postmortem;
using learn::Postmortems;

std::string param(const Request& request, const char* name) { return request.path_params.at(name); }

json postmortem_json(const Postmortem& postmortem, WallTime now) {
  json one = postmortem;
  one["overdue"] = postmortem.overdue(now);
  return one;
}

Postmortems::Done answer_postmortem(ControlPlane& plane, ResponderPtr to, int status = 200) {
  return [&plane, to, status](Result<Postmortem> result) {
    to->send(result
                 ? answer(status, {{"postmortem", postmortem_json(*result, plane.env.clock.now())}})
                 : failure(result.error()));
  };
}

net::Response text_response(const std::string& text, const char* type) {
  auto response = net::Response::text(200, text);
  response.headers.set("content-type", type);
  return response;
}

// As Markdown, as PDF, or as `otherwise`.
void answer_report(ControlPlane& plane, const Request& request, ResponderPtr to,
                   const std::string& markdown, const std::string& name, const json& otherwise,
                   const std::string& font) {
  const auto format = std::string(request.param("format"));
  if (format.empty() || format == "json") return to->send(answer(200, otherwise));
  if (format == "markdown")
    return to->send(text_response(markdown, "text/markdown; charset=utf-8"));
  if (format != "pdf") {
    return to->send(
        failure(invalid("'format' is '" + printable(format) + "'; allowed: json, markdown, pdf")));
  }
  plane.env.executor.post(Lane::kPool, [to, markdown, name, font] {
    auto pdf = learn::markdown_pdf(markdown, name, font);
    if (!pdf) return to->send(failure(pdf.error()));
    auto response = text_response(*pdf, "application/pdf");
    response.headers.set("content-disposition", "attachment; filename=\"" + name + ".pdf\"");
    to->send(std::move(response));
  });
}

void add_postmortem_routes(net::Router& router, ControlPlane& plane) {
  auto& postmortems = plane.desk->postmortems;
  route(router, plane, "GET", "/postmortems",
        [&plane, &postmortems](const Request&, ResponderPtr to) {
          json list = json::array();
          for (const auto& one : postmortems.list()) {
            list.push_back(postmortem_json(one, plane.env.clock.now()));
            list.back().erase("timeline");
          }
          to->send(answer(200, {{"postmortems", list}}));
        });
  route(router, plane, "GET", "/postmortems/{id}",
        [&plane, &postmortems](const Request& request, ResponderPtr to) {
          auto found = postmortems.find(param(request, "id"));
          if (!found) return to->send(failure(found.error()));
          const auto now = plane.env.clock.now();
          answer_report(plane, request, to, learn::postmortem_markdown(*found, now),
                        "postmortem-" + found->incident,
                        {{"postmortem", postmortem_json(*found, now)}},
                        plane.config.incident.postmortems.font);
        });
  route(router, plane, "POST", "/postmortems",
        [&plane, &postmortems](const Request& request, ResponderPtr to) {
          Members members(request);
          const auto id = members.required("incident"), language = members.text("language");
          if (!language.empty() && language != "en" && language != "zh")
            members.refuse(invalid("'language' is '" + printable(language) + "'; allowed: en, zh"));
          if (members.error()) return to->send(failure(*members.error()));
          auto incident = plane.incidents->find(model::IncidentId(id));
          if (!incident) return to->send(failure(not_found("no incident '" + printable(id) + "'")));
          postmortems.draft(*incident, language, answer_postmortem(plane, to, 201));
        });
  const auto change = [&](const std::string& verb,
                          std::function<Postmortems::Change(Members&, std::string by)> read) {
    route(router, plane, "POST", "/postmortems/{id}" + verb,
          [&plane, &postmortems, read](const Request& request, ResponderPtr to) {
            Members members(request);
            auto act = read(members, user_of(request));
            if (members.error()) return to->send(failure(*members.error()));
            postmortems.change(param(request, "id"), std::move(act), answer_postmortem(plane, to));
          });
  };
  change("", [](Members& members, std::string by) {
    return [texts = members.other_texts({}), by](Postmortem one, WallTime now) {
      return learn::with_texts(std::move(one), texts, by, now);
    };
  });
  change("/state", [](Members& members, std::string by) {
    return [state = members.required("state"), by](Postmortem one, WallTime now) {
      return learn::in_state(std::move(one), state, by, now);
    };
  });
  change("/action", [](Members& members, std::string by) {
    learn::ActionEdit edit;
    edit.id = members.text("id");
    edit.title = members.maybe("title");
    edit.category = members.maybe("category");
    edit.owner = members.maybe("owner");
    edit.state = members.maybe("state");
    edit.ticket = members.maybe("ticket");
    edit.due_at = members.time("due_at");
    return [edit, by](Postmortem one, WallTime now) {
      return learn::with_action(std::move(one), edit, by, now);
    };
  });
}

// ---- numbers ----

Result<WallTime> time_param(const Request& request, const char* name, WallTime otherwise) {
  const auto text = request.param(name);
  if (text.empty()) return otherwise;
  return parse_time(text).context("'" + std::string(name) + "'");
}

Result<learn::KpiQuery> read_query(const Request& request, WallTime now) {
  learn::KpiQuery query;
  query.to = HF_TRY(time_param(request, "to", now));
  query.from = HF_TRY(time_param(request, "from", query.to - std::chrono::hours(30 * 24)));
  if (query.from >= query.to) return invalid("'from' is not before 'to'");
  query.service = std::string(request.param("service"));
  if (const auto rank = request.param("rank"); !rank.empty()) {
    const auto number = parse_int(rank);
    if (!number || *number < 1 || *number > 4)
      return invalid("'rank' is '" + printable(rank) + "'; allowed: 1 to 4");
    query.rank = static_cast<model::Rank>(*number);
  }
  query.by = std::string(request.param("by"));
  for (const char* known : {"", "service", "severity", "day", "week", "month"}) {
    if (query.by == known) return query;
  }
  return invalid("'by' is '" + printable(query.by) +
                 "'; allowed: service, severity, day, week, month");
}

template <typename T>
Result<std::vector<T>> documents(ControlPlane& plane, std::string_view kind) {
  std::vector<T> list;
  for (const auto& document : HF_TRY(plane.journal->documents(kind)))
    list.push_back(
        HF_TRY(parse_json<T>(document.body).context(std::string(kind) + " " + document.id)));
  return list;
}

// A year of incidents is much to read: on the pool, so that the control strand decides meanwhile.
void answer_kpi(ControlPlane& plane, const Request& request, ResponderPtr to) {
  auto query = read_query(request, plane.env.clock.now());
  if (!query) return to->send(failure(query.error()));
  const bool csv = request.param("format") == "csv";
  plane.env.executor.post(
      Lane::kPool, [&plane, to, csv, query = *query, targets = plane.config.incident.kpi,
                    hours = plane.config.incident.load] {
        auto incidents = documents<model::Incident>(plane, "incident");
        if (!incidents) return to->send(failure(incidents.error()));
        auto notifications = documents<model::Notification>(plane, "notification");
        if (!notifications) return to->send(failure(notifications.error()));
        const auto report = learn::compute_kpis(*incidents, *notifications, query, targets, hours);
        to->send(csv ? text_response(learn::kpi_csv(report), "text/csv; charset=utf-8")
                     : answer(200, report));
      });
}

// "2026-11" as its first moment and that of the next month, in the zone of the load hours.
Result<std::pair<WallTime, WallTime>> month_of(std::string_view text, const std::string& zone) {
  const auto year = text.size() == 7 && text[4] == '-' ? parse_int(text.substr(0, 4))
                                                       : std::optional<std::int64_t>();
  const auto month = year ? parse_int(text.substr(5)) : std::optional<std::int64_t>();
  if (!month || *month < 1 || *month > 12)
    return invalid("'month' is '" + printable(text) + "'; allowed: YYYY-MM");
  const auto place = HF_TRY(find_zone(zone));
  CivilTime first{*year, static_cast<int>(*month), 1};
  CivilTime next{*month == 12 ? *year + 1 : *year, *month == 12 ? 1 : static_cast<int>(*month) + 1,
                 1};
  return std::pair{place.instant(first), place.instant(next)};
}

Result<void> read_documents(ControlPlane& plane, learn::ReviewInput& input) {
  input.incidents = HF_TRY(documents<model::Incident>(plane, "incident"));
  input.notifications = HF_TRY(documents<model::Notification>(plane, "notification"));
  input.remedies = HF_TRY(documents<model::Remedy>(plane, "remedy"));
  return {};
}

void answer_review(ControlPlane& plane, const Request& request, ResponderPtr to) {
  learn::ReviewInput input;
  input.now = plane.env.clock.now();
  auto query = read_query(request, input.now);
  if (!query) return to->send(failure(query.error()));
  input.from = query->from;
  input.to = query->to;
  if (const auto month = request.param("month"); !month.empty()) {
    auto range = month_of(month, plane.config.incident.load.zone);
    if (!range) return to->send(failure(range.error()));
    std::tie(input.from, input.to) = *range;
  }
  input.postmortems = plane.desk->postmortems.list();
  input.targets = plane.config.incident.kpi;
  input.hours = plane.config.incident.load;
  input.author = user_of(request);
  const auto language = request.param("language").empty()
                            ? plane.config.incident.postmortems.language
                            : std::string(request.param("language"));
  plane.env.executor.post(Lane::kPool, [&plane, request, to, input, language,
                                        font = plane.config.incident.postmortems.font]() mutable {
    if (auto read = read_documents(plane, input); !read) return to->send(failure(read.error()));
    const auto review = learn::make_review(input);
    answer_report(plane, request, to, learn::review_markdown(review, language), "incident-review",
                  review, font);
  });
}

}  // namespace

void add_report_routes(net::Router& router, ControlPlane& plane) {
  add_postmortem_routes(router, plane);
  route(router, plane, "GET", "/kpi",
        [&plane](const Request& request, ResponderPtr to) { answer_kpi(plane, request, to); });
  route(router, plane, "GET", "/review",
        [&plane](const Request& request, ResponderPtr to) { answer_review(plane, request, to); });
}

}  // namespace holdfast::app::incident_routes
