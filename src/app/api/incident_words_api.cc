// Texts, drafts and contacts. Who approves is always who is signed in: a second person cannot be named in a body.
#include "app/api/incident_routes.h"
#include "base/text.h"

namespace holdfast::app::incident_routes {
namespace {

using respond::words::Desk;
using respond::words::Draft;
using respond::words::Text;

std::string param(const Request& request, const char* name) { return request.path_params.at(name); }

json text_json(const Text& text) {
  json one = text;
  auto fields = respond::words::fields_of(text.subject + "\n" + text.body);
  one["fields"] = fields ? json(*fields) : json::array();
  return one;
}

Desk::Done answer_draft(ResponderPtr to, int status = 200) {
  return [to, status](Result<Draft> result) {
    to->send(result ? answer(status, {{"draft", *result}}) : failure(result.error()));
  };
}

Desk::TextDone answer_text(ResponderPtr to) {
  return [to](Result<Text> result) {
    to->send(result ? answer(200, {{"text", text_json(*result)}}) : failure(result.error()));
  };
}

// The incident a text is about: none when none is named; an error when it does not exist.
Result<std::optional<model::Incident>> about(ControlPlane& plane, const std::string& id) {
  if (id.empty()) return std::optional<model::Incident>();
  auto incident = plane.incidents->find(model::IncidentId(id));
  if (!incident) return not_found("no incident '" + printable(id) + "'");
  return incident;
}

void add_text_routes(net::Router& router, ControlPlane& plane) {
  auto& words = plane.desk->words;
  route(router, plane, "GET", "/texts", [&words](const Request&, ResponderPtr to) {
    json list = json::array();
    for (const auto& text : words.texts()) list.push_back(text_json(text));
    to->send(answer(200, {{"texts", list}}));
  });
  route(router, plane, "GET", "/texts/{name}/{language}",
        [&words](const Request& request, ResponderPtr to) {
          auto text = words.text(param(request, "name"), param(request, "language"));
          to->send(text ? answer(200, {{"text", text_json(*text)}}) : failure(text.error()));
        });
  route(router, plane, "POST", "/texts/{name}/{language}",
        [&words](const Request& request, ResponderPtr to) {
          Members members(request);
          Text text;
          text.name = param(request, "name");
          text.language = param(request, "language");
          text.subject = members.required("subject");
          text.body = members.required("body");
          if (members.error()) return to->send(failure(*members.error()));
          words.edit_text(std::move(text), user_of(request), answer_text(to));
        });
  route(router, plane, "DELETE", "/texts/{name}/{language}",
        [&words](const Request& request, ResponderPtr to) {
          words.restore_text(param(request, "name"), param(request, "language"), user_of(request),
                             answer_text(to));
        });
  route(router, plane, "POST", "/texts/{name}/{language}/preview",
        [&plane, &words](const Request& request, ResponderPtr to) {
          Members members(request);
          const auto id = members.text("incident");
          const auto fields = members.text_map("fields");
          if (members.error()) return to->send(failure(*members.error()));
          auto incident = about(plane, id);
          if (!incident) return to->send(failure(incident.error()));
          auto rendered = words.preview(param(request, "name"), param(request, "language"),
                                        *incident ? &**incident : nullptr,
                                        plane.config.incident.response, fields);
          if (!rendered) return to->send(failure(rendered.error()));
          to->send(answer(200, {{"subject", rendered->subject}, {"body", rendered->body}}));
        });
}

void add_draft_routes(net::Router& router, ControlPlane& plane) {
  auto& words = plane.desk->words;
  route(router, plane, "GET", "/drafts", [&words](const Request& request, ResponderPtr to) {
    auto drafts = words.drafts(std::string(request.param("incident")));
    if (!drafts) return to->send(failure(drafts.error()));
    json list = json::array();
    for (const auto& draft : *drafts) list.push_back(draft);
    to->send(answer(200, {{"drafts", list}}));
  });
  route(router, plane, "POST", "/drafts",
        [&plane, &words](const Request& request, ResponderPtr to) {
          Members members(request);
          const auto name = members.required("text");
          const auto language = members.text("language", plane.config.notify.language);
          const auto id = members.text("incident");
          const auto fields = members.text_map("fields");
          if (members.error()) return to->send(failure(*members.error()));
          auto incident = about(plane, id);
          if (!incident) return to->send(failure(incident.error()));
          words.draft(name, language, *incident ? &**incident : nullptr,
                      plane.config.incident.response, fields, user_of(request),
                      answer_draft(to, 201));
        });
  route(router, plane, "POST", "/drafts/{id}/edit",
        [&words](const Request& request, ResponderPtr to) {
          Members members(request);
          const auto subject = members.text("subject"), body = members.required("body");
          if (members.error()) return to->send(failure(*members.error()));
          words.edit(param(request, "id"), subject, body, user_of(request), answer_draft(to));
        });
  route(router, plane, "POST", "/drafts/{id}/approve",
        [&words](const Request& request, ResponderPtr to) {
          words.approve(param(request, "id"), user_of(request), answer_draft(to));
        });
  route(router, plane, "POST", "/drafts/{id}/reject",
        [&words](const Request& request, ResponderPtr to) {
          Members members(request);
          const auto note = members.required("note");
          if (members.error()) return to->send(failure(*members.error()));
          words.reject(param(request, "id"), note, user_of(request), answer_draft(to));
        });
  route(router, plane, "POST", "/drafts/{id}/send",
        [&plane, &words](const Request& request, ResponderPtr to) {
          auto draft = words.find(param(request, "id"));
          if (!draft) return to->send(failure(draft.error()));
          auto incident = about(plane, draft->incident);
          if (!incident) return to->send(failure(incident.error()));
          words.send(draft->id, *incident ? &**incident : nullptr, user_of(request),
                     answer_draft(to));
        });
}

json contacts_json(const respond::words::Contacts& contacts, const respond::ResponseRules& rules) {
  json team = json::array(), vendors = json::array(), channels = json::array(),
       roles = json::array();
  for (const auto& one : contacts.team)
    team.push_back({{"name", one.name},
                    {"role", one.role},
                    {"phone", one.phone},
                    {"email", one.email},
                    {"slack", one.slack},
                    {"duties", one.duties}});
  for (const auto& one : contacts.vendors)
    vendors.push_back({{"provider", one.provider},
                       {"contact", one.contact},
                       {"phone", one.phone},
                       {"email", one.email},
                       {"service", one.service}});
  for (const auto& one : contacts.channels)
    channels.push_back({{"purpose", one.purpose}, {"name", one.name}});
  for (const auto& duty : rules.duties)
    roles.push_back({{"role", duty.role},
                     {"person", duty.person},
                     {"backup", duty.backup},
                     {"service", duty.service},
                     {"when_about", duty.when_about}});
  return {{"hotline", contacts.hotline},
          {"hotline_dialled", contacts.hotline_dialled},
          {"support_mail", contacts.support_mail},
          {"emergency_mail", contacts.emergency_mail},
          {"team", std::move(team)},
          {"vendors", std::move(vendors)},
          {"channels", std::move(channels)},
          {"roles", std::move(roles)}};
}

}  // namespace

void add_words_routes(net::Router& router, ControlPlane& plane) {
  add_text_routes(router, plane);
  add_draft_routes(router, plane);
  route(router, plane, "GET", "/contacts", [&plane](const Request&, ResponderPtr to) {
    const auto& config = plane.config.incident;
    to->send(answer(200, contacts_json(config.words.settings.contacts, config.response)));
  });
}

}  // namespace holdfast::app::incident_routes
