// collect/http_settings.h: how a peer is spoken to: credentials, TLS, proxies; as prometheus.yml says it.
//
// Purpose     HttpSettings are the members that scrape configs, discoveries and remote write share.
//             read_http_settings() reads them from a mapping, HttpClient sends requests by them.
// Secrets     Files are read anew for each request, so that rotated tokens are taken up; an OAuth 2.0 token
//             is fetched by client credentials and kept until shortly before it ends.
// Errors      Settings that exclude each other are findings. A secret file that cannot be read, or a token
//             that is refused, fails the request and says which.
// Threads     HttpClient::send() from any thread; it reads small files on the caller's.
// Source      Prometheus, configuration, http_config.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "net/http.h"
#include "net/proxy.h"

namespace holdfast::collect {

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
  net::TlsOptions tls;
  ProxyRules proxy;
};

struct HttpSettings {
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2> oauth2;
  net::TlsOptions tls;
  ProxyRules proxy;
  std::map<std::string, std::vector<Secret>> headers;
  bool follow_redirects = true;
};

// Reads the http_config members of `map` (they stand beside others); files are relative to `folder`.
HttpSettings read_http_settings(const YamlContext& context, YamlMap& map,
                                const std::string& folder);
net::TlsOptions read_tls_settings(const YamlContext& context, YamlMap& parent,
                                  const std::string& folder);
// Absolute, or within `folder`.
std::string path_within(const std::string& folder, const std::string& path);

class HttpClient {
 public:
  // Requests of several HttpClients may share the connections of one net::Client, which outlives them.
  HttpClient(Env& env, net::Client& client, HttpSettings settings);
  ~HttpClient();  // requests under way end without their handlers
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // As net::Client::send; the settings' headers never replace those of the request.
  void send(net::ClientRequest request, net::Client::Handler handler, std::stop_token stop = {});
  const HttpSettings& settings() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace holdfast::collect
