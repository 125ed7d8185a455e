#include "collect/scrape/scrape_config.h"

#include <gmock/gmock.h>

#include "job_fixture.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

TEST(ScrapeConfigFile, ReadsEveryMemberThatPrometheusKnows) {
  const auto read = read_jobs(R"(
- job_name: all
  scrape_interval: 5s
  scrape_timeout: 3s
  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]
  fallback_scrape_protocol: PrometheusText0.0.4
  always_scrape_classic_histograms: true
  convert_classic_histograms_to_nhcb: false
  scrape_native_histograms: true
  metrics_path: /m
  honor_labels: true
  honor_timestamps: false
  track_timestamps_staleness: true
  scheme: https
  params: {a: [b, c]}
  enable_compression: false
  enable_http2: false
  follow_redirects: false
  basic_auth: {username: u, password_file: secrets/p}
  tls_config: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: s, insecure_skip_verify: true, min_version: TLS13}
  proxy_url: http://proxy:3128
  no_proxy: 10.0.0.0/8
  proxy_connect_header: {X-A: [b]}
  http_headers: {X-B: {values: [c], files: [f]}}
  body_size_limit: 10MB
  sample_limit: 1
  label_limit: 2
  label_name_length_limit: 3
  label_value_length_limit: 4
  target_limit: 5
  keep_dropped_targets: 6
  native_histogram_bucket_limit: 7
  native_histogram_min_bucket_factor: 1.1
  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: dots
  extra_scrape_metrics: true
  scrape_failure_log_file: f
  static_configs: [{targets: ['a:1'], labels: {x: y}}]
  file_sd_configs: [{files: ['t/*.json'], refresh_interval: 1m}]
  http_sd_configs: [{url: 'http://x/sd', authorization: {credentials: t}}]
  dns_sd_configs: [{names: [a.example], type: a, port: 9}]
  kubernetes_sd_configs: [{role: pod, api_server: 'https://k:6443', namespaces: {own_namespace: true, names: [n]}, selectors: [{role: pod, label: 'a=b', field: c}], attach_metadata: {node: true}, bearer_token_file: tok}]
  docker_sd_configs: [{host: 'unix:///var/run/docker.sock', port: 81, host_networking_host: h, match_first_network: false, filters: [{name: name, values: [x]}]}]
  consul_sd_configs: [{server: 'c:8500', token: t, datacenter: d, namespace: n, partition: p, tag_separator: ';', services: [s], tags: [a], node_meta: {k: v}, allow_stale: false, path_prefix: /p, filter: f}]
  relabel_configs: [{source_labels: [a], target_label: b}]
  metric_relabel_configs: [{action: labeldrop, regex: x}]
)");
  ASSERT_EQ(read.findings, "");
  ASSERT_EQ(read.jobs.size(), 1u);
  const auto& job = read.jobs[0];
  EXPECT_EQ(job.interval, 5s);
  EXPECT_EQ(job.timeout, 3s);
  EXPECT_EQ(job.body_size_limit, 10u * 1024 * 1024);
  EXPECT_EQ(job.http.basic_auth->password.file, "/etc/p/secrets/p");
  EXPECT_EQ(job.http.tls.ca_file, "/etc/p/ca.pem");
  EXPECT_FALSE(job.http.tls.verify);
  EXPECT_EQ(job.http.proxy.no_proxy, "10.0.0.0/8");
  EXPECT_EQ(job.discoveries.found.size(), 6u);
  const auto& kubernetes = std::get<KubernetesSd>(job.discoveries.found[3]);
  EXPECT_TRUE(kubernetes.attach_node);
  EXPECT_EQ(kubernetes.http.authorization->credentials.file, "/etc/p/tok");
}

TEST(ScrapeConfigFile, DefaultsComeFromGlobal) {
  const auto read = read_jobs("- {job_name: a}\n- {job_name: b, scrape_interval: 2s}\n",
                              "{scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 9}");
  ASSERT_EQ(read.findings, "");
  EXPECT_EQ(read.jobs[0].interval, 30s);
  EXPECT_EQ(read.jobs[0].timeout, 20s);
  EXPECT_EQ(read.jobs[0].sample_limit, 9u);
  EXPECT_EQ(read.jobs[1].timeout, 2s) << "never longer than the interval";
}

TEST(ScrapeConfigFile, NamesWhatIsWrongAndWhere) {
  const struct {
    std::string yaml, want;
  } cases[] = {
      {"- {}", "scrape config needs 'job_name'"},
      {"- {job_name: a}\n- {job_name: a}",
       "p.yml:2:14: found multiple scrape configs with job name \"a\""},
      {"- {job_name: a, scrap_interval: 1s}",
       "p.yml:1:17: unknown member 'scrap_interval' in scrape config; did you mean "
       "'scrape_interval'?"},
      {"- {job_name: a, zzzzzzz: 1}", "allowed: always_scrape_classic_histograms, "},
      {"- {job_name: a, ec2_sd_configs: [{}]}",
       "p.yml:1:17: service discovery 'ec2_sd_configs' is not provided; allowed: static_configs, "
       "file_sd_configs"},
      {"- {job_name: a, scrape_protocols: [X]}",
       "unknown scrape protocol 'X'; allowed: PrometheusProto"},
      {"- {job_name: a, body_size_limit: many}", "is no size; allowed: a number with B, KB"},
      {"- {job_name: a, bearer_token: t, basic_auth: {username: u}}",
       "at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be "
       "configured"},
      {"- {job_name: a, http_headers: {Host: {values: [x]}}}",
       "setting header \"Host\" is not allowed"},
      {"- {job_name: a, kubernetes_sd_configs: [{role: pods}]}",
       "unknown Kubernetes SD role 'pods'; allowed: node, service, pod"},
      {"- {job_name: a, dns_sd_configs: [{names: [x], type: A}]}",
       "a port is required in DNS-SD configs for all record types except SRV"},
      {"- {job_name: a, file_sd_configs: [{files: ['x.txt']}]}",
       "path name \"x.txt\" is not valid for file discovery"},
      {"- {job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}",
       "requires non-zero modulus"},
      {"- {job_name: a, tls_config: {cert_file: c}}",
       "exactly one of key or key_file must be configured"},
      {"- {job_name: a, static_configs: [{targets: ['http://a:1/x']}]}",
       "\"http://a:1/x\" is not a valid hostname"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(read_jobs(test.yaml).findings, HasSubstr(test.want)) << test.yaml;
  }
}

TEST(Sizes, ArePowersOf1024) {
  EXPECT_EQ(*parse_size("100"), 100u);
  EXPECT_EQ(*parse_size("1KB"), 1024u);
  EXPECT_EQ(*parse_size("1.5GiB"), 1610612736u);
  for (const auto* bad : {"", "KB", "1XB", "-1B", "1 KB"}) EXPECT_FALSE(parse_size(bad)) << bad;
}

}  // namespace
}  // namespace holdfast::collect
