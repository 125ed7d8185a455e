#include "collect/discovery/json_read.h"

#include <nlohmann/json.hpp>

namespace holdfast::collect {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto at = object.find(name);
  return at == object.end() ? kNothing : *at;
}

const json& items_of(const json& list) {
  static const json kEmpty = json::array();
  return list.is_array() ? list : kEmpty;
}

std::string text_at(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag_at(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::string number_at(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.dump() : std::string();
}

}  // namespace holdfast::collect
