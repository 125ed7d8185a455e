// state/schema.h: the journal's tables and how older ones become today's.
//
// Purpose     A list of migrations, each a step from one version to the next. `PRAGMA user_version` says
//             where a database stands; the table `migrations` tells when it came there.
// Invariants  A released migration never changes. Each runs in one transaction with its version number:
//             a crash leaves the old schema or the new.
// Errors      A database of a newer binary is kUnsupported and is not touched.
// Source      docs/formats/journal.md
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "state/sqlite.h"

namespace holdfast::state {

inline constexpr int kSchemaVersion = 2;

// Brings the database to `version`; tests stop earlier to make old databases.
Result<void> migrate(Connection& connection, WallTime now, int version = kSchemaVersion);

}  // namespace holdfast::state
