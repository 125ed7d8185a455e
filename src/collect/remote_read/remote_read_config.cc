#include "collect/remote_read/remote_read_config.h"

#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "model/labels.h"

namespace holdfast::collect {
namespace {

// These belong to the protocol and are set by it.
bool is_reserved(std::string_view name) {
  for (const char* reserved :
       {"accept-encoding", "content-encoding", "content-length", "content-type", "host",
        "user-agent", "x-prometheus-remote-read-version"}) {
    if (equals_ignoring_case(name, reserved)) return true;
  }
  return false;
}

RemoteReadConfig read_one(const YamlContext& context, const YamlNode& node,
                          const std::string& folder) {
  RemoteReadConfig out;
  YamlMap map(context, node, "remote_read");
  out.url = map.required_text("url");
  if (auto url = net::parse_url(out.url); !out.url.empty() && !url)
    map.report("url", "'url': " + url.error().message());
  out.name = map.text("name");
  if (out.name.empty()) out.name = sha256_hex(out.url).substr(0, 6);
  out.timeout = map.duration("remote_timeout", out.timeout, 1ms);
  for (auto& [name, value] : map.text_map("headers")) {
    if (is_reserved(name))
      map.report("headers", name + " is a reserved header. It must not be changed");
    else
      out.headers.emplace_back(name, value);
  }
  for (auto& [name, value] : map.text_map("required_matchers")) {
    if (!model::is_label_name(name))
      map.report("required_matchers", "'" + printable(name) + "' is no label name");
    out.required_matchers[name] = value;
  }
  out.read_recent = map.boolean("read_recent", false);
  out.filter_external_labels = map.boolean("filter_external_labels", true);
  // Bounds the memory of one frame in Prometheus; frames are read whole here.
  map.integer("chunked_read_limit", 0, 0, std::int64_t{1} << 40);
  for (const char* signing : {"sigv4", "azuread", "google_iam"}) {
    if (map.has(signing))
      map.report(signing, std::string("'") + signing +
                              "' is not spoken here; use basic_auth, authorization or oauth2");
  }
  out.http = read_http_settings(context, map, folder);
  map.finish();
  return out;
}

}  // namespace

std::vector<RemoteReadConfig> read_remote_read(const YamlContext& context, const YamlNode& node,
                                               const std::string& folder) {
  std::vector<RemoteReadConfig> all;
  if (node.kind != YamlNode::Kind::kSequence) {
    if (node.kind != YamlNode::Kind::kNull)
      context.report(node, "'remote_read' must be a list of mappings");
    return all;
  }
  std::set<std::string> names;
  for (const auto& item : node.items) {
    all.push_back(read_one(context, item, folder));
    if (!names.insert(all.back().name).second)
      context.report(item, "found multiple remote read configs with job name \"" +
                               printable(all.back().name) + "\"");
  }
  return all;
}

}  // namespace holdfast::collect
