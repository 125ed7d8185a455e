// app/api/event_hub.h: the journal's news as server-sent events for consoles.
//
// Purpose     GET /api/holdfast/v1/events. Each journal entry becomes one event: name = topic, data = body, id = sequence number.
//             Last-Event-ID (header or parameter `after`) replays what was missed, at most 1,000 entries; when more was missed
//             the event "reset" tells the client to load everything anew; so it does when the id is of no entry yet (the
//             journal is another one). No stream is told an entry twice.
// Secrets     Who did what (audit, access_changed) is told to those with the permission `audit` alone.
// Threads     Control strand, but for sending, which EventStream allows from anywhere.
// Limits      256 streams; one more is refused with 503.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "net/http.h"
#include "state/journal.h"

namespace holdfast::app {

class EventHub {
 public:
  EventHub(Env& env, state::Journal& journal);
  void add_routes(net::Router& router);
  std::size_t stream_count() const { return streams_.size(); }

 private:
  void open(const net::Request& request, net::ResponderPtr responder);
  struct Stream {
    std::shared_ptr<net::EventStream> events;
    bool all = false;     // the audit log, too
    state::Seq told = 0;  // up to this entry by replay
  };
  // The last entry that was told.
  state::Seq replay(const Stream& stream, state::Seq after);
  void publish(const state::Entry& entry);

  Env& env_;
  state::Journal& journal_;
  std::vector<Stream> streams_;
  std::unique_ptr<state::Subscription> subscription_;
};

}  // namespace holdfast::app
