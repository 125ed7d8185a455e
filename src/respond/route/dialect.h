// respond/route/dialect.h: the other way some documents write alert routing: routing / receivers / alert_rules.
//
// Purpose     Turns such a file into alertmanager.yml and a Prometheus rule file, which then go the one way that all
//             files go. `routing` is `route`; a mail's `subject` is its Subject header and `body` its whole text;
//             `alert_rules` become one group of rules. The parts may stand at any depth of the file.
// Fragments   Receivers without routes: the first takes everything, and receivers named SEVERITY-alerts take the alerts
//             of that severity.
// Mail        Such files say not how mail is sent: `global` in the options does; without it the server on this machine
//             is used, and a warning says so.
// Errors      kInvalid: no YAML, or nothing of the dialect in it.
// Threads     Pure.
// Source      ../shared/mission/monitoring-operations.zh.md lines 399 to 498; emergency-response.zh.md lines 116 to 130.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"

namespace holdfast::respond::route {

struct DialectOptions {
  std::map<std::string, std::string> global;  // members of `global` that the file does not set
};

struct Dialect {
  std::string alertmanager_yml;  // empty: the file has only rules
  std::string rules_yml;         // empty: the file has only routing
  bool enabled = true;
  int port = 0;  // where it wants Alertmanager's API; 0: not said
  std::vector<std::string> warnings;
};

// Whether a file is written so: it has `routing` with receivers, or receivers or alert rules below no `route`.
bool is_dialect(const YamlNode& root);
Result<Dialect> translate_dialect(std::string_view text, const DialectOptions& options);

}  // namespace holdfast::respond::route
