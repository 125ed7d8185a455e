#include "model/alert.h"

#include "model/json_members.h"

namespace holdfast::model {
namespace {

using json_members::put;
using json_members::take;
using nlohmann::json;

constexpr std::string_view kAlertStates[] = {"pending", "firing", "resolved"};

constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

void fnv_add(std::uint64_t& sum, std::string_view bytes) {
  for (const char c : bytes) {
    sum ^= static_cast<std::uint8_t>(c);
    sum *= kFnvPrime;
  }
}

}  // namespace

std::string_view alert_state_name(AlertState state) {
  return kAlertStates[static_cast<std::size_t>(state)];
}

std::string Alert::fingerprint() const {
  std::uint64_t sum = kFnvOffset;
  for (const auto& label : labels) {
    fnv_add(sum, label.name);
    fnv_add(sum, "\xff");
    fnv_add(sum, label.value);
    fnv_add(sum, "\xff");
  }
  std::string hex(16, '0');
  for (int i = 15; i >= 0; --i, sum >>= 4) {
    hex[static_cast<std::size_t>(i)] = "0123456789abcdef"[sum & 15];
  }
  return hex;
}

void to_json(json& j, const Labels& v) {
  j = json::object();
  for (const auto& label : v) j[label.name] = label.value;
}

void from_json(const json& j, Labels& v) {
  json_members::must_be_object(j);
  std::vector<Label> labels;
  for (const auto& [name, value] : j.items()) {
    labels.push_back({name, ""});
    take(j, name.c_str(), labels.back().value);
  }
  v = Labels(std::move(labels));
}

void to_json(json& j, const Evidence& v) {
  j = json::object();
  put(j, "query", v.query);
  put(j, "value", v.value);
  put(j, "threshold", v.threshold);
  put(j, "window", v.window);
  put(j, "source", v.source);
  put(j, "otherwise", v.otherwise);
}

void from_json(const json& j, Evidence& v) {
  json_members::must_be_object(j);
  take(j, "query", v.query);
  take(j, "value", v.value);
  take(j, "threshold", v.threshold);
  take(j, "window", v.window);
  take(j, "source", v.source);
  take(j, "otherwise", v.otherwise);
}

void to_json(json& j, const Alert& v) {
  j = json::object();
  put(j, "labels", v.labels);
  put(j, "annotations", v.annotations);
  put(j, "state", alert_state_name(v.state));
  put(j, "active_at", v.active_at);
  put(j, "fired_at", v.fired_at);
  put(j, "resolved_at", v.resolved_at);
  put(j, "value", v.value);
  put(j, "evidence", v.evidence);
}

void from_json(const json& j, Alert& v) {
  json_members::must_be_object(j);
  take(j, "labels", v.labels);
  take(j, "annotations", v.annotations);
  json_members::take_enum(j, "state", v.state, kAlertStates);
  take(j, "active_at", v.active_at);
  take(j, "fired_at", v.fired_at);
  take(j, "resolved_at", v.resolved_at);
  take(j, "value", v.value);
  take(j, "evidence", v.evidence);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::Labels);
HF_MODEL_JSON(holdfast::model::Evidence);
HF_MODEL_JSON(holdfast::model::Alert);
