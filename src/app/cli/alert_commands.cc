#include "app/cli/alert_commands.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "base/time.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json none;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}
std::string text_of(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

int refused(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

// Prints the answer as JSON, or by `print`.
template <typename Print>
int show(const Result<json>& answer, bool as_json, Print print) {
  if (!answer) return refused(answer.error());
  if (as_json)
    fmt::print("{}\n", answer->dump(2));
  else
    print(*answer);
  return 0;
}

WallTime wall_now() {
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
}

// severity=critical, host!=a, host=~"web.*", host!~x
Result<json> read_matcher(const std::string& text) {
  const auto at = text.find_first_of("=!");
  if (at == std::string::npos || at == 0)
    return invalid("'" + printable(text) + "' is no matcher; write name=value, name!=value, name=~regex or name!~regex");
  const auto sign = text.substr(at, 2);
  const bool two = sign == "!=" || sign == "=~" || sign == "!~";
  if (text[at] == '!' && !two)
    return invalid("'" + printable(text) + "': after ! stands = or ~");
  auto value = text.substr(at + (two ? 2 : 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return json{{"name", text.substr(0, at)},
              {"value", value},
              {"isRegex", two && sign[1] == '~'},
              {"isEqual", sign[0] == '='}};
}

Result<json> read_labels(const std::vector<std::string>& texts) {
  json labels = json::object();
  for (const auto& text : texts) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0)
      return invalid("'" + printable(text) + "' is no label; write name=value");
    labels[text.substr(0, at)] = text.substr(at + 1);
  }
  return labels;
}

std::string matchers_text(const json& matchers) {
  std::vector<std::string> texts;
  for (const auto& one : matchers) {
    const bool equal = member(one, "isEqual") != json(false), regex = member(one, "isRegex") == json(true);
    texts.push_back(text_of(one, "name") + (equal ? (regex ? "=~" : "=") : (regex ? "!~" : "!=")) + "\"" +
                    text_of(one, "value") + "\"");
  }
  return join(texts, " ");
}

Result<json> silence_body(const SilenceCommand& command) {
  json body = {{"matchers", json::array()}, {"createdBy", command.by}, {"comment", command.comment}};
  for (const auto& text : command.matchers) body["matchers"].push_back(HF_TRY(read_matcher(text)));
  auto from = wall_now();
  if (!command.from.empty()) from = HF_TRY(parse_time(command.from).context("--from"));
  auto to = from + std::chrono::duration_cast<WallTime::duration>(command.length);
  if (!command.to.empty()) to = HF_TRY(parse_time(command.to).context("--to"));
  body["startsAt"] = format_time(from);
  body["endsAt"] = format_time(to);
  if (!command.rule.empty()) {
    body["recurrence"] = {{"rrule", command.rule}, {"duration", format_duration(command.length)}};
    if (!command.zone.empty()) body["recurrence"]["zone"] = command.zone;
  }
  return body;
}

void print_alerts(const json& alerts) {
  for (const auto& alert : alerts) {
    std::vector<std::string> labels;
    for (const auto& [name, value] : member(alert, "labels").items())
      if (value.is_string()) labels.push_back(name + "=" + value.get<std::string>());
    fmt::print("  {}\n", join(labels, " "));
  }
}

// An alert that ends by itself: what people are told once.
json notice(const std::string& name, const std::string& severity, json labels, json annotations,
            Duration ends_in) {
  labels["alertname"] = name;
  labels["severity"] = severity;
  const auto now = wall_now();
  return json::array(
      {{{"labels", std::move(labels)},
        {"annotations", std::move(annotations)},
        {"startsAt", format_time(now)},
        {"endsAt", format_time(now + std::chrono::duration_cast<WallTime::duration>(ends_in))}}});
}

int post_notice(Remote& remote, const json& alerts, bool as_json) {
  const auto answer = remote.post_text("/api/v2/alerts", alerts.dump(), "application/json");
  if (!answer) return refused(answer.error());
  // Who hears of it, as the routing says.
  json question = {{"labels", alerts[0]["labels"]}};
  const auto explained = remote.post("/routing/explain", question);
  if (!explained) return refused(explained.error());
  if (as_json) {
    fmt::print("{}\n", explained->dump(2));
    return 0;
  }
  for (const auto& target : member(*explained, "targets"))
    fmt::print("{}: {}\n", text_of(target, "receiver"), text_of(target, "why"));
  return 0;
}

}  // namespace

int run_silence_list(Remote& remote, bool expired, bool as_json) {
  return show(remote.get("/api/v2/silences"), as_json, [&](const json& silences) {
    for (const auto& one : silences) {
      const auto state = text_of(member(one, "status"), "state");
      if (state == "expired" && !expired) continue;
      fmt::print("{}  {:<7}  until {}  {}  {}: {}\n", text_of(one, "id"), state, text_of(one, "endsAt"),
                 matchers_text(member(one, "matchers")), text_of(one, "createdBy"), text_of(one, "comment"));
    }
  });
}

int run_silence_add(Remote& remote, const SilenceCommand& command, bool as_json) {
  const auto body = silence_body(command);
  if (!body) return refused(body.error());
  if (!command.preview) {
    return show(remote.post_text("/api/v2/silences", body->dump(), "application/json"), as_json,
                [](const json& answer) { fmt::print("{}\n", text_of(answer, "silenceID")); });
  }
  return show(remote.post("/routing/silences/preview", *body), as_json, [](const json& answer) {
    if (const auto why = text_of(answer, "refused"); !why.empty()) fmt::print("would be refused: {}\n", why);
    const auto& hides = member(answer, "hides");
    fmt::print("hides {} alerts now\n", hides.size());
    print_alerts(hides);
    for (const auto& at : member(answer, "occurrences"))
      if (at.is_string()) fmt::print("begins {}\n", at.get<std::string>());
  });
}

int run_silence_expire(Remote& remote, const std::vector<std::string>& ids, bool as_json) {
  int status = 0;
  for (const auto& id : ids) {
    const auto done = remote.remove("/api/v2/silence/" + net::percent_encode(id));
    if (!done) {
      status = refused(done.error());
    } else if (as_json) {
      fmt::print("{}\n", json{{"id", id}, {"state", "expired"}}.dump());
    }
  }
  return status;
}

int run_notify(Remote& remote, const NotifyCommand& command, bool as_json) {
  auto labels = read_labels(command.labels);
  if (!labels) return refused(labels.error());
  json annotations = {{"summary", command.summary.empty() ? command.name : command.summary}};
  if (!command.description.empty()) annotations["description"] = command.description;
  return post_notice(
      remote, notice(command.name, command.severity, std::move(*labels), annotations, command.ends_in),
      as_json);
}

int run_alert_webhook(Remote& remote, const std::vector<std::string>& words, bool as_json) {
  struct Form {
    const char* name;
    std::array<const char*, 4> parts;  // null: none
  };
  static constexpr std::array<Form, 3> kForms = {
      {{"system-alert", {"SERVICE", "SEVERITY", "MESSAGE", "DETAILS"}},
       {"deployment-success", {"VERSION", "ENVIRONMENT", "SECONDS", nullptr}},
       {"ai-budget-exceeded", {"PERIOD", "ACTUAL", "BUDGET", "PERCENT"}}}};
  const Form* form = nullptr;
  for (const auto& one : kForms)
    if (!words.empty() && words[0] == one.name) form = &one;
  const std::size_t wanted = form == nullptr ? 0 : (form->parts[3] == nullptr ? 3 : 4);
  if (form == nullptr || words.size() != wanted + 1) {
    fmt::print(stderr, "holdfast: one of\n");
    for (const auto& one : kForms)
      fmt::print(stderr, "  alert-webhook {} {} {} {} {}\n", one.name, one.parts[0], one.parts[1], one.parts[2],
                 one.parts[3] == nullptr ? "" : one.parts[3]);
    return 2;
  }
  if (words[0] == "system-alert") {
    return post_notice(remote,
                       notice("SystemAlert", words[2], {{"service", words[1]}},
                              {{"summary", words[1] + ": " + words[3]}, {"description", words[4]}}, 5min),
                       as_json);
  }
  if (words[0] == "deployment-success") {
    // The change is kept, too: the next incident asks for it.
    const auto change = remote.post("/changes", {{"kind", "deployment"},
                                                 {"state", "succeeded"},
                                                 {"version", words[1]},
                                                 {"summary", words[1] + " is in " + words[2]},
                                                 {"source", "alert-webhook"}});
    if (!change) return refused(change.error());
    return post_notice(
        remote,
        notice("DeploymentSuccess", "info", {{"version", words[1]}, {"environment", words[2]}},
               {{"summary", words[1] + " was deployed to " + words[2] + " in " + words[3] + " s"}}, 5min),
        as_json);
  }
  return post_notice(remote,
                     notice("AIBudgetExceeded", "warning", {{"period", words[1]}},
                            {{"summary", "AI budget (" + words[1] + "): " + words[2] + " of " + words[3] + ", " +
                                             words[4] + " %"},
                             {"actual", words[2]},
                             {"budget", words[3]},
                             {"percent", words[4]}},
                            5min),
                     as_json);
}

int run_routing_explain(Remote& remote, const std::vector<std::string>& labels, const std::string& at,
                        bool as_json) {
  const auto read = read_labels(labels);
  if (!read) return refused(read.error());
  json question = {{"labels", *read}};
  if (!at.empty()) question["at"] = at;
  return show(remote.post("/routing/explain", question), as_json, [](const json& answer) {
    fmt::print("at {}\n", text_of(answer, "at"));
    for (const auto& target : member(answer, "targets")) {
      const bool told = member(target, "told") == json(true);
      fmt::print("{:<5} {}: {}{}\n", told ? "told" : "quiet", text_of(target, "receiver"), text_of(target, "why"),
                 text_of(target, "next").empty() ? "" : "; next at " + text_of(target, "next"));
      std::string route;
      for (const auto& step : member(target, "route"))
        if (step.is_string()) route += (route.empty() ? "" : " > ") + step.get<std::string>();
      fmt::print("      by {}\n", route);
    }
  });
}

int run_routing_drill(Remote& remote, const std::string& receiver, const std::string& note, bool as_json) {
  return show(remote.post("/routing/drills", {{"receiver", receiver}, {"note", note}}), as_json,
              [](const json& drill) {
                fmt::print("{}: {} is told; to be acknowledged by {}\n", text_of(drill, "id"),
                           text_of(drill, "receiver"), text_of(drill, "due_at"));
              });
}

int run_routing_drills(Remote& remote, bool as_json) {
  return show(remote.get("/routing/drills"), as_json, [](const json& answer) {
    for (const auto& drill : member(answer, "drills")) {
      fmt::print("{}  {:<12}  {}  {}\n", text_of(drill, "id"), text_of(drill, "state"),
                 text_of(drill, "started_at"), text_of(drill, "receiver"));
      for (const auto& line : member(drill, "deliveries"))
        if (line.is_string()) fmt::print("  {}\n", line.get<std::string>());
    }
  });
}

namespace {

Result<json> publication(const StatusCommand& command) {
  json body = {{"status", command.state}, {"body", command.text}};
  if (command.id.empty()) body["kind"] = command.kind;
  if (!command.name.empty()) body["name"] = command.name;
  if (!command.impact.empty()) body["impact"] = command.impact;
  if (!command.scheduled_for.empty()) body["scheduled_for"] = command.scheduled_for;
  if (!command.scheduled_until.empty()) body["scheduled_until"] = command.scheduled_until;
  if (!command.components.empty()) body["components"] = HF_TRY(read_labels(command.components));
  return body;
}

void print_post(const json& post) {
  const auto& updates = member(post, "updates");
  const json none;
  const auto& last = updates.is_array() && !updates.empty() ? updates.back() : none;
  fmt::print("{}  {:<11}  {:<14}  {}{}\n", text_of(post, "id"), text_of(post, "kind"), text_of(last, "status"),
             text_of(post, "name"), member(last, "draft") == json(true) ? "  (draft: publish it or discard it)" : "");
}

}  // namespace

int run_status_list(Remote& remote, bool as_json) {
  return show(remote.get("/status-page"), as_json, [](const json& answer) {
    fmt::print("{}  {}\n", text_of(answer, "title"), text_of(answer, "url"));
    for (const auto& post : member(answer, "posts")) print_post(post);
  });
}

int run_status_show(Remote& remote, const std::string& id, bool as_json) {
  return show(remote.get("/status-page/posts/" + net::percent_encode(id)), as_json, [](const json& post) {
    print_post(post);
    for (const auto& update : member(post, "updates"))
      fmt::print("{}  {}{}\n  {}\n", text_of(update, "at"), text_of(update, "status"),
                 member(update, "draft") == json(true) ? " (draft)" : " by " + text_of(update, "by"),
                 text_of(update, "body"));
  });
}

int run_status_draft(Remote& remote, const StatusCommand& command, bool as_json) {
  const auto body = publication(command);
  if (!body) return refused(body.error());
  return show(remote.post("/status-page/posts", *body), as_json, print_post);
}

int run_status_publish(Remote& remote, const StatusCommand& command, bool as_json) {
  const auto path = "/status-page/posts/" + net::percent_encode(command.id);
  auto wanted = command;
  // What the draft says stands, unless other words are given.
  if (wanted.state.empty() || wanted.text.empty()) {
    const auto post = remote.get(path);
    if (!post) return refused(post.error());
    for (const auto& update : member(*post, "updates")) {
      if (member(update, "draft") != json(true)) continue;
      if (wanted.state.empty()) wanted.state = text_of(update, "status");
      if (wanted.text.empty()) wanted.text = text_of(update, "body");
      if (!wanted.components.empty()) continue;
      for (const auto& one : member(update, "components"))
        wanted.components.push_back(text_of(one, "id") + "=" + text_of(one, "status"));
    }
  }
  const auto body = publication(wanted);
  if (!body) return refused(body.error());
  return show(remote.post(path + "/publish", *body), as_json, print_post);
}

int run_status_discard(Remote& remote, const std::string& id, bool as_json) {
  return show(remote.remove("/status-page/posts/" + net::percent_encode(id) + "/draft"), as_json,
              [](const json&) { fmt::print("discarded\n"); });
}

}  // namespace holdfast::app
