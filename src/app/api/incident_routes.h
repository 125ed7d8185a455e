// app/api/incident_routes.h: what the route files about incidents share; nobody else includes it.
//
// Purpose     Handlers run on the control strand; a body is read member by member, every mistake names the member; errors are
//             {"error":{"code","message"}} with the status of base/result.h's table.
// Threads     Control strand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/control_plane.h"
#include "net/http.h"

namespace holdfast::app::incident_routes {

using net::Request;
using net::ResponderPtr;
using nlohmann::json;

inline constexpr std::size_t kTextSizeMax = 100'000;

net::Response answer(int status, const json& body);
net::Response failure(const Error& error);
std::string user_of(const Request& request);

// The members of a request's JSON object. The first mistake is kept; readers then answer their fallback.
class Members {
 public:
  explicit Members(const Request& request);

  bool has(const char* name) const;
  std::string text(const char* name, std::string fallback = {});
  std::string required(const char* name);
  std::optional<std::string> maybe(const char* name);
  std::optional<WallTime> time(const char* name);
  std::vector<std::string> texts(const char* name);
  std::map<std::string, std::string> text_map(const char* name);
  // All members but those named; each must be a text.
  std::map<std::string, std::string> other_texts(const std::vector<std::string>& but);
  std::optional<bool> boolean(const char* name);
  std::optional<int> whole(const char* name, int min, int max);
  void refuse(Error error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const json* member(const char* name) const;
  json value_ = json::object();
  std::optional<Error> error_;
};

// Puts "/api/holdfast/v1" before the path and runs the handler on the control strand.
using Handler = std::function<void(const Request&, ResponderPtr)>;
void route(net::Router& router, ControlPlane& plane, const char* method, const std::string& path, Handler handler);

void add_words_routes(net::Router& router, ControlPlane& plane);    // texts, drafts, contacts
void add_report_routes(net::Router& router, ControlPlane& plane);   // postmortems, kpi, review

}  // namespace holdfast::app::incident_routes
