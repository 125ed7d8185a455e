#include "respond/send/template_data.h"

#include <algorithm>

namespace holdfast::respond::send {
namespace {

using templates::Args;
using templates::CallContext;
using templates::Function;
using templates::Type;
using templates::TypePtr;
using templates::Value;

using NamedValues = std::vector<std::pair<std::string, std::string>>;

// alertname first, then by name.
NamedValues sorted_pairs(const templates::Map& map) {
  NamedValues out;
  for (const auto& [name, value] : map.items) {
    const auto* text = value.as<std::string>();
    if (text == nullptr) continue;
    if (name == "alertname")
      out.emplace(out.begin(), name, *text);
    else
      out.emplace_back(name, *text);
  }
  return out;
}

std::vector<std::string> names_of(const NamedValues& pairs) {
  std::vector<std::string> out;
  for (const auto& [name, value] : pairs) out.push_back(name);
  return out;
}

std::vector<std::string> values_of(const NamedValues& pairs) {
  std::vector<std::string> out;
  for (const auto& [name, value] : pairs) out.push_back(value);
  return out;
}

std::string text_of(const NamedValues& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) out += (out.empty() ? "" : ", ") + name + "=" + value;
  return out;
}

TypePtr pair_type() {
  static const TypePtr kType =
      std::make_shared<Type>(Type{"template.Pair", {{"Name", ""}, {"Value", ""}}, {}, {}});
  return kType;
}

NamedValues pairs_of(const Value& value) {
  NamedValues out;
  const auto* list = value.as_list();
  if (list == nullptr) return out;
  for (const auto& item : list->items) {
    const auto* pair = item.as_object();
    if (pair == nullptr || pair->fields.size() != 2) continue;
    const auto *name = pair->fields[0].as<std::string>(), *text = pair->fields[1].as<std::string>();
    if (name != nullptr && text != nullptr) out.emplace_back(*name, *text);
  }
  return out;
}

TypePtr pairs_type() {
  static const TypePtr kType = [] {
    Type type;
    type.name = "template.Pairs";
    type.methods["Names"] = {"", [](const CallContext&, Args args) -> Result<Value> {
                               return Value::strings(names_of(pairs_of(args[0])));
                             }};
    type.methods["Values"] = {"", [](const CallContext&, Args args) -> Result<Value> {
                                return Value::strings(values_of(pairs_of(args[0])));
                              }};
    type.methods["String"] = {"", [](const CallContext&, Args args) -> Result<Value> {
                                return Value(text_of(pairs_of(args[0])));
                              }};
    return std::make_shared<Type>(std::move(type));
  }();
  return kType;
}

Value pairs_value(const NamedValues& pairs) {
  std::vector<Value> items;
  for (const auto& [name, value] : pairs)
    items.push_back(Value::object(pair_type(), {name, value}));
  return Value::list(std::move(items), pairs_type());
}

TypePtr kv_type();

// A method of a map of texts that answers from its sorted pairs.
template <typename Answer>
Function of_pairs(Answer answer) {
  return {"", [answer](const CallContext&, Args args) -> Result<Value> {
            const auto* map = args[0].as_map();
            return map == nullptr ? Value() : answer(sorted_pairs(*map));
          }};
}

Result<Value> remove_names(const CallContext&, Args args) {
  const auto* map = args[0].as_map();
  const auto* names = args[1].as_list();
  if (map == nullptr || names == nullptr) return Value();
  std::vector<std::pair<std::string, Value>> kept;
  for (const auto& item : map->items) {
    const bool removed =
        std::any_of(names->items.begin(), names->items.end(), [&](const Value& name) {
          const auto* text = name.as<std::string>();
          return text != nullptr && *text == item.first;
        });
    if (!removed) kept.push_back(item);
  }
  return Value::map(std::move(kept), kv_type());
}

TypePtr kv_type() {
  static const TypePtr kType = [] {
    Type type;
    type.name = "template.KV";
    type.element_zero = Value("");
    type.methods["SortedPairs"] = of_pairs(pairs_value);
    type.methods["Names"] =
        of_pairs([](const NamedValues& pairs) { return Value::strings(names_of(pairs)); });
    type.methods["Values"] =
        of_pairs([](const NamedValues& pairs) { return Value::strings(values_of(pairs)); });
    type.methods["String"] =
        of_pairs([](const NamedValues& pairs) { return Value(text_of(pairs)); });
    type.methods["Remove"] = {"L", remove_names};
    return std::make_shared<Type>(std::move(type));
  }();
  return kType;
}

TypePtr alert_type() {
  static const TypePtr kType = std::make_shared<Type>(Type{"template.Alert",
                                                           {{"Status", "status"},
                                                            {"Labels", "labels"},
                                                            {"Annotations", "annotations"},
                                                            {"StartsAt", "startsAt"},
                                                            {"EndsAt", "endsAt"},
                                                            {"GeneratorURL", "generatorURL"},
                                                            {"Fingerprint", "fingerprint"}},
                                                           {},
                                                           {}});
  return kType;
}

TypePtr alert_list_type() {
  static const TypePtr kType = std::make_shared<Type>(Type{"[]template.Alert", {}, {}, {}});
  return kType;
}

Function with_status(const char* status) {
  return {"", [status](const CallContext&, Args args) -> Result<Value> {
            std::vector<Value> kept;
            const auto* list = args[0].as_list();
            if (list == nullptr) return Value();
            for (const auto& alert : list->items) {
              const auto* object = alert.as_object();
              const auto* text = object == nullptr ? nullptr : object->fields[0].as<std::string>();
              if (text != nullptr && *text == status) kept.push_back(alert);
            }
            return Value::list(std::move(kept), alert_list_type());
          }};
}

TypePtr alerts_type() {
  static const TypePtr kType = [] {
    Type type;
    type.name = "template.Alerts";
    type.methods["Firing"] = with_status("firing");
    type.methods["Resolved"] = with_status("resolved");
    return std::make_shared<Type>(std::move(type));
  }();
  return kType;
}

TypePtr data_type() {
  static const TypePtr kType =
      std::make_shared<Type>(Type{"template.Data",
                                  {{"Receiver", "receiver"},
                                   {"Status", "status"},
                                   {"Alerts", "alerts"},
                                   {"NotificationReason", "notification_reason"},
                                   {"GroupLabels", "groupLabels"},
                                   {"CommonLabels", "commonLabels"},
                                   {"CommonAnnotations", "commonAnnotations"},
                                   {"RouteLabels", "routeLabels"},
                                   {"ExternalURL", "externalURL"}},
                                  {},
                                  {}});
  return kType;
}

Value value_of(const DataAlert& alert) {
  const auto ends = alert.ends_at ? templates::Time::of(*alert.ends_at) : templates::Time::zero();
  return Value::object(
      alert_type(),
      {alert.status, send::value_of(alert.labels), send::value_of(alert.annotations),
       templates::Time::of(alert.starts_at), ends, alert.generator_url, alert.fingerprint});
}

}  // namespace

Value value_of(const Pairs& pairs) {
  std::vector<std::pair<std::string, Value>> items;
  for (const auto& [name, value] : pairs) items.emplace_back(name, value);
  return Value::map(std::move(items), kv_type());
}

Value value_of(const Data& data) {
  std::vector<Value> alerts;
  for (const auto& alert : data.alerts) alerts.push_back(value_of(alert));
  return Value::object(
      data_type(),
      {data.receiver, data.status, Value::list(std::move(alerts), alerts_type()), data.reason,
       value_of(data.group_labels), value_of(data.common_labels), value_of(data.common_annotations),
       value_of(data.route_labels), data.external_url});
}

templates::Functions notification_functions() {
  templates::Functions out;
  out["routeLabels"] = {"", [](const CallContext& context, Args) -> Result<Value> {
                          const auto* data = static_cast<const Data*>(context.host);
                          return data == nullptr ? value_of(Pairs{}) : value_of(data->route_labels);
                        }};
  return out;
}

}  // namespace holdfast::respond::send
