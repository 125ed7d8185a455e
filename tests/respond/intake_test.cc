// Intake in virtual time: what opens, changes, ends and is remembered over a crash.
#include "respond/intake/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/alert.h"
#include "respond/intake/smtp_receiver.h"
#include "state/sim_host.h"

namespace holdfast::respond::intake {
namespace {

using model::AlertState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct IntakeHost {
  IntakeHost() {
    Integration probe;
    probe.name = "probe";
    probe.kind = "pagerduty";
    probe.key = "0123456789abcdef0123456789abcdef";
    probe.service = "shop";
    Integration forgetful = probe;
    forgetful.name = "forgetful";
    forgetful.key = "f123456789abcdef0123456789abcdef";
    forgetful.auto_resolve = 1h;
    options.integrations = {probe, forgetful};
    Heartbeat backup;
    backup.name = "backup";
    backup.key = "a-key-of-a-heartbeat";
    backup.interval = 1h;
    backup.grace = 10min;
    options.heartbeats = {backup};
    start();
  }
  ~IntakeHost() { host.executor.clear(); }

  void start() {
    subscription = host.journal->subscribe(std::string(model::kAlertChanged), [this](const state::Entry& entry) {
      auto alert = parse_json<model::Alert>(entry.body);
      ASSERT_TRUE(alert);
      told.push_back(*alert);
    });
    intake = std::make_unique<Intake>(host.env, *host.journal);
    intake->set_acknowledge([this](const std::string&, const std::string& by) { acknowledged.push_back(by); });
    ASSERT_TRUE(intake->start(options));
    host.executor.run_for(10ms);
  }
  void crash_and_restart() {
    host.crash();
    intake.reset();
    subscription.reset();
    host.open();
    start();
  }
  void take(const char* integration, InboundEvent event) {
    bool done = false;
    intake->take(*intake->integration(integration), {std::move(event)}, [&](const Result<std::vector<std::string>>& keys) {
      EXPECT_TRUE(keys) << keys.error().message();
      done = true;
    });
    EXPECT_TRUE(host.executor.run_until([&] { return done; }, 10s));
  }
  void run(Duration span) { host.executor.run_for(span); }
  // Of this event, or heartbeat.
  std::size_t told_of(const char* label, const char* value) const {
    return static_cast<std::size_t>(std::count_if(told.begin(), told.end(), [&](const model::Alert& alert) {
      return alert.labels.get(label) == value;
    }));
  }

  state::SimHost host;
  IntakeOptions options;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<state::Subscription> subscription;
  std::vector<model::Alert> told;
  std::vector<std::string> acknowledged;
};

InboundEvent trigger(const std::string& key, const std::string& summary = "it burns") {
  InboundEvent event;
  event.key = key;
  event.summary = summary;
  event.severity = "critical";
  return event;
}
InboundEvent act(const std::string& key, InboundAction action) {
  InboundEvent event;
  event.key = key;
  event.action = action;
  return event;
}

TEST(Intake, ATriggerFiresUntilItIsResolved) {
  IntakeHost host;
  host.take("probe", trigger("k"));
  ASSERT_THAT(host.told, SizeIs(1));
  EXPECT_EQ(host.told[0].state, AlertState::kFiring);
  EXPECT_EQ(host.told[0].labels, (model::Labels{{"alertname", "probe"}, {"dedup_key", "k"}, {"integration", "probe"},
                                                {"service", "shop"}, {"severity", "critical"}}));
  host.run(24h);
  EXPECT_EQ(host.told_of("dedup_key", "k"), 1U) << "nobody said that it is over";
  host.take("probe", act("k", InboundAction::kResolve));
  ASSERT_EQ(host.told_of("dedup_key", "k"), 2U);
  EXPECT_EQ(host.told.back().state, AlertState::kResolved);
  EXPECT_EQ(host.told.back().fingerprint(), host.told[0].fingerprint());
  EXPECT_THAT(host.intake->open(), IsEmpty());
}

TEST(Intake, MoreWordsAreTheSameAlertAndTheSameWordsAreNoNews) {
  IntakeHost host;
  host.take("probe", trigger("k"));
  host.take("probe", trigger("k"));
  EXPECT_THAT(host.told, SizeIs(1));
  auto worse = trigger("k", "it burns more");
  worse.severity = "info";
  host.take("probe", worse);
  ASSERT_THAT(host.told, SizeIs(2));
  EXPECT_EQ(host.told[1].fingerprint(), host.told[0].fingerprint());
  EXPECT_EQ(host.told[1].annotations.get("summary"), "it burns more");
}

TEST(Intake, WhatIsNotOpenIsAcceptedAndDropped) {
  IntakeHost host;
  host.take("probe", act("k", InboundAction::kResolve));
  host.take("probe", act("k", InboundAction::kAcknowledge));
  host.take("forgetful", trigger("k"));
  host.take("probe", act("k", InboundAction::kResolve));
  EXPECT_THAT(host.told, SizeIs(1)) << "another integration's key is another event";
  EXPECT_THAT(host.acknowledged, IsEmpty());
  host.take("forgetful", act("k", InboundAction::kAcknowledge));
  EXPECT_THAT(host.acknowledged, ElementsAre("forgetful"));
}

TEST(Intake, ATriggerAfterAResolveIsNew) {
  IntakeHost host;
  host.take("probe", trigger("k"));
  host.take("probe", act("k", InboundAction::kResolve));
  host.run(1min);
  host.take("probe", trigger("k"));
  ASSERT_THAT(host.told, SizeIs(3));
  EXPECT_GT(host.told[2].active_at, host.told[0].active_at);
}

TEST(Intake, SilenceResolvesWhereThatIsConfigured) {
  IntakeHost host;
  host.take("forgetful", trigger("k"));
  host.run(59min);
  host.take("forgetful", trigger("k"));
  host.run(59min);
  EXPECT_EQ(host.told_of("dedup_key", "k"), 1U) << "the second trigger was news of it";
  host.run(2min);
  ASSERT_EQ(host.told_of("dedup_key", "k"), 2U);
  EXPECT_EQ(host.told.back().state, AlertState::kResolved);
}

TEST(Intake, WhatWasOpenIsOpenAfterACrash) {
  IntakeHost host;
  host.take("probe", trigger("k"));
  host.take("forgetful", trigger("k"));
  host.run(50min);
  host.crash_and_restart();
  ASSERT_THAT(host.intake->open(), SizeIs(2));
  host.told.clear();
  host.run(11min);
  ASSERT_THAT(host.told, SizeIs(1)) << "its time went on while nobody looked";
  host.take("probe", act("k", InboundAction::kResolve));
  EXPECT_THAT(host.told, SizeIs(2));
}

TEST(Intake, AnIntegrationThatIsGoneTakesItsAlertsWithIt) {
  IntakeHost host;
  host.take("probe", trigger("k"));
  auto fewer = host.options;
  fewer.integrations.erase(fewer.integrations.begin());
  host.intake->configure(fewer);
  host.run(3s);
  ASSERT_THAT(host.told, SizeIs(2));
  EXPECT_EQ(host.told[1].state, AlertState::kResolved);
}

TEST(Heartbeat, FiresWhenItStaysAwayAndEndsWithTheNext) {
  IntakeHost host;
  host.run(1h + 9min);
  EXPECT_THAT(host.told, IsEmpty());
  host.run(2min);
  ASSERT_THAT(host.told, SizeIs(1)) << "it never came at all";
  EXPECT_EQ(host.told[0].labels.get("heartbeat"), "backup");
  const auto beat = [&](bool failed) {
    bool done = false;
    host.intake->beat("backup", failed, [&](const Result<void>& kept) { done = bool(kept); });
    EXPECT_TRUE(host.host.executor.run_until([&] { return done; }, 5s));
  };
  beat(false);
  ASSERT_THAT(host.told, SizeIs(2));
  EXPECT_EQ(host.told[1].state, AlertState::kResolved);
  host.run(1h);
  host.crash_and_restart();
  host.told.clear();
  host.run(11min);
  ASSERT_THAT(host.told, SizeIs(1)) << "due though the program was started anew";
  beat(false);
  host.told.clear();
  beat(true);
  ASSERT_THAT(host.told, SizeIs(1)) << "it says itself that it failed";
  EXPECT_THAT(std::string(host.told[0].annotations.get("summary")), HasSubstr("failed"));
}

TEST(Heartbeat, ARefusedCommitIsToldAndTriedAgain) {
  IntakeHost host;
  host.host.files.set_full(true);
  host.run(1h + 12min);
  EXPECT_THAT(host.told, IsEmpty());
  Code code{};
  host.intake->take(*host.intake->integration("probe"), {trigger("k")},
                    [&](const Result<std::vector<std::string>>& keys) { code = keys.error().code(); });
  host.run(2s);
  EXPECT_EQ(code, Code::kExhausted);
  EXPECT_THAT(host.intake->open(), IsEmpty()) << "what is not kept has not happened";
  host.host.files.set_full(false);
  host.run(5s);
  EXPECT_THAT(host.told, SizeIs(1));
}

TEST(Change, IsKeptNinetyDays) {
  IntakeHost host;
  model::Change change;
  change.source = "api";
  change.summary = "5.0 to production";
  change.service = "shop";
  host.intake->record(change, {});
  host.run(1s);
  ASSERT_THAT(host.intake->changes({}), SizeIs(1));
  EXPECT_THAT(host.intake->changes({.service = "bank", .from = {}, .to = {}}), IsEmpty());
  host.crash_and_restart();
  ASSERT_THAT(host.intake->changes({}), SizeIs(1));
  EXPECT_EQ(host.intake->changes({})[0].summary, "5.0 to production");
  host.host.clock.step_wall(91 * 24h);
  host.run(3s);
  EXPECT_THAT(host.intake->changes({}), IsEmpty());
}

// ---- SMTP ----

struct MailHost {
  MailHost() : receiver(host.env, "holdfast", [](const std::string& a) { return a == "alerts@here"; },
                        [this](ReceivedMail mail, const std::function<void(Result<void>)>& done) {
                          if (refuse) return done(*refuse);
                          mails.push_back(std::move(mail));
                          done({});
                        }) {
    EXPECT_TRUE(receiver.listen({"here", 25, ""}));
    host.network.host("mx").connect({"here", 25, ""}, 5s, [this](Result<std::unique_ptr<Connection>> made) {
      ASSERT_TRUE(made);
      connection = std::move(*made);
      read();
    });
    host.executor.run_for(1s);
  }
  ~MailHost() {
    connection.reset();
    host.executor.clear();
  }
  void read() {
    connection->read(4096, [this](Result<std::string> bytes) {
      if (!bytes || bytes->empty()) return;
      answers += *bytes;
      read();
    });
  }
  // The answers to what is said.
  std::string say(const std::string& text) {
    answers.clear();
    connection->write(text, {});
    host.executor.run_for(1s);
    return answers;
  }

  state::SimHost host;
  std::optional<Error> refuse;
  std::vector<ReceivedMail> mails;
  SmtpReceiver receiver;
  std::unique_ptr<Connection> connection;
  std::string answers;
};

TEST(SmtpReceiver, TakesPipelinedMailForItsAddressesAlone) {
  MailHost mx;
  EXPECT_THAT(mx.answers, HasSubstr("220 holdfast"));
  EXPECT_THAT(mx.say("EHLO mx\r\n"), HasSubstr("250 8BITMIME"));
  EXPECT_EQ(mx.say("MAIL FROM:<a@x> SIZE=100\r\nRCPT TO:<other@here>\r\nRCPT TO:<alerts@here>\r\nDATA\r\n"),
            "250 ok\r\n550 no such address here\r\n250 ok\r\n354 end with a dot alone on a line\r\n");
  EXPECT_EQ(mx.say("Subject: s\r\n\r\n..dot\r\nbody\r\n.\r\nQUIT\r\n"), "250 kept\r\n221 bye\r\n");
  ASSERT_THAT(mx.mails, SizeIs(1));
  EXPECT_EQ(mx.mails[0].sender, "a@x");
  EXPECT_THAT(mx.mails[0].recipients, ElementsAre("alerts@here"));
  EXPECT_EQ(mx.mails[0].data, "Subject: s\r\n\r\n.dot\r\nbody\r\n");
}

TEST(SmtpReceiver, WhatCannotBeKeptNowIsAskedForAgain) {
  MailHost mx;
  mx.refuse = Error(Code::kExhausted, "the disk is full");
  mx.say("HELO mx\r\nMAIL FROM:<>\r\nRCPT TO:<alerts@here>\r\nDATA\r\n");
  EXPECT_EQ(mx.say("x\r\n.\r\n"), "451 the disk is full\r\n");
  mx.refuse = invalid("no mail");
  mx.say("MAIL FROM:<>\r\nRCPT TO:<alerts@here>\r\nDATA\r\n");
  EXPECT_EQ(mx.say("x\r\n.\r\n"), "554 no mail\r\n");
}

TEST(SmtpReceiver, OrderAndSizesAreHeld) {
  MailHost mx;
  EXPECT_EQ(mx.say("DATA\r\n"), "503 RCPT first\r\n");
  EXPECT_EQ(mx.say("RCPT TO:<alerts@here>\r\n"), "503 MAIL first\r\n");
  EXPECT_EQ(mx.say("MAIL FROM:<a> SIZE=99999999\r\n"), "552 larger than 1 MiB\r\n");
  EXPECT_THAT(mx.say("STARTTLS\r\n"), HasSubstr("502"));
  mx.say("MAIL FROM:<a>\r\nRCPT TO:<alerts@here>\r\nDATA\r\n");
  std::string large;
  for (int i = 0; i < 1100; ++i) large += std::string(998, 'x') + "\r\n";
  EXPECT_EQ(mx.say(large + ".\r\n"), "552 larger than 1 MiB\r\n");
  EXPECT_EQ(mx.say(std::string(3000, 'y')), "500 line too long\r\n");
}

}  // namespace
}  // namespace holdfast::respond::intake
