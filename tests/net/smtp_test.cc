#include "net/smtp.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "child.h"

namespace holdfast::net {
namespace {

const Mail kMail{.from = "Holdfast <alerts@example.org>",
                 .to = {"On Call <oncall@example.org>", "second@example.org"},
                 .subject = "支付服务错误率过高 checkout-errors",
                 .body = "第一行\nsecond line\n",
                 .message_id = "n-7@holdfast.example",
                 .date = from_ms(1'800'000'000'000)};

TEST(Mail, RendersEncodedHeadersAndBody) {
  EXPECT_EQ(render_mail(kMail),
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
            "From: Holdfast <alerts@example.org>\r\n"
            "To: On Call <oncall@example.org>,\r\n second@example.org\r\n"
            "Subject: =?UTF-8?B?" + base64_encode("支付服务错误率过高 checkout-errors") + "?=\r\n"
            "Message-ID: <n-7@holdfast.example>\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n" + base64_encode("第一行\nsecond line\n") + "\r\n");
}

TEST(Mail, LetsNoSubjectAddAHeader) {
  auto mail = kMail;
  mail.subject = "a\r\nBcc: evil@example.org";
  EXPECT_EQ(render_mail(mail).find("\r\nBcc"), std::string::npos);
}

TEST(Mail, NeverSplitsACharacterBetweenEncodedWords) {
  auto mail = kMail;
  mail.subject.clear();
  for (int i = 0; i < 100; ++i) mail.subject += "过";
  std::istringstream lines(render_mail(mail));
  std::string line, subject;
  while (std::getline(lines, line)) {
    EXPECT_LE(line.size(), 90u);
    const auto begin = line.find("=?UTF-8?B?");
    if (begin == std::string::npos) continue;
    const auto word = base64_decode(line.substr(begin + 10, line.rfind("?=") - begin - 10));
    ASSERT_TRUE(word);
    EXPECT_EQ(word->size() % 3, 0u);
    subject += *word;
  }
  EXPECT_EQ(subject, mail.subject);
}

class SmtpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // The distribution's interpreter has the package; another first on the path may not.
    for (const std::string candidate : {"/usr/bin/python3", "python3"}) {
      if (std::system((candidate + " -c 'import aiosmtpd' 2>/dev/null").c_str()) == 0) python = candidate;
    }
    if (python.empty()) GTEST_SKIP() << "aiosmtpd is not installed (Debian: python3-aiosmtpd)";
    server.host = "127.0.0.1";
    server.port = free_port(machine.transport);
  }
  void start(const std::vector<std::string>& more) {
    std::vector<std::string> words{python, "-u", "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:" + std::to_string(server.port)};
    words.insert(words.end(), more.begin(), more.end());
    child = std::make_unique<Child>(words, dir + "/log");
    ASSERT_TRUE(child->wait_for(static_cast<std::uint16_t>(server.port)));
  }
  void TearDown() override {
    child.reset();
    std::filesystem::remove_all(dir);
  }
  Machine machine;
  SmtpServer server;
  std::string python;
  const std::string dir = temporary_dir();
  std::unique_ptr<Child> child;
};

TEST_F(SmtpTest, DeliversTheMessageAsItWasRendered) {
  start({"-c", "aiosmtpd.handlers.Mailbox", dir + "/box"});
  const auto sent = send_mail(server, kMail);
  ASSERT_TRUE(sent) << const_cast<Result<void>&>(sent).error().message();
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(dir + "/box/new")) {
    std::ostringstream all;
    all << std::ifstream(entry.path()).rdbuf();
    text = all.str();
  }
  EXPECT_NE(text.find("Message-ID: <n-7@holdfast.example>"), std::string::npos) << text;
  EXPECT_NE(text.find(base64_encode(kMail.body)), std::string::npos) << text;
  EXPECT_NE(text.find("X-RcptTo: oncall@example.org, second@example.org"), std::string::npos) << text;
}

TEST_F(SmtpTest, PassesOnTheServersOwnWords) {
  start({"-s", "100"});  // no message over 100 bytes
  auto refused = send_mail(server, kMail);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalid);
  EXPECT_NE(refused.error().message().find("552"), std::string::npos) << refused.error().message();
}

TEST_F(SmtpTest, SendsNothingInPlainTextWhenTlsIsRequired) {
  start({});
  server.require_tls = true;
  EXPECT_FALSE(send_mail(server, kMail));
}

TEST_F(SmtpTest, TellsThatNobodyAnswers) {
  auto refused = send_mail(server, kMail);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace holdfast::net
