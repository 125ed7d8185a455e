#include "app/config_slo.h"

#include <algorithm>
#include <set>

#include "base/glob.h"
#include "base/text.h"
#include "detect/slo/burn_rules.h"
#include "detect/slo/open_slo.h"
#include "detect/slo/short_form.h"

namespace holdfast::app {
namespace {

constexpr std::size_t kSloCountMax = 1000;
constexpr std::size_t kMaintenanceCountMax = 1000;

bool knows(const std::vector<model::Service>& services, const std::string& name) {
  return std::any_of(services.begin(), services.end(),
                     [&](const auto& service) { return service.name == name; });
}

std::string no_service(const std::string& name, const std::vector<model::Service>& services) {
  std::vector<std::string> names;
  for (const auto& service : services) names.push_back(service.name);
  const auto near = nearest(name, names);
  return "no service '" + printable(name) + "' here" +
         (near.empty() ? "" : "; did you mean '" + near + "'?");
}

void read_files(const YamlContext& context, YamlMap& top, FileSystem& files,
                const std::string& base_folder, SloConfig& config) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& pattern : top.texts("slo_files")) {
    const auto path = pattern.starts_with('/') ? pattern : base_folder + "/" + pattern;
    const auto found = glob(files, path);
    if (found.empty()) top.report("slo_files", "'" + printable(pattern) + "' is no file");
    for (const auto& file : found) {
      auto text = files.read_file(file);
      if (text)
        texts.emplace_back(file, std::move(*text));
      else
        top.report("slo_files", "'" + printable(file) + "': " + text.error().message());
    }
  }
  std::vector<detect::slo::SloSource> sources;
  for (const auto& [file, text] : texts) sources.push_back({file, text});
  auto read = detect::slo::parse_open_slo(sources);
  for (auto& finding : read.findings) context.findings->push_back(std::move(finding));
  for (auto& slo : read.slos) config.slos.push_back(std::move(slo));
}

WallTime read_time(YamlMap& map, const char* member) {
  const auto text = map.required_text(member);
  if (text.empty()) return {};
  const auto time = parse_time(text);
  if (!time) map.report(member, "'" + std::string(member) + "': " + time.error().message());
  return time ? *time : WallTime{};
}

SloMaintenance read_maintenance(const YamlContext& context, const YamlNode& node,
                                const std::vector<model::Service>& services) {
  YamlMap map(context, node, "maintenance");
  SloMaintenance maintenance;
  maintenance.time.from = read_time(map, "from");
  maintenance.time.until = read_time(map, "until");
  maintenance.time.title = map.required_text("title");
  maintenance.services = map.texts("services");
  for (const auto& name : maintenance.services) {
    if (!knows(services, name)) map.report("services", no_service(name, services));
  }
  if (map.has("from") && map.has("until") && maintenance.time.until <= maintenance.time.from)
    map.report("until", "'until' must be later than 'from'");
  map.finish();
  return maintenance;
}

}  // namespace

SloConfig read_slos(const YamlContext& context, YamlMap& top, FileSystem& files,
                    const std::string& base_folder, const std::vector<model::Service>& services,
                    std::vector<detect::RuleGroup>& groups) {
  SloConfig config;
  for (const auto* node : top.list("slos")) {
    auto slo = detect::slo::read_short_form(context, *node);
    if (!slo) continue;
    if (!slo->service.empty() && !knows(services, slo->service))
      context.report(*node, no_service(slo->service, services));
    config.slos.push_back(std::move(*slo));
  }
  read_files(context, top, files, base_folder, config);
  if (config.slos.size() > kSloCountMax) top.report("slos", "more than 1000 objectives");
  for (const auto* node : top.list("slo_maintenance"))
    config.maintenance.push_back(read_maintenance(context, *node, services));
  if (config.maintenance.size() > kMaintenanceCountMax)
    top.report("slo_maintenance", "more than 1000 stretches of maintenance");
  std::set<std::string> names;
  for (const auto& slo : config.slos) {
    if (!names.insert(slo.name).second)
      context.findings->push_back({slo.place, "slo '" + slo.name + "' stands twice"});
    else
      groups.push_back(detect::slo::burn_rules(slo));
  }
  return config;
}

}  // namespace holdfast::app
