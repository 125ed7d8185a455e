#include "app/config_incident.h"

#include <algorithm>

#include "base/text.h"
#include "base/zones.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using model::SeverityLevel;
using model::SeverityScheme;
using respond::WorkingCalendar;

const std::vector<std::string> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};

std::string read_zone(YamlMap& map, const char* name) {
  auto zone = map.text(name);
  if (auto found = find_zone(zone); !found) map.report(name, found.error().message());
  return zone;
}

// "09:30" as minutes of the day.
int read_time(YamlMap& map, const char* name, int fallback) {
  const auto text = map.text(name);
  if (text.empty()) return fallback;
  const auto colon = text.find(':');
  const auto hour = parse_int(text.substr(0, colon));
  const auto minute = colon == std::string::npos ? std::optional<std::int64_t>()
                                                 : parse_int(text.substr(colon + 1));
  if (hour && minute && *hour >= 0 && *hour <= 23 && *minute >= 0 && *minute <= 59)
    return static_cast<int>(*hour * 60 + *minute);
  map.report(name, "'" + std::string(name) + "' is '" + printable(text) + "'; allowed: HH:MM");
  return fallback;
}

void read_dates(YamlMap& map, const char* name, std::set<std::string>& dates) {
  for (auto& date : map.texts(name)) {
    if (date.size() != 10 || !parse_time(date + "T00:00:00Z")) {
      map.report(name, "'" + printable(date) + "' is no date; allowed: YYYY-MM-DD");
    } else {
      dates.insert(std::move(date));
    }
  }
}

WorkingCalendar read_calendar(YamlMap& map) {
  WorkingCalendar calendar;
  calendar.zone = read_zone(map, "zone");
  if (map.has("weekdays")) {
    calendar.weekdays.fill(false);
    for (const auto& day : map.texts("weekdays")) {
      const auto found = std::find(kDays.begin(), kDays.end(), lower(day));
      if (found == kDays.end())
        map.report("weekdays",
                   "'" + printable(day) + "' is no weekday; allowed: " + join(kDays, ", "));
      else
        calendar.weekdays[static_cast<std::size_t>(found - kDays.begin())] = true;
    }
  }
  calendar.begin_minute = read_time(map, "begin", calendar.begin_minute);
  calendar.end_minute = read_time(map, "end", calendar.end_minute);
  if (calendar.end_minute <= calendar.begin_minute) map.report("end", "'end' is not after 'begin'");
  read_dates(map, "holidays", calendar.holidays);
  read_dates(map, "make_up_days", calendar.make_up);
  return calendar;
}

void read_working_days(const YamlContext& context, const YamlNode& node,
                       respond::ResponseRules& rules) {
  YamlMap map(context, node, "working_days");
  rules.calendar = read_calendar(map);
  if (const auto* services = map.member("services")) {
    YamlMap by_service(context, *services, "services");
    for (const auto& [name, value] : services->members) {
      if (const auto* one = by_service.member(name.scalar)) {
        YamlMap inner(context, *one, "working days of '" + name.scalar + "'");
        rules.service_calendars[name.scalar] = read_calendar(inner);
        inner.finish();
      }
    }
    by_service.finish();
  }
  map.finish();
}

SeverityLevel read_level(const YamlContext& context, const YamlNode& node) {
  YamlMap map(context, node, "level");
  SeverityLevel level;
  level.name = map.required_text("name");
  level.title_en = map.text("title");
  level.title_zh = map.text("title_zh", level.title_en);
  const auto within = [&](const char* name) -> std::optional<Duration> {
    if (!map.has(name)) return std::nullopt;
    return map.duration(name, 0s, 0s, 365 * 24h);
  };
  // Left out, the response is due on the next working day.
  level.respond_within = within("respond_within");
  level.resolve_within = within("resolve_within");
  level.recovery_begins_within = within("recovery_begins_within");
  level.update_every = within("update_every");
  if (level.update_every && *level.update_every < 1min)
    map.report("update_every", "'update_every' is shorter than 1m");
  level.immediate = map.boolean("immediate", false);
  level.extent_en = map.text("extent");
  level.extent_zh = map.text("extent_zh", level.extent_en);
  level.business_en = map.text("business");
  level.business_zh = map.text("business_zh", level.business_en);
  level.examples_en = map.text("examples");
  level.examples_zh = map.text("examples_zh", level.examples_en);
  map.finish();
  return level;
}

void read_schemes(const YamlContext& context, YamlMap& root, respond::ResponseRules& rules) {
  for (const auto* node : root.list("severity_schemes")) {
    YamlMap map(context, *node, "severity scheme");
    SeverityScheme scheme;
    scheme.name = map.required_text("name");
    for (const auto* level : map.list("levels"))
      scheme.levels.push_back(read_level(context, *level));
    if (scheme.levels.size() != 4)
      map.report("levels", "a severity scheme has four 'levels', the worst first");
    if (rules.schemes.contains(scheme.name))
      map.report("name", "severity scheme '" + printable(scheme.name) + "' stands twice");
    map.finish();
    if (map.valid() && scheme.levels.size() == 4) rules.schemes[scheme.name] = std::move(scheme);
  }
}

void read_roles(const YamlContext& context, YamlMap& root, respond::ResponseRules& rules) {
  for (const auto* node : root.list("roles")) {
    YamlMap map(context, *node, "role");
    respond::Duty duty;
    duty.role = map.required_text("role");
    duty.person = map.required_text("person");
    duty.backup = map.text("backup");
    duty.service = map.text("service");
    duty.when_about = map.text("when_about");
    map.finish();
    if (map.valid()) rules.duties.push_back(std::move(duty));
  }
}

void read_war_room(const YamlContext& context, const YamlNode& node, IncidentConfig& config) {
  YamlMap map(context, node, "war_room");
  auto& room = config.war_room;
  room.kind = map.word("kind", "slack", {"slack", "webhook"});
  room.url = room.kind == "webhook" ? map.required_text("url") : map.text("url");
  if (!room.url.empty()) {
    if (auto parsed = net::parse_url(room.url); !parsed)
      map.report("url", "'url': " + parsed.error().message());
  }
  while (room.url.ends_with('/')) room.url.pop_back();
  room.token = map.text("token");
  room.token_file = map.text("token_file");
  if (room.kind == "slack" && room.token.empty() == room.token_file.empty())
    map.report("token", "slack needs one of 'token' and 'token_file'");
  room.invite = map.texts("invite");
  room.give_up_after = map.duration("give_up_after", room.give_up_after, 1s, 24h);
  map.finish();
  config.response.war_room = true;
}

void read_contacts(const YamlContext& context, const YamlNode& node,
                   respond::words::Contacts& contacts) {
  YamlMap map(context, node, "contacts");
  contacts.hotline = map.text("hotline");
  contacts.hotline_dialled = map.text("hotline_dialled");
  contacts.support_mail = map.text("support_mail");
  contacts.emergency_mail = map.text("emergency_mail");
  for (const auto* item : map.list("team")) {
    YamlMap person(context, *item, "contact");
    contacts.team.push_back({person.required_text("name"), person.text("role"),
                             person.text("phone"), person.text("email"), person.text("slack"),
                             person.text("duties")});
    person.finish();
  }
  for (const auto* item : map.list("channels")) {
    YamlMap channel(context, *item, "channel");
    contacts.channels.push_back({channel.text("purpose"), channel.required_text("name")});
    channel.finish();
  }
  map.finish();
}

void read_vendors(const YamlContext& context, YamlMap& root, respond::words::Contacts& contacts) {
  for (const auto* item : root.list("vendors")) {
    YamlMap vendor(context, *item, "vendor");
    contacts.vendors.push_back({vendor.required_text("provider"), vendor.text("contact"),
                                vendor.text("phone"), vendor.text("email"),
                                vendor.text("service")});
    vendor.finish();
  }
}

void read_words(const YamlContext& context, const YamlNode& node,
                respond::words::DeskOptions& words) {
  YamlMap map(context, node, "words");
  words.second_person = map.boolean("second_person", false);
  words.settings.zone = read_zone(map, "zone");
  words.settings.status_page_url = map.text("status_page_url");
  const std::vector<std::string> audiences = {"team",        "users_mail", "users_in_app",
                                              "status_page", "media",      "partners"};
  if (const auto* inner = map.member("receivers")) {
    YamlMap receivers(context, *inner, "receivers");
    for (const auto& audience : audiences) {
      if (receivers.has(audience)) words.receivers[audience] = receivers.texts(audience);
    }
    receivers.finish();
  }
  map.finish();
}

void read_postmortems(const YamlContext& context, const YamlNode& node,
                      learn::PostmortemOptions& options) {
  YamlMap map(context, node, "postmortems");
  options.ranks_up_to = static_cast<int>(map.integer("ranks_up_to", options.ranks_up_to, 0, 4));
  options.due_within = map.duration("due_within", options.due_within, 1h, 90 * 24h);
  options.language = map.word("language", options.language, {"en", "zh"});
  options.font = map.text("font");
  map.finish();
}

void read_kpi(const YamlContext& context, const YamlNode& node, IncidentConfig& config) {
  YamlMap map(context, node, "kpi");
  auto& kpi = config.kpi;
  constexpr Duration kMax = 10 * 365 * 24h;
  kpi.mttd = map.duration("mttd", kpi.mttd, 1s, kMax);
  kpi.mtta = map.duration("mtta", kpi.mtta, 1s, kMax);
  kpi.recovery_begins = map.duration("recovery_begins", kpi.recovery_begins, 1s, kMax);
  kpi.mtbf = map.duration("mtbf", kpi.mtbf, 1s, kMax);
  if (const auto* inner = map.member("mttr")) {
    YamlMap mttr(context, *inner, "mttr");
    kpi.mttr.clear();
    for (int rank = 1; rank <= 4; ++rank) {
      const auto name = "rank" + std::to_string(rank);
      if (mttr.has(name)) kpi.mttr[rank] = mttr.duration(name, 1h, 1s, kMax);
    }
    mttr.finish();
  }
  auto& load = config.load;
  load.zone = read_zone(map, "zone");
  const auto hour = [&](const char* name, int fallback) {
    return static_cast<int>(map.integer(name, fallback, 0, 24));
  };
  load.business_begin = hour("business_begin", load.business_begin);
  load.business_end = hour("business_end", load.business_end);
  load.sleep_begin = hour("sleep_begin", load.sleep_begin);
  load.sleep_end = hour("sleep_end", load.sleep_end);
  map.finish();
}

}  // namespace

IncidentConfig read_incident_config(const YamlContext& context, YamlMap& root,
                                    const std::string& external_url) {
  IncidentConfig config;
  config.war_room.external_url = external_url;
  config.words.settings.external_url = external_url;
  auto& rules = config.response;
  read_schemes(context, root, rules);
  if (const auto* node = root.member("working_days")) read_working_days(context, *node, rules);
  read_roles(context, root, rules);
  if (const auto* node = root.member("war_room")) read_war_room(context, *node, config);
  auto& contacts = config.words.settings.contacts;
  if (const auto* node = root.member("contacts")) read_contacts(context, *node, contacts);
  read_vendors(context, root, contacts);
  if (const auto* node = root.member("words")) read_words(context, *node, config.words);
  if (const auto* node = root.member("postmortems"))
    read_postmortems(context, *node, config.postmortems);
  if (const auto* node = root.member("kpi")) read_kpi(context, *node, config);
  return config;
}

std::vector<std::string> scheme_names(const IncidentConfig& config) {
  std::vector<std::string> names = {"A", "B"};
  for (const auto& [name, scheme] : config.response.schemes) names.push_back(name);
  return names;
}

}  // namespace holdfast::app
