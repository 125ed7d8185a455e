#include "respond/words/desk.h"

#include <gtest/gtest.h>

#include "respond/respond_host.h"
#include "respond/words/fields.h"

namespace holdfast::respond::words {
namespace {

using model::AlertState;

struct SubstituteCase {
  const char* name;
  const char* text;
  const char* want;
  const char* error;
};

TEST(Words, FieldsAreReplacedAndWhatIsWrongIsNamed) {
  const SubstituteCase cases[] = {
      {"plain", "no field", "no field", ""},
      {"one", "[{level}] x", "[P1] x", ""},
      {"braces", "{{level}} {level}", "{level} P1", ""},
      {"a value is not read again", "{odd}", "{level}", ""},
      {"all missing at once", "{a} {level} {b} {a}", "", "missing fields: a, b"},
      {"unclosed", "one\ntwo {level", "",
       "line 2: a '{' that is not closed; write '{{' for a brace"},
      {"unopened", "x } y", "", "line 1: a '}' without its '{'; write '}}' for a brace"},
      {"bad name", "{Level}", "",
       "line 1: 'Level' is no field; allowed: lower-case letters, digits and _"},
  };
  for (const auto& test : cases) {
    const auto got = substitute(test.text, {{"level", "P1"}, {"odd", "{level}"}});
    EXPECT_EQ(got.has_value(), *test.error == 0) << test.name;
    EXPECT_EQ(got ? *got : got.error().message(), *test.error == 0 ? test.want : test.error)
        << test.name;
  }
}

WordsSettings settings() {
  WordsSettings settings;
  settings.zone = "Asia/Shanghai";
  settings.external_url = "https://holdfast.example";
  settings.contacts.hotline = "+1-555-INCIDENT (1-555-462-4336)";
  settings.contacts.support_mail = "support@example.com";
  settings.contacts.team = {
      {"张三", "技术负责人", "+86-138-0000-0001", "zhangsan@company.com", "@zhangsan", ""}};
  return settings;
}

model::Incident told_incident() {
  auto incident = make_incident();  // 2026-01-01T12:00Z is 20:00 there
  incident.extent = "下单功能，全部用户";
  incident.user_impact = "无法下单";
  incident.expected_recovery_at = kNoon + 1h;
  incident.next_update_at = kNoon + 30min;
  incident.roles.push_back({"commander", "@zhangsan", "@lisi", kNoon, "holdfast"});
  incident.handling.root_cause = "磁盘写满";
  incident.handling.permanent_fix = "日志轮转";
  return incident;
}

std::string rendered(const std::string& name, const std::string& language,
                     const model::Incident& incident) {
  for (const auto& text : builtin_texts()) {
    if (text.name != name || text.language != language) continue;
    auto done = render(text, incident_fields(incident, model::scheme_a().level(incident.rank),
                                             settings(), language, kNoon + 90min));
    return done ? done->subject + "\n" + done->body : done.error().message();
  }
  return "no such text";
}

// Mission M13-31: all eleven fields, as the runbook has them.
TEST(Words, TheIncidentNoticeHoldsItsElevenFields) {
  const auto text = rendered("incident_notice", "zh", told_incident());
  for (const char* line :
       {"🚨 事故通知", "事故级别: P1", "影响范围: 下单功能，全部用户",
        "开始时间: 2026-01-01 20:00:00", "预计恢复时间: 2026-01-01 21:00:00", "当前状态: 处理中",
        "负责人: @zhangsan", "联系方式: +86-138-0000-0001 / zhangsan@company.com",
        "详细描述:\nHighErrors on enhancer", "处理进展:\n", "用户影响:\n无法下单",
        "后续更新:\n2026-01-01 20:30:00"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

// M13-32: the duration is computed, in hours and minutes.
TEST(Words, TheResolvedNoticeHoldsItsTenFields) {
  auto incident = told_incident();
  ASSERT_TRUE(resolve(incident, "ops", "", kNoon + 125min).has_value());
  const auto text = rendered("incident_resolved", "zh", incident);
  for (const char* line :
       {"✅ 事故解决通知", "事故级别: P1", "影响范围: 下单功能", "开始时间: 2026-01-01 20:00:00",
        "解决时间: 2026-01-01 22:05:00", "持续时间: 2 小时 5 分钟", "负责人: @zhangsan",
        "解决方案:\n日志轮转", "根因分析:\n磁盘写满", "改进措施:\n", "用户影响:\n无法下单"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

// M13-17, M13-33: whoever gets it knows whom to call and where to go.
TEST(Words, TheEmergencyNoticeOfAP1NamesHotlineCommanderAndWarRoom) {
  auto incident = told_incident();
  incident.war_room.name = "incident-20260101-001";
  for (const auto* language : {"zh", "en"}) {
    const auto text = rendered("p1_emergency", language, incident);
    for (const char* part : {"🚨 [P1]", "+1-555-INCIDENT (1-555-462-4336)", "@zhangsan",
                             "incident-20260101-001", "enhancer"})
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Words, EveryTextOfAnIncidentIsFilledInBothLanguages) {
  for (const auto& text : builtin_texts()) {
    if (text.name.starts_with("deployment_")) continue;
    const auto done =
        render(text, incident_fields(make_incident(), model::scheme_a().level(model::Rank::kWorst),
                                     {}, text.language, kNoon));
    EXPECT_TRUE(done.has_value()) << text.name << ": " << (done ? "" : done.error().message());
  }
}

// M13-36..M13-38: the deployment texts name exactly the fields of the mission.
TEST(Words, DeploymentTextsNameTheMissionsFields) {
  const std::map<std::string, std::vector<std::string>> want = {
      {"deployment_start",
       {"deployment_start_time", "estimated_completion_time", "grafana_dashboard_url",
        "deployment_status_url", "deployment_lead", "emergency_contact"}},
      {"deployment_phase",
       {"phase_number", "phase_name", "traffic_percentage", "error_rate", "response_time_p95",
        "active_agents", "total_agents", "next_phase_number", "next_phase_start_time"}},
      {"deployment_urgent",
       {"issue_description", "impact_scope", "current_status", "mitigation_actions",
        "incident_commander", "next_update_time"}},
  };
  for (const auto& text : builtin_texts()) {
    const auto known = want.find(text.name);
    if (known == want.end()) continue;
    const auto fields = *fields_of(text.subject + "\n" + text.body);
    for (const auto& field : known->second)
      EXPECT_NE(std::find(fields.begin(), fields.end(), field), fields.end())
          << text.name << " " << text.language << " " << field;
    Fields given;
    for (const auto& field : fields) given[field] = "<" + field + ">";
    given["product"] = "Claude Enhancer 5.1";
    const auto done = render(text, given);
    ASSERT_TRUE(done.has_value()) << text.name << ": " << done.error().message();
    for (const auto& field : known->second)
      EXPECT_NE((done->subject + done->body).find("<" + field + ">"), std::string::npos) << field;
    if (text.name == "deployment_start" && text.language == "zh") {
      EXPECT_EQ(done->subject, "[Claude Enhancer 5.1] 部署开始通知");
    }
  }
}

TEST(Drafts, ThePublicHearsOnlyWhatASecondPersonApproved) {
  Draft draft;
  draft.id = "d";
  draft.audience = "users_mail";
  draft.body = "words";
  draft.written_by = "a";
  EXPECT_FALSE(sent(draft, {}, "a", kNoon).has_value()) << "not approved";
  EXPECT_FALSE(approved(draft, true, "a", kNoon).has_value()) << "the same person";
  EXPECT_TRUE(approved(draft, false, "a", kNoon).has_value());
  auto good = approved(draft, true, "b", kNoon);
  ASSERT_TRUE(good.has_value());
  const auto changed = edited(*good, "", "other words", "b");
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->state, "draft") << "other words were not approved";
  EXPECT_FALSE(approved(*changed, true, "b", kNoon).has_value()) << "b wrote the last words";
  auto done = sent(*good, {"users"}, "a", kNoon);
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(sent(*done, {}, "a", kNoon).has_value()) << "once";
  EXPECT_FALSE(rejected(*done, "late", "b").has_value());
  draft.audience = "team";
  EXPECT_TRUE(sent(draft, {}, "a", kNoon).has_value()) << "the team may hear drafts";
}

struct DeskHost : RespondHost {
  DeskHost() {
    DeskOptions options;
    options.settings = settings();
    options.second_person = true;
    options.receivers = {{"users_mail", {"team"}}};
    desk = std::make_unique<Desk>(host.env, *host.journal, *outbox, *notifier, options);
  }
  ~DeskHost() { host.executor.clear(); }

  Result<Draft> ask(std::function<void(Desk::Done)> act) {
    std::optional<Result<Draft>> answer;
    act([&](Result<Draft> result) { answer = std::move(result); });
    run(5s);
    return answer ? std::move(*answer) : Result<Draft>(internal("never answered"));
  }

  std::unique_ptr<Desk> desk;
};

TEST(WordsDesk, ADraftIsSentOnceAndStandsOnTheTimeline) {
  DeskHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(2s);
  const auto incident = host.incidents->active().at(0);
  const auto draft = host.ask([&](Desk::Done done) {
    host.desk->draft("user_email", "en", &incident, {}, {}, "a", std::move(done));
  });
  ASSERT_TRUE(draft.has_value()) << draft.error().message();
  const auto pages = host.pager.bodies.size();
  const auto early = host.ask(
      [&](Desk::Done done) { host.desk->send(draft->id, &incident, "a", std::move(done)); });
  EXPECT_FALSE(early.has_value());
  EXPECT_EQ(host.pager.bodies.size(), pages) << "nothing unapproved leaves the house";
  ASSERT_TRUE(
      host.ask([&](Desk::Done done) { host.desk->approve(draft->id, "b", std::move(done)); })
          .has_value());
  ASSERT_TRUE(host.ask([&](Desk::Done done) {
                    host.desk->send(draft->id, &incident, "a", std::move(done));
                  })
                  .has_value());
  ASSERT_EQ(host.pager.bodies.size(), pages + 1);
  EXPECT_NE(host.pager.bodies.back().find("Dear user"), std::string::npos);
  EXPECT_EQ(host.pager.keys.back(), "words/" + draft->id + "/team");
  bool told = false;
  const auto active = host.incidents->active();
  for (const auto& entry : active.at(0).timeline) told = told || entry.kind == "words_sent";
  EXPECT_TRUE(told);
}

TEST(WordsDesk, AnEditedTextWinsUntilItIsTakenBack) {
  DeskHost host;
  std::optional<Result<Text>> answer;
  Text text;
  text.name = "in_app";
  text.language = "en";
  text.subject = "{service}";
  text.body = "We are on it: {status}";
  host.desk->edit_text(text, "a", [&](Result<Text> result) { answer = std::move(result); });
  host.run(1s);
  ASSERT_TRUE(answer && answer->has_value());
  const auto incident = make_incident();
  EXPECT_EQ(host.desk->preview("in_app", "en", &incident, {}, {})->body,
            "We are on it: in progress");
  text.body = "broken {";
  host.desk->edit_text(text, "a", [&](Result<Text> result) { answer = std::move(result); });
  EXPECT_FALSE(answer->has_value());
  host.desk->restore_text("in_app", "en", "a",
                          [&](Result<Text> result) { answer = std::move(result); });
  host.run(1s);
  EXPECT_NE(host.desk->preview("in_app", "en", &incident, {}, {})->body.find("News:"),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::respond::words
