#include "respond/intake/pagerduty.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "respond/send/limits.h"

namespace holdfast::respond::intake {
namespace {

using nlohmann::json;

constexpr std::size_t kEventSizeMax = 512 * 1024;
constexpr std::size_t kRoutingKeySize = 32;
constexpr std::size_t kDedupKeySizeMax = 255;
constexpr std::size_t kSummarySizeMax = 1024;
constexpr std::size_t kDetailSizeMax = 2000;  // of one detail as an annotation
constexpr std::size_t kDetailCountMax = 32;

// Members of an object, with PagerDuty's words for what is wrong.
class Form {
 public:
  Form(const json& object, std::string prefix, std::vector<std::string>& errors)
      : object_(object), prefix_(std::move(prefix)), errors_(errors) {}

  std::string text(const char* name, bool required, std::size_t size_max = kEventSizeMax) {
    const auto it = object_.find(name);
    const bool absent = it == object_.end() || it->is_null();
    if (absent || (required && it->is_string() && it->get_ref<const std::string&>().empty())) {
      if (required) errors_.push_back("'" + prefix_ + name + "' is missing or blank");
      return {};
    }
    if (!it->is_string()) {
      errors_.push_back("'" + prefix_ + name + "' is invalid (must be a string)");
      return {};
    }
    auto value = it->get<std::string>();
    if (value.size() > size_max)
      errors_.push_back("Length of '" + prefix_ + name + "' is incorrect (should be at most " +
                        std::to_string(size_max) + " characters)");
    return value;
  }

  std::optional<WallTime> time(const char* name) {
    const auto value = text(name, false);
    if (value.empty()) return std::nullopt;
    auto at = value.find('T') == std::string::npos ? Result<WallTime>(invalid("")) : parse_time(value);
    if (at) return *at;
    errors_.push_back("'" + prefix_ + name + "' is invalid (must be ISO 8601)");
    return std::nullopt;
  }

 private:
  const json& object_;
  std::string prefix_;
  std::vector<std::string>& errors_;
};

std::string read_routing_key(Form& form, std::vector<std::string>& errors) {
  auto key = form.text("routing_key", true);
  if (!key.empty() && key.size() != kRoutingKeySize)
    errors.push_back("Length of 'routing_key' is incorrect (should be 32 characters)");
  return key;
}

bool parse_object(std::string_view body, json& object, std::vector<std::string>& errors) {
  if (body.size() > kEventSizeMax) {
    errors.push_back("Event exceeds the maximum size of 512 KB");
    return false;
  }
  object = json::parse(body, nullptr, false);
  if (object.is_object()) return true;
  errors.push_back("Body is not a JSON object");
  return false;
}

std::string shown(const json& value) {
  auto text = value.is_string() ? value.get<std::string>()
                                : value.dump(-1, ' ', false, json::error_handler_t::replace);
  return send::cut_bytes(text, kDetailSizeMax);
}

// Names of details become annotation names: letters, digits and _.
std::string annotation_name(std::string_view name) {
  std::string good;
  for (const char c : name)
    good += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (good.empty() || std::isdigit(static_cast<unsigned char>(good.front())) != 0) good.insert(0, "_");
  return good;
}

void add_payload(const json& payload, InboundEvent& event, std::vector<std::string>& errors) {
  Form form(payload, "payload.", errors);
  event.summary = form.text("summary", true, kSummarySizeMax);
  event.severity = form.text("severity", true);
  static constexpr std::string_view kSeverities[] = {"critical", "error", "warning", "info"};
  if (!event.severity.empty() &&
      std::find(std::begin(kSeverities), std::end(kSeverities), event.severity) == std::end(kSeverities))
    errors.push_back("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')");
  event.at = form.time("timestamp");
  std::vector<model::Label> labels;
  const auto label = [&](const char* name, bool required) {
    if (auto value = form.text(name, required); !value.empty()) labels.push_back({name, std::move(value)});
  };
  label("source", true);
  label("component", false);
  label("group", false);
  label("class", false);
  event.labels = model::Labels(std::move(labels));
  const auto details = payload.find("custom_details");
  if (details == payload.end() || details->is_null()) return;
  std::vector<model::Label> annotations;
  if (details->is_object()) {
    for (const auto& [name, value] : details->items()) {
      if (annotations.size() == kDetailCountMax) break;
      annotations.push_back({annotation_name(name), shown(value)});
    }
  } else {
    annotations.push_back({"custom_details", shown(*details)});
  }
  event.annotations = model::Labels(std::move(annotations));
}

void check_links(const json& object, std::vector<std::string>& errors, std::string& url) {
  const auto check = [&](const char* list_name, const char* member, bool https) {
    const auto list = object.find(list_name);
    if (list == object.end() || list->is_null()) return;
    if (!list->is_array()) {
      errors.push_back("'" + std::string(list_name) + "' is invalid (must be an array)");
      return;
    }
    for (const auto& one : *list) {
      const auto value = one.is_object() && one.contains(member) && one[member].is_string()
                             ? one[member].get<std::string>()
                             : std::string();
      if (value.empty() || (https && !value.starts_with("https://")))
        errors.push_back("'" + std::string(list_name) + "." + member + "' is " +
                         (value.empty() ? "missing or blank" : "invalid (must use https)"));
      else if (!https && url.empty())
        url = value;
    }
  };
  check("images", "src", true);
  check("links", "href", false);
}

}  // namespace

std::variant<InboundProblem, PagerdutyEvent> parse_pagerduty_event(std::string_view body) {
  InboundProblem problem;
  json object;
  if (!parse_object(body, object, problem.errors)) return problem;
  Form form(object, "", problem.errors);
  PagerdutyEvent parsed;
  auto& event = parsed.event;
  parsed.routing_key = read_routing_key(form, problem.errors);
  const auto action = form.text("event_action", true);
  if (action == "acknowledge")
    event.action = InboundAction::kAcknowledge;
  else if (action == "resolve")
    event.action = InboundAction::kResolve;
  else if (!action.empty() && action != "trigger")
    problem.errors.push_back("'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')");
  const bool trigger = event.action == InboundAction::kTrigger;
  event.key = form.text("dedup_key", !trigger, kDedupKeySizeMax);
  check_links(object, problem.errors, event.url);
  if (event.url.empty()) event.url = form.text("client_url", false);
  event.by = form.text("client", false);
  const auto payload = object.find("payload");
  if (payload != object.end() && payload->is_object()) {
    if (trigger) add_payload(*payload, event, problem.errors);
  } else if (trigger) {
    problem.errors.push_back("'payload' is missing or blank");
  }
  if (!problem.errors.empty()) return problem;
  return parsed;
}

std::variant<InboundProblem, PagerdutyChange> parse_pagerduty_change(std::string_view body) {
  InboundProblem problem;
  json object;
  if (!parse_object(body, object, problem.errors)) return problem;
  Form form(object, "", problem.errors);
  PagerdutyChange parsed;
  auto& change = parsed.change;
  parsed.routing_key = read_routing_key(form, problem.errors);
  change.kind = "change";
  change.source = "pagerduty";
  check_links(object, problem.errors, change.url);
  const auto payload = object.find("payload");
  if (payload == object.end() || !payload->is_object()) {
    problem.errors.push_back("'payload' is missing or blank");
    return problem;
  }
  Form inner(*payload, "payload.", problem.errors);
  change.summary = inner.text("summary", true, kSummarySizeMax);
  change.actor = inner.text("source", false);
  change.at = inner.time("timestamp").value_or(WallTime{});
  if (const auto details = payload->find("custom_details"); details != payload->end() && details->is_object()) {
    for (const char* name : {"version", "build", "commit", "tag"}) {
      if (const auto it = details->find(name); it != details->end() && change.version.empty())
        change.version = shown(*it);
    }
  }
  if (!problem.errors.empty()) return problem;
  return parsed;
}

}  // namespace holdfast::respond::intake
