#include "app/config_limits.h"

#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::int64_t kCountMax = 1'000'000'000;

}  // namespace

metrics::SeriesLimits read_limits(const YamlContext& context, const YamlNode& node) {
  metrics::SeriesLimits limits;
  YamlMap map(context, node, "limits");
  const auto count = [&](const char* name) {
    return static_cast<std::size_t>(map.integer(name, 0, 0, kCountMax));
  };
  limits.per_metric = count("series_per_metric");
  limits.labels_per_series = count("labels_per_series");
  limits.label_name_size = count("label_name_size");
  limits.label_value_size = count("label_value_size");
  if (const auto* inner = map.member("values_per_label")) {
    YamlMap labels(context, *inner, "values_per_label");
    for (const auto& [name, value] : inner->members) {
      const auto limit = labels.integer(name.scalar, 0, 1, kCountMax);
      limits.per_label[name.scalar] = static_cast<std::size_t>(limit);
    }
    labels.finish();
  }
  if (const auto* inner = map.member("tenant")) {
    YamlMap tenant(context, *inner, "tenant");
    limits.tenant_label = tenant.required_text("label");
    limits.per_tenant = static_cast<std::size_t>(tenant.integer("series", 0, 1, kCountMax));
    if (!tenant.has("series")) tenant.report("series", "'tenant' needs 'series', a whole number");
    tenant.finish();
  }
  map.finish();
  return limits;
}

StorageConfig read_storage(const YamlContext& context, const YamlNode& node,
                           const std::string& base_folder) {
  constexpr std::int64_t kBytesMax = std::int64_t{1} << 50;
  constexpr Duration kRetentionMax = 100 * 365 * 24h;
  StorageConfig storage;
  YamlMap map(context, node, "storage");
  storage.retention_bytes =
      static_cast<std::uint64_t>(map.integer("retention_bytes", 0, 0, kBytesMax));
  const auto retention = [&](const char* name, Duration least) -> std::optional<Duration> {
    if (!map.has(name)) return std::nullopt;
    return map.duration(name, 0s, least, kRetentionMax);
  };
  storage.retention = retention("retention", 1h);
  storage.retention_5m = map.duration("retention_5m", 0s, 0s, kRetentionMax);
  storage.retention_1h = retention("retention_1h", 0s);
  storage.out_of_order_window =
      map.duration("out_of_order_window", storage.out_of_order_window, 0s, 30 * 24h);
  if (const auto* inner = map.member("objects"))
    storage.objects = read_objects(context, *inner, base_folder);
  map.finish();
  return storage;
}

}  // namespace holdfast::app
