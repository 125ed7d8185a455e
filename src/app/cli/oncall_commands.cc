#include "app/cli/oncall_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

const json& list_of(const json& object, const char* name) {
  static const json none = json::array();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_array() ? *found : none;
}

// Prints the answer as JSON, or by `print`, which answers the exit status.
template <typename Print>
int show(const Result<json>& answer, bool as_json, Print print) {
  if (!answer) {
    fmt::print(stderr, "holdfast: {}\n", answer.error().message());
    return 1;
  }
  if (as_json) fmt::print("{}\n", answer->dump(2));
  return print(*answer);
}

std::string joined(const json& list) {
  std::vector<std::string> parts;
  for (const auto& item : list)
    parts.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  return parts.empty() ? "-" : join(parts, ", ");
}

// "2026-11-21T09:00:00.000Z" to the minute.
std::string minute_of(const std::string& time) {
  return time.size() < 16 ? "-" : time.substr(0, 16) + "Z";
}

}  // namespace

int run_oncall_at(Remote& remote, const std::string& at, bool as_json) {
  const auto answer =
      remote.get("/oncall/now" + (at.empty() ? "" : "?at=" + net::percent_encode(at)));
  return show(answer, as_json, [&](const json& body) {
    if (as_json) return 0;
    for (const auto& one : list_of(body, "on_call")) {
      fmt::print("{:<20} until {}\n", text_of(one, "schedule"), minute_of(text_of(one, "until")));
      for (const auto& person : list_of(one, "people"))
        fmt::print("  {:<12} {:<16} {:<20} {}\n", text_of(person, "role"), text_of(person, "name"),
                   text_of(person, "phone"), text_of(person, "email"));
      if (list_of(one, "people").empty()) fmt::print("  nobody\n");
    }
    return 0;
  });
}

int run_oncall_list(Remote& remote, bool as_json) {
  return show(remote.get("/oncall/schedules"), as_json, [&](const json& body) {
    if (as_json) return 0;
    fmt::print("{:<20} {:<20} {:<8} {:<8} {:<8} {}\n", "schedule", "zone", "score", "covered",
               "balance", "gaps in 30 days");
    for (const auto& one : list_of(body, "schedules")) {
      const auto& q = one["quality"];
      fmt::print("{:<20} {:<20} {:<8} {:<8} {:<8} {}\n", text_of(one, "name"), text_of(one, "zone"),
                 q["score"].dump(), q["covered"].dump() + "%", q["balance"].dump() + "%",
                 list_of(one, "gaps").size());
    }
    return 0;
  });
}

int run_oncall_shifts(Remote& remote, const std::string& schedule, const std::string& from,
                      const std::string& to, bool as_json) {
  std::string path = "/oncall/schedules/" + net::percent_encode(schedule) + "/shifts?";
  if (!from.empty()) path += "from=" + net::percent_encode(from) + "&";
  if (!to.empty()) path += "to=" + net::percent_encode(to);
  return show(remote.get(path), as_json, [&](const json& body) {
    if (as_json) return 0;
    for (const auto& shift : list_of(body, "shifts"))
      fmt::print("{}  {}  {:<32} {}\n", minute_of(text_of(shift, "from")),
                 minute_of(text_of(shift, "to")), joined(list_of(shift, "users")),
                 text_of(shift, "source"));
    for (const auto& gap : list_of(body, "gaps"))
      fmt::print("{}  {}  nobody\n", minute_of(text_of(gap, "from")),
                 minute_of(text_of(gap, "to")));
    return 0;
  });
}

int run_oncall_override(Remote& remote, const OverrideCommand& command, bool as_json) {
  json body = {{"schedule", command.schedule},
               {"users", command.users},
               {"to", command.to},
               {"role", command.role},
               {"reason", command.reason}};
  if (!command.from.empty()) body["from"] = command.from;
  return show(remote.post("/oncall/overrides", body), as_json, [&](const json& answer) {
    if (as_json) return 0;
    const auto& made = answer["override"];
    fmt::print("{}: {} on {} from {} to {}\n", text_of(made, "id"), joined(list_of(made, "users")),
               text_of(made, "schedule"), minute_of(text_of(made, "from")),
               minute_of(text_of(made, "to")));
    return 0;
  });
}

int run_oncall_remove(Remote& remote, const std::string& id, bool as_json) {
  return show(remote.post("/oncall/changes/" + net::percent_encode(id) + "/remove", json::object()),
              as_json, [&](const json&) {
                if (!as_json) fmt::print("{} is removed\n", id);
                return 0;
              });
}

int run_oncall_check(Remote& remote, bool as_json) {
  return show(remote.get("/oncall/reachability"), as_json, [&](const json& body) {
    const bool green = body.value("green", false);
    if (as_json) return green ? 0 : 1;
    for (const auto& one : list_of(body, "findings"))
      fmt::print("{:<7} {:<9} {:<16} {}\n", text_of(one, "severity"), text_of(one, "what"),
                 text_of(one, "name"), text_of(one, "text"));
    fmt::print("{}\n",
               green ? "everyone on call can be reached" : "somebody on call could not be reached");
    return green ? 0 : 1;
  });
}

int run_oncall_escalations(Remote& remote, bool as_json) {
  return show(remote.get("/oncall/escalations"), as_json, [&](const json& body) {
    if (as_json) return 0;
    for (const auto& one : list_of(body, "escalations")) {
      fmt::print("{:<20} {:<10} {:<16} next {}\n", text_of(one, "incident"), text_of(one, "state"),
                 text_of(one, "policy"), minute_of(text_of(one, "next_at")));
      for (const auto& page : list_of(one, "pages")) fmt::print("  {}\n", text_of(page, "text"));
    }
    return 0;
  });
}

int run_oncall_test(Remote& remote, const std::string& person, bool as_json) {
  return show(
      remote.post("/oncall/test-page", {{"person", person}}), as_json, [&](const json& body) {
        if (!as_json)
          fmt::print("a test page for {} is on its way: {}\n", person, text_of(body, "key"));
        return 0;
      });
}

}  // namespace holdfast::app
