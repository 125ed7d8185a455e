// The settings of HTTP and TLS clients, of tracing and of `global`: see integration_table.h.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/route/go_text.h"
#include "respond/route/integration_table.h"
#include "respond/route/object_reader.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;
using enum FieldType;

bool given(const json& settings, const char* key) { return !is_zero(settings.at(key)); }

int count_given(const json& settings, std::initializer_list<const char*> keys) {
  int count = 0;
  for (const auto* key : keys) count += settings.at(key) == "" ? 0 : 1;
  return count;
}

// ---- TLS

constexpr Field kTlsFields[] = {
    {"ca"},
    {"cert"},
    {"key", kSecret},
    {"ca_file", kFile},
    {"cert_file", kFile},
    {"key_file", kFile},
    {"ca_ref"},
    {"cert_ref"},
    {"key_ref"},
    {"server_name"},
    {"insecure_skip_verify", kBool},
    {"min_version", kTlsVersion},
    {"max_version", kTlsVersion},
};

std::string check_tls(json& tls) {
  const int cert = count_given(tls, {"cert", "cert_file", "cert_ref"});
  const int key = count_given(tls, {"key", "key_file", "key_ref"});
  if (count_given(tls, {"ca", "ca_file", "ca_ref"}) > 1)
    return "at most one of ca, ca_file & ca_ref must be configured";
  if (cert > 1) return "at most one of cert, cert_file & cert_ref must be configured";
  if (key > 1) return "at most one of key and key_file must be configured";
  if (cert > 0 && key == 0)
    return "exactly one of key or key_file must be configured when a client certificate is "
           "configured";
  if (key > 0 && cert == 0)
    return "exactly one of cert or cert_file must be configured when a client key is configured";
  return {};
}

constexpr ObjectTable kTls{"config.plain", kTlsFields, {}, check_tls};

// ---- HTTP

constexpr Field kBasicAuthFields[] = {
    {"username"},          {"username_file", kFile}, {"username_ref"},
    {"password", kSecret}, {"password_file", kFile}, {"password_ref"},
};
constexpr ObjectTable kBasicAuth{"config.plain", kBasicAuthFields};

constexpr Field kAuthorizationFields[] = {
    {"type"},
    {"credentials", kSecret},
    {"credentials_file", kFile},
    {"credentials_ref"},
};
constexpr ObjectTable kAuthorization{"config.Authorization", kAuthorizationFields};

constexpr Field kHeaderFields[] = {
    {"values", kTexts},
    {"secrets", kTexts, {}, nullptr, true},
    {"files", kTexts},
};
constexpr ObjectTable kHeader{"config.Header", kHeaderFields};

#define HF_PROXY_FIELDS                                                      \
  {"proxy_url", kAnyUrl}, {"no_proxy"}, {"proxy_from_environment", kBool}, { \
    "proxy_connect_header", kListMap, {}, nullptr, true                      \
  }

constexpr Field kOauth2Fields[] = {
    {"client_id"},
    {"client_secret", kSecret},
    {"client_secret_file", kFile},
    {"client_secret_ref"},
    {"scopes", kTexts},
    {"token_url"},
    {"endpoint_params", kTextMap},
    {"tls_config", kObject, {}, &kTls},
    HF_PROXY_FIELDS,
};

std::string check_proxy(const json& settings) {
  const bool environment = settings.at("proxy_from_environment").get<bool>();
  const bool url = given(settings, "proxy_url");
  if (given(settings, "proxy_connect_header") && !environment && !url)
    return "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also "
           "be configured";
  if (environment && url)
    return "if proxy_from_environment is configured, proxy_url must not be configured";
  if (environment && given(settings, "no_proxy"))
    return "if proxy_from_environment is configured, no_proxy must not be configured";
  if (!url && given(settings, "no_proxy"))
    return "if no_proxy is configured, proxy_url must also be configured";
  return {};
}

std::string check_oauth2(json& settings) { return check_proxy(settings); }
constexpr ObjectTable kOauth2{"config.plain", kOauth2Fields, {}, check_oauth2};

constexpr Field kHttpFields[] = {
    {"basic_auth", kOptionalObject, {}, &kBasicAuth},
    {"authorization", kOptionalObject, {}, &kAuthorization},
    {"oauth2", kOptionalObject, {}, &kOauth2},
    {"bearer_token", kSecret},
    {"bearer_token_file", kFile},
    {"tls_config", kObject, {}, &kTls},
    {"follow_redirects", kBool, "true"},
    {"enable_http2", kBool, "true"},
    HF_PROXY_FIELDS,
    {"http_headers", kObjectMap, {}, &kHeader},
};
#undef HF_PROXY_FIELDS

// The old way to write authorization becomes the new one.
void take_bearer_token(json& http) {
  if (!given(http, "bearer_token") && !given(http, "bearer_token_file")) return;
  auto authorization = default_settings(kAuthorization);
  authorization["type"] = "Bearer";
  authorization["credentials"] = http["bearer_token"];
  authorization["credentials_file"] = http["bearer_token_file"];
  http["authorization"] = std::move(authorization);
  http["bearer_token"] = "";
  http["bearer_token_file"] = "";
}

std::string check_authorization(json& http) {
  auto& authorization = http["authorization"];
  if (given(http, "bearer_token") || given(http, "bearer_token_file"))
    return "authorization is not compatible with bearer_token & bearer_token_file";
  if (count_given(authorization, {"credentials", "credentials_file", "credentials_ref"}) > 1)
    return "at most one of authorization credentials & credentials_file must be configured";
  std::string type(trim(authorization["type"].get_ref<const std::string&>()));
  if (type.empty()) type = "Bearer";
  if (lower(type) == "basic")
    return "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
  authorization["type"] = std::move(type);
  if (!http["basic_auth"].is_null() || !http["oauth2"].is_null())
    return "at most one of basic_auth, oauth2 & authorization must be configured";
  return {};
}

std::string check_oauth2_of(const json& http) {
  const auto& oauth2 = http.at("oauth2");
  if (!http.at("basic_auth").is_null())
    return "at most one of basic_auth, oauth2 & authorization must be configured";
  if (!given(oauth2, "client_id")) return "oauth2 client_id must be configured";
  if (!given(oauth2, "token_url")) return "oauth2 token_url must be configured";
  if (count_given(oauth2, {"client_secret", "client_secret_file", "client_secret_ref"}) > 1)
    return "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
           "configured";
  return {};
}

std::string check_headers(const json& headers) {
  constexpr std::array<std::string_view, 18> kReserved{
      "Accept-Encoding",
      "Authorization",
      "Connection",
      "Content-Encoding",
      "Content-Length",
      "Content-Type",
      "Host",
      "Keep-Alive",
      "Proxy-Authenticate",
      "Proxy-Authorization",
      "User-Agent",
      "Www-Authenticate",
      "X-Amz-Content-Sha256",
      "X-Amz-Date",
      "X-Amz-Security-Token",
      "X-Prometheus-Remote-Read-Version",
      "X-Prometheus-Remote-Write-Version",
      "X-Prometheus-Scrape-Timeout-Seconds",
  };
  for (const auto& [name, value] : headers.items()) {
    const auto canonical = canonical_header(name);
    if (std::find(kReserved.begin(), kReserved.end(), canonical) != kReserved.end())
      return "setting header " + go_quote(canonical) + " is not allowed";
  }
  return {};
}

std::string check_http(json& http) {
  const bool bearer = given(http, "bearer_token");
  const bool bearer_file = given(http, "bearer_token_file");
  const auto& basic = http["basic_auth"];
  if (bearer && bearer_file)
    return "at most one of bearer_token & bearer_token_file must be configured";
  if ((!basic.is_null() || !http["oauth2"].is_null()) && (bearer || bearer_file))
    return "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
  if (!basic.is_null() && count_given(basic, {"username", "username_file", "username_ref"}) > 1)
    return "at most one of basic_auth username, username_file & username_ref must be configured";
  if (!basic.is_null() && count_given(basic, {"password", "password_file", "password_ref"}) > 1)
    return "at most one of basic_auth password, password_file & password_ref must be configured";
  std::string wrong;
  if (!http["authorization"].is_null())
    wrong = check_authorization(http);
  else
    take_bearer_token(http);
  if (wrong.empty() && !http["oauth2"].is_null()) wrong = check_oauth2_of(http);
  if (wrong.empty()) wrong = check_proxy(http);
  if (wrong.empty()) wrong = check_headers(http["http_headers"]);
  return wrong;
}

constexpr ObjectTable kHttp{"config.plain", kHttpFields, {}, check_http};

// ---- tracing: read and checked, without effect

constexpr Field kTracingFields[] = {
    {"client_type", kString, "grpc"},
    {"endpoint"},
    {"sampling_fraction", kNumber},
    {"insecure", kBool},
    {"tls_config", kOptionalObject, {}, &kTls},
    {"headers", kObjectMap, {}, &kHeader},
    {"compression"},
    {"timeout", kModelDuration},
};

std::string check_tracing(json& tracing) {
  const auto& type = tracing.at("client_type").get_ref<const std::string&>();
  if (type != "http" && type != "grpc")
    return "expected tracing client type to be to be http or grpc, but got " + type;
  if (!given(tracing, "endpoint")) return "tracing endpoint must be set";
  const auto& compression = tracing.at("compression").get_ref<const std::string&>();
  if (!compression.empty() && compression != "gzip")
    return "invalid compression type " + compression + " provided, valid options: gzip";
  return {};
}

constexpr ObjectTable kTracing{"tracing.plain", kTracingFields, {}, check_tracing};

// ---- global

constexpr Field kGlobalFields[] = {
    {"resolve_timeout", kModelDuration, "5m"},
    {"http_config", kOptionalObject, {}, &kHttp},
    {"jira_api_url", kUrl},
    {"smtp_from"},
    {"smtp_hello", kString, "localhost"},
    {"smtp_smarthost", kHostPort},
    {"smtp_auth_username"},
    {"smtp_auth_password", kSecret},
    {"smtp_auth_password_file", kFile},
    {"smtp_auth_secret", kSecret},
    {"smtp_auth_secret_file", kFile},
    {"smtp_auth_identity"},
    {"smtp_require_tls", kBool, "true"},
    {"smtp_tls_config", kOptionalObject, {}, &kTls},
    {"smtp_force_implicit_tls", kOptionalBool},
    {"slack_api_url", kSecretUrl},
    {"slack_api_url_file", kFile},
    {"slack_app_token", kSecret},
    {"slack_app_token_file", kFile},
    {"slack_app_url", kUrl, "https://slack.com/api/chat.postMessage"},
    {"pagerduty_url", kUrl, "https://events.pagerduty.com/v2/enqueue"},
    {"opsgenie_api_url", kUrl, "https://api.opsgenie.com/"},
    {"opsgenie_api_key", kSecret},
    {"opsgenie_api_key_file", kFile},
    {"wechat_api_url", kUrl, "https://qyapi.weixin.qq.com/cgi-bin/"},
    {"wechat_api_secret", kSecret},
    {"wechat_api_secret_file", kFile},
    {"wechat_api_corp_id"},
    {"victorops_api_url", kUrl, "https://alert.victorops.com/integrations/generic/20131114/alert/"},
    {"victorops_api_key", kSecret},
    {"victorops_api_key_file", kFile},
    {"telegram_api_url", kUrl, "https://api.telegram.org"},
    {"telegram_bot_token", kSecret},
    {"telegram_bot_token_file", kFile},
    {"webex_api_url", kUrl, "https://webexapis.com/v1/messages"},
    {"rocketchat_api_url", kUrl, "https://open.rocket.chat/"},
    {"rocketchat_token", kSecret},
    {"rocketchat_token_file", kFile},
    {"rocketchat_token_id", kSecret},
    {"rocketchat_token_id_file", kFile},
    {"mattermost_webhook_url", kSecretUrl},
    {"mattermost_webhook_url_file", kFile},
};
constexpr ObjectTable kGlobal{"config.plain", kGlobalFields};

}  // namespace

const ObjectTable& global_table() { return kGlobal; }
const ObjectTable& tracing_table() { return kTracing; }
const ObjectTable& http_table() { return kHttp; }
const ObjectTable& tls_table() { return kTls; }

}  // namespace holdfast::respond::route
