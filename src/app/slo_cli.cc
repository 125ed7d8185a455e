#include "app/slo_cli.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "app/cli/slo_commands.h"

namespace holdfast::app {

void add_slo_commands(CLI::App& cli, const CliContext& context) {
  auto* slo = cli.add_subcommand("slo", "objectives, their error budgets and burn rates");
  slo->require_subcommand(1);

  auto word = std::make_shared<std::string>();
  auto* list = context.remote_command(
      slo->add_subcommand("list", "objectives with what is left of their budgets"));
  list->add_option("--service", *word, "only those of a service");
  list->callback([word, context] {
    Remote remote(context.remote);
    context.status = run_slo_list(remote, *word, context.as_json);
  });
  auto* show = context.remote_command(
      slo->add_subcommand("show", "one objective: budgets, burn rates, alerts"));
  show->add_option("name", *word)->required();
  show->callback([word, context] {
    Remote remote(context.remote);
    context.status = run_slo_show(remote, *word, context.as_json);
  });

  auto files = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  auto* check = slo->add_subcommand("check", "check OpenSLO files");
  check->add_option("FILE", *files)->required();
  check->add_flag("--json", *json, "the objectives found, or the findings, as JSON");
  check->callback([files, json, context] { context.status = run_slo_check(*files, *json); });
  auto* rules =
      slo->add_subcommand("rules", "print the rules of OpenSLO files, for any Prometheus");
  rules->add_option("FILE", *files)->required();
  rules->callback([files, context] { context.status = run_slo_rules(*files); });
}

}  // namespace holdfast::app
