// Real HTTP servers answer the probes.

#include "act/platform/health_prober.h"

#include <gtest/gtest.h>

#include <future>

#include "net/http.h"
#include "net/transport.h"

namespace holdfast::act {
namespace {

class HealthProberTest : public testing::Test {
 protected:
  HealthProberTest() {
    for (const int status : {200, 204, 302, 404, 500, 503}) {
      router_.add("GET", "/" + std::to_string(status),
                  [status](const net::Request&, net::ResponderPtr responder) {
                    responder->send(net::Response::text(status, ""));
                  });
    }
    router_.add("GET", "/hang",
                [this](const net::Request&, net::ResponderPtr responder) { held_ = responder; });
    const auto at = server_.listen({"127.0.0.1", 0, {}});
    if (at) address_ = at->text();
  }
  ~HealthProberTest() override {
    held_.reset();
    std::promise<void> closed;
    server_.shutdown(1s, [&] { closed.set_value(); });
    closed.get_future().wait_for(5s);
    executor_.stop();
  }
  Result<void> probe(const std::string& address, const std::string& path) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    executor_.post(Lane::kControl, [&, promise] {
      prober_.probe(address, path, 100ms, [this, promise](Result<void> outcome) {
        EXPECT_TRUE(executor_.on_control());
        promise->set_value(std::move(outcome));
      });
    });
    return promise->get_future().get();
  }

  SystemClock clock_;
  SystemRandom random_;
  PosixFileSystem files_;
  net::AsioTransport transport_{1};
  ThreadExecutor executor_{1};
  Env env_{clock_, random_, files_, transport_, executor_};
  net::Router router_;
  net::ResponderPtr held_;
  net::Server server_{env_, router_};
  HttpHealthProber prober_{env_};
  std::string address_;
};

TEST_F(HealthProberTest, JudgesByTheStatus) {
  for (const auto* path : {"/200", "/204", "/302"}) EXPECT_TRUE(probe(address_, path)) << path;
  EXPECT_EQ(probe(address_, "/404").error().message(), "status 404");
  EXPECT_EQ(probe(address_, "/500").error().message(), "status 500");
  EXPECT_EQ(probe(address_, "/503").error().message(), "status 503");
}

TEST_F(HealthProberTest, SaysHowLongItWaited) {
  EXPECT_EQ(probe(address_, "/hang").error().message(), "timeout after 100ms");
}

TEST_F(HealthProberTest, NamesWhatCannotBeReached) {
  const auto outcome = probe("127.0.0.1:1", "/200");
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message().find("127.0.0.1:1"), std::string::npos)
      << outcome.error().message();
}

}  // namespace
}  // namespace holdfast::act
