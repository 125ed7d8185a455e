#include "app/alert_cli.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/cli/alert_commands.h"
#include "base/time.h"

namespace holdfast::app {
namespace {

// A command whose options live as long as its callback.
template <typename Options, typename Add, typename Run>
void command(CLI::App* parent, const char* name, const char* help, const CliContext& context, Add add,
             Run run) {
  auto options = std::make_shared<Options>();
  auto* app = context.remote_command(parent->add_subcommand(name, help));
  add(*app, *options);
  app->callback([options, context, run] {
    Remote remote(context.remote);
    context.status = run(remote, *options, context.as_json);
  });
}

void duration_of(CLI::App& app, const char* name, Duration& into, const char* help) {
  app.add_option_function<std::string>(
      name,
      [&into](const std::string& text) {
        auto parsed = parse_duration(text);
        if (!parsed) throw CLI::ValidationError(parsed.error().message());
        into = *parsed;
      },
      help);
}

struct Words {
  std::string first, second;
  std::vector<std::string> list;
  bool flag = false;
};

void silence_options(CLI::App& app, SilenceCommand& o) {
  app.add_option("matchers", o.matchers, "name=value, name!=value, name=~regex, name!~regex")->required();
  app.add_option("--from", o.from, "RFC 3339; default now");
  app.add_option("--to", o.to, "RFC 3339; default --duration later");
  duration_of(app, "--duration", o.length, "default 1h");
  app.add_option("--author", o.by, "who");
  app.add_option("--comment", o.comment, "why");
  app.add_option("--rule", o.rule, "an RRULE: the silence comes again, --duration long each time");
  app.add_option("--zone", o.zone, "whose clock --rule means; default UTC");
}

void add_silence(CLI::App& cli, const CliContext& context) {
  auto* silence = cli.add_subcommand("silence", "keep alerts quiet for a time");
  silence->require_subcommand(1);
  command<Words>(
      silence, "list", "silences", context,
      [](CLI::App& app, Words& w) { app.add_flag("--expired", w.flag, "those that ended, too"); },
      [](Remote& remote, const Words& w, bool as_json) { return run_silence_list(remote, w.flag, as_json); });
  command<SilenceCommand>(silence, "add", "a new silence; prints its id", context, silence_options,
                          run_silence_add);
  command<SilenceCommand>(
      silence, "preview", "what a silence would hide, and whether it would be taken", context,
      silence_options, [](Remote& remote, SilenceCommand& o, bool as_json) {
        o.preview = true;
        return run_silence_add(remote, o, as_json);
      });
  command<Words>(
      silence, "expire", "end silences now", context,
      [](CLI::App& app, Words& w) { app.add_option("ids", w.list)->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_silence_expire(remote, w.list, as_json);
      });
}

void add_notify(CLI::App& cli, const CliContext& context) {
  command<NotifyCommand>(
      &cli, "notify", "tell people, as the routing says; the notice ends by itself", context,
      [](CLI::App& app, NotifyCommand& o) {
        app.add_option("name", o.name, "the label alertname")->required();
        app.add_option("labels", o.labels, "name=value");
        app.add_option("--severity", o.severity)->capture_default_str();
        app.add_option("--summary", o.summary);
        app.add_option("--description", o.description);
        duration_of(app, "--ends-in", o.ends_in, "default 5m");
      },
      run_notify);
  auto* compat = cli.add_subcommand("compat", "under the names of older scripts");
  compat->require_subcommand(1);
  command<Words>(
      compat, "alert-webhook",
      "system-alert SERVICE SEVERITY MESSAGE DETAILS, deployment-success VERSION ENVIRONMENT SECONDS, "
      "ai-budget-exceeded PERIOD ACTUAL BUDGET PERCENT",
      context, [](CLI::App& app, Words& w) { app.add_option("words", w.list)->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_alert_webhook(remote, w.list, as_json);
      });
}

void add_routing(CLI::App& cli, const CliContext& context) {
  auto* routing = cli.add_subcommand("routing", "who is told of which alert");
  routing->require_subcommand(1);
  command<Words>(
      routing, "explain", "who would be told of an alert with these labels, and why", context,
      [](CLI::App& app, Words& w) {
        app.add_option("labels", w.list, "name=value")->required();
        app.add_option("--at", w.first, "RFC 3339; default now");
      },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_routing_explain(remote, w.list, w.first, as_json);
      });
  command<Words>(
      routing, "drill", "send a fire drill to a receiver, through the real pipeline", context,
      [](CLI::App& app, Words& w) {
        app.add_option("receiver", w.first)->required();
        app.add_option("--note", w.second);
      },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_routing_drill(remote, w.first, w.second, as_json);
      });
  command<Words>(
      routing, "drills", "fire drills and what came of them", context, [](CLI::App&, Words&) {},
      [](Remote& remote, const Words&, bool as_json) { return run_routing_drills(remote, as_json); });
}

void publication_options(CLI::App& app, StatusCommand& o) {
  app.add_option("--name", o.name, "title");
  app.add_option("--status", o.state, "investigating, identified, monitoring, resolved; of maintenance scheduled, "
                                      "in_progress, verifying, completed");
  app.add_option("--text", o.text);
  app.add_option("--impact", o.impact, "none, minor, major, critical");
  app.add_option("--component", o.components, "ID=operational, degraded_performance, partial_outage, ...");
}

void add_status(CLI::App& cli, const CliContext& context) {
  auto* status = cli.add_subcommand("status", "the public status page");
  status->require_subcommand(1);
  command<Words>(
      status, "list", "what is on the page, and drafts", context, [](CLI::App&, Words&) {},
      [](Remote& remote, const Words&, bool as_json) { return run_status_list(remote, as_json); });
  command<Words>(
      status, "show", "one post with its updates", context,
      [](CLI::App& app, Words& w) { app.add_option("id", w.first)->required(); },
      [](Remote& remote, const Words& w, bool as_json) { return run_status_show(remote, w.first, as_json); });
  command<StatusCommand>(
      status, "draft", "a new post; nobody sees it until it is published", context,
      [](CLI::App& app, StatusCommand& o) {
        app.add_option("--kind", o.kind, "incident or maintenance")->capture_default_str();
        publication_options(app, o);
        app.add_option("--from", o.scheduled_for, "of maintenance, RFC 3339");
        app.add_option("--to", o.scheduled_until, "of maintenance, RFC 3339");
      },
      run_status_draft);
  command<StatusCommand>(
      status, "publish", "publish a draft, or a further update", context,
      [](CLI::App& app, StatusCommand& o) {
        app.add_option("id", o.id)->required();
        publication_options(app, o);
      },
      run_status_publish);
  command<Words>(
      status, "discard", "drop a draft", context,
      [](CLI::App& app, Words& w) { app.add_option("id", w.first)->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_status_discard(remote, w.first, as_json);
      });
}

}  // namespace

void add_alert_commands(CLI::App& cli, const CliContext& context) {
  add_silence(cli, context);
  add_notify(cli, context);
  add_routing(cli, context);
  add_status(cli, context);
}

}  // namespace holdfast::app
