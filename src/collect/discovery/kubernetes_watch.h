// collect/discovery/kubernetes_watch.h: one kind of object of a cluster, kept up to date; inside the part only.
//
// Purpose     Lists all objects, page by page, then watches from the list's version. Bookmarks move the version
//             on; a version too old (410 Gone) and a broken stream lead to a new list, whose missing
//             objects count as deleted.
//
//               list ─► synced ─► watch ─► ADDED, MODIFIED, DELETED, BOOKMARK ─┐
//                 ▲                 ▲──────────── stream ends ─────────────────┤
//                 └──────── 410 Gone, an error (after 5 s) ────────────────────┘
//
// Threads     Callbacks on the client's threads, one at a time; stop() waits for one that runs.
// Source      Kubernetes API concepts: efficient detection of changes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "collect/http_settings.h"

namespace holdfast::collect {

struct KubernetesPath {
  std::string path;   // "/api/v1/pods"
  std::string label;  // selectors; may be empty
  std::string field;
};

class KubernetesWatch : public std::enable_shared_from_this<KubernetesWatch> {
 public:
  // The object is null when it is gone.
  using Changed = std::function<void(const std::string& key, const nlohmann::json* object)>;
  struct Handlers {
    Changed changed;
    std::function<void()> synced;                     // the first list is complete
    std::function<void(const std::string&)> problem;  // "" when it is over
  };
  KubernetesWatch(Env& env, std::shared_ptr<HttpClient> client, std::string server,
                  KubernetesPath path, Handlers handlers);
  void start();
  void stop();

 private:
  void list(const std::string& go_on);
  void on_list(Result<net::ClientResponse> answer);
  void watch();
  void on_bytes(std::string_view bytes);
  void on_line(std::string_view line);
  void on_watch_end(const Result<net::ClientResponse>& answer);
  void again(Duration delay, bool from_list);
  void fail(const std::string& problem);
  std::string url(net::Params params) const;

  Env& env_;
  const std::shared_ptr<HttpClient> client_;
  const std::string server_;
  const KubernetesPath path_;
  const Handlers handlers_;
  std::stop_source stop_;
  std::mutex mutex_;  // guards all below and is held while handlers run
  bool stopped_ = false;
  bool synced_ = false;
  bool gone_ = false;  // the watch was told that its version is too old
  std::string version_;
  std::string line_;                          // unfinished
  std::map<std::string, std::string> known_;  // key to resource version
  std::map<std::string, std::string> listed_;
};

// namespace/name, or name for what has no namespace.
std::string object_key(const nlohmann::json& object);

}  // namespace holdfast::collect
