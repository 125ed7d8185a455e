// Mails to a real SMTP server (Debian: python3-aiosmtpd): one transaction, STARTTLS, logins, refusals.
#include "respond/send/mail.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "net/child.h"
#include "respond/send_cases.h"

namespace holdfast::respond::send {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class SendMail : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string candidate : {"/usr/bin/python3", "python3"}) {
      if (std::system((candidate + " -c 'import aiosmtpd' 2>/dev/null").c_str()) == 0) python = candidate;
    }
    if (python.empty()) GTEST_SKIP() << "aiosmtpd is not installed (Debian: python3-aiosmtpd)";
    port = net::free_port(machine.transport);
    settings = {{"smarthost", "127.0.0.1:" + std::to_string(port)},
                {"from", "Alerts <am@example.org>"},
                {"to", "On Call <a@example.org>, b@example.org"},
                {"headers", {{"X-Team", "{{ .GroupLabels.team }}"}}},
                {"html", "{{ template \"email.default.html\" . }}"},
                {"text", "text {{ .Status }}"},
                {"hello", "hf.example.org"},
                {"require_tls", false}};
  }
  void TearDown() override {
    child.reset();
    std::filesystem::remove_all(dir);
  }
  void start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{python, std::string(HOLDFAST_SOURCE_DIR) + "/tests/respond/send/mail_server.py",
                                   std::to_string(port), dir};
    words.insert(words.end(), more.begin(), more.end());
    child = std::make_unique<net::Child>(words, dir + "/log");
    ASSERT_TRUE(child->wait_for(port));
  }
  void make_certificate() {
    const auto command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail.example.org -addext "
                         "subjectAltName=DNS:mail.example.org -keyout " + dir + "/key -out " + dir + "/cert 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  Result<void> send() {
    route::GroupNotification n;
    n.receiver = "team";
    n.group_key = "{}:{team=\"db\"}";
    n.group_labels = model::Labels{{"team", "db"}};
    route::RoutedAlert alert;
    alert.labels = model::Labels{{"team", "db"}, {"alertname", "慢查询"}};
    n.alerts = {alert};
    Built built(n, settings);
    auto job = build_email(built.message(), n.key());
    EXPECT_FALSE(built.words.error());
    if (!job) return job.error();
    Result<void> sent;
    for (auto& server : job->servers) {
      server.timeout = 20s;
      if (sent = net::send_mail(server, job->mail); sent) break;
    }
    return sent;
  }
  std::string mail(int number = 1) const {
    std::ostringstream all;
    all << std::ifstream(dir + "/" + std::to_string(number) + ".mail").rdbuf();
    return all.str();
  }

  net::Machine machine;
  std::string python;
  std::uint16_t port = 0;
  json settings;
  const std::string dir = net::temporary_dir();
  std::unique_ptr<net::Child> child;
};

TEST_F(SendMail, AllRecipientsAreInOneTransaction) {
  start();
  const auto sent = send();
  ASSERT_TRUE(sent) << const_cast<Result<void>&>(sent).error().message();
  EXPECT_THAT(mail(), HasSubstr("FROM am@example.org\nTO a@example.org b@example.org\nTLS False\nHELO hf.example.org\n"));
  EXPECT_THAT(mail(), HasSubstr("X-Team: db\r\n"));
  EXPECT_THAT(mail(), HasSubstr("Subject: =?utf-8?q?[FIRING:1]_db_(=E6=85=A2=E6=9F=A5=E8=AF=A2)?="));
  EXPECT_LT(mail().find("text/plain"), mail().find("text/html")) << "html last, so that clients prefer it";
  EXPECT_EQ(mail(2), "");
}

TEST_F(SendMail, GroupsAreThreadsWhenAsked) {
  settings["threading"] = {{"enabled", true}, {"thread_by_date", "daily"}};
  start();
  ASSERT_TRUE(send());
  const auto root = "<alert-" + route::hashed_key("{}:{team=\"db\"}").substr(0, 16) + "-2026-01-02@alertmanager>\r\n";
  EXPECT_THAT(mail(), HasSubstr("References: " + root));
  EXPECT_THAT(mail(), HasSubstr("In-Reply-To: " + root));
}

TEST_F(SendMail, TlsIsStartedWhenItIsRequired) {
  make_certificate();
  start({"tls", dir + "/cert", dir + "/key"});
  settings["require_tls"] = true;
  EXPECT_FALSE(send()) << "nobody vouches for that certificate";
  settings["tls_config"] = {{"ca_file", dir + "/cert"}, {"server_name", "mail.example.org"}};
  const auto sent = send();
  ASSERT_TRUE(sent) << const_cast<Result<void>&>(sent).error().message();
  EXPECT_THAT(mail(), HasSubstr("TLS True"));
  settings["tls_config"] = {{"insecure_skip_verify", true}};
  EXPECT_TRUE(send());
}

TEST_F(SendMail, NothingGoesOutWhenTlsIsRequiredAndNotOffered) {
  start();
  settings["require_tls"] = true;
  EXPECT_FALSE(send());
  EXPECT_EQ(mail(), "");
}

TEST_F(SendMail, LogsInAndIsToldWhenItMayNot) {
  start({"auth", "user", "password"});
  settings.update({{"auth_username", "user"}, {"auth_password", "password"}});
  const auto sent = send();
  ASSERT_TRUE(sent) << const_cast<Result<void>&>(sent).error().message();
  settings["auth_password"] = "wrong";
  const auto refused = send();
  ASSERT_FALSE(refused);
  EXPECT_THAT(const_cast<Result<void>&>(refused).error().message(), HasSubstr("535"));
  EXPECT_EQ(mail(2), "");
  settings.update({{"auth_secret", "no CRAM-MD5 there"}, {"auth_password", "password"}});
  EXPECT_TRUE(send()) << "the password is tried when the secret's mechanism is not offered";
}

TEST(MailAddresses, AreReadAsPeopleWriteThem) {
  struct Case {
    const char* list;
    const char* want;  // joined with |; "" when it is wrong
  };
  const Case cases[] = {{"a@b.c", "a@b.c"},
                        {" A <a@b.c> , d@e.f ,", "a@b.c|d@e.f"},
                        {"\"Doe, John\" <j@d.e>, x@y.z", "j@d.e|x@y.z"},
                        {"", ""},
                        {"nobody", ""},
                        {"a@b.c, nobody", ""},
                        {"a@b.c>", ""},
                        {"a b@c.d", ""},
                        {"<a@b.c\r\nDATA>", ""},
                        {"@b.c", ""},
                        {"a@", ""}};
  for (const auto& c : cases) {
    const auto got = net::mail_addresses(c.list);
    std::string joined;
    if (got) {
      for (const auto& one : *got) joined += (joined.empty() ? "" : "|") + one;
    }
    EXPECT_EQ(joined, c.want) << c.list;
  }
}

}  // namespace
}  // namespace holdfast::respond::send
