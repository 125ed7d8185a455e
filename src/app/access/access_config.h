// app/access/access_config.h: what `access` of holdfast.yaml says, as plain values; read by config_access.h.
//
// Threads     Values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/access/rate_limit.h"
#include "app/access/roles.h"
#include "base/time.h"

namespace holdfast::app {

// `role` over `services` for one user or for a team of `people`.
struct ConfiguredGrant {
  std::string user;
  std::string team;
  Grant grant;
};

struct OidcConfig {
  std::string issuer;      // https://id.example.com/realm
  std::string name;        // on the button; empty: the issuer's host
  std::string client_id;
  std::string client_secret;       // empty: a public client, PKCE alone
  std::string client_secret_file;  // read at each sign-in
  std::vector<std::string> scopes{"openid", "profile", "email"};
  std::string user_claim = "preferred_username";
  std::string role_claim = "groups";         // a text or a list of texts; "a.b" is b inside a
  std::map<std::string, Role> roles;         // by a value of that claim; the highest counts
  Role default_role = Role::kNone;           // of whoever has none of them; none: may not sign in
  std::string ca_file;
  Duration timeout = Duration(10s);
};

struct AccessConfig {
  Duration session_idle = Duration(12h);
  Duration session_absolute = Duration(12h);
  Role default_role = Role::kResponder;  // of people of the configuration that name none
  Role owners = Role::kNone;          // of a team's members over the services it owns
  std::vector<ConfiguredGrant> grants;
  Rate sign_in{30, 30};
  Rate callback{30, 30};
  Rate intake{600, 600};
  std::optional<OidcConfig> oidc;
};

}  // namespace holdfast::app
