#include "app/config_status.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/transport.h"
#include "base/zones.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

namespace status = respond::status;

constexpr std::size_t kComponentsMax = 500;

// Letters and digits of group and name; what is none of them is its bytes in hex, so that no two become one.
std::string id_of(const status::Component& component) {
  std::string id;
  for (const char c : component.group.empty() ? component.name : component.group + "-" + component.name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-') {
      id += static_cast<char>(std::tolower(byte));
    } else if (c == ' ' || c == '_') {
      id += '-';
    } else {
      id += "0123456789abcdef"[byte >> 4];
      id += "0123456789abcdef"[byte & 15];
    }
  }
  return id;
}

bool knows(const std::vector<model::Service>& services, const std::string& name) {
  return std::any_of(services.begin(), services.end(),
                     [&](const model::Service& service) { return service.name == name; });
}

status::Component read_component(const YamlContext& context, const YamlNode& node,
                                 const std::vector<model::Service>& services, std::set<std::string>& ids) {
  YamlMap map(context, node, "component");
  status::Component component;
  component.name = map.required_text("name");
  component.group = map.text("group");
  component.service = map.text("service");
  component.description = map.text("description");
  if (!component.service.empty() && !knows(services, component.service))
    map.report("service", "no service '" + printable(component.service) + "' here");
  component.id = id_of(component);
  if (!component.name.empty() && !ids.insert(component.id).second)
    map.report("name", "component '" + printable(component.name) + "' stands twice in its group");
  map.finish();
  return component;
}

void read_mail(const YamlContext& context, const YamlNode& node, status::StatusOptions& options) {
  YamlMap map(context, node, "mail");
  options.smtp.host = map.required_text("host");
  options.smtp.port = static_cast<int>(map.integer("port", 25, 1, 65535));
  options.smtp.username = map.text("username");
  options.smtp.password = map.text("password");
  options.smtp.require_tls = map.boolean("require_tls", false);
  options.from = map.required_text("from");
  map.finish();
}

model::Rank rank_of(const std::string& word) {
  if (word == "worst") return model::Rank::kWorst;
  if (word == "high") return model::Rank::kHigh;
  return word == "low" ? model::Rank::kLow : model::Rank::kMedium;
}

}  // namespace

StatusConfig read_status_page(const YamlContext& context, const YamlNode& node,
                              const std::vector<model::Service>& services, const std::string& base_folder) {
  StatusConfig config;
  auto& options = config.options;
  YamlMap map(context, node, "status_page");
  options.page.title = map.required_text("title");
  options.page.url = map.required_text("url");
  while (options.page.url.ends_with('/')) options.page.url.pop_back();
  if (!options.page.url.empty() && !net::parse_url(options.page.url))
    map.report("url", "'" + printable(options.page.url) + "' is no URL; it is where the public finds the page");
  options.page.language = map.word("language", "en", {"en", "zh"});
  options.page.zone = map.text("zone");
  if (auto zone = find_zone(options.page.zone); !zone) map.report("zone", zone.error().message());
  options.page.support = map.text("support");
  options.directory = map.text("directory");
  if (!options.directory.empty() && options.directory.front() != '/')
    options.directory = base_folder + "/" + options.directory;
  options.draft_rank = rank_of(map.word("draft_rank", "medium", {"worst", "high", "medium", "low"}));
  config.listen = map.text("listen");
  if (!config.listen.empty()) {
    if (auto at = parse_endpoint(config.listen); !at) map.report("listen", at.error().message());
  }
  std::set<std::string> ids;
  for (const auto* item : map.list("components"))
    options.components.push_back(read_component(context, *item, services, ids));
  if (options.components.size() > kComponentsMax) map.report("components", "more than 500 components");
  if (!map.has("components")) {
    for (const auto& service : services) {
      status::Component component{"", service.name, "", service.name, ""};
      component.id = id_of(component);
      options.components.push_back(component);
    }
  }
  // Groups stand together, in the order of their first member.
  std::vector<std::string> groups;
  for (const auto& component : options.components)
    if (std::find(groups.begin(), groups.end(), component.group) == groups.end()) groups.push_back(component.group);
  std::stable_sort(options.components.begin(), options.components.end(), [&](const auto& a, const auto& b) {
    return std::find(groups.begin(), groups.end(), a.group) < std::find(groups.begin(), groups.end(), b.group);
  });
  if (const auto* inner = map.member("mail")) read_mail(context, *inner, options);
  map.finish();
  return config;
}

}  // namespace holdfast::app
