#include "respond/oncall/page_outbox.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "respond/oncall/escalation_step.h"

namespace holdfast::respond::oncall {

using model::Page;
using model::PageState;
using nlohmann::json;

namespace {

struct Parcel {
  Page page;
  PageMessage message;
};

Result<Parcel> read_parcel(const state::Intent& intent) {
  const auto body = json::parse(intent.body, nullptr, false);
  if (!body.is_object() || !body.contains("page") || !body.contains("message"))
    return internal("page intent " + intent.key + " is not readable");
  Parcel parcel;
  parcel.page = HF_TRY(parse_json<Page>(body["page"].dump()));
  const auto& words = body["message"];
  parcel.message.subject = words.value("subject", "");
  parcel.message.text = words.value("text", "");
  parcel.message.url = words.value("url", "");
  parcel.message.incident = parcel.page.incident;
  parcel.message.event = parcel.page.event;
  parcel.message.urgency = parcel.page.urgency;
  parcel.message.person = parcel.page.person;
  return parcel;
}

void add_proof(state::Batch& batch, const Page& page) {
  if (page.person.empty()) return;
  json proof = {{"person", page.person},
                {"method", page.method.name},
                {"target", page.method.target},
                {"at", format_time(*page.handed_at)}};
  batch.document(std::string(kProofKind), page.person + "/" + page.method.name,
                 proof.dump(-1, ' ', false, json::error_handler_t::replace));
}

state::Batch outcome(const Page& page) {
  state::Batch batch;
  const auto body = dump_json(page);
  if (page.step != kNoEscalation) batch.document(std::string(kPageKind), page.id, body);
  batch.entry(model::kPageChanged, page.id, body);
  if (page.state == PageState::kHandedOver) add_proof(batch, page);
  return batch;
}

std::string civil_text(WallTime at, const Zone& zone) {
  const auto c = zone.civil(at);
  const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(c.year) + "-" + two(c.month) + "-" + two(c.day) + " " + two(c.hour) + ":" +
         two(c.minute) + " " + zone.span(at).abbreviation;
}

std::string level_of(const model::Incident& incident) {
  auto scheme = model::scheme_by_name(incident.scheme);
  return scheme ? scheme->level(incident.rank).name
                : std::string(model::word_of_rank(incident.rank));
}

}  // namespace

state::Intent intent_of(const Page& page, const PageMessage& message) {
  json body;
  body["page"] = json::parse(dump_json(page));
  body["message"] = {{"subject", message.subject}, {"text", message.text}, {"url", message.url}};
  state::Intent intent;
  intent.key = page.id;
  intent.kind = std::string(kPageKind);
  intent.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return intent;
}

PageMessage words_of(const Page& page, const model::Incident& incident, std::string_view language,
                     const Zone& zone, const std::string& external_url) {
  const bool zh = language == "zh";
  const bool resolved = page.event == "resolved";
  const auto pick = [&](const char* en, const char* chinese) {
    return std::string(zh ? chinese : en);
  };
  PageMessage m;
  m.incident = page.incident;
  m.event = page.event;
  m.urgency = page.urgency;
  m.person = page.person;
  m.url = external_url + "/incidents/" + page.incident;
  m.subject = "[" + level_of(incident) + "] " + (resolved ? pick("Resolved: ", "已解决：") : "") +
              incident.title;
  if (incident.drill) m.subject = pick("[drill] ", "[演练] ") + m.subject;
  m.text = m.subject + "\n" + pick("Incident ", "事件 ") + page.incident;
  if (!incident.service.empty()) m.text += pick(", service ", "，服务 ") + incident.service;
  m.text += "\n" + pick("Since ", "开始于 ") + civil_text(incident.started_at, zone);
  if (resolved && incident.resolved_at)
    m.text += "\n" + pick("Until ", "结束于 ") + civil_text(*incident.resolved_at, zone);
  if (!resolved && !page.why.empty())
    m.text += "\n" + pick("You are told as: ", "通知原因：") + page.why;
  if (!resolved)
    m.text += "\n" + pick("Acknowledge: holdfast incident ack ", "确认：holdfast incident ack ") +
              page.incident;
  m.text += "\n" + m.url;
  return m;
}

struct PageOutbox::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, std::shared_ptr<Pager> pager, Duration give_up_after, Unwanted unwanted)
      : env(env),
        pager(std::move(pager)),
        give_up_after(give_up_after),
        unwanted(std::move(unwanted)) {}

  state::Outbox::Handler handler() {
    state::Outbox::Handler handler;
    const auto weak = weak_from_this();
    handler.run = [weak](const state::Intent& intent, int attempt, state::Outbox::Finish finish) {
      if (auto self = weak.lock()) self->send(intent, attempt, std::move(finish));
    };
    handler.give_up = [weak](const state::Intent& intent, int attempts,
                             const Error& error) -> std::optional<state::Batch> {
      auto self = weak.lock();
      return self ? self->give_up(intent, attempts, error) : std::nullopt;
    };
    handler.lane_of = [](const state::Intent& intent) {
      auto parcel = read_parcel(intent);
      return parcel ? parcel->page.method.kind + "/" + parcel->page.method.target : std::string();
    };
    handler.in_flight_max = 256;
    handler.backoff_max = 1min;
    return handler;
  }

  void send(const state::Intent& intent, int attempt, state::Outbox::Finish finish) {
    auto parcel = read_parcel(intent);
    if (!parcel) return finish(std::move(parcel).error());
    auto page = parcel->page;
    page.attempts = attempt;
    if (const auto why = unwanted(page); !why.empty()) {
      page.state = PageState::kWithdrawn;
      page.detail = why;
      return finish(outcome(page));
    }
    pager->deliver(page.method, parcel->message, page.id,
                   [weak = weak_from_this(), page, finish](Result<std::string> answer) {
                     if (auto self = weak.lock()) self->answered(page, std::move(answer), finish);
                   });
  }

  void answered(Page page, Result<std::string> answer, const state::Outbox::Finish& finish) const {
    if (answer) {
      page.state = PageState::kHandedOver;
      page.handed_at = env.clock.now();
      page.detail = printable(*answer, 200);
    } else if (answer.error().code() == Code::kInvalid) {
      page.state = PageState::kFailed;
      page.detail = answer.error().message();
    } else {
      return finish(std::move(answer).error());
    }
    finish(outcome(page));
  }

  std::optional<state::Batch> give_up(const state::Intent& intent, int attempts,
                                      const Error& error) const {
    auto parcel = read_parcel(intent);
    if (!parcel) return state::Batch{};  // unreadable: ends here, the outbox has logged why
    auto& page = parcel->page;
    log_warn(
        "page not handed over",
        {{"page", page.id}, {"attempt", std::to_string(attempts)}, {"error", error.message()}});
    page.attempts = attempts;
    if (const auto why = unwanted(page); !why.empty()) {
      page.state = PageState::kWithdrawn;
      page.detail = why + "; last: " + error.message();
      return outcome(page);
    }
    if (env.clock.now() - page.queued_at.value_or(page.decided_at) < give_up_after)
      return std::nullopt;
    page.state = PageState::kFailed;
    page.detail = "given up after " + format_duration(give_up_after) + ": " + error.message();
    return outcome(page);
  }

  Env& env;
  std::shared_ptr<Pager> pager;
  Duration give_up_after;
  Unwanted unwanted;
};

PageOutbox::PageOutbox(Env& env, state::Outbox& outbox, std::shared_ptr<Pager> pager,
                       Duration give_up_after, Unwanted unwanted)
    : impl_(std::make_shared<Impl>(env, std::move(pager), give_up_after, std::move(unwanted))) {
  outbox.handle(std::string(kPageKind), impl_->handler());
}
PageOutbox::~PageOutbox() = default;

void PageOutbox::configure(std::shared_ptr<Pager> pager, Duration give_up_after) {
  impl_->pager = std::move(pager);
  impl_->give_up_after = give_up_after;
}

}  // namespace holdfast::respond::oncall
