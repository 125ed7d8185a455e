// respond/route/alerts.h: every alert that fires or fired a little while ago.
//
// Purpose     accept() reads a posted alert as Alertmanager does (defaults, checks), merge() says what a second post of the same
//             labels makes of the first, AlertTable keeps the rows compactly.
// Identity    The fingerprint of the labels.
// Resolved    An alert is resolved when ends_at is not after now. Facts (Holdfast's own rules) have kForever until they resolve.
// Durable     A row tells what the journal knows of it: `saved`; the Router writes what differs.
// Threads     accept() and merge() are pure; AlertTable on the control strand.
// Source      ../shared/reference/alerting.md section 2.3.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/alert.h"
#include "respond/route/interned.h"
#include "respond/route/router.h"

namespace holdfast::respond::route {

inline constexpr WallTime kForever = from_ms(253'402'300'799'000);  // 9999-12-31T23:59:59Z

// The times of an alert and where they come from.
struct AlertSpan {
  WallTime starts_at{};
  WallTime ends_at{};
  WallTime updated_at{};
  bool timeout = false;  // ends_at is only "nobody said otherwise"

  bool resolved(WallTime now) const { return ends_at <= now; }
  bool operator==(const AlertSpan&) const = default;
};

// Defaults of startsAt and endsAt. kInvalid with Alertmanager's text.
Result<AlertSpan> accept(const PostedAlert& alert, WallTime now, Duration resolve_timeout);
// What is known after `fresh` came for an alert of which `old` was known; `fresh_rules` tells whether annotations and
// generator URL are the fresh one's (always, unless the clock went back).
struct Merged {
  AlertSpan span;
  bool fresh_rules = true;
};
Merged merge(const AlertSpan& old, const AlertSpan& fresh, WallTime now);

enum class SavedAs : std::uint8_t { kNothing, kFiring, kResolved };

struct AlertRow {
  std::uint64_t fingerprint = 0;
  AlertSpan span;
  PackedLabels labels;
  PackedLabels annotations;
  StringPool::Id generator = 0;
  std::uint32_t groups = 0;            // that hold it
  std::uint32_t silences_version = 0;  // of silenced_by; 0: not asked yet
  SavedAs saved = SavedAs::kNothing;
  bool fact = false;
  bool unsaved = false;  // the journal refused it; to be written again
  std::unique_ptr<std::vector<std::string>> silenced_by;  // null: by none
};

class AlertTable {
 public:
  AlertTable() = default;
  ~AlertTable();

  AlertRow* find(std::uint64_t fingerprint);
  const AlertRow* find(std::uint64_t fingerprint) const;
  AlertRow& add(std::uint64_t fingerprint, const model::Labels& labels);
  // Whether anything changed.
  bool set_annotations(AlertRow& row, const model::Labels& annotations);
  bool set_generator(AlertRow& row, std::string_view url);
  void erase(std::uint64_t fingerprint);

  LabelsView labels(const AlertRow& row) const { return {pool_, row.labels}; }
  LabelsView annotations(const AlertRow& row) const { return {pool_, row.annotations}; }
  std::string_view generator(const AlertRow& row) const { return pool_.text(row.generator); }

  std::size_t size() const { return rows_.size(); }
  std::size_t count_of_name(std::string_view alertname) const;
  auto begin() { return rows_.begin(); }
  auto end() { return rows_.end(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

 private:
  StringPool pool_;
  std::unordered_map<std::uint64_t, AlertRow> rows_;
  std::unordered_map<std::string, std::size_t> per_name_;
};

// The row as a document of kind "route.alert" and back. `lease` is what its sender promised when it was written:
// ends_at - updated_at.
std::string alert_document(const AlertTable& table, const AlertRow& row);
struct StoredAlert {
  model::Labels labels;
  model::Labels annotations;
  std::string generator_url;
  AlertSpan span;
  bool fact = false;
  bool resolved = false;
};
Result<StoredAlert> read_alert_document(std::string_view body);

// Alertmanager's order of label sets (fewer first), and of alerts in a notification: by job, instance, labels.
bool labels_before(const LabelsView& a, const LabelsView& b);
bool sent_before(const LabelsView& a, const LabelsView& b);

}  // namespace holdfast::respond::route
