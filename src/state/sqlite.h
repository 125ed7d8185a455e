// state/sqlite.h: a connection and its statements, answering with Result.
//
// Threads     One thread at a time; the owner holds a mutex.
// Errors      Full disk kExhausted; damage and foreign files kDataLoss; I/O kUnavailable; the rest, which
//             only our own SQL can cause, kInternal. Each names the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "state/sqlite_vfs.h"

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast::state {

class Connection;

// A prepared statement. Columns and parameters count from 0 in the order they stand in the SQL.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  // Resets, binds in order, and is ready to step. Text is copied.
  template <typename... Values>
  Statement& with(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }
  Result<bool> step();  // whether there is a row
  Result<void> run();   // steps to the end
  std::int64_t integer(int column) const;
  std::string text(int column) const;

  void reset();
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view value);

 private:
  friend class Connection;
  Statement(Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  Connection* connection_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

class Connection {
 public:
  // Opens or creates `path` through `vfs`, alone, in WAL mode with synchronous=FULL.
  static Result<std::unique_ptr<Connection>> open(SqliteVfs& vfs, const std::string& path);
  ~Connection();  // leaves the write-ahead log as it is: closing and crashing take the same way back
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Result<void> execute(const char* sql);  // any number of statements, results dropped
  Result<std::int64_t> integer(const char* sql);  // the first column of the first row
  std::int64_t changes() const;  // rows changed by the last statement

  Result<void> begin();
  Result<void> commit();
  void rollback();  // also when SQLite has rolled back by itself

  int wal_frames() const { return wal_frames_; }  // in the log after the last commit
  // Copies the log into the database, so that the log begins anew.
  Result<void> checkpoint();

  const std::string& path() const { return path_; }
  Error error(int code);

 private:
  Connection(SqliteVfs& vfs, std::string path) : vfs_(vfs), path_(std::move(path)) {}
  Result<void> configure();

  SqliteVfs& vfs_;
  std::string path_;
  sqlite3* db_ = nullptr;
  int wal_frames_ = 0;
};

}  // namespace holdfast::state
