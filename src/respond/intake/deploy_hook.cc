#include "respond/intake/deploy_hook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/send/limits.h"

namespace holdfast::respond::intake {
namespace {

using nlohmann::json;

constexpr std::size_t kLineSizeMax = 300;

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest, &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// A text at a path of members; empty when it is not there.
std::string text_at(const json& body, std::string_view path) {
  const json* at = &body;
  for (const auto step : split(path, '.')) {
    if (!at->is_object()) return {};
    const auto it = at->find(std::string(step));
    if (it == at->end()) return {};
    at = &*it;
  }
  if (at->is_string()) return at->get<std::string>();
  return at->is_number() ? at->dump() : std::string();
}

std::string first_line(std::string_view text) {
  return send::cut_bytes(text.substr(0, text.find('\n')), kLineSizeMax);
}

WallTime time_at(const json& body, std::string_view path) {
  auto at = parse_time(text_at(body, path));
  return at ? *at : WallTime{};
}

Result<json> object_of(std::string_view body) {
  auto object = json::parse(body, nullptr, false);
  if (!object.is_object()) return invalid("the body is not a JSON object");
  return object;
}

std::string short_commit(const std::string& commit) {
  return commit.size() == 40 ? commit.substr(0, 12) : commit;
}

std::string state_of(std::string_view word) {
  for (const auto* good : {"success", "inactive"})
    if (word == good) return "succeeded";
  for (const auto* bad : {"failure", "error", "failed", "canceled", "cancelled", "timed_out"})
    if (word == bad) return "failed";
  return "started";
}

// What a deployment, its status, a release, a workflow's end and a push have in common.
std::optional<model::Change> github_change(const std::string& event, const json& body) {
  model::Change change;
  change.source = "github";
  change.actor = text_at(body, "sender.login");
  const auto repository = text_at(body, "repository.full_name");
  const auto base = "github/" + repository + "/";
  if (event == "deployment" || event == "deployment_status") {
    const auto state = event == "deployment" ? "pending" : text_at(body, "deployment_status.state");
    change.kind = "deployment";
    change.state = state_of(state);
    change.version = short_commit(text_at(body, "deployment.sha"));
    change.id = base + "deployment/" + text_at(body, "deployment.id") + "/" + change.state;
    change.summary = repository + " to " + text_at(body, "deployment.environment") + ": " + state;
    change.url = text_at(body, "deployment_status.target_url");
    change.at = time_at(body, event == "deployment" ? "deployment.created_at" : "deployment_status.created_at");
    return change;
  }
  if (event == "release" && text_at(body, "action") == "published") {
    change.kind = "release";
    change.version = text_at(body, "release.tag_name");
    change.id = base + "release/" + change.version;
    change.summary = repository + " " + change.version + " " + text_at(body, "release.name");
    change.url = text_at(body, "release.html_url");
    change.at = time_at(body, "release.published_at");
    return change;
  }
  if (event == "workflow_run" && text_at(body, "action") == "completed") {
    change.kind = "pipeline";
    change.state = state_of(text_at(body, "workflow_run.conclusion"));
    change.version = short_commit(text_at(body, "workflow_run.head_sha"));
    change.id = base + "workflow/" + text_at(body, "workflow_run.id");
    change.summary = repository + " " + text_at(body, "workflow_run.name") + " on " +
                     text_at(body, "workflow_run.head_branch") + ": " + text_at(body, "workflow_run.conclusion");
    change.url = text_at(body, "workflow_run.html_url");
    change.at = time_at(body, "workflow_run.updated_at");
    return change;
  }
  if (event == "push") {
    const auto ref = text_at(body, "ref");
    if (ref != "refs/heads/" + text_at(body, "repository.default_branch")) return std::nullopt;
    change.kind = "push";
    change.version = short_commit(text_at(body, "after"));
    change.id = base + "push/" + text_at(body, "after");
    change.summary = repository + ": " + first_line(text_at(body, "head_commit.message"));
    change.url = text_at(body, "compare");
    change.at = time_at(body, "head_commit.timestamp");
    return change;
  }
  return std::nullopt;
}

std::optional<model::Change> gitlab_change(const json& body) {
  model::Change change;
  change.source = "gitlab";
  change.actor = text_at(body, "user.username");
  if (change.actor.empty()) change.actor = text_at(body, "user_username");
  const auto project = text_at(body, "project.path_with_namespace");
  const auto base = "gitlab/" + project + "/";
  const auto kind = text_at(body, "object_kind");
  if (kind == "deployment") {
    const auto status = text_at(body, "status");
    change.kind = "deployment";
    change.state = state_of(status);
    change.version = text_at(body, "short_sha");
    change.id = base + "deployment/" + text_at(body, "deployment_id") + "/" + change.state;
    change.summary = project + " to " + text_at(body, "environment") + ": " + status;
    change.url = text_at(body, "deployable_url");
    change.at = time_at(body, "status_changed_at");
    return change;
  }
  if (kind == "release") {
    change.kind = "release";
    change.version = text_at(body, "tag");
    change.id = base + "release/" + change.version;
    change.summary = project + " " + change.version + " " + text_at(body, "name");
    change.url = text_at(body, "url");
    change.at = time_at(body, "released_at");
    return change;
  }
  if (kind == "pipeline") {
    const auto status = text_at(body, "object_attributes.status");
    if (status != "success" && status != "failed" && status != "canceled") return std::nullopt;
    if (text_at(body, "object_attributes.ref") != text_at(body, "project.default_branch")) return std::nullopt;
    change.kind = "pipeline";
    change.state = state_of(status);
    change.version = short_commit(text_at(body, "object_attributes.sha"));
    change.id = base + "pipeline/" + text_at(body, "object_attributes.id");
    change.summary = project + " pipeline: " + status;
    change.url = text_at(body, "object_attributes.url");
    change.at = time_at(body, "object_attributes.finished_at");
    return change;
  }
  if (kind == "push") {
    if (text_at(body, "ref") != "refs/heads/" + text_at(body, "project.default_branch")) return std::nullopt;
    change.kind = "push";
    change.version = short_commit(text_at(body, "after"));
    change.id = base + "push/" + text_at(body, "after");
    change.summary = project + ": push of " + text_at(body, "total_commits_count") + " commits";
    change.url = text_at(body, "project.web_url");
    return change;
  }
  return std::nullopt;
}

std::optional<model::Change> trimmed(std::optional<model::Change> change) {
  if (change) change->summary = std::string(trim(first_line(change->summary)));
  return change;
}

}  // namespace

Result<std::optional<model::Change>> read_github_hook(const HookRequest& request, std::string_view secret) {
  if (!equal_in_constant_time(request.signature, "sha256=" + hmac_sha256_hex(secret, request.body)))
    return Error(Code::kForbidden, "X-Hub-Signature-256 is not the body's signature by this integration's secret");
  const auto body = HF_TRY(object_of(request.body));
  return trimmed(github_change(request.event, body));
}

Result<std::optional<model::Change>> read_gitlab_hook(const HookRequest& request, std::string_view secret) {
  if (!equal_in_constant_time(request.signature, secret))
    return Error(Code::kForbidden, "X-Gitlab-Token is not this integration's secret");
  const auto body = HF_TRY(object_of(request.body));
  return trimmed(gitlab_change(body));
}

}  // namespace holdfast::respond::intake
