// app/access/records.h: users, tokens and sessions as they are kept: documents of the journal.
//
// Purpose     The one description of what is on disk: kinds access_user, access_token, access_session. Secrets are hashes
//             (secret.h) and stand in documents alone, never in entries, which are shown.
// Threads     Values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast::app {

inline constexpr const char* kUserKind = "access_user";
inline constexpr const char* kTokenKind = "access_token";
inline constexpr const char* kSessionKind = "access_session";
// The topic of what changed here; its bodies name what, never a secret.
inline constexpr std::string_view kAccessChanged = "access_changed";

struct GrantRecord {
  std::vector<std::string> services;
  std::string role;
};

// What the API made of a user, or what there is beside the configuration of a person named there.
struct UserRecord {
  std::string id;
  std::string name;
  std::string email;
  std::string role;
  std::vector<GrantRecord> grants;
  bool disabled = false;
  std::string password;  // hash
  std::string source;    // config, local, oidc
  std::string issuer;    // of OpenID Connect, with its subject: the account this user is
  std::string subject;
  std::optional<WallTime> created_at;
  std::optional<WallTime> signed_in_at;
};

struct TokenRecord {
  std::string id;
  std::string name;
  std::string hash;
  std::string user;
  std::vector<std::string> scopes;
  std::vector<std::string> services;
  std::string created_by;
  std::optional<WallTime> created_at;
  std::optional<WallTime> expires_at;
  std::optional<WallTime> used_at;
  std::string used_from;
};

struct SessionRecord {
  std::string id;    // hash of the cookie
  std::string user;
  std::string how;   // password, oidc, token, admin token
  std::string credential;  // the token's id, or which admin token: it ends with that
  std::string address;
  std::string user_agent;
  std::optional<WallTime> created_at;
  std::optional<WallTime> used_at;
};

void to_json(nlohmann::json& j, const GrantRecord& v);
void from_json(const nlohmann::json& j, GrantRecord& v);
void to_json(nlohmann::json& j, const UserRecord& v);
void from_json(const nlohmann::json& j, UserRecord& v);
void to_json(nlohmann::json& j, const TokenRecord& v);
void from_json(const nlohmann::json& j, TokenRecord& v);
void to_json(nlohmann::json& j, const SessionRecord& v);
void from_json(const nlohmann::json& j, SessionRecord& v);

}  // namespace holdfast::app
