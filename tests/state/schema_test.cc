// Old databases become today's, newer ones are left alone, damaged ones are named.
#include "base/check.h"
#include "state/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim_host.h"

namespace holdfast::state {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kFile = "/data/journal/journal.db";

void flush_and_close(SimHost& host) {
  host.journal.reset();
  SqliteVfs vfs(host.env);
  auto connection = Connection::open(vfs, kFile);
  ASSERT_TRUE(connection.has_value());
  ASSERT_TRUE((*connection)->checkpoint().has_value());
}

TEST(Schema, ADatabaseOfVersionOneKeepsItsRows) {
  SimHost host;
  host.journal.reset();
  ASSERT_TRUE(host.files.remove_all("/data").has_value());
  ASSERT_TRUE(host.files.create_directories(kDirectory).has_value());
  {
    SqliteVfs vfs(host.env);
    auto connection = Connection::open(vfs, kFile);
    ASSERT_TRUE(connection.has_value()) << connection.error().message();
    ASSERT_TRUE(migrate(**connection, host.clock.now(), 1).has_value());
    ASSERT_TRUE((*connection)
                    ->execute("INSERT INTO entries VALUES (1, 5, 't', 'old', '{}');"
                              "INSERT INTO documents VALUES ('incident', 'a', '{\"v\":1}', 1);"
                              "INSERT INTO intents (key, kind, body, not_before, seq) VALUES ('k', "
                              "'n', 'b', 0, 1);"));
    EXPECT_EQ(*(*connection)->integer("PRAGMA user_version"), 1);
  }
  host.open();
  EXPECT_THAT(host.keys({.key = "old"}), ElementsAre("old"));
  EXPECT_EQ((*host.journal->document("incident", "a"))->body, R"({"v":1})");
  EXPECT_EQ(host.journal->stats().pending_intents, 1u);
  EXPECT_EQ(*host.commit(one_entry("new")), 2);
  host.journal.reset();
  SqliteVfs vfs(host.env);
  auto connection = *Connection::open(vfs, kFile);
  EXPECT_EQ(*connection->integer("PRAGMA user_version"), kSchemaVersion);
  EXPECT_EQ(*connection->integer("SELECT count(*) FROM migrations"), kSchemaVersion);
}

TEST(Schema, ANewerDatabaseIsRefusedAndUntouched) {
  SimHost host;
  ASSERT_TRUE(host.commit(one_entry("x")).has_value());
  host.journal.reset();
  {
    SqliteVfs vfs(host.env);
    auto connection = *Connection::open(vfs, kFile);
    ASSERT_TRUE(connection->execute("PRAGMA user_version=99").has_value());
  }
  const auto opened = open_journal(host.env, {kDirectory});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::kUnsupported);
  EXPECT_EQ(opened.error().message(),
            "open journal: /data/journal/journal.db: schema version 99 is of a newer holdfast; "
            "this one reads up to version 2");
  SqliteVfs vfs(host.env);
  auto connection = *Connection::open(vfs, kFile);
  EXPECT_EQ(*connection->integer("SELECT count(*) FROM entries"), 1);
}

TEST(Schema, ADamagedDatabaseIsNamedAndNotOverwritten) {
  struct Case {
    const char* name;
    std::size_t offset, size;
  };
  const Case cases[] = {{"no database at all", 0, 100},
                        {"a page of the schema", 110, 3000},
                        {"pages of the tables", 5000, 20000}};
  for (const auto& c : cases) {
    SimHost host;
    Batch batch;
    for (int i = 0; i < 200; ++i) batch.entry("t", std::to_string(i), std::string(300, 'x'));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
    flush_and_close(host);
    ASSERT_TRUE(host.files.remove("/data/journal/journal.db-wal").has_value());
    {
      auto file = *host.files.open(kFile, OpenMode::kReadWrite);
      ASSERT_TRUE(file->write_at(c.offset, std::string(c.size, '\x5a')).has_value());
    }
    const auto damaged = *host.files.read_file(kFile);
    const auto opened = open_journal(host.env, {kDirectory});
    ASSERT_FALSE(opened.has_value()) << c.name;
    EXPECT_EQ(opened.error().code(), Code::kDataLoss) << c.name << ": " << opened.error().message();
    EXPECT_THAT(opened.error().message(), HasSubstr(kFile)) << c.name;
    EXPECT_EQ(*host.files.read_file(kFile), damaged) << c.name;
  }
}

TEST(Schema, ADiskThatCannotBeReadIsNotTakenForDamage) {
  SimHost host;
  Batch batch;
  for (int i = 0; i < 200; ++i) batch.entry("t", std::to_string(i), std::string(300, 'x'));
  ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  flush_and_close(host);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    host.files.set_failing(0.02);
    const auto opened = open_journal(host.env, {kDirectory});
    host.files.set_failing(0);
    if (opened) continue;
    ++refused;
    ASSERT_EQ(opened.error().code(), Code::kUnavailable) << opened.error().message();
  }
  EXPECT_GT(refused, 20);
  EXPECT_GT(probe_hits()["journal: unreadable page at open is no damage"], 0u);
  EXPECT_TRUE(open_journal(host.env, {kDirectory}).has_value());
}

TEST(Schema, AFolderThatCannotBeWrittenIsAnErrorAtOpen) {
  SimHost host;
  host.journal.reset();
  host.files.set_failing(1);
  const auto opened = open_journal(host.env, {"/elsewhere"});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace holdfast::state
