#include "state/store.h"

#include <sqlite3.h>

#include <cstdlib>

#include "base/check.h"
#include "base/log.h"
#include "state/schema.h"

namespace holdfast::state {
namespace {

constexpr const char* kFileName = "/journal.db";
// 4 MB of 4 KiB pages: seldom enough to be cheap, small enough to be read back within milliseconds.
constexpr int kCheckpointFrames = 1000;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Document to_document(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.integer(3)};
}

// A page that the disk would not hand over may be whole: that is to be tried again, not given up.
bool is_read_error(const std::string& verdict) {
  constexpr std::string_view kCode = "error code=";
  const auto at = verdict.find(kCode);
  return at != std::string::npos && (std::atoi(verdict.c_str() + at + kCode.size()) & 0xff) == SQLITE_IOERR;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Env& env, const std::string& directory) {
  HF_TRY(env.files.create_directories(directory).context("journal"));
  const std::string path = directory + kFileName;
  std::unique_ptr<Store> store(new Store(env));
  const bool existed = env.files.exists(path);
  store->connection_ = HF_TRY(Connection::open(store->vfs_, path).context("open journal"));
  HF_TRY(store->check(existed).context("open journal"));
  HF_TRY(migrate(*store->connection_, env.clock.now()).context("open journal"));
  // The folder's own name must be as durable as what is written into it.
  HF_TRY(env.files.sync_dir(directory).context("open journal"));
  HF_TRY(env.files.sync_dir(parent_of(directory)).context("open journal"));
  HF_TRY(store->prepare().context("open journal"));
  return store;
}

Result<void> Store::check(bool existed) {
  if (!existed) return {};
  auto check = HF_TRY(connection_->prepare("PRAGMA quick_check(1)"));
  if (!HF_TRY(check.step())) return internal(connection_->path() + ": quick_check says nothing");
  if (const auto verdict = check.text(0); verdict != "ok") {
    if (is_read_error(verdict)) {
      HF_PROBE("journal: unreadable page at open is no damage");
      return unavailable(connection_->path() + ": the database could not be read: " + verdict);
    }
    return Error(Code::kDataLoss, connection_->path() + ": the database is damaged: " + verdict);
  }
  return {};
}

Result<void> Store::prepare() {
  auto& db = *connection_;
  insert_entry_ = HF_TRY(db.prepare("INSERT INTO entries VALUES (?, ?, ?, ?, ?)"));
  put_document_ = HF_TRY(
      db.prepare("INSERT INTO documents (kind, id, body, seq) VALUES (?, ?, ?, ?)"
                 " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, seq = excluded.seq"));
  delete_document_ = HF_TRY(db.prepare("DELETE FROM documents WHERE kind = ? AND id = ?"));
  insert_intent_ = HF_TRY(
      db.prepare("INSERT INTO intents (key, kind, body, not_before, seq) VALUES (?, ?, ?, ?, ?)"
                 " ON CONFLICT (key) DO NOTHING"));
  // The key stays for ever, to know a repetition; the body has done its work.
  finish_intent_ = HF_TRY(db.prepare(
      "UPDATE intents SET finished_seq = ?, body = '' WHERE key = ? AND finished_seq IS NULL"));
  get_document_ =
      HF_TRY(db.prepare("SELECT kind, id, body, seq FROM documents WHERE kind = ? AND id = ?"));
  list_documents_ =
      HF_TRY(db.prepare("SELECT kind, id, body, seq FROM documents WHERE kind = ? ORDER BY id"));
  count_refusal_ =
      HF_TRY(db.prepare("UPDATE counters SET value = value + 1 WHERE name = 'refused_commits'"));
  last_seq_ = HF_TRY(db.integer("SELECT coalesce(max(seq), 0) FROM entries"));
  pending_count_ = HF_TRY(db.integer("SELECT count(*) FROM intents WHERE finished_seq IS NULL"));
  return {};
}

Result<std::vector<Journal::Committed>> Store::write(const std::vector<Batch*>& batches) {
  const auto seq_before = last_seq_;
  const auto pending_before = pending_count_;
  auto written = write_all(batches);
  if (!written) {
    connection_->rollback();
    last_seq_ = seq_before;
    pending_count_ = pending_before;
  }
  return written;
}

Result<std::vector<Journal::Committed>> Store::write_all(const std::vector<Batch*>& batches) {
  std::vector<Journal::Committed> written;
  written.reserve(batches.size());
  HF_TRY(connection_->begin());
  for (auto* batch : batches) written.push_back(HF_TRY(write_one(*batch)));
  HF_TRY(connection_->commit());
  return written;
}

Result<Journal::Committed> Store::write_one(Batch& batch) {
  Journal::Committed committed;
  for (auto& entry : batch.entries) {
    entry.seq = ++last_seq_;
    HF_TRY(
        insert_entry_.with(entry.seq, to_ms(entry.at), entry.topic, entry.key, entry.body).run());
  }
  committed.seq = last_seq_;
  for (const auto& document : batch.documents) {
    if (document.body.empty()) {
      HF_TRY(delete_document_.with(document.kind, document.id).run());
    } else {
      HF_TRY(put_document_.with(document.kind, document.id, document.body, last_seq_).run());
    }
  }
  for (const auto& intent : batch.intents) {
    HF_TRY(insert_intent_
               .with(intent.key, intent.kind, intent.body, to_ms(intent.not_before), last_seq_)
               .run());
    if (connection_->changes() == 0) continue;
    ++pending_count_;
    committed.intents.push_back(intent);
  }
  for (const auto& key : batch.finished_intents) {
    HF_TRY(finish_intent_.with(last_seq_, key).run());
    pending_count_ -= connection_->changes();
  }
  return committed;
}

void Store::bury_refused() {
  // A sync that fails may still have put the whole transaction on disk. The next transaction is written
  // over it, and this is that one; should it fail too, the next commit that succeeds does the same.
  auto begun = connection_->begin();
  if (begun) begun = count_refusal_.with().run();
  if (begun) begun = connection_->commit();
  if (!begun) connection_->rollback();
}

void Store::checkpoint(bool now) {
  if (!now && connection_->wal_frames() < kCheckpointFrames) return;
  // Nothing is lost when it fails: the log keeps everything and the next one begins where this ended.
  if (auto done = connection_->checkpoint(); !done) {
    HF_PROBE("journal: checkpoint failed");
    log_warn("journal checkpoint failed", {{"error", done.error().message()}});
  }
}

Result<std::vector<Entry>> Store::read(const EntryQuery& query) {
  std::string sql = "SELECT seq, at, topic, key, body FROM entries WHERE seq > ?";
  if (!query.topic.empty()) sql += " AND topic = ?";
  if (!query.key.empty()) sql += " AND key = ?";
  if (query.from) sql += " AND at >= ?";
  if (query.to) sql += " AND at <= ?";
  sql += query.newest_first ? " ORDER BY seq DESC LIMIT ?" : " ORDER BY seq LIMIT ?";
  auto statement = HF_TRY(connection_->prepare(sql));
  int index = 0;
  statement.bind(++index, query.after);
  if (!query.topic.empty()) statement.bind(++index, query.topic);
  if (!query.key.empty()) statement.bind(++index, query.key);
  if (query.from) statement.bind(++index, to_ms(*query.from));
  if (query.to) statement.bind(++index, to_ms(*query.to));
  statement.bind(++index, static_cast<std::int64_t>(query.limit));
  std::vector<Entry> entries;
  while (HF_TRY(statement.step())) {
    entries.push_back({statement.integer(0), from_ms(statement.integer(1)), statement.text(2),
                       statement.text(3), statement.text(4)});
  }
  return entries;
}

Result<std::optional<Document>> Store::document(std::string_view kind, std::string_view id) {
  get_document_.with(kind, id);
  if (!HF_TRY(get_document_.step())) return std::optional<Document>();
  std::optional<Document> found = to_document(get_document_);
  get_document_.reset();
  return found;
}

Result<std::vector<Document>> Store::documents(std::string_view kind) {
  std::vector<Document> found;
  list_documents_.with(kind);
  while (HF_TRY(list_documents_.step())) found.push_back(to_document(list_documents_));
  return found;
}

Result<std::vector<Intent>> Store::pending_intents() {
  auto statement =
      HF_TRY(connection_->prepare("SELECT key, kind, body, not_before FROM intents WHERE "
                                  "finished_seq IS NULL ORDER BY number"));
  std::vector<Intent> intents;
  while (HF_TRY(statement.step())) {
    intents.push_back(
        {statement.text(0), statement.text(1), statement.text(2), from_ms(statement.integer(3))});
  }
  return intents;
}

}  // namespace holdfast::state
