#include "collect/receive/receive_config.h"

#include <gtest/gtest.h>

namespace holdfast::collect {
namespace {

struct Read {
  ReceiveOptions options;
  std::string findings;
};

Read read(const std::string& yaml) {
  Read out;
  std::vector<Finding> findings;
  const auto root = parse_yaml("h.yaml", yaml, findings);
  if (root) read_receive_config({"h.yaml", &findings, {}}, *root, out.options);
  for (const auto& finding : findings) out.findings += finding.text() + "\n";
  return out;
}

TEST(ReceiveConfig, GivesEveryMember) {
  const auto out = read(R"(
body_megabytes_max: 8
otlp:
  listen: 0.0.0.0:5317
  translation: NoTranslation
  promote_resource_attributes: [host.name, cloud.region]
  promote_all_resource_attributes: true
  promote_scope_metadata: true
  keep_identifying_resource_attributes: true
  explicit_to_custom_buckets: true
  delta_series_max: 5
  delta_expiry: 1h
graphite: { listen: ':2003', templates: ['servers.* .host.measurement*'], separator: _ }
pushgateway: { interval: 5s, group_count_max: 7, consistency_check: false }
)");
  EXPECT_EQ(out.findings, "");
  const auto& o = out.options;
  EXPECT_EQ(o.body_size_max, 8u << 20);
  EXPECT_EQ(o.otlp.listen, "0.0.0.0:5317");
  EXPECT_TRUE(o.otlp.listen_required);
  EXPECT_EQ(o.otlp.translation, NameTranslation::kNoTranslation);
  EXPECT_EQ(o.otlp.promote_resource_attributes,
            (std::vector<std::string>{"host.name", "cloud.region"}));
  EXPECT_TRUE(o.otlp.promote_all_resource_attributes && o.otlp.promote_scope_metadata &&
              o.otlp.keep_identifying_resource_attributes && o.otlp.explicit_to_custom_buckets);
  EXPECT_EQ(o.otlp.delta_series_max, 5u);
  EXPECT_EQ(o.otlp.delta_expiry, 1h);
  EXPECT_EQ(o.graphite.listen, ":2003");
  EXPECT_EQ(o.graphite.templates.size(), 1u);
  EXPECT_EQ(o.graphite.separator, "_");
  EXPECT_EQ(o.push.interval, 5s);
  EXPECT_EQ(o.push.group_count_max, 7u);
  EXPECT_FALSE(o.push.consistency_check);
}

TEST(ReceiveConfig, AnEmptySectionKeepsTheDefaults) {
  const auto out = read("otlp: {}\n");
  EXPECT_EQ(out.findings, "");
  EXPECT_EQ(out.options.otlp.listen, "127.0.0.1:4317");
  EXPECT_FALSE(out.options.otlp.listen_required);
  EXPECT_EQ(out.options.otlp.http_listen, "127.0.0.1:4318");
  EXPECT_FALSE(out.options.otlp.http_listen_required);
  EXPECT_EQ(out.options.graphite.listen, "");
}

TEST(ReceiveConfig, TellsEveryMistakeWithItsPlace) {
  EXPECT_EQ(read("otlp: { listen: nowhere, translation: None, delta_expiry: 0 }\n"
                 "graphite: { templates: [host], separater: x }\n"
                 "body_megabytes_max: 0\n")
                .findings,
            "h.yaml:3:21: 'body_megabytes_max' is '0'; allowed: a whole number from 1 to 1024\n"
            "h.yaml:1:17: 'listen' is 'nowhere'; allowed: host:port\n"
            "h.yaml:1:39: 'translation' is 'None'; allowed: UnderscoreEscapingWithSuffixes, "
            "UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation\n"
            "h.yaml:1:59: 'delta_expiry' is 0s; allowed: 1s to 30d\n"
            "h.yaml:2:24: graphite template: 'host' has no 'measurement'\n"
            "h.yaml:2:32: unknown member 'separater' in graphite; did you mean 'separator'?\n");
}

}  // namespace
}  // namespace holdfast::collect
