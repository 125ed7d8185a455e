#include "respond/notify/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "respond/respond_host.h"

namespace holdfast::respond {
namespace {

using model::AlertState;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<model::Notification> notifications(RespondHost& host) {
  std::vector<model::Notification> list;
  auto documents = host.host.journal->documents("notification");
  EXPECT_TRUE(documents.has_value());
  for (const auto& document : *documents) {
    auto one = parse_json<model::Notification>(document.body);
    EXPECT_TRUE(one.has_value()) << document.body;
    if (one) list.push_back(std::move(*one));
  }
  return list;
}

TEST(Notifier, AReceiverThatFailsForAnHourGetsThePageUnderTheSameKey) {
  RespondHost host;
  host.pager.status = 500;
  // Of the lowest severity: nothing else becomes due within the hour.
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now(), "low"));
  host.run(1h);
  EXPECT_GT(host.pager.keys.size(), 10U);
  EXPECT_EQ(std::set<std::string>(host.pager.keys.begin(), host.pager.keys.end()).size(), 1U);
  EXPECT_EQ(notifications(host)[0].state, model::NotificationState::kPending);
  host.pager.status = 200;
  host.run(2min);
  ASSERT_THAT(notifications(host), SizeIs(1));
  EXPECT_EQ(notifications(host)[0].state, model::NotificationState::kDelivered);
  const auto tries = host.pager.keys.size();
  host.run(10min);
  EXPECT_EQ(host.pager.keys.size(), tries) << "a delivered page is not sent again";
}

TEST(Notifier, RefusedForGoodIsOnTheTimeline) {
  RespondHost host;
  host.pager.status = 403;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1min);
  EXPECT_THAT(host.pager.keys, SizeIs(1)) << "403 is final";
  const auto incident = host.incidents->active()[0];
  EXPECT_THAT(kinds_of(incident), testing::Contains("notify_failed"));
  EXPECT_THAT(notifications(host)[0].detail, HasSubstr("status 403"));
}

TEST(Notifier, AnUnreachableReceiverIsTriedUntilGivenUp) {
  RespondHost host;
  host.host.network.partition("here", "pager");
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(25h);
  ASSERT_THAT(notifications(host), testing::Not(SizeIs(0)));
  EXPECT_EQ(notifications(host)[0].event, "opened");
  EXPECT_EQ(notifications(host)[0].state, model::NotificationState::kFailed);
  EXPECT_THAT(notifications(host)[0].detail, HasSubstr("given up after 1d"));
}

TEST(Notifier, RanksBeyondAReceiversInterestAreNotSent) {
  RespondHost host;
  NotifierOptions options;
  Receiver receiver;
  receiver.name = "team";
  receiver.kind = "webhook";
  receiver.url = "http://pager:80/page";
  receiver.worst_rank_only = 1;
  options.receivers = {receiver};
  host.notifier->configure(options);
  host.publish(make_alert("Slow", AlertState::kFiring, host.now(), "warning"));
  host.run(10s);
  EXPECT_THAT(host.incidents->active(), SizeIs(1));
  EXPECT_THAT(host.pager.keys, SizeIs(0));
}

}  // namespace
}  // namespace holdfast::respond
