#include "respond/route/notification.h"

#include <openssl/evp.h>

#include <array>

#include "model/alert.h"
#include "model/json_members.h"

namespace holdfast::respond::route {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

std::string GroupNotification::receiver_key() const {
  return receiver + "/" + kind + "/" + std::to_string(index);
}

std::string GroupNotification::key() const {
  return hashed_key(group_key) + "/" + receiver_key() + "/" + std::to_string(transition);
}

void to_json(json& j, const RoutedAlert& v) {
  j = json::object();
  put(j, "labels", v.labels);
  put(j, "annotations", v.annotations);
  put(j, "starts_at", v.starts_at);
  put(j, "ends_at", v.ends_at);
  put(j, "generator_url", v.generator_url);
}

void from_json(const json& j, RoutedAlert& v) {
  model::json_members::must_be_object(j);
  take(j, "labels", v.labels);
  take(j, "annotations", v.annotations);
  take(j, "starts_at", v.starts_at);
  take(j, "ends_at", v.ends_at);
  take(j, "generator_url", v.generator_url);
}

void to_json(json& j, const GroupNotification& v) {
  j = json::object();
  put(j, "receiver", v.receiver);
  put(j, "kind", v.kind);
  put(j, "index", v.index);
  put(j, "group_key", v.group_key);
  put(j, "reason", v.reason);
  put(j, "group_labels", v.group_labels);
  put(j, "route_labels", v.route_labels);
  put(j, "alerts", v.alerts);
  put(j, "at", v.at);
  put(j, "deadline", v.deadline);
  put(j, "transition", v.transition);
  put(j, "drill", v.drill);
  put(j, "in_place_of", v.in_place_of);
  put(j, "why", v.why);
}

void from_json(const json& j, GroupNotification& v) {
  model::json_members::must_be_object(j);
  take(j, "receiver", v.receiver);
  take(j, "kind", v.kind);
  take(j, "index", v.index);
  take(j, "group_key", v.group_key);
  take(j, "reason", v.reason);
  take(j, "group_labels", v.group_labels);
  take(j, "route_labels", v.route_labels);
  take(j, "alerts", v.alerts);
  take(j, "at", v.at);
  take(j, "deadline", v.deadline);
  take(j, "transition", v.transition);
  take(j, "drill", v.drill);
  take(j, "in_place_of", v.in_place_of);
  take(j, "why", v.why);
}

std::string fingerprint(const model::Labels& labels) {
  model::Alert alert;
  alert.labels = labels;
  return alert.fingerprint();
}

std::string hashed_key(std::string_view group_key) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  EVP_Digest(group_key.data(), group_key.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (const auto byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace holdfast::respond::route

HF_MODEL_JSON(holdfast::respond::route::GroupNotification);
