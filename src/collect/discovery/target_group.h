// collect/discovery/target_group.h: what a discovery finds, before relabelling.
//
// Purpose     A group is what one source (a file, a Pod, a service) contributes; a later group of the same
//             source replaces it, and one without targets takes it away.
// Errors      parse_target_groups: kInvalid, naming the group and what is wrong.
// Threads     Values.
// Source      Prometheus, file_sd_config and http_sd_config: a list of {"targets": [...], "labels": {...}}.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "model/labels.h"

namespace holdfast::collect {

inline constexpr std::string_view kAddressLabel = "__address__";

struct TargetGroup {
  std::string source;
  model::Labels labels;                // of all its targets; a target's own win
  std::vector<model::Labels> targets;  // each with __address__
  bool operator==(const TargetGroup&) const = default;
};

// JSON, or YAML (which JSON is nearly a part of), of file_sd and http_sd. Each group's source is
// `source:index`.
Result<std::vector<TargetGroup>> parse_target_groups(const std::string& source,
                                                     std::string_view text);

// A running search for targets. It hands changed groups to its handler, from any thread, one call at a
// time, never after its destruction.
class Discovery {
 public:
  using Handler = std::function<void(std::vector<TargetGroup>)>;
  virtual ~Discovery() = default;
  virtual std::string problem() const = 0;  // why the last attempt failed; empty: it did not
};

// A label name of anything: what is no letter, digit or _ becomes _.
std::string label_name_of(std::string_view text);
// "host:port", brackets around IPv6.
std::string join_host_port(std::string_view host, std::string_view port);

}  // namespace holdfast::collect
