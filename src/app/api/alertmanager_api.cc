#include "app/api/alertmanager_api.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/access/audited_router.h"
#include "app/api/alertmanager_json.h"
#include "base/text.h"
#include "respond/route/matcher_text.h"

namespace holdfast::app {
namespace {

namespace route = respond::route;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kV1Gone =
    "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use "
    "the equivalent route in the v2 API";

std::string text_of(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Response answer(int status, std::string body) {
  auto response = Response::json(status, std::move(body));
  response.headers.set("cache-control", "no-store");
  response.headers.set("access-control-allow-origin", "*");
  return response;
}
Response ok() {
  Response response{200};
  response.headers.set("cache-control", "no-store");
  return response;
}
Response problem(int status, const std::string& message) {
  return answer(status, text_of(json(message)));
}
Response problem(const Error& error) {
  // A full disk is the server's trouble: its clients try again later, they did not ask too often.
  const int status = error.code() == Code::kInvalid     ? 400
                     : error.code() == Code::kExhausted ? 503
                                                        : http_status(error.code());
  return problem(status, error.message());
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}
// As the server that was generated from Alertmanager's description says it.
Response no_uuid(const std::string& id) {
  const auto message = "silenceID in path must be of type uuid: \"" + printable(id, 100) + "\"";
  return answer(422, text_of({{"code", 601}, {"message", message}}));
}
Response problem(const BodyProblem& what) {
  return answer(what.status, text_of(problem_json(what)));
}

Result<bool> flag_of(const Request& request, const char* name, bool fallback) {
  const auto value = request.param(name);
  if (value.empty()) return fallback;
  for (const auto* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const auto* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return invalid(std::string(name) + " in query must be of type boolean: \"" + printable(value, 100) + "\"");
}

Result<std::vector<model::Matcher>> matchers_of(const Request& request, std::string_view name,
                                                route::MatcherMode mode) {
  std::vector<model::Matcher> matchers;
  for (const auto& [key, value] : request.query) {
    if (key != name) continue;
    matchers.push_back(HF_TRY(route::parse_matcher(value, mode)));
  }
  return matchers;
}

Result<route::AlertFilter> filter_of(const Request& request, bool groups, route::MatcherMode mode) {
  route::AlertFilter filter;
  filter.active = HF_TRY(flag_of(request, "active", true));
  filter.silenced = HF_TRY(flag_of(request, "silenced", true));
  filter.inhibited = HF_TRY(flag_of(request, "inhibited", true));
  if (groups)
    filter.muted = HF_TRY(flag_of(request, "muted", true));
  else
    filter.unprocessed = HF_TRY(flag_of(request, "unprocessed", true));
  filter.matchers = HF_TRY(matchers_of(request, "filter", mode));
  filter.receiver_matchers = HF_TRY(matchers_of(request, "receiver_matchers", mode));
  if (const auto receiver = request.param("receiver"); !receiver.empty()) {
    auto matcher = model::Matcher::make(model::MatchOp::kRegex, "receiver", std::string(receiver));
    if (!matcher) return invalid("failed to parse receiver param: " + matcher.error().message());
    filter.receiver = std::move(*matcher);
  }
  return filter;
}

// Whether the silence has a matcher equal to each of these.
bool has_matchers(const route::Silence& silence, const std::vector<model::Matcher>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const model::Matcher& one) {
    return std::any_of(silence.matchers.begin(), silence.matchers.end(), [&](const model::Matcher& m) {
      return m.op() == one.op() && m.name() == one.name() && m.value() == one.value();
    });
  });
}

class AlertmanagerApi : public std::enable_shared_from_this<AlertmanagerApi> {
 public:
  AlertmanagerApi(Env& env, AlertmanagerSources sources)
      : env_(env),
        sources_(std::move(sources)),
        reads_max_(static_cast<int>(std::max(8U, std::thread::hardware_concurrency()))) {}

  void add_routes(net::Router& http) {
    auto self = shared_from_this();
    const auto read = [&](const char* path, void (AlertmanagerApi::*handler)(const Request&, ResponderPtr)) {
      http.add("GET", std::string("/api/v2") + path,
               [self, handler](const Request& request, ResponderPtr to) {
                 self->begin_read(request, std::move(to), handler);
               });
    };
    read("/status", &AlertmanagerApi::status);
    read("/receivers", &AlertmanagerApi::receivers);
    read("/alerts", &AlertmanagerApi::alerts);
    read("/alerts/groups", &AlertmanagerApi::groups);
    read("/silences", &AlertmanagerApi::silences);
    read("/silence/{id}", &AlertmanagerApi::silence);
    const auto write = [&](const char* method, const char* path,
                           void (AlertmanagerApi::*handler)(const Request&, ResponderPtr)) {
      http.add(method, std::string("/api/v2") + path,
               [self, handler](const Request& request, ResponderPtr to) {
                 (self.get()->*handler)(request, std::move(to));
               });
    };
    write("POST", "/alerts", &AlertmanagerApi::post_alerts);
    write("POST", "/silences", &AlertmanagerApi::post_silence);
    write("DELETE", "/silence/{id}", &AlertmanagerApi::expire_silence);
    add_reload(http);
    if (sources_.whole) add_management(http);
  }

 private:
  using Handler = void (AlertmanagerApi::*)(const Request&, ResponderPtr);

  // Counts reads until their answer is sent or forgotten.
  class Counted final : public net::Responder {
   public:
    Counted(ResponderPtr to, std::shared_ptr<AlertmanagerApi> api) : to_(std::move(to)), api_(std::move(api)) {}
    ~Counted() override { --api_->reads_; }
    void send(Response response) override { to_->send(std::move(response)); }
    std::shared_ptr<net::EventStream> start_events() override { return to_->start_events(); }
    std::stop_token stop() const override { return to_->stop(); }

   private:
    ResponderPtr to_;
    std::shared_ptr<AlertmanagerApi> api_;
  };

  void begin_read(const Request& request, ResponderPtr to, Handler handler) {
    if (++reads_ > reads_max_) {
      --reads_;
      return to->send(Response::text(503, "Limit of concurrent GET requests reached (" +
                                              std::to_string(reads_max_) + "), try again later.\n"));
    }
    auto counted = std::make_shared<Counted>(std::move(to), shared_from_this());
    (this->*handler)(request, std::move(counted));
  }

  void on_control(std::function<void(route::Router&)> ask) {
    auto self = shared_from_this();
    env_.executor.post(Lane::kControl, [self, ask = std::move(ask)] { ask(self->sources_.router); });
  }

  // Lists may be long: they are written on the pool.
  template <typename T, typename Write>
  void send_list(std::vector<T> items, Write write, ResponderPtr to) {
    auto shared = std::make_shared<std::vector<T>>(std::move(items));
    env_.executor.post(Lane::kPool, [shared, write, to] {
      json list = json::array();
      for (const auto& item : *shared) list.push_back(write(item));
      to->send(answer(200, text_of(list)));
    });
  }

  void status(const Request&, ResponderPtr to) {
    on_control([this, to](route::Router& router) {
      const json body = {
          {"cluster", {{"name", ""}, {"status", "disabled"}, {"peers", json::array()}}},
          {"versionInfo",
           {{"version", sources_.version},
            {"revision", ""},
            {"branch", ""},
            {"buildUser", ""},
            {"buildDate", ""},
            {"goVersion", ""}}},
          {"config", {{"original", router.config().masked()}}},
          {"uptime", format_time(sources_.started)}};
      to->send(answer(200, text_of(body)));
    });
  }

  void receivers(const Request& request, ResponderPtr to) {
    auto matchers = matchers_of(request, "receiver_matchers", route::MatcherMode::kFallback);
    if (!matchers) return to->send(problem(matchers.error()));
    on_control([to, matchers = std::move(*matchers)](route::Router& router) {
      json list = json::array();
      for (const auto& receiver : router.config().receivers) {
        const bool wanted = std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& m) {
          const auto it = receiver.labels.find(m.name());
          return m.matches(it == receiver.labels.end() ? std::string_view() : it->second);
        });
        if (wanted) list.push_back({{"name", receiver.name}});
      }
      to->send(answer(200, text_of(list)));
    });
  }

  void alerts(const Request& request, ResponderPtr to) {
    auto filter = filter_of(request, false, route::MatcherMode::kFallback);
    if (!filter) return to->send(problem(filter.error()));
    on_control([this, to, filter = std::move(*filter)](route::Router& router) {
      send_list(router.alerts(filter), alert_json, to);
    });
  }

  void groups(const Request& request, ResponderPtr to) {
    auto filter = filter_of(request, true, route::MatcherMode::kFallback);
    if (!filter) return to->send(problem(filter.error()));
    on_control([this, to, filter = std::move(*filter)](route::Router& router) {
      send_list(router.groups(filter), group_json, to);
    });
  }

  void silences(const Request& request, ResponderPtr to) {
    auto matchers = matchers_of(request, "filter", route::MatcherMode::kFallback);
    if (!matchers) return to->send(problem(matchers.error()));
    bool shown[3] = {true, true, true};
    for (std::size_t i = 0; const auto* name : {"pending", "active", "expired"}) {
      auto flag = flag_of(request, name, true);
      if (!flag) return to->send(problem(flag.error()));
      shown[i++] = *flag;
    }
    on_control([this, to, matchers = std::move(*matchers), pending = shown[0], active = shown[1],
                expired = shown[2]](route::Router& router) {
      std::vector<std::pair<route::Silence, route::SilenceState>> found;
      for (auto& one : router.silences()) {
        const auto state = router.silence_state(one);
        const bool wanted = state == route::SilenceState::kPending  ? pending
                            : state == route::SilenceState::kActive ? active
                                                                    : expired;
        if (wanted && has_matchers(one, matchers)) found.emplace_back(std::move(one), state);
      }
      send_list(std::move(found), [](const auto& one) { return silence_json(one.first, one.second); }, to);
    });
  }

  void silence(const Request& request, ResponderPtr to) {
    if (const auto& id = request.path_params.at("id"); !is_uuid(id)) return to->send(no_uuid(id));
    on_control([to, id = request.path_params.at("id")](route::Router& router) {
      const auto found = router.silence(id);
      if (!found) return to->send(answer(404, ""));
      to->send(answer(200, text_of(silence_json(*found, router.silence_state(*found)))));
    });
  }

  void post_alerts(const Request& request, ResponderPtr to) {
    auto parsed = parse_posted_alerts(request.body);
    if (const auto* bad = std::get_if<BodyProblem>(&parsed)) return to->send(problem(*bad));
    auto alerts = std::make_shared<std::vector<route::PostedAlert>>(
        std::move(std::get<std::vector<route::PostedAlert>>(parsed)));
    on_control([to, alerts](route::Router& router) {
      router.post(std::move(*alerts), [to](Result<route::PostResult> result) {
        if (!result) {
          const bool shed = result.error().code() == Code::kExhausted;
          return to->send(problem(shed ? 503 : 500, result.error().message()));
        }
        if (!result->errors.empty()) return to->send(problem(400, join(result->errors, "; ")));
        to->send(ok());
      });
    });
  }

  void post_silence(const Request& request, ResponderPtr to) {
    auto parsed = parse_posted_silence(request.body);
    if (const auto* bad = std::get_if<BodyProblem>(&parsed)) return to->send(problem(*bad));
    auto silence = std::get<route::Silence>(std::move(parsed));
    if (silence.created_by.empty()) silence.created_by = request.headers.get("x-holdfast-user");
    const auto now = env_.clock.now();
    if (silence.starts_at >= silence.ends_at)
      return to->send(problem(400, "Failed to create silence: start time must be before end time"));
    if (silence.ends_at < now)
      return to->send(problem(400, "Failed to create silence: end time can't be in the past"));
    on_control([to, silence = std::move(silence)](route::Router& router) {
      router.set_silence(silence, [to](Result<std::string> id) {
        if (!id) return to->send(problem(id.error()));
        auto response = answer(200, text_of({{"silenceID", *id}}));
        response.headers.set(kAuditResource, *id);
        to->send(std::move(response));
      });
    });
  }

  void expire_silence(const Request& request, ResponderPtr to) {
    if (const auto& id = request.path_params.at("id"); !is_uuid(id)) return to->send(no_uuid(id));
    on_control([to, id = request.path_params.at("id")](route::Router& router) {
      router.expire_silence(id, [to](Result<void> done) {
        if (done) return to->send(ok());
        if (done.error().code() == Code::kNotFound) return to->send(answer(404, ""));
        to->send(problem(500, done.error().message()));
      });
    });
  }

  void add_management(net::Router& http) {
    const auto add_text = [&](const char* method, const char* path, int status, std::string body) {
      http.add(method, path, [status, body](const Request&, ResponderPtr to) {
        to->send(Response::text(status, body));
      });
    };
    add_text("GET", "/-/healthy", 200, "OK");
    add_text("GET", "/-/ready", 200, "OK");
    const auto gone = json{{"status", "deprecated"}, {"error", kV1Gone}}.dump() + "\n";
    for (const char* path : {"/api/v1/status", "/api/v1/receivers", "/api/v1/alerts", "/api/v1/silences",
                             "/api/v1/silence/{id}", "/api/v1/alerts/groups"}) {
      for (const char* method : {"GET", "POST", "DELETE"}) {
        http.add(method, path,
                 [gone](const Request&, ResponderPtr to) { to->send(answer(410, gone)); });
      }
    }
  }

  void add_reload(net::Router& http) {
    auto self = shared_from_this();
    http.add("POST", "/-/reload", [self](const Request&, ResponderPtr to) {
      self->on_control([self, to](route::Router&) {
        const auto findings = self->sources_.reload();
        if (findings.empty()) return to->send(Response::text(200, ""));
        to->send(Response::text(500, "failed to reload config: " + join(findings, "; ") + "\n"));
      });
    });
  }

  Env& env_;
  AlertmanagerSources sources_;
  const int reads_max_;
  std::atomic<int> reads_{0};
};

}  // namespace

void add_alertmanager_routes(net::Router& http, Env& env, AlertmanagerSources sources) {
  std::make_shared<AlertmanagerApi>(env, std::move(sources))->add_routes(http);
}

}  // namespace holdfast::app
