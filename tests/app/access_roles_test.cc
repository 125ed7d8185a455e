// Who may do what: the table of roles, grants by service, tokens that are narrowed.
#include "app/access/roles.h"

#include <gtest/gtest.h>

#include <map>

#include "base/text.h"

namespace holdfast::app {
namespace {

TEST(Roles, PermitWhatTheTableSays) {
  const std::map<std::string, std::string> table = {
      {"viewer", "read"},
      {"auditor", "read audit"},
      {"responder", "read respond"},
      {"operator", "read respond send operate"},
      {"admin", "read audit respond send operate configure administer"},
  };
  EXPECT_EQ(role_names().size(), table.size());
  for (const auto& name : role_names()) {
    const Principal someone{"ann", "session", *parse_role(name), {}, {}};
    EXPECT_EQ(join(permissions_of(someone), " "), table.at(name)) << name;
    EXPECT_TRUE(decide(someone, ActionClass::kOwn, "").allowed) << name;
    EXPECT_TRUE(decide(someone, ActionClass::kSelf, "").allowed) << name;
    EXPECT_TRUE(decide(someone, ActionClass::kOpen, "").allowed) << name;
    EXPECT_EQ(decide(someone, ActionClass::kUnlisted, "").allowed, name == "admin") << name;
  }
  EXPECT_FALSE(parse_role("none"));
  EXPECT_FALSE(parse_role("root"));
  EXPECT_FALSE(parse_scope("own"));
  EXPECT_FALSE(parse_scope("unlisted"));
}

TEST(Roles, NobodyMayOnlyWhatIsOpen) {
  EXPECT_TRUE(decide({}, ActionClass::kOpen, "").allowed);
  for (const auto action : {ActionClass::kOwn, ActionClass::kSelf, ActionClass::kRead,
                            ActionClass::kSend, ActionClass::kUnlisted})
    EXPECT_EQ(decide({}, action, "shop").reason, "nobody is signed in");
}

TEST(Roles, ARefusalNamesTheMissingPermissionAndWhoHasIt) {
  const Principal viewer{"ann", "session", Role::kViewer, {}, {}};
  EXPECT_EQ(decide(viewer, ActionClass::kOperate, "shop").reason,
            "user 'ann' (role viewer) lacks the permission 'operate' on service 'shop'; it comes "
            "with the roles: operator, admin");
  EXPECT_EQ(decide(viewer, ActionClass::kAudit, "").reason,
            "user 'ann' (role viewer) lacks the permission 'audit'; it comes with the roles: "
            "auditor, admin");
}

struct GrantCase {
  const char* service;
  ActionClass action;
  bool allowed;
};

TEST(Grants, AddARoleOnTheirServicesAlone) {
  const Principal ann{
      "ann", "session", Role::kViewer, {{{"shop", "cart-*"}, Role::kOperator}}, {}};
  const GrantCase cases[] = {
      {"shop", ActionClass::kOperate, true},    {"cart-eu", ActionClass::kOperate, true},
      {"cart", ActionClass::kOperate, false},   {"bank", ActionClass::kOperate, false},
      {"", ActionClass::kOperate, false},       {"shop", ActionClass::kRespond, true},
      {"bank", ActionClass::kRead, true},       {"shop", ActionClass::kConfigure, false},
      {"shop", ActionClass::kUnlisted, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(decide(ann, c.action, c.service).allowed, c.allowed)
        << c.service << " " << class_name(c.action);
  EXPECT_TRUE(depends_on_service(ann, ActionClass::kOperate));
  EXPECT_FALSE(depends_on_service(ann, ActionClass::kRead));
  EXPECT_FALSE(depends_on_service(ann, ActionClass::kConfigure));
}

TEST(Tokens, ScopesNarrowTheOwnerAndNeverWidenHim) {
  Principal token{"ann", "token ci", Role::kResponder, {}, {{ActionClass::kRespond}, {}}};
  EXPECT_TRUE(decide(token, ActionClass::kRespond, "shop").allowed);
  EXPECT_EQ(decide(token, ActionClass::kRead, "").reason,
            "token ci lacks the scope 'read'; it has respond");
  token.limits.scopes = {ActionClass::kOperate};
  EXPECT_EQ(decide(token, ActionClass::kOperate, "shop").reason,
            "user 'ann' (role responder) lacks the permission 'operate' on service 'shop'; it "
            "comes with the roles: operator, admin");
}

TEST(Tokens, OfSomeServicesMayNothingElse) {
  Principal token{"ann", "token ci", Role::kAdmin, {}, {{}, {"shop"}}};
  EXPECT_TRUE(decide(token, ActionClass::kOperate, "shop").allowed);
  EXPECT_EQ(decide(token, ActionClass::kOperate, "bank").reason,
            "token ci is for the services shop; this concerns 'bank'");
  EXPECT_EQ(decide(token, ActionClass::kRead, "").reason,
            "token ci is for the services shop; this concerns no single service");
  EXPECT_TRUE(depends_on_service(token, ActionClass::kRead));
}

TEST(Tokens, ThatAreNarrowedCannotMakeThemselvesWider) {
  for (const TokenLimits& limits :
       {TokenLimits{{ActionClass::kRead}, {}}, TokenLimits{{}, {"shop"}}}) {
    const Principal token{"ann", "token ci", Role::kAdmin, {}, limits};
    EXPECT_FALSE(decide(token, ActionClass::kSelf, "").allowed);
    EXPECT_FALSE(decide(token, ActionClass::kAdminister, "").allowed);
    EXPECT_TRUE(decide(token, ActionClass::kOwn, "").allowed);
  }
  const Principal whole{"ann", "token ci", Role::kViewer, {}, {}};
  EXPECT_TRUE(decide(whole, ActionClass::kSelf, "").allowed);
}

struct PatternCase {
  const char* pattern;
  const char* service;
  bool matches;
};

TEST(Patterns, AStarIsAnyText) {
  const PatternCase cases[] = {
      {"shop", "shop", true},     {"shop", "shops", false},   {"shop*", "shop", true},
      {"*", "", true},            {"*", "shop", true},        {"*-eu", "shop-eu", true},
      {"*-eu", "shop-us", false}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXc", false},
      {"", "", true},             {"", "shop", false},        {"**", "shop", true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(matches_service(c.pattern, c.service), c.matches) << c.pattern << " " << c.service;
}

}  // namespace
}  // namespace holdfast::app
