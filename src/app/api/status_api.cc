#include "app/api/status_api.h"

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/alert.h"
#include "respond/send/limits.h"

namespace holdfast::app {
namespace {

namespace status = respond::status;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1/status-page";
constexpr std::size_t kAttemptsPerMinute = 10;
constexpr std::size_t kAddressesWatchedMax = 10'000;
constexpr const char* kPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors *";

Response answer(int code, const json& body) {
  return Response::json(code, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

std::string_view type_of(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".json")) return "application/json; charset=utf-8";
  if (path.ends_with(".rss")) return "application/rss+xml; charset=utf-8";
  return "application/atom+xml; charset=utf-8";
}

Response page_answer(int code, std::string_view type, std::string body) {
  Response response{code, {}, std::move(body)};
  response.headers.set("content-type", std::string(type));
  response.headers.set("content-security-policy", kPolicy);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("referrer-policy", "no-referrer");
  response.headers.set("cache-control", "max-age=15");
  return response;
}

// A page with one sentence, for what a form or a link did.
Response sentence(int code, bool zh, std::string_view en, std::string_view in_chinese) {
  auto response = page_answer(
      code, "text/html; charset=utf-8",
      "<!doctype html><html lang=\"" + std::string(zh ? "zh-CN" : "en") +
          "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
          "<title>Status</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;"
          "margin:4rem auto;padding:0 1rem}</style></head><body><p>" +
          std::string(zh ? in_chinese : en) + "</p><p><a href=\"" + (zh ? "index.zh.html\">返回" : "index.html\">Back") +
          "</a></p></body></html>\n");
  response.headers.set("cache-control", "no-store");
  return response;
}

class PublicStatus : public std::enable_shared_from_this<PublicStatus> {
 public:
  PublicStatus(Env& env, status::StatusPage& page) : env_(env), page_(page) {}

  void add_routes(net::Router& router) {
    auto self = shared_from_this();
    router.add("GET", "/{path...}", [self](const Request& request, ResponderPtr to) { self->file(request, to); });
    router.add("GET", "/", [self](const Request& request, ResponderPtr to) { self->file(request, to); });
    router.add("POST", "/subscribe", [self](const Request& request, ResponderPtr to) { self->subscribe(request, to); });
    router.add("GET", "/confirm", [self](const Request& request, ResponderPtr to) {
      self->link(request, to, &status::StatusPage::confirm, "You are subscribed.", "订阅成功。");
    });
    for (const char* method : {"GET", "POST"}) {
      router.add(method, "/unsubscribe", [self](const Request& request, ResponderPtr to) {
        self->link(request, to, &status::StatusPage::unsubscribe, "You will get no more updates.", "已退订。");
      });
    }
  }

 private:
  void file(const Request& request, const ResponderPtr& to) const {
    const auto files = page_.files();
    auto path = request.path.substr(1);
    if (path.empty()) path = "index.html";
    const auto it = files->find(path);
    if (it == files->end()) return to->send(sentence(404, false, "There is no such page.", "页面不存在。"));
    auto response = page_answer(200, type_of(path), it->second);
    // Widgets on other sites read the JSON.
    response.headers.set("access-control-allow-origin", "*");
    to->send(std::move(response));
  }

  bool over_limit(const Request& request, const ResponderPtr& to) {
    const auto address = request.peer.substr(0, request.peer.rfind(':'));
    Duration wait;
    {
      const std::lock_guard lock(mutex_);
      if (windows_.size() > kAddressesWatchedMax) windows_.clear();
      wait = windows_.try_emplace(address, kAttemptsPerMinute, 1min).first->second.take(env_.clock.mono(), true);
    }
    if (wait <= Duration::zero()) return false;
    auto response = sentence(429, false, "Too many attempts. Please try again in a minute.", "请求过多，请稍后再试。");
    response.headers.set("retry-after", std::to_string(static_cast<int>(to_seconds(wait)) + 1));
    to->send(std::move(response));
    return true;
  }

  void subscribe(const Request& request, const ResponderPtr& to) {
    if (over_limit(request, to)) return;
    std::string kind = "email", target, language = "en";
    std::vector<std::string> components;
    for (const auto& [name, value] : request.form()) {
      if (name == "email") target = value;
      if (name == "webhook") {
        kind = "webhook";
        target = value;
      }
      if (name == "language") language = value;
      if (name == "component") components.push_back(value);
    }
    env_.executor.post(Lane::kControl, [self = shared_from_this(), kind, target, language, components, to] {
      const bool zh = language == "zh";
      self->page_.subscribe(kind, target, language, components, [to, zh](const Result<void>& done) {
        if (done)
          return to->send(sentence(202, zh, "Please open the link that we have sent you.", "请打开我们发送给您的确认链接。"));
        if (done.error().code() == Code::kInvalid)
          return to->send(sentence(400, zh, "This address cannot be subscribed.", "该地址无法订阅。"));
        to->send(sentence(503, zh, "This did not work. Please try again later.", "暂时无法订阅，请稍后再试。"));
      });
    });
  }

  using Act = void (status::StatusPage::*)(const std::string&, const std::string&, status::StatusPage::Done<void>);
  void link(const Request& request, const ResponderPtr& to, Act act, const char* en, const char* zh) {
    if (over_limit(request, to)) return;
    env_.executor.post(Lane::kControl, [self = shared_from_this(), id = std::string(request.param("id")),
                                        token = std::string(request.param("token")), to, act, en, zh] {
      (self->page_.*act)(id, token, [to, en, zh](const Result<void>& done) {
        if (done) return to->send(sentence(200, false, en, zh));
        const bool unknown = done.error().code() == Code::kNotFound;
        to->send(sentence(unknown ? 404 : 503, false,
                          unknown ? "This link belongs to no subscription." : "This did not work. Please try again later.",
                          ""));
      });
    });
  }

  Env& env_;
  status::StatusPage& page_;
  std::mutex mutex_;
  std::map<std::string, respond::send::RateWindow> windows_ HF_GUARDED_BY(mutex_);
};

// ---- for those who publish ----

struct PublicationBody {
  status::Publication publication;
  std::string kind = "incident";
  std::string name;
  std::optional<WallTime> scheduled_for, scheduled_until;
};

Result<PublicationBody> read_publication(const std::string& text) {
  const auto body = json::parse(text, nullptr, false);
  if (!body.is_object()) return invalid("the body must be a JSON object");
  PublicationBody read;
  const auto take = [&](const char* name, std::string& into) -> Result<bool> {
    const auto it = body.find(name);
    if (it == body.end() || it->is_null()) return false;
    if (!it->is_string()) return invalid("'" + std::string(name) + "' must be a text");
    into = it->get<std::string>();
    return true;
  };
  std::string text_of_time;
  HF_TRY(take("kind", read.kind));
  HF_TRY(take("status", read.publication.status));
  HF_TRY(take("body", read.publication.body));
  if (HF_TRY(take("name", read.name))) read.publication.name = read.name;
  std::string impact;
  if (HF_TRY(take("impact", impact))) read.publication.impact = impact;
  for (auto [name, into] : {std::pair{"scheduled_for", &read.scheduled_for}, std::pair{"scheduled_until", &read.scheduled_until}})
    if (HF_TRY(take(name, text_of_time))) *into = HF_TRY(parse_time(text_of_time).context(name));
  const auto components = body.find("components");
  if (components == body.end() || components->is_null()) return read;
  if (!components->is_object()) return invalid("'components' must be an object of component ids and statuses");
  for (const auto& [id, word] : components->items()) {
    const auto known = word.is_string() ? status::component_status_of(word.get<std::string>()) : std::nullopt;
    if (!known)
      return invalid("components." + printable(id) +
                     "; allowed: operational, under_maintenance, degraded_performance, partial_outage, major_outage");
    read.publication.components.push_back({id, *known});
  }
  return read;
}

class StatusApi : public std::enable_shared_from_this<StatusApi> {
 public:
  StatusApi(Env& env, status::StatusPage& page) : env_(env), page_(page) {}

  void add_routes(net::Router& router) {
    add(router, "GET", "", &StatusApi::show);
    add(router, "POST", "/posts", &StatusApi::draft);
    add(router, "GET", "/posts/{id}", &StatusApi::post);
    add(router, "POST", "/posts/{id}/publish", &StatusApi::publish);
    add(router, "DELETE", "/posts/{id}/draft", &StatusApi::discard);
    add(router, "GET", "/subscribers", &StatusApi::subscribers);
  }

 private:
  using Handler = void (StatusApi::*)(const Request&, ResponderPtr);
  void add(net::Router& router, const char* method, const std::string& path, Handler handler) {
    auto self = shared_from_this();
    router.add(method, std::string(kBase) + path, [self, handler](const Request& request, ResponderPtr to) {
      self->env_.executor.post(Lane::kControl, [self, handler, request, to] { (self.get()->*handler)(request, to); });
    });
  }
  static std::string user_of(const Request& request) { return std::string(request.headers.get("x-holdfast-user")); }
  static void send_post(const ResponderPtr& to, int code, const Result<status::Post>& post) {
    to->send(post ? answer(code, json(*post)) : failure(post.error()));
  }

  void show(const Request&, ResponderPtr to) {
    json components = json::array(), posts = json::array();
    for (const auto& one : page_.options().components)
      components.push_back({{"id", one.id}, {"name", one.name}, {"group", one.group}, {"service", one.service}});
    for (const auto& one : page_.posts()) posts.push_back(one);
    const auto& settings = page_.options().page;
    to->send(answer(200, {{"configured", !settings.title.empty()},
                          {"title", settings.title},
                          {"url", settings.url},
                          {"components", std::move(components)},
                          {"posts", std::move(posts)},
                          {"subscribers", page_.subscribers().size()}}));
  }
  void post(const Request& request, ResponderPtr to) {
    const auto& id = request.path_params.at("id");
    const auto found = page_.post(id);
    send_post(to, 200, found ? Result<status::Post>(*found) : Error(Code::kNotFound, "no post '" + printable(id) + "'"));
  }
  void draft(const Request& request, ResponderPtr to) {
    auto body = read_publication(request.body);
    if (!body) return to->send(failure(body.error()));
    page_.draft(body->kind, body->name, body->publication, body->scheduled_for, body->scheduled_until,
                user_of(request), [to](const Result<status::Post>& post) { send_post(to, 201, post); });
  }
  void publish(const Request& request, ResponderPtr to) {
    auto body = read_publication(request.body);
    if (!body) return to->send(failure(body.error()));
    page_.publish(request.path_params.at("id"), body->publication, user_of(request),
                  [to](const Result<status::Post>& post) { send_post(to, 200, post); });
  }
  void discard(const Request& request, ResponderPtr to) {
    page_.discard(request.path_params.at("id"), user_of(request), [to](const Result<void>& done) {
      to->send(done ? answer(200, {{"status", "discarded"}}) : failure(done.error()));
    });
  }
  void subscribers(const Request&, ResponderPtr to) {
    json list = json::array();
    for (const auto& one : page_.subscribers()) {
      json shown = one;
      shown.erase("token_hash");
      list.push_back(std::move(shown));
    }
    to->send(answer(200, {{"subscribers", std::move(list)}}));
  }

  Env& env_;
  status::StatusPage& page_;
};

}  // namespace

void add_public_status_routes(net::Router& router, Env& env, status::StatusPage& page) {
  std::make_shared<PublicStatus>(env, page)->add_routes(router);
}

void add_status_routes(net::Router& router, Env& env, status::StatusPage& page) {
  std::make_shared<StatusApi>(env, page)->add_routes(router);
}

}  // namespace holdfast::app
