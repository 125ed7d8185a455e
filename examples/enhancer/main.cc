// The demonstration service as a program: two listeners, signals, a graceful end.
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/text.h"
#include "enhancer/service.h"
#include "net/transport.h"

namespace {

using namespace holdfast;

constexpr const char* kUsage =
    "usage: enhancer [--version-name 5.0] [--port 18100] [--admin-port 18200] [--instance 0] [--drain 1s]\n"
    "  The demonstration service. Listens on 127.0.0.1; the admin port takes POST, GET and DELETE /fault.\n";

struct Options {
  enhancer::ServiceOptions service;
  std::uint16_t port = 18100;
  std::uint16_t admin_port = 18200;
  Duration drain = 1s;  // unready and still answering, for balancers to notice
};

Result<std::uint16_t> parse_port(std::string_view name, std::string_view text) {
  const auto port = parse_int(text);
  if (!port || *port < 0 || *port > 65535) return invalid(std::string(name) + " must be a port, 0 to 65535");
  return static_cast<std::uint16_t>(*port);
}

Result<Options> parse_arguments(int count, char** values) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    const std::string name = values[i];
    if (i + 1 == count) return invalid(name + " needs a value");
    const std::string value = values[i + 1];
    if (name == "--version-name") options.service.version = value;
    else if (name == "--instance") options.service.instance = value;
    else if (name == "--port") options.port = HF_TRY(parse_port(name, value));
    else if (name == "--admin-port") options.admin_port = HF_TRY(parse_port(name, value));
    else if (name == "--drain") options.drain = HF_TRY(parse_duration(value));
    else return invalid("unknown option " + name);
  }
  return options;
}

void shut_down(net::Server& server, Duration deadline) {
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  server.shutdown(deadline, [done] { done->set_value(); });
  finished.wait_for(deadline + 1s);
}

Result<void> run(Options options, const sigset_t& signals) {
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor(2);
  net::AsioTransport transport(2);
  Env env{clock, random, files, transport, executor};
  options.service.crash = [] { std::abort(); };
  enhancer::Service service(env, options.service);
  net::Server admin(env, service.admin_routes());
  net::Server server(env, service.routes());
  const auto admin_at = HF_TRY(admin.listen({"127.0.0.1", options.admin_port, ""}));
  const auto at = HF_TRY(server.listen({"127.0.0.1", options.port, ""}));
  log_info("serving", {{"version", options.service.version}, {"at", at.text()}, {"admin", admin_at.text()}});

  int signal = 0;
  ::sigwait(&signals, &signal);
  log_info("ending", {{"signal", std::to_string(signal)}});
  service.drain();
  // A process that hangs has nothing to finish. A second signal cuts the wait short.
  if (!service.hanging()) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(options.drain);
    const timespec wait{whole.count(), (options.drain - whole).count()};
    ::sigtimedwait(&signals, nullptr, &wait);
  }
  shut_down(server, service.hanging() ? 0s : 1s);
  shut_down(admin, 0s);
  executor.stop();
  return {};
}

}  // namespace

int main(int count, char** values) {
  const auto options = parse_arguments(count, values);
  if (!options) {
    std::fprintf(stderr, "enhancer: %s\n%s", options.error().message().c_str(), kUsage);
    return 2;
  }
  const rlimit no_core{0, 0};  // a crash here is an exercise
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, which inherit it
  if (const auto ended = run(*options, signals); !ended) {
    std::fprintf(stderr, "enhancer: %s\n", ended.error().message().c_str());
    return 1;
  }
  return 0;
}
