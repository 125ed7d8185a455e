// app/cli/access_commands.h: what `holdfast user`, `holdfast token` and `holdfast audit` do.
//
// Purpose     Each is one call of the API; main's parser (access_cli.h) turns words into these.
// Secrets     A password is read from standard input, never from the command line, which others can see. A new token is the one
//             thing `token create` writes to standard output, so that it can be piped to where it is kept.
// Output      Aligned text for people; with --json the API's own answer. Exit status: 0 good, 1 refused or failed, 2 wrong use.
// Threads     One.
#pragma once

#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

struct UserCommand {
  std::string id, name, email, role;
  std::vector<std::string> grants;  // "ROLE:SERVICE[,SERVICE...]"
  bool password = false;            // read one from standard input
};

struct TokenCommand {
  std::string name, user, expires_in;
  std::vector<std::string> scopes, services;
};

struct AuditCommand {
  std::string user, action, service, resource, result, address, from, to, format;
  int limit = 100;
};

int run_user_list(Remote& remote, bool as_json);
int run_user_add(Remote& remote, const UserCommand& command, bool as_json);
int run_user_set(Remote& remote, const UserCommand& command, bool as_json);
int run_user_password(Remote& remote, const std::string& id, bool as_json);
int run_user_disable(Remote& remote, const std::string& id, bool disabled, bool as_json);
int run_user_sign_out(Remote& remote, const std::string& id);
int run_token_list(Remote& remote, const std::string& user, bool as_json);
int run_token_create(Remote& remote, const TokenCommand& command, bool as_json);
// By id, or by name when only one has it.
int run_token_revoke(Remote& remote, const std::string& id);
int run_audit(Remote& remote, const AuditCommand& command, bool as_json);

}  // namespace holdfast::app
