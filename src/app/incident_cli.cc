// One table-like function a group of words: options to the members of one call.
#include "app/incident_cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/cli/incident_commands.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

// A command's options, alive as long as its callback.
struct Post {
  std::string path;  // "{0}", "{1}" are the arguments
  std::vector<std::string> arguments;
  json body = json::object();
};
using PostPtr = std::shared_ptr<Post>;

void text_option(CLI::App* app, const PostPtr& post, const std::string& flag, const char* member,
                 const char* help, bool required = false) {
  auto* option = app->add_option_function<std::string>(
      flag, [post, member](const std::string& value) { post->body[member] = value; }, help);
  if (required) option->required();
}

// `arguments` are the names of the words that stand in the path.
std::pair<CLI::App*, PostPtr> post_command(CLI::App& parent, const char* name, const char* help,
                                           std::string path,
                                           const std::vector<std::string>& arguments,
                                           const CliContext& context) {
  auto post = std::make_shared<Post>();
  post->path = std::move(path);
  post->arguments.resize(arguments.size());
  auto* app = context.remote_command(parent.add_subcommand(name, help));
  for (std::size_t i = 0; i < arguments.size(); ++i)
    app->add_option(arguments[i], post->arguments[i])->required();
  app->callback([post, context] {
    auto path = post->path;
    for (std::size_t i = 0; i < post->arguments.size(); ++i) {
      const auto mark = "{" + std::to_string(i) + "}";
      const auto at = path.find(mark);
      if (at != std::string::npos)
        path.replace(at, mark.size(), net::percent_encode(post->arguments[i]));
    }
    Remote remote(context.remote);
    context.status = run_incident_post(remote, path, post->body, context.as_json);
  });
  return {app, post};
}

void add_handling(CLI::App& incident, const CliContext& context) {
  {
    auto [app, post] =
        post_command(incident, "declare", "open an incident by hand", "/incidents", {}, context);
    text_option(app, post, "--title", "title", "what is wrong", true);
    text_option(app, post, "--service", "service", "which service");
    text_option(app, post, "--level", "level", "name of the severity, as P1");
    text_option(app, post, "--source", "source", "user_report, proactive or automatic");
    text_option(app, post, "--extent", "extent", "functions and users affected");
    text_option(app, post, "--user-impact", "user_impact", "what users feel");
    text_option(app, post, "--started-at", "started_at", "when it began, RFC 3339");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "confirm", "confirm extent, severity and ticket",
                                    "/incidents/{0}/confirm", {"ID"}, context);
    text_option(app, post, "--extent", "extent", "functions and users affected");
    text_option(app, post, "--user-impact", "user_impact", "what users feel");
    text_option(app, post, "--ticket", "ticket", "default: the incident's own id");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "set", "root cause, fixes, expected recovery, ...",
                                    "/incidents/{0}/fields", {"ID"}, context);
    for (const char* name : {"title", "extent", "user_impact", "ticket", "source", "root_cause",
                             "temporary_fix", "permanent_fix", "expected_recovery_at"}) {
      std::string flag = "--" + std::string(name);
      std::replace(flag.begin() + 2, flag.end(), '_', '-');
      text_option(app, post, flag, name, "");
    }
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "role", "assign a role, or hand it over",
                                    "/incidents/{0}/role", {"ID"}, context);
    text_option(app, post, "--role", "role", "commander, communications, scribe, ...", true);
    text_option(app, post, "--person", "person", "who takes it", true);
    text_option(app, post, "--backup", "backup", "who is told when they are silent");
    text_option(app, post, "--note", "note", "how things stand, for the hand-over");
    app->add_flag_function(
        "--hand-over", [post = post](std::int64_t) { post->body["hand_over"] = true; },
        "from who holds it now");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "task", "add a task, or change one by its --id",
                                    "/incidents/{0}/task", {"ID"}, context);
    text_option(app, post, "--id", "id", "of a task that is there");
    text_option(app, post, "--title", "title", "what is to be done");
    text_option(app, post, "--kind", "kind", "task, knowledge or improvement");
    text_option(app, post, "--category", "category",
                "improvement: technical, process, monitoring, training");
    text_option(app, post, "--owner", "owner", "who does it");
    text_option(app, post, "--due", "due_at", "RFC 3339");
    text_option(app, post, "--state", "state", "open, done, dropped");
    text_option(app, post, "--note", "note", "why, or what came of it");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "act", "record a restart, rollback or scale-out",
                                    "/incidents/{0}/act", {"ID"}, context);
    text_option(app, post, "--axis", "axis", "restart, rollback, scale_out", true);
    text_option(app, post, "--text", "text", "what was done");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "check", "record a check of the recovery",
                                    "/incidents/{0}/check", {"ID"}, context);
    text_option(app, post, "--name", "name", "function_verified, metrics_confirmed, users_informed",
                true);
    text_option(app, post, "--note", "note", "how it was checked");
    text_option(app, post, "--by", "by", "who");
  }
  auto [app, post] =
      post_command(incident, "close", "end it: asks for confirmation and the three checks",
                   "/incidents/{0}/close", {"ID"}, context);
  text_option(app, post, "--by", "by", "who");
}

void add_telling(CLI::App& incident, const CliContext& context) {
  {
    auto [app, post] = post_command(incident, "update", "a status update for people outside",
                                    "/incidents/{0}/update", {"ID"}, context);
    text_option(app, post, "--text", "text", "what they are told", true);
    text_option(app, post, "--next-at", "next_at", "when they hear again, RFC 3339");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "impact", "correct when the impact began",
                                    "/incidents/{0}/impact", {"ID"}, context);
    text_option(app, post, "--at", "at", "RFC 3339", true);
    text_option(app, post, "--why", "why", "how you know", true);
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "correct", "correct a line; what it said is kept",
                                    "/incidents/{0}/line", {"ID"}, context);
    text_option(app, post, "--line", "entry", "its id, as e7", true);
    text_option(app, post, "--at", "at", "when it happened");
    text_option(app, post, "--text", "text", "what happened");
    text_option(app, post, "--why", "why", "why it is corrected");
    app->add_flag_function(
        "--pin,!--unpin", [post = post](std::int64_t count) { post->body["pinned"] = count > 0; },
        "keep it in sight");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "merge", "make it a part of another",
                                    "/incidents/{0}/merge", {"ID"}, context);
    text_option(app, post, "--into", "into", "the other", true);
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "split", "take alerts out into one of their own",
                                    "/incidents/{0}/split", {"ID"}, context);
    app->add_option_function<std::vector<std::string>>(
           "--alert",
           [post = post](const std::vector<std::string>& alerts) { post->body["alerts"] = alerts; },
           "fingerprint; may be repeated")
        ->required();
    text_option(app, post, "--title", "title", "of the new one");
    text_option(app, post, "--by", "by", "who");
  }
  {
    auto [app, post] = post_command(incident, "link", "name a relation to another",
                                    "/incidents/{0}/link", {"ID"}, context);
    text_option(app, post, "--to", "incident", "the other", true);
    text_option(app, post, "--kind", "kind", "related, duplicate, caused_by");
    text_option(app, post, "--by", "by", "who");
  }
  auto id = std::make_shared<std::string>();
  auto pinned = std::make_shared<bool>(false);
  auto* timeline =
      context.remote_command(incident.add_subcommand("timeline", "its lines, with corrections"));
  timeline->add_option("ID", *id)->required();
  timeline->add_flag("--pinned", *pinned, "only pinned lines");
  timeline->callback([id, pinned, context] {
    Remote remote(context.remote);
    context.status = run_incident_timeline(remote, *id, *pinned, context.as_json);
  });
}

void add_words(CLI::App& cli, const CliContext& context) {
  auto* words = cli.add_subcommand("words", "texts of notices: list, draft, approve, send");
  words->require_subcommand(1);
  context.remote_command(words->add_subcommand("list", "the texts there are"))->callback([context] {
    Remote remote(context.remote);
    context.status = run_words_list(remote, false, "", context.as_json);
  });
  auto about = std::make_shared<std::string>();
  auto* drafts = context.remote_command(words->add_subcommand("drafts", "what was drafted"));
  drafts->add_option("--incident", *about, "of one incident");
  drafts->callback([about, context] {
    Remote remote(context.remote);
    context.status = run_words_list(remote, true, *about, context.as_json);
  });
  const auto fields = [](CLI::App* app, const PostPtr& post) {
    app->add_option_function<std::vector<std::string>>(
        "--field",
        [post](const std::vector<std::string>& pairs) {
          for (const auto& pair : pairs) {
            const auto sign = pair.find('=');
            if (sign == std::string::npos) throw CLI::ValidationError("--field wants name=value");
            post->body["fields"][pair.substr(0, sign)] = pair.substr(sign + 1);
          }
        },
        "name=value, for texts that no incident fills; may be repeated");
  };
  {
    auto [app, post] = post_command(*words, "preview", "a text with real data",
                                    "/texts/{0}/{1}/preview", {"NAME", "LANGUAGE"}, context);
    text_option(app, post, "--incident", "incident", "whose data");
    fields(app, post);
  }
  {
    auto [app, post] = post_command(*words, "draft", "write a draft", "/drafts", {}, context);
    text_option(app, post, "--text", "text", "which text", true);
    text_option(app, post, "--language", "language", "zh or en");
    text_option(app, post, "--incident", "incident", "whose data");
    fields(app, post);
  }
  {
    auto [app, post] =
        post_command(*words, "reject", "it is not sent", "/drafts/{0}/reject", {"DRAFT"}, context);
    text_option(app, post, "--note", "note", "why", true);
  }
  post_command(*words, "approve", "it may go to the public", "/drafts/{0}/approve", {"DRAFT"},
               context);
  post_command(*words, "send", "hand it to its receivers", "/drafts/{0}/send", {"DRAFT"}, context);
}

struct ReportOptions {
  std::string id, format = "markdown", file;
  std::vector<std::pair<std::string, std::string>> query;
};

void add_postmortems(CLI::App& cli, const CliContext& context) {
  auto* postmortem = cli.add_subcommand("postmortem", "what was learnt: list, show, write, review");
  postmortem->require_subcommand(1);
  context.remote_command(postmortem->add_subcommand("list", "newest first"))->callback([context] {
    Remote remote(context.remote);
    context.status = run_postmortem_list(remote, context.as_json);
  });
  auto options = std::make_shared<ReportOptions>();
  auto* show = context.remote_command(postmortem->add_subcommand("show", "the report"));
  show->add_option("ID", options->id, "the incident's")->required();
  show->add_option("--format", options->format, "markdown, pdf or json")
      ->check(CLI::IsMember({"markdown", "pdf", "json"}))
      ->capture_default_str();
  show->add_option("--out", options->file, "into this file");
  show->callback([options, context] {
    Remote remote(context.remote);
    context.status = run_report(remote, "/postmortems/" + net::percent_encode(options->id),
                                context.as_json ? "json" : options->format, options->file);
  });
  {
    auto [app, post] =
        post_command(*postmortem, "draft", "draft one by hand", "/postmortems", {}, context);
    text_option(app, post, "--incident", "incident", "of which", true);
    text_option(app, post, "--language", "language", "zh or en");
  }
  {
    auto [app, post] =
        post_command(*postmortem, "write", "change its parts", "/postmortems/{0}", {"ID"}, context);
    for (const char* name : {"overview", "root_cause", "impact", "fix", "lessons", "owner"}) {
      std::string flag = "--" + std::string(name);
      std::replace(flag.begin() + 2, flag.end(), '_', '-');
      text_option(app, post, flag, name, "");
    }
  }
  {
    auto [app, post] = post_command(*postmortem, "action", "add an action, or change one by --id",
                                    "/postmortems/{0}/action", {"ID"}, context);
    text_option(app, post, "--id", "id", "of an action that is there");
    text_option(app, post, "--title", "title", "what is to be done");
    text_option(app, post, "--category", "category", "technical, process, monitoring, training");
    text_option(app, post, "--owner", "owner", "who does it");
    text_option(app, post, "--due", "due_at", "RFC 3339");
    text_option(app, post, "--state", "state", "open, done, dropped");
    text_option(app, post, "--ticket", "ticket", "where it is tracked");
  }
  auto [app, post] = post_command(*postmortem, "state", "take it through its states",
                                  "/postmortems/{0}/state", {"ID"}, context);
  text_option(app, post, "--to", "state", "draft, in_review, reviewed, closed", true);
}

std::string query_of(const ReportOptions& options) {
  net::Params params;
  for (const auto& [name, value] : options.query) params.emplace_back(name, value);
  return net::encode_query(params);
}

void query_option(CLI::App* app, const std::shared_ptr<ReportOptions>& options,
                  const std::string& flag, const std::string& name, const char* help) {
  app->add_option_function<std::string>(
      flag, [options, name](const std::string& value) { options->query.emplace_back(name, value); },
      help);
}

void add_numbers(CLI::App& cli, const CliContext& context) {
  auto kpi_options = std::make_shared<ReportOptions>();
  auto* kpi = context.remote_command(
      cli.add_subcommand("kpi", "MTTD, MTTA, MTTR, MTBF, breaches and the load on people"));
  query_option(kpi, kpi_options, "--from", "from", "RFC 3339; default: 30 days ago");
  query_option(kpi, kpi_options, "--to", "to", "RFC 3339; default: now");
  query_option(kpi, kpi_options, "--service", "service", "of one service");
  query_option(kpi, kpi_options, "--rank", "rank", "of one severity, 1 is the worst");
  query_option(kpi, kpi_options, "--by", "by", "service, severity, day, week or month");
  kpi_options->format = "text";
  kpi->add_option("--format", kpi_options->format, "text, json or csv")
      ->check(CLI::IsMember({"text", "json", "csv"}))
      ->capture_default_str();
  kpi->callback([kpi_options, context] {
    Remote remote(context.remote);
    context.status = run_kpi(remote, query_of(*kpi_options), kpi_options->format, context.as_json);
  });

  auto options = std::make_shared<ReportOptions>();
  auto* review =
      context.remote_command(cli.add_subcommand("review", "the monthly look back at incidents"));
  query_option(review, options, "--month", "month", "YYYY-MM");
  query_option(review, options, "--from", "from", "RFC 3339");
  query_option(review, options, "--to", "to", "RFC 3339");
  query_option(review, options, "--language", "language", "zh or en");
  review->add_option("--format", options->format, "markdown, pdf or json")
      ->check(CLI::IsMember({"markdown", "pdf", "json"}))
      ->capture_default_str();
  review->add_option("--out", options->file, "into this file");
  review->callback([options, context] {
    Remote remote(context.remote);
    context.status = run_report(remote, "/review?" + query_of(*options),
                                context.as_json ? "json" : options->format, options->file);
  });

  context.remote_command(cli.add_subcommand("contacts", "who is called: roles, team, vendors"))
      ->callback([context] {
        Remote remote(context.remote);
        context.status = run_contacts(remote, context.as_json);
      });
}

}  // namespace

void add_incident_commands(CLI::App& cli, CLI::App& incident, const CliContext& context) {
  add_handling(incident, context);
  add_telling(incident, context);
  add_words(cli, context);
  add_postmortems(cli, context);
  add_numbers(cli, context);
}

}  // namespace holdfast::app
