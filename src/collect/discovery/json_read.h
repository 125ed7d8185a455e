// collect/discovery/json_read.h: members of JSON that others wrote, without exceptions; inside the part only.
//
// Purpose     What is absent or of another type reads as empty, so that a strange object gives no target
//             instead of an error for all.
// Threads     Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace holdfast::collect {

inline const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNothing;
  if (!object.is_object()) return kNothing;
  const auto at = object.find(name);
  return at == object.end() ? kNothing : *at;
}
inline const nlohmann::json& items_of(const nlohmann::json& list) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  return list.is_array() ? list : kEmpty;
}
inline std::string text_at(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline bool flag_at(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}
// A whole number as text; "" when it is none.
inline std::string number_at(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.dump() : std::string();
}

}  // namespace holdfast::collect
