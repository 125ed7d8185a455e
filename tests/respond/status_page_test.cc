// The status page in virtual time: drafts, publishing, subscribers, files; and what ninety days add up to.
#include "respond/status/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/http.h"
#include "respond/status/draft.h"
#include "respond/status/history.h"
#include "state/sim_host.h"

namespace holdfast::respond::status {
namespace {

using model::IncidentState;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

struct PageHost {
  PageHost() : hook_env{host.clock, host.random, host.files, host.network.host("hook"), host.executor} {
    options.page.title = "Shop & Co";
    options.page.url = "https://status.example.org";
    options.components = {{"shop", "Shop", "", "shop", "where people buy"}, {"core-db", "Database", "Core", "db", ""}};
    options.directory = "/pages";
    start();
  }
  ~PageHost() { host.executor.clear(); }

  void start() {
    client = std::make_unique<net::Client>(host.env);
    outbox = std::make_unique<state::Outbox>(host.env, *host.journal);
    page = std::make_unique<StatusPage>(host.env, *host.journal, *outbox, *client);
    ASSERT_TRUE(page->start(options));
    ASSERT_TRUE(outbox->start());
    host.executor.run_for(50ms);
  }
  void crash_and_restart() {
    host.crash();
    page.reset();
    outbox.reset();
    client.reset();
    host.open();
    start();
  }
  void tell(model::Incident incident) {
    state::Batch batch;
    batch.entry(model::kIncidentChanged, incident.id.value, dump_json(incident));
    ASSERT_TRUE(host.commit(std::move(batch)));
    host.executor.run_for(100ms);
  }
  Result<Post> publish(const std::string& id, Publication publication) {
    std::optional<Result<Post>> answer;
    page->publish(id, std::move(publication), "ann", [&](Result<Post> post) { answer = std::move(post); });
    host.executor.run_until([&] { return answer.has_value(); }, 10s);
    return answer ? *answer : Result<Post>(internal("never answered"));
  }
  std::string file(const std::string& name) {
    host.executor.run_for(1s);
    const auto files = page->files();
    const auto it = files->find(name);
    return it == files->end() ? "" : it->second;
  }
  json summary() { return json::parse(file("api/v2/summary.json")); }

  state::SimHost host;
  Env hook_env;
  StatusOptions options;
  std::unique_ptr<net::Client> client;
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<StatusPage> page;
};

model::Incident incident(IncidentState state, const std::string& service = "shop") {
  model::Incident incident;
  incident.id = model::IncidentId("INC-1");
  incident.title = "HighErrorRate{instance=secret}";
  incident.service = service;
  incident.rank = model::Rank::kHigh;
  incident.state = state;
  return incident;
}
Publication words(const std::string& status, const std::string& body = "We look into it.") {
  Publication publication;
  publication.status = status;
  publication.body = body;
  return publication;
}

TEST(StatusPage, AnIncidentIsDraftedAndNobodySeesIt) {
  PageHost host;
  host.tell(incident(IncidentState::kOpen));
  ASSERT_THAT(host.page->posts(), SizeIs(1));
  const auto post = host.page->posts()[0];
  EXPECT_FALSE(post.published());
  EXPECT_EQ(post.name, "Problems with Shop");
  EXPECT_EQ(post.impact, "major");
  EXPECT_THAT(post.updates[0].body, Not(HasSubstr("secret"))) << "titles of alerts are not for the public";
  EXPECT_EQ(host.summary()["status"]["indicator"], "none");
  EXPECT_THAT(host.summary()["incidents"], IsEmpty());
}

TEST(StatusPage, WhatIsPublishedIsOnThePageAndFollowsTheIncident) {
  PageHost host;
  host.tell(incident(IncidentState::kOpen));
  const auto id = host.page->posts()[0].id;
  ASSERT_TRUE(host.publish(id, words("investigating", "Orders <fail> & wait")));
  auto summary = host.summary();
  EXPECT_EQ(summary["status"]["indicator"], "major");
  EXPECT_EQ(summary["components"][0]["status"], "partial_outage");
  EXPECT_EQ(summary["components"][2]["status"], "operational");
  EXPECT_THAT(host.file("index.html"), HasSubstr("Orders &lt;fail&gt; &amp; wait"));
  EXPECT_THAT(host.file("index.zh.html"), HasSubstr("部分系统中断"));
  EXPECT_THAT(host.file("incidents/" + id + ".html"), HasSubstr("Problems with Shop"));
  EXPECT_THAT(host.file("history.rss"), HasSubstr("Orders &amp;lt;fail&amp;gt;"));

  host.tell(incident(IncidentState::kResolved));
  EXPECT_EQ(host.summary()["incidents"].size(), 1U) << "only a person ends it";
  EXPECT_EQ(host.page->post(id)->updates.back().status, "resolved");
  EXPECT_TRUE(host.page->post(id)->updates.back().draft);
  ASSERT_TRUE(host.publish(id, words("resolved")));
  summary = host.summary();
  EXPECT_EQ(summary["status"]["description"], "All Systems Operational");
  EXPECT_THAT(summary["incidents"], IsEmpty());
  const auto all = json::parse(host.file("api/v2/incidents.json"))["incidents"];
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0]["incident_updates"][0]["status"], "resolved") << "newest first";
}

TEST(StatusPage, ADraftIsReplacedByTheNextAndGoesWithTheIncident) {
  PageHost host;
  host.tell(incident(IncidentState::kOpen));
  host.tell(incident(IncidentState::kOpen));
  host.tell(incident(IncidentState::kAcknowledged));
  ASSERT_THAT(host.page->posts(), SizeIs(1));
  EXPECT_THAT(host.page->posts()[0].updates, SizeIs(1));
  EXPECT_EQ(host.page->posts()[0].updates[0].status, "identified");
  host.tell(incident(IncidentState::kResolved));
  EXPECT_THAT(host.page->posts(), IsEmpty()) << "it was over before anybody was told";
  auto drill = incident(IncidentState::kOpen);
  drill.drill = true;
  host.tell(drill);
  host.tell(incident(IncidentState::kOpen, "inner"));
  auto mild = incident(IncidentState::kOpen);
  mild.rank = model::Rank::kLow;
  host.tell(mild);
  EXPECT_THAT(host.page->posts(), IsEmpty()) << "drills, other services and what is mild are not drafted";
}

TEST(StatusPage, BadPublicationsChangeNothing) {
  PageHost host;
  host.tell(incident(IncidentState::kOpen));
  const auto id = host.page->posts()[0].id;
  const auto says = [&](Publication publication) { return host.publish(id, std::move(publication)).error().message(); };
  EXPECT_THAT(says(words("fine")), HasSubstr("allowed: investigating, identified"));
  EXPECT_THAT(says(words("resolved", " ")), HasSubstr("'body' is missing"));
  auto unknown = words("identified");
  unknown.components = {{"nothing", ComponentStatus::kDegraded}};
  EXPECT_THAT(says(unknown), HasSubstr("no component 'nothing'"));
  auto impact = words("identified");
  impact.impact = "huge";
  EXPECT_THAT(says(impact), HasSubstr("'impact' is 'huge'"));
  EXPECT_EQ(host.publish("none", words("identified")).error().code(), Code::kNotFound);
  EXPECT_FALSE(host.page->post(id)->published());
}

TEST(StatusPage, EverythingIsThereAfterACrash) {
  PageHost host;
  host.tell(incident(IncidentState::kOpen));
  const auto id = host.page->posts()[0].id;
  ASSERT_TRUE(host.publish(id, words("investigating", "before the crash")));
  host.crash_and_restart();
  EXPECT_THAT(host.file("index.html"), HasSubstr("before the crash"));
  EXPECT_THAT(host.host.files.read_file("/pages/index.html").value_or(""), HasSubstr("before the crash"));
}

TEST(StatusPage, MaintenanceIsNoIncident) {
  PageHost host;
  const auto now = host.host.clock.now();
  std::optional<Post> made;
  auto first = words("scheduled", "We move.");
  first.components = {{"core-db", ComponentStatus::kMaintenance}};
  host.page->draft("maintenance", "Move of the database", first, now + std::chrono::hours(24),
                   now + std::chrono::hours(26), "ann", [&](Result<Post> post) { made = *post; });
  host.host.executor.run_for(1s);
  ASSERT_TRUE(made.has_value());
  ASSERT_TRUE(host.publish(made->id, first));
  EXPECT_EQ(host.summary()["status"]["indicator"], "none") << "it has not begun";
  EXPECT_EQ(json::parse(host.file("api/v2/scheduled-maintenances/upcoming.json"))["scheduled_maintenances"].size(), 1U);
  ASSERT_TRUE(host.publish(made->id, words("in_progress")));
  EXPECT_EQ(host.summary()["status"]["indicator"], "maintenance");
  EXPECT_THAT(host.summary()["incidents"], IsEmpty());
  std::string error;
  host.page->draft("maintenance", "Backwards", first, now, now, "ann", [&](Result<Post> post) { error = post.error().message(); });
  host.host.executor.run_for(1s);
  EXPECT_THAT(error, HasSubstr("'scheduled_for' before 'scheduled_until'"));
}

TEST(Subscribers, AreAskedFirstThenToldAndCanLeave) {
  PageHost host;
  host.options.smtp.host = "mail";
  host.page->configure(host.options);
  const auto subscribe = [&](const std::string& kind, const std::string& target) {
    std::optional<Result<void>> answer;
    host.page->subscribe(kind, target, "en", {}, [&](Result<void> done) { answer = std::move(done); });
    host.host.executor.run_for(100ms);
    return answer ? *answer : Result<void>(internal("never answered"));
  };
  EXPECT_THAT(subscribe("email", "no address").error().message(), HasSubstr("is no mail address"));
  EXPECT_THAT(subscribe("email", "a@b.org\r\nBcc: c@d.org").error().message(), HasSubstr("is no mail address"));
  EXPECT_THAT(subscribe("webhook", "http://plain").error().message(), HasSubstr("no https:// URL"));
  EXPECT_THAT(subscribe("pigeon", "x").error().message(), HasSubstr("allowed: email, webhook"));
  ASSERT_TRUE(subscribe("webhook", "https://hook/x"));
  ASSERT_TRUE(subscribe("webhook", "https://HOOK/x")) << "known already, and that is nobody's business";
  ASSERT_THAT(host.page->subscribers(), SizeIs(1));
  EXPECT_FALSE(host.page->subscribers()[0].confirmed);
  Code code{};
  host.page->confirm(host.page->subscribers()[0].id, "guessed", [&](Result<void> done) { code = done.error().code(); });
  host.host.executor.run_for(100ms);
  EXPECT_EQ(code, Code::kNotFound);
  EXPECT_FALSE(host.page->subscribers()[0].confirmed);
}

// ---- ninety days ----

Post outage(WallTime from, WallTime to, ComponentStatus status, const std::string& id = "p") {
  Post post;
  post.id = id;
  post.published_at = from;
  post.updates = {{"1", from, "investigating", "b", "ann", false, {{"shop", status}}},
                  {"2", to, "resolved", "b", "ann", false, {{"shop", ComponentStatus::kOperational}}}};
  return post;
}

TEST(History, TheWorseOfWhatOverlapsCountsOnce) {
  const auto now = parse_time("2026-11-21T12:00:00Z").value();
  const auto at = [&](const char* text) { return parse_time(text).value(); };
  const std::vector<Post> posts = {
      outage(at("2026-11-20T23:00:00Z"), at("2026-11-21T01:00:00Z"), ComponentStatus::kMajorOutage, "a"),
      outage(at("2026-11-21T00:30:00Z"), at("2026-11-21T02:00:00Z"), ComponentStatus::kPartialOutage, "b"),
      outage(at("2026-11-19T00:00:00Z"), at("2026-11-19T06:00:00Z"), ComponentStatus::kMaintenance, "c")};
  const auto days = component_days("shop", posts, now, 3);
  ASSERT_THAT(days, SizeIs(3));
  EXPECT_EQ(days[0].worst, ComponentStatus::kMaintenance);
  EXPECT_EQ(days[0].major_seconds + days[0].partial_seconds, 0);
  EXPECT_EQ(days[1].major_seconds, 3600);
  EXPECT_EQ(days[2].major_seconds, 3600);
  EXPECT_EQ(days[2].partial_seconds, 3600) << "half an hour of it was a major outage already";
  EXPECT_THAT(days[2].posts, ElementsAre("a", "b"));
  // 60 hours are over, 2 of them down and 1 by three tenths.
  EXPECT_NEAR(uptime_percent(days, now), 100 * (1 - 2.3 / 60), 1e-9);
  EXPECT_EQ(component_days("other", posts, now, 90).back().worst, ComponentStatus::kOperational);
}

TEST(History, WhatGoesOnLastsUntilNow) {
  const auto now = parse_time("2026-11-21T12:00:00Z").value();
  auto post = outage(parse_time("2026-11-21T11:00:00Z").value(), now, ComponentStatus::kMajorOutage);
  post.updates.pop_back();
  EXPECT_EQ(component_days("shop", {post}, now, 1)[0].major_seconds, 3600);
  EXPECT_EQ(component_status("shop", {post}), ComponentStatus::kMajorOutage);
  post.updates[0].draft = true;
  EXPECT_EQ(component_days("shop", {post}, now, 1)[0].major_seconds, 0);
}

}  // namespace
}  // namespace holdfast::respond::status
