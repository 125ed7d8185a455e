// What we send against what a real Alertmanager (0.28.1) sent: send/peer/alertmanager.yml is the file it ran with,
// send/peer/sent.json every request and mail of four tellings of two groups. Differences that are meant are named here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "respond/send/mail.h"
#include "respond/send_cases.h"

namespace holdfast::respond::send {
namespace {

using nlohmann::json;

struct Telling {
  json webhook;
  std::string subject;  // "[FIRING:1] One (2 1)": tells the tellings apart
};

// Where a kind's requests went.
const std::map<std::string, std::string> kPaths = {
    {"webhook", "/webhook"},     {"pagerduty", "/pagerduty"}, {"opsgenie", "/opsgenie/"},
    {"victorops", "/victorops"}, {"wechat", "/wechat/"},      {"telegram", "/telegram/"},
    {"discord", "/discord"},     {"webex", "/webex"},         {"msteams", "/msteams"},
    {"msteamsv2", "/msteamsv2"}, {"rocketchat", "/rocket/"},  {"slack", "/slack"}};

struct Peer {
  Peer() : sent(json::parse(read_test_file("peer/sent.json"))), config(config_of("peer/alertmanager.yml")) {
    for (const auto& request : sent["requests"]) {
      if (request["path"] == "/webhook") tellings.push_back(json::parse(request["body"].get<std::string>()));
    }
  }
  json sent;
  route::Config config;
  std::vector<json> tellings;
};

const Peer& peer() {
  static const Peer kOnce;
  return kOnce;
}

// The body without what later versions than the recorded one say otherwise.
std::string comparable(const std::string& kind, const std::string& text) {
  auto body = OrderedJson::parse(text, nullptr, false);
  if (kind == "webhook") {
    body.erase("notification_reason");  // since 0.32
    body.erase("routeLabels");          // since 0.34
  }
  if (kind == "pagerduty") body["payload"].erase("custom_details");  // lists of alerts since 0.30, texts before
  return go_json_line(body);
}

std::string request_text(const std::string& kind, const std::string& method, const std::string& path,
                         const std::string& body) {
  return method + " " + path + "\n" + (body.empty() ? "" : comparable(kind, body));
}

// Every request of one telling, with answers that let multi-step kinds go on.
std::set<std::string> ours(const std::string& kind, const route::Integration& integration, const json& telling) {
  Built built(notification_of(telling, "team.a"), *integration.settings);
  auto exchange = built.build(kind);
  EXPECT_TRUE(exchange) << kind;
  EXPECT_FALSE(built.words.error()) << kind << ": " << built.words.error()->message();
  std::set<std::string> out;
  while (exchange) {
    const auto url = *net::parse_url(exchange->request.url);
    if (url.target.find("gettoken") == std::string::npos) {
      out.insert(request_text(kind, exchange->request.method, url.target, exchange->request.body));
    }
    auto step = exchange->judge(answer_of(200, R"({"ok":true,"success":true,"errcode":0,"access_token":"TOK"})"));
    if (!step.next) {
      EXPECT_EQ(step.outcome.kind, Outcome::Kind::kDelivered) << kind << step.outcome.detail;
      break;
    }
    exchange = *step.next;
  }
  return out;
}

TEST(Peer, EveryBodyIsTheOneAlertmanagerSent) {
  ASSERT_EQ(peer().tellings.size(), 4U);
  for (const auto& [kind, prefix] : kPaths) {
    std::set<std::string> theirs, own;
    for (const auto& request : peer().sent["requests"]) {
      const auto path = request["path"].get<std::string>();
      const bool same = prefix.ends_with('/') ? path.starts_with(prefix) : path == prefix || path.starts_with(prefix + "/") || path == prefix + "plain";
      if (same) theirs.insert(request_text(kind, request["method"], path, request["body"]));
    }
    for (const auto& integration : peer().config.receivers[0].integrations) {
      if (integration.kind != kind) continue;
      for (const auto& telling : peer().tellings) own.merge(ours(kind, integration, telling));
    }
    EXPECT_THAT(own, testing::ContainerEq(theirs)) << kind;
    EXPECT_GE(theirs.size(), 4U) << kind;
  }
}

TEST(Peer, HeadersCarryWhoIsSpeaking) {
  const auto find = [](const std::string& kind) {
    for (const auto& one : peer().config.receivers[0].integrations) {
      if (one.kind == kind) return one;
    }
    return route::Integration{};
  };
  Built genie(notification_of(peer().tellings[0], "team.a"), *find("opsgenie").settings);
  EXPECT_EQ(genie.build("opsgenie")->request.headers.get("Authorization"), "GenieKey KEY");
  Built rocket(notification_of(peer().tellings[0], "team.a"), *find("rocketchat").settings);
  const auto request = rocket.build("rocketchat")->request;
  EXPECT_EQ(request.headers.get("X-Auth-Token"), "T");
  EXPECT_EQ(request.headers.get("X-User-Id"), "I");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/json");
}

// Headers by name and the rest, unfolded, without what no two mails share.
std::pair<std::map<std::string, std::string>, std::string> mail_parts(std::string raw) {
  for (auto at = raw.find("\r\n"); at != std::string::npos; at = raw.find("\r\n", at)) raw.replace(at, 2, "\n");
  const auto at = raw.find("boundary=") + 9;
  const auto boundary = raw.substr(at, raw.find('\n', at) - at);
  for (auto hit = raw.find(boundary); hit != std::string::npos; hit = raw.find(boundary)) raw.replace(hit, boundary.size(), "B");
  for (auto hit = raw.find("\n "); hit < raw.find("\n\n"); hit = raw.find("\n ")) raw.erase(hit, 1);
  std::map<std::string, std::string> headers;
  const auto end = raw.find("\n\n");
  std::istringstream lines(raw.substr(0, end));
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    headers[line.substr(0, colon)] = line.substr(0, colon) == "Date" || line.starts_with("Message-Id") ? "" : line.substr(colon + 2);
  }
  return {headers, raw.substr(end)};
}

TEST(Peer, MailsAreTheSameButForTheirIds) {
  const route::Integration* mail = nullptr;
  for (const auto& one : peer().config.receivers[0].integrations) {
    if (one.kind == "email") mail = &one;
  }
  ASSERT_NE(mail, nullptr);
  std::set<std::pair<std::map<std::string, std::string>, std::string>> theirs, own;
  for (const auto& one : peer().sent["mails"]) theirs.insert(mail_parts(one["raw"]));
  for (const auto& telling : peer().tellings) {
    Built built(notification_of(telling, "team.a"), *mail->settings);
    const auto job = build_email(built.message(), "key");
    ASSERT_TRUE(job) << job.error().message();
    EXPECT_EQ(job->mail.from, "am@example.org");
    EXPECT_EQ(job->mail.to, (std::vector<std::string>{"oncall@example.org", "b@example.org"}));
    EXPECT_FALSE(job->servers[0].require_tls);
    own.insert(mail_parts(job->mail.raw));
  }
  EXPECT_THAT(own, testing::ContainerEq(theirs));
}

}  // namespace
}  // namespace holdfast::respond::send
