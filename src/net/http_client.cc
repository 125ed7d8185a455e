#include "net/http_client.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::net {
namespace {

constexpr Duration kTokenLifeDefault = 5min;  // of a token whose answer names none
constexpr Duration kTokenSlack = 10s;         // before its end a new one is fetched
constexpr Duration kTokenTimeout = 15s;

ProxySettings proxy_settings(const ProxyRules& rules) {
  if (rules.from_environment) {
    return proxy_from_environment([](const std::string& name) -> std::optional<std::string> {
      const char* value = std::getenv(name.c_str());
      return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    });
  }
  return {rules.url, rules.url, rules.no_proxy};
}

void set_proxy(ClientRequest& request, const ProxyRules& rules) {
  if (rules.url.empty() && !rules.from_environment) return;
  const auto url = parse_url(request.url);
  if (!url) return;  // the client will say what is wrong with it
  request.proxy.url = choose_proxy(*url, proxy_settings(rules));
  for (const auto& [name, values] : rules.connect_headers) {
    for (const auto& value : values) request.proxy.connect_headers.add(name, value);
  }
}

}  // namespace

struct HttpClient::Core : std::enable_shared_from_this<HttpClient::Core> {
  Core(Env& e, Client& c, HttpSettings s) : env(e), client(c), settings(std::move(s)) {}

  struct Waiting {
    ClientRequest request;
    Client::Handler handler;
    std::stop_token stop;
  };

  Result<std::string> read(const Secret& secret, const char* what) {
    if (secret.file.empty()) return secret.text;
    auto text = env.files.read_file(secret.file);
    if (!text) return std::move(text.error()).context(what);
    return std::string(trim(*text));
  }

  Result<void> dress(ClientRequest& request) {
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

  void refuse(Client::Handler handler, Error error) {
    env.executor.post(Lane::kPool, [weak = weak_from_this(), handler, error] {
      if (const auto self = weak.lock()) handler(error);
    });
  }

  void send(ClientRequest request, Client::Handler handler, std::stop_token stop) {
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
        [weak = weak_from_this(), handler = std::move(one.handler)](Result<ClientResponse> r) {
          if (const auto self = weak.lock()) handler(std::move(r));
        },
        one.stop);
  }

  void fetch_token() {
    const auto& oauth = *settings.oauth2;
    auto secret = read(oauth.client_secret, "oauth2");
    if (!secret) return finish_token(secret.error());
    Params form = {{"grant_type", "client_credentials"}};
    if (!oauth.scopes.empty()) form.emplace_back("scope", join(oauth.scopes, " "));
    for (const auto& [name, value] : oauth.endpoint_params) form.emplace_back(name, value);
    ClientRequest request;
    request.method = "POST";
    request.url = oauth.token_url;
    request.body = encode_query(form);
    request.timeout = kTokenTimeout;
    request.tls = oauth.tls;
    set_proxy(request, oauth.proxy);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Authorization", "Basic " + base64_encode(percent_encode(oauth.client_id) +
                                                                  ":" + percent_encode(*secret)));
    client.send(std::move(request), [weak = weak_from_this()](Result<ClientResponse> answer) {
      const auto self = weak.lock();
      if (!self) return;
      if (!answer) return self->finish_token(answer.error());
      self->finish_token(self->take_token(*answer));
    });
  }

  Result<void> take_token(const ClientResponse& answer) {
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
  Client& client;
  const HttpSettings settings;
  std::mutex mutex;  // guards all below
  std::string token;
  MonoTime token_ends{};
  bool fetching = false;
  std::vector<Waiting> waiting;
};

HttpClient::HttpClient(Env& env, Client& client, HttpSettings settings)
    : core_(std::make_shared<Core>(env, client, std::move(settings))) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(ClientRequest request, Client::Handler handler, std::stop_token stop) {
  core_->send(std::move(request), std::move(handler), std::move(stop));
}

const HttpSettings& HttpClient::settings() const { return core_->settings; }

}  // namespace holdfast::net
