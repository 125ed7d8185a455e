#include "respond/words/desk.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/json_members.h"

namespace holdfast::respond::words {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

namespace {

constexpr std::string_view kTextKind = "text";
constexpr std::string_view kDraftKind = "draft";

Error in_state(const Draft& draft, std::string_view what) {
  return {Code::kConflict,
          "draft " + draft.id + " is " + draft.state + ": it cannot be " + std::string(what)};
}

std::string key_of(const std::string& name, const std::string& language) {
  return name + "/" + language;
}

const Text* builtin(const std::string& name, const std::string& language) {
  for (const auto& text : builtin_texts()) {
    if (text.name == name && text.language == language) return &text;
  }
  return nullptr;
}

}  // namespace

// ---- decisions ----

Result<Draft> edited(Draft draft, const std::string& subject, const std::string& body,
                     const std::string& by) {
  if (draft.state == "sent" || draft.state == "rejected") return in_state(draft, "edited");
  if (trim(body).empty()) return invalid("'body' is missing");
  if (subject.find('\n') != std::string::npos) return invalid("'subject' is one line");
  if (body.size() > kTextSizeMax) return Error(Code::kTooLarge, "a text has at most 65536 bytes");
  draft.subject = subject.empty() ? draft.subject : subject;
  draft.body = body;
  draft.written_by = by;
  draft.state = "draft";  // who approved did not see these words
  draft.approved_by.clear();
  draft.approved_at.reset();
  return draft;
}

Result<Draft> approved(Draft draft, bool second_person, const std::string& by, WallTime now) {
  if (draft.state != "draft") return in_state(draft, "approved");
  if (second_person && by == draft.written_by)
    return Error(Code::kConflict, "draft " + draft.id + " was written by " + by +
                                      ": a second person must approve it");
  draft.state = "approved";
  draft.approved_by = by;
  draft.approved_at = now;
  return draft;
}

Result<Draft> rejected(Draft draft, const std::string& note, const std::string& by) {
  if (draft.state == "sent" || draft.state == "rejected") return in_state(draft, "rejected");
  if (trim(note).empty()) return invalid("'note' is missing: why is it rejected?");
  draft.state = "rejected";
  draft.note = by + ": " + note;
  return draft;
}

Result<Draft> sent(Draft draft, const std::vector<std::string>& receivers, const std::string& by,
                   WallTime now) {
  if (draft.state == "sent" || draft.state == "rejected") return in_state(draft, "sent");
  if (draft.state != "approved" && is_public(draft.audience))
    return Error(Code::kConflict, "draft " + draft.id + " goes to the public (" + draft.audience +
                                      "): it must be approved first");
  draft.state = "sent";
  draft.sent_by = by;
  draft.sent_at = now;
  draft.receivers = receivers;
  return draft;
}

// ---- the desk ----

struct Desk::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier,
       DeskOptions options)
      : env(env),
        journal(journal),
        outbox(outbox),
        notifier(notifier),
        options(std::move(options)) {}

  Result<Text> text(const std::string& name, const std::string& language) const {
    auto document = HF_TRY(journal.document(kTextKind, key_of(name, language)));
    if (document) return parse_json<Text>(document->body);
    if (const auto* found = builtin(name, language); found != nullptr) return *found;
    return not_found("no text '" + printable(name) + "' in language '" + printable(language) + "'");
  }

  Result<Draft> find(const std::string& id) const {
    auto document = HF_TRY(journal.document(kDraftKind, id));
    if (!document) return not_found("no draft '" + printable(id) + "'");
    return parse_json<Draft>(document->body);
  }

  // Two people at once: the second is told so, and sees what the first did when asking again.
  void decide(const std::string& id, std::function<Result<Draft>(Draft)> act, Done done,
              std::function<void(const Draft&, state::Batch&)> more = {}) {
    if (busy.contains(id))
      return done(Error(Code::kConflict, "draft " + id + " is being changed by somebody else"));
    auto draft = find(id);
    if (!draft) return done(std::move(draft).error());
    auto next = act(std::move(*draft));
    if (!next) return done(std::move(next).error());
    commit(*next, std::move(done), std::move(more));
  }

  void commit(const Draft& draft, Done done,
              std::function<void(const Draft&, state::Batch&)> more = {}) {
    state::Batch batch;
    const auto body = dump_json(draft);
    batch.document(std::string(kDraftKind), draft.id, body);
    batch.entry(kDraftChanged, draft.id, body);
    if (more) more(draft, batch);
    busy.insert(draft.id);
    outbox.commit(std::move(batch), [weak = weak_from_this(), draft, done](Result<state::Seq> seq) {
      if (auto self = weak.lock()) self->busy.erase(draft.id);
      if (!seq) return done(Error(seq.error()));
      done(draft);
    });
  }

  void commit_text(const Text& text, bool remove, TextDone done) {
    state::Batch batch;
    const auto key = key_of(text.name, text.language);
    batch.document(std::string(kTextKind), key, remove ? "" : dump_json(text));
    batch.entry("words.text", key, dump_json(text));
    outbox.commit(std::move(batch), [text, done](Result<state::Seq> seq) {
      if (!seq) return done(Error(seq.error()));
      done(text);
    });
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  Notifier& notifier;
  DeskOptions options;
  std::set<std::string> busy;  // drafts whose change is on its way to the disk
};

Desk::Desk(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier,
           DeskOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, notifier, std::move(options))) {}
Desk::~Desk() = default;
void Desk::configure(DeskOptions options) { impl_->options = std::move(options); }
const DeskOptions& Desk::options() const { return impl_->options; }

std::vector<Text> Desk::texts() const {
  std::vector<Text> list;
  for (const auto& one : builtin_texts()) {
    auto text = impl_->text(one.name, one.language);
    list.push_back(text ? *text : one);
  }
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.language) < std::tie(b.name, b.language);
  });
  return list;
}

Result<Text> Desk::text(const std::string& name, const std::string& language) const {
  return impl_->text(name, language);
}

void Desk::edit_text(Text text, const std::string& by, TextDone done) {
  const auto* original = builtin(text.name, text.language);
  if (original == nullptr) {
    return done(not_found("no text '" + printable(text.name) + "' in language '" +
                          printable(text.language) + "'"));
  }
  if (text.subject.empty() || text.subject.find('\n') != std::string::npos)
    return done(invalid("'subject' must be one line"));
  if (trim(text.body).empty()) return done(invalid("'body' is missing"));
  if (text.body.size() > kTextSizeMax)
    return done(Error(Code::kTooLarge, "a text has at most 65536 bytes"));
  for (const auto* part : {&text.subject, &text.body}) {
    if (auto fields = fields_of(*part); !fields) return done(std::move(fields).error());
  }
  text.audience = original->audience;  // who may hear it is not a matter of words
  text.edited = true;
  text.edited_by = by;
  impl_->commit_text(text, false, std::move(done));
}

void Desk::restore_text(const std::string& name, const std::string& language, const std::string&,
                        TextDone done) {
  const auto* original = builtin(name, language);
  if (original == nullptr) return done(not_found("no text '" + printable(name) + "'"));
  impl_->commit_text(*original, true, std::move(done));
}

Result<Rendered> Desk::preview(const std::string& name, const std::string& language,
                               const model::Incident* incident, const ResponseRules& rules,
                               const Fields& more) const {
  const auto text = HF_TRY(impl_->text(name, language));
  Fields fields = more;
  if (incident != nullptr) {
    fields.merge(incident_fields(*incident, level_of(rules, *incident), impl_->options.settings,
                                 language, impl_->env.clock.now()));
  }
  return render(text, fields);
}

Result<std::vector<Draft>> Desk::drafts(const std::string& incident) const {
  std::vector<Draft> list;
  for (const auto& document : HF_TRY(impl_->journal.documents(kDraftKind))) {
    auto draft = HF_TRY(parse_json<Draft>(document.body).context("draft " + document.id));
    if (incident.empty() || draft.incident == incident) list.push_back(std::move(draft));
  }
  std::reverse(list.begin(), list.end());  // ids are in order of time
  return list;
}

Result<Draft> Desk::find(const std::string& id) const { return impl_->find(id); }

void Desk::draft(const std::string& name, const std::string& language,
                 const model::Incident* incident, const ResponseRules& rules, const Fields& more,
                 const std::string& by, Done done) {
  auto rendered = preview(name, language, incident, rules, more);
  if (!rendered) return done(std::move(rendered).error());
  Draft draft;
  draft.created_at = impl_->env.clock.now();
  draft.id = make_ulid(draft.created_at, impl_->env.random);
  draft.incident = incident == nullptr ? "" : incident->id.value;
  draft.text = name;
  draft.language = language;
  if (auto text = impl_->text(name, language)) draft.audience = text->audience;
  draft.subject = rendered->subject;
  draft.body = rendered->body;
  draft.written_by = by;
  impl_->commit(draft, std::move(done));
}

void Desk::edit(const std::string& id, const std::string& subject, const std::string& body,
                const std::string& by, Done done) {
  impl_->decide(
      id, [&](Draft draft) { return edited(std::move(draft), subject, body, by); },
      std::move(done));
}

void Desk::approve(const std::string& id, const std::string& by, Done done) {
  impl_->decide(
      id,
      [&](Draft draft) {
        return approved(std::move(draft), impl_->options.second_person, by, impl_->env.clock.now());
      },
      std::move(done));
}

void Desk::reject(const std::string& id, const std::string& note, const std::string& by,
                  Done done) {
  impl_->decide(
      id, [&](Draft draft) { return rejected(std::move(draft), note, by); }, std::move(done));
}

void Desk::send(const std::string& id, const model::Incident* incident, const std::string& by,
                Done done) {
  impl_->decide(
      id,
      [&](Draft draft) -> Result<Draft> {
        const auto found = impl_->options.receivers.find(draft.audience);
        const auto names =
            found == impl_->options.receivers.end() ? std::vector<std::string>{} : found->second;
        return sent(std::move(draft), names, by, impl_->env.clock.now());
      },
      std::move(done),
      [&](const Draft& draft, state::Batch& batch) {
        const model::Incident about = incident == nullptr ? model::Incident{} : *incident;
        impl_->notifier.add_message_intents(about, {draft.subject, draft.body}, "words/" + draft.id,
                                            draft.receivers, batch);
        if (draft.incident.empty()) return;
        const json told = {{"incident", draft.incident},
                           {"text", draft.subject},
                           {"by", draft.sent_by},
                           {"audience", draft.audience}};
        batch.entry(kWordsSent, draft.incident,
                    told.dump(-1, ' ', false, json::error_handler_t::replace));
      });
}

void to_json(json& j, const Draft& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "incident", v.incident);
  put(j, "text", v.text);
  put(j, "language", v.language);
  put(j, "audience", v.audience);
  put(j, "subject", v.subject);
  put(j, "body", v.body);
  put(j, "state", v.state);
  put(j, "created_at", v.created_at);
  put(j, "written_by", v.written_by);
  put(j, "approved_by", v.approved_by);
  put(j, "approved_at", v.approved_at);
  put(j, "sent_by", v.sent_by);
  put(j, "sent_at", v.sent_at);
  put(j, "receivers", v.receivers);
  put(j, "note", v.note);
}

void from_json(const json& j, Draft& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "incident", v.incident);
  take(j, "text", v.text);
  take(j, "language", v.language);
  take(j, "audience", v.audience);
  take(j, "subject", v.subject);
  take(j, "body", v.body);
  take(j, "state", v.state);
  take(j, "created_at", v.created_at);
  take(j, "written_by", v.written_by);
  take(j, "approved_by", v.approved_by);
  take(j, "approved_at", v.approved_at);
  take(j, "sent_by", v.sent_by);
  take(j, "sent_at", v.sent_at);
  take(j, "receivers", v.receivers);
  take(j, "note", v.note);
}

void to_json(json& j, const Text& v) {
  j = json::object();
  put(j, "name", v.name);
  put(j, "language", v.language);
  put(j, "audience", v.audience);
  put(j, "subject", v.subject);
  put(j, "body", v.body);
  put(j, "edited", v.edited);
  put(j, "edited_by", v.edited_by);
}

void from_json(const json& j, Text& v) {
  model::json_members::must_be_object(j);
  take(j, "name", v.name);
  take(j, "language", v.language);
  take(j, "audience", v.audience);
  take(j, "subject", v.subject);
  take(j, "body", v.body);
  take(j, "edited", v.edited);
  take(j, "edited_by", v.edited_by);
}

}  // namespace holdfast::respond::words

HF_MODEL_JSON(holdfast::respond::words::Draft);
HF_MODEL_JSON(holdfast::respond::words::Text);
