#include "respond/oncall/escalation_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/oncall/page_outbox.h"

namespace holdfast::respond::oncall {

using model::Page;
using nlohmann::json;

Result<std::map<std::string, Case>> load_cases(state::Journal& journal) {
  std::map<std::string, Case> cases;
  const auto escalations = HF_TRY(journal.documents(kEscalationKind));
  for (const auto& document : escalations) {
    Case c;
    c.escalation =
        HF_TRY(parse_json<Escalation>(document.body).context("escalation " + document.id));
    c.incident.id = model::IncidentId(document.id);
    cases.emplace(document.id, std::move(c));
  }
  const auto pages = HF_TRY(journal.documents(kPageKind));
  for (const auto& document : pages) {
    auto page = HF_TRY(parse_json<Page>(document.body).context("page " + document.id));
    if (const auto c = cases.find(page.incident); c != cases.end())
      c->second.pages.emplace(page.id, std::move(page));
  }
  return cases;
}

Result<std::map<std::string, std::int64_t>> load_cursors(state::Journal& journal) {
  std::map<std::string, std::int64_t> cursors;
  const auto documents = HF_TRY(journal.documents(kCursorKind));
  for (const auto& document : documents)
    cursors[document.id] = parse_int(document.body).value_or(0);
  return cursors;
}

Result<std::map<std::string, ContactProof>> load_proofs(state::Journal& journal) {
  std::map<std::string, ContactProof> proofs;
  const auto documents = HF_TRY(journal.documents(kProofKind));
  for (const auto& document : documents) {
    const auto body = json::parse(document.body, nullptr, false);
    if (!body.is_object()) continue;
    if (const auto at = parse_time(body.value("at", "")))
      proofs[document.id] = {body.value("target", ""), *at};
  }
  return proofs;
}

EscalationView view_of(const Case& c) {
  EscalationView view{c.escalation, {}};
  for (const auto& [id, page] : c.pages) view.pages.push_back(page);
  std::stable_sort(view.pages.begin(), view.pages.end(),
                   [](const Page& a, const Page& b) { return a.decided_at < b.decided_at; });
  return view;
}

std::string past_body(const Case& c) {
  json pages = json::array();
  for (const auto& [id, page] : c.pages) pages.push_back(json::parse(dump_json(page)));
  json body = {{"escalation", json::parse(dump_json(c.escalation))}, {"pages", std::move(pages)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<EscalationView> load_past(state::Journal& journal, const std::string& incident) {
  const auto document = journal.document(kPastKind, incident);
  if (!document || !*document) return std::nullopt;
  const auto body = json::parse((*document)->body, nullptr, false);
  if (!body.is_object() || !body.contains("escalation") || !body.contains("pages"))
    return std::nullopt;
  Case c;
  if (auto escalation = parse_json<Escalation>(body["escalation"].dump()))
    c.escalation = *escalation;
  for (const auto& item : body["pages"]) {
    if (auto page = parse_json<Page>(item.dump())) c.pages.emplace(page->id, *page);
  }
  return view_of(c);
}

}  // namespace holdfast::respond::oncall
