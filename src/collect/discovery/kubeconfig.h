// collect/discovery/kubeconfig.h: how a cluster is reached: by kubeconfig, or from within it.
//
// Purpose     A server's URL, the settings to speak to it, and the namespace one is in.
// Errors      kInvalid, naming what is missing; `exec` and `auth-provider` credentials are kUnsupported.
// Threads     Pure over the file system.
// Source      Kubernetes: organising cluster access with kubeconfig; accessing the API from a Pod.
#pragma once

#include <string>

#include "base/files.h"
#include "base/yaml.h"
#include "collect/http_settings.h"

namespace holdfast::collect {

struct ClusterAccess {
  std::string server;
  HttpSettings http;
  std::string name_space = "default";
};

Result<ClusterAccess> read_kubeconfig(FileSystem& files, const std::string& path);
// By KUBERNETES_SERVICE_HOST and _PORT and the service account's files in `folder`.
Result<ClusterAccess> in_cluster(
    FileSystem& files, const Variables& variables,
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace holdfast::collect
