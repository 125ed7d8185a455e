// state/journal.h: what happened, durable before it is answered; what it adds up to; who is told.
//
// Purpose     One append-only table of entries, numbered without gaps. Each commit may carry entries,
//             documents (the latest state of things, by kind and id) and intents (outbox.h), all in one
//             transaction. Rooms keep their state in documents and rebuild it from them at start; every
//             document names the entry that last wrote it, and an entry's body is the document's new state
//             or a fact about it, so the history can always be told.
// Durability  `done` runs after the transaction is on disk (SQLite WAL, synchronous=FULL). Commits that
//             arrive while one is being written go out together (group commit). A full disk or an I/O
//             error refuses the commit with kExhausted / kUnavailable and leaves nothing of it behind; only
//             if the disk fails at a sync and goes on failing until a crash may it be found, whole, after it.
// Order       Sequence numbers follow the order of commit() calls. Subscribers and `done` run on the
//             control strand, in that order, after the commit is durable: first `done`, then subscribers.
// Threads     commit() and subscribe() from the control strand. Reads from any thread: all share the one
//             connection that exclusive WAL mode allows, behind a mutex, so a read may wait for one
//             transaction to reach the disk. stats() never waits for the disk.
// Closing     Destroying the journal drops what is queued, as a crash would, and waits only for the
//             transaction being written. drain() first keeps everything.
// Errors      A corrupt database is kDataLoss at open, naming the file; it is never overwritten.
// Source      docs/formats/journal.md draws the tables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::state {

using Seq = std::int64_t;

struct Entry {
  Seq seq = 0;        // given by the journal
  WallTime at{};      // given by the journal when zero
  std::string topic;  // model's kAlertChanged, ...
  std::string key;    // of the thing it is about
  std::string body;   // JSON
};

struct Document {
  std::string kind;  // "incident"
  std::string id;
  std::string body;  // JSON; empty deletes
  Seq seq = 0;       // of the commit that wrote it (filled on reads)
};

// Something to be done outside, exactly once if it can be, at least once if it cannot.
struct Intent {
  std::string key;   // idempotency key; a second intent with a known key is ignored
  std::string kind;  // which outbox handler does it
  std::string body;  // JSON
  WallTime not_before{};
};

struct Batch {
  std::vector<Entry> entries;
  std::vector<Document> documents;
  std::vector<Intent> intents;
  std::vector<std::string> finished_intents;  // keys: done, never to run again

  Batch& entry(std::string_view topic, std::string key, std::string body);
  Batch& document(std::string kind, std::string id, std::string body);
  Batch& intent(Intent intent);
  bool empty() const;
};

struct EntryQuery {
  Seq after = 0;
  std::string topic{};  // empty: all
  std::string key{};    // empty: all
  std::optional<WallTime> from{}, to{};  // both included
  std::size_t limit = 1000;
  bool newest_first = false;
};

struct JournalStats {
  Seq last_seq = 0;
  std::uint64_t commits = 0;        // transactions written
  std::uint64_t entries = 0;        // since open
  std::uint64_t failed_commits = 0;
  std::uint64_t pending_intents = 0;
  std::uint64_t size_bytes = 0;
};

class Subscription;  // unsubscribes when destroyed

class Journal {
 public:
  using Done = std::function<void(Result<Seq>)>;  // the sequence number of the batch's last entry
  using Subscriber = std::function<void(const Entry&)>;

  virtual ~Journal() = default;

  virtual void commit(Batch batch, Done done = {}) = 0;

  struct Committed {
    Seq seq = 0;                  // of the batch's last entry; without entries, of the journal's
    std::vector<Intent> intents;  // those whose key was new
  };
  // As commit(), and tells which intents are new; the outbox takes up only those.
  virtual void commit_telling(Batch batch, std::function<void(Result<Committed>)> done) = 0;
  // Topic "" is every topic.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::string topic, Subscriber subscriber) = 0;

  virtual Result<std::vector<Entry>> read(const EntryQuery& query) = 0;
  virtual Result<std::optional<Document>> document(std::string_view kind, std::string_view id) = 0;
  virtual Result<std::vector<Document>> documents(std::string_view kind) = 0;  // ordered by id
  // Intents not finished, oldest first. The outbox asks at start.
  virtual Result<std::vector<Intent>> pending_intents() = 0;
  virtual JournalStats stats() = 0;
  // Waits until all commits so far are durable or refused. For orderly shutdown.
  virtual void drain() = 0;
};

class Subscription {
 public:
  virtual ~Subscription() = default;
};

struct JournalOptions {
  std::string directory;  // journal.db lives here; created when absent
};

// Opens or creates, migrates the schema to this binary's version (a newer one is kUnsupported). Uses
// env.files for everything on disk (through an SQLite VFS), so the simulation's faults reach it.
Result<std::unique_ptr<Journal>> open_journal(Env& env, const JournalOptions& options);

}  // namespace holdfast::state
