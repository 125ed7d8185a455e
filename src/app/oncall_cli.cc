#include "app/oncall_cli.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/cli/oncall_commands.h"

namespace holdfast::app {
namespace {

// A command whose options live as long as its callback.
template <typename Options, typename Add, typename Run>
void command(CLI::App* parent, const char* name, const char* help, const CliContext& context,
             Add add, Run run) {
  auto options = std::make_shared<Options>();
  auto* app = context.remote_command(parent->add_subcommand(name, help));
  add(*app, *options);
  app->callback([options, context, run] {
    Remote remote(context.remote);
    context.status = run(remote, *options, context.as_json);
  });
}

struct Words {
  std::string first, from, to;
};

void add_override(CLI::App* oncall, const CliContext& context) {
  command<OverrideCommand>(
      oncall, "override", "put somebody else on call for a time", context,
      [](CLI::App& app, OverrideCommand& o) {
        app.add_option("schedule", o.schedule)->required();
        app.add_option("users", o.users, "people, in the order of the roles")->required();
        app.add_option("--from", o.from, "RFC 3339; default now");
        app.add_option("--to", o.to, "RFC 3339")->required();
        app.add_option("--role", o.role, "replace only this place");
        app.add_option("--reason", o.reason);
      },
      run_oncall_override);
}

}  // namespace

void add_oncall_commands(CLI::App& cli, const CliContext& context) {
  auto* oncall = cli.add_subcommand("oncall", "who is on call");
  oncall->require_subcommand(1);
  command<Words>(
      oncall, "now", "who is on call now", context, [](CLI::App&, Words&) {},
      [](Remote& remote, const Words&, bool as_json) {
        return run_oncall_at(remote, "", as_json);
      });
  command<Words>(
      oncall, "at", "who is on call at a time", context,
      [](CLI::App& app, Words& w) { app.add_option("time", w.first, "RFC 3339")->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_oncall_at(remote, w.first, as_json);
      });
  command<Words>(
      oncall, "list", "schedules, or the shifts of one", context,
      [](CLI::App& app, Words& w) {
        app.add_option("schedule", w.first);
        app.add_option("--from", w.from, "RFC 3339; default now");
        app.add_option("--to", w.to, "RFC 3339; default four weeks later");
      },
      [](Remote& remote, const Words& w, bool as_json) {
        return w.first.empty() ? run_oncall_list(remote, as_json)
                               : run_oncall_shifts(remote, w.first, w.from, w.to, as_json);
      });
  add_override(oncall, context);
  command<Words>(
      oncall, "remove", "take an override or a swap back", context,
      [](CLI::App& app, Words& w) { app.add_option("id", w.first)->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_oncall_remove(remote, w.first, as_json);
      });
  command<Words>(
      oncall, "check", "who could not be reached, and holes of the next 30 days", context,
      [](CLI::App&, Words&) {},
      [](Remote& remote, const Words&, bool as_json) { return run_oncall_check(remote, as_json); });
  command<Words>(
      oncall, "escalations", "what escalates, and who was told", context, [](CLI::App&, Words&) {},
      [](Remote& remote, const Words&, bool as_json) {
        return run_oncall_escalations(remote, as_json);
      });
  command<Words>(
      oncall, "test", "send a person a test page", context,
      [](CLI::App& app, Words& w) { app.add_option("person", w.first)->required(); },
      [](Remote& remote, const Words& w, bool as_json) {
        return run_oncall_test(remote, w.first, as_json);
      });
}

}  // namespace holdfast::app
