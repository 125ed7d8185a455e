#include "app/cli/incident_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

int fail(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

std::string text_of(const json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& list_of(const json& object, const char* name) {
  static const json none = json::array();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_array() ? *found : none;
}

void print_answer(const json& answer) {
  if (answer.contains("incident")) {
    const auto& one = answer["incident"];
    fmt::print("{:<18} {:<13} {:<9} {:<14} {:<26} {}\n", text_of(one, "id"), text_of(one, "phase"),
               text_of(one, "rank"), text_of(one, "service"), text_of(one, "opened_at"),
               text_of(one, "title"));
    for (const auto& task : list_of(one, "tasks"))
      fmt::print("  {:<4} {:<8} {:<12} {}\n", text_of(task, "id"), text_of(task, "state"),
                 text_of(task, "owner"), text_of(task, "title"));
  } else if (answer.contains("postmortem")) {
    const auto& one = answer["postmortem"];
    fmt::print("{:<18} {:<10} due {:<26} {}\n", text_of(one, "incident"), text_of(one, "state"),
               text_of(one, "due_at"), text_of(one, "title"));
  } else if (answer.contains("draft")) {
    const auto& one = answer["draft"];
    fmt::print("{} {} to {}\n\n{}\n\n{}\n", text_of(one, "id"), text_of(one, "state"),
               text_of(one, "audience"), text_of(one, "subject"), text_of(one, "body"));
  } else if (answer.contains("subject")) {
    fmt::print("{}\n\n{}\n", text_of(answer, "subject"), text_of(answer, "body"));
  } else {
    fmt::print("{}\n", answer.dump(2));
  }
}

std::string span(const json& value) {
  if (!value.is_number()) return "-";
  const auto seconds = static_cast<std::int64_t>(value.get<double>());
  return format_duration(std::chrono::seconds(seconds));
}

void print_group(const json& group) {
  const auto count = [&](const char* name) {
    const auto found = group["counts"].find(name);
    return found == group["counts"].end() ? 0 : found->get<int>();
  };
  fmt::print("{}: {} incidents\n", text_of(group, "name"), count("incidents"));
  fmt::print("  {:<22} {:>5} {:>12} {:>12} {:>12} {:>12}  {}\n", "measure", "n", "mean", "p50",
             "p95", "target", "verdict");
  for (const auto& [name, one] : group["statistics"].items()) {
    fmt::print("  {:<22} {:>5} {:>12} {:>12} {:>12} {:>12}  {}\n", name, one["n"].dump(),
               span(one["mean"]), span(one["p50"]), span(one["p95"]),
               one.contains("target") ? span(one["target"]) : "", text_of(one, "verdict"));
  }
  for (const auto& [name, one] : group["breaches"].items())
    fmt::print("  breached {:<13} {} of {}\n", name, one["breached"].dump(), one["n"].dump());
  const auto& load = group["load"];
  fmt::print("  pages {}: business hours {}, off hours {}, sleep {} in {} nights\n",
             load["pages"].dump(), load["business"].dump(), load["off"].dump(),
             load["sleep"].dump(), load["nights"].dump());
}

int write_out(const std::string& bytes, const std::string& file) {
  auto* out = file.empty() ? stdout : std::fopen(file.c_str(), "wb");
  if (out == nullptr) return fail(unavailable("cannot write " + printable(file)));
  const bool good = std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  const bool closed = file.empty() ? std::fflush(out) == 0 : std::fclose(out) == 0;
  if (good && closed) return 0;
  return fail(
      unavailable("cannot write " + (file.empty() ? std::string("the output") : printable(file))));
}

}  // namespace

int run_incident_post(Remote& remote, const std::string& path, const json& body, bool as_json) {
  auto answer = remote.post(path, body);
  if (!answer) return fail(answer.error());
  if (as_json)
    fmt::print("{}\n", answer->dump());
  else
    print_answer(*answer);
  return 0;
}

int run_incident_timeline(Remote& remote, const std::string& id, bool pinned_only, bool as_json) {
  auto answer = remote.get("/incidents/" + net::percent_encode(id));
  if (!answer) return fail(answer.error());
  json shown = json::array();
  for (const auto& entry : list_of((*answer)["incident"], "timeline")) {
    if (!pinned_only || entry.contains("pinned")) shown.push_back(entry);
  }
  if (as_json) {
    fmt::print("{}\n", json{{"timeline", shown}}.dump());
    return 0;
  }
  for (const auto& entry : shown) {
    fmt::print("{:<5} {}  {:<17} {:<10} {}{}\n", text_of(entry, "id"), text_of(entry, "at"),
               text_of(entry, "kind"), text_of(entry, "actor"), text_of(entry, "text"),
               entry.contains("pinned") ? "  [pinned]" : "");
    for (const auto& was : list_of(entry, "revisions"))
      fmt::print("      corrected {} by {}: {}; it said {} \"{}\"\n", text_of(was, "at"),
                 text_of(was, "by"), text_of(was, "why"), text_of(was, "was_at"),
                 text_of(was, "was_text"));
  }
  return 0;
}

int run_postmortem_list(Remote& remote, bool as_json) {
  auto answer = remote.get("/postmortems");
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& one : list_of(*answer, "postmortems"))
    fmt::print("{:<18} {:<10} {:<8} due {:<26} {}\n", text_of(one, "incident"),
               text_of(one, "state"), one.value("overdue", false) ? "overdue" : "",
               text_of(one, "due_at"), text_of(one, "title"));
  return 0;
}

int run_report(Remote& remote, const std::string& path, const std::string& format,
               const std::string& file) {
  const auto joint = path.find('?') == std::string::npos ? "?" : "&";
  auto answer = remote.get_text(path + joint + "format=" + net::percent_encode(format));
  if (!answer) return fail(answer.error());
  return write_out(*answer, file);
}

int run_kpi(Remote& remote, const std::string& query, const std::string& format, bool as_json) {
  if (format == "csv") return run_report(remote, "/kpi?" + query, "csv", "");
  auto answer = remote.get("/kpi?" + query);
  if (!answer) return fail(answer.error());
  if (as_json || format == "json") {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  const auto& excluded = (*answer)["excluded"];
  fmt::print("{} to {}; left out: {} drills, {} merged\n", text_of(*answer, "from"),
             text_of(*answer, "to"), excluded["drills"].dump(), excluded["merged"].dump());
  for (const auto& group : list_of(*answer, "groups")) print_group(group);
  return 0;
}

int run_contacts(Remote& remote, bool as_json) {
  auto answer = remote.get("/contacts");
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  fmt::print("hotline {}\nsupport {}\nurgent  {}\n", text_of(*answer, "hotline"),
             text_of(*answer, "support_mail"), text_of(*answer, "emergency_mail"));
  for (const auto& one : list_of(*answer, "roles"))
    fmt::print("{:<18} {:<18} backup {:<18} {}\n", text_of(one, "role"), text_of(one, "person"),
               text_of(one, "backup"), text_of(one, "service"));
  for (const auto& one : list_of(*answer, "team"))
    fmt::print("{:<12} {:<18} {:<20} {:<28} {}\n", text_of(one, "name"), text_of(one, "role"),
               text_of(one, "phone"), text_of(one, "email"), text_of(one, "slack"));
  for (const auto& one : list_of(*answer, "vendors"))
    fmt::print("{:<12} {:<18} {:<20} {:<28} {}\n", text_of(one, "provider"),
               text_of(one, "contact"), text_of(one, "phone"), text_of(one, "email"),
               text_of(one, "service"));
  return 0;
}

int run_words_list(Remote& remote, bool drafts, const std::string& incident, bool as_json) {
  auto answer = remote.get(drafts ? "/drafts?incident=" + net::percent_encode(incident) : "/texts");
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& one : list_of(*answer, "texts"))
    fmt::print("{:<20} {:<3} {:<13} {}{}\n", text_of(one, "name"), text_of(one, "language"),
               text_of(one, "audience"), text_of(one, "subject"),
               one.value("edited", false) ? "  [edited]" : "");
  for (const auto& one : list_of(*answer, "drafts"))
    fmt::print("{} {:<9} {:<13} {:<18} {}\n", text_of(one, "id"), text_of(one, "state"),
               text_of(one, "audience"), text_of(one, "incident"), text_of(one, "subject"));
  return 0;
}

}  // namespace holdfast::app
