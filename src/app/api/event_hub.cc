#include "app/api/event_hub.h"

#include <algorithm>

#include "app/access/records.h"
#include "base/text.h"
#include "model/operations.h"

namespace holdfast::app {
namespace {

constexpr std::size_t kStreamCountMax = 256;
constexpr std::size_t kReplayCountMax = 1000;

bool is_confidential(const state::Entry& entry) {
  return entry.topic == model::kAudit || entry.topic == kAccessChanged;
}

}  // namespace

EventHub::EventHub(Env& env, state::Journal& journal) : env_(env), journal_(journal) {
  subscription_ = journal_.subscribe("", [this](const state::Entry& entry) { publish(entry); });
}

void EventHub::add_routes(net::Router& router) {
  router.add("GET", "/api/holdfast/v1/events",
             [this](const net::Request& request, net::ResponderPtr responder) {
               env_.executor.post(Lane::kControl,
                                  [this, request, responder] { open(request, responder); });
             });
}

void EventHub::open(const net::Request& request, net::ResponderPtr responder) {
  std::erase_if(streams_, [](const auto& stream) { return !stream.events->open(); });
  if (streams_.size() >= kStreamCountMax) {
    responder->send(net::Response::json(
        503, R"({"error":{"code":"unavailable","message":"256 event streams are open already"}})"));
    return;
  }
  auto last = request.headers.get("last-event-id");
  if (last.empty()) last = request.param("after");
  const auto permissions = split(request.headers.get("x-holdfast-permissions"), ',');
  Stream stream{responder->start_events(), std::ranges::find(permissions, "audit") != permissions.end()};
  if (const auto after = parse_int(last)) {
    stream.told = replay(stream, *after);
  } else {
    stream.events->send("hello", "{}", std::to_string(journal_.stats().last_seq));
  }
  streams_.push_back(std::move(stream));
}

// Reads on the control strand: at most a thousand rows by primary key, well under a millisecond each hundred.
state::Seq EventHub::replay(const Stream& stream, state::Seq after) {
  state::EntryQuery query;
  query.after = after;
  query.limit = kReplayCountMax + 1;
  const auto last = journal_.stats().last_seq;
  auto entries = journal_.read(query);
  if (!entries || entries->size() > kReplayCountMax || after > last) {
    stream.events->send("reset", "{}", std::to_string(last));
    return 0;
  }
  for (const auto& entry : *entries) {
    if (!is_confidential(entry) || stream.all)
      stream.events->send(entry.topic, entry.body, std::to_string(entry.seq));
  }
  return entries->empty() ? 0 : entries->back().seq;
}

void EventHub::publish(const state::Entry& entry) {
  if (streams_.empty()) return;
  const auto id = std::to_string(entry.seq);
  std::erase_if(streams_, [&](const Stream& stream) {
    if (entry.seq <= stream.told || (is_confidential(entry) && !stream.all)) return !stream.events->open();
    return !stream.events->send(entry.topic, entry.body, id);
  });
}

}  // namespace holdfast::app
