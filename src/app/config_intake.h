// app/config_intake.h: the member `intake` of holdfast.yaml: which systems deliver events, and which must show that they live.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/intake.md.
#pragma once

#include <string>

#include "base/yaml.h"
#include "respond/intake/intake.h"

namespace holdfast::app {

struct IntakeConfig {
  respond::intake::IntakeOptions options;
  std::string mail_listen;  // SMTP, for integrations of kind email; empty: none
};

IntakeConfig read_intake(const YamlContext& context, const YamlNode& node);

}  // namespace holdfast::app
