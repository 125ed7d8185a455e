// Incidents with rules of response: over crashes, with a chat that answers as it is told.
#include <gtest/gtest.h>

#include "respond/respond_host.h"

namespace holdfast::respond {
namespace {

using model::AlertState;
using model::Incident;
using model::IncidentId;

std::size_t count_of(const std::vector<std::string>& keys, const std::string& event) {
  std::set<std::string> found;
  for (const auto& key : keys) {
    if (key.find("/" + event + "/") != std::string::npos) found.insert(key);
  }
  return found.size();
}

Result<Incident> ask(RespondHost& host, std::function<void(Incidents::Done)> act) {
  std::optional<Result<Incident>> answer;
  act([&](Result<Incident> result) { answer = std::move(result); });
  host.run(5s);
  return answer ? std::move(*answer) : Result<Incident>(internal("never answered"));
}

// M13-11: the due time is a member of the incident, so a crash forgets nothing.
TEST(IncidentResponse, ABreachIsToldOnceOverACrash) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(4min);
  EXPECT_EQ(count_of(host.pager.keys, "response_overdue"), 0U);
  host.crash_and_restart();
  host.run(2min);
  EXPECT_EQ(count_of(host.pager.keys, "response_overdue"), 1U);
  host.crash_and_restart();
  host.run(5min);
  EXPECT_EQ(count_of(host.pager.keys, "response_overdue"), 1U);
}

TEST(IncidentResponse, AnAcknowledgementStopsTheClock) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1min);
  const auto id = host.incidents->active().at(0).id;
  ASSERT_TRUE(
      ask(host, [&](auto done) { host.incidents->acknowledge(id, "ops", done); }).has_value());
  host.run(14min);
  EXPECT_EQ(count_of(host.pager.keys, "response_overdue"), 0U);
  EXPECT_EQ(count_of(host.pager.keys, "recovery_overdue"), 1U) << "nobody began to repair (M14-08)";
}

TEST(IncidentResponse, OnePersonsRefusedActLeavesNothingBehind) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1s);
  const auto id = host.incidents->active().at(0).id;
  const auto refused = ask(host, [&](auto done) {
    host.incidents->change(
        id, "ops",
        [](Incident& i, const Who& who) {
          return set_fields(i, {{"extent", "all"}, {"source", "a dream"}}, who);
        },
        done);
  });
  EXPECT_FALSE(refused.has_value());
  EXPECT_TRUE(host.incidents->find(id)->extent.empty());
}

TEST(IncidentResponse, MergedAlertsStayWithTheOtherAndSplitOnesWithTheirOwn) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.publish(make_alert("Refused", AlertState::kFiring, host.now(), "high", "billing"));
  host.run(2s);
  IncidentId enhancer, billing;
  for (const auto& incident : host.incidents->active())
    (incident.service == "billing" ? billing : enhancer) = incident.id;
  ASSERT_TRUE(ask(host, [&](auto done) {
                host.incidents->merge(billing, enhancer, "ops", done);
              }).has_value());
  // Another alert of the merged group joins; the merged one resolves there.
  host.publish(make_alert("Slow", AlertState::kFiring, host.now(), "high", "billing"));
  host.run(2s);
  ASSERT_EQ(host.incidents->active().size(), 1U);
  EXPECT_EQ(host.incidents->active()[0].alerts.size(), 3U);
  EXPECT_EQ(host.incidents->find(billing)->merged_into, enhancer.value);

  const auto slow = make_alert("Slow", AlertState::kFiring, host.now(), "high", "billing");
  const auto part = ask(host, [&](auto done) {
    host.incidents->split(enhancer, {slow.fingerprint()}, "", "ops", done);
  });
  ASSERT_TRUE(part.has_value()) << part.error().message();
  host.publish(make_alert("Slow", AlertState::kResolved, host.now(), "high", "billing"));
  host.run(10s);
  EXPECT_FALSE(host.incidents->find(part->id)->active());
  EXPECT_TRUE(host.incidents->find(enhancer)->active());
  host.crash_and_restart();
  host.run(5s);
  EXPECT_EQ(host.incidents->active().size(), 1U) << "a restart opens nothing anew";
}

TEST(IncidentResponse, AnEndedIncidentIsStillWrittenOnAndClosed) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1s);
  const auto id = host.incidents->active().at(0).id;
  host.publish(make_alert("HighErrors", AlertState::kResolved, host.now()));
  host.run(10s);
  const auto act = [&](Incidents::Act change) {
    return ask(host, [&](auto done) { host.incidents->change(id, "ops", change, done); });
  };
  EXPECT_FALSE(act([](Incident& i, const Who& who) { return close(i, who); }).has_value());
  ASSERT_TRUE(act([](Incident& i, const Who& who) {
                return confirm(i, {{"extent", "all"}}, who);
              }).has_value());
  for (const char* check : {"function_verified", "users_informed"})
    ASSERT_TRUE(act([check](Incident& i, const Who& who) {
                  return add_check(i, check, "", who);
                }).has_value());
  const auto closed = act([](Incident& i, const Who& who) { return close(i, who); });
  ASSERT_TRUE(closed.has_value()) << closed.error().message();
  EXPECT_TRUE(host.incidents->active().empty());
  EXPECT_EQ(host.incidents->find(id)->phase(), "closed");
}

// M13-24: all three sources open one; what a person declares is timed as any other.
TEST(IncidentResponse, PeopleDeclareToo) {
  RespondHost host;
  for (const char* source : {"automatic", "user_report", "proactive"}) {
    Incident wish;
    wish.title = "checkout is slow";
    wish.service = "shop";
    wish.source = source;
    wish.rank = model::Rank::kHigh;
    const auto opened =
        ask(host, [&](auto done) { host.incidents->declare(wish, "support", done); });
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(opened->source, source);
    ASSERT_NE(opened->clock("response"), nullptr);
    EXPECT_EQ(opened->clock("response")->due_at - opened->opened_at, 30min);
  }
  Incident wish;
  wish.title = "x";
  wish.source = "rumour";
  EXPECT_FALSE(ask(host, [&](auto done) { host.incidents->declare(wish, "a", done); }).has_value());
}

TEST(IncidentResponse, AnIncidentOfAnEarlierVersionIsReadAndGoesOn) {
  RespondHost host;
  state::Batch batch;
  batch.document(
      "incident", "INC-20260101-007",
      R"({"id":"INC-20260101-007","title":"old","service":"shop","group":{"service":"shop"},)"
      R"("rank":"high","scheme":"A","state":"open","started_at":"2026-01-01T11:00:00.000Z",)"
      R"("opened_at":"2026-01-01T11:00:00.000Z","alerts":[],)"
      R"("timeline":[{"at":"2026-01-01T11:00:00.000Z","kind":"opened","text":"Opened"}]})");
  ASSERT_TRUE(host.host.commit(std::move(batch)).has_value());
  host.crash_and_restart();
  ASSERT_EQ(host.incidents->active().size(), 1U);
  EXPECT_EQ(host.incidents->active()[0].timeline[0].id, "e1");
  const auto noted = ask(host, [&](auto done) {
    host.incidents->note(IncidentId("INC-20260101-007"), "ops", "still here", done);
  });
  ASSERT_TRUE(noted.has_value());
  EXPECT_EQ(noted->timeline.back().id, "e2");
}

// A chat that speaks Slack's API, as far as war rooms need it.
struct Chat {
  explicit Chat(state::SimHost& host)
      : env{host.clock, host.random, host.files, host.network.host("chat"), host.executor} {
    for (const char* method :
         {"conversations.create", "conversations.invite", "chat.postMessage"}) {
      router.add(
          "POST", "/api/" + std::string(method),
          [this, method](const net::Request& request, net::ResponderPtr to) {
            calls.emplace_back(method, request.body);
            token = std::string(request.headers.get("authorization"));
            const auto known = answers.find(method);
            to->send(net::Response::json(
                200, known == answers.end() ? R"({"ok":true,"channel":{"id":"C1","name":"x"}})"
                                            : known->second));
          });
    }
    server = std::make_unique<net::Server>(env, router);
    EXPECT_TRUE(server->listen({"chat", 80, ""}).has_value());
  }
  Env env;
  net::Router router;
  std::unique_ptr<net::Server> server;
  std::map<std::string, std::string> answers;
  std::vector<std::pair<std::string, std::string>> calls;
  std::string token;
};

struct RoomHost : RespondHost {
  RoomHost() : chat(host) {
    WarRoomOptions room;
    room.kind = "slack";
    room.url = "http://chat:80/api";
    room.token = "xoxb-1";
    room.invite = {"U1", "U2"};
    rooms = std::make_unique<WarRooms>(host.env, *client, *outbox, room);
    incidents->make_rooms_with(*rooms);
    IncidentOptions options;
    options.response.war_room = true;
    incidents->configure(options, {});
  }
  ~RoomHost() { host.executor.clear(); }

  Incident open_one() {
    publish(make_alert("HighErrors", AlertState::kFiring, now()));
    run(20s);
    return incidents->active().at(0);
  }

  Chat chat;
  std::unique_ptr<WarRooms> rooms;
};

// M13-12, M13-20.
TEST(WarRoom, IsMadeNamedInvitedToAndTicked) {
  RoomHost host;
  const auto incident = host.open_one();
  EXPECT_EQ(incident.war_room.state, "open");
  EXPECT_EQ(incident.war_room.name, "#incident-" + incident.id.value.substr(4));
  EXPECT_EQ(incident.war_room.id, "C1");
  ASSERT_EQ(host.chat.calls.size(), 3U);
  EXPECT_NE(host.chat.calls[0].second.find("\"incident-2"), std::string::npos)
      << "no '#' for Slack";
  EXPECT_NE(host.chat.calls[1].second.find("U1,U2"), std::string::npos);
  EXPECT_EQ(host.chat.token, "Bearer xoxb-1");
  for (const auto& task : incident.tasks) {
    if (task.key == "open_war_room" || task.key == "inform_team") {
      EXPECT_EQ(task.state, "done");
    }
  }
}

struct ChatCase {
  const char* name;
  const char* answer;  // of conversations.create
  const char* state;
  const char* detail;
};

TEST(WarRoom, IsJudgedByWhatTheChatSays) {
  const ChatCase cases[] = {
      {"an earlier attempt made it", R"({"ok":false,"error":"name_taken"})", "open", ""},
      {"a bad token is final", R"({"ok":false,"error":"invalid_auth"})", "failed",
       "conversations.create: invalid_auth"},
      {"an outage passes", R"({"ok":false,"error":"internal_error"})", "wanted", ""},
      {"nonsense is an outage", "<html>", "wanted", ""},
      {"members of wrong types", R"({"ok":"yes","error":7,"channel":[]})", "failed",
       "conversations.create: no reason given"},
  };
  for (const auto& test : cases) {
    RoomHost host;
    host.chat.answers["conversations.create"] = test.answer;
    const auto incident = host.open_one();
    EXPECT_EQ(incident.war_room.state, test.state) << test.name;
    EXPECT_EQ(incident.war_room.detail, test.detail) << test.name;
  }
}

TEST(WarRoom, IsNotMadeForLesserIncidentsNorDrills) {
  RoomHost host;
  host.publish(make_alert("Slow", AlertState::kFiring, host.now(), "warning"));
  host.run(20s);
  EXPECT_TRUE(host.chat.calls.empty());
  EXPECT_TRUE(host.incidents->active().at(0).war_room.name.empty());
}

TEST(IncidentTimeline, ShowsChangesPagesAndEscalations) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1s);
  const auto id = host.incidents->active().at(0).id.value;
  state::Batch batch;
  batch.entry("change.recorded", "c1",
              R"({"service":"enhancer","summary":"deploy","version":"v2","actor":"ci"})");
  batch.entry(
      "page.changed", "p1",
      R"({"incident":")" + id +
          R"(","person":"zhangsan","why":"primary","state":"handed_over","method":{"kind":"sms"}})");
  batch.entry("escalation.changed", id, R"({"incident":")" + id + R"(","text":"step 2 begins"})");
  batch.entry("change.recorded", "c2", "[]");
  ASSERT_TRUE(host.host.commit(std::move(batch)).has_value());
  host.run(2s);
  std::map<std::string, std::string> texts;
  const auto incident = host.incidents->active().at(0);
  for (const auto& entry : incident.timeline) texts[entry.kind] = entry.text;
  EXPECT_EQ(texts["change"], "deploy v2");
  EXPECT_EQ(texts["page"], "sms to zhangsan (primary): handed_over");
  EXPECT_EQ(texts["escalation"], "step 2 begins");
}

}  // namespace
}  // namespace holdfast::respond
