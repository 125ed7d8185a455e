// respond/intake/deploy_hook.h: GitHub's and GitLab's webhooks, read as changes.
//
// Purpose     Checks that the sender knows the secret, and turns deployments, releases, pipelines of a protected branch and pushes to
//             the default branch into model::Change. What is nothing of these is no change and no error.
// Errors      kForbidden when the signature or token is wrong or missing; kInvalid when the body is no JSON object.
// Threads     Pure.
// Source      GitHub "Webhook events and payloads" and "Validating webhook deliveries" (X-Hub-Signature-256: sha256=<hex HMAC>);
//             GitLab "Webhook events" (X-Gitlab-Token).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/change.h"

namespace holdfast::respond::intake {

struct HookRequest {
  std::string event;      // X-GitHub-Event or X-Gitlab-Event
  std::string signature;  // X-Hub-Signature-256, or X-Gitlab-Token
  std::string_view body;
};

Result<std::optional<model::Change>> read_github_hook(const HookRequest& request, std::string_view secret);
Result<std::optional<model::Change>> read_gitlab_hook(const HookRequest& request, std::string_view secret);

}  // namespace holdfast::respond::intake
