// app/access/directory.h: users, their tokens and sessions: who a caller is, and changes of all of them.
//
// Purpose     People come from the configuration (`people`) or are made through the API; passwords, tokens and sessions are
//             documents of the journal (records.h). A lookup gives a Principal, made from what holds at this moment: a role that
//             changed, a token that was revoked, a user who was disabled count for the next call.
//
//               people, access (holdfast.yaml) ──┐
//               access_user    ──────────────────┼──▶ principal of a user ◀── token, session, password
//               access_token, access_session ────┘
//
// Durability  `done` runs after the change is on disk; a change that the disk refused is undone in memory. When something was last
//             used is written once a minute, at most.
// Limits      kUsersMax, kTokensMax a user, kSessionsMax (the longest unused goes).
// Names       admin is whoever holds the admin token, local is everyone without authorisation: no user may be called so.
// Threads     Lookups from any thread. open(), configure(), changes and destruction on the control strand; `done` runs there.
// Errors      kInvalid, kNotFound, kExists, kConflict name what is wrong; kDataLoss a document that cannot be read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/access/access_config.h"
#include "app/access/records.h"
#include "app/access/roles.h"
#include "base/env.h"
#include "model/person.h"
#include "model/service.h"
#include "state/journal.h"

namespace holdfast::app {

inline constexpr std::size_t kUsersMax = 10'000;
inline constexpr std::size_t kTokensMax = 100;
inline constexpr std::size_t kSessionsMax = 10'000;
inline constexpr const char* kAdminUser = "admin";
inline constexpr const char* kLocalUser = "local";

Result<void> check_user_id(std::string_view id);

// A user as he is shown and as he counts.
struct UserView {
  std::string id, name, email;
  Role role = Role::kNone;
  std::vector<Grant> grants;
  std::string source;
  bool disabled = false;
  bool has_password = false;
  std::optional<WallTime> created_at, signed_in_at;
  int session_count = 0;
};

// Members that are absent stay as they are.
struct UserChange {
  std::optional<std::string> name, email, role;
  std::optional<std::vector<GrantRecord>> grants;
  std::optional<bool> disabled;
};

struct NewToken {
  std::string user, name, created_by;
  std::vector<std::string> scopes, services;
  std::optional<WallTime> expires_at;
};

struct NewSession {
  std::string user, how, credential, address, user_agent;
};

// Whom an OpenID Connect provider vouches for.
struct OidcIdentity {
  std::string issuer, subject, user, name, email;
  Role role = Role::kNone;
};

class Directory {
 public:
  using Done = std::function<void(Result<void>)>;

  static Result<std::unique_ptr<Directory>> open(Env& env, state::Journal& journal);
  ~Directory();
  // Before the journal goes: what is still asked for is dropped, as a crash would.
  void stop();

  void configure(const AccessConfig& config, const std::vector<model::Person>& people,
                 const std::vector<model::Service>& services);
  // Sessions that were begun with another admin token end.
  void set_admin_credential(std::string credential);

  // ---- lookups ----
  Principal by_token(std::string_view token, std::string_view peer);
  Principal by_session(std::string_view cookie);
  // The hash to verify against; nothing: no such user, no password, or disabled.
  std::optional<std::string> password_of(const std::string& user) const;
  std::optional<UserView> user(const std::string& id) const;
  std::vector<UserView> users() const;
  std::vector<TokenRecord> tokens(const std::string& user) const;  // empty: everyone's
  std::optional<TokenRecord> token(const std::string& id) const;
  std::vector<SessionRecord> sessions(const std::string& user) const;  // that hold
  Duration session_life() const;

  // ---- changes ----
  void create_user(UserRecord user, Done done);
  void change_user(const std::string& id, const UserChange& change, Done done);
  // Every session of the user ends but `keep`.
  void set_password(const std::string& id, std::string hash, const std::string& keep, Done done);
  // The token itself is the result, once.
  void create_token(const NewToken& token, std::function<void(Result<std::string>)> done);
  void revoke_token(const std::string& id, Done done);
  // The cookie is the result.
  void begin_session(const NewSession& session, std::function<void(Result<std::string>)> done);
  void end_session(std::string_view cookie, Done done);
  void end_sessions(const std::string& user, const std::string& keep, Done done);
  // Finds or makes the user, refuses one whose name is another's; the user's id is the result.
  void sign_in_oidc(const OidcIdentity& identity, std::function<void(Result<std::string>)> done);

 private:
  Directory(Env& env, state::Journal& journal) : env_(env), journal_(&journal) {}
  Result<void> load();
  void commit(state::Batch batch, std::function<void()> undo, Done done);
  void save_user(UserRecord user, const std::string& what, Done done);
  bool holds(const SessionRecord& session) const;  // the four below: under mutex_
  Principal principal_of(const std::string& user) const;
  UserView view_of(const UserRecord& user) const;
  const UserRecord* find_user(const std::string& id) const;
  void drop_sessions(const std::function<bool(const SessionRecord&)>& which, state::Batch& batch,
                     std::vector<SessionRecord>& dropped);
  void schedule_flush();
  void flush();

  Env& env_;
  state::Journal* journal_;  // null: stopped; control strand
  TimerId flush_ = TimerId::kNone;

  mutable std::mutex mutex_;
  AccessConfig config_ HF_GUARDED_BY(mutex_);
  std::map<std::string, model::Person> people_ HF_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> owned_ HF_GUARDED_BY(mutex_);  // team -> services
  std::map<std::string, UserRecord> users_ HF_GUARDED_BY(mutex_);
  std::map<std::string, TokenRecord> tokens_ HF_GUARDED_BY(mutex_);       // by id
  std::map<std::string, std::string> token_ids_ HF_GUARDED_BY(mutex_);    // by hash
  std::map<std::string, SessionRecord> sessions_ HF_GUARDED_BY(mutex_);   // by id
  std::map<std::string, bool> used_ HF_GUARDED_BY(mutex_);  // "t/id", "s/id" used since the last flush
  std::string admin_credential_ HF_GUARDED_BY(mutex_);
};

}  // namespace holdfast::app
