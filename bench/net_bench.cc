// Requests per second over loopback: one kept connection asked in turn, and one that pipelines.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

#include "base/env.h"
#include "net/http.h"
#include "net/transport.h"

namespace {
using namespace holdfast;
using namespace holdfast::net;

struct World {
  World() {
    router.add("GET", "/hello", [](const Request&, ResponderPtr r) { r->send(Response::text(200, "hello")); });
    server = std::make_unique<Server>(env, router);
    at = *server->listen({"127.0.0.1", 0, ""});
  }
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(at.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    return fd;
  }
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor{1};
  AsioTransport transport{1};
  Env env{clock, random, files, transport, executor};
  Router router;
  std::unique_ptr<Server> server;
  Endpoint at;
};

constexpr std::string_view kRequest =
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n";

// `range(0)` requests in one write, then their answers.
void BM_RawRequests(benchmark::State& state) {
  World world;
  const int fd = world.connect();
  std::string batch;
  for (int i = 0; i < state.range(0); ++i) batch += kRequest;
  std::string buffer(1 << 20, '\0');
  std::size_t answer_size = 0;
  std::size_t received = 0;
  for (auto _ : state) {
    if (::send(fd, batch.data(), batch.size(), 0) != static_cast<ssize_t>(batch.size())) std::abort();
    std::size_t got = 0;
    const auto want = answer_size * static_cast<std::size_t>(state.range(0));
    do {
      const auto size = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (size <= 0) std::abort();
      got += static_cast<std::size_t>(size);
      // All answers are alike: the first tells how long each is.
      if (answer_size == 0) answer_size = std::string_view(buffer).find("hello") + 5;
    } while (got < (want ? want : answer_size * static_cast<std::size_t>(state.range(0))));
    received += got;
  }
  ::close(fd);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(static_cast<std::int64_t>(received));
}
BENCHMARK(BM_RawRequests)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

void BM_ClientKeepAlive(benchmark::State& state) {
  World world;
  Client client(world.env);
  const auto url = "http://127.0.0.1:" + std::to_string(world.at.port) + "/hello";
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::promise<std::size_t> size;
    client.send({.url = url}, [&](Result<ClientResponse> r) { size.set_value(r ? r->body.size() : 0); });
    bytes += size.get_future().get();
  }
  if (bytes != static_cast<std::size_t>(state.iterations()) * 5) state.SkipWithError("an answer was wrong");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ClientKeepAlive)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
