#include "respond/send/http_settings.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast::respond::send {

using nlohmann::json;

namespace {

net::Secret secret_of(const Settings& settings, const std::string& name) {
  return {settings.text(name), settings.text(name + "_file")};
}

net::ProxyRules proxy_of(const Settings& settings) {
  net::ProxyRules rules;
  rules.url = settings.text("proxy_url");
  rules.no_proxy = settings.text("no_proxy");
  rules.from_environment = settings.flag("proxy_from_environment");
  const auto headers = settings.inner("proxy_connect_header");
  for (const auto& [name, values] : settings.member("proxy_connect_header").items()) {
    rules.connect_headers[name] = headers.texts(name);
  }
  return rules;
}

net::OAuth2 oauth2_of(const Settings& settings) {
  net::OAuth2 out;
  out.client_id = settings.text("client_id");
  out.client_secret = secret_of(settings, "client_secret");
  out.scopes = settings.texts("scopes");
  out.token_url = settings.text("token_url");
  out.endpoint_params = settings.pairs("endpoint_params");
  out.tls = tls_options(settings.inner("tls_config"));
  out.proxy = proxy_of(settings);
  return out;
}

// Names whose values open something. URLs are among them: those of robots and webhooks hold their keys.
bool is_secret_name(std::string_view name) {
  for (const char* part : {"secret", "password", "token", "credentials", "secrets", "user_key",
                           "api_key", "routing_key", "service_key", "webhook_url", "proxy_url"}) {
    if (name.find(part) != std::string_view::npos) return !name.ends_with("_file");
  }
  return name == "url" || name == "key" || name == "api_url";
}

void add_secret(std::vector<std::string>& out, const std::string& text) {
  constexpr std::size_t kSizeMin = 4;  // shorter ones would make every text unreadable
  if (text.size() < kSizeMin) return;
  out.push_back(text);
  out.push_back(net::percent_encode(text));
  // Errors name hosts, which people need to see; what opens a door stands behind the host.
  if (const auto url = net::parse_url(text)) {
    if (url->target.size() >= kSizeMin) out.push_back(url->target);
    const auto query = url->target.find('?');
    if (query != std::string::npos) {
      for (const auto& [name, value] : net::parse_query(url->target.substr(query + 1)))
        add_secret(out, value);
    }
    if (url->userinfo.size() >= kSizeMin) out.push_back(url->userinfo);
  }
}

void collect(std::vector<std::string>& out, const json& value, bool secret, int depth) {
  constexpr int kDepthMax = 20;
  if (depth > kDepthMax) return;
  if (value.is_string() && secret) add_secret(out, value.get_ref<const std::string&>());
  if (value.is_array()) {
    for (const auto& item : value) collect(out, item, secret, depth + 1);
  }
  if (!value.is_object()) return;
  for (const auto& [name, inner] : value.items()) {
    collect(out, inner, is_secret_name(name) || (secret && !inner.is_string()), depth + 1);
  }
}

}  // namespace

net::TlsOptions tls_options(const Settings& settings) {
  net::TlsOptions tls;
  tls.ca_file = settings.text("ca_file");
  tls.ca_text = settings.text("ca");
  tls.cert_file = settings.text("cert_file");
  tls.cert_text = settings.text("cert");
  tls.key_file = settings.text("key_file");
  tls.key_text = settings.text("key");
  tls.server_name = settings.text("server_name");
  tls.verify = !settings.flag("insecure_skip_verify");
  tls.min_version = settings.text("min_version");
  tls.max_version = settings.text("max_version");
  return tls;
}

net::HttpSettings http_settings(const Settings& config) {
  net::HttpSettings out;
  if (config.has("basic_auth")) {
    const auto basic = config.inner("basic_auth");
    out.basic_auth = net::BasicAuth{secret_of(basic, "username"), secret_of(basic, "password")};
  }
  if (config.has("authorization")) {
    const auto authorization = config.inner("authorization");
    const auto type = authorization.text("type");
    out.authorization =
        net::Authorization{type.empty() ? "Bearer" : type, secret_of(authorization, "credentials")};
  }
  if (config.has("oauth2")) out.oauth2 = oauth2_of(config.inner("oauth2"));
  out.tls = tls_options(config.inner("tls_config"));
  out.proxy = proxy_of(config);
  out.follow_redirects = !config.has("follow_redirects") || config.flag("follow_redirects");
  const auto headers = config.inner("http_headers");
  for (const auto& [name, ignored] : config.member("http_headers").items()) {
    const auto header = headers.inner(name);
    auto& values = out.headers[name];
    for (auto& text : header.texts("values")) values.push_back({std::move(text), {}});
    for (auto& text : header.texts("secrets")) values.push_back({std::move(text), {}});
    for (auto& file : header.texts("files")) values.push_back({{}, std::move(file)});
  }
  return out;
}

Result<json> with_secrets(const json& settings, FileSystem& files) {
  constexpr std::string_view kSuffix = "_file";
  auto out = settings;
  for (const auto& [name, value] : settings.items()) {
    if (!name.ends_with(kSuffix) || !value.is_string() ||
        value.get_ref<const std::string&>().empty())
      continue;
    auto text = files.read_file(value.get<std::string>());
    if (!text) return std::move(text).error().context(name);
    out[name.substr(0, name.size() - kSuffix.size())] = std::string(trim(*text));
  }
  return out;
}

std::vector<std::string> secrets_of(const json& settings) {
  std::vector<std::string> out;
  collect(out, settings, false, 0);
  // Longer ones first: a secret inside another must not leave the rest of it behind.
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string redacted(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view kShown = "<secret>";
  for (const auto& secret : secrets) {
    for (auto at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kShown.size())) {
      text.replace(at, secret.size(), kShown);
    }
  }
  return text;
}

}  // namespace holdfast::respond::send
