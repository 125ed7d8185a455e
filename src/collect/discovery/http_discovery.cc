#include "collect/discovery/http_discovery.h"

#include "base/text.h"
#include "collect/discovery/poller.h"

namespace holdfast::collect {
namespace {

class HttpPoller final : public Poller {
 public:
  HttpPoller(Env& env, net::Client& client, HttpSd config, Discovery::Handler handler)
      : Poller(env, "http " + config.url, config.refresh, std::move(handler)),
        config_(std::move(config)),
        client_(env, client, config_.http) {}

 protected:
  void round(Done done, std::stop_token stop) override {
    net::ClientRequest request;
    request.url = config_.url;
    request.timeout = std::max<Duration>(config_.refresh, 1s);
    request.headers.add("Accept", "application/json");
    request.headers.add("User-Agent", "Holdfast");
    request.headers.add("X-Prometheus-Refresh-Interval-Seconds",
                        format_double(to_seconds(config_.refresh)));
    client_.send(
        std::move(request),
        [done, url = config_.url](Result<net::ClientResponse> answer) { done(read(answer, url)); },
        stop);
  }

 private:
  static Result<std::vector<TargetGroup>> read(const Result<net::ClientResponse>& answer,
                                               const std::string& url) {
    if (!answer) return answer.error();
    if (answer->status != 200) {
      return unavailable("server returned HTTP status " + std::to_string(answer->status));
    }
    const auto type = answer->headers.get("Content-Type");
    if (!equals_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json")) {
      return invalid("unsupported content type \"" + printable(type) +
                     "\"; allowed: application/json");
    }
    auto groups = HF_TRY(parse_target_groups(url, answer->body));
    for (auto& group : groups) group.labels = group.labels.with("__meta_url", url);
    return groups;
  }

  const HttpSd config_;
  HttpClient client_;
};

}  // namespace

std::unique_ptr<Discovery> discover_http(Env& env, net::Client& client, HttpSd config,
                                         Discovery::Handler handler) {
  return std::make_unique<PolledDiscovery>(
      std::make_shared<HttpPoller>(env, client, std::move(config), std::move(handler)));
}

}  // namespace holdfast::collect
