// app/config_access.h: the member `access` of holdfast.yaml: sessions, rates, permissions by service, OpenID Connect.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/access.md describes every member.
#pragma once

#include "app/access/access_config.h"
#include "base/yaml.h"

namespace holdfast::app {

// Files that are named relatively lie in `base_folder`.
AccessConfig read_access(const YamlContext& context, const YamlNode& node,
                         const std::string& base_folder);

}  // namespace holdfast::app
