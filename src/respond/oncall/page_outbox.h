// respond/oncall/page_outbox.h: queued pages go out through the journal's outbox, and what came of each is written
// down.
//
// Purpose     Handler of intents of kind "page". An intent carries the page and its words as they were when it was
//             decided.
// Outcome     One batch: document page (but for pages without an escalation), entry kPageChanged, on success the
//             document contact_proof. A page nobody wants any more is withdrawn instead of delivered.
// Fairness    A lane per contact: one that hangs keeps one slot, and nobody else waits for it.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/env.h"
#include "base/zones.h"
#include "model/incident.h"
#include "model/page.h"
#include "respond/oncall/pager.h"
#include "state/outbox.h"

namespace holdfast::respond::oncall {

inline constexpr std::string_view kPageKind = "page";
inline constexpr std::string_view kProofKind = "contact_proof";
class PageOutbox {
 public:
  // Why the page is not wanted any more; empty: it is.
  using Unwanted = std::function<std::string(const model::Page&)>;

  PageOutbox(Env& env, state::Outbox& outbox, std::shared_ptr<Pager> pager, Duration give_up_after,
             Unwanted unwanted);
  ~PageOutbox();
  void configure(std::shared_ptr<Pager> pager, Duration give_up_after);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

state::Intent intent_of(const model::Page& page, const PageMessage& message);

// Words of a page, by its event, in a language (en, zh), with times on the clock of `zone`.
PageMessage words_of(const model::Page& page, const model::Incident& incident,
                     std::string_view language, const Zone& zone, const std::string& external_url);

}  // namespace holdfast::respond::oncall
