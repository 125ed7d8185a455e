// app/access/roles.h: who may do what, as one pure table.
//
// Purpose     Every route has an action class (route_table.h). A role permits classes; a grant gives a role over some services;
//             a token narrows its owner to scopes and services. decide() answers, and says which permission is missing.
//
//             class       what it covers                                     viewer auditor responder operator admin
//             read        services, incidents, telemetry, rules                 x      x        x        x       x
//             audit       the audit log, the journal                                   x                         x
//             respond     acknowledge, resolve, note, silence, override                         x        x       x
//             send        hand in telemetry, alerts, events                                              x       x
//             operate     restart, scale, release, drill, stop automation                                x       x
//             configure   delete, import, compact, change routing                                                x
//             administer  users, tokens, other people's sessions                                                 x
//             own         one's own session and tokens, what is public inside   x      x        x        x       x
//             self        change one's own password, tokens, sessions           x      x        x        x       x
//             open        health, sign-in, the console's files: nobody is asked
//             unlisted    a route that has no class yet                                                          x
// Tokens      A narrowed token never changes what its owner has (self): it could make itself a wider one.
// Services    A pattern is a name with * for any text. A grant adds to the role, on the services it names alone. A token with
//             services may call only what concerns one of them: a list of everything concerns all.
// Threads     Values; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::app {

enum class Role { kNone, kViewer, kAuditor, kResponder, kOperator, kAdmin };
enum class ActionClass {
  kOpen,
  kOwn,
  kSelf,
  kRead,
  kAudit,
  kRespond,
  kSend,
  kOperate,
  kConfigure,
  kAdminister,
  kUnlisted
};

std::string_view role_name(Role role);
std::optional<Role> parse_role(std::string_view name);
// Those a person may be given: all but none, lowest first.
const std::vector<std::string>& role_names();

std::string_view class_name(ActionClass action);
// Those a token may be narrowed to.
const std::vector<std::string>& scope_names();
std::optional<ActionClass> parse_scope(std::string_view name);

bool permits(Role role, ActionClass action);

// `*` stands for any text.
bool matches_service(std::string_view pattern, std::string_view service);

struct Grant {
  std::vector<std::string> services;  // patterns
  Role role = Role::kNone;
};

// What a token is narrowed to; empty lists do not narrow.
struct TokenLimits {
  std::vector<ActionClass> scopes;
  std::vector<std::string> services;  // patterns
};

// Who calls.
struct Principal {
  std::string user;  // empty: nobody
  std::string via;   // "admin token", "token deploy", "session", "local"
  Role role = Role::kNone;
  std::vector<Grant> grants;
  TokenLimits limits{};
};

struct Decision {
  bool allowed = false;
  std::string reason{};  // when not: which permission is missing, and who would have it
};

// Whether the service must be known to decide.
bool depends_on_service(const Principal& principal, ActionClass action);
// `service` is what the call concerns; empty: nothing of one service.
Decision decide(const Principal& principal, ActionClass action, std::string_view service);
// The classes permitted somewhere: for a console that hides what would be refused.
std::vector<std::string> permissions_of(const Principal& principal);

}  // namespace holdfast::app
