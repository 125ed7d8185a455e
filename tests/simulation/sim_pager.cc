#include "simulation/sim_pager.h"

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace holdfast::simulation {

SimPager::SimPager(Env env) : env_(env) {
  routes_.add("POST", "/page", [this](const net::Request& request, net::ResponderPtr responder) {
    take(request, responder);
  });
  server_ = std::make_unique<net::Server>(env_, routes_);
  HF_CHECK(server_->listen({"pager", 80, ""}).has_value(), "the pager's port is taken");
}

void SimPager::take(const net::Request& request, const net::ResponderPtr& responder) {
  ++asked_;
  if (status_ != 200) return responder->send(net::Response::text(status_, "out of order"));
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  Page page;
  page.at = env_.clock.mono();
  page.key = request.headers.get("idempotency-key");
  if (!body.is_object() || page.key.empty())
    return responder->send(net::Response::text(400, "a page needs a body and a key"));
  page.event = body.value("event", "");
  page.incident = body["incident"].value("id", "");
  page.service = body["incident"].value("service", "");
  if (keys_[page.key]++ > 0) {
    HF_PROBE("world: a page came again under its key");
    ++repeats_;
  } else {
    shown_.push_back(page);
    if (on_shown) on_shown(page);
  }
  // Bad luck, but not for ever.
  if (lost_in_a_row_ < kLostInARowMax && env_.random.chance(lose_answers_)) {
    ++lost_in_a_row_;
    never_answered_.push_back(responder);
    return;
  }
  lost_in_a_row_ = 0;
  responder->send(net::Response::text(200, "shown"));
}

}  // namespace holdfast::simulation
