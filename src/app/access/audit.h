// app/access/audit.h: who did what, and who was refused: the audit log.
//
// Purpose     One record of every call that changes something, of every refused one, of sign-ins and sign-outs, and of the reads that
//             route_table.h names. Entries of the journal's topic `audit` (model::kAudit); a record holds the members of
//             model::Audit and more. Bodies, query strings and credentials never enter it.
// Durability  write() calls back after the record is on disk: an answer goes out behind it. A disk that refuses is told in the log,
//             and the answer goes out nevertheless: the act is done.
// Limits      Refusals are written kDeniedPerMinute an address and kDeniedPerMinuteAll together; the rest are counted and written as
//             one record when the minute is over. query() looks at kScanMax records at most, and then says where to go on.
// Threads     write(), deny() and query() from any thread; query() may take long, and not while close() runs.
// Source      The eight members of an exported record: mission row M04-47.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "state/journal.h"

namespace holdfast::app {

struct AuditRecord {
  WallTime at{};
  std::string actor;     // empty: nobody was signed in
  std::string via;       // session, token NAME, admin token
  std::string action;    // incident.ack, user_login, ...
  std::string resource;  // what the call concerns: a service, an incident, a path
  std::string result;    // ok, accepted, denied: why, failed: why
  std::string address;
  std::string user_agent;
  std::string method, path;
  std::string action_class;  // of roles.h
  std::string service;
  int status = 0;
  std::int64_t count = 1;  // calls this record stands for
};

struct AuditQuery {
  std::string actor, action, resource, service, address;  // empty: any
  std::string result;                                      // ok, accepted, denied, failed; empty: any
  std::optional<WallTime> from, to;
  state::Seq before = 0;  // records older than this one; 0: the newest
  std::size_t limit = 100;
};

struct AuditPage {
  std::vector<std::pair<state::Seq, AuditRecord>> records;  // newest first
  state::Seq next = 0;  // `before` of the next page; 0: there is none
};

inline constexpr int kDeniedPerMinute = 20;
inline constexpr int kDeniedPerMinuteAll = 200;
inline constexpr std::size_t kScanMax = 100'000;

class AuditLog : public std::enable_shared_from_this<AuditLog> {
 public:
  static std::shared_ptr<AuditLog> make(Env& env, state::Journal& journal) {
    return std::shared_ptr<AuditLog>(new AuditLog(env, journal));
  }
  // Control strand, before the journal goes: what still comes is not written. Answers may outlive the journal.
  void close();

  void write(AuditRecord record, std::function<void()> done = {});
  void deny(AuditRecord record);
  Result<AuditPage> query(const AuditQuery& query) const;

 private:
  AuditLog(Env& env, state::Journal& journal) : env_(env), journal_(&journal) {}
  struct Denied {
    int written = 0;
    std::int64_t held = 0;
    AuditRecord last;
  };
  void end_minute();

  Env& env_;
  std::atomic<state::Journal*> journal_;  // null: closed; loaded once by each use
  std::mutex mutex_;
  std::map<std::string, Denied> denied_ HF_GUARDED_BY(mutex_);  // of this minute, by address
  int denied_all_ HF_GUARDED_BY(mutex_) = 0;
  TimerId minute_ HF_GUARDED_BY(mutex_) = TimerId::kNone;
};

std::string audit_entry(const AuditRecord& record);
AuditRecord read_audit_entry(const state::Entry& entry);  // of model::Audit too
// timestamp, user_id, action, resource, result, ip_address, user_agent, additional_info.
nlohmann::json audit_json(state::Seq seq, const AuditRecord& record);
std::string audit_csv(const AuditPage& page);

}  // namespace holdfast::app
