// collect/receive/receive_config.h: the `receive` section of holdfast.yaml.
//
// Errors      Findings with file, line and column; what was read besides stays.
// Threads     Pure.
// Source      docs/configuration.md describes every member.
#pragma once

#include "base/yaml.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::collect {

void read_receive_config(const YamlContext& context, const YamlNode& node, ReceiveOptions& out);

}  // namespace holdfast::collect
