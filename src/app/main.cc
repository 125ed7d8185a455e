// The command line: words and options to one function call each. What they do stands elsewhere.
#include <CLI/CLI.hpp>

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <stop_token>
#include <thread>

#include "app/access_cli.h"
#include "app/alert_cli.h"
#include "app/cli/commands.h"
#include "app/cli/import_command.h"
#include "app/cli/rules_commands.h"
#include "app/config.h"
#include "app/daemon.h"
#include "app/incident_cli.h"
#include "app/machine.h"
#include "app/oncall_cli.h"
#include "app/slo_cli.h"
#include "base/log.h"
#include "learn/load/load_generator.h"

namespace {

using namespace holdfast;
using namespace holdfast::app;

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int report(const Result<void>& result) {
  if (result) return 0;
  std::fprintf(stderr, "holdfast: %s\n", result.error().message().c_str());
  return 1;
}

// Every duration option reads Prometheus' form.
CLI::Option* duration_option(CLI::App* app, const std::string& name, Duration& into,
                             const std::string& help) {
  return app->add_option_function<std::string>(
      name,
      [&into](const std::string& text) {
        auto parsed = parse_duration(text);
        if (!parsed) throw CLI::ValidationError(parsed.error().message());
        into = *parsed;
      },
      help);
}

int check_files(const std::vector<std::string>& paths) {
  PosixFileSystem files;
  std::size_t bad = 0;
  for (const auto& path : paths) {
    const auto findings = check_file(files, path, environment);
    for (const auto& finding : findings) std::printf("%s\n", finding.text().c_str());
    if (findings.empty()) std::printf("%s: good\n", path.c_str());
    bad += findings.empty() ? 0 : 1;
  }
  return bad == 0 ? 0 : 1;
}

// Sends load until it is over or a signal asks to stop.
int run_load(const learn::LoadOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Machine machine(1, 1);
  std::stop_source stop;
  std::jthread waiter([&](std::stop_token over) {
    const timespec slice{0, 200'000'000};  // how soon it notices that the load ended by itself
    while (!over.stop_requested()) {
      if (::sigtimedwait(&signals, nullptr, &slice) > 0) stop.request_stop();
    }
  });
  const int status = learn::run_load(machine.env, options, stop.get_token());
  waiter.request_stop();
  waiter.join();
  machine.stop_executor();
  return status;
}

struct RulesOptions {
  RulesCheck check;
  RulesTest test;
  RulesBackfill backfill;
  MetricsUnused unused;
  MetricsImport history;
  Duration interval{};
};

using RemoteCommand = std::function<CLI::App*(CLI::App*)>;

void add_rules_commands(CLI::App& cli, RulesOptions& options, const RemoteOptions& remote, const bool& as_json,
                        int& status, const RemoteCommand& remote_command) {
  auto* rules = cli.add_subcommand("rules", "check, test and backfill rule files");
  rules->require_subcommand(1);
  auto* check = rules->add_subcommand("check", "check rule files, as promtool check rules");
  check->add_option("FILE", options.check.files, "default: standard input");
  check->add_option("--lint", options.check.lint, "what else to look for")
      ->check(CLI::IsMember({"all", "duplicate-rules", "none"}))
      ->capture_default_str();
  check->add_flag("--lint-fatal", options.check.lint_fatal, "exit with 3 when lint finds something");
  check->callback([&] { status = run_rules_check(options.check); });

  auto* test = rules->add_subcommand("test", "run unit tests of rules, as promtool test rules");
  test->add_option("FILE", options.test.files)->required();
  test->add_option("--run", options.test.run, "only tests whose name matches; may be repeated")
      ->take_all()
      ->expected(1);
  test->add_flag("--diff", options.test.diff, "show differences line by line");
  test->add_option("--junit", options.test.junit, "write a report in JUnit's XML to this file");
  test->callback([&] { status = run_rules_test(options.test); });

  auto* backfill = remote_command(
      rules->add_subcommand("backfill", "write what recording rules would have recorded"));
  backfill->add_option("FILE", options.backfill.files)->required();
  backfill->add_option("--from,--start", options.backfill.from, "begin: seconds or RFC 3339")->required();
  backfill->add_option("--to,--end", options.backfill.to, "end; default: now");
  backfill->add_option("--store", options.backfill.store,
                       "a store's folder (<data>/metrics) that nothing else has open; default: over HTTP");
  duration_option(backfill, "--interval,--eval-interval", options.interval, "default: each group's own");
  backfill->callback([&] {
    if (options.interval > Duration::zero()) options.backfill.interval = options.interval;
    status = run_rules_backfill(remote, options.backfill);
  });

  auto* metrics = cli.add_subcommand("metrics", "questions about the metrics that are stored");
  metrics->require_subcommand(1);
  auto* unused = remote_command(
      metrics->add_subcommand("unused", "metrics that neither rules nor dashboards ask for"));
  unused->add_option("--rules", options.unused.rules, "rule files");
  unused->add_option("--dashboards", options.unused.dashboards, "Grafana dashboards, as JSON");
  unused->add_option("--names", options.unused.names,
                     "a file of metric names, one a line, or -; default: a running Holdfast is asked");
  unused->callback([&] { status = run_metrics_unused(remote, options.unused, as_json); });

  auto* history = remote_command(metrics->add_subcommand(
      "import", "bring in history: Prometheus' blocks, or OpenMetrics text with times"));
  history
      ->add_option("PATH", options.history.paths,
                   "Prometheus' data directory, a snapshot, a block, or an OpenMetrics file")
      ->required();
  history->add_option("--store", options.history.store,
                     "the store's folder (<data>/metrics) of a stopped Holdfast; default: a running "
                     "one is sent to");
  history->add_option("--record", options.history.record,
                     "a file that keeps what was written, so that the same command goes on where it "
                     "was [<store>/imported; over HTTP none]");
  history->callback([&] { status = run_metrics_import(remote, options.history, as_json); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Holdfast keeps production services standing."};
  cli.require_subcommand(1);
  cli.fallthrough();
  int status = 0;
  bool as_json = false;
  RemoteOptions remote_options;
  const auto remote_command = [&](CLI::App* app) {
    app->add_option("--url", remote_options.url, "where Holdfast listens")->capture_default_str();
    app->add_option("--token", remote_options.token,
                    "admin token (default: HOLDFAST_TOKEN, then <data>/admin-token)");
    app->add_option("--data", remote_options.data, "data directory, to find the token")
        ->capture_default_str();
    app->add_flag("--json", as_json, "print the API's answer");
    return app;
  };

  ServeOptions serve_options;
  std::string auth = "on";
  auto* serve_app = cli.add_subcommand("serve", "watch, detect, respond and heal");
  serve_app->add_option("--config", serve_options.config,
                        "holdfast.yaml; without it only this host is watched");
  serve_app->add_option("--data", serve_options.data, "directory for everything kept")
      ->capture_default_str();
  serve_app->add_option("--listen", serve_options.listen, "HOST:PORT")->capture_default_str();
  serve_app->add_option("--auth", auth, "on or off; off only on loopback")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  duration_option(serve_app, "--retention", serve_options.retention,
                  "how long metrics are kept [15d]");
  serve_app->callback([&] {
    serve_options.auth = auth == "on";
    status = report(serve(serve_options));
  });

  std::vector<std::string> files;
  auto* check_app = cli.add_subcommand(
      "check", "check configuration, rule and dashboard files; nothing is started");
  check_app->add_option("FILE", files)->required();
  check_app->callback([&] { status = check_files(files); });

  QueryCommand query;
  auto* query_app = remote_command(cli.add_subcommand("query", "ask PromQL"));
  query_app->add_option("EXPR", query.expression)->required();
  query_app->add_option("--time", query.time, "moment: seconds since the epoch or RFC 3339");
  query_app->add_option("--start", query.start, "begin of a range");
  query_app->add_option("--end", query.end, "end of a range")->needs("--start");
  query_app->add_option("--step", query.step, "step of a range")->capture_default_str();
  query_app->callback([&] {
    Remote remote(remote_options);
    status = run_query(remote, query, as_json);
  });

  auto* incident_app =
      cli.add_subcommand("incident", "list, show, acknowledge and resolve incidents");
  incident_app->require_subcommand(1);
  std::string state = "active", id, by, text;
  auto* list_app = remote_command(incident_app->add_subcommand("list", "incidents, newest first"));
  list_app->add_option("--state", state, "active, resolved or all")->capture_default_str();
  list_app->callback([&] {
    Remote remote(remote_options);
    status = run_incident_list(remote, state, as_json);
  });
  auto* show_app = remote_command(
      incident_app->add_subcommand("show", "one incident with its timeline and evidence"));
  show_app->add_option("ID", id)->required();
  show_app->callback([&] {
    Remote remote(remote_options);
    status = run_incident_show(remote, id, as_json);
  });
  for (const char* verb : {"ack", "mitigate", "resolve", "note"}) {
    auto* act_app =
        remote_command(incident_app->add_subcommand(verb, std::string(verb) + " an incident"));
    act_app->add_option("ID", id)->required();
    act_app->add_option("--by", by, "who");
    act_app->add_option("--text", text, "what to write on the timeline");
    act_app->callback([&, verb] {
      Remote remote(remote_options);
      status = run_incident_act(remote, id, verb, by, text, as_json);
    });
  }

  add_access_commands(cli, remote_options, as_json, status, remote_command);

  add_incident_commands(cli, *incident_app, {remote_options, as_json, status, remote_command});

  add_alert_commands(cli, {remote_options, as_json, status, remote_command});
  add_oncall_commands(cli, {remote_options, as_json, status, remote_command});
  add_slo_commands(cli, {remote_options, as_json, status, remote_command});

  auto* drill_app = cli.add_subcommand("drill", "rehearse failures");
  drill_app->require_subcommand(1);
  std::string drill, service;
  remote_command(drill_app->add_subcommand("list", "kinds of drills, and past runs"))
      ->callback([&] {
        Remote remote(remote_options);
        status = run_drill_list(remote, as_json);
      });
  auto* drill_run = remote_command(drill_app->add_subcommand("run", "break it, and see it healed"));
  drill_run->add_option("NAME", drill)->required();
  drill_run->add_option("--service", service,
                        "default: the first service that is not only supervised");
  drill_run->callback([&] {
    Remote remote(remote_options);
    status = run_drill(remote, drill, service, as_json);
  });

  learn::LoadOptions load;
  auto* load_app =
      cli.add_subcommand("load", "send requests at a steady rate and count each lost one");
  load_app->add_option("--target,--url", load.url, "what to request")->required();
  load_app->add_option("--rate", load.rate, "requests per second")->capture_default_str();
  load_app->add_option_function<std::string>(
      "--listen",
      [&load](const std::string& text) {
        auto endpoint = parse_endpoint(text);
        if (!endpoint) throw CLI::ValidationError(endpoint.error().message());
        load.listen = *endpoint;
      },
      "HOST:PORT for its /metrics");
  duration_option(load_app, "--duration", load.duration,
                  "stop after this; default: until a signal");
  load_app->callback([&] { status = run_load(load); });

  RulesOptions rules;
  add_rules_commands(cli, rules, remote_options, as_json, status, remote_command);

  cli.add_subcommand("version", "print the version")->callback([] {
    std::printf("holdfast %s\n", HOLDFAST_VERSION);
  });

  CLI11_PARSE(cli, argc, argv);
  return status;
}
