// Changes of users, tokens and sessions: checked, put into memory, committed, undone when the disk refuses.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/access/directory.h"
#include "app/access/secret.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/alert.h"

namespace holdfast::app {
namespace {

constexpr std::size_t kNameSizeMax = 200;
constexpr std::size_t kGrantsMax = 100;
constexpr std::size_t kAgentSizeMax = 200;

void say(state::Batch& batch, const std::string& key, const std::string& what) {
  batch.entry(kAccessChanged, key, nlohmann::json{{"what", what}}.dump());
}

Result<void> check_role(const std::string& role) {
  if (role.empty() || role == "none" || parse_role(role)) return {};
  return invalid("the role is '" + printable(role) + "'; allowed: none, " + join(role_names(), ", "));
}

Result<void> check_text(const std::string& text, const char* what) {
  if (text.size() > kNameSizeMax || !is_valid_utf8(text))
    return invalid(std::string(what) + " has at most 200 bytes of UTF-8");
  return {};
}

Result<void> check_services(const std::vector<std::string>& services) {
  if (services.size() > kGrantsMax) return invalid("at most 100 services may be named");
  for (const auto& service : services) {
    if (service.empty()) return invalid("the name of a service is empty");
    HF_TRY(check_text(service, "the name of a service"));
  }
  return {};
}

Result<void> check_grants(const std::vector<GrantRecord>& grants) {
  if (grants.size() > kGrantsMax) return invalid("a user has at most 100 grants");
  for (const auto& grant : grants) {
    if (!parse_role(grant.role))
      return invalid("a grant's role is '" + printable(grant.role) +
                     "'; allowed: " + join(role_names(), ", "));
    if (grant.services.empty()) return invalid("a grant names its services");
    HF_TRY(check_services(grant.services));
  }
  return {};
}

Result<void> check_user(const UserRecord& user) {
  HF_TRY(check_user_id(user.id));
  HF_TRY(check_role(user.role));
  HF_TRY(check_text(user.name, "a user's name"));
  HF_TRY(check_text(user.email, "a user's address"));
  return check_grants(user.grants);
}

Result<void> check_token(const NewToken& token, WallTime now) {
  if (trim(token.name).empty()) return invalid("a token needs a name");
  HF_TRY(check_text(token.name, "a token's name"));
  for (const auto& scope : token.scopes) {
    if (!parse_scope(scope))
      return invalid("the scope is '" + printable(scope) + "'; allowed: " + join(scope_names(), ", "));
  }
  HF_TRY(check_services(token.services));
  if (token.expires_at && *token.expires_at <= now) return invalid("the token expires in the past");
  return {};
}

}  // namespace

void Directory::commit(state::Batch batch, std::function<void()> undo, Done done) {
  if (journal_ == nullptr) return;
  journal_->commit(std::move(batch), [this, undo = std::move(undo), done = std::move(done)](Result<state::Seq> result) {
    if (result) return done({});
    {
      std::lock_guard lock(mutex_);
      undo();
    }
    done(std::move(result).error());
  });
}

void Directory::save_user(UserRecord user, const std::string& what, Done done) {
  state::Batch batch;
  say(batch, user.id, what);
  batch.document(kUserKind, user.id, dump_json(user));
  std::optional<UserRecord> before;
  {
    std::lock_guard lock(mutex_);
    if (const auto* known = find_user(user.id)) before = *known;
    users_[user.id] = user;
  }
  commit(std::move(batch),
         [this, id = user.id, before] {
           if (before)
             users_[id] = *before;
           else
             users_.erase(id);
         },
         std::move(done));
}

void Directory::create_user(UserRecord user, Done done) {
  if (auto good = check_user(user); !good) return done(std::move(good));
  if (this->user(user.id)) return done(Error(Code::kExists, "there is a user '" + user.id + "' already"));
  if (users().size() >= kUsersMax)
    return done(Error(Code::kExhausted, "there are 10000 users already"));
  if (user.source.empty()) user.source = "local";
  user.created_at = env_.clock.now();
  save_user(std::move(user), "created", std::move(done));
}

void Directory::change_user(const std::string& id, const UserChange& change, Done done) {
  const auto view = user(id);
  if (!view) return done(not_found("no user '" + printable(id) + "'"));
  UserRecord record;
  record.id = id;
  record.source = "config";
  {
    std::lock_guard lock(mutex_);
    if (const auto* known = find_user(id)) record = *known;
  }
  if (view->source == "config" && (change.name || change.email || change.role))
    return done(Error(Code::kConflict, "'" + id + "' stands in the configuration (people): name, address and "
                                       "role are changed there"));
  if (change.name) record.name = *change.name;
  if (change.email) record.email = *change.email;
  if (change.role) record.role = *change.role;
  if (change.grants) record.grants = *change.grants;
  if (change.disabled) record.disabled = *change.disabled;
  if (auto good = check_user(record); !good) return done(std::move(good));
  save_user(std::move(record), "changed", std::move(done));
}

void Directory::set_password(const std::string& id, std::string hash, const std::string& keep, Done done) {
  if (!user(id)) return done(not_found("no user '" + printable(id) + "'"));
  UserRecord record;
  record.id = id;
  record.source = "config";
  {
    std::lock_guard lock(mutex_);
    if (const auto* known = find_user(id)) record = *known;
  }
  record.password = std::move(hash);
  if (!record.created_at) record.created_at = env_.clock.now();
  save_user(std::move(record), "password set", [this, id, keep, done = std::move(done)](Result<void> saved) {
    if (!saved) return done(std::move(saved));
    end_sessions(id, keep, done);
  });
}

void Directory::create_token(const NewToken& wanted, std::function<void(Result<std::string>)> done) {
  const auto now = env_.clock.now();
  if (auto good = check_token(wanted, now); !good) return done(std::move(good).error());
  if (wanted.user != kAdminUser && !user(wanted.user))
    return done(not_found("no user '" + printable(wanted.user) + "'"));
  for (const auto& token : tokens(wanted.user)) {
    if (token.name == wanted.name)
      return done(Error(Code::kExists, "'" + wanted.user + "' has a token '" + printable(wanted.name) + "' already"));
  }
  if (tokens(wanted.user).size() >= kTokensMax)
    return done(Error(Code::kExhausted, "'" + wanted.user + "' has 100 tokens already; revoke some"));
  const auto text = make_token(env_.random);
  TokenRecord record{make_ulid(now, env_.random), wanted.name, sha256_hex(text), wanted.user, wanted.scopes,
                     wanted.services, wanted.created_by, now, wanted.expires_at, std::nullopt, ""};
  state::Batch batch;
  say(batch, wanted.user, "token created: " + wanted.name);
  batch.document(kTokenKind, record.id, dump_json(record));
  {
    std::lock_guard lock(mutex_);
    tokens_[record.id] = record;
    token_ids_[record.hash] = record.id;
  }
  commit(std::move(batch),
         [this, id = record.id, hash = record.hash] {
           tokens_.erase(id);
           token_ids_.erase(hash);
         },
         [text, done = std::move(done)](Result<void> result) {
           if (result) return done(text);
           done(std::move(result).error());
         });
}

// At once: whoever asks while the record is still being written is refused already. A disk that refuses brings the token back,
// and the caller hears of it.
void Directory::revoke_token(const std::string& id, Done done) {
  const auto record = token(id);
  if (!record) return done(not_found("no token '" + printable(id) + "'"));
  state::Batch batch;
  say(batch, record->user, "token revoked: " + record->name);
  batch.document(kTokenKind, id, "");
  std::vector<SessionRecord> dropped;
  {
    std::lock_guard lock(mutex_);
    tokens_.erase(id);
    token_ids_.erase(record->hash);
    drop_sessions([&](const auto& session) { return session.how == "token" && session.credential == id; }, batch, dropped);
  }
  commit(std::move(batch),
         [this, token = *record, dropped] {
           token_ids_[token.hash] = token.id;
           tokens_[token.id] = token;
           for (const auto& session : dropped) sessions_[session.id] = session;
         },
         std::move(done));
}

void Directory::begin_session(const NewSession& wanted, std::function<void(Result<std::string>)> done) {
  const auto now = env_.clock.now();
  const auto cookie = env_.random.hex(32);
  SessionRecord record{sha256_hex(cookie), wanted.user, wanted.how, wanted.credential,
                       wanted.address.substr(0, wanted.address.rfind(':')),
                       printable(wanted.user_agent, kAgentSizeMax), now, now};
  state::Batch batch;
  batch.document(kSessionKind, record.id, dump_json(record));
  {
    std::lock_guard lock(mutex_);
    if (sessions_.size() >= kSessionsMax) {
      const auto oldest = std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
        return a.second.used_at < b.second.used_at;
      });
      batch.document(kSessionKind, oldest->first, "");
      sessions_.erase(oldest);
    }
    sessions_[record.id] = record;
    if (const auto user = users_.find(wanted.user); user != users_.end()) {
      user->second.signed_in_at = now;
      batch.document(kUserKind, wanted.user, dump_json(user->second));
    }
  }
  commit(std::move(batch), [this, id = record.id] { sessions_.erase(id); },
         [cookie, done = std::move(done)](Result<void> result) {
           if (result) return done(cookie);
           done(std::move(result).error());
         });
}

void Directory::end_session(std::string_view cookie, Done done) {
  const auto id = sha256_hex(cookie);
  state::Batch batch;
  std::vector<SessionRecord> dropped;
  {
    std::lock_guard lock(mutex_);
    drop_sessions([&](const auto& session) { return session.id == id; }, batch, dropped);
  }
  if (dropped.empty()) return done({});
  commit(std::move(batch), [this, dropped] { sessions_[dropped[0].id] = dropped[0]; }, std::move(done));
}

void Directory::end_sessions(const std::string& user, const std::string& keep, Done done) {
  const auto kept = keep.empty() ? std::string() : sha256_hex(keep);
  state::Batch batch;
  std::vector<SessionRecord> dropped;
  {
    std::lock_guard lock(mutex_);
    drop_sessions([&](const auto& session) { return session.user == user && session.id != kept; }, batch, dropped);
  }
  if (dropped.empty()) return done({});
  say(batch, user, "signed out everywhere");
  commit(std::move(batch),
         [this, dropped] {
           for (const auto& session : dropped) sessions_[session.id] = session;
         },
         std::move(done));
}

// A name at the provider is only a name: the account is issuer and subject. Whoever was vouched for first under a name keeps it.
// A user with a password of his own is never taken over.
void Directory::sign_in_oidc(const OidcIdentity& identity, std::function<void(Result<std::string>)> done) {
  if (auto good = check_user_id(identity.user); !good) return done(std::move(good).error());
  UserRecord record;
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    if (const auto* found = find_user(identity.user)) {
      record = *found;
      known = true;
    }
  }
  if (!known && users().size() >= kUsersMax)
    return done(Error(Code::kExhausted, "there are 10000 users already"));
  const bool configured = user(identity.user) && user(identity.user)->source == "config";
  const bool linked = !record.subject.empty();
  if (linked && (record.subject != identity.subject || record.issuer != identity.issuer))
    return done(Error(Code::kForbidden, "the name '" + identity.user + "' belongs to another account"));
  if (known && !linked && !record.password.empty())
    return done(Error(Code::kForbidden, "the user '" + identity.user +
                                            "' signs in with a password; an administrator must remove it first"));
  if (record.disabled) return done(Error(Code::kForbidden, "the user '" + identity.user + "' is disabled"));
  if (!configured && identity.role == Role::kNone && (!known || record.source == "oidc"))
    return done(Error(Code::kForbidden, "the provider gives '" + identity.user + "' no role here (access.oidc.roles)"));
  record.id = identity.user;
  record.issuer = identity.issuer;
  record.subject = identity.subject;
  if (!known) {
    record.source = configured ? "config" : "oidc";
    record.created_at = env_.clock.now();
  }
  // What the provider says counts for users it made; a user made here, or configured with a role, keeps his.
  if (record.source == "oidc" || (configured && identity.role != Role::kNone)) record.role = std::string(role_name(identity.role));
  if (record.source == "oidc") {
    record.name = printable(identity.name, kNameSizeMax / 4);
    record.email = printable(identity.email, kNameSizeMax / 4);
  }
  const auto id = record.id;
  save_user(std::move(record), "signed in by OpenID Connect", [id, done = std::move(done)](Result<void> saved) {
    if (saved) return done(id);
    done(std::move(saved).error());
  });
}

}  // namespace holdfast::app
