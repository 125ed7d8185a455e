// state/sqlite_vfs.h: SQLite's disk, standing on base's FileSystem.
//
// Purpose     SQLite reads and writes through Env alone: on the machine and in simulation the same code
//             runs, and a simulated crash, full disk or failing write reaches the database.
// Invariants  The methods are of version 1, without shared memory: a database in WAL mode must be opened
//             with locking_mode=EXCLUSIVE, by one connection. Locks are not taken; that only one process
//             opens a folder is the business of who owns the folder.
// Durability  The first sync of a file made here also syncs its folder, so its name is safe with its bytes.
// Threads     One connection at a time; its owner holds a mutex around it.
// Errors      A full disk is SQLITE_FULL. take_error() tells what the FileSystem said, path and all.
// Source      sqlite.org/c3ref/vfs.html, sqlite.org/c3ref/io_methods.html, sqlite.org/wal.html#noshm.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::state {

class SqliteVfs {
 public:
  explicit SqliteVfs(Env& env);
  ~SqliteVfs();  // unregisters; every connection opened through it is closed before
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;

  const std::string& name() const;  // for sqlite3_open_v2; unique within the process
  // The last error of the FileSystem since the last call; forgets it.
  std::optional<Error> take_error();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::state
