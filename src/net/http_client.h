// net/http_client.h: how a peer is spoken to: credentials, TLS, proxies, headers; what configurations call http_config.
//
// Purpose     HttpSettings are what prometheus.yml and alertmanager.yml say of a peer, each read by its own room;
//             HttpClient sends requests by them.
// Secrets     Files are read anew for each request, so that rotated tokens are taken up; an OAuth 2.0 token
//             is fetched by client credentials and kept until shortly before it ends.
// Errors      A secret file that cannot be read, or a token that is refused, fails the request and says which.
// Threads     HttpClient::send() from any thread; it reads small files on the caller's.
// Source      Prometheus, configuration, http_config.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/env.h"
#include "net/http.h"
#include "net/proxy.h"

namespace holdfast::net {

// A text, or the file that holds it.
struct Secret {
  std::string text;
  std::string file;
  bool empty() const { return text.empty() && file.empty(); }
  bool operator==(const Secret&) const = default;
};

struct BasicAuth {
  Secret username;
  Secret password;
  bool operator==(const BasicAuth&) const = default;
};

struct Authorization {
  std::string type = "Bearer";
  Secret credentials;
  bool operator==(const Authorization&) const = default;
};

struct ProxyRules {
  std::string url;
  std::string no_proxy;
  bool from_environment = false;
  std::map<std::string, std::vector<std::string>> connect_headers;
  bool operator==(const ProxyRules&) const = default;
};

struct OAuth2 {
  std::string client_id;
  Secret client_secret;
  std::vector<std::string> scopes;
  std::string token_url;
  std::map<std::string, std::string> endpoint_params;
  TlsOptions tls;
  ProxyRules proxy;
};

struct HttpSettings {
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2> oauth2;
  TlsOptions tls;
  ProxyRules proxy;
  std::map<std::string, std::vector<Secret>> headers;
  bool follow_redirects = true;
};

class HttpClient {
 public:
  // Requests of several HttpClients may share the connections of one Client, which outlives them.
  HttpClient(Env& env, Client& client, HttpSettings settings);
  ~HttpClient();  // requests under way end without their handlers
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // As Client::send; the settings' headers never replace those of the request.
  void send(ClientRequest request, Client::Handler handler, std::stop_token stop = {});
  const HttpSettings& settings() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace holdfast::net
