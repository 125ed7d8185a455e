#include "state/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace holdfast::state {
namespace {

Code code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
      return Code::kExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDataLoss;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kUnavailable;
    case SQLITE_TOOBIG:
      return Code::kTooLarge;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(statement_, other.statement_);
  return *this;
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
}

void Statement::bind(int index, std::string_view value) {
  // An empty string_view may hold a null pointer, which SQLite would read as NULL.
  const char* bytes = value.empty() ? "" : value.data();
  sqlite3_bind_text64(statement_, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  auto error = connection_->error(code);
  sqlite3_reset(statement_);
  return error;
}

Result<void> Statement::run() {
  while (HF_TRY(step())) {
  }
  return {};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

Result<std::unique_ptr<Connection>> Connection::open(SqliteVfs& vfs, const std::string& path) {
  std::unique_ptr<Connection> connection(new Connection(vfs, path));
  // NOMUTEX: the owner's mutex is the only one needed.
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &connection->db_, kFlags, vfs.name().c_str());
  if (code != SQLITE_OK) return connection->error(code);
  HF_TRY(connection->configure());
  return connection;
}

Connection::~Connection() { sqlite3_close_v2(db_); }

Result<void> Connection::configure() {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Exclusive first: it is what lets WAL mode work without shared memory.
  HF_TRY(
      execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY;"
              "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
              "PRAGMA cache_size=-8192; PRAGMA journal_size_limit=67108864;"));
  auto statement = HF_TRY(prepare("PRAGMA journal_mode=WAL"));
  if (!HF_TRY(statement.step()) || statement.text(0) != "wal") {
    return internal(path_ + ": SQLite refuses WAL mode");
  }
  HF_TRY(statement.run());
  // Checkpoints are run between commits, so that no commit's answer waits for one.
  HF_TRY(execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"));
  const auto remember = [](void* self, sqlite3*, const char*, int frames) {
    static_cast<Connection*>(self)->wal_frames_ = frames;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(db_, remember, this);
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return error(code);
  return Statement(this, statement);
}

Result<void> Connection::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<std::int64_t> Connection::integer(const char* sql) {
  auto statement = HF_TRY(prepare(sql));
  if (!HF_TRY(statement.step())) return internal(path_ + ": no row: " + sql);
  return statement.integer(0);
}

std::int64_t Connection::changes() const { return sqlite3_changes64(db_); }

Result<void> Connection::begin() { return execute("BEGIN IMMEDIATE"); }
Result<void> Connection::commit() { return execute("COMMIT"); }

void Connection::rollback() {
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Connection::checkpoint() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  wal_frames_ = 0;
  return {};
}

Error Connection::error(int code) {
  std::string message =
      path_ + ": " + (db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_));
  // The file system knows more than "disk I/O error": which operation, and why.
  if (const auto cause = vfs_.take_error()) message += " (" + cause->message() + ")";
  return {code_of(code), std::move(message)};
}

}  // namespace holdfast::state
