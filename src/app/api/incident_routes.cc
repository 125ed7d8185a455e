#include "app/api/incident_routes.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace holdfast::app::incident_routes {
namespace {

constexpr std::string_view kBase = "/api/holdfast/v1";

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

}  // namespace

// Foreign bytes in a message or a name need not be UTF-8; an answer always is.
net::Response answer(int status, const json& body) {
  return net::Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

net::Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

std::string user_of(const Request& request) {
  return std::string(request.headers.get("x-holdfast-user"));
}

Members::Members(const Request& request) {
  if (request.body.empty()) return;
  value_ = json::parse(request.body, nullptr, false);
  if (value_.is_discarded())
    error_ = invalid("the body is not JSON");
  else if (!value_.is_object())
    error_ = invalid("the body must be a JSON object");
  if (error_) value_ = json::object();
}

const json* Members::member(const char* name) const {
  const auto found = value_.find(name);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

bool Members::has(const char* name) const { return member(name) != nullptr; }

std::optional<std::string> Members::maybe(const char* name) {
  const auto* value = member(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    refuse(invalid(quoted(name) + " must be a text"));
    return std::nullopt;
  }
  auto text = value->get<std::string>();
  if (text.size() > kTextSizeMax)
    refuse(Error(Code::kTooLarge, quoted(name) + " has more than 100000 bytes"));
  return text;
}

std::string Members::text(const char* name, std::string fallback) {
  auto value = maybe(name);
  return value ? *value : fallback;
}

std::string Members::required(const char* name) {
  auto value = text(name);
  if (trim(value).empty()) refuse(invalid(quoted(name) + " is missing"));
  return value;
}

std::optional<WallTime> Members::time(const char* name) {
  const auto value = maybe(name);
  if (!value) return std::nullopt;
  auto at = parse_time(*value);
  if (at) return *at;
  refuse(invalid(quoted(name) + ": " + at.error().message()));
  return std::nullopt;
}

std::vector<std::string> Members::texts(const char* name) {
  std::vector<std::string> list;
  const auto* value = member(name);
  if (value == nullptr) return list;
  const bool good =
      value->is_array() &&
      std::all_of(value->begin(), value->end(), [](const json& one) { return one.is_string(); });
  if (!good) {
    refuse(invalid(quoted(name) + " must be a list of texts"));
    return list;
  }
  for (const auto& one : *value) list.push_back(one.get<std::string>());
  return list;
}

std::map<std::string, std::string> Members::text_map(const char* name) {
  std::map<std::string, std::string> map;
  const auto* value = member(name);
  if (value == nullptr) return map;
  if (!value->is_object()) {
    refuse(invalid(quoted(name) + " must be an object of texts"));
    return map;
  }
  for (const auto& [key, one] : value->items()) {
    if (one.is_string())
      map[key] = one.get<std::string>();
    else
      refuse(invalid("'" + std::string(name) + "." + printable(key, 60) + "' must be a text"));
  }
  return map;
}

std::map<std::string, std::string> Members::other_texts(const std::vector<std::string>& but) {
  std::map<std::string, std::string> map;
  for (const auto& [key, one] : value_.items()) {
    if (std::find(but.begin(), but.end(), key) != but.end()) continue;
    if (one.is_string())
      map[key] = one.get<std::string>();
    else
      refuse(invalid("'" + printable(key, 60) + "' must be a text"));
  }
  return map;
}

std::optional<bool> Members::boolean(const char* name) {
  const auto* value = member(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    refuse(invalid(quoted(name) + " must be true or false"));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<int> Members::whole(const char* name, int min, int max) {
  const auto* value = member(name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (number >= min && number <= max && number == std::floor(number))
    return static_cast<int>(number);
  refuse(invalid(quoted(name) + " must be a whole number from " + std::to_string(min) + " to " +
                 std::to_string(max)));
  return std::nullopt;
}

void route(net::Router& router, ControlPlane& plane, const char* method, const std::string& path,
           Handler handler) {
  router.add(method, std::string(kBase) + path,
             [&plane, handler](const Request& request, ResponderPtr to) {
               plane.env.executor.post(Lane::kControl,
                                       [handler, request, to] { handler(request, to); });
             });
}

}  // namespace holdfast::app::incident_routes
