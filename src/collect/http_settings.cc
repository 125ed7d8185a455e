#include "collect/http_settings.h"

#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::collect {
namespace {

constexpr Duration kTokenLifeDefault = 5min;  // of a token whose answer names none
constexpr Duration kTokenSlack = 10s;         // before its end a new one is fetched
constexpr Duration kTokenTimeout = 15s;

Secret read_secret(YamlMap& map, const std::string& name, const std::string& folder) {
  Secret secret{map.text(name), path_within(folder, map.text(name + "_file"))};
  if (!secret.text.empty() && !secret.file.empty()) {
    map.report(name + "_file", "at most one of '" + name + "' and '" + name + "_file' may stand");
  }
  return secret;
}

std::map<std::string, std::vector<std::string>> read_lists(const YamlContext& context, YamlMap& map,
                                                           std::string_view name) {
  std::map<std::string, std::vector<std::string>> out;
  const auto* node = map.member(name);
  if (node == nullptr) return out;
  YamlMap inner(context, *node, std::string(name));
  for (const auto& [key, value] : node->members) out[key.scalar] = inner.texts(key.scalar);
  return out;
}

ProxyRules read_proxy(const YamlContext& context, YamlMap& map) {
  ProxyRules proxy;
  proxy.url = map.text("proxy_url");
  proxy.no_proxy = map.text("no_proxy");
  proxy.from_environment = map.boolean("proxy_from_environment", false);
  proxy.connect_headers = read_lists(context, map, "proxy_connect_header");
  if (!proxy.url.empty()) {
    if (auto url = net::parse_url(proxy.url); !url) {
      map.report("proxy_url", "'proxy_url': " + url.error().message());
    }
    if (proxy.from_environment) {
      map.report("proxy_url", "if proxy_from_environment is configured, proxy_url must not be");
    }
  } else if (!proxy.no_proxy.empty()) {
    map.report("no_proxy", proxy.from_environment
                               ? "if proxy_from_environment is configured, no_proxy must not be"
                               : "if no_proxy is configured, proxy_url must also be configured");
  }
  return proxy;
}

BasicAuth read_basic_auth(const YamlContext& context, const YamlNode& node,
                          const std::string& folder) {
  YamlMap map(context, node, "basic_auth");
  BasicAuth out{read_secret(map, "username", folder), read_secret(map, "password", folder)};
  map.finish();
  return out;
}

Authorization read_authorization(const YamlContext& context, const YamlNode& node,
                                 const std::string& folder) {
  YamlMap map(context, node, "authorization");
  Authorization out;
  out.type = std::string(trim(map.text("type", out.type)));
  out.credentials = read_secret(map, "credentials", folder);
  if (equals_ignoring_case(out.type, "basic")) {
    map.report("type", "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
  }
  map.finish();
  return out;
}

OAuth2 read_oauth2(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "oauth2");
  OAuth2 out;
  out.client_id = map.required_text("client_id");
  out.client_secret = read_secret(map, "client_secret", folder);
  out.scopes = map.texts("scopes");
  out.token_url = map.required_text("token_url");
  out.endpoint_params = map.text_map("endpoint_params");
  out.tls = read_tls_settings(context, map, folder);
  out.proxy = read_proxy(context, map);
  map.finish();
  return out;
}

// The headers a setting must not take over, as Prometheus lists them.
bool is_reserved(const std::string& name) {
  for (const char* reserved :
       {"accept", "accept-encoding", "authorization", "content-encoding", "content-length",
        "content-type", "host", "user-agent", "x-prometheus-scrape-timeout-seconds"}) {
    if (equals_ignoring_case(name, reserved)) return true;
  }
  return false;
}

void read_headers(const YamlContext& context, YamlMap& map, const std::string& folder,
                  HttpSettings& out) {
  const auto* node = map.member("http_headers");
  if (node == nullptr) return;
  const YamlMap check(context, *node, "http_headers");
  for (const auto& [key, value] : node->members) {
    YamlMap header(context, value, "header '" + key.scalar + "'");
    if (is_reserved(key.scalar)) {
      context.report(key, "setting header \"" + printable(key.scalar) + "\" is not allowed");
    }
    auto& values = out.headers[key.scalar];
    for (auto& text : header.texts("values")) values.push_back({std::move(text), {}});
    for (auto& text : header.texts("secrets")) values.push_back({std::move(text), {}});
    for (auto& file : header.texts("files")) values.push_back({{}, path_within(folder, file)});
    header.finish();
  }
}

net::ProxySettings proxy_settings(const ProxyRules& rules) {
  if (rules.from_environment) {
    return net::proxy_from_environment([](const std::string& name) -> std::optional<std::string> {
      const char* value = std::getenv(name.c_str());
      return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    });
  }
  return {rules.url, rules.url, rules.no_proxy};
}

void set_proxy(net::ClientRequest& request, const ProxyRules& rules) {
  if (rules.url.empty() && !rules.from_environment) return;
  const auto url = net::parse_url(request.url);
  if (!url) return;  // the client will say what is wrong with it
  request.proxy.url = net::choose_proxy(*url, proxy_settings(rules));
  for (const auto& [name, values] : rules.connect_headers) {
    for (const auto& value : values) request.proxy.connect_headers.add(name, value);
  }
}

}  // namespace

std::string path_within(const std::string& folder, const std::string& path) {
  if (path.empty() || path[0] == '/' || folder.empty()) return path;
  return folder + "/" + path;
}

net::TlsOptions read_tls_settings(const YamlContext& context, YamlMap& parent,
                                  const std::string& folder) {
  net::TlsOptions tls;
  const auto* node = parent.member("tls_config");
  if (node == nullptr) return tls;
  YamlMap map(context, *node, "tls_config");
  tls.ca_file = path_within(folder, map.text("ca_file"));
  tls.ca_text = map.text("ca");
  tls.cert_file = path_within(folder, map.text("cert_file"));
  tls.cert_text = map.text("cert");
  tls.key_file = path_within(folder, map.text("key_file"));
  tls.key_text = map.text("key");
  tls.server_name = map.text("server_name");
  tls.verify = !map.boolean("insecure_skip_verify", false);
  const std::vector<std::string> versions = {"", "TLS10", "TLS11", "TLS12", "TLS13"};
  tls.min_version = map.word("min_version", "", versions);
  tls.max_version = map.word("max_version", "", versions);
  if (!tls.ca_file.empty() && !tls.ca_text.empty()) {
    map.report("ca", "at most one of ca and ca_file must be configured");
  }
  const bool cert = !tls.cert_file.empty() || !tls.cert_text.empty();
  const bool key = !tls.key_file.empty() || !tls.key_text.empty();
  if (cert != key) {
    map.report(cert ? "cert_file" : "key_file",
               "exactly one of key or key_file must be configured when a client certificate is, "
               "and the reverse");
  }
  map.finish();
  return tls;
}

HttpSettings read_http_settings(const YamlContext& context, YamlMap& map,
                                const std::string& folder) {
  HttpSettings out;
  out.tls = read_tls_settings(context, map, folder);
  out.proxy = read_proxy(context, map);
  out.follow_redirects = map.boolean("follow_redirects", true);
  map.boolean("enable_http2", true);  // HTTP/1.1 is what is spoken either way
  if (const auto* node = map.member("basic_auth")) {
    out.basic_auth = read_basic_auth(context, *node, folder);
  }
  if (const auto* node = map.member("authorization")) {
    out.authorization = read_authorization(context, *node, folder);
  }
  if (const auto* node = map.member("oauth2")) out.oauth2 = read_oauth2(context, *node, folder);
  const auto bearer = read_secret(map, "bearer_token", folder);
  const int count = (out.basic_auth ? 1 : 0) + (out.authorization ? 1 : 0) + (out.oauth2 ? 1 : 0) +
                    (bearer.empty() ? 0 : 1);
  if (count > 1) {
    const auto* last = out.oauth2 ? "oauth2" : out.basic_auth ? "basic_auth" : "authorization";
    map.report(last,
               "at most one of basic_auth, authorization, oauth2, bearer_token & "
               "bearer_token_file must be configured");
  }
  if (!bearer.empty()) out.authorization = Authorization{"Bearer", bearer};
  read_headers(context, map, folder, out);
  return out;
}

struct HttpClient::Core : std::enable_shared_from_this<HttpClient::Core> {
  Core(Env& e, net::Client& c, HttpSettings s) : env(e), client(c), settings(std::move(s)) {}

  struct Waiting {
    net::ClientRequest request;
    net::Client::Handler handler;
    std::stop_token stop;
  };

  Result<std::string> read(const Secret& secret, const char* what) {
    if (secret.file.empty()) return secret.text;
    auto text = env.files.read_file(secret.file);
    if (!text) return std::move(text.error()).context(what);
    return std::string(trim(*text));
  }

  Result<void> dress(net::ClientRequest& request) {
    request.tls = settings.tls;
    request.follow_redirects = settings.follow_redirects;
    set_proxy(request, settings.proxy);
    for (const auto& [name, values] : settings.headers) {
      if (request.headers.has(name)) continue;
      for (const auto& value : values) {
        request.headers.add(name, HF_TRY(read(value, "http_headers")));
      }
    }
    if (request.headers.has("Authorization")) return {};
    if (settings.basic_auth) {
      const auto user = HF_TRY(read(settings.basic_auth->username, "basic_auth"));
      const auto word = HF_TRY(read(settings.basic_auth->password, "basic_auth"));
      request.headers.add("Authorization", "Basic " + base64_encode(user + ":" + word));
    } else if (settings.authorization) {
      const auto word = HF_TRY(read(settings.authorization->credentials, "authorization"));
      request.headers.add("Authorization", settings.authorization->type + " " + word);
    }
    return {};
  }

  void refuse(net::Client::Handler handler, Error error) {
    env.executor.post(Lane::kPool, [weak = weak_from_this(), handler, error] {
      if (const auto self = weak.lock()) handler(error);
    });
  }

  void send(net::ClientRequest request, net::Client::Handler handler, std::stop_token stop) {
    if (auto dressed = dress(request); !dressed) return refuse(handler, dressed.error());
    if (!settings.oauth2) return pass_on({std::move(request), std::move(handler), stop});
    bool fetch = false;
    {
      const std::lock_guard lock(mutex);
      if (token.empty() || env.clock.mono() >= token_ends) {
        waiting.push_back({std::move(request), std::move(handler), stop});
        fetch = !fetching;
        fetching = true;
        if (!fetch) return;
      } else {
        request.headers.set("Authorization", token);
      }
    }
    if (fetch) return fetch_token();
    pass_on({std::move(request), std::move(handler), stop});
  }

  void pass_on(Waiting one) {
    client.send(
        std::move(one.request),
        [weak = weak_from_this(), handler = std::move(one.handler)](Result<net::ClientResponse> r) {
          if (const auto self = weak.lock()) handler(std::move(r));
        },
        one.stop);
  }

  void fetch_token() {
    const auto& oauth = *settings.oauth2;
    auto secret = read(oauth.client_secret, "oauth2");
    if (!secret) return finish_token(secret.error());
    net::Params form = {{"grant_type", "client_credentials"}};
    if (!oauth.scopes.empty()) form.emplace_back("scope", join(oauth.scopes, " "));
    for (const auto& [name, value] : oauth.endpoint_params) form.emplace_back(name, value);
    net::ClientRequest request;
    request.method = "POST";
    request.url = oauth.token_url;
    request.body = net::encode_query(form);
    request.timeout = kTokenTimeout;
    request.tls = oauth.tls;
    set_proxy(request, oauth.proxy);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Authorization",
                        "Basic " + base64_encode(net::percent_encode(oauth.client_id) + ":" +
                                                 net::percent_encode(*secret)));
    client.send(std::move(request), [weak = weak_from_this()](Result<net::ClientResponse> answer) {
      const auto self = weak.lock();
      if (!self) return;
      if (!answer) return self->finish_token(answer.error());
      self->finish_token(self->take_token(*answer));
    });
  }

  Result<void> take_token(const net::ClientResponse& answer) {
    if (answer.status / 100 != 2) {
      return Error(Code::kUnauthorized,
                   "the token server answered with status " + std::to_string(answer.status));
    }
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    if (!body.is_object() || !body.contains("access_token") || !body["access_token"].is_string()) {
      return unavailable("the token server's answer holds no access_token");
    }
    Duration life = kTokenLifeDefault;
    if (body.contains("expires_in") && body["expires_in"].is_number()) {
      life = from_seconds(std::clamp(body["expires_in"].get<double>(), 0.0, 1e8));
    }
    const std::lock_guard lock(mutex);
    token = "Bearer " + body["access_token"].get<std::string>();
    token_ends = env.clock.mono() + std::max<Duration>(life - kTokenSlack, 1s);
    return {};
  }

  void finish_token(Result<void> result) {
    std::vector<Waiting> ready;
    std::string word;
    {
      const std::lock_guard lock(mutex);
      fetching = false;
      ready.swap(waiting);
      word = token;
    }
    for (auto& one : ready) {
      if (!result) {
        refuse(std::move(one.handler), Error(result.error()).context("oauth2"));
        continue;
      }
      one.request.headers.set("Authorization", word);
      pass_on(std::move(one));
    }
  }

  Env& env;
  net::Client& client;
  const HttpSettings settings;
  std::mutex mutex;  // guards all below
  std::string token;
  MonoTime token_ends{};
  bool fetching = false;
  std::vector<Waiting> waiting;
};

HttpClient::HttpClient(Env& env, net::Client& client, HttpSettings settings)
    : core_(std::make_shared<Core>(env, client, std::move(settings))) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(net::ClientRequest request, net::Client::Handler handler,
                      std::stop_token stop) {
  core_->send(std::move(request), std::move(handler), std::move(stop));
}

const HttpSettings& HttpClient::settings() const { return core_->settings; }

}  // namespace holdfast::collect
