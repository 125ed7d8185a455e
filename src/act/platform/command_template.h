// act/platform/command_template.h: {port}, {admin_port}, {index}, {version} and {data} in a
// version's command.
//
// Names not listed, and braces that name nothing, are left as they stand: "{}" is a word of many
// shells.
#pragma once

#include <map>
#include <string>

#include "model/operations.h"
#include "model/service.h"

namespace holdfast::act {

std::map<std::string, std::string> template_values(const model::Instance& instance,
                                                   const model::ProcessVersion& version,
                                                   const std::string& data_directory);
std::string fill_template(const std::string& text,
                          const std::map<std::string, std::string>& values);
// <data>/logs/<service>-<version>-<index>.log; what a file name should not hold becomes '_'.
std::string log_path(const model::Instance& instance, const std::string& data_directory);

}  // namespace holdfast::act
