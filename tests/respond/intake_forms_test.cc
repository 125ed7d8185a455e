// Every form events come in: what is read from it, and what its sender is told when it is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "respond/intake/deploy_hook.h"
#include "respond/intake/mail.h"
#include "respond/intake/pagerduty.h"
#include "respond/intake/webhook.h"

namespace holdfast::respond::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

std::string event_body(const std::string& members) {
  return R"({"routing_key":")" + std::string(kKey) + "\"," + members + "}";
}
std::vector<std::string> errors_of(const std::string& body) {
  const auto parsed = parse_pagerduty_event(body);
  const auto* problem = std::get_if<InboundProblem>(&parsed);
  return problem == nullptr ? std::vector<std::string>() : problem->errors;
}

TEST(PagerdutyEvent, ATriggerIsReadWhole) {
  const auto parsed = parse_pagerduty_event(event_body(
      R"("event_action":"trigger","dedup_key":"disk/var","client":"probe","client_url":"http://p/1",
         "payload":{"summary":"disk full","source":"db-1","severity":"critical","timestamp":"2026-11-21T10:00:00Z",
                    "component":"disk","group":"db","class":"space","custom_details":{"used %":97,"note":"grows"}},
         "links":[{"href":"http://r/2","text":"runbook"}])"));
  const auto* event = std::get_if<PagerdutyEvent>(&parsed);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->routing_key, kKey);
  EXPECT_EQ(event->event.key, "disk/var");
  EXPECT_EQ(event->event.summary, "disk full");
  EXPECT_EQ(event->event.severity, "critical");
  EXPECT_EQ(event->event.labels.get("source"), "db-1");
  EXPECT_EQ(event->event.labels.get("class"), "space");
  EXPECT_EQ(event->event.annotations.get("used__"), "97");
  EXPECT_EQ(event->event.url, "http://r/2");
  ASSERT_TRUE(event->event.at.has_value());
  EXPECT_EQ(format_time(*event->event.at), "2026-11-21T10:00:00.000Z");
}

TEST(PagerdutyEvent, WhatIsWrongIsToldInItsWords) {
  const struct {
    std::string body;
    std::vector<std::string> errors;
  } cases[] = {
      {"[]", {"Body is not a JSON object"}},
      {"{", {"Body is not a JSON object"}},
      {R"({"routing_key":"short","event_action":"resolve","dedup_key":"a"})",
       {"Length of 'routing_key' is incorrect (should be 32 characters)"}},
      {event_body(R"("event_action":"explode","payload":{"summary":"s","source":"h","severity":"info"})"),
       {"'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"}},
      {event_body(R"("event_action":"resolve")"), {"'dedup_key' is missing or blank"}},
      {event_body(R"("event_action":"trigger")"), {"'payload' is missing or blank"}},
      {event_body(R"("event_action":"trigger","payload":{"summary":"","severity":"loud"})"),
       {"'payload.summary' is missing or blank",
        "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        "'payload.source' is missing or blank"}},
      {event_body(R"("event_action":"trigger","dedup_key":")" + std::string(256, 'k') +
                  R"(","payload":{"summary":"s","source":"h","severity":"info"})"),
       {"Length of 'dedup_key' is incorrect (should be at most 255 characters)"}},
      {event_body(R"("event_action":"trigger","images":[{"src":"http://x"}],"payload":{"summary":"s","source":"h","severity":"info"})"),
       {"'images.src' is invalid (must use https)"}},
      {std::string(513 * 1024, ' '), {"Event exceeds the maximum size of 512 KB"}},
  };
  for (const auto& one : cases) EXPECT_EQ(errors_of(one.body), one.errors) << one.body.substr(0, 200);
}

TEST(PagerdutyEvent, ADetailIsCutAndAThousandOfThemAreNotKept) {
  std::string details;
  for (int i = 0; i < 1000; ++i) details += (i ? ",\"d" : "\"d") + std::to_string(i) + "\":\"" + std::string(3000, 'x') + "\"";
  // Larger than 512 KiB in all is refused, so most of the thousand are short.
  const auto parsed = parse_pagerduty_event(event_body(
      R"("event_action":"trigger","payload":{"summary":"s","source":"h","severity":"info","custom_details":{)" +
      details.substr(0, details.find("\"d100\"") - 1) + "}}"));
  const auto* event = std::get_if<PagerdutyEvent>(&parsed);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->event.annotations.size(), 32U);
  EXPECT_LE(event->event.annotations.get("d0").size(), 2000U);
}

Mapping disk_mapping() {
  Mapping mapping;
  mapping.each = "checks";
  mapping.key = "{host}/{disk.name}";
  mapping.name = "Disk";
  mapping.summary = "{disk.name} on {host} is {disk.used}% full {{now}";
  mapping.severity = "{level}";
  mapping.labels = {{"site", "{site}"}, {"rack", "{nowhere}"}};
  mapping.status = "state";
  mapping.resolved = {"fine"};
  mapping.acknowledged = {"seen"};
  return mapping;
}

TEST(Mapping, FillsPlacesFromTheItemThenFromTheBody) {
  const auto parsed = parse_mapped(
      R"({"site":"north","checks":[{"host":"a","disk":{"name":"/var","used":97},"level":"critical","state":"bad"},
          {"host":"b","disk":{"name":"/","used":12},"state":"FINE"},{"host":"c","disk":{"name":"/x"},"state":"seen"}]})",
      disk_mapping());
  const auto* events = std::get_if<std::vector<InboundEvent>>(&parsed);
  ASSERT_NE(events, nullptr);
  ASSERT_EQ(events->size(), 3U);
  EXPECT_EQ((*events)[0].key, "a//var");
  EXPECT_EQ((*events)[0].summary, "/var on a is 97% full {now}");
  EXPECT_EQ((*events)[0].severity, "critical");
  EXPECT_EQ((*events)[0].labels, (model::Labels{{"site", "north"}})) << "what is not there makes no label";
  EXPECT_EQ((*events)[0].action, InboundAction::kTrigger);
  EXPECT_EQ((*events)[1].action, InboundAction::kResolve);
  EXPECT_EQ((*events)[2].action, InboundAction::kAcknowledge);
}

TEST(Mapping, WithoutAKeyNameAndLabelsAreIt) {
  Mapping mapping;
  mapping.name = "{n}";
  mapping.labels = {{"host", "{h}"}};
  mapping.summary = "{t}";
  const auto key = [&](const char* body) {
    return std::get<std::vector<InboundEvent>>(parse_mapped(body, mapping)).front().key;
  };
  EXPECT_EQ(key(R"({"n":"Up","h":"a","t":"one"})"), key(R"({"n":"Up","h":"a","t":"two"})"));
  EXPECT_NE(key(R"({"n":"Up","h":"a","t":"one"})"), key(R"({"n":"Up","h":"b","t":"one"})"));
}

TEST(Mapping, MistakesAreFoundWhenItIsRead) {
  const struct {
    const char* summary;
    const char* says;
  } cases[] = {{"{a", "a brace is not closed; write {{ for a brace"}, {"{ }", "{} names no place"}};
  for (const auto& one : cases) {
    Mapping mapping;
    mapping.summary = one.summary;
    const auto good = check_mapping(mapping);
    ASSERT_FALSE(good) << one.summary;
    EXPECT_THAT(good.error().message(), HasSubstr(one.says));
    EXPECT_THAT(good.error().message(), HasSubstr("'summary'"));
  }
  Mapping labels;
  labels.labels = {{"1st", "x"}};
  EXPECT_THAT(check_mapping(labels).error().message(), HasSubstr("'1st' is no label name"));
  Mapping words;
  words.resolved = {"ok"};
  EXPECT_THAT(check_mapping(words).error().message(), HasSubstr("need 'status'"));
  EXPECT_TRUE(check_mapping(disk_mapping()));
}

TEST(Mapping, ABodyOfAnotherFormIsRefused) {
  const auto says = [&](const char* body) {
    const auto parsed = parse_mapped(body, disk_mapping());
    return std::get<InboundProblem>(parsed).errors;
  };
  EXPECT_THAT(says("nonsense"), ElementsAre("the body is not JSON"));
  EXPECT_THAT(says(R"({"checks":{}})"), ElementsAre("'checks' of the body must be a list"));
}

TEST(AlertmanagerWebhook, KeepsTheIdentityOfEachAlert) {
  const auto parsed = parse_alertmanager_webhook(
      R"({"version":"4","status":"firing","alerts":[
          {"status":"firing","labels":{"alertname":"X","severity":"warning","job":"foo"},"annotations":{"summary":"s"},
           "startsAt":"2026-11-21T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/g"},
          {"status":"resolved","labels":{"alertname":"Y"},"endsAt":"2026-11-21T11:00:00Z"}]})");
  const auto* events = std::get_if<std::vector<InboundEvent>>(&parsed);
  ASSERT_NE(events, nullptr);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ((*events)[0].name, "X");
  EXPECT_EQ((*events)[0].severity, "warning");
  EXPECT_EQ((*events)[0].labels, (model::Labels{{"job", "foo"}}));
  EXPECT_EQ((*events)[0].url, "http://p/g");
  EXPECT_EQ((*events)[1].action, InboundAction::kResolve);
  EXPECT_EQ(format_time(*(*events)[1].at), "2026-11-21T11:00:00.000Z");
  EXPECT_THAT(std::get<InboundProblem>(parse_alertmanager_webhook(R"({"alerts":[{"labels":{}}]})")).errors,
              ElementsAre("alerts[0].labels is missing or empty"));
}

// The signature is `openssl dgst -sha256 -hmac a-secret-of-hooks` of the body.
TEST(GithubHook, NeedsTheSignatureOfItsBody) {
  const std::string body = R"({"ref":"refs/heads/main","after":"1111111111111111111111111111111111111111","repository":{"full_name":"o/r","default_branch":"main"},"head_commit":{"message":"Fix it\n\nmore","timestamp":"2026-11-21T10:00:00+01:00"},"sender":{"login":"octo"},"compare":"http://c"})";
  const std::string good = "sha256=9652b520173809f89f29eb86bf3eaa4c0b3ea06e1f7492c24eca75d55bdc1cb9";
  const auto change = read_github_hook({"push", good, body}, "a-secret-of-hooks");
  ASSERT_TRUE(change) << change.error().message();
  ASSERT_TRUE(change->has_value());
  EXPECT_EQ((*change)->summary, "o/r: Fix it");
  EXPECT_EQ((*change)->version, "111111111111");
  EXPECT_EQ((*change)->actor, "octo");
  EXPECT_EQ(format_time((*change)->at), "2026-11-21T09:00:00.000Z");
  EXPECT_EQ(read_github_hook({"push", good, body + " "}, "a-secret-of-hooks").error().code(), Code::kForbidden);
  EXPECT_EQ(read_github_hook({"push", good, body}, "another").error().code(), Code::kForbidden);
  EXPECT_EQ(read_github_hook({"push", "", body}, "a-secret-of-hooks").error().code(), Code::kForbidden);
}

TEST(GitlabHook, ReadsDeploymentsAndLeavesOtherBranchesAlone) {
  const auto read = [](const char* body) { return read_gitlab_hook({"", "the-token", body}, "the-token"); };
  const auto change = read(
      R"({"object_kind":"deployment","status":"failed","deployment_id":15,"environment":"production","short_sha":"279484c0",
          "project":{"path_with_namespace":"g/p"},"user":{"username":"dev"},"status_changed_at":"2026-04-28 21:50:00 +0200"})");
  ASSERT_TRUE(change && change->has_value());
  EXPECT_EQ((*change)->kind, "deployment");
  EXPECT_EQ((*change)->state, "failed");
  EXPECT_EQ((*change)->id, "gitlab/g/p/deployment/15/failed");
  EXPECT_EQ((*change)->summary, "g/p to production: failed");
  const auto other = read(R"({"object_kind":"push","ref":"refs/heads/x","project":{"default_branch":"main"}})");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->has_value());
  EXPECT_EQ(read_gitlab_hook({"", "wrong", "{}"}, "the-token").error().code(), Code::kForbidden);
  EXPECT_EQ(read("no json").error().code(), Code::kInvalid);
}

InboundEvent event_of_mail(const std::string& raw, const Mapping& mapping = {}) {
  const auto mail = read_mail(raw);
  EXPECT_TRUE(mail) << mail.error().message();
  return std::get<std::vector<InboundEvent>>(parse_mail_event(*mail, mapping)).front();
}

TEST(MailEvent, SubjectsOfOneThreadShareAKey) {
  const auto mail = [](const std::string& subject) {
    return "From: probe <probe@example.org>\r\nTo: alerts@example.org\r\nSubject: " + subject + "\r\n\r\nbody\r\n";
  };
  const auto begin = event_of_mail(mail("[CRITICAL] Disk /var on db-1"));
  const auto end = event_of_mail(mail("[OK] Disk /var on db-1"));
  EXPECT_EQ(begin.action, InboundAction::kTrigger);
  EXPECT_EQ(end.action, InboundAction::kResolve);
  EXPECT_EQ(begin.key, end.key);
  EXPECT_EQ(event_of_mail(mail("Re: PROBLEM: Disk /var on db-1")).key, begin.key);
  EXPECT_NE(event_of_mail(mail("[CRITICAL] Disk /var on db-2")).key, begin.key);
  EXPECT_EQ(event_of_mail(mail("Backup is not ok to restore")).action, InboundAction::kTrigger)
      << "only what stands in front tells the state";
}

TEST(MailEvent, EncodedSubjectsAndHtmlAreRead) {
  const auto event = event_of_mail(
      "From: a@example.org\r\nSubject: =?UTF-8?B?56OB55uY5bey5ruh?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
      "<p>used=20&amp;gone: <b>97%</b></p>\r\n--b--\r\n");
  EXPECT_EQ(event.summary, "磁盘已满");
  EXPECT_EQ(event.annotations.get("text"), "used &gone: 97%");
  EXPECT_EQ(event.annotations.get("from"), "a@example.org");
}

TEST(MailEvent, AMappingMayUseHeadersAndItsOwnWords) {
  Mapping mapping;
  mapping.key = "{headers.x-check}";
  mapping.resolved = {"behoben"};
  const auto event = event_of_mail("Subject: Fehler behoben\r\nX-Check: 17\r\n\r\n", mapping);
  EXPECT_EQ(event.key, "17");
  EXPECT_EQ(event.action, InboundAction::kResolve);
}

TEST(MailEvent, NoHeaderIsNoMail) {
  EXPECT_FALSE(read_mail(""));
}

}  // namespace
}  // namespace holdfast::respond::intake
