// collect/receive/push_groups.h: what batch jobs pushed, group by group, as the Pushgateway keeps it.
//
// Purpose     A group is named by its labels, `job` among them. PUT replaces all of a group, POST the metric
//             families it names, DELETE forgets it. Each group also tells when its last push succeeded and
//             failed: push_time_seconds, push_failure_time_seconds.
// Invariants  No series stands twice, no family has two types, over all groups: a push that would break that
//             is refused and changes nothing but the failure time.
// Units       Milliseconds since the Unix epoch; the two metrics are seconds.
// Threads     Values; the owner guards them.
// Errors      kInvalid with the Pushgateway's reason; kExhausted over the limit of groups.
// Source      github.com/prometheus/pushgateway, README and behaviour of 1.5.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collect/receive/batch.h"

namespace holdfast::collect {

// Unlike model::Labels it tells an empty value from an absent label, as the Pushgateway does.
using PushGroupKey = std::map<std::string, std::string>;

// From the path behind /metrics: "/job/<job>{/<label>/<value>}", still percent-encoded. A name that ends
// with "@base64" has its value in base64 with the alphabet for URLs, padding optional.
Result<PushGroupKey> push_group_of(std::string_view encoded_path);

// The labels of a series in a group; those of the group win.
model::Labels with_group(const PushGroupKey& group, std::vector<model::Label> labels);

struct PushedSample {
  model::Labels labels;  // with those of the group
  double value = 0;
  model::HistogramPtr histogram;
};

struct PushedFamily {
  std::string type = "unknown";
  std::string help;
  model::Timestamp pushed = 0;
  bool timed = false;  // a sample had a time of its own, which no push may have
  std::vector<PushedSample> samples;
};
using PushedFamilies = std::map<std::string, PushedFamily>;

// The body of a push in the text format, or protobuf by its content type. Labels of the group win.
Result<PushedFamilies> read_push(std::string_view body, std::string_view content_type,
                                 const PushGroupKey& group);

class PushGroups {
 public:
  struct Options {
    std::size_t group_count_max = 10'000;
    bool check = true;
  };
  explicit PushGroups(Options options) : options_(options) {}

  Result<void> push(const PushGroupKey& key, PushedFamilies families, bool replace,
                    model::Timestamp now);
  void remove(const PushGroupKey& key);
  void clear();
  std::size_t size() const { return groups_.size(); }

  // Every sample of every group with the time given, the two push times among them.
  Batch samples(model::Timestamp t) const;
  // In the text format, as GET /metrics of a Pushgateway.
  std::string exposition() const;
  // The data of /api/v1/metrics.
  nlohmann::json listing() const;

  // What is kept over a restart, and back.
  std::string save() const;
  Result<void> load(std::string_view text);

 private:
  struct Group {
    PushedFamilies families;
    model::Timestamp pushed = 0;  // 0: never
    model::Timestamp failed = 0;
  };
  Result<void> check(const PushGroupKey& key, const PushedFamilies& merged) const;
  Result<Group*> group(const PushGroupKey& key);
  PushedFamilies with_times(const PushGroupKey& key, const Group& group) const;
  void index(const PushGroupKey& key, const Group& group, bool add);

  Options options_;
  std::map<PushGroupKey, Group> groups_;
  std::unordered_map<model::Labels, const PushGroupKey*> owners_;  // by series
};

}  // namespace holdfast::collect
