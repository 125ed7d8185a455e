#include "collect/discovery/kubeconfig.h"

#include "base/bytes.h"
#include "base/text.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {
namespace {

std::string text_of(const YamlNode* node, std::string_view name) {
  const auto* found = node == nullptr ? nullptr : node->find(name);
  return found == nullptr ? std::string() : found->scalar;
}

// The `inner` mapping of the item of `list` with this name.
const YamlNode* named(const YamlNode& root, std::string_view list, std::string_view name,
                      std::string_view inner) {
  const auto* items = root.find(list);
  if (items == nullptr) return nullptr;
  for (const auto& item : items->items) {
    if (text_of(&item, "name") == name) return item.find(inner);
  }
  return nullptr;
}

Result<std::string> decoded(const YamlNode* node, std::string_view name) {
  const auto text = text_of(node, name);
  if (text.empty()) return std::string();
  return base64_decode(text).context(name);
}

Result<void> read_user(const YamlNode* user, const std::string& folder, HttpSettings& http) {
  if (user == nullptr) return {};
  for (const char* plugin : {"exec", "auth-provider"}) {
    if (user->find(plugin) != nullptr) {
      return Error(Code::kUnsupported, std::string("credentials by '") + plugin +
                                           "' are not provided; allowed: token, tokenFile, client "
                                           "certificate, username and password");
    }
  }
  http.tls.cert_file = path_within(folder, text_of(user, "client-certificate"));
  http.tls.cert_text = HF_TRY(decoded(user, "client-certificate-data"));
  http.tls.key_file = path_within(folder, text_of(user, "client-key"));
  http.tls.key_text = HF_TRY(decoded(user, "client-key-data"));
  const Secret token{text_of(user, "token"), path_within(folder, text_of(user, "tokenFile"))};
  if (!token.empty()) http.authorization = Authorization{"Bearer", token};
  const auto name = text_of(user, "username");
  if (!name.empty()) http.basic_auth = BasicAuth{{name, ""}, {text_of(user, "password"), ""}};
  return {};
}

}  // namespace

Result<ClusterAccess> read_kubeconfig(FileSystem& files, const std::string& path) {
  const auto text = HF_TRY(files.read_file(path).context("kubeconfig"));
  const auto root = HF_TRY(parse_yaml(text).context("kubeconfig " + path));
  const auto folder = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  const auto current = text_of(&root, "current-context");
  const auto* context = named(root, "contexts", current, "context");
  if (context == nullptr) {
    return invalid("kubeconfig " + path + ": current-context '" + printable(current) +
                   "' is not among its contexts");
  }
  const auto* cluster = named(root, "clusters", text_of(context, "cluster"), "cluster");
  ClusterAccess access;
  access.server = text_of(cluster, "server");
  if (access.server.empty()) return invalid("kubeconfig " + path + ": its cluster has no server");
  access.http.tls.ca_file = path_within(folder, text_of(cluster, "certificate-authority"));
  access.http.tls.ca_text = HF_TRY(decoded(cluster, "certificate-authority-data"));
  access.http.tls.server_name = text_of(cluster, "tls-server-name");
  access.http.tls.verify = text_of(cluster, "insecure-skip-tls-verify") != "true";
  access.http.proxy.url = text_of(cluster, "proxy-url");
  HF_TRY(read_user(named(root, "users", text_of(context, "user"), "user"), folder, access.http)
             .context("kubeconfig " + path));
  const auto space = text_of(context, "namespace");
  if (!space.empty()) access.name_space = space;
  return access;
}

Result<ClusterAccess> in_cluster(FileSystem& files, const Variables& variables,
                                 const std::string& folder) {
  const auto host = variables("KUBERNETES_SERVICE_HOST").value_or("");
  const auto port = variables("KUBERNETES_SERVICE_PORT").value_or("");
  if (host.empty() || port.empty()) {
    return Error(Code::kUnavailable,
                 "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
                 "set; give api_server or kubeconfig_file");
  }
  ClusterAccess access;
  access.server = "https://" + join_host_port(host, port);
  access.http.authorization = Authorization{"Bearer", {"", folder + "/token"}};
  access.http.tls.ca_file = folder + "/ca.crt";
  if (const auto space = files.read_file(folder + "/namespace")) {
    access.name_space = std::string(trim(*space));
  }
  return access;
}

}  // namespace holdfast::collect
