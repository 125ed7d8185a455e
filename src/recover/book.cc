#include "recover/book.h"

#include <algorithm>
#include <utility>

namespace holdfast::recover {

using model::Fault;
using model::Remedy;

namespace {

std::vector<const Remedy*> oldest_first(const Book& book, const auto& wanted) {
  std::vector<const Remedy*> list;
  for (const auto& [id, remedy] : book.remedies) {
    if (wanted(*remedy)) list.push_back(remedy.get());
  }
  std::ranges::stable_sort(list, {}, [](const Remedy* remedy) { return remedy->planned_at; });
  return list;
}

}  // namespace

std::vector<Fault> Book::open_faults() const {
  std::vector<Fault> list;
  for (const auto& [id, fault] : faults) {
    if (fault->open) list.push_back(*fault);
  }
  return list;
}

std::vector<const Remedy*> Book::remedies_of_service(const std::string& service) const {
  return oldest_first(*this, [&](const Remedy& remedy) { return remedy.service == service; });
}

std::vector<const Remedy*> Book::remedies_of_fault(const std::string& fault) const {
  return oldest_first(*this, [&](const Remedy& remedy) { return remedy.fault_id == fault; });
}

Result<Book> load_book(state::Journal& journal) {
  Book book;
  for (const auto& document : HF_TRY(journal.documents("fault"))) {
    auto fault = HF_TRY(parse_json<Fault>(document.body).context("fault " + document.id));
    book.faults[document.id] = std::make_shared<const Fault>(std::move(fault));
  }
  for (const auto& document : HF_TRY(journal.documents("remedy"))) {
    auto remedy = HF_TRY(parse_json<Remedy>(document.body).context("remedy " + document.id));
    book.remedies[document.id] = std::make_shared<const Remedy>(std::move(remedy));
  }
  if (auto document = HF_TRY(journal.document("automation", kGlobal))) {
    book.automation = HF_TRY(parse_json<model::Automation>(document->body).context("automation"));
  }
  return book;
}

void Draft::put(Fault fault) {
  const auto body = dump_json(fault);
  batch_.entry(model::kFaultChanged, fault.id, body);
  documents_[{"fault", fault.id}] = body;
  auto id = fault.id;
  book_.faults[std::move(id)] = std::make_shared<const Fault>(std::move(fault));
}

void Draft::put(Remedy remedy) {
  const auto body = dump_json(remedy);
  batch_.entry(model::kRemedyChanged, remedy.id, body);
  documents_[{"remedy", remedy.id}] = body;
  auto id = remedy.id;
  book_.remedies[std::move(id)] = std::make_shared<const Remedy>(std::move(remedy));
}

void Draft::put(model::Automation automation) {
  const auto body = dump_json(automation);
  batch_.entry(model::kAutomationChanged, std::string(kGlobal), body);
  documents_[{"automation", std::string(kGlobal)}] = body;
  book_.automation = std::move(automation);
}

void Draft::move(const std::string& id, model::RemedyState state, std::string reason) {
  auto remedy = *book_.remedies.at(id);
  remedy.state = state;
  remedy.reason = std::move(reason);
  put(std::move(remedy));
}

void Draft::forget(WallTime now) {
  std::vector<std::string> gone;
  for (const auto& [id, fault] : book_.faults) {
    if (!fault->open && fault->closed_at && now - *fault->closed_at > kFaultsRemembered)
      gone.push_back(id);
  }
  for (const auto& id : gone) {
    documents_[{"fault", id}] = "";
    book_.faults.erase(id);
  }
  if (book_.remedies.size() <= kRemediesRemembered) return;
  auto spare = book_.remedies.size() - kRemediesRemembered;
  const auto old = oldest_first(book_, [&](const Remedy& remedy) {
    const auto fault = book_.faults.find(remedy.fault_id);
    return fault == book_.faults.end() || !fault->second->open;
  });
  for (const auto* remedy : old) {
    if (spare-- == 0) break;
    const auto id = remedy->id;  // the next line frees the remedy
    documents_[{"remedy", id}] = "";
    book_.remedies.erase(id);
  }
}

state::Batch Draft::take_batch() {
  for (auto& [key, body] : documents_) batch_.document(key.first, key.second, std::move(body));
  documents_.clear();
  return std::move(batch_);
}

}  // namespace holdfast::recover
