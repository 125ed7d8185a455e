#include "learn/drill/drill_plan.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace holdfast::learn {

using nlohmann::json;

namespace {

constexpr double kErrorShare = 0.5;
constexpr int kLatencyMs = 800;
// Short, because more replicas do not heal those that are slow: the remedy is seen to help when the
// fault ends.
constexpr Duration kLatencyTtl = 20s;
constexpr int kLeakMibPerSecond = 60;
constexpr double kCanaryPercent = 20;
constexpr int kCanaryReplicas = 1;

struct KindSpec {
  DrillKind kind;
  std::string_view fault;  // of the admin port
  bool all_instances;
};

const std::vector<KindSpec>& specs() {
  static const std::vector<KindSpec> kSpecs = {
      {{"process_crash", "Process crash", "One process of the service dies.",
        "The exit is seen at once, the process is started anew, the others carry the traffic "
        "meanwhile."},
       "crash",
       false},
      {{"hang", "Hang", "One process goes on running and answers nothing any more.",
        "Its live probe fails, it is taken out of rotation and restarted."},
       "hang",
       false},
      {{"error_burst", "Error burst", "Half of the answers of one process are errors.",
        "The error share of the instance raises an alert, the instance is restarted."},
       "errors",
       false},
      {{"latency", "Latency", "Every process answers 800 ms later.",
        "The 95th percentile raises an alert, replicas are added; when it is over, they go again."},
       "latency",
       true},
      {{"memory_leak", "Memory leak", "One process grows by 60 MiB each second.",
        "Its memory raises an alert, the instance is restarted before it is too late."},
       "leak",
       false},
      {{"failed_release", "Failed release",
        "Another version gets 20 % of the traffic and fails half of it.",
        "The error share of the version raises an alert, all traffic goes back to the stable one."},
       "errors",
       false},
  };
  return kSpecs;
}

const KindSpec* find_spec(std::string_view name) {
  const auto at =
      std::ranges::find_if(specs(), [&](const KindSpec& spec) { return spec.kind.name == name; });
  return at == specs().end() ? nullptr : &*at;
}

std::string order_of(const KindSpec& spec, const DrillOptions& options) {
  json order{{"kind", spec.fault}};
  auto ttl = options.fault_ttl;
  if (spec.fault == "errors") order["share"] = kErrorShare;
  if (spec.fault == "leak") order["rate_mib"] = kLeakMibPerSecond;
  if (spec.fault == "latency") {
    order["latency_ms"] = kLatencyMs;
    ttl = std::min(ttl, kLatencyTtl);
  }
  order["ttl_s"] = std::max<std::int64_t>(1, to_ms(ttl) / 1000);
  return order.dump();
}

Error conflict(std::string why) { return {Code::kConflict, std::move(why)}; }

const act::WantedVersion* group_of(const std::vector<act::WantedVersion>& wanted,
                                   std::string_view group) {
  const auto at = std::ranges::find(wanted, group, &act::WantedVersion::group);
  return at == wanted.end() ? nullptr : &*at;
}

Result<void> plan_release(const model::Service& service, const std::string& stable,
                          DrillPlan& plan) {
  for (const auto& version : service.platform.versions) {
    if (version.name == stable || version.base_admin_port == 0) continue;
    plan.canary = plan.target = version.name;
    plan.canary_replicas = kCanaryReplicas;
    plan.canary_percent = kCanaryPercent;
    plan.undo.stop_canary = true;
    for (int i = 0; i < kCanaryReplicas; ++i) {
      plan.undo.admin.push_back("127.0.0.1:" + std::to_string(version.base_admin_port + i));
    }
    return {};
  }
  return conflict("service " + service.name +
                  " has no other version with an admin port to release");
}

}  // namespace

const std::vector<DrillKind>& drill_kinds() {
  static const std::vector<DrillKind> kKinds = [] {
    std::vector<DrillKind> kinds;
    for (const auto& spec : specs()) kinds.push_back(spec.kind);
    return kinds;
  }();
  return kKinds;
}

Result<const model::Service*> find_drillable(const std::vector<model::Service>& services,
                                             const std::string& name) {
  std::vector<std::string> allowed;
  for (const auto& service : services) {
    if (service.platform.kind != "process" || service.supervised_only) continue;
    if (name.empty() || service.name == name) return &service;
    allowed.push_back(service.name);
  }
  if (allowed.empty()) return not_found("no service is run by Holdfast, so none can be drilled");
  return not_found("no service '" + printable(name) + "' that can be drilled: one of " +
                   join(allowed, ", "));
}

Result<DrillPlan> plan_drill(const std::string& kind, const model::Service& service,
                             const std::vector<model::Instance>& instances,
                             const std::vector<act::WantedVersion>& wanted,
                             const DrillOptions& options) {
  const auto* spec = find_spec(kind);
  if (spec == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : specs()) names.push_back(known.kind.name);
    return not_found("no drill '" + printable(kind) + "': one of " + join(names, ", "));
  }
  const auto* stable = group_of(wanted, "stable");
  if (stable == nullptr) return conflict("service " + service.name + " does not run");
  if (group_of(wanted, "canary") != nullptr)
    return conflict("a release of " + service.name + " is under way");
  DrillPlan plan;
  plan.order = order_of(*spec, options);
  plan.ends_process = spec->fault == "crash";
  plan.undo.version = stable->version;
  plan.undo.replicas = stable->replicas;
  std::vector<std::string> targets;
  bool any_ready = false;
  for (const auto& instance : instances) {
    if (instance.version != stable->version || instance.state != model::InstanceState::kReady)
      continue;
    any_ready = true;
    if (instance.admin_address.empty()) continue;
    plan.undo.admin.push_back(instance.admin_address);
    if (!targets.empty() && !spec->all_instances) continue;
    targets.push_back(instance.id);
    plan.addresses.push_back(instance.admin_address);
  }
  if (!any_ready) return conflict("no instance of " + service.name + " is ready");
  if (targets.empty())
    return conflict("the instances of " + service.name +
                    " have no admin port to be broken through");
  plan.target = join(targets, ", ");
  if (kind == "failed_release") {
    plan.addresses.clear();
    HF_TRY(plan_release(service, stable->version, plan));
  }
  return plan;
}

// ---- the record

std::string dump_record(const DrillRecord& record) {
  json body = record.drill;
  body["undo"] = {{"admin", record.undo.admin},
                  {"stop_canary", record.undo.stop_canary},
                  {"version", record.undo.version},
                  {"replicas", record.undo.replicas}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<DrillRecord> parse_record(std::string_view text) {
  DrillRecord record;
  record.drill = HF_TRY(parse_json<model::Drill>(text));
  const auto body = json::parse(text, nullptr, false);
  const auto at = body.find("undo");
  if (at == body.end() || !at->is_object()) return invalid("member undo: must be an object");
  const auto& undo = *at;
  if (!undo.contains("admin") || !undo["admin"].is_array())
    return invalid("member undo.admin: must be an array");
  for (const auto& address : undo["admin"]) {
    if (!address.is_string()) return invalid("member undo.admin: must hold strings");
    record.undo.admin.push_back(address.get<std::string>());
  }
  if (!undo.contains("stop_canary") || !undo["stop_canary"].is_boolean())
    return invalid("member undo.stop_canary: must be true or false");
  if (!undo.contains("version") || !undo["version"].is_string())
    return invalid("member undo.version: must be a string");
  if (!undo.contains("replicas") || !undo["replicas"].is_number_integer())
    return invalid("member undo.replicas: must be a whole number");
  record.undo.stop_canary = undo["stop_canary"].get<bool>();
  record.undo.version = undo["version"].get<std::string>();
  record.undo.replicas = undo["replicas"].get<int>();
  return record;
}

// ---- the verdict

bool has_ended(const model::Drill& drill) {
  return drill.state == "passed" || drill.state == "failed" || drill.state == "aborted";
}

void judge_drill(model::Drill& drill, const std::string& trouble, Duration deadline) {
  const auto from = drill.injected_at.value_or(drill.started_at);
  std::vector<std::string> done, missing;
  const auto step = [&](const char* name, const std::optional<WallTime>& at) {
    if (at)
      done.push_back(std::string(name) + " after " +
                     format_duration(std::max(Duration::zero(), Duration(*at - from))));
    else
      missing.push_back(name);
  };
  step("detected", drill.detected_at);
  step("taken charge of", drill.acknowledged_at);
  step("repaired", drill.repaired_at);
  step("closed", drill.closed_at);
  step("put back", drill.restored_at);
  const bool is_late = drill.restored_at && *drill.restored_at - drill.started_at > deadline;
  // A repair that nobody had to take charge of is a repair.
  const bool is_whole =
      drill.detected_at && drill.repaired_at && drill.closed_at && drill.restored_at;
  drill.state = is_whole && !is_late && trouble.empty() ? "passed" : "failed";
  std::string text = trouble;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (!done.empty()) add(join(done, ", "));
  if (drill.state == "failed" && !missing.empty()) add("not " + join(missing, ", not "));
  if (is_late) add("later than the " + format_duration(deadline) + " allowed");
  if (drill.requests > 0)
    add(std::to_string(drill.requests_lost) + " of " + std::to_string(drill.requests) +
        " requests lost");
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  drill.verdict = text + ".";
}

}  // namespace holdfast::learn
