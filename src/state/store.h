// state/store.h: the journal's rows: written in transactions, read by query. No threads, no queue.
//
// Threads     One thread at a time; the journal holds a mutex around it.
// Errors      As sqlite.h. A write that fails leaves nothing behind and the store usable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "state/journal.h"
#include "state/sqlite.h"

namespace holdfast::state {

class Store {
 public:
  // Opens or creates, checks, migrates.
  static Result<std::unique_ptr<Store>> open(Env& env, const std::string& directory);

  // All batches in one transaction. Numbers the entries in place; answers one Committed per batch.
  Result<std::vector<Journal::Committed>> write(const std::vector<Batch*>& batches);
  // Overwrites what a refused transaction may have left in the log, so that no crash brings it back.
  void bury_refused();
  // Empties the log into the database when it has grown; `now` whatever its size.
  void checkpoint(bool now);

  Result<std::vector<Entry>> read(const EntryQuery& query);
  Result<std::optional<Document>> document(std::string_view kind, std::string_view id);
  Result<std::vector<Document>> documents(std::string_view kind);
  Result<std::vector<Intent>> pending_intents();

  Seq last_seq() const { return last_seq_; }
  std::int64_t pending_count() const { return pending_count_; }

 private:
  explicit Store(Env& env) : vfs_(env) {}
  Result<void> prepare();
  Result<void> check(bool existed);
  Result<Journal::Committed> write_one(Batch& batch);
  Result<std::vector<Journal::Committed>> write_all(const std::vector<Batch*>& batches);

  SqliteVfs vfs_;
  std::unique_ptr<Connection> connection_;  // closes before vfs_ goes
  Statement insert_entry_, put_document_, delete_document_, insert_intent_, finish_intent_;
  Statement get_document_, list_documents_, count_refusal_;
  Seq last_seq_ = 0;
  std::int64_t pending_count_ = 0;
};

}  // namespace holdfast::state
