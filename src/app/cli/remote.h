// app/cli/remote.h: a running Holdfast, as the command line talks to it.
//
// Purpose     Blocking calls of the API, with the token from --token, HOLDFAST_TOKEN or the data directory's admin-token.
// Errors      The server's own message, or why it could not be reached, with the address and what to try.
// Threads     One.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::app {

struct RemoteOptions {
  std::string url = "http://127.0.0.1:8040";
  std::string token;  // empty: HOLDFAST_TOKEN, then <data>/admin-token when it can be read
  std::string data = "data";
};

class Remote {
 public:
  explicit Remote(const RemoteOptions& options);
  ~Remote();

  // `path` is below /api/holdfast/v1, or absolute when it begins with "/api".
  Result<nlohmann::json> get(const std::string& path);
  // The answer's bytes as they are: Markdown, CSV, a PDF.
  Result<std::string> get_text(const std::string& path);
  Result<nlohmann::json> post(const std::string& path, const nlohmann::json& body);
  Result<nlohmann::json> remove(const std::string& path);  // DELETE
  // A body that is no JSON object; an empty answer is an empty object.
  Result<nlohmann::json> post_text(const std::string& path, std::string body, const std::string& type);

 private:
  Result<nlohmann::json> call(const std::string& method, const std::string& path,
                              const std::string& body, const std::string& type = "application/json");
  // A body of status below 400; empty for 204.
  Result<std::string> exchange(const std::string& method, const std::string& path, const std::string& body,
                               const std::string& type);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::app
