#include "app/access/audit.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "model/operations.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = 300;
constexpr std::size_t kAddressesMax = 1000;
constexpr std::size_t kPageSize = 1000;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const json& object, const char* name, std::int64_t fallback) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                             : fallback;
}

bool fits(const AuditQuery& query, const AuditRecord& record) {
  const auto is = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  if (!query.result.empty() && !record.result.starts_with(query.result)) return false;
  return is(query.actor, record.actor) && is(query.action, record.action) &&
         is(query.resource, record.resource) && is(query.service, record.service) &&
         is(query.address, record.address);
}

// A field of RFC 4180; a text that a spreadsheet would run as a formula gets an apostrophe.
std::string csv_field(std::string_view text) {
  std::string field;
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    field += '\'';
  field += text;
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string audit_entry(const AuditRecord& record) {
  json j{{"actor", record.actor},
         {"action", record.action},
         {"resource", record.resource},
         {"result", record.result},
         {"address", record.address},
         {"at", format_time(record.at)}};
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) j[name] = value;
  };
  put("via", record.via);
  put("user_agent", record.user_agent);
  put("method", record.method);
  put("path", record.path);
  put("class", record.action_class);
  put("service", record.service);
  if (record.status != 0) j["status"] = record.status;
  if (record.count != 1) j["count"] = record.count;
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

AuditRecord read_audit_entry(const state::Entry& entry) {
  AuditRecord record;
  record.at = entry.at;
  const auto j = json::parse(entry.body, nullptr, false);
  if (!j.is_object()) return record;
  record.actor = text_of(j, "actor");
  record.action = text_of(j, "action");
  record.resource = text_of(j, "resource");
  record.result = text_of(j, "result");
  record.address = text_of(j, "address");
  record.via = text_of(j, "via");
  record.user_agent = text_of(j, "user_agent");
  record.method = text_of(j, "method");
  record.path = text_of(j, "path");
  record.action_class = text_of(j, "class");
  record.service = text_of(j, "service");
  record.status = static_cast<int>(number_of(j, "status", 0));
  record.count = number_of(j, "count", 1);
  return record;
}

json audit_json(state::Seq seq, const AuditRecord& record) {
  json info{{"seq", seq}, {"count", record.count}};
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) info[name] = value;
  };
  put("via", record.via);
  put("method", record.method);
  put("path", record.path);
  put("class", record.action_class);
  put("service", record.service);
  if (record.status != 0) info["status"] = record.status;
  return {{"timestamp", format_time(record.at)},
          {"user_id", record.actor},
          {"action", record.action},
          {"resource", record.resource},
          {"result", record.result},
          {"ip_address", record.address},
          {"user_agent", record.user_agent},
          {"additional_info", info}};
}

std::string audit_csv(const AuditPage& page) {
  std::string out = "timestamp,user_id,action,resource,result,ip_address,user_agent,additional_info\r\n";
  for (const auto& [seq, record] : page.records) {
    const auto j = audit_json(seq, record);
    for (const char* name :
         {"timestamp", "user_id", "action", "resource", "result", "ip_address", "user_agent"})
      out += csv_field(j[name].get<std::string>()) + ",";
    out += csv_field(j["additional_info"].dump(-1, ' ', false, json::error_handler_t::replace)) +
           "\r\n";
  }
  return out;
}

void AuditLog::close() {
  journal_ = nullptr;
  std::lock_guard lock(mutex_);
  env_.executor.cancel(minute_);
  minute_ = TimerId::kNone;
}

void AuditLog::write(AuditRecord record, std::function<void()> done) {
  if (record.at == WallTime{}) record.at = env_.clock.now();
  for (auto* text : {&record.result, &record.user_agent, &record.path, &record.resource})
    *text = printable(*text, kTextMax);
  env_.executor.post(Lane::kControl, [self = shared_from_this(), record = std::move(record),
                                      done = std::move(done)] {
    auto* journal = self->journal_.load();
    if (journal == nullptr) return;
    state::Batch batch;
    batch.entry(model::kAudit, record.resource, audit_entry(record));
    journal->commit(std::move(batch), [done](Result<state::Seq> result) {
      if (!result)
        log_error("an audit record was not written", {{"error", result.error().message()}});
      if (done) done();
    });
  });
}

void AuditLog::deny(AuditRecord record) {
  {
    std::lock_guard lock(mutex_);
    if (minute_ == TimerId::kNone)
      minute_ = env_.executor.post_after(Lane::kControl, 1min, [self = shared_from_this()] { self->end_minute(); });
    const bool room = denied_.size() < kAddressesMax || denied_.contains(record.address);
    auto& denied = denied_[room ? record.address : "others"];
    if (denied.written >= kDeniedPerMinute || denied_all_ >= kDeniedPerMinuteAll) {
      ++denied.held;
      denied.last = std::move(record);
      return;
    }
    ++denied.written;
    ++denied_all_;
  }
  write(std::move(record));
}

void AuditLog::end_minute() {
  std::map<std::string, Denied> ended;
  {
    std::lock_guard lock(mutex_);
    ended.swap(denied_);
    denied_all_ = 0;
    minute_ = TimerId::kNone;
  }
  for (auto& [address, denied] : ended) {
    if (denied.held == 0) continue;
    denied.last.count = denied.held;
    write(std::move(denied.last));
  }
}

// Page after page into the past: what is asked for is mostly new, and the log is long.
Result<AuditPage> AuditLog::query(const AuditQuery& query) const {
  AuditPage page;
  auto* journal = journal_.load();
  if (journal == nullptr) return page;
  state::EntryQuery ask;
  ask.topic = model::kAudit;
  ask.from = query.from;
  ask.to = query.to;
  ask.limit = kPageSize;
  ask.newest_first = true;
  state::Seq before = query.before == 0 ? std::numeric_limits<state::Seq>::max() : query.before;
  for (std::size_t scanned = 0; scanned < kScanMax;) {
    const auto entries = HF_TRY(journal->read(ask));
    std::size_t fresh = 0;
    for (const auto& entry : entries) {
      if (entry.seq >= before) continue;
      ++fresh;
      before = entry.seq;
      auto record = read_audit_entry(entry);
      if (!fits(query, record)) continue;
      if (page.records.size() == query.limit) {
        page.next = page.records.back().first;
        return page;
      }
      page.records.emplace_back(entry.seq, std::move(record));
    }
    if (entries.size() < ask.limit) return page;
    // Entries of one moment are on both sides of a page; where all of a page are, a larger one gets behind them.
    if (fresh == 0) ask.limit *= 2;
    scanned += entries.size();
    ask.to = entries.back().at;
  }
  page.next = before;
  return page;
}

}  // namespace holdfast::app
