#include "act/platform/health_prober.h"

#include "net/http.h"

namespace holdfast::act {

struct HttpHealthProber::Impl {
  explicit Impl(Env& env_in) : env(env_in), client(env_in) {}
  Env& env;
  net::Client client;
};

namespace {

Result<void> verdict_of(const Result<net::ClientResponse>& response, Duration timeout) {
  if (!response && response.error().code() == Code::kTimeout) {
    return Error(Code::kTimeout, "timeout after " + format_duration(timeout));
  }
  if (!response) return response.error();
  if (response->status < 200 || response->status >= 400)
    return unavailable("status " + std::to_string(response->status));
  return {};
}

}  // namespace

HttpHealthProber::HttpHealthProber(Env& env) : impl_(std::make_shared<Impl>(env)) {}
HttpHealthProber::~HttpHealthProber() = default;

void HttpHealthProber::probe(const std::string& address, const std::string& path, Duration timeout,
                             Handler handler) {
  net::ClientRequest request;
  request.url = "http://" + address + path;
  request.timeout = timeout;
  request.response_size_max = 64 * 1024;
  request.headers.set("Connection", "close");
  impl_->client.send(
      std::move(request), [weak = std::weak_ptr(impl_), &executor = impl_->env.executor, timeout,
                           handler = std::move(handler)](Result<net::ClientResponse> response) {
        executor.post(Lane::kControl, [weak, handler, verdict = verdict_of(response, timeout)] {
          if (!weak.expired()) handler(verdict);
        });
      });
}

}  // namespace holdfast::act
