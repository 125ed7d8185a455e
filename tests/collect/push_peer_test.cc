// The Pushgateway of Debian and ours get the same pushes: the same statuses, the same series afterwards.
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "net/child.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

struct Push {
  const char* method;
  const char* path;
  const char* body;
};

const Push kPushes[] = {
    {"PUT", "/metrics/job/a", "# TYPE x counter\nx 1\ny{l=\"v\"} 2\n"},
    {"POST", "/metrics/job/a/instance/i", "# TYPE x counter\nx{instance=\"other\",job=\"z\"} 3\n"},
    {"POST", "/metrics/job/a", "# TYPE x counter\nx 5\n"},
    {"PUT", "/metrics/job/b", "n 1\nn 2\n"},
    {"PUT", "/metrics/job/c", "# TYPE x gauge\nx 1\n"},
    {"PUT", "/metrics/job/d", "ts 1 1000\n"},
    {"PUT", "/metrics/job/e", "bad{ 1\n"},
    {"PUT", "/metrics/job/f", ""},
    {"PUT", "/metrics/job@base64/YS9i/x@base64/eQ==", "q 1\n"},
    {"PUT", "/metrics/job/g/x@base64/=", "q 2\n"},
    {"PUT", "/metrics/job/a/x", "q 2\n"},
    {"PUT", "/metrics/job/a/1x/y", "q 2\n"},
    {"PUT", "/metrics/job/a/__x/y", "q 2\n"},
    {"PUT", "/metrics/job/a/x@base64/a", "q 2\n"},
    {"PUT", "/metrics/job/h",
     "# TYPE hist histogram\nhist_bucket{le=\"1\"} 2\nhist_bucket{le=\"+Inf\"} 3\nhist_sum 4\n"
     "hist_count 3\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n"},
    {"PUT", "/metrics/job/i", "push_time_seconds 5\nz 1\n"},
    {"PUT", "/metrics/job/j", "w 1\n"},
    {"DELETE", "/metrics/job/j", ""},
    {"DELETE", "/metrics/job/nothere", ""},
};

// Samples and types; times of pushes only as "some" or "never", its own metrics and empty labels left out.
std::set<std::string> series_of(const std::string& exposition) {
  std::set<std::string> out;
  for (const auto part : split(exposition, '\n')) {
    std::string line(part);
    const auto name = line.starts_with("# TYPE ") ? line.substr(7) : line;
    if (line.empty() || line.starts_with("# HELP")) continue;
    bool own = false;
    for (const char* prefix : {"go_", "process_", "pushgateway_", "promhttp_"})
      own = own || name.starts_with(prefix);
    if (own) continue;
    for (const std::string empty : {"instance=\"\",", ",x=\"\"", "x=\"\",", "instance=\"\""}) {
      if (const auto at = line.find(empty); at != line.npos) line.erase(at, empty.size());
    }
    if (line.starts_with("push_") && !line.ends_with(" 0"))
      line = line.substr(0, line.rfind(' ')) + " some";
    out.insert(line);
  }
  return out;
}

TEST(PushPeer, AnswersAndKeepsWhatThePushgatewayDoes) {
  if (std::system("command -v prometheus-pushgateway >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "prometheus-pushgateway is not installed";
  net::Machine machine;
  const auto port = net::free_port(machine.transport);
  const net::Child peer(
      {"prometheus-pushgateway", "--web.listen-address=127.0.0.1:" + std::to_string(port)},
      ::testing::TempDir() + "pushgateway.log");
  ASSERT_TRUE(peer.wait_for(port));
  net::Client client(machine.env);
  const auto ask = [&](const std::string& method, const std::string& path,
                       const std::string& body) {
    net::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(port) + path;
    request.body = body;
    std::promise<std::pair<int, std::string>> answer;
    client.send(std::move(request), [&](Result<net::ClientResponse> response) {
      if (response)
        answer.set_value({response->status, response->body});
      else
        answer.set_value({-1, response.error().message()});
    });
    return answer.get_future().get();
  };
  ReceiveWorld world;
  for (const auto& push : kPushes) {
    const auto theirs = ask(push.method, push.path, push.body);
    const auto ours = world.call(push.method, push.path, push.body);
    EXPECT_EQ(ours.status, theirs.first) << push.method << " " << push.path
                                         << "\nours: " << ours.body << "theirs: " << theirs.second;
  }
  EXPECT_EQ(series_of(world.call("GET", "/pushgateway/metrics").body),
            series_of(ask("GET", "/metrics", "").second));
}

}  // namespace
}  // namespace holdfast::collect
