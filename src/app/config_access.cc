#include "app/config_access.h"

#include <algorithm>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

constexpr Duration kSessionMax = 90 * 24h;

std::string beside(const std::string& base, const std::string& path) {
  if (path.empty() || path.front() == '/' || base.empty()) return path;
  return base + "/" + path;
}

Role read_role(YamlMap& map, const char* name, Role fallback, bool none_allowed) {
  auto allowed = role_names();
  if (none_allowed) allowed.insert(allowed.begin(), "none");
  const auto word = map.word(name, std::string(role_name(fallback)), allowed);
  return parse_role(word).value_or(Role::kNone);
}

Rate read_rate(const YamlContext& context, YamlMap& map, const char* name, Rate fallback) {
  const auto* node = map.member(name);
  if (node == nullptr) return fallback;
  YamlMap inner(context, *node, name);
  Rate rate;
  rate.per_minute = inner.number("per_minute", fallback.per_minute, 0.1, 1'000'000);
  rate.burst = inner.number("burst", std::max(1.0, rate.per_minute), 1, 1'000'000);
  inner.finish();
  return rate;
}

void read_grant(const YamlContext& context, const YamlNode& node, AccessConfig& access) {
  YamlMap map(context, node, "grant");
  ConfiguredGrant grant;
  grant.user = map.text("user");
  grant.team = map.text("team");
  if (map.valid() && grant.user.empty() == grant.team.empty())
    map.report("user", "a grant needs either 'user' or 'team'");
  grant.grant.services = map.texts("services");
  if (map.valid() && grant.grant.services.empty())
    map.report("services", "a grant needs 'services', names or patterns such as \"shop-*\"");
  if (map.has("role"))
    grant.grant.role = read_role(map, "role", Role::kViewer, false);
  else if (map.valid())
    map.report("role", "a grant needs 'role'; allowed: " + join(role_names(), ", "));
  map.finish();
  access.grants.push_back(std::move(grant));
}

// Tokens and codes go there: plain text only to this machine.
void check_issuer(YamlMap& map, const std::string& issuer) {
  const auto url = net::parse_url(issuer);
  const bool loopback = url && (url->host == "127.0.0.1" || url->host == "::1" || url->host == "localhost");
  if (!issuer.empty() && (!url || !(url->scheme == "https" || (url->scheme == "http" && loopback)) ||
                          !url->userinfo.empty() || issuer.find_first_of("?#") != std::string::npos))
    map.report("issuer", "'issuer' is '" + printable(issuer) +
                             "'; allowed: https://, or http:// to this machine, without query");
}

OidcConfig read_oidc(const YamlContext& context, const YamlNode& node, const std::string& base_folder) {
  OidcConfig oidc;
  YamlMap map(context, node, "oidc");
  oidc.issuer = map.required_text("issuer");
  while (oidc.issuer.ends_with('/')) oidc.issuer.pop_back();
  check_issuer(map, oidc.issuer);
  const auto url = net::parse_url(oidc.issuer);
  oidc.name = map.text("name", url ? url->host : "");
  oidc.client_id = map.required_text("client_id");
  oidc.client_secret = map.text("client_secret");
  oidc.client_secret_file = beside(base_folder, map.text("client_secret_file"));
  if (!oidc.client_secret.empty() && !oidc.client_secret_file.empty())
    map.report("client_secret_file", "'client_secret' and 'client_secret_file': one of them");
  if (map.has("scopes")) oidc.scopes = map.texts("scopes");
  if (map.valid() && std::find(oidc.scopes.begin(), oidc.scopes.end(), "openid") == oidc.scopes.end())
    map.report("scopes", "'scopes' must hold openid");
  oidc.user_claim = map.text("user_claim", oidc.user_claim);
  oidc.role_claim = map.text("role_claim", oidc.role_claim);
  for (const auto& [value, word] : map.text_map("roles")) {
    if (const auto role = parse_role(word))
      oidc.roles[value] = *role;
    else
      map.report("roles", "the role of '" + printable(value) + "' is '" + printable(word) +
                              "'; allowed: " + join(role_names(), ", "));
  }
  oidc.default_role = read_role(map, "default_role", Role::kNone, true);
  oidc.ca_file = beside(base_folder, map.text("ca_file"));
  oidc.timeout = map.duration("timeout", oidc.timeout, 1s, 1min);
  map.finish();
  return oidc;
}

}  // namespace

AccessConfig read_access(const YamlContext& context, const YamlNode& node,
                         const std::string& base_folder) {
  AccessConfig access;
  YamlMap map(context, node, "access");
  if (const auto* inner = map.member("session")) {
    YamlMap session(context, *inner, "session");
    access.session_absolute =
        session.duration("absolute", access.session_absolute, 1min, kSessionMax);
    access.session_idle = session.duration("idle", std::min(access.session_idle, access.session_absolute),
                                           1min, access.session_absolute);
    session.finish();
  }
  access.default_role = read_role(map, "default_role", access.default_role, true);
  access.owners = read_role(map, "owners", access.owners, true);
  for (const auto* grant : map.list("grants")) read_grant(context, *grant, access);
  if (const auto* inner = map.member("rates")) {
    YamlMap rates(context, *inner, "rates");
    access.sign_in = read_rate(context, rates, "sign_in", access.sign_in);
    access.callback = read_rate(context, rates, "callback", access.callback);
    access.intake = read_rate(context, rates, "intake", access.intake);
    rates.finish();
  }
  if (const auto* inner = map.member("oidc")) access.oidc = read_oidc(context, *inner, base_folder);
  map.finish();
  return access;
}

}  // namespace holdfast::app
