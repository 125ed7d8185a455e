// A simulated machine with journal, outbox, notifier and incidents, and a pager elsewhere in its network.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/http.h"
#include "respond/cases.h"
#include "respond/incident/incidents.h"
#include "respond/notify/notifier.h"
#include "state/sim_host.h"

namespace holdfast::respond {

// An HTTP server that answers as it is told and remembers what it was sent.
struct Pager {
  explicit Pager(state::SimHost& host)
      : env{host.clock, host.random, host.files, host.network.host("pager"), host.executor} {
    router.add("POST", "/page", [this](const net::Request& request, net::ResponderPtr to) {
      bodies.push_back(request.body);
      keys.push_back(std::string(request.headers.get("idempotency-key")));
      to->send(net::Response::text(status, "seen"));
    });
    server = std::make_unique<net::Server>(env, router);
    EXPECT_TRUE(server->listen({"pager", 80, ""}).has_value());
  }

  Env env;
  net::Router router;
  std::unique_ptr<net::Server> server;
  int status = 200;
  std::vector<std::string> bodies, keys;
};

struct RespondHost {
  explicit RespondHost(std::uint64_t seed = 1) : host(seed), pager(host) { start(); }
  ~RespondHost() { host.executor.clear(); }

  void start() {
    client = std::make_unique<net::Client>(host.env);
    outbox = std::make_unique<state::Outbox>(host.env, *host.journal);
    NotifierOptions options;
    Receiver receiver;
    receiver.name = "team";
    receiver.kind = "webhook";
    receiver.url = "http://pager:80/page";
    options.receivers = {receiver};
    notifier = std::make_unique<Notifier>(host.env, *client, *outbox, options);
    incidents =
        std::make_unique<Incidents>(host.env, *host.journal, *outbox, *notifier, IncidentOptions{});
    ASSERT_TRUE(incidents->start({}).has_value());
    ASSERT_TRUE(outbox->start().has_value());
  }

  // kill -9 and a new start.
  void crash_and_restart() {
    host.crash();
    incidents.reset();
    notifier.reset();
    outbox.reset();
    client.reset();
    pager.server.reset();  // the queue was dropped under it too
    host.open();
    pager.server = std::make_unique<net::Server>(pager.env, pager.router);
    ASSERT_TRUE(pager.server->listen({"pager", 80, ""}).has_value());
    start();
  }

  // As room detect publishes it: entry and document in one commit.
  void publish(const model::Alert& alert) {
    state::Batch batch;
    batch.document("alert", alert.fingerprint(), dump_json(alert));
    batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  }
  void publish(const model::Fault& fault) {
    state::Batch batch;
    batch.document("fault", fault.id, dump_json(fault));
    batch.entry(model::kFaultChanged, fault.id, dump_json(fault));
    ASSERT_TRUE(host.commit(std::move(batch)).has_value());
  }
  void run(Duration time) { host.executor.run_for(time); }
  WallTime now() const { return host.clock.now(); }

  state::SimHost host;
  Pager pager;
  std::unique_ptr<net::Client> client;
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<Notifier> notifier;
  std::unique_ptr<Incidents> incidents;
};

}  // namespace holdfast::respond
