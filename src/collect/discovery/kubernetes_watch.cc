#include "collect/discovery/kubernetes_watch.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "collect/discovery/json_read.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr Duration kRetryDelay = 5s;
constexpr Duration kListTimeout = 60s;
constexpr int kWatchSeconds = 300;  // then the API server ends the stream and we begin another
constexpr const char* kPageSize = "500";
constexpr std::size_t kStreamSizeMax = std::size_t{1}
                                       << 40;  // a watch's bytes pass by, they do not gather
constexpr std::size_t kLineSizeMax = 8 * 1024 * 1024;  // bytes of one object; etcd holds 1.5 MB

}  // namespace

std::string object_key(const json& object) {
  const auto& meta = member(object, "metadata");
  const auto space = text_at(meta, "namespace");
  return space.empty() ? text_at(meta, "name") : space + "/" + text_at(meta, "name");
}

KubernetesWatch::KubernetesWatch(Env& env, std::shared_ptr<HttpClient> client, std::string server,
                                 KubernetesPath path, Handlers handlers)
    : env_(env),
      client_(std::move(client)),
      server_(std::move(server)),
      path_(std::move(path)),
      handlers_(std::move(handlers)) {}

void KubernetesWatch::start() { list(""); }

void KubernetesWatch::stop() {
  stop_.request_stop();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

std::string KubernetesWatch::url(net::Params params) const {
  if (!path_.label.empty()) params.emplace_back("labelSelector", path_.label);
  if (!path_.field.empty()) params.emplace_back("fieldSelector", path_.field);
  return server_ + path_.path + "?" + net::encode_query(params);
}

void KubernetesWatch::list(const std::string& go_on) {
  net::ClientRequest request;
  net::Params params = {{"limit", kPageSize}};
  if (!go_on.empty()) params.emplace_back("continue", go_on);
  request.url = url(std::move(params));
  request.timeout = kListTimeout;
  request.headers.add("Accept", "application/json");
  client_->send(
      std::move(request),
      [weak = weak_from_this()](Result<net::ClientResponse> answer) {
        if (const auto self = weak.lock()) self->on_list(std::move(answer));
      },
      stop_.get_token());
}

void KubernetesWatch::on_list(Result<net::ClientResponse> answer) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  if (!answer) return fail(answer.error().message());
  if (answer->status == 410) {  // the pages of an old list are gone
    listed_.clear();
    return again(Duration::zero(), true);
  }
  if (answer->status != 200) {
    listed_.clear();
    return fail(path_.path + ": the API server answered with status " +
                std::to_string(answer->status));
  }
  const auto body = json::parse(answer->body, nullptr, false);
  if (!member(body, "items").is_array()) return fail(path_.path + ": the answer is no list");
  for (const auto& object : body["items"]) {
    const auto key = object_key(object);
    const auto version = text_at(member(object, "metadata"), "resourceVersion");
    listed_[key] = version;
    const auto old = known_.find(key);
    if (old == known_.end() || version.empty() || old->second != version) {
      handlers_.changed(key, &object);
    }
  }
  const auto next = text_at(member(body, "metadata"), "continue");
  if (!next.empty()) return list(next);
  for (const auto& [key, version] : known_) {
    if (!listed_.contains(key)) handlers_.changed(key, nullptr);
  }
  known_ = std::exchange(listed_, {});
  version_ = text_at(member(body, "metadata"), "resourceVersion");
  handlers_.problem("");
  if (!std::exchange(synced_, true)) handlers_.synced();
  watch();
}

void KubernetesWatch::watch() {
  line_.clear();
  gone_ = false;
  net::ClientRequest request;
  request.url = url({{"watch", "1"},
                     {"allowWatchBookmarks", "true"},
                     {"resourceVersion", version_},
                     {"timeoutSeconds", std::to_string(kWatchSeconds)}});
  request.timeout = std::chrono::seconds(kWatchSeconds) + 30s;
  request.response_size_max = kStreamSizeMax;
  request.headers.add("Accept", "application/json");
  request.on_body = [weak = weak_from_this()](const net::ClientResponse&, std::string_view bytes) {
    if (const auto self = weak.lock()) self->on_bytes(bytes);
  };
  client_->send(
      std::move(request),
      [weak = weak_from_this()](Result<net::ClientResponse> answer) {
        if (const auto self = weak.lock()) self->on_watch_end(answer);
      },
      stop_.get_token());
}

void KubernetesWatch::on_bytes(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  while (!stopped_ && !bytes.empty()) {
    const auto end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    on_line(line_);
    line_.clear();
  }
  if (line_.size() > kLineSizeMax) {
    line_.clear();
    gone_ = true;  // what it was is not known; the next list will tell
  }
}

void KubernetesWatch::on_line(std::string_view line) {
  if (trim(line).empty() || gone_) return;
  const auto event = json::parse(line, nullptr, false);
  const auto type = text_at(event, "type");
  const auto& object = member(event, "object");
  const auto version = text_at(member(object, "metadata"), "resourceVersion");
  if (type == "ADDED" || type == "MODIFIED") {
    const auto key = object_key(object);
    known_[key] = version;
    version_ = version;
    handlers_.changed(key, &object);
  } else if (type == "DELETED") {
    const auto key = object_key(object);
    known_.erase(key);
    version_ = version;
    handlers_.changed(key, nullptr);
  } else if (type == "BOOKMARK") {
    version_ = version;
  } else {
    gone_ = true;  // ERROR, mostly 410 Gone; anything else is not understood: both begin anew
  }
}

void KubernetesWatch::on_watch_end(const Result<net::ClientResponse>& answer) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  if (gone_ || (answer && answer->status == 410)) return again(Duration::zero(), true);
  // A stream that ended in its time is followed by another; one that broke waits a moment.
  if (answer && answer->status == 200) return again(Duration::zero(), false);
  if (!answer && answer.error().code() == Code::kTimeout) return again(Duration::zero(), false);
  fail(answer
           ? path_.path + ": the watch was answered with status " + std::to_string(answer->status)
           : answer.error().message());
}

void KubernetesWatch::fail(const std::string& problem) {
  handlers_.problem(problem);
  again(kRetryDelay, true);
}

void KubernetesWatch::again(Duration delay, bool from_list) {
  env_.executor.post_after(Lane::kPool, delay, [weak = weak_from_this(), from_list] {
    const auto self = weak.lock();
    if (!self || self->stop_.stop_requested()) return;
    if (from_list) return self->list("");
    const std::lock_guard lock(self->mutex_);
    if (!self->stopped_) self->watch();
  });
}

}  // namespace holdfast::collect
