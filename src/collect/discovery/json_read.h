// collect/discovery/json_read.h: members of JSON that others wrote, without exceptions; inside the part only.
//
// Purpose     What is absent or of another type reads as empty, so that a strange object gives no target
//             instead of an error for all.
// Threads     Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace holdfast::collect {

const nlohmann::json& member(const nlohmann::json& object, const char* name);  // null when absent
const nlohmann::json& items_of(const nlohmann::json& list);  // an empty list when it is none
std::string text_at(const nlohmann::json& object, const char* name);
bool flag_at(const nlohmann::json& object, const char* name);
// A whole number as text; "" when it is none.
std::string number_at(const nlohmann::json& object, const char* name);

}  // namespace holdfast::collect
