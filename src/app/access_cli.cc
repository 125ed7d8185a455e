#include "app/access_cli.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/access/roles.h"
#include "app/cli/access_commands.h"

namespace holdfast::app {
namespace {

using RemoteCommand = std::function<CLI::App*(CLI::App*)>;
using Run = std::function<int(Remote&)>;

struct Context {
  RemoteOptions& remote;
  bool& as_json;
  int& status;
  const RemoteCommand& remote_command;

  // A command that is one call.
  CLI::App* add(CLI::App& above, const char* name, const char* what, Run run) const {
    auto* app = remote_command(above.add_subcommand(name, what));
    app->callback([&remote = remote, &status = status, run = std::move(run)] {
      Remote connection(remote);
      status = run(connection);
    });
    return app;
  }
};

void add_user(CLI::App& cli, const Context& context) {
  auto* users = cli.add_subcommand("user", "users: who may sign in, and what each may do");
  users->require_subcommand(1);
  auto command = std::make_shared<UserCommand>();
  const auto& as_json = context.as_json;
  context.add(*users, "list", "users of the configuration and made here",
              [&as_json](Remote& remote) { return run_user_list(remote, as_json); });
  auto* add = context.add(*users, "add", "make a user", [&as_json, command](Remote& remote) {
    return run_user_add(remote, *command, as_json);
  });
  auto* set = context.add(*users, "set", "change a user", [&as_json, command](Remote& remote) {
    return run_user_set(remote, *command, as_json);
  });
  auto* passwd = context.add(*users, "passwd", "set a password, read from standard input; an empty one is taken away",
                             [&as_json, command](Remote& remote) {
                               return run_user_password(remote, command->id, as_json);
                             });
  auto* disable = context.add(*users, "disable", "refuse a user from now on", [&as_json, command](Remote& remote) {
    return run_user_disable(remote, command->id, true, as_json);
  });
  auto* enable = context.add(*users, "enable", "let a disabled user in again", [&as_json, command](Remote& remote) {
    return run_user_disable(remote, command->id, false, as_json);
  });
  auto* out = context.add(*users, "sign-out", "end all sessions of a user", [command](Remote& remote) {
    return run_user_sign_out(remote, command->id);
  });
  for (auto* app : {add, set, passwd, disable, enable, out})
    app->add_option("ID", command->id)->required();
  for (auto* app : {add, set}) {
    app->add_option("--name", command->name, "as shown");
    app->add_option("--email", command->email);
    app->add_option("--role", command->role, "of everything: viewer, auditor, responder, operator, admin, none");
    app->add_option("--grant", command->grants, "ROLE:SERVICE[,SERVICE...]: a role over these services; may be repeated")
        ->take_all()
        ->expected(1);
  }
  add->add_flag("--password", command->password, "read a password from standard input");
}

void add_token(CLI::App& cli, const Context& context) {
  auto* tokens = cli.add_subcommand("token", "API tokens: what programs call with");
  tokens->require_subcommand(1);
  auto command = std::make_shared<TokenCommand>();
  auto id = std::make_shared<std::string>();
  const auto& as_json = context.as_json;
  auto* list = context.add(*tokens, "list", "tokens, and when each was last used", [&as_json, command](Remote& remote) {
    return run_token_list(remote, command->user, as_json);
  });
  list->add_option("--user", command->user);
  auto* create = context.add(*tokens, "create", "make a token; it is shown once", [&as_json, command](Remote& remote) {
    return run_token_create(remote, *command, as_json);
  });
  create->add_option("--name", command->name, "what it is for")->required();
  create->add_option("--user", command->user, "whose; default: one's own");
  create->add_option("--scope", command->scopes, "read, audit, respond, send, operate, configure, administer; default: all its user may")
      ->delimiter(',');
  create->add_option("--service", command->services, "only these, names or patterns; default: all")->delimiter(',');
  create->add_option("--expires-in", command->expires_in, "90d; default: never");
  auto* revoke = context.add(*tokens, "revoke", "end a token at once", [id](Remote& remote) {
    return run_token_revoke(remote, *id);
  });
  revoke->add_option("TOKEN", *id, "its id, or its name")->required();
}

void add_audit(CLI::App& cli, const Context& context) {
  auto command = std::make_shared<AuditCommand>();
  auto* audit = context.add(cli, "audit", "who did what, and who was refused", [&as_json = context.as_json, command](Remote& remote) {
    return run_audit(remote, *command, as_json);
  });
  audit->add_option("--user", command->user);
  audit->add_option("--action", command->action, "incident.ack, user_login, configuration_change, ...");
  audit->add_option("--service", command->service);
  audit->add_option("--resource", command->resource);
  audit->add_option("--result", command->result, "ok, accepted, denied, failed");
  audit->add_option("--address", command->address);
  audit->add_option("--from", command->from, "RFC 3339");
  audit->add_option("--to", command->to, "RFC 3339");
  audit->add_option("--limit", command->limit)->capture_default_str();
  audit->add_option("--format", command->format, "text or csv")->check(CLI::IsMember({"text", "csv"}));
}

}  // namespace

void add_access_commands(CLI::App& cli, RemoteOptions& remote, bool& as_json, int& status,
                         const RemoteCommand& remote_command) {
  const Context context{remote, as_json, status, remote_command};
  add_user(cli, context);
  add_token(cli, context);
  add_audit(cli, context);
}

}  // namespace holdfast::app
