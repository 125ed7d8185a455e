// respond/route/object_reader.h: one mapping of the file, read by its table into a settings object.
//
// Purpose     read_object() gives every key of the table a value, checks pairs and rules, and records in `yaml` what is wrong.
// Threads     Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/yaml.h"
#include "respond/route/integration_table.h"
#include "respond/route/strict_yaml.h"

namespace holdfast::respond::route {

nlohmann::json read_object(StrictYaml& yaml, const YamlNode& node, const ObjectTable& table);

// Whether a value is the zero of its type: "", null, 0, false, [] or {}.
bool is_zero(const nlohmann::json& value);

// Relative kFile values, made absolute to `directory`.
void resolve_files(nlohmann::json& settings, const ObjectTable& table, std::string_view directory);
std::string absolute_path(std::string_view directory, std::string_view path);

}  // namespace holdfast::respond::route
