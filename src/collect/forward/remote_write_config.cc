#include "collect/forward/remote_write_config.h"

#include <set>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::collect {
namespace {

constexpr std::int64_t kCountMax = 10'000'000;

std::size_t count(YamlMap& map, const char* name, std::size_t fallback) {
  return static_cast<std::size_t>(
      map.integer(name, static_cast<std::int64_t>(fallback), 1, kCountMax));
}

SendQueueConfig read_queue(const YamlContext& context, const YamlNode& node) {
  SendQueueConfig out;
  YamlMap map(context, node, "queue_config");
  out.capacity = count(map, "capacity", out.capacity);
  out.shards_max = static_cast<int>(map.integer("max_shards", out.shards_max, 1, 1000));
  out.shards_min = static_cast<int>(map.integer("min_shards", out.shards_min, 1, 1000));
  out.samples_per_send_max = count(map, "max_samples_per_send", out.samples_per_send_max);
  out.batch_deadline = map.duration("batch_send_deadline", out.batch_deadline, 1ms);
  out.backoff_min = map.duration("min_backoff", out.backoff_min, 1ms);
  out.backoff_max = map.duration("max_backoff", out.backoff_max, 1ms);
  out.retry_on_429 = map.boolean("retry_on_http_429", out.retry_on_429);
  out.age_limit = map.duration("sample_age_limit", out.age_limit);
  if (out.shards_min > out.shards_max)
    map.report("min_shards", "'min_shards' is more than 'max_shards'");
  if (out.backoff_min > out.backoff_max)
    map.report("min_backoff", "'min_backoff' is more than 'max_backoff'");
  map.finish();
  return out;
}

SendMetadataConfig read_metadata(const YamlContext& context, const YamlNode& node) {
  SendMetadataConfig out;
  YamlMap map(context, node, "metadata_config");
  out.send = map.boolean("send", out.send);
  out.interval = map.duration("send_interval", out.interval, 1s);
  out.count_per_send_max = count(map, "max_samples_per_send", out.count_per_send_max);
  map.finish();
  return out;
}

// These belong to the protocol and are set by it.
bool is_reserved(std::string_view name) {
  for (const char* reserved : {"content-encoding", "content-length", "content-type", "host",
                               "user-agent", "x-prometheus-remote-write-version"}) {
    if (equals_ignoring_case(name, reserved)) return true;
  }
  return false;
}

RemoteWriteConfig read_one(const YamlContext& context, const YamlNode& node,
                           const std::string& folder) {
  RemoteWriteConfig out;
  YamlMap map(context, node, "remote_write");
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
  out.relabel = model::read_relabel_rules(context, map.list("write_relabel_configs"));
  out.send_exemplars = map.boolean("send_exemplars", false);
  out.send_native_histograms = map.boolean("send_native_histograms", false);
  map.boolean("round_robin_dns", false);  // every address is tried in turn either way
  const auto message = map.word("protobuf_message", "prometheus.WriteRequest",
                                {"prometheus.WriteRequest", "io.prometheus.write.v2.Request"});
  out.version = message == "prometheus.WriteRequest" ? 1 : 2;
  if (const auto* queue = map.member("queue_config")) out.queue = read_queue(context, *queue);
  if (const auto* metadata = map.member("metadata_config"))
    out.metadata = read_metadata(context, *metadata);
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

std::vector<RemoteWriteConfig> read_remote_write(const YamlContext& context, const YamlNode& node,
                                                 const std::string& folder) {
  std::vector<RemoteWriteConfig> all;
  if (node.kind != YamlNode::Kind::kSequence) {
    if (node.kind != YamlNode::Kind::kNull)
      context.report(node, "'remote_write' must be a list of mappings");
    return all;
  }
  std::set<std::string> names;
  for (const auto& item : node.items) {
    all.push_back(read_one(context, item, folder));
    if (!names.insert(all.back().name).second)
      context.report(item, "found multiple remote write configs with job name \"" +
                               printable(all.back().name) + "\"");
  }
  return all;
}

}  // namespace holdfast::collect
