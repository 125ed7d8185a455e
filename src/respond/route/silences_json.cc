// A silence as the journal keeps it and the history shows it.
#include <array>
#include <nlohmann/json.hpp>

#include "model/json_members.h"
#include "respond/route/silences.h"

namespace holdfast::respond::route {

using model::json_members::MemberError;
using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> kOperators = {"=", "!=", "=~",
                                                        "!~"};  // as MatchOp counts

json matcher_json(const model::Matcher& matcher) {
  return {{"name", matcher.name()},
          {"op", kOperators[static_cast<std::size_t>(matcher.op())]},
          {"value", matcher.value()}};
}

model::Matcher matcher_of(const json& j) {
  std::string name, value;
  model::MatchOp op{};
  model::json_members::must_be_object(j);
  take(j, "name", name);
  take(j, "value", value);
  model::json_members::take_enum(j, "op", op, kOperators);
  auto matcher = model::Matcher::make(op, std::move(name), std::move(value));
  if (!matcher) throw MemberError(matcher.error().message());
  return std::move(*matcher);
}

json recurrence_json(const SilenceRecurrence& recurrence) {
  json j = {{"rrule", recurrence.rrule}, {"duration", format_duration(recurrence.duration)}};
  if (!recurrence.zone.empty()) j["zone"] = recurrence.zone;
  for (const auto at : recurrence.except) j["except"].push_back(format_time(at));
  return j;
}

SilenceRecurrence recurrence_of(const json& j) {
  SilenceRecurrence recurrence;
  std::string duration;
  model::json_members::must_be_object(j);
  take(j, "rrule", recurrence.rrule);
  take(j, "zone", recurrence.zone);
  take(j, "duration", duration);
  auto parsed = parse_duration(duration);
  if (!parsed) throw MemberError("duration: " + parsed.error().message());
  recurrence.duration = *parsed;
  if (j.contains("except")) {
    if (!j["except"].is_array()) throw MemberError("except: must be a list");
    for (const auto& item : j["except"]) {
      model::json_members::read(item, recurrence.except.emplace_back());
    }
  }
  return recurrence;
}

}  // namespace

void to_json(json& j, const Silence& v) {
  j = json::object();
  put(j, "id", v.id);
  auto& matchers = j["matchers"] = json::array();
  for (const auto& matcher : v.matchers) matchers.push_back(matcher_json(matcher));
  put(j, "starts_at", v.starts_at);
  put(j, "ends_at", v.ends_at);
  put(j, "updated_at", v.updated_at);
  put(j, "created_by", v.created_by);
  put(j, "comment", v.comment);
  if (!v.annotations.empty()) j["annotations"] = v.annotations;
  if (v.recurrence) j["recurrence"] = recurrence_json(*v.recurrence);
}

void from_json(const json& j, Silence& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  v.matchers.clear();
  if (j.contains("matchers")) {
    if (!j["matchers"].is_array()) throw MemberError("matchers: must be a list");
    for (const auto& item : j["matchers"]) v.matchers.push_back(matcher_of(item));
  }
  take(j, "starts_at", v.starts_at);
  take(j, "ends_at", v.ends_at);
  take(j, "updated_at", v.updated_at);
  take(j, "created_by", v.created_by);
  take(j, "comment", v.comment);
  v.annotations.clear();
  if (j.contains("annotations")) {
    model::json_members::must_be_object(j["annotations"]);
    for (const auto& [name, value] : j["annotations"].items()) {
      model::json_members::read(value, v.annotations[name]);
    }
  }
  v.recurrence.reset();
  if (j.contains("recurrence")) v.recurrence = recurrence_of(j["recurrence"]);
}

}  // namespace holdfast::respond::route

HF_MODEL_JSON(holdfast::respond::route::Silence);
