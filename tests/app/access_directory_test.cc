// Users, tokens and sessions: who a caller is, what lives through a restart, what ends at once.
#include "app/access/directory.h"

#include <gtest/gtest.h>

#include "app/access/secret.h"
#include "base/sim.h"

namespace holdfast::app {
namespace {

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() { begin(); }
  ~DirectoryTest() override {
    directory.reset();
    journal.reset();
    executor.clear();
  }
  void begin() {
    directory.reset();
    journal.reset();
    auto opened = state::open_journal(env, {"/journal"});
    ASSERT_TRUE(opened) << opened.error().message();
    journal = std::move(*opened);
    auto made = Directory::open(env, *journal);
    ASSERT_TRUE(made) << made.error().message();
    directory = std::move(*made);
    directory->configure(config, people, services);
    directory->set_admin_credential("first");
  }
  // "ok" or the error.
  template <typename Change>
  std::string change(Change change) {
    std::string answer = "never answered";
    change([&](Result<void> done) { answer = done ? "ok" : done.error().message(); });
    executor.run_for(1s);
    return answer;
  }
  std::string create(const std::string& id, const std::string& role) {
    UserRecord user;
    user.id = id;
    user.role = role;
    return change([&](auto done) { directory->create_user(user, done); });
  }
  std::string token(NewToken wanted) {
    std::string answer;
    directory->create_token(
        wanted, [&](Result<std::string> made) { answer = made ? *made : made.error().message(); });
    executor.run_for(1s);
    return answer;
  }
  std::string session(const std::string& user, const std::string& how = "password",
                      const std::string& credential = "") {
    std::string answer;
    directory->begin_session({user, how, credential, "10.0.0.1:5", "curl"},
                             [&](Result<std::string> cookie) { answer = cookie.value_or("refused"); });
    executor.run_for(1s);
    return answer;
  }
  std::string oidc(const OidcIdentity& identity) {
    std::string answer;
    directory->sign_in_oidc(
        identity, [&](Result<std::string> id) { answer = id ? "ok" : id.error().message(); });
    executor.run_for(1s);
    return answer;
  }
  Principal of(const std::string& user) { return directory->by_session(session(user)); }

  SeededRandom random{7};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  AccessConfig config;
  std::vector<model::Person> people;
  std::vector<model::Service> services;
  std::unique_ptr<state::Journal> journal;
  std::unique_ptr<Directory> directory;
};

TEST_F(DirectoryTest, ATokenIsWhoItBelongsToUntilItIsRevokedOrExpires) {
  ASSERT_EQ(create("ann", "responder"), "ok");
  const auto ci = token({"ann", "ci", "admin", {"respond"}, {"shop"}, {}});
  const auto brief = token({"ann", "brief", "admin", {}, {}, clock.now() + 1h});
  const auto principal = directory->by_token(ci, "10.0.0.1:5");
  EXPECT_EQ(principal.user, "ann");
  EXPECT_EQ(principal.via, "token ci");
  EXPECT_EQ(principal.role, Role::kResponder);
  EXPECT_EQ(principal.limits.scopes, std::vector{ActionClass::kRespond});
  EXPECT_EQ(principal.limits.services, std::vector<std::string>{"shop"});
  EXPECT_EQ(directory->by_token(ci + "0", "").user, "");
  EXPECT_EQ(directory->by_token("hf_", "").user, "");
  begin();  // as after a restart
  EXPECT_EQ(directory->by_token(ci, "").user, "ann");
  EXPECT_EQ(directory->by_token(brief, "").user, "ann");
  executor.run_for(2h);
  EXPECT_EQ(directory->by_token(brief, "").user, "");
  const auto known = directory->tokens("ann");
  ASSERT_EQ(known.size(), 2U);
  for (const auto& one : known) EXPECT_EQ(one.hash.find("hf_"), std::string::npos);
  // At once: before the disk has it.
  directory->revoke_token(known[0].id, [](Result<void>) {});
  EXPECT_EQ(directory->by_token(ci, "").user, "");
  executor.run_for(1s);
  begin();
  EXPECT_EQ(directory->by_token(ci, "").user, "");
}

TEST_F(DirectoryTest, NothingSecretStandsInTheJournal) {
  ASSERT_EQ(create("ann", "responder"), "ok");
  const auto ci = token({"ann", "ci", "admin", {}, {}, {}});
  const auto cookie = session("ann");
  SeededRandom chance(1);
  ASSERT_EQ(change([&](auto done) {
              directory->set_password("ann", *hash_password("correct horse", chance), "", done);
            }),
            "ok");
  const auto entries = journal->read({});
  ASSERT_TRUE(entries);
  EXPECT_GE(entries->size(), 3U);
  for (const auto& entry : *entries) {
    EXPECT_EQ(entry.body.find("scrypt"), std::string::npos) << entry.body;
    EXPECT_EQ(entry.body.find(ci), std::string::npos) << entry.body;
  }
  for (const char* kind : {kUserKind, kTokenKind, kSessionKind}) {
    const auto documents = journal->documents(kind);
    ASSERT_TRUE(documents);
    for (const auto& document : *documents) {
      EXPECT_EQ(document.body.find(ci), std::string::npos) << document.body;
      EXPECT_EQ(document.body.find(cookie), std::string::npos) << document.body;
      EXPECT_EQ(document.body.find("correct horse"), std::string::npos) << document.body;
    }
  }
}

TEST_F(DirectoryTest, WhenATokenWasLastUsedIsKept) {
  ASSERT_EQ(create("ann", "viewer"), "ok");
  const auto ci = token({"ann", "ci", "ann", {}, {}, {}});
  executor.run_for(10min);
  const auto used = clock.now();
  EXPECT_EQ(directory->by_token(ci, "10.0.0.9:1").user, "ann");
  executor.run_for(2min);
  begin();
  EXPECT_EQ(directory->tokens("ann")[0].used_at, used);
  EXPECT_EQ(directory->tokens("ann")[0].used_from, "10.0.0.9");
}

TEST_F(DirectoryTest, ASessionLivesThroughARestartAndEndsByItsLimits) {
  config.session_idle = 1h;
  config.session_absolute = 3h;
  begin();
  ASSERT_EQ(create("ann", "viewer"), "ok");
  const auto cookie = session("ann");
  begin();
  EXPECT_EQ(directory->by_session(cookie).user, "ann");
  const auto idle = session("ann");
  for (int i = 0; i < 3; ++i) {
    executor.run_for(50min);
    EXPECT_EQ(directory->by_session(cookie).user, "ann") << i;
  }
  EXPECT_EQ(directory->by_session(idle).user, "");
  executor.run_for(40min);
  EXPECT_EQ(directory->by_session(cookie).user, "");  // used all the time, and yet
  executor.run_for(2min);
  EXPECT_TRUE(journal->documents(kSessionKind)->empty());  // swept
}

TEST_F(DirectoryTest, ADisabledUserIsNobodyWhateverHeShows) {
  ASSERT_EQ(create("ann", "operator"), "ok");
  const auto ci = token({"ann", "ci", "ann", {}, {}, {}});
  const auto cookie = session("ann");
  EXPECT_EQ(change([&](auto done) {
              directory->change_user("ann", {{}, {}, {}, {}, true}, done);
            }),
            "ok");
  EXPECT_EQ(directory->by_token(ci, "").user, "");
  EXPECT_EQ(directory->by_session(cookie).user, "");
  EXPECT_FALSE(directory->password_of("ann"));
}

TEST_F(DirectoryTest, ANewPasswordEndsTheOtherSessions) {
  ASSERT_EQ(create("ann", "viewer"), "ok");
  const auto mine = session("ann");
  const auto other = session("ann");
  EXPECT_EQ(change([&](auto done) { directory->set_password("ann", "scrypt$x", mine, done); }),
            "ok");
  EXPECT_EQ(directory->by_session(mine).user, "ann");
  EXPECT_EQ(directory->by_session(other).user, "");
  EXPECT_EQ(change([&](auto done) { directory->end_sessions("ann", "", done); }), "ok");
  EXPECT_EQ(directory->by_session(mine).user, "");
}

TEST_F(DirectoryTest, ASessionEndsWithWhatItWasBegunWith) {
  const auto admin = session(kAdminUser, "admin token", "first");
  EXPECT_EQ(directory->by_session(admin).role, Role::kAdmin);
  directory->set_admin_credential("second");  // the file was made anew
  EXPECT_EQ(directory->by_session(admin).user, "");
  ASSERT_EQ(create("ann", "operator"), "ok");
  token({"ann", "ci", "ann", {"read"}, {}, {}});
  const auto id = directory->tokens("ann")[0].id;
  const auto by_token = session("ann", "token", id);
  EXPECT_EQ(directory->by_session(by_token).limits.scopes, std::vector{ActionClass::kRead});
  EXPECT_EQ(change([&](auto done) { directory->revoke_token(id, done); }), "ok");
  EXPECT_EQ(directory->by_session(by_token).user, "");
}

TEST_F(DirectoryTest, PeopleOfTheConfigurationHaveItsRoleAndItsGrants) {
  model::Person ann;
  ann.id = "ann";
  ann.name = "Ann";
  ann.role = "responder";
  ann.teams = {"shop-team"};
  model::Person bob;
  bob.id = "bob";
  people = {ann, bob};
  model::Service shop;
  shop.name = "shop";
  shop.owner = "shop-team";
  services = {shop};
  config.owners = Role::kOperator;
  config.default_role = Role::kViewer;
  config.grants = {{"bob", "", {{"bank"}, Role::kResponder}},
                   {"", "shop-team", {{"cart"}, Role::kAdmin}}};
  begin();
  const auto who = of("ann");
  EXPECT_EQ(who.role, Role::kResponder);
  EXPECT_TRUE(decide(who, ActionClass::kOperate, "shop").allowed);
  EXPECT_TRUE(decide(who, ActionClass::kConfigure, "cart").allowed);
  EXPECT_FALSE(decide(who, ActionClass::kOperate, "bank").allowed);
  EXPECT_EQ(of("bob").role, Role::kViewer);  // default_role
  EXPECT_TRUE(decide(of("bob"), ActionClass::kRespond, "bank").allowed);
  EXPECT_EQ(change([&](auto done) {
              directory->change_user("ann", {{}, {}, "admin", {}, {}}, done);
            }),
            "'ann' stands in the configuration (people): name, address and role are changed there");
  EXPECT_EQ(create("ann", "admin"), "there is a user 'ann' already");
  // A password makes a record; who leaves the configuration is nobody nevertheless.
  EXPECT_EQ(change([&](auto done) { directory->set_password("ann", "scrypt$x", "", done); }), "ok");
  EXPECT_TRUE(directory->password_of("ann"));
  people = {bob};
  begin();
  EXPECT_EQ(of("ann").user, "");
  EXPECT_FALSE(directory->password_of("ann"));
}

TEST_F(DirectoryTest, WhatIsWrongIsRefusedWithTheReason) {
  for (const char* id : {"", "a b", "a/b", "admin", "local", "a\nb", "<b>"})
    EXPECT_NE(create(id, "viewer"), "ok") << id;
  EXPECT_EQ(create("张三", "viewer"), "ok");
  EXPECT_EQ(create("ann", "king"),
            "the role is 'king'; allowed: none, viewer, auditor, responder, operator, admin");
  EXPECT_EQ(token({"nobody", "ci", "admin", {}, {}, {}}), "no user 'nobody'");
  EXPECT_EQ(token({"张三", "", "admin", {}, {}, {}}), "a token needs a name");
  EXPECT_EQ(token({"张三", "ci", "admin", {"own"}, {}, {}}),
            "the scope is 'own'; allowed: read, audit, respond, send, operate, configure, "
            "administer");
  EXPECT_EQ(token({"张三", "ci", "admin", {}, {}, clock.now()}), "the token expires in the past");
  EXPECT_TRUE(token({"张三", "ci", "admin", {}, {}, {}}).starts_with("hf_"));
  EXPECT_EQ(token({"张三", "ci", "admin", {}, {}, {}}), "'张三' has a token 'ci' already");
}

TEST_F(DirectoryTest, AFullDiskRefusesAndLeavesNothing) {
  ASSERT_EQ(create("ann", "viewer"), "ok");
  files.set_full(true);
  EXPECT_NE(create("bob", "admin"), "ok");
  EXPECT_FALSE(directory->user("bob"));
  EXPECT_FALSE(token({"ann", "ci", "ann", {}, {}, {}}).starts_with("hf_"));
  EXPECT_TRUE(directory->tokens("ann").empty());
  EXPECT_EQ(session("ann"), "refused");
}

TEST_F(DirectoryTest, AnAccountOfAProviderIsItsSubjectAndNotItsName) {
  const OidcIdentity ann{"https://id", "s1", "ann", "Ann", "ann@example.com", Role::kOperator};
  EXPECT_EQ(oidc(ann), "ok");
  EXPECT_EQ(of("ann").role, Role::kOperator);
  auto other = ann;
  other.subject = "s2";
  EXPECT_EQ(oidc(other), "the name 'ann' belongs to another account");
  auto demoted = ann;
  demoted.role = Role::kViewer;
  EXPECT_EQ(oidc(demoted), "ok");
  EXPECT_EQ(of("ann").role, Role::kViewer);
  demoted.role = Role::kNone;
  EXPECT_EQ(oidc(demoted), "the provider gives 'ann' no role here (access.oidc.roles)");
  ASSERT_EQ(create("bob", "admin"), "ok");
  ASSERT_EQ(change([&](auto done) { directory->set_password("bob", "scrypt$x", "", done); }), "ok");
  auto bob = ann;
  bob.user = "bob";
  bob.subject = "s3";
  EXPECT_EQ(oidc(bob),
            "the user 'bob' signs in with a password; an administrator must remove it first");
  bob.user = "admin";
  EXPECT_NE(oidc(bob), "ok");
}

}  // namespace
}  // namespace holdfast::app
