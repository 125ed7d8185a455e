#include "app/access/roles.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::array<std::string_view, 6> kRoleNames = {"none",      "viewer",   "auditor",
                                                        "responder", "operator", "admin"};
constexpr std::array<std::string_view, 11> kClassNames = {
    "open", "own",     "self",      "read",       "audit",   "respond",
    "send", "operate", "configure", "administer", "unlisted"};
constexpr std::size_t kFirstScope = 3;

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

// The roles that permit it, for the refusal.
std::string roles_with(ActionClass action) {
  std::vector<std::string> names;
  for (const Role role :
       {Role::kViewer, Role::kAuditor, Role::kResponder, Role::kOperator, Role::kAdmin}) {
    if (permits(role, action)) names.emplace_back(role_name(role));
  }
  return join(names, ", ");
}

bool granted(const Principal& principal, ActionClass action, std::string_view service) {
  if (service.empty()) return false;
  return std::any_of(principal.grants.begin(), principal.grants.end(), [&](const Grant& grant) {
    return permits(grant.role, action) &&
           std::any_of(grant.services.begin(), grant.services.end(),
                       [&](const auto& pattern) { return matches_service(pattern, service); });
  });
}

bool is_personal(ActionClass action) {
  return action == ActionClass::kOwn || action == ActionClass::kSelf;
}

bool in_scope(const TokenLimits& limits, ActionClass action) {
  return limits.scopes.empty() || is_personal(action) ||
         std::find(limits.scopes.begin(), limits.scopes.end(), action) != limits.scopes.end();
}

// The reason against it that a token's limits give, or nothing.
std::string token_refusal(const Principal& principal, ActionClass action, std::string_view service) {
  const auto& limits = principal.limits;
  if (action == ActionClass::kSelf && !(limits.scopes.empty() && limits.services.empty()))
    return principal.via + " is narrowed, and may not change what its owner has; sign in instead";
  if (!in_scope(limits, action)) {
    std::vector<std::string> scopes;
    for (const auto scope : limits.scopes) scopes.emplace_back(class_name(scope));
    return principal.via + " lacks the scope " + quoted(class_name(action)) + "; it has " +
           join(scopes, ", ");
  }
  if (limits.services.empty() || is_personal(action)) return {};
  const auto fits = [&](const auto& pattern) { return matches_service(pattern, service); };
  if (!service.empty() && std::any_of(limits.services.begin(), limits.services.end(), fits))
    return {};
  return principal.via + " is for the services " + join(limits.services, ", ") + "; this concerns " +
         (service.empty() ? "no single service" : quoted(service));
}

}  // namespace

std::string_view role_name(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  const auto found = std::find(kRoleNames.begin() + 1, kRoleNames.end(), name);
  if (found == kRoleNames.end()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

const std::vector<std::string>& role_names() {
  static const std::vector<std::string> names(kRoleNames.begin() + 1, kRoleNames.end());
  return names;
}

std::string_view class_name(ActionClass action) {
  return kClassNames[static_cast<std::size_t>(action)];
}

const std::vector<std::string>& scope_names() {
  static const std::vector<std::string> names(kClassNames.begin() + kFirstScope, kClassNames.end() - 1);
  return names;
}

std::optional<ActionClass> parse_scope(std::string_view name) {
  const auto found = std::find(kClassNames.begin() + kFirstScope, kClassNames.end() - 1, name);
  if (found == kClassNames.end() - 1) return std::nullopt;
  return static_cast<ActionClass>(found - kClassNames.begin());
}

bool permits(Role role, ActionClass action) {
  switch (action) {
    case ActionClass::kOpen: return true;
    case ActionClass::kOwn:
    case ActionClass::kSelf:
    case ActionClass::kRead: return role != Role::kNone;
    case ActionClass::kAudit: return role == Role::kAuditor || role == Role::kAdmin;
    case ActionClass::kRespond:
      return role == Role::kResponder || role == Role::kOperator || role == Role::kAdmin;
    case ActionClass::kSend:
    case ActionClass::kOperate: return role == Role::kOperator || role == Role::kAdmin;
    case ActionClass::kConfigure:
    case ActionClass::kAdminister:
    case ActionClass::kUnlisted: return role == Role::kAdmin;
  }
  return false;
}

// Greedy with one place to come back to: linear in practice, quadratic at worst, of short names.
bool matches_service(std::string_view pattern, std::string_view service) {
  std::size_t p = 0, s = 0, star = std::string_view::npos, resume = 0;
  while (s < service.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = s;
    } else if (p < pattern.size() && pattern[p] == service[s]) {
      ++p;
      ++s;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      s = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool depends_on_service(const Principal& principal, ActionClass action) {
  if (!principal.limits.services.empty()) return true;
  if (permits(principal.role, action)) return false;
  return std::any_of(principal.grants.begin(), principal.grants.end(),
                     [&](const Grant& grant) { return permits(grant.role, action); });
}

Decision decide(const Principal& principal, ActionClass action, std::string_view service) {
  if (action == ActionClass::kOpen) return {true};
  if (principal.user.empty()) return {false, "nobody is signed in"};
  // What is one's own needs no role.
  if (!is_personal(action) && !permits(principal.role, action) && !granted(principal, action, service)) {
    std::string reason = "user " + quoted(principal.user) + " (role " +
                         std::string(role_name(principal.role)) + ") lacks the permission " +
                         quoted(class_name(action));
    if (!service.empty()) reason += " on service " + quoted(service);
    return {false, reason + "; it comes with the roles: " + roles_with(action)};
  }
  if (auto refusal = token_refusal(principal, action, service); !refusal.empty())
    return {false, std::move(refusal)};
  return {true};
}

std::vector<std::string> permissions_of(const Principal& principal) {
  std::vector<std::string> names;
  for (const auto& name : scope_names()) {
    const auto action = *parse_scope(name);
    const bool somewhere =
        permits(principal.role, action) ||
        std::any_of(principal.grants.begin(), principal.grants.end(),
                    [&](const Grant& grant) { return permits(grant.role, action); });
    if (somewhere && in_scope(principal.limits, action)) names.push_back(name);
  }
  return names;
}

}  // namespace holdfast::app
