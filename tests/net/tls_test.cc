#include "net/tls.h"

#include <filesystem>

#include "child.h"

namespace holdfast::net {
namespace {

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    const auto make = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext "
                      "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
                      dir + "/key.pem -out " + dir + "/cert.pem >" + dir + "/req.log 2>&1";
    EXPECT_EQ(std::system(make.c_str()), 0);
    port = free_port(machine.transport);
    child = std::make_unique<Child>(
        std::vector<std::string>{"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert",
                                 dir + "/cert.pem", "-key", dir + "/key.pem", "-www", "-quiet"},
        dir + "/server.log");
    EXPECT_TRUE(child->wait_for(port));
  }
  ~TlsTest() override {
    child.reset();
    std::filesystem::remove_all(dir);
  }
  std::string url(const std::string& host) const { return "https://" + host + ":" + std::to_string(port) + "/"; }

  Machine machine;
  const std::string dir = temporary_dir();
  std::uint16_t port = 0;
  std::unique_ptr<Child> child;
  Client client{machine.env};
};

TEST_F(TlsTest, FetchesWithACertificateItTrusts) {
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    const auto got = fetch(client, {.url = url(host), .tls = {.ca_file = dir + "/cert.pem"}});
    ASSERT_TRUE(got) << host << ": " << got.error().message();
    EXPECT_EQ(got->status, 200);
    EXPECT_NE(got->body.find("s_server"), std::string::npos);
    ASSERT_TRUE(got->timings.certificate_expires);
    const auto days = to_ms(*got->timings.certificate_expires) - to_ms(machine.clock.now());
    EXPECT_NEAR(static_cast<double>(days) / 86'400'000, 30, 0.1);
    EXPECT_GE(got->timings.first_byte, got->timings.tls_done);
  }
}

TEST_F(TlsTest, SaysWhyACertificateDoesNotVerify) {
  const auto got = fetch(client, {.url = url("localhost")});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kUnavailable);
  EXPECT_NE(got.error().message().find("certificate does not verify: self-signed certificate"), std::string::npos)
      << got.error().message();
  const auto other = fetch(client, {.url = url("localhost"), .tls = {.ca_file = dir + "/cert.pem", .server_name = "else.example"}});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find("hostname mismatch"), std::string::npos) << other.error().message();
}

TEST_F(TlsTest, ReadsWithoutJudgingWhenToldNotToVerify) {
  const auto got = fetch(client, {.url = url("localhost"), .tls = {.verify = false}});
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_TRUE(got->timings.certificate_expires);
}

TEST_F(TlsTest, GivesTheCertificateToProbes) {
  std::promise<PeerCertificate> seen;
  machine.transport.connect({"127.0.0.1", port, ""}, 5s, [&](Result<std::unique_ptr<Connection>> plain) {
    tls_connect(std::move(*plain), "localhost", {.verify = false}, [&](Result<std::unique_ptr<TlsConnection>> made) {
      seen.set_value(made ? (*made)->certificate() : PeerCertificate{});
    });
  });
  const auto certificate = seen.get_future().get();
  EXPECT_EQ(certificate.subject, "CN=localhost");
  EXPECT_EQ(certificate.issuer, "CN=localhost");
  EXPECT_LT(certificate.not_before, certificate.not_after);
}

TEST(Tls, GivesUpOnAPeerThatDoesNotAnswer) {
  Machine machine;
  std::shared_ptr<Connection> silent;
  auto listener = machine.transport.listen({"127.0.0.1", 0, ""}, [&](auto connection) { silent = std::move(connection); });
  Client client(machine.env);
  const auto got = fetch(client, {.url = "https://127.0.0.1:" + std::to_string((*listener)->local().port) + "/", .timeout = 50ms});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kTimeout) << got.error().message();
}

}  // namespace
}  // namespace holdfast::net
