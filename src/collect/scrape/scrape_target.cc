#include "collect/scrape/scrape_target.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace holdfast::collect {
namespace {

using model::Label;
using model::Labels;

constexpr std::string_view kParamPrefix = "__param_";

std::string_view value_of(const model::LabelList& labels, std::string_view name) {
  for (const auto& label : labels) {
    if (label.name == name) return label.value;
  }
  return {};
}

Result<Duration> duration_of(const model::LabelList& labels, std::string_view name,
                             const char* what) {
  auto parsed = parse_duration(value_of(labels, name));
  if (!parsed)
    return std::move(parsed.error()).context(std::string("error parsing scrape ") + what);
  if (*parsed <= Duration::zero()) return invalid(std::string("scrape ") + what + " cannot be 0");
  return *parsed;
}

// Parameters of the configuration, the first of each replaced by its label, in the order of names.
std::string query_of(const ScrapeConfig& config, const model::LabelList& labels) {
  auto params = config.params;
  for (const auto& label : labels) {
    if (!label.name.starts_with(kParamPrefix)) continue;
    const auto name = label.name.substr(kParamPrefix.size());
    const auto at = std::find_if(params.begin(), params.end(),
                                 [&](const auto& param) { return param.first == name; });
    if (at == params.end())
      params.push_back({name, {label.value}});
    else if (at->second.empty())
      at->second = {label.value};
    else
      at->second[0] = label.value;
  }
  std::sort(params.begin(), params.end());
  net::Params flat;
  for (const auto& [name, values] : params) {
    for (const auto& value : values) flat.emplace_back(name, value);
  }
  return net::encode_query(flat);
}

std::string url_of(std::string_view scheme, std::string_view address, std::string_view path,
                   const std::string& query) {
  std::string url = std::string(scheme) + "://" + std::string(address);
  if (!path.starts_with('/')) url += '/';
  url += path;
  if (!query.empty()) url += (path.find('?') == std::string_view::npos ? "?" : "&") + query;
  return url;
}

// host or host:port, nothing else.
Result<void> check_address(std::string_view address) {
  if (address.empty()) return invalid("no address");
  if (address.find_first_of("/ \t") != std::string_view::npos) {
    return invalid("\"" + printable(address) + "\" is not a valid hostname");
  }
  return {};
}

}  // namespace

bool ScrapeTarget::same_as(const ScrapeTarget& other) const {
  return std::tie(url, labels, interval, timeout) ==
         std::tie(other.url, other.labels, other.interval, other.timeout);
}

Labels discovered_labels(const ScrapeConfig& config, const Labels& found) {
  std::vector<Label> all(found.begin(), found.end());
  const auto add = [&](std::string_view name, std::string value) {
    if (!found.has(name)) all.push_back({std::string(name), std::move(value)});
  };
  add("job", config.job_name);
  add("__scrape_interval__", format_duration(config.interval));
  add("__scrape_timeout__", format_duration(config.timeout));
  add("__metrics_path__", config.metrics_path);
  add("__scheme__", config.scheme);
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) all.push_back({std::string(kParamPrefix) + name, values[0]});
  }
  return Labels(std::move(all));
}

Result<MadeTarget> make_target(const ScrapeConfig& config, const Labels& found) {
  MadeTarget made;
  made.discovered = discovered_labels(config, found);
  model::LabelList labels(made.discovered.begin(), made.discovered.end());
  if (!model::relabel(config.relabel, labels)) return made;
  ScrapeTarget target;
  target.discovered = made.discovered;
  target.address = value_of(labels, kAddressLabel);
  HF_TRY(check_address(target.address));
  target.scheme = value_of(labels, "__scheme__");
  if (target.scheme != "http" && target.scheme != "https") {
    return invalid("scheme '" + printable(target.scheme) + "'; allowed: http, https");
  }
  target.path = value_of(labels, "__metrics_path__");
  target.interval = HF_TRY(duration_of(labels, "__scrape_interval__", "interval"));
  target.timeout = HF_TRY(duration_of(labels, "__scrape_timeout__", "timeout"));
  if (target.timeout > target.interval) {
    return invalid("scrape timeout cannot be greater than scrape interval (" +
                   format_duration(target.timeout) + " > " + format_duration(target.interval) +
                   ")");
  }
  target.url = url_of(target.scheme, target.address, target.path, query_of(config, labels));
  if (auto url = net::parse_url(target.url); !url) return url.error();
  if (value_of(labels, "instance").empty()) labels.push_back({"instance", target.address});
  std::erase_if(labels, [](const Label& label) { return label.name.starts_with("__"); });
  for (const auto& label : labels) {
    if (!is_valid_utf8(label.value)) {
      return invalid("invalid label value for \"" + printable(label.name) + "\"");
    }
  }
  target.labels = Labels(std::move(labels));
  made.target = std::move(target);
  return made;
}

ScrapeTarget make_target(const model::Target& from) {
  ScrapeTarget target;
  target.labels = from.labels;
  if (!target.labels.has("job")) target.labels = target.labels.with("job", from.job);
  if (!target.labels.has("instance")) {
    target.labels = target.labels.with("instance", from.address);
  }
  std::vector<Label> all(from.labels.begin(), from.labels.end());
  all.push_back({"__address__", from.address});
  all.push_back({"__metrics_path__", from.path});
  all.push_back({"__scheme__", from.scheme});
  all.push_back({"__scrape_interval__", format_duration(from.interval)});
  all.push_back({"__scrape_timeout__", format_duration(from.timeout)});
  if (!from.labels.has("job")) all.push_back({"job", from.job});
  target.discovered = Labels(std::move(all));
  target.address = from.address;
  target.scheme = from.scheme;
  target.path = from.path;
  target.interval = from.interval;
  target.timeout = from.timeout;
  target.url = from.scheme + "://" + from.address + from.path;
  return target;
}

}  // namespace holdfast::collect
