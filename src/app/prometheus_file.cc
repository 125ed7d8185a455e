#include "app/prometheus_file.h"

#include "base/glob.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// Sections that are valid and done elsewhere, with where.
constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"alerting", "alerts are told by Holdfast's own receivers (`notify` in holdfast.yaml)"},
    {"storage", "retention and directory are options of `holdfast serve`"},
    {"tracing", "Holdfast sends no spans of its own"},
    {"otlp", "the OTLP receivers translate names as Prometheus does by default"},
    {"runtime", "the settings of Go's runtime have no meaning here"}};

class PrometheusFile {
 public:
  PrometheusFile(FileSystem& files, const std::string& path, Config& config,
                 std::vector<Finding>& findings)
      : files_(files),
        path_(path),
        folder_(folder_of(path)),
        config_(config),
        findings_(findings),
        context_{path, &findings, {}} {}

  void read(const YamlNode& root, PrometheusFileOptions options) {
    if (root.kind == YamlNode::Kind::kNull) return;
    YamlMap map(context_, root, "the Prometheus configuration");
    if (const auto* global = map.member("global")) read_global(*global, options);
    std::vector<std::string> names;
    for (const auto& job : config_.jobs) names.push_back(job.job_name);
    add(collect::read_scrape_configs(context_, map.list("scrape_configs"), defaults_, folder_,
                                     names));
    read_scrape_files(map, names);
    read_rules(map);
    if (const auto* node = map.member("remote_write")) {
      for (auto& one : collect::read_remote_write(context_, *node, folder_)) {
        config_.remote_write.push_back(std::move(one));
      }
    }
    if (const auto* node = map.member("remote_read")) {
      for (auto& one : collect::read_remote_read(context_, *node, folder_))
        config_.remote_read.push_back(std::move(one));
    }
    for (const auto& [section, where] : kElsewhere) {
      if (map.has(section)) {
        config_.notices.push_back(path_ + ": '" + std::string(section) + "' is accepted; " +
                                  std::string(where));
      }
    }
    map.finish();
  }

 private:
  void add(std::vector<collect::ScrapeConfig> jobs) {
    std::move(jobs.begin(), jobs.end(), std::back_inserter(config_.jobs));
  }

  void read_global(const YamlNode& node, PrometheusFileOptions options) {
    YamlMap map(context_, node, "global");
    defaults_ = collect::read_scrape_defaults(map);
    interval_ = map.duration("evaluation_interval", interval_, 1ms);
    std::vector<model::Label> labels;
    for (auto& [name, value] : map.text_map("external_labels")) labels.push_back({name, value});
    if (options.alone) {
      config_.evaluation_interval = interval_;
      config_.external_labels = model::Labels(std::move(labels));
    }
    // Of Prometheus' rule engine and its logs; Holdfast's own settings stand in their place.
    map.duration("rule_query_offset", Duration::zero());
    for (const char* name : {"query_log_file", "scrape_failure_log_file"}) map.text(name);
    map.finish();
  }

  void read_scrape_files(YamlMap& map, std::vector<std::string>& names) {
    for (const auto& pattern : map.texts("scrape_config_files")) {
      for (const auto& path : glob(files_, collect::path_within(folder_, pattern))) {
        auto text = files_.read_file(path);
        if (!text) {
          map.report("scrape_config_files", path + ": " + text.error().message());
          continue;
        }
        const auto root = parse_yaml(path, *text, findings_);
        if (!root) continue;
        const YamlContext context{path, &findings_, {}};
        YamlMap inner(context, *root, "a scrape config file");
        add(collect::read_scrape_configs(context, inner.list("scrape_configs"), defaults_,
                                         folder_of(path), names));
        inner.finish();
      }
    }
  }

  // A pattern may match nothing: files can come later.
  void read_rules(YamlMap& map) {
    for (const auto& pattern : map.texts("rule_files")) {
      for (const auto& path : glob(files_, collect::path_within(folder_, pattern))) {
        auto text = files_.read_file(path);
        if (!text) {
          map.report("rule_files", path + ": " + text.error().message());
          continue;
        }
        auto file = detect::parse_rule_file(path, *text, interval_);
        std::move(file.groups.begin(), file.groups.end(), std::back_inserter(config_.rule_groups));
        std::move(file.findings.begin(), file.findings.end(), std::back_inserter(findings_));
      }
    }
  }

  FileSystem& files_;
  const std::string path_;
  const std::string folder_;
  Config& config_;
  std::vector<Finding>& findings_;
  YamlContext context_;
  collect::ScrapeDefaults defaults_;
  Duration interval_ = 1min;  // Prometheus' own
};

}  // namespace

void read_prometheus_file(FileSystem& files, const std::string& path, const YamlNode& root,
                          PrometheusFileOptions options, Config& config,
                          std::vector<Finding>& findings) {
  PrometheusFile(files, path, config, findings).read(root, options);
}

}  // namespace holdfast::app
