#include "respond/intake/webhook.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/route/notification.h"
#include "respond/send/limits.h"

namespace holdfast::respond::intake {
namespace {

using nlohmann::json;

constexpr std::size_t kEventCountMax = 1000;
constexpr std::size_t kPlaceCountMax = 1000;
constexpr std::size_t kValueSizeMax = 10'000;

InboundProblem problem(std::string text) {
  return {{std::move(text)}};
}

const json* find(const json& body, std::string_view path) {
  const json* at = &body;
  for (const auto step : split(path, '.')) {
    if (at->is_object()) {
      const auto it = at->find(std::string(step));
      if (it == at->end()) return nullptr;
      at = &*it;
    } else if (at->is_array()) {
      const auto index = parse_int(step);
      if (!index || *index < 0 || static_cast<std::size_t>(*index) >= at->size()) return nullptr;
      at = &(*at)[static_cast<std::size_t>(*index)];
    } else {
      return nullptr;
    }
  }
  return at;
}

std::string text_of(const json* value) {
  if (value == nullptr || value->is_null()) return {};
  return send::cut_bytes(value->is_string() ? value->get<std::string>()
                                            : value->dump(-1, ' ', false, json::error_handler_t::replace),
                         kValueSizeMax);
}

// The item an event is made of, and the body around it.
struct Scope {
  const json& item;
  const json& body;

  std::string value(std::string_view path) const {
    const auto* found = find(item, path);
    return text_of(found != nullptr ? found : find(body, path));
  }
};

// Calls with each literal piece and each place of a text, in order.
template <typename Literal, typename Place>
Result<void> walk(std::string_view text, Literal literal, Place place) {
  std::size_t places = 0;
  while (!text.empty()) {
    const auto brace = text.find('{');
    literal(text.substr(0, brace));
    if (brace == std::string_view::npos) return {};
    text.remove_prefix(brace + 1);
    if (text.starts_with('{')) {
      literal("{");
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (end == std::string_view::npos) return invalid("a brace is not closed; write {{ for a brace");
    if (trim(text.substr(0, end)).empty()) return invalid("{} names no place");
    if (++places > kPlaceCountMax) return invalid("more than 1000 places");
    place(trim(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  return {};
}

std::string filled(std::string_view text, const Scope& scope) {
  std::string out;
  (void)walk(
      text, [&](std::string_view piece) { out += piece; },
      [&](std::string_view path) { out += scope.value(path); });
  return out;
}

bool holds(const std::vector<std::string>& words, std::string_view value) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return equals_ignoring_case(word, value); });
}

InboundAction action_of(const Mapping& mapping, const Scope& scope) {
  const auto status = mapping.status.empty() ? std::string() : scope.value(mapping.status);
  if (holds(mapping.resolved, status)) return InboundAction::kResolve;
  if (holds(mapping.acknowledged, status)) return InboundAction::kAcknowledge;
  return InboundAction::kTrigger;
}

model::Labels filled_labels(const std::map<std::string, std::string>& texts, const Scope& scope) {
  std::vector<model::Label> labels;
  for (const auto& [name, text] : texts) {
    if (auto value = filled(text, scope); !value.empty()) labels.push_back({name, std::move(value)});
  }
  return model::Labels(std::move(labels));
}

InboundEvent mapped(const Mapping& mapping, const Scope& scope) {
  InboundEvent event;
  event.action = action_of(mapping, scope);
  event.name = filled(mapping.name, scope);
  event.summary = filled(mapping.summary, scope);
  event.severity = filled(mapping.severity, scope);
  event.url = filled(mapping.url, scope);
  event.by = filled(mapping.by, scope);
  event.labels = filled_labels(mapping.labels, scope);
  event.annotations = filled_labels(mapping.annotations, scope);
  if (const auto at = filled(mapping.at, scope); !at.empty()) {
    if (auto parsed = parse_time(at)) event.at = *parsed;
  }
  event.key = filled(mapping.key, scope);
  if (event.key.empty()) event.key = event.name + "/" + route::fingerprint(event.labels);
  return event;
}

model::Labels labels_of(const json& object, const char* member) {
  std::vector<model::Label> labels;
  if (const auto it = object.find(member); it != object.end() && it->is_object()) {
    for (const auto& [name, value] : it->items()) {
      if (auto text = text_of(&value); !text.empty()) labels.push_back({name, std::move(text)});
    }
  }
  return model::Labels(std::move(labels));
}

model::Labels without(const model::Labels& labels, std::string_view name) {
  std::vector<model::Label> kept;
  for (const auto& label : labels)
    if (label.name != name) kept.push_back(label);
  return model::Labels(std::move(kept));
}

}  // namespace

Result<void> check_mapping(const Mapping& mapping) {
  const auto check = [](const std::string& name, const std::string& text) -> Result<void> {
    return walk(text, [](std::string_view) {}, [](std::string_view) {}).context("'" + name + "'");
  };
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"key", mapping.key},
                                   {"name", mapping.name},
                                   {"summary", mapping.summary},
                                   {"severity", mapping.severity},
                                   {"at", mapping.at},
                                   {"url", mapping.url},
                                   {"by", mapping.by}})
    HF_TRY(check(name, text));
  for (const auto* texts : {&mapping.labels, &mapping.annotations}) {
    for (const auto& [name, text] : *texts) {
      if (!model::is_label_name(name))
        return invalid("'" + printable(name) + "' is no label name; allowed: letters, digits and _, not beginning with a digit");
      HF_TRY(check(name, text));
    }
  }
  if (mapping.status.empty() && !(mapping.resolved.empty() && mapping.acknowledged.empty()))
    return invalid("'resolved' and 'acknowledged' need 'status', the path of the value that says so");
  return {};
}

InboundEvents parse_mapped(std::string_view body, const Mapping& mapping) {
  const auto parsed = json::parse(body, nullptr, false);
  if (parsed.is_discarded()) return problem("the body is not JSON");
  if (mapping.each.empty()) return std::vector<InboundEvent>{mapped(mapping, {parsed, parsed})};
  const auto* list = find(parsed, mapping.each);
  if (list == nullptr || !list->is_array())
    return problem("'" + mapping.each + "' of the body must be a list");
  if (list->size() > kEventCountMax) return problem("more than 1000 events");
  std::vector<InboundEvent> events;
  for (const auto& item : *list) events.push_back(mapped(mapping, {item, parsed}));
  return events;
}

InboundEvents parse_alertmanager_webhook(std::string_view body) {
  const auto parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return problem("the body is not a JSON object");
  const auto alerts = parsed.find("alerts");
  if (alerts == parsed.end() || !alerts->is_array()) return problem("'alerts' must be a list");
  if (alerts->size() > kEventCountMax) return problem("more than 1000 alerts");
  std::vector<InboundEvent> events;
  for (std::size_t i = 0; i < alerts->size(); ++i) {
    const auto& alert = (*alerts)[i];
    if (!alert.is_object()) return problem("alerts[" + std::to_string(i) + "] must be an object");
    InboundEvent event;
    const auto labels = labels_of(alert, "labels");
    if (labels.empty()) return problem("alerts[" + std::to_string(i) + "].labels is missing or empty");
    event.name = std::string(labels.get("alertname"));
    event.severity = std::string(labels.get("severity"));
    event.labels = without(without(labels, "alertname"), "severity");
    event.annotations = labels_of(alert, "annotations");
    event.summary = std::string(event.annotations.get("summary"));
    const bool resolved = text_of(find(alert, "status")) == "resolved";
    event.action = resolved ? InboundAction::kResolve : InboundAction::kTrigger;
    event.url = text_of(find(alert, "generatorURL"));
    event.key = route::fingerprint(labels);
    if (auto at = parse_time(text_of(find(alert, resolved ? "endsAt" : "startsAt")))) event.at = *at;
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace holdfast::respond::intake
