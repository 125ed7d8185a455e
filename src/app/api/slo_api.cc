#include "app/api/slo_api.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "detect/slo/budget.h"
#include "detect/slo/burn_rules.h"
#include "detect/slo/indicator.h"

namespace holdfast::app {
namespace {

namespace slo = detect::slo;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr Duration kDeadline = 60s;
constexpr std::size_t kCacheCountMax = 2000;
constexpr int kPointsDefault = 120;

Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

// What was fetched on the control strand for one request.
struct Snapshot {
  std::vector<slo::Slo> slos;
  std::vector<SloMaintenance> maintenance;
  std::vector<model::Alert> alerts;
};

// By objective and window's text: error ratios, as recorded.
using Ratios = std::map<std::string, double>;
using AllRatios = std::map<std::string, Ratios>;

json number_or_null(const std::optional<double>& value) { return value ? json(*value) : json(); }

json spent_json(const slo::Spent& spent) {
  return {{"total", spent.total},
          {"bad", spent.bad},
          {"budget", spent.budget},
          {"ratio", number_or_null(spent.ratio)},
          {"remaining", number_or_null(spent.remaining)},
          {"met", spent.met()}};
}

json indicator_json(const slo::Slo& one) {
  const auto& indicator = one.indicator;
  json out;
  switch (indicator.kind) {
    case slo::Indicator::Kind::kRatio:
      out = {{"kind", "ratio"}, {"total", indicator.total}};
      out[indicator.bad.empty() ? "good" : "bad"] =
          indicator.bad.empty() ? indicator.good : indicator.bad;
      break;
    case slo::Indicator::Kind::kRaw:
      out = {{"kind", "raw"}, {"value", indicator.value}};
      break;
    case slo::Indicator::Kind::kThreshold:
      out = {{"kind", "threshold"},
             {"value", indicator.value},
             {"limit", std::string(slo::limit_text(indicator.limit)) + " " +
                           format_double(indicator.threshold)}};
      break;
  }
  return out;
}

std::optional<double> rate_of(const slo::Slo& one, const Ratios& ratios, Duration window) {
  const auto found = ratios.find(format_duration(window));
  if (found == ratios.end()) return std::nullopt;
  return slo::tidy(found->second / one.budget());
}

json rates_json(const slo::Slo& one, const Ratios& ratios) {
  json list = json::array();
  for (const auto window : slo::recorded_windows(one)) {
    list.push_back({{"window", format_duration(window)},
                    {"seconds", to_ms(window) / 1000},
                    {"rate", number_or_null(rate_of(one, ratios, window))}});
  }
  return list;
}

json pairs_json(const slo::Slo& one, const Ratios& ratios) {
  json list = json::array();
  if (!one.alerts.multiwindow) return list;
  for (const auto& pair : slo::burn_pairs(one)) {
    const auto fast = rate_of(one, ratios, pair.long_window),
               now = rate_of(one, ratios, pair.short_window);
    list.push_back({{"severity", pair.page ? one.alerts.page_severity : one.alerts.ticket_severity},
                    {"page", pair.page},
                    {"long", format_duration(pair.long_window)},
                    {"short", format_duration(pair.short_window)},
                    {"factor", pair.factor},
                    {"budget_share", pair.budget_share},
                    {"burning", fast && now && *fast > pair.factor && *now > pair.factor}});
  }
  return list;
}

json alerts_json(const slo::Slo& one, const std::vector<model::Alert>& alerts) {
  json list = json::array();
  for (const auto& alert : alerts) {
    const auto name = alert.name();
    if (alert.labels.get("slo") != one.name ||
        (name != slo::kBurnAlert && name != slo::kNoDataAlert))
      continue;
    if (alert.state == model::AlertState::kResolved) continue;
    list.push_back({{"name", name},
                    {"severity", alert.labels.get("severity")},
                    {"state", model::alert_state_name(alert.state)},
                    {"active_at", format_time(alert.active_at)},
                    {"value", alert.value},
                    {"description", alert.annotations.get("description")}});
  }
  return list;
}

std::string key_of(const slo::Slo& one, const std::vector<slo::Maintenance>& times, int slots) {
  std::string key = one.name + "\n" + format_double(one.objective) + "\n" + one.window.text() +
                    "\n" + std::to_string(slots);
  for (const auto& query : {slo::total_over(one, 1h, slo::Counting::kExact),
                            slo::bad_over(one, 1h, slo::Counting::kExact)})
    key += "\n" + (query ? *query : query.error().message());
  for (const auto& time : times)
    key += "\n" + std::to_string(to_ms(time.from)) + "-" + std::to_string(to_ms(time.until));
  return key;
}

class SloApi : public std::enable_shared_from_this<SloApi> {
 public:
  explicit SloApi(const SloSources& sources) : sources_(sources) {}

  void add_routes(net::Router& router) {
    route(router, "/slos", [](SloApi& self, const Request& request, const Snapshot& snapshot) {
      return self.list(request, snapshot);
    });
    route(router, "/slos/{name}",
          [](SloApi& self, const Request& request, const Snapshot& snapshot) {
            return self.show(request, snapshot);
          });
  }

 private:
  using Handler = Response (*)(SloApi&, const Request&, const Snapshot&);

  void route(net::Router& router, const char* path, Handler handler) {
    auto self = shared_from_this();
    router.add("GET", std::string("/api/holdfast/v1") + path,
               [self, handler](const Request& request, const ResponderPtr& to) {
                 self->sources_.env.executor.post(Lane::kControl, [self, handler, request, to] {
                   Snapshot snapshot{self->sources_.slos(), self->sources_.maintenance(),
                                     self->sources_.alerts()};
                   self->sources_.env.executor.post(
                       Lane::kPool, [self, handler, request, to, snapshot = std::move(snapshot)] {
                         to->send(handler(*self, request, snapshot));
                       });
                 });
               });
  }

  query::promql::QueryOptions query_options(const Request& request) const {
    query::promql::QueryOptions options;
    options.user = request.headers.get("x-holdfast-user");
    options.deadline = sources_.env.clock.mono() + kDeadline;
    return options;
  }

  Response list(const Request& request, const Snapshot& snapshot) {
    const auto service = request.param("service");
    const auto ratios = error_ratios(request, "");
    if (!ratios) return failure(ratios.error());
    json views = json::array();
    for (const auto& one : snapshot.slos) {
      if (!service.empty() && one.service != service) continue;
      views.push_back(view(one, request, snapshot, *ratios, 1, nullptr));
    }
    return answer(200, {{"slos", std::move(views)}});
  }

  Response show(const Request& request, const Snapshot& snapshot) {
    const auto& name = request.path_params.at("name");
    const auto found = std::find_if(snapshot.slos.begin(), snapshot.slos.end(),
                                    [&](const auto& one) { return one.name == name; });
    if (found == snapshot.slos.end()) return failure(not_found("no slo '" + printable(name) + "'"));
    int points = kPointsDefault;
    if (const auto text = request.param("points"); !text.empty()) {
      const auto parsed = parse_int(text);
      if (!parsed || *parsed < 1 || *parsed > slo::kSlotsMax)
        return failure(invalid("'points' must be a whole number from 1 to 500"));
      points = static_cast<int>(*parsed);
    }
    const auto ratios = error_ratios(request, name);
    if (!ratios) return failure(ratios.error());
    slo::Budget budget;
    auto body = view(*found, request, snapshot, *ratios, points, &budget);
    body["burn_down"] = json::array();
    for (const auto& point : budget.burn_down) {
      body["burn_down"].push_back({{"at", format_time(point.at)},
                                   {"remaining", number_or_null(point.remaining)},
                                   {"remaining_net", number_or_null(point.remaining_net)},
                                   {"total", point.total},
                                   {"bad", point.bad}});
    }
    body["maintenance"] = json::array();
    for (const auto& stretch : budget.stretches) {
      body["maintenance"].push_back({{"from", format_time(stretch.from)},
                                     {"until", format_time(stretch.until)},
                                     {"id", stretch.id},
                                     {"title", stretch.title}});
    }
    body["rules"] = slo::rule_file_text({slo::burn_rules(*found)});
    return answer(200, {{"slo", std::move(body)}});
  }

  // `out` receives the budget where it is wanted.
  json view(const slo::Slo& one, const Request& request, const Snapshot& snapshot,
            const AllRatios& all_ratios, int slots, slo::Budget* out) {
    static const Ratios none;
    const auto found = all_ratios.find(one.name);
    const auto& ratios = found == all_ratios.end() ? none : found->second;
    json body = {{"name", one.name},
                 {"title", one.display_name},
                 {"service", one.service},
                 {"description", one.description},
                 {"objective", slo::tidy(one.objective * 100)},
                 {"window", one.window.text()},
                 {"budgeting", slo::budgeting_name(one.budgeting)},
                 {"slice_seconds", to_seconds(one.slice)},
                 {"indicator", indicator_json(one)},
                 {"source", one.place.text()},
                 {"burn_rates", rates_json(one, ratios)},
                 {"pairs", pairs_json(one, ratios)},
                 {"alerts", alerts_json(one, snapshot.alerts)}};
    const auto budget =
        budget_of(one, maintenance_of(snapshot.maintenance, one.service), slots, request);
    body["error"] = budget ? "" : budget.error().message();
    const auto period = slo::period_at(one.window, sources_.env.clock.now());
    const auto shown =
        budget ? *budget : slo::Budget{period.from, period.until, period.until, {}, {}, {}, {}, {}};
    body["from"] = format_time(shown.from);
    body["until"] = format_time(shown.until);
    body["at"] = format_time(shown.at);
    body["gross"] = spent_json(shown.gross);
    body["net"] = spent_json(shown.net);
    body["maintenance_seconds"] = to_seconds(shown.maintenance);
    if (out != nullptr) *out = shown;
    return body;
  }

  // Error ratios of all objectives, or of one, by one query.
  Result<AllRatios> error_ratios(const Request& request, const std::string& name) const {
    std::string query = "{__name__=~\"slo:sli_error:ratio_rate.+\"";
    if (!name.empty()) query += ",slo=" + model::quote(name);
    const auto at = to_ms(sources_.env.clock.now());
    const auto result = HF_TRY(sources_.engine.instant(query + "}", at, query_options(request)));
    AllRatios ratios;
    for (const auto& series : std::get<query::promql::Vector>(result.value).series) {
      const auto window =
          series.labels.metric_name().substr(std::string_view("slo:sli_error:ratio_rate").size());
      ratios[std::string(series.labels.get("slo"))][std::string(window)] = series.points[0].value;
    }
    return ratios;
  }

  Result<slo::Budget> budget_of(const slo::Slo& one, const std::vector<slo::Maintenance>& times,
                                int slots, const Request& request) {
    const auto now = sources_.env.clock.now();
    const auto key = key_of(one, times, slots);
    {
      const std::lock_guard lock(mutex_);
      const auto found = cache_.find(key);
      if (found != cache_.end() && now - found->second.at < kBudgetFreshFor &&
          now >= found->second.at)
        return found->second;
    }
    slo::BudgetOptions options;
    options.slots = slots;
    options.query = query_options(request);
    auto budget = HF_TRY(slo::compute_budget(one, sources_.engine, now, times, options));
    const std::lock_guard lock(mutex_);
    if (cache_.size() >= kCacheCountMax) cache_.clear();
    cache_[key] = budget;
    return budget;
  }

  const SloSources sources_;
  std::mutex mutex_;  // guards cache_
  std::map<std::string, slo::Budget> cache_;
};

}  // namespace

std::vector<SloMaintenance> announced_maintenance(
    std::span<const respond::status::Post> posts,
    std::span<const respond::status::Component> components) {
  std::vector<SloMaintenance> found;
  for (const auto& post : posts) {
    if (post.kind != "maintenance" || !post.published() || !post.scheduled_for ||
        !post.scheduled_until)
      continue;
    SloMaintenance one;
    one.time.from = std::max(*post.scheduled_for, *post.published_at);
    one.time.until = *post.scheduled_until;
    one.time.id = post.id;
    one.time.title = post.name;
    std::set<std::string> services;
    for (const auto& update : post.updates) {
      if (update.draft) continue;
      if (update.status == "completed") one.time.until = std::min(one.time.until, update.at);
      for (const auto& affected : update.components) {
        for (const auto& component : components)
          if (component.id == affected.id && !component.service.empty())
            services.insert(component.service);
      }
    }
    one.services.assign(services.begin(), services.end());
    if (!one.services.empty() && one.time.from < one.time.until) found.push_back(std::move(one));
  }
  return found;
}

std::vector<slo::Maintenance> maintenance_of(std::span<const SloMaintenance> all,
                                             const std::string& service) {
  std::vector<slo::Maintenance> times;
  for (const auto& one : all) {
    const bool holds = one.services.empty() || std::find(one.services.begin(), one.services.end(),
                                                         service) != one.services.end();
    if (holds) times.push_back(one.time);
  }
  return times;
}

SloSources slo_sources(ControlPlane& plane) {
  return {plane.env, *plane.engine, [&plane] { return plane.config.slo.slos; },
          [&plane] {
            auto all = announced_maintenance(plane.alert_desk->status.posts(),
                                             plane.alert_desk->status.options().components);
            const auto& agreed = plane.config.slo.maintenance;
            all.insert(all.end(), agreed.begin(), agreed.end());
            return all;
          },
          [&plane] { return plane.rules->alerts(); }};
}

void add_slo_routes(net::Router& router, const SloSources& sources) {
  std::make_shared<SloApi>(sources)->add_routes(router);
}

}  // namespace holdfast::app
