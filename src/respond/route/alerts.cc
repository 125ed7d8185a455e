#include "respond/route/alerts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/json_members.h"
#include "respond/route/go_text.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

bool is_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto lead = static_cast<unsigned char>(s[i]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size == 0 || i + size > s.size()) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return false;
    }
    if (size > 2) {
      const auto next = static_cast<unsigned char>(s[i + 1]);
      const bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
      const bool beyond = (lead == 0xed && next > 0x9f) || (lead == 0xf4 && next > 0x8f);
      if (overlong || beyond) return false;
    }
    i += size;
  }
  return true;
}

Result<void> check_labels(const model::Labels& labels, const char* what) {
  for (const auto& label : labels) {
    if (label.name.empty() || !is_utf8(label.name)) {
      return invalid(std::string(what) + ": invalid name " + go_quote(label.name));
    }
    if (!is_utf8(label.value)) {
      return invalid(std::string(what) + ": invalid value " + go_quote(label.value));
    }
  }
  return {};
}

}  // namespace

Result<AlertSpan> accept(const PostedAlert& alert, WallTime now, Duration resolve_timeout) {
  AlertSpan span;
  span.updated_at = now;
  span.starts_at = alert.starts_at ? *alert.starts_at : alert.ends_at.value_or(now);
  span.timeout = !alert.ends_at.has_value();
  span.ends_at = alert.ends_at.value_or(
      now + std::chrono::duration_cast<std::chrono::milliseconds>(resolve_timeout));
  if (span.ends_at < span.starts_at) return invalid("start time must be before end time");
  HF_TRY(check_labels(alert.labels, "invalid label set"));
  if (alert.labels.empty()) return invalid("at least one label pair required");
  HF_TRY(check_labels(alert.annotations, "invalid annotations"));
  return span;
}

Merged merge(const AlertSpan& old, const AlertSpan& fresh, WallTime now) {
  const auto inside = [&](WallTime t) { return t > old.starts_at && t < old.ends_at; };
  if (!inside(fresh.ends_at) && !inside(fresh.starts_at)) return {fresh, true};
  const bool fresh_rules = fresh.updated_at >= old.updated_at;
  const auto& younger = fresh_rules ? fresh : old;
  const auto& elder = fresh_rules ? old : fresh;
  AlertSpan span = younger;
  span.starts_at = std::min(elder.starts_at, younger.starts_at);
  const bool elder_ends_later = elder.ends_at > younger.ends_at;
  if (younger.resolved(now)) {
    if (elder.resolved(now) && elder_ends_later) span.ends_at = elder.ends_at;
  } else if (elder_ends_later && !elder.timeout) {
    span.ends_at = elder.ends_at;
  }
  return {span, fresh_rules};
}

AlertTable::~AlertTable() = default;

AlertRow* AlertTable::find(std::uint64_t fingerprint) {
  const auto it = rows_.find(fingerprint);
  return it == rows_.end() ? nullptr : &it->second;
}

const AlertRow* AlertTable::find(std::uint64_t fingerprint) const {
  const auto it = rows_.find(fingerprint);
  return it == rows_.end() ? nullptr : &it->second;
}

AlertRow& AlertTable::add(std::uint64_t fingerprint, const model::Labels& labels) {
  auto& row = rows_[fingerprint];
  row.fingerprint = fingerprint;
  row.labels = pack(pool_, labels);
  row.annotations = pack(pool_, {});
  row.generator = pool_.take("");
  ++per_name_[std::string(labels.get("alertname"))];
  return row;
}

bool AlertTable::set_annotations(AlertRow& row, const model::Labels& annotations) {
  if (equal(pool_, row.annotations, annotations)) return false;
  auto packed = pack(pool_, annotations);
  unpack_release(pool_, row.annotations);
  row.annotations = std::move(packed);
  return true;
}

bool AlertTable::set_generator(AlertRow& row, std::string_view url) {
  if (generator(row) == url) return false;
  const auto id = pool_.take(url);
  pool_.release(row.generator);
  row.generator = id;
  return true;
}

void AlertTable::erase(std::uint64_t fingerprint) {
  const auto it = rows_.find(fingerprint);
  if (it == rows_.end()) return;
  auto& row = it->second;
  const auto named = per_name_.find(std::string(labels(row).get("alertname")));
  if (--named->second == 0) per_name_.erase(named);
  unpack_release(pool_, row.labels);
  unpack_release(pool_, row.annotations);
  pool_.release(row.generator);
  rows_.erase(it);
}

std::size_t AlertTable::count_of_name(std::string_view alertname) const {
  const auto it = per_name_.find(std::string(alertname));
  return it == per_name_.end() ? 0 : it->second;
}

std::string alert_document(const AlertTable& table, const AlertRow& row) {
  json j = {{"starts_at", to_ms(row.span.starts_at)},
            {"ends_at", to_ms(row.span.ends_at)},
            {"updated_at", to_ms(row.span.updated_at)}};
  auto& labels = j["labels"] = json::object();
  const auto view = table.labels(row);
  for (std::size_t i = 0; i < view.size(); ++i) labels[std::string(view.name(i))] = view.value(i);
  auto& annotations = j["annotations"] = json::object();
  const auto notes = table.annotations(row);
  for (std::size_t i = 0; i < notes.size(); ++i) {
    annotations[std::string(notes.name(i))] = notes.value(i);
  }
  if (const auto url = table.generator(row); !url.empty()) j["generator_url"] = url;
  if (row.span.timeout) j["timeout"] = true;
  if (row.fact) j["fact"] = true;
  if (row.saved == SavedAs::kResolved) j["resolved"] = true;
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<StoredAlert> read_alert_document(std::string_view body) {
  using model::json_members::take;
  try {
    const auto j = json::parse(body);
    StoredAlert alert;
    model::json_members::must_be_object(j);
    take(j, "labels", alert.labels);
    take(j, "annotations", alert.annotations);
    take(j, "generator_url", alert.generator_url);
    take(j, "timeout", alert.span.timeout);
    take(j, "fact", alert.fact);
    take(j, "resolved", alert.resolved);
    const auto time = [&j](const char* name) {
      std::int64_t ms = 0;
      take(j, name, ms);
      return from_ms(ms);
    };
    alert.span.starts_at = time("starts_at");
    alert.span.ends_at = time("ends_at");
    alert.span.updated_at = time("updated_at");
    return alert;
  } catch (const model::json_members::MemberError& e) {
    return invalid(e.text());
  } catch (const json::exception& e) {
    return invalid(e.what());
  }
}

// Of sets of equal size: at the first name, in order, at which they differ, who lacks it or has the smaller value goes first.
bool labels_before(const LabelsView& a, const LabelsView& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.name(i) != b.name(i)) return a.name(i) > b.name(i);
    if (a.value(i) != b.value(i)) return a.value(i) < b.value(i);
  }
  return false;
}

bool sent_before(const LabelsView& a, const LabelsView& b) {
  for (const auto* name : {"job", "instance"}) {
    const auto left = a.get(name);
    const auto right = b.get(name);
    if (left == right) continue;
    if (left.empty() || right.empty()) return right.empty();
    return left < right;
  }
  return labels_before(a, b);
}

}  // namespace holdfast::respond::route
