// Any bytes as a webhook's body, in every form: no crash. The first line is a text of a mapping too.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "respond/intake/deploy_hook.h"
#include "respond/intake/pagerduty.h"
#include "respond/intake/webhook.h"

using namespace holdfast::respond::intake;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  (void)parse_pagerduty_event(body);
  (void)parse_pagerduty_change(body);
  (void)parse_alertmanager_webhook(body);
  (void)read_gitlab_hook({"", "token", body}, "token");
  Mapping mapping;
  const auto line = body.substr(0, body.find('\n'));
  mapping.summary = std::string(line);
  mapping.each = line.size() < 40 ? std::string(line) : "";
  mapping.status = "status";
  mapping.resolved = {"ok"};
  if (check_mapping(mapping)) (void)parse_mapped(body.substr(line.size()), mapping);
  return 0;
}
