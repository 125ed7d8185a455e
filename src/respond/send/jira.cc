// Jira: one issue for each group, found again by a label that carries the group's hash.
//
//   search ──► none: firing ──► create            none: resolved ──► nothing to do
//     │
//     └──────► found ──► update ──► status is where it should be ──► done
//                           └────► list of transitions ──► reopen or resolve
#include <algorithm>

#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kSummaryRunesMax = 255;
constexpr std::size_t kDescriptionRunesMax = 32'767;

// Everything rendered, so that the steps after the first need nothing but answers.
struct Plan {
  std::string api_url, search_url, jql;
  OrderedJson create, update;  // {"fields": ...}
  bool firing = false;
  std::string transition;  // its name: back to work, or done
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

Exchange call(const std::string& method, const std::string& url, const OrderedJson& body) {
  auto exchange = post_json(url, body, {429});
  exchange.request.method = method;
  if (body.is_null()) exchange.request.body.clear();
  exchange.request.headers.set("Accept-Language", "en");
  return exchange;
}

std::string jql_of(const Message& message, const std::string& project) {
  const auto& settings = message.settings;
  std::string out;
  if (const auto never = settings.text("wont_fix_resolution"); !never.empty()) {
    out += "resolution != " + quoted(never) + " and ";
  }
  const auto minutes =
      std::chrono::duration_cast<std::chrono::minutes>(settings.duration("reopen_duration"))
          .count();
  if (message.data.firing() && !settings.text("reopen_transition").empty() && minutes > 0) {
    out += "(resolutiondate is EMPTY OR resolutiondate >= -" + std::to_string(minutes) + "m) and ";
  } else {
    out += "statusCategory != Done and ";
  }
  return out + "project=" + quoted(project) +
         " and labels=" + quoted("ALERT{" + message.hashed_key() + "}") +
         " order by status ASC,resolutiondate DESC";
}

// Jira Cloud has another search than the Data Center.
std::string search_url_of(const Settings& settings) {
  const auto api = settings.text("api_url"), type = settings.text("api_type");
  const auto url = net::parse_url(api);
  const bool cloud =
      type == "cloud" || (type != "datacenter" && url && url->host.ends_with("atlassian.net"));
  if (!cloud) return join_path(api, "search");
  auto search = join_path(api, "search/jql");
  if (const auto at = search.find("/2/"); at != std::string::npos) search.replace(at, 3, "/3/");
  return search;
}

Result<OrderedJson> description_of(const Message& message) {
  auto text =
      cut_runes(message.words.body(message.settings.text("description")), kDescriptionRunesMax);
  auto path = message.settings.text("api_url");
  while (path.ends_with('/')) path.pop_back();
  if (!path.ends_with("/3") || message.words.error()) return OrderedJson(std::move(text));
  // Version 3 wants a document, and the template writes one.
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded()) return invalid("description: with API version 3 it must be JSON");
  return ordered(document);
}

std::vector<std::string> labels_of(const Message& message) {
  std::vector<std::string> labels;
  for (const auto& label : message.settings.texts("labels")) {
    labels.push_back(message.words.text(label));
  }
  labels.push_back("ALERT{" + message.hashed_key() + "}");
  std::sort(labels.begin(), labels.end());
  return labels;
}

Result<Plan> plan_of(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  Plan plan;
  plan.api_url = settings.text("api_url");
  plan.search_url = search_url_of(settings);
  plan.firing = message.data.firing();
  plan.transition = settings.text(plan.firing ? "reopen_transition" : "resolve_transition");
  const auto project = words.text(settings.text("project"));
  plan.jql = jql_of(message, project);
  std::map<std::string, OrderedJson> fields;
  fields["description"] = HF_TRY(description_of(message));
  fields["summary"] = cut_runes(words.title(settings.text("summary")), kSummaryRunesMax);
  fields["issuetype"] = OrderedJson::object({{"name", words.text(settings.text("issue_type"))}});
  fields["labels"] = labels_of(message);
  fields["project"] = OrderedJson::object({{"key", project}});
  if (const auto priority = words.text(settings.text("priority")); !priority.empty()) {
    fields["priority"] = OrderedJson::object({{"name", priority}});
  }
  for (const auto& [name, value] : settings.member("fields").items()) {
    fields.insert_or_assign(name, words.tree(value));
  }
  auto create = OrderedJson::object(), update = OrderedJson::object();
  for (const auto& [name, value] : fields) {
    create[name] = value;
    // People may have written better words into an issue that stands.
    const auto& kept = settings.member(name + "_enable_update");
    if (!kept.is_boolean() || kept.get<bool>()) update[name] = value;
  }
  plan.create = OrderedJson::object({{"fields", std::move(create)}});
  plan.update = OrderedJson::object({{"fields", std::move(update)}});
  return plan;
}

Step transition(const Answer& answer, const Plan& plan, const std::string& issue) {
  const auto body = parse_object(answer.body);
  const auto list = body.is_object() ? body.find("transitions") : body.end();
  if (body.is_object() && list != body.end() && list->is_array()) {
    for (const auto& one : *list) {
      if (text_of(one, "name") != plan.transition) continue;
      auto request = OrderedJson::object();
      request["transition"] = OrderedJson::object({{"id", text_of(one, "id")}});
      return Step::then(
          call("POST", join_path(plan.api_url, "issue/" + issue + "/transitions"), request));
    }
  }
  return failed("clientError", "can't find transition " + plan.transition + " for issue " + issue);
}

// Asks for the transitions when the issue's status is not what the alerts say.
Step after_update(const Plan& plan, const std::string& issue, const std::string& category) {
  const bool done = category == "done";
  if (category.empty() || plan.firing != done || plan.transition.empty()) return delivered(issue);
  auto ask = call("GET", join_path(plan.api_url, "issue/" + issue + "/transitions"), nullptr);
  ask.judge = [plan, issue](const Answer& answer) -> Step {
    auto outcome = judge_status(answer, {429});
    if (outcome.kind != Outcome::Kind::kDelivered) return outcome;
    return transition(answer, plan, issue);
  };
  return Step::then(std::move(ask));
}

std::string category_of(const nlohmann::json& issue) {
  const nlohmann::json* at = &issue;
  for (const char* name : {"fields", "status", "statusCategory"}) {
    const auto found = at->is_object() ? at->find(name) : at->end();
    if (!at->is_object() || found == at->end()) return {};
    at = &*found;
  }
  return text_of(*at, "key");
}

// A key goes into a path: PROJ-17 and nothing else.
bool is_issue_key(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
}

Step after_search(const Answer& answer, const Plan& plan) {
  auto outcome = judge_status(answer, {429});
  if (outcome.kind != Outcome::Kind::kDelivered) {
    outcome.detail = "failed to look up existing issues: " + outcome.detail;
    return outcome;
  }
  const auto body = parse_object(answer.body);
  const auto list = body.is_object() ? body.find("issues") : body.end();
  if (!body.is_object() || list == body.end() || !list->is_array()) {
    return failed("other", "failed to look up existing issues: " + printable(answer.body, 200));
  }
  if (list->empty()) {
    if (!plan.firing) return delivered("no issue to resolve");
    return Step::then(call("POST", join_path(plan.api_url, "issue"), plan.create));
  }
  const auto& issue = list->front();
  const auto key = text_of(issue, "key");
  if (!is_issue_key(key)) return failed("other", "not an issue key: " + printable(key, 60));
  auto update = call("PUT", join_path(plan.api_url, "issue/" + key), plan.update);
  update.judge = [plan, key, category = category_of(issue)](const Answer& updated) -> Step {
    auto result = judge_status(updated, {429});
    if (result.kind != Outcome::Kind::kDelivered) return result;
    return after_update(plan, key, category);
  };
  return Step::then(std::move(update));
}

}  // namespace

Result<Exchange> build_jira(const Message& message) {
  auto plan = HF_TRY(plan_of(message));
  auto body = OrderedJson::object();
  body["fields"] = OrderedJson::array({"status"});
  body["jql"] = plan.jql;
  body["maxResults"] = 2;
  auto search = call("POST", plan.search_url, body);
  search.judge = [plan = std::move(plan)](const Answer& answer) {
    return after_search(answer, plan);
  };
  return search;
}

}  // namespace holdfast::respond::send
