// People, how they are reached, and what reaches them: `people`, `gateways`, `paging`.
#include <algorithm>
#include <array>
#include <set>

#include "app/config_oncall.h"
#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {

using respond::oncall::Gateway;
using respond::oncall::Window;

namespace {

const std::vector<std::string> kRoles = {"admin", "operator", "responder", "viewer", "auditor"};
const std::vector<std::string> kLevels = {"basic", "intermediate", "senior"};

model::ContactMethod read_method(const YamlContext& context, const YamlNode& node) {
  YamlMap map(context, node, "method");
  model::ContactMethod method;
  method.kind = map.required_text("kind");
  method.name = map.text("name", method.kind);
  method.target = map.required_text("target");
  map.finish();
  return method;
}

void read_rules(const YamlContext& context, const YamlNode& node, model::Person& person) {
  YamlMap map(context, node, "rules");
  for (const std::string urgency : {"high", "low"}) {
    for (const auto* item : map.list(urgency)) {
      YamlMap rule(context, *item, "rule");
      model::NotificationRule read;
      read.urgency = urgency;
      read.method = rule.required_text("method");
      read.delay = rule.duration("after", 0s, 0s, 24h);
      std::vector<std::string> names;
      for (const auto& method : person.methods) names.push_back(method.name);
      if (!read.method.empty() && std::find(names.begin(), names.end(), read.method) == names.end())
        rule.report("method", "'method' is '" + printable(read.method) +
                                  "', which is no method of " + person.id +
                                  (names.empty() ? "" : "; allowed: " + join(names, ", ")));
      rule.finish();
      person.rules.push_back(std::move(read));
    }
  }
  map.finish();
}

model::Person read_person(const YamlContext& context, const YamlNode& node,
                          std::set<std::string>& ids) {
  YamlMap map(context, node, "person");
  model::Person person;
  person.id = map.required_text("id");
  if (!person.id.empty() && !ids.insert(person.id).second)
    map.report("id", "person '" + person.id + "' stands twice");
  if (person.id.find_first_of("/: ") != std::string::npos)
    map.report("id",
               "'id' is '" + printable(person.id) + "'; allowed: no spaces, slashes and colons");
  person.name = map.text("name", person.id);
  person.email = map.text("email");
  person.phone = map.text("phone");
  person.slack = map.text("slack");
  person.zone = map.text("zone");
  read_zone(map, "zone", Zone());
  if (map.has("language")) person.language = map.word("language", "en", {"en", "zh"});
  if (map.has("role")) person.role = map.word("role", "responder", kRoles);  // else access.default_role
  if (map.has("level")) person.level = map.word("level", "basic", kLevels);
  person.teams = map.texts("teams");
  for (const auto* item : map.list("methods"))
    person.methods.push_back(read_method(context, *item));
  std::set<std::string> names;
  for (const auto& method : person.methods) {
    if (!names.insert(method.name).second)
      map.report("methods", "method '" + printable(method.name) + "' stands twice");
  }
  if (const auto* rules = map.member("rules")) read_rules(context, *rules, person);
  map.finish();
  return person;
}

std::string in_folder(const std::string& path, const std::string& folder) {
  return path.empty() || path.front() == '/' || folder.empty() ? path : folder + "/" + path;
}

Gateway read_gateway(const YamlContext& context, const YamlNode& node, const std::string& folder) {
  YamlMap map(context, node, "gateway");
  Gateway gateway;
  gateway.kind = map.required_text("kind");
  gateway.method = map.word("method", "POST", {"POST", "PUT", "GET"});
  gateway.url = map.required_text("url");
  gateway.headers = map.text_map("headers");
  gateway.body = map.text("body");
  gateway.content_type = map.text("content_type", gateway.content_type);
  gateway.username = map.text("username");
  gateway.password_file = in_folder(map.text("password_file"), folder);
  gateway.token_file = in_folder(map.text("token_file"), folder);
  gateway.success = map.text("success");
  if (!gateway.url.empty()) {
    // Placeholders are no part of a URL; what is around them must be one.
    auto plain = gateway.url;
    plain.erase(
        std::remove_if(plain.begin(), plain.end(), [](char c) { return c == '{' || c == '}'; }),
        plain.end());
    if (auto parsed = net::parse_url(plain); !parsed)
      map.report("url", "'url': " + parsed.error().message());
  }
  map.finish();
  return gateway;
}

// "mon", "monday"; "mon-fri" is a range, which may go over the end of the week.
bool add_days(std::string_view text, std::vector<int>& days) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
  const auto one = [](std::string_view name) {
    const auto low = lower(trim(name));
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (low == kNames[i] || (low.size() == 3 && kNames[i].substr(0, 3) == low))
        return static_cast<int>(i);
    }
    return -1;
  };
  const auto dash = text.find('-');
  const int first = one(text.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : one(text.substr(dash + 1));
  if (first < 0 || last < 0) return false;
  for (int day = first;; day = (day + 1) % 7) {
    if (std::find(days.begin(), days.end(), day) == days.end()) days.push_back(day);
    if (day == last) return true;
  }
}

std::optional<int> minute_of(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || text.size() - colon != 3) return std::nullopt;
  const auto hour = parse_int(text.substr(0, colon));
  const auto minute = parse_int(text.substr(colon + 1));
  if (!hour || !minute || *hour < 0 || *minute < 0 || *minute > 59 || *hour * 60 + *minute > 1440)
    return std::nullopt;
  return static_cast<int>(*hour * 60 + *minute);
}

Window read_window(const YamlContext& context, const YamlNode& node) {
  YamlMap map(context, node, "window");
  Window window;
  for (const auto& day : map.texts("days")) {
    if (!add_days(day, window.weekdays))
      map.report("days", "'days' is '" + printable(day) +
                             "'; allowed: mon, tue, ... sun, and ranges like mon-fri");
  }
  const auto minute = [&](const char* member, int fallback) {
    if (!map.has(member)) return fallback;
    const auto text = map.text(member);
    const auto read = minute_of(text);
    if (!read)
      map.report(member, "'" + std::string(member) + "' is '" + printable(text) +
                             "'; allowed: 00:00 to 24:00");
    return read.value_or(fallback);
  };
  window.begin_minute = minute("from", 0);
  window.end_minute = minute("to", 1440);
  const auto holidays = map.word("holidays", "as_usual", {"as_usual", "never", "also", "only"});
  window.holidays = holidays == "never"  ? Window::Holidays::kNever
                    : holidays == "also" ? Window::Holidays::kAlso
                    : holidays == "only" ? Window::Holidays::kOnly
                                         : Window::Holidays::kAsUsual;
  map.finish();
  return window;
}

}  // namespace

std::vector<model::Person> read_people(const YamlContext& context, YamlMap& top) {
  std::vector<model::Person> people;
  std::set<std::string> ids;
  for (const auto* node : top.list("people")) people.push_back(read_person(context, *node, ids));
  return people;
}

void read_paging(const YamlContext& context, YamlMap& top, const std::string& base_folder,
                 OnCallConfig& config) {
  for (const auto* node : top.list("gateways")) {
    auto gateway = read_gateway(context, *node, base_folder);
    if (config.pager.gateways.count(gateway.kind) > 0)
      context.report(*node, "gateway for '" + printable(gateway.kind) + "' stands twice");
    config.pager.gateways[gateway.kind] = std::move(gateway);
  }
  const auto* node = top.member("paging");
  if (node == nullptr) return;
  YamlMap map(context, *node, "paging");
  config.page_deadline = map.duration("deadline", config.page_deadline, 5s, 1h);
  config.give_up_after = map.duration("give_up_after", config.give_up_after, 1min, 24h);
  config.pager.timeout = map.duration("timeout", config.pager.timeout, 1s, 25s);
  config.pager.slack_token_file = in_folder(map.text("slack_token_file"), base_folder);
  if (map.has("smtp")) {
    const auto smtp = map.text("smtp");
    const auto colon = smtp.rfind(':');
    const auto port = colon == std::string::npos
                          ? std::nullopt
                          : parse_int(std::string_view(smtp).substr(colon + 1));
    if (!port || colon == 0 || *port < 1 || *port > 65535) {
      map.report("smtp", "'smtp' is '" + printable(smtp) + "'; allowed: host:port");
    } else {
      config.pager.smtp.host = smtp.substr(0, colon);
      config.pager.smtp.port = static_cast<int>(*port);
    }
    config.pager.mail_from = map.required_text("from");
  }
  config.pager.smtp.username = map.text("username");
  config.pager.smtp.password = map.text("password");
  config.pager.smtp.require_tls = map.boolean("require_tls", false);
  map.finish();
}

std::vector<Window> read_windows(const YamlContext& context, YamlMap& map,
                                 std::string_view member) {
  std::vector<Window> windows;
  for (const auto* node : map.list(member)) windows.push_back(read_window(context, *node));
  return windows;
}

std::optional<CivilTime> read_civil(YamlMap& map, std::string_view member) {
  if (!map.has(member)) return std::nullopt;
  auto text = map.text(member);
  std::string digits;
  for (const char c : text) {
    if (c != '-' && c != ':' && c != ' ' && c != 'T') digits += c;
  }
  if (digits.size() == 8) digits += "0000";
  if (digits.size() == 12) digits += "00";
  if (digits.size() == 14) digits.insert(8, "T");
  const auto stamp = respond::oncall::parse_stamp(digits);
  if (!stamp || stamp->is_utc || text.size() < 10 || text[4] != '-') {
    map.report(member, "'" + std::string(member) + "' is '" + printable(text) +
                           "'; allowed: 2026-01-05 09:00, on the clock of the zone");
    return std::nullopt;
  }
  return stamp->civil;
}

Zone read_zone(YamlMap& map, std::string_view member, const Zone& fallback) {
  if (!map.has(member)) return fallback;
  const auto name = map.text(member);
  auto zone = find_zone(name);
  if (zone) return *zone;
  map.report(member, "'" + std::string(member) + "': " + zone.error().message() +
                         "; allowed: IANA names like Asia/Shanghai");
  return fallback;
}

}  // namespace holdfast::app
