#include "app/cli/commands.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr Duration kDrillPoll = 250ms;
constexpr int kDrillPollsMax = 4 * 60 * 10;  // ten minutes; a drill's own deadline is far below

int fail(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string labels_text(const json& metric) {
  std::string name = text_of(metric, "__name__");
  std::string inside;
  for (const auto& [key, value] : metric.items()) {
    if (key == "__name__") continue;
    inside += (inside.empty() ? "" : ", ") + key + "=\"" + value.get<std::string>() + "\"";
  }
  return inside.empty() && !name.empty() ? name : name + "{" + inside + "}";
}

void print_point(const std::string& what, const json& point) {
  fmt::print("{} => {} @{}\n", what,
             point[1].is_string() ? point[1].get<std::string>() : point[1].dump(), point[0].dump());
}

void print_result(const json& data) {
  const auto type = text_of(data, "resultType");
  const auto found = data.find("result");
  if (found == data.end()) return;
  const auto& result = *found;
  if (type == "scalar" || type == "string") return print_point(type, result);
  for (const auto& series : result) {
    const auto what = labels_text(series["metric"]);
    for (const char* single : {"value", "histogram"}) {
      if (series.contains(single)) print_point(what, series[single]);
    }
    for (const char* many : {"values", "histograms"}) {
      if (!series.contains(many)) continue;
      for (const auto& point : series[many]) print_point(what, point);
    }
  }
}

// A wait that is not a sleep: nobody signals it, so it lasts its time.
void pause(Duration time) {
  std::mutex mutex;
  std::condition_variable nobody;
  std::unique_lock lock(mutex);
  nobody.wait_for(lock, time, [] { return false; });
}

void print_incident_line(const json& incident) {
  fmt::print("{:<18} {:<13} {:<9} {:<14} {:<26} {}\n", text_of(incident, "id"),
             text_of(incident, "state"), text_of(incident, "rank"), text_of(incident, "service"),
             text_of(incident, "opened_at"), text_of(incident, "title"));
}

void print_drill(const json& drill) {
  const auto start = text_of(drill, "injected_at").empty() ? text_of(drill, "started_at")
                                                           : text_of(drill, "injected_at");
  fmt::print(
      "{:<16} {:<9} detected {:>8}  acknowledged {:>8}  repaired {:>8}  closed {:>8}  requests {} "
      "lost {}  {}\n",
      text_of(drill, "name"), text_of(drill, "state"),
      seconds_between(start, text_of(drill, "detected_at")),
      seconds_between(start, text_of(drill, "acknowledged_at")),
      seconds_between(start, text_of(drill, "repaired_at")),
      seconds_between(start, text_of(drill, "closed_at")), drill.value("requests", 0),
      drill.value("requests_lost", 0), text_of(drill, "verdict"));
}

bool drill_ended(const json& drill) {
  const auto state = text_of(drill, "state");
  return state == "passed" || state == "failed" || state == "aborted";
}

}  // namespace

std::string seconds_between(const std::string& from, const std::string& to) {
  auto a = parse_time(from), b = parse_time(to);
  if (from.empty() || to.empty() || !a || !b) return "-";
  return fmt::format("{:.2f} s", static_cast<double>(to_ms(*b) - to_ms(*a)) / 1000.0);
}

int run_query(Remote& remote, const QueryCommand& command, bool as_json) {
  net::Params params{{"query", command.expression}};
  std::string path = "/api/v1/query";
  if (!command.start.empty()) {
    path = "/api/v1/query_range";
    params.insert(params.end(),
                  {{"start", command.start}, {"end", command.end}, {"step", command.step}});
  } else if (!command.time.empty()) {
    params.emplace_back("time", command.time);
  }
  auto answer = remote.get(path + "?" + net::encode_query(params));
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const char* notes : {"warnings", "infos"}) {
    if (!answer->contains(notes)) continue;
    for (const auto& note : (*answer)[notes])
      fmt::print(stderr, "{}: {}\n", notes, note.get<std::string>());
  }
  print_result((*answer)["data"]);
  return 0;
}

int run_incident_list(Remote& remote, const std::string& state, bool as_json) {
  auto answer = remote.get("/incidents?state=" + net::percent_encode(state));
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& incident : (*answer)["incidents"]) print_incident_line(incident);
  if ((*answer)["incidents"].empty()) fmt::print("no incidents ({})\n", state);
  return 0;
}

int run_incident_show(Remote& remote, const std::string& id, bool as_json) {
  auto answer = remote.get("/incidents/" + net::percent_encode(id));
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  const auto& incident = (*answer)["incident"];
  print_incident_line(incident);
  const auto start = text_of(incident, "started_at");
  fmt::print("detected after {}, acknowledged after {}, mitigated after {}, resolved after {}\n",
             seconds_between(start, text_of(incident, "opened_at")),
             seconds_between(start, text_of(incident, "acknowledged_at")),
             seconds_between(start, text_of(incident, "mitigated_at")),
             seconds_between(start, text_of(incident, "resolved_at")));
  for (const auto& entry : incident["timeline"]) {
    fmt::print("{}  +{:<9} {:<17} {}\n", text_of(entry, "at"),
               seconds_between(start, text_of(entry, "at")), text_of(entry, "kind"),
               text_of(entry, "text"));
    if (!entry.contains("evidence") || entry["evidence"].is_null()) continue;
    const auto& evidence = entry["evidence"];
    fmt::print("    saw {} (fine: {}) over {}: {}  [{}]\n", text_of(evidence, "value"),
               text_of(evidence, "threshold"), text_of(evidence, "window"),
               text_of(evidence, "query"), text_of(evidence, "source"));
  }
  return 0;
}

int run_incident_act(Remote& remote, const std::string& id, const std::string& verb,
                     const std::string& by, const std::string& text, bool as_json) {
  json body = json::object();
  if (!by.empty()) body["by"] = by;
  if (!text.empty()) body["text"] = text;
  auto answer = remote.post("/incidents/" + net::percent_encode(id) + "/" + verb, body);
  if (!answer) return fail(answer.error());
  if (as_json)
    fmt::print("{}\n", answer->dump());
  else
    print_incident_line((*answer)["incident"]);
  return 0;
}

int run_drill_list(Remote& remote, bool as_json) {
  auto answer = remote.get("/drills");
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& kind : (*answer)["kinds"])
    fmt::print("{:<16} {}\n{:<16} expect: {}\n", text_of(kind, "name"), text_of(kind, "what"), "",
               text_of(kind, "expect"));
  for (const auto& drill : (*answer)["runs"]) print_drill(drill);
  return 0;
}

int run_drill(Remote& remote, const std::string& name, const std::string& service, bool as_json) {
  auto started = remote.post("/drills", {{"name", name}, {"service", service}});
  if (!started) return fail(started.error());
  const auto id = text_of((*started)["drill"], "id");
  std::string last_state;
  for (int poll = 0; poll < kDrillPollsMax; ++poll) {
    auto answer = remote.get("/drills");
    if (!answer) return fail(answer.error());
    for (const auto& drill : (*answer)["runs"]) {
      if (text_of(drill, "id") != id) continue;
      const auto state = text_of(drill, "state");
      if (state != last_state && !as_json) fmt::print("{}: {}\n", name, state);
      last_state = state;
      if (!drill_ended(drill)) continue;
      if (as_json)
        fmt::print("{}\n", drill.dump());
      else
        print_drill(drill);
      return state == "passed" ? 0 : 1;
    }
    pause(kDrillPoll);
  }
  return fail(Error(Code::kTimeout, "drill " + id + " did not end within ten minutes"));
}

}  // namespace holdfast::app
