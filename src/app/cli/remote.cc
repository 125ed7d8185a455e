#include "app/cli/remote.h"

#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>

#include "app/machine.h"
#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {

using nlohmann::json;

struct Remote::Impl {
  explicit Impl(const RemoteOptions& options)
      : machine(1, 1), url(options.url), token(options.token), client(machine.env) {
    while (url.ends_with("/")) url.pop_back();
    if (token.empty()) {
      if (const char* from_env = std::getenv("HOLDFAST_TOKEN")) token = from_env;
    }
    if (token.empty()) {
      if (auto file = machine.env.files.read_file(options.data + "/admin-token"))
        token = std::string(trim(*file));
    }
  }
  Machine machine;
  std::string url;
  std::string token;
  net::Client client;
};

Remote::Remote(const RemoteOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Remote::~Remote() = default;

Result<json> Remote::get(const std::string& path) { return call("GET", path, ""); }
Result<json> Remote::post(const std::string& path, const json& body) {
  return call("POST", path, body.dump());
}
Result<json> Remote::remove(const std::string& path) { return call("DELETE", path, ""); }
Result<json> Remote::post_text(const std::string& path, std::string body, const std::string& type) {
  return call("POST", path, std::move(body), type);
}

namespace {

// The message of an error answer, whichever of the two APIs gave it.
std::string message_of(const json& body, const net::ClientResponse& response) {
  if (body.is_string()) return body.get<std::string>();  // Alertmanager's form
  if (body.is_object() && body.contains("error")) {
    const auto& error = body["error"];
    if (error.is_string()) return error.get<std::string>();
    if (error.is_object() && error.contains("message") && error["message"].is_string()) {
      auto message = error["message"].get<std::string>();
      if (body.contains("findings")) {
        for (const auto& finding : body["findings"]) message += "\n  " + finding.get<std::string>();
      }
      return message;
    }
  }
  return "status " + std::to_string(response.status) + ": " + printable(response.body, 200);
}

}  // namespace

Result<std::string> Remote::get_text(const std::string& path) {
  return exchange("GET", path, "", "");
}

Result<std::string> Remote::exchange(const std::string& method, const std::string& path,
                                     const std::string& body, const std::string& type) {
  net::ClientRequest request;
  request.method = method;
  request.url = impl_->url + (path.starts_with("/api") ? path : "/api/holdfast/v1" + path);
  request.timeout = 2min;
  request.body = body;
  if (!body.empty()) request.headers.set("content-type", type);
  if (!impl_->token.empty()) request.headers.set("authorization", "Bearer " + impl_->token);
  std::promise<Result<net::ClientResponse>> promise;
  impl_->client.send(std::move(request), [&promise](Result<net::ClientResponse> response) {
    promise.set_value(std::move(response));
  });
  auto response = promise.get_future().get();
  if (!response) {
    return std::move(response).error().context("no answer from " + impl_->url +
                                               " (is Holdfast running there? --url names another)");
  }
  if (response->status >= 400) {
    const auto code = response->status == 401   ? Code::kUnauthorized
                      : response->status == 404 ? Code::kNotFound
                                                : Code::kInvalid;
    return Error(code, message_of(json::parse(response->body, nullptr, false), *response));
  }
  return response->status == 204 ? std::string() : std::move(response->body);
}

Result<json> Remote::call(const std::string& method, const std::string& path,
                          const std::string& body, const std::string& type) {
  const auto answer = HF_TRY(exchange(method, path, body, type));
  if (answer.empty()) return json::object();
  auto parsed = json::parse(answer, nullptr, false);
  // Alertmanager's API lists things as they are.
  if (!parsed.is_object() && !(parsed.is_array() && path.starts_with("/api/v2/")))
    return unavailable(impl_->url +
                       " answered something that is no JSON object: " + printable(answer, 100));
  return parsed;
}

}  // namespace holdfast::app
