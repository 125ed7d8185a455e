#include "app/access/directory.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app/access/secret.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "model/alert.h"

namespace holdfast::app {
namespace {

constexpr Duration kFlushEvery = 1min;
constexpr std::size_t kIdSizeMax = 64;

Grant grant_of(const GrantRecord& record) {
  return {record.services, parse_role(record.role).value_or(Role::kNone)};
}

template <typename T>
Result<void> load_kind(state::Journal& journal, const char* kind, std::map<std::string, T>& out) {
  const auto documents = HF_TRY(journal.documents(kind));
  for (const auto& document : documents) {
    auto record = parse_json<T>(document.body);
    if (!record)
      return Error(Code::kDataLoss, std::string(kind) + " " + printable(document.id) + ": " +
                                        record.error().message());
    out[document.id] = std::move(*record);
  }
  return {};
}

}  // namespace

Result<void> check_user_id(std::string_view id) {
  if (id.empty()) return invalid("a user needs an id");
  if (id.size() > kIdSizeMax || !is_valid_utf8(id))
    return invalid("a user's id has at most 64 bytes of UTF-8");
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F || c == '/' || c == '\\' || c == '"' || c == ':' || c == ',' ||
        c == '*' || c == '<' || c == '>')
      return invalid("the user's id '" + printable(id) +
                     "' holds a character that is not allowed: spaces and / \\ \" : , * < >");
  }
  if (id == kAdminUser || id == kLocalUser)
    return invalid("'" + std::string(id) + "' is taken: it is who holds the admin token, or " +
                   "everyone without authorisation");
  return {};
}

Result<std::unique_ptr<Directory>> Directory::open(Env& env, state::Journal& journal) {
  std::unique_ptr<Directory> directory(new Directory(env, journal));
  HF_TRY(directory->load());
  directory->schedule_flush();
  return directory;
}

Directory::~Directory() { stop(); }

void Directory::stop() {
  env_.executor.cancel(flush_);
  journal_ = nullptr;
}

Result<void> Directory::load() {
  std::lock_guard lock(mutex_);
  HF_TRY(load_kind(*journal_, kUserKind, users_));
  HF_TRY(load_kind(*journal_, kTokenKind, tokens_));
  HF_TRY(load_kind(*journal_, kSessionKind, sessions_));
  for (const auto& [id, token] : tokens_) token_ids_[token.hash] = id;
  return {};
}

void Directory::configure(const AccessConfig& config, const std::vector<model::Person>& people,
                          const std::vector<model::Service>& services) {
  std::lock_guard lock(mutex_);
  config_ = config;
  people_.clear();
  owned_.clear();
  for (const auto& person : people) {
    if (auto good = check_user_id(person.id); !good)
      log_warn("a person cannot sign in", {{"reason", good.error().message()}});
    else
      people_[person.id] = person;
  }
  for (const auto& service : services) {
    if (!service.owner.empty()) owned_[service.owner].push_back(service.name);
  }
}

void Directory::set_admin_credential(std::string credential) {
  std::lock_guard lock(mutex_);
  admin_credential_ = std::move(credential);
}

// ---- lookups ----

const UserRecord* Directory::find_user(const std::string& id) const {
  const auto found = users_.find(id);
  return found == users_.end() ? nullptr : &found->second;
}

Principal Directory::principal_of(const std::string& id) const {
  if (id == kAdminUser) return {id, "", Role::kAdmin, {}, {}};
  const auto* record = find_user(id);
  const auto person = people_.find(id);
  const bool configured = person != people_.end();
  if (record == nullptr && !configured) return {};
  // Who left the configuration left; the record keeps the password in case he comes back.
  if (record != nullptr && (record->disabled || (record->source == "config" && !configured)))
    return {};
  Principal principal{id, "", Role::kNone, {}, {}};
  if (record != nullptr) {
    principal.role = parse_role(record->role).value_or(Role::kNone);
    for (const auto& grant : record->grants) principal.grants.push_back(grant_of(grant));
  }
  if (configured) {
    const auto role = parse_role(person->second.role);
    if (role)
      principal.role = *role;
    else if (principal.role == Role::kNone)
      principal.role = config_.default_role;
  }
  const auto in_team = [&](const std::string& team) {
    return configured && std::ranges::find(person->second.teams, team) != person->second.teams.end();
  };
  for (const auto& configured_grant : config_.grants) {
    if (configured_grant.user == id || (!configured_grant.team.empty() && in_team(configured_grant.team)))
      principal.grants.push_back(configured_grant.grant);
  }
  if (config_.owners != Role::kNone && configured) {
    for (const auto& team : person->second.teams) {
      if (const auto owned = owned_.find(team); owned != owned_.end())
        principal.grants.push_back({owned->second, config_.owners});
    }
  }
  return principal;
}

Principal Directory::by_token(std::string_view token, std::string_view peer) {
  if (!token.starts_with(kTokenPrefix)) return {};
  const auto hash = sha256_hex(token);
  const auto now = env_.clock.now();
  std::lock_guard lock(mutex_);
  const auto id = token_ids_.find(hash);
  if (id == token_ids_.end()) return {};
  auto& record = tokens_.at(id->second);
  if (record.expires_at && now >= *record.expires_at) return {};
  auto principal = principal_of(record.user);
  if (principal.user.empty()) return {};
  principal.via = "token " + record.name;
  for (const auto& scope : record.scopes) {
    // A scope of a newer Holdfast permits nothing here, and must not make the list look empty.
    principal.limits.scopes.push_back(parse_scope(scope).value_or(ActionClass::kOpen));
  }
  principal.limits.services = record.services;
  record.used_at = now;
  record.used_from = std::string(peer.substr(0, peer.rfind(':')));
  used_["t/" + record.id] = true;
  return principal;
}

bool Directory::holds(const SessionRecord& session) const {
  const auto now = env_.clock.now();
  if (!session.created_at || !session.used_at) return false;
  if (now >= *session.created_at + config_.session_absolute) return false;
  if (now >= *session.used_at + config_.session_idle) return false;
  if (session.how == "admin token") return session.credential == admin_credential_;
  if (session.how != "token") return true;
  const auto token = tokens_.find(session.credential);
  return token != tokens_.end() &&
         (!token->second.expires_at || now < *token->second.expires_at);
}

Principal Directory::by_session(std::string_view cookie) {
  if (cookie.empty()) return {};
  const auto id = sha256_hex(cookie);
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !holds(found->second)) return {};
  auto& session = found->second;
  auto principal = principal_of(session.user);
  if (principal.user.empty()) return {};
  principal.via = "session";
  if (session.how == "token") {
    const auto& token = tokens_.at(session.credential);
    for (const auto& scope : token.scopes)
      principal.limits.scopes.push_back(parse_scope(scope).value_or(ActionClass::kOpen));
    principal.limits.services = token.services;
    principal.via = "session of token " + token.name;
  }
  session.used_at = env_.clock.now();
  used_["s/" + id] = true;
  return principal;
}

std::optional<std::string> Directory::password_of(const std::string& user) const {
  std::lock_guard lock(mutex_);
  const auto* record = find_user(user);
  if (record == nullptr || record->password.empty() || principal_of(user).user.empty())
    return std::nullopt;
  return record->password;
}

UserView Directory::view_of(const UserRecord& record) const {
  UserView view;
  const auto principal = principal_of(record.id);
  view.id = record.id;
  view.name = record.name;
  view.email = record.email;
  view.role = principal.user.empty() ? parse_role(record.role).value_or(Role::kNone) : principal.role;
  view.grants = principal.grants;
  view.source = record.source;
  view.disabled = principal.user.empty();
  view.has_password = !record.password.empty();
  view.created_at = record.created_at;
  view.signed_in_at = record.signed_in_at;
  if (const auto person = people_.find(record.id); person != people_.end()) {
    view.name = person->second.name.empty() ? record.name : person->second.name;
    view.email = person->second.email.empty() ? record.email : person->second.email;
    view.source = "config";
  }
  for (const auto& [id, session] : sessions_)
    view.session_count += session.user == record.id && holds(session) ? 1 : 0;
  return view;
}

std::optional<UserView> Directory::user(const std::string& id) const {
  std::lock_guard lock(mutex_);
  if (const auto* record = find_user(id)) return view_of(*record);
  if (!people_.contains(id)) return std::nullopt;
  UserRecord record;
  record.id = id;
  record.source = "config";
  return view_of(record);
}

std::vector<UserView> Directory::users() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> ids;
  for (const auto& [id, record] : users_) ids.insert(id);
  for (const auto& [id, person] : people_) ids.insert(id);
  std::vector<UserView> views;
  for (const auto& id : ids) {
    UserRecord record;
    record.id = id;
    record.source = "config";
    if (const auto* known = find_user(id)) record = *known;
    views.push_back(view_of(record));
  }
  return views;
}

std::vector<TokenRecord> Directory::tokens(const std::string& user) const {
  std::lock_guard lock(mutex_);
  std::vector<TokenRecord> out;
  for (const auto& [id, token] : tokens_) {
    if (user.empty() || token.user == user) out.push_back(token);
  }
  return out;
}

std::optional<TokenRecord> Directory::token(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<SessionRecord> Directory::sessions(const std::string& user) const {
  std::lock_guard lock(mutex_);
  std::vector<SessionRecord> out;
  for (const auto& [id, session] : sessions_) {
    if ((user.empty() || session.user == user) && holds(session)) out.push_back(session);
  }
  return out;
}

Duration Directory::session_life() const {
  std::lock_guard lock(mutex_);
  return config_.session_absolute;
}

// ---- what was last used ----

void Directory::schedule_flush() {
  flush_ = env_.executor.post_after(Lane::kControl, kFlushEvery, [this] {
    flush();
    schedule_flush();
  });
}

void Directory::flush() {
  state::Batch batch;
  std::vector<SessionRecord> dropped;
  {
    std::lock_guard lock(mutex_);
    drop_sessions([this](const auto& session) { return !holds(session); }, batch, dropped);
    for (const auto& [key, used] : used_) {
      const auto id = key.substr(2);
      if (const auto token = tokens_.find(id); key[0] == 't' && token != tokens_.end())
        batch.document(kTokenKind, id, dump_json(token->second));
      if (const auto session = sessions_.find(id); key[0] == 's' && session != sessions_.end())
        batch.document(kSessionKind, id, dump_json(session->second));
    }
    used_.clear();
  }
  if (batch.empty() || journal_ == nullptr) return;
  journal_->commit(std::move(batch), [](Result<state::Seq> result) {
    if (!result)
      log_warn("when sessions and tokens were last used was not written",
               {{"error", result.error().message()}});
  });
}

void Directory::drop_sessions(const std::function<bool(const SessionRecord&)>& which,
                              state::Batch& batch, std::vector<SessionRecord>& dropped) {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (!which(at->second)) {
      ++at;
      continue;
    }
    batch.document(kSessionKind, at->first, "");
    dropped.push_back(std::move(at->second));
    at = sessions_.erase(at);
  }
}

}  // namespace holdfast::app
