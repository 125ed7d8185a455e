#include "state/schema.h"

#include <string>

#include "base/check.h"

namespace holdfast::state {
namespace {

struct Migration {
  const char* what;
  const char* sql;
};

constexpr Migration kMigrations[] = {
    {"entries, documents and intents", R"sql(
       CREATE TABLE migrations (
         version INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL) STRICT;
       CREATE TABLE entries (
         seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
         body TEXT NOT NULL) STRICT;
       CREATE INDEX entries_topic ON entries (topic);
       CREATE TABLE documents (
         kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, seq INTEGER NOT NULL,
         PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
       CREATE TABLE intents (
         number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL,
         not_before INTEGER NOT NULL, seq INTEGER NOT NULL, finished_seq INTEGER) STRICT;
     )sql"},
    {"find entries by key and time, pending intents at once; count refusals", R"sql(
       CREATE INDEX entries_key ON entries (key);
       CREATE INDEX entries_at ON entries (at);
       CREATE INDEX intents_pending ON intents (number) WHERE finished_seq IS NULL;
       CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
       INSERT INTO counters VALUES ('refused_commits', 0);
     )sql"},
};
static_assert(std::size(kMigrations) == kSchemaVersion);

Result<void> apply(Connection& connection, int version, WallTime now) {
  const auto& migration = kMigrations[version - 1];
  HF_TRY(connection.execute(migration.sql));
  auto log = HF_TRY(connection.prepare("INSERT INTO migrations VALUES (?, ?, ?)"));
  HF_TRY(log.with(std::int64_t{version}, to_ms(now), std::string_view(migration.what)).run());
  return connection.execute(("PRAGMA user_version=" + std::to_string(version)).c_str());
}

}  // namespace

Result<void> migrate(Connection& connection, WallTime now, int version) {
  const auto found = HF_TRY(connection.integer("PRAGMA user_version"));
  if (found > kSchemaVersion) {
    return Error(Code::kUnsupported, connection.path() + ": schema version " +
                                         std::to_string(found) +
                                         " is of a newer holdfast; this one reads up to version " +
                                         std::to_string(kSchemaVersion));
  }
  for (int next = static_cast<int>(found) + 1; next <= version; ++next) {
    HF_TRY(connection.begin());
    auto applied = apply(connection, next, now);
    if (applied) applied = connection.commit();
    if (!applied) {
      connection.rollback();
      return std::move(applied).context("migrate to schema version " + std::to_string(next));
    }
    HF_PROBE("journal: schema migrated");
  }
  return {};
}

}  // namespace holdfast::state
