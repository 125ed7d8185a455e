#include "learn/postmortem/postmortem.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "learn/postmortem/pdf.h"
#include "learn/postmortem/postmortems.h"
#include "state/sim_host.h"

namespace holdfast::learn {
namespace {

const WallTime kNoon = *parse_time("2026-11-21T12:00:00Z");

model::Incident an_incident() {
  model::Incident incident;
  incident.id = model::IncidentId("INC-20261121-001");
  incident.title = "数据库连接失败";
  incident.service = "shop";
  incident.rank = model::Rank::kWorst;
  incident.scheme = "B";
  incident.state = model::IncidentState::kResolved;
  incident.started_at = kNoon;
  incident.opened_at = kNoon + 1min;
  incident.acknowledged_at = kNoon + 2min;
  incident.acknowledged_by = "ann";
  incident.resolved_at = kNoon + 65min;
  incident.extent = "下单";
  incident.handling.temporary_fix = "重启";
  incident.timeline = {{kNoon, "impact_started", "it began", "holdfast", {}, 0, "e1"},
                       {kNoon + 1min, "notified", "opened to team", "holdfast", {}, 0, "e2"},
                       {kNoon + 65min, "resolved", "it ended", "ann", {}, 0, "e3"}};
  incident.timeline[1].pinned = false;
  model::IncidentTask task;
  task.kind = "improvement";
  task.title = "watch the disk";
  task.category = "monitoring";
  incident.tasks = {task};
  return incident;
}

Postmortem drafted() { return draft_postmortem(an_incident(), "zh", 48h, kNoon + 66min); }

// Mission M13-51: the six parts, the timeline filled.
TEST(Postmortem, IsDraftedFromTheTimelineInSixParts) {
  const auto postmortem = drafted();
  EXPECT_EQ(postmortem.level, "P0");
  EXPECT_EQ(postmortem.owner, "ann");
  ASSERT_EQ(postmortem.timeline.size(), 2U) << "notices tell nothing, unless pinned";
  EXPECT_EQ(postmortem.timeline[1].entry, "e3");
  ASSERT_EQ(postmortem.actions.size(), 1U);
  EXPECT_EQ(postmortem.actions[0].category, "monitoring");
  const auto text = postmortem_markdown(postmortem, kNoon);
  for (const char* part : {"# [P0] 数据库连接失败", "## 事故概述", "持续时间: 1 小时 5 分钟",
                           "## 时间线", "it began", "## 根因分析", "## 影响评估", "下单",
                           "## 解决方案", "重启", "## 改进措施", "watch the disk"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

// M13-54.
TEST(Postmortem, IsOverdueAfter48HoursUntilItIsReviewed) {
  auto postmortem = drafted();
  EXPECT_FALSE(postmortem.overdue(kNoon + 65min + 48h));
  EXPECT_TRUE(postmortem.overdue(kNoon + 65min + 48h + 1s));
  postmortem.reviewed_at = kNoon + 49h;
  EXPECT_FALSE(postmortem.overdue(kNoon + 100h));
}

struct StateCase {
  const char* from;
  const char* to;
  bool allowed;
};

TEST(Postmortem, GoesThroughItsStatesOnly) {
  const StateCase cases[] = {
      {"draft", "in_review", true},    {"in_review", "reviewed", true},
      {"in_review", "draft", true},    {"reviewed", "closed", true},
      {"reviewed", "in_review", true}, {"draft", "reviewed", false},
      {"draft", "closed", false},      {"closed", "draft", false},
      {"reviewed", "nonsense", false},
  };
  for (const auto& test : cases) {
    auto postmortem = drafted();
    postmortem.state = test.from;
    postmortem.root_cause = "a full disk";
    postmortem.actions[0].owner = "bob";
    postmortem.actions[0].due_at = kNoon;
    EXPECT_EQ(in_state(postmortem, test.to, "ann", kNoon).has_value(), test.allowed)
        << test.from << " to " << test.to;
  }
}

TEST(Postmortem, AReviewNeedsACauseAndClosingNeedsOwners) {
  auto postmortem = drafted();
  const auto early = in_state(postmortem, "in_review", "ann", kNoon);
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().message(), "a review needs 'root_cause'");
  postmortem.state = "reviewed";
  EXPECT_EQ(in_state(postmortem, "closed", "ann", kNoon).error().message(),
            "action a1 needs owner and due date before closing");
  ActionEdit edit;
  edit.id = "a1";
  edit.owner = "bob";
  edit.due_at = kNoon + 24h;
  const auto owned = with_action(postmortem, edit, "ann", kNoon);
  ASSERT_TRUE(owned.has_value());
  const auto closed = in_state(*owned, "closed", "ann", kNoon);
  ASSERT_TRUE(closed.has_value());
  EXPECT_FALSE(with_texts(*closed, {{"impact", "none"}}, "ann", kNoon).has_value());
  edit.owner.reset();
  edit.state = "done";
  EXPECT_TRUE(with_action(*closed, edit, "ann", kNoon).has_value()) << "the work goes on";
}

TEST(Postmortem, ReadsBackWhatItWrote) {
  const auto text = dump_json(drafted());
  const auto back = parse_json<Postmortem>(text);
  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_EQ(dump_json(*back), text);
}

bool has_chinese_font() {
  return std::any_of(pdf_fonts().begin(), pdf_fonts().end(),
                     [](const auto& path) { return std::ifstream(path).good(); });
}

TEST(PostmortemPdf, ShowsChinese) {
  if (!has_chinese_font()) GTEST_SKIP() << "no font with Chinese: install fonts-wqy-microhei";
  auto postmortem = drafted();
  for (int i = 0; i < 60; ++i)
    postmortem.lessons += "经验教训很长很长很长很长，行会断开。Words of letters break at blanks. ";
  const auto pdf = markdown_pdf(postmortem_markdown(postmortem, kNoon), "postmortem");
  ASSERT_TRUE(pdf.has_value()) << pdf.error().message();
  ASSERT_TRUE(pdf->starts_with("%PDF-"));
  if (std::system("command -v pdftotext > /dev/null") != 0)
    GTEST_SKIP() << "pdftotext is not installed (package poppler-utils)";
  const auto path = testing::TempDir() + "postmortem_test.pdf";
  std::ofstream(path, std::ios::binary) << *pdf;
  auto* pipe = popen(("pdftotext " + path + " - 2>/dev/null").c_str(), "r");
  std::string text;
  char buffer[4096];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  pclose(pipe);
  for (const char* part :
       {"数据库连接失败", "时间线", "1 小时 5 分钟", "Words of letters break at blanks."})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(PostmortemPdf, WithoutAFontTellsWhatToInstall) {
  const auto pdf = markdown_pdf("# x", "x", "/nowhere.ttf");
  ASSERT_FALSE(pdf.has_value());
  EXPECT_EQ(pdf.error().code(), Code::kUnavailable);
}

struct LearnHost {
  LearnHost() { start(); }
  ~LearnHost() { host.executor.clear(); }

  void start() {
    client = std::make_unique<net::Client>(host.env);
    outbox = std::make_unique<state::Outbox>(host.env, *host.journal);
    respond::NotifierOptions options;
    respond::Receiver receiver;
    receiver.name = "log";
    receiver.kind = "log";
    options.receivers = {receiver};
    notifier = std::make_unique<respond::Notifier>(host.env, *client, *outbox, options);
    postmortems = std::make_unique<Postmortems>(host.env, *host.journal, *outbox, *notifier,
                                                PostmortemOptions{});
    ASSERT_TRUE(postmortems->start().has_value());
    ASSERT_TRUE(outbox->start().has_value());
  }

  void publish(model::Incident incident) {
    incident.resolved_at = host.clock.now();
    state::Batch batch;
    batch.document("incident", incident.id.value, dump_json(incident));
    batch.entry(model::kIncidentChanged, incident.id.value, dump_json(incident));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
    host.executor.run_for(1s);
  }

  std::size_t told() {
    std::size_t count = 0;
    for (const auto& document : *host.journal->documents("notification"))
      count += document.id.find("postmortem_overdue") != std::string::npos ? 1 : 0;
    return count;
  }

  state::SimHost host;
  std::unique_ptr<net::Client> client;
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<respond::Notifier> notifier;
  std::unique_ptr<Postmortems> postmortems;
};

TEST(Postmortems, EveryEndedIncidentGetsOneAndLatenessIsToldOnceOverACrash) {
  LearnHost host;
  auto drill = an_incident();
  drill.id = model::IncidentId("INC-2");
  drill.drill = true;
  host.publish(an_incident());
  host.publish(drill);
  host.publish(an_incident());
  ASSERT_EQ(host.postmortems->list().size(), 1U);
  host.host.executor.run_for(47h);
  EXPECT_EQ(host.told(), 0U);
  host.host.crash();
  host.postmortems.reset();
  host.notifier.reset();
  host.outbox.reset();
  host.client.reset();
  host.host.open();
  host.start();
  host.host.executor.run_for(2h);
  EXPECT_EQ(host.told(), 1U);
  host.host.executor.run_for(48h);
  EXPECT_EQ(host.told(), 1U);
}

}  // namespace
}  // namespace holdfast::learn
