// respond/send/data.h: what templates see and webhooks carry: Alertmanager's data object.
//
// Purpose     data_of() makes it from a notification. The receiver's name is regex-quoted (a quirk receivers know), labels
//             and annotations are common when every alert of the message has them, an alert that fires ends in year 1.
// Truncation  `max_alerts` cuts the tail before anything is computed, so status and common labels are of what is sent.
// Threads     Values.
// Source      ../shared/reference/alerting.md section 2.10.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "respond/route/notification.h"
#include "respond/send/go_json.h"

namespace holdfast::respond::send {

using Pairs = std::map<std::string, std::string>;

struct DataAlert {
  std::string status;  // firing, resolved
  Pairs labels;
  Pairs annotations;
  WallTime starts_at{};
  std::optional<WallTime> ends_at;
  std::string generator_url;
  std::string fingerprint;
};

struct Data {
  std::string receiver;  // regex-quoted
  std::string status;
  std::vector<DataAlert> alerts;
  std::string reason;  // notification_reason
  Pairs group_labels;
  Pairs common_labels;
  Pairs common_annotations;
  Pairs route_labels;
  std::string external_url;
  std::string group_key;  // as it is; hashed_key() of it is what goes into other people's ids
  std::uint64_t truncated = 0;

  bool firing() const { return status == "firing"; }
  std::vector<const DataAlert*> with_status(std::string_view wanted) const;
};

struct DataOptions {
  std::string external_url;
  std::uint64_t max_alerts = 0;  // 0: all
};

Data data_of(const route::GroupNotification& notification, const DataOptions& options);

// Members in the order of Go's structs.
OrderedJson to_go(const DataAlert& alert);
OrderedJson to_go(const Data& data);

// As regexp.QuoteMeta: . and its like get a backslash.
std::string quote_meta(std::string_view text);

}  // namespace holdfast::respond::send
