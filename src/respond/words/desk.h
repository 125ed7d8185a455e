// respond/words/desk.h: where texts are kept and edited, and what is said is drafted, approved and sent.
//
// Purpose     An edited text is a document and wins over the built-in one. A draft is a text rendered with an incident's
//             data, which people may change; what goes to the public is sent only when approved, by a second person where
//             the settings ask for it.
// States      draft -> approved -> sent, or rejected; an edit of an approved draft makes it a draft again. Drafts for the
//             team may be sent at once.
// Sending     By the notifier's receivers that the settings name for the audience; without one (a phone call, a statement
//             handed to the press) it is recorded as sent by hand. The words of a sent draft never change.
// Durable     Documents "text" (<name>/<language>) and "draft"; entries of topic kDraftChanged. A draft and its intents are
//             one commit, so it is sent once. kWordsSent tells the incident's timeline.
// Errors      kNotFound, kInvalid (missing fields named), kConflict (the state, or a second person is needed).
// Threads     Control strand only.
// Source      Mission M13-31..M13-38, M13-50.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "respond/incident/incidents.h"
#include "respond/notify/notifier.h"
#include "respond/words/fields.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::respond::words {

inline constexpr std::string_view kDraftChanged = "words.draft";

struct Draft {
  std::string id;
  std::string incident;  // empty: about none
  std::string text;      // name of the template
  std::string language;
  std::string audience;
  std::string subject;
  std::string body;
  std::string state = "draft";  // draft, approved, rejected, sent
  WallTime created_at{};
  std::string written_by;  // who wrote or changed it last
  std::string approved_by;
  std::optional<WallTime> approved_at;
  std::string sent_by;
  std::optional<WallTime> sent_at;
  std::vector<std::string> receivers;  // it was handed to; empty when sent by hand
  std::string note;                    // why rejected
};

struct DeskOptions {
  WordsSettings settings;
  bool second_person = false;
  std::map<std::string, std::vector<std::string>> receivers;  // audience -> names of the notifier's receivers
};

class Desk {
 public:
  using Done = std::function<void(Result<Draft>)>;
  using TextDone = std::function<void(Result<Text>)>;

  Desk(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier, DeskOptions options);
  ~Desk();
  void configure(DeskOptions options);
  const DeskOptions& options() const;

  // ---- texts ----
  std::vector<Text> texts() const;  // edited ones in place of built-in ones, by name and language
  Result<Text> text(const std::string& name, const std::string& language) const;
  // Fields that no incident fills may still be in it: deployments bring their own.
  void edit_text(Text text, const std::string& by, TextDone done);
  void restore_text(const std::string& name, const std::string& language, const std::string& by, TextDone done);

  // With an incident's data; `more` wins over them.
  Result<Rendered> preview(const std::string& name, const std::string& language, const model::Incident* incident,
                           const ResponseRules& rules, const Fields& more) const;

  // ---- drafts ----
  Result<std::vector<Draft>> drafts(const std::string& incident) const;  // empty: all; newest first
  Result<Draft> find(const std::string& id) const;
  void draft(const std::string& name, const std::string& language, const model::Incident* incident,
             const ResponseRules& rules, const Fields& more, const std::string& by, Done done);
  void edit(const std::string& id, const std::string& subject, const std::string& body, const std::string& by, Done done);
  void approve(const std::string& id, const std::string& by, Done done);
  void reject(const std::string& id, const std::string& note, const std::string& by, Done done);
  void send(const std::string& id, const model::Incident* incident, const std::string& by, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The decisions, for tests: the draft as it is afterwards, or why not.
Result<Draft> edited(Draft draft, const std::string& subject, const std::string& body, const std::string& by);
Result<Draft> approved(Draft draft, bool second_person, const std::string& by, WallTime now);
Result<Draft> rejected(Draft draft, const std::string& note, const std::string& by);
Result<Draft> sent(Draft draft, const std::vector<std::string>& receivers, const std::string& by, WallTime now);

void to_json(nlohmann::json& j, const Draft& v);
void from_json(const nlohmann::json& j, Draft& v);
void to_json(nlohmann::json& j, const Text& v);
void from_json(const nlohmann::json& j, Text& v);

}  // namespace holdfast::respond::words
