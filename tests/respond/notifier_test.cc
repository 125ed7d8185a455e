#include "respond/notify/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "net/child.h"
#include "respond/respond_host.h"
#include "respond/words/desk.h"

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

// Slack and a WeChat group in the simulated network; mail goes to a real server (Debian: python3-aiosmtpd).
class Channels : public ::testing::Test {
 protected:
  Channels() {
    chat.router.add("POST", "/{path...}",
                    [this](const net::Request& request, net::ResponderPtr to) {
                      told[request.path] = nlohmann::json::parse(request.body);
                      to->send(request.path == "/robot"
                                   ? net::Response::json(200, R"({"errcode":0,"errmsg":"ok"})")
                                   : net::Response::text(200, "ok"));
                    });
    EXPECT_TRUE(chat.server->listen({"chat", 80, ""}).has_value());
  }
  ~Channels() override {
    child.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }

  static Receiver receiver(const std::string& name, const std::string& kind,
                           const std::string& path = "") {
    Receiver one;
    one.name = name;
    one.kind = kind;
    if (!path.empty()) one.url = "http://chat:80" + path;
    return one;
  }
  // False when there is no mail server on this machine.
  bool start_mail_server() {
    for (const std::string candidate : {"/usr/bin/python3", "python3"}) {
      if (std::system((candidate + " -c 'import aiosmtpd' 2>/dev/null").c_str()) == 0)
        python = candidate;
    }
    if (python.empty()) return false;
    folder = net::temporary_dir();
    port = net::free_port(machine.transport);
    const std::string script =
        std::string(HOLDFAST_SOURCE_DIR) + "/tests/respond/send/mail_server.py";
    child = std::make_unique<net::Child>(
        std::vector<std::string>{python, script, std::to_string(port), folder}, folder + "/log");
    return child->wait_for(port);
  }
  Receiver mailing_list(const std::string& name, const std::string& address) const {
    auto list = receiver(name, "email");
    list.smtp.host = "127.0.0.1";
    list.smtp.port = port;
    list.from = "holdfast@company.com";
    list.to = {address};
    return list;
  }
  void configure(std::vector<Receiver> receivers) {
    NotifierOptions options;
    options.receivers = std::move(receivers);
    host.notifier->configure(options);
  }
  void open_incident() {
    host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
    host.run(10s);
  }
  // The first mail that came, its body decoded.
  std::string mail() const {
    std::ostringstream all;
    all << std::ifstream(folder + "/1.mail").rdbuf();
    const auto text = all.str();
    const auto body = text.rfind("\r\n\r\n");
    if (body == std::string::npos) return text;
    auto encoded = text.substr(body);
    encoded.erase(std::remove_if(encoded.begin(), encoded.end(),
                                 [](char c) { return c == '\r' || c == '\n'; }),
                  encoded.end());
    const auto decoded = base64_decode(encoded);
    return text.substr(0, body) + "\n\n" + (decoded ? *decoded : decoded.error().message());
  }

  struct Chat {
    explicit Chat(state::SimHost& host)
        : env{host.clock, host.random, host.files, host.network.host("chat"), host.executor},
          server(std::make_unique<net::Server>(env, router)) {}
    Env env;
    net::Router router;
    std::unique_ptr<net::Server> server;
  };
  RespondHost host;
  Chat chat{host.host};
  std::map<std::string, nlohmann::json> told;  // by path
  net::Machine machine;
  std::string python, folder;
  std::uint16_t port = 0;
  std::unique_ptr<net::Child> child;
};

// Mission M02-40.
TEST_F(Channels, TheWeChatGroupHearsOfAnIncident) {
  auto group = receiver("Aura Flow 事故响应群", "wecom_robot", "/robot");
  group.language = "zh";
  configure({group});
  open_incident();
  ASSERT_TRUE(told.contains("/robot"));
  EXPECT_EQ(told["/robot"]["msgtype"], "text");
  const auto text = told["/robot"]["text"]["content"].get<std::string>();
  EXPECT_THAT(text, HasSubstr("[P1]"));
  EXPECT_THAT(text, HasSubstr("HighErrors on enhancer"));
  EXPECT_EQ(notifications(host)[0].state, model::NotificationState::kDelivered);
}

// M02-41, M13-49: each is told by its own means, and of the same incident.
TEST_F(Channels, SlackTheWeChatGroupAndTheMailingListHearOfAnIncident) {
  if (!start_mail_server()) GTEST_SKIP() << "aiosmtpd is not installed (Debian: python3-aiosmtpd)";
  auto slack = receiver("slack", "slack", "/slack");
  slack.channel = "#incident-response";
  configure({slack, receiver("group", "wecom_robot", "/robot"),
             mailing_list("list", "incident-response@company.com")});
  open_incident();
  const auto id = host.incidents->active().at(0).id.value;
  EXPECT_EQ(told["/slack"]["channel"], "#incident-response");
  EXPECT_THAT(told["/slack"]["text"].get<std::string>(), HasSubstr(id));
  EXPECT_THAT(told["/robot"]["text"]["content"].get<std::string>(), HasSubstr(id));
  EXPECT_THAT(mail(), HasSubstr("FROM holdfast@company.com\nTO incident-response@company.com\n"));
  EXPECT_THAT(mail(), HasSubstr("(" + id + ")"));
  EXPECT_THAT(mail(), HasSubstr("What was seen:\n  - HighErrors on enhancer"));
  for (const auto& one : notifications(host))
    EXPECT_EQ(one.state, model::NotificationState::kDelivered)
        << one.receiver << ": " << one.detail;
}

// M13-35: the text of the mission, approved, in the customers' mail.
TEST_F(Channels, TheUsersMailArrivesWhenItWasApproved) {
  if (!start_mail_server()) GTEST_SKIP() << "aiosmtpd is not installed (Debian: python3-aiosmtpd)";
  open_incident();  // told before there is a list
  configure({mailing_list("customers", "users@example.com")});
  words::DeskOptions options;
  options.receivers = {{"users_mail", {"customers"}}};
  words::Desk desk(host.host.env, *host.host.journal, *host.outbox, *host.notifier, options);
  const auto incident = host.incidents->active().at(0);
  std::string id;
  const auto keep = [&](const Result<words::Draft>& draft) {
    if (draft) id = draft->id;
  };
  desk.draft("user_email", "zh", &incident, {}, {}, "ann", keep);
  host.run(1s);
  desk.approve(id, "bob", keep);
  host.run(1s);
  EXPECT_FALSE(std::filesystem::exists(folder + "/1.mail"));
  desk.send(id, &incident, "ann", keep);
  host.run(10s);
  EXPECT_THAT(mail(), HasSubstr("TO users@example.com\n"));
  EXPECT_THAT(mail(), HasSubstr("尊敬的用户：\n\nenhancer 目前出现问题，我们正在处理。\n"));
  EXPECT_THAT(mail(), HasSubstr("由此带来的不便，我们深表歉意。"));
  host.host.executor.clear();
}

}  // namespace
}  // namespace holdfast::respond
