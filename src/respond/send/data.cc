#include "respond/send/data.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace holdfast::respond::send {
namespace {

Pairs pairs_of(const model::Labels& labels) {
  Pairs out;
  for (const auto& label : labels) out.emplace(label.name, label.value);
  return out;
}

// Leaves in `common` what `other` has too.
void keep_common(Pairs& common, const Pairs& other) {
  std::erase_if(common, [&](const auto& pair) {
    const auto found = other.find(pair.first);
    return (found == other.end() ? std::string_view() : std::string_view(found->second)) !=
           pair.second;
  });
}

DataAlert alert_of(const route::RoutedAlert& alert) {
  DataAlert out;
  out.status = alert.resolved() ? "resolved" : "firing";
  out.labels = pairs_of(alert.labels);
  out.annotations = pairs_of(alert.annotations);
  out.starts_at = alert.starts_at;
  out.ends_at = alert.ends_at;
  out.generator_url = alert.generator_url;
  out.fingerprint = route::fingerprint(alert.labels);
  return out;
}

}  // namespace

std::vector<const DataAlert*> Data::with_status(std::string_view wanted) const {
  std::vector<const DataAlert*> out;
  for (const auto& alert : alerts) {
    if (alert.status == wanted) out.push_back(&alert);
  }
  return out;
}

Data data_of(const route::GroupNotification& notification, const DataOptions& options) {
  Data data;
  data.receiver = quote_meta(notification.receiver);
  data.reason = notification.reason;
  data.group_labels = pairs_of(notification.group_labels);
  data.route_labels = pairs_of(notification.route_labels);
  data.external_url = options.external_url;
  data.group_key = notification.group_key;
  auto count = notification.alerts.size();
  if (options.max_alerts != 0 && count > options.max_alerts) {
    data.truncated = count - options.max_alerts;
    count = options.max_alerts;
  }
  data.alerts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) data.alerts.push_back(alert_of(notification.alerts[i]));
  data.status = data.with_status("firing").empty() ? "resolved" : "firing";
  if (data.alerts.empty()) return data;
  data.common_labels = data.alerts[0].labels;
  data.common_annotations = data.alerts[0].annotations;
  for (std::size_t i = 1; i < data.alerts.size(); ++i) {
    keep_common(data.common_labels, data.alerts[i].labels);
    keep_common(data.common_annotations, data.alerts[i].annotations);
  }
  return data;
}

OrderedJson to_go(const DataAlert& alert) {
  return OrderedJson::object(
      {{"status", alert.status},
       {"labels", ordered(alert.labels)},
       {"annotations", ordered(alert.annotations)},
       {"startsAt", go_time(alert.starts_at)},
       {"endsAt", alert.ends_at ? go_time(*alert.ends_at) : std::string(kGoZeroTime)},
       {"generatorURL", alert.generator_url},
       {"fingerprint", alert.fingerprint}});
}

OrderedJson to_go(const Data& data) {
  auto alerts = OrderedJson::array();
  for (const auto& alert : data.alerts) alerts.push_back(to_go(alert));
  return OrderedJson::object({{"receiver", data.receiver},
                              {"status", data.status},
                              {"alerts", std::move(alerts)},
                              {"notification_reason", data.reason},
                              {"groupLabels", ordered(data.group_labels)},
                              {"commonLabels", ordered(data.common_labels)},
                              {"commonAnnotations", ordered(data.common_annotations)},
                              {"routeLabels", ordered(data.route_labels)},
                              {"externalURL", data.external_url}});
}

std::string quote_meta(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace holdfast::respond::send
