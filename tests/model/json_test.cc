// What the journal and the API write reads back the same; what is wrong is named.
#include <gtest/gtest.h>

#include <cmath>

#include "model/incident.h"
#include "model/operations.h"

namespace holdfast::model {
namespace {

const WallTime kAt = *parse_time("2026-11-21T10:22:04.123Z");

template <typename T>
void expect_round_trip(const T& value) {
  const auto text = dump_json(value);
  const auto back = parse_json<T>(text);
  ASSERT_TRUE(back.has_value()) << back.error().message() << "\n" << text;
  EXPECT_EQ(dump_json(*back), text);
}

Incident an_incident() {
  Incident incident;
  incident.id = IncidentId("INC-20261121-001");
  incident.title = "enhancer: 错误率过高 \"5xx\"";
  incident.service = "enhancer";
  incident.group = {{"service", "enhancer"}};
  incident.rank = Rank::kWorst;
  incident.scheme = "B";
  incident.state = IncidentState::kMitigated;
  incident.drill = true;
  incident.started_at = kAt;
  incident.opened_at = kAt + 2s;
  incident.acknowledged_at = kAt + 3s;
  incident.acknowledged_by = "holdfast";
  incident.mitigated_at = kAt + 5s;
  incident.alerts = {{"cbf29ce484222325", {{"alertname", "HighErrors"}}, AlertState::kFiring}};
  TimelineEntry entry{kAt, "opened", "opened", "holdfast", {}, 12};
  entry.evidence = Evidence{"up == 0", "0", "1", "5s", "rules.yml:3", "up at 1"};
  incident.timeline = {entry, {kAt + 1s, "note", "n", "a person", {}, 0}};
  incident.previous = "INC-20261120-004";
  return incident;
}

TEST(ModelJson, EveryTypeReadsBackWhatItWrote) {
  expect_round_trip(an_incident());
  Alert alert{{{"alertname", "A"}},
              {{"summary", "s"}},
              AlertState::kResolved,
              kAt,
              kAt + 1s,
              kAt + 2s,
              0.125,
              {}};
  expect_round_trip(alert);
  Notification notice{"k", "INC-1", "ops", "slack", "opened", NotificationState::kDelivered,
                      3,   "ok",    kAt,   kAt + 1s};
  expect_round_trip(notice);
  Instance instance{"enhancer/5.0/2",
                    "enhancer",
                    "5.0",
                    2,
                    "127.0.0.1:9000",
                    "",
                    4711,
                    InstanceState::kFailed,
                    3,
                    "exit by signal 9",
                    kAt};
  expect_round_trip(instance);
  Fault fault;
  fault.id = "hang_enhancer_1";
  fault.rank = Rank::kLow;
  fault.open = false;
  fault.detected_at = kAt;
  fault.closed_at = kAt + 9s;
  expect_round_trip(fault);
  Remedy remedy;
  remedy.id = "r";
  remedy.state = RemedyState::kNotHelped;
  remedy.steps = {{"graceful_shutdown", false, "timeout", kAt}};
  remedy.planned_at = kAt;
  remedy.verified_at = kAt + 1s;
  expect_round_trip(remedy);
  Drill drill;
  drill.id = "d";
  drill.requests = 123456789012;
  drill.restored_at = kAt;
  expect_round_trip(drill);
  expect_round_trip(Automation{true, "a", "b", kAt});
  expect_round_trip(Audit{"a", "drill.run", "x", "ok", "127.0.0.1", kAt});
  expect_round_trip(Evidence{"q", "v", "t", "w", "s", "o"});
  expect_round_trip(Labels{{"a", "b"}});
}

TEST(ModelJson, ReadsIntoTheSameMembers) {
  const auto back = parse_json<Incident>(dump_json(an_incident()));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->id.value, "INC-20261121-001");
  EXPECT_EQ(back->rank, Rank::kWorst);
  EXPECT_EQ(back->state, IncidentState::kMitigated);
  EXPECT_EQ(back->opened_at, kAt + 2s);
  EXPECT_EQ(back->mitigated_at, kAt + 5s);
  EXPECT_FALSE(back->resolved_at.has_value());
  EXPECT_TRUE(back->drill);
  ASSERT_EQ(back->alerts.size(), 1u);
  EXPECT_EQ(back->alerts[0].labels.get("alertname"), "HighErrors");
  ASSERT_EQ(back->timeline.size(), 2u);
  EXPECT_EQ(back->timeline[0].evidence, an_incident().timeline[0].evidence);
  EXPECT_EQ(back->timeline[0].source_seq, 12);
  EXPECT_FALSE(back->timeline[1].evidence.has_value());
}

TEST(ModelJson, AbsentOptionalsAreLeftOutAndUnknownMembersIgnored) {
  Alert alert;
  EXPECT_EQ(dump_json(alert).find("fired_at"), std::string::npos);
  const auto read = parse_json<Alert>(R"({"future":{"x":[1]},"resolved_at":null,"value":2})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->value, 2);
  EXPECT_FALSE(read->resolved_at.has_value());
  EXPECT_EQ(read->state, AlertState::kPending);
}

TEST(ModelJson, ValuesThatJsonCannotWriteTravelAsText) {
  Alert alert;
  alert.value = std::nan("");
  EXPECT_TRUE(std::isnan(parse_json<Alert>(dump_json(alert))->value));
  alert.value = -HUGE_VAL;
  EXPECT_EQ(parse_json<Alert>(dump_json(alert))->value, -HUGE_VAL);
}

TEST(ModelJson, BytesThatAreNotUtf8DoNotStopTheJournal) {
  Evidence evidence;
  evidence.value = "bad \xc3\x28 byte";
  const auto back = parse_json<Evidence>(dump_json(evidence));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->value, "bad \xef\xbf\xbd( byte");
}

TEST(ModelJson, AWrongMemberIsNamedByItsPath) {
  struct Case {
    const char* text;
    const char* want;
  };
  const Case cases[] = {
      {R"([])", "must be an object, is array"},
      {R"({"title":5})", "member title: must be a string, is number"},
      {R"({"drill":"yes"})", "member drill: must be true or false, is string"},
      {R"({"group":{"a":1}})", "member group.a: must be a string, is number"},
      {R"({"group":[]})", "member group: must be an object, is array"},
      {R"({"alerts":{}})", "member alerts: must be a list, is object"},
      {R"({"alerts":[{"state":"on"}]})",
       "member alerts[0].state: must be one of pending, firing, resolved"},
      {R"({"timeline":[{},{"source_seq":1.5}]})",
       "member timeline[1].source_seq: must be a whole number, is number"},
      {R"({"timeline":[{"source_seq":18446744073709551615}]})",
       "member timeline[0].source_seq: is out of range: 18446744073709551615"},
      {R"({"timeline":[{"evidence":{"query":[]}}]})",
       "member timeline[0].evidence.query: must be a string, is array"},
      {R"({"rank":"P1"})", "member rank: must be one of critical, high, warning, low"},
      {R"({"state":"closed"})",
       "member state: must be one of open, acknowledged, mitigated, resolved"},
      {R"({"rank":null})", "member rank: must be a string, is null"},
  };
  for (const auto& c : cases) {
    const auto read = parse_json<Incident>(c.text);
    ASSERT_FALSE(read.has_value()) << c.text;
    EXPECT_EQ(read.error().message(), c.want) << c.text;
    EXPECT_EQ(read.error().code(), Code::kInvalid);
  }
  EXPECT_FALSE(parse_json<Incident>(R"({"opened_at":"yesterday"})").has_value());
  EXPECT_FALSE(parse_json<Incident>("{\"title\":").has_value());
  EXPECT_FALSE(parse_json<Incident>("").has_value());
  EXPECT_EQ(parse_json<Instance>(R"({"index":4294967296})").error().message(),
            "member index: is out of range: 4294967296");
}

TEST(ModelNames, EnumsHaveStableNames) {
  EXPECT_EQ(incident_state_of("mitigated"), IncidentState::kMitigated);
  EXPECT_EQ(incident_state_of("closed"), std::nullopt);
  EXPECT_EQ(incident_state_name(IncidentState::kResolved), "resolved");
  EXPECT_EQ(alert_state_name(AlertState::kFiring), "firing");
  EXPECT_EQ(instance_state_name(InstanceState::kFailed), "failed");
  EXPECT_EQ(remedy_state_name(RemedyState::kNotHelped), "not_helped");
  EXPECT_EQ(remedy_state_name(RemedyState::kEscalated), "escalated");
  EXPECT_EQ(notification_state_name(NotificationState::kFailed), "failed");
}

}  // namespace
}  // namespace holdfast::model
