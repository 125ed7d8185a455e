// app/config_status.h: the member `status_page` of holdfast.yaml: what the public may see, and where.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/status-page.md.
#pragma once

#include <string>

#include "base/yaml.h"
#include "model/service.h"
#include "respond/status/status_page.h"

namespace holdfast::app {

struct StatusConfig {
  respond::status::StatusOptions options;  // page.title empty: there is no page
  std::string listen;                      // an address of its own; empty: files only

  bool configured() const { return !options.page.title.empty(); }
};

// Services that have no component of their own name are shown only if the file says no component at all: then each is one.
StatusConfig read_status_page(const YamlContext& context, const YamlNode& node,
                              const std::vector<model::Service>& services, const std::string& base_folder);

}  // namespace holdfast::app
