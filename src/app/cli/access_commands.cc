#include "app/cli/access_commands.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

int fail(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

int wrong_use(const std::string& message) {
  fmt::print(stderr, "holdfast: {}\n", message);
  return 2;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string texts_of(const json& object, const char* name, const std::string& none) {
  std::vector<std::string> texts;
  if (const auto found = object.find(name); found != object.end() && found->is_array()) {
    for (const auto& text : *found) {
      if (text.is_string()) texts.push_back(text.get<std::string>());
    }
  }
  return texts.empty() ? none : join(texts, ",");
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

// On a terminal without showing it, twice; from a pipe one line.
std::optional<std::string> read_password() {
  const auto line = [](const char* prompt) {
    std::string text;
    if (::isatty(STDIN_FILENO) == 0) {
      std::getline(std::cin, text);
      return text;
    }
    termios before{};
    ::tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fmt::print(stderr, "{}", prompt);
    std::getline(std::cin, text);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fmt::print(stderr, "\n");
    return text;
  };
  const auto first = line("Password: ");
  if (::isatty(STDIN_FILENO) != 0 && line("Once more: ") != first) return std::nullopt;
  return first;
}

// "operator:shop,cart": the role, then the services.
std::optional<json> grants_json(const std::vector<std::string>& grants) {
  json list = json::array();
  for (const auto& grant : grants) {
    const auto colon = grant.find(':');
    if (colon == std::string::npos || colon + 1 == grant.size()) return std::nullopt;
    json services = json::array();
    for (const auto service : split(std::string_view(grant).substr(colon + 1), ','))
      services.push_back(std::string(service));
    list.push_back({{"role", grant.substr(0, colon)}, {"services", services}});
  }
  return list;
}

void print_user(const json& user) {
  std::string grants;
  for (const auto& grant : user.value("grants", json::array()))
    grants += " " + text_of(grant, "role") + ":" + texts_of(grant, "services", "");
  fmt::print("{:<20} {:<10} {:<8} {:<9} {:<26} {}{}\n", text_of(user, "id"), text_of(user, "role"),
             text_of(user, "source"), user.value("disabled", false) ? "disabled" : "active",
             or_dash(text_of(user, "signed_in_at")), text_of(user, "name"), grants);
}

int print_answer(const Result<json>& answer, const char* member, bool as_json) {
  if (!answer) return fail(answer.error());
  if (as_json)
    fmt::print("{}\n", answer->dump());
  else if (answer->contains(member))
    print_user((*answer)[member]);
  return 0;
}

std::string path_of(const std::string& id, const char* verb = "") {
  return "/users/" + net::percent_encode(id) + verb;
}

}  // namespace

int run_user_list(Remote& remote, bool as_json) {
  const auto answer = remote.get("/users");
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& user : (*answer)["users"]) print_user(user);
  return 0;
}

int run_user_add(Remote& remote, const UserCommand& command, bool as_json) {
  const auto grants = grants_json(command.grants);
  if (!grants) return wrong_use("--grant is ROLE:SERVICE[,SERVICE...]");
  json body{{"id", command.id}, {"name", command.name}, {"email", command.email}, {"grants", *grants}};
  if (!command.role.empty()) body["role"] = command.role;
  if (command.password) {
    const auto password = read_password();
    if (!password) return wrong_use("the two passwords differ");
    body["password"] = *password;
  }
  return print_answer(remote.post("/users", body), "user", as_json);
}

int run_user_set(Remote& remote, const UserCommand& command, bool as_json) {
  const auto grants = grants_json(command.grants);
  if (!grants) return wrong_use("--grant is ROLE:SERVICE[,SERVICE...]");
  json body = json::object();
  if (!command.name.empty()) body["name"] = command.name;
  if (!command.email.empty()) body["email"] = command.email;
  if (!command.role.empty()) body["role"] = command.role;
  if (!command.grants.empty()) body["grants"] = *grants;
  return print_answer(remote.post(path_of(command.id), body), "user", as_json);
}

int run_user_password(Remote& remote, const std::string& id, bool as_json) {
  const auto password = read_password();
  if (!password) return wrong_use("the two passwords differ");
  return print_answer(remote.post(path_of(id, "/password"), {{"password", *password}}), "user", as_json);
}

int run_user_disable(Remote& remote, const std::string& id, bool disabled, bool as_json) {
  return print_answer(remote.post(path_of(id), {{"disabled", disabled}}), "user", as_json);
}

int run_user_sign_out(Remote& remote, const std::string& id) {
  const auto answer = remote.post(path_of(id, "/sign_out"), json::object());
  return answer ? 0 : fail(answer.error());
}

int run_token_list(Remote& remote, const std::string& user, bool as_json) {
  const auto answer = remote.get("/tokens" + (user.empty() ? "" : "?" + net::encode_query({{"user", user}})));
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& token : (*answer)["tokens"]) {
    fmt::print("{:<26} {:<16} {:<16} scopes {:<20} services {:<16} expires {:<26} used {}\n",
               text_of(token, "id"), text_of(token, "name"), text_of(token, "user"),
               texts_of(token, "scopes", "all"), texts_of(token, "services", "all"),
               or_dash(text_of(token, "expires_at")), or_dash(text_of(token, "used_at")));
  }
  return 0;
}

int run_token_create(Remote& remote, const TokenCommand& command, bool as_json) {
  json body{{"name", command.name}, {"scopes", command.scopes}, {"services", command.services}};
  if (!command.user.empty()) body["user"] = command.user;
  if (!command.expires_in.empty()) body["expires_in"] = command.expires_in;
  const auto answer = remote.post("/tokens", body);
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  fmt::print(stderr, "This is the only time the token is shown; its id is {}.\n", text_of(*answer, "id"));
  fmt::print("{}\n", text_of(*answer, "token"));
  return 0;
}

int run_token_revoke(Remote& remote, const std::string& id) {
  const auto known = remote.get("/tokens");
  if (!known) return fail(known.error());
  std::vector<std::string> ids;
  for (const auto& token : (*known)["tokens"]) {
    if (text_of(token, "id") == id || text_of(token, "name") == id) ids.push_back(text_of(token, "id"));
  }
  if (ids.empty()) return fail(not_found("no token '" + printable(id) + "'"));
  if (ids.size() > 1)
    return fail(Error(Code::kConflict, "several tokens are called '" + printable(id) + "': " + join(ids, ", ")));
  const auto answer = remote.remove("/tokens/" + net::percent_encode(ids[0]));
  return answer ? 0 : fail(answer.error());
}

int run_audit(Remote& remote, const AuditCommand& command, bool as_json) {
  net::Params params{{"limit", std::to_string(command.limit)}};
  const std::pair<const char*, const std::string*> filters[] = {
      {"user", &command.user},     {"action", &command.action},   {"service", &command.service},
      {"resource", &command.resource}, {"result", &command.result}, {"address", &command.address},
      {"from", &command.from},     {"to", &command.to}};
  for (const auto& [name, value] : filters) {
    if (!value->empty()) params.emplace_back(name, *value);
  }
  if (command.format == "csv") {
    params.emplace_back("format", "csv");
    const auto text = remote.get_text("/audit?" + net::encode_query(params));
    if (!text) return fail(text.error());
    fmt::print("{}", *text);
    return 0;
  }
  const auto answer = remote.get("/audit?" + net::encode_query(params));
  if (!answer) return fail(answer.error());
  if (as_json) {
    fmt::print("{}\n", answer->dump());
    return 0;
  }
  for (const auto& record : (*answer)["records"]) {
    const auto count = record["additional_info"].value("count", 1);
    fmt::print("{}  {:<16} {:<24} {:<24} {}{}  from {}\n", text_of(record, "timestamp"),
               or_dash(text_of(record, "user_id")), text_of(record, "action"),
               text_of(record, "resource"), text_of(record, "result"),
               count > 1 ? fmt::format(" ({} times)", count) : "", or_dash(text_of(record, "ip_address")));
  }
  return 0;
}

}  // namespace holdfast::app
