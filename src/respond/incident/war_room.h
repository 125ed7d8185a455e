// respond/incident/war_room.h: the channel in which an incident is handled, made by the chat's API or by a webhook.
//
// Purpose     An incident that starts the process at once asks for its channel with the decision that opened it; the
//             outbox makes it. Slack: conversations.create, then conversations.invite and chat.postMessage; a name that is
//             taken is the channel an earlier attempt made. Webhook: one POST with the name; 2xx means it is there.
// Outcome     Document "war_room" and an entry of topic kWarRoomChanged, both with model::WarRoom and the incident's id as
//             key; Incidents writes it into the incident and onto the timeline.
// Errors      What the chat refuses for good (a bad token, a missing scope) ends as "failed" with its own word; rate
//             limits and outages are tried again for `give_up_after`.
// Secrets     The token is read at each attempt and appears in no record.
// Threads     Control strand only.
// Source      Mission M13-12, M13-20; Slack's methods conversations.create, conversations.invite, chat.postMessage.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/incident.h"
#include "net/http.h"
#include "state/outbox.h"

namespace holdfast::respond {

inline constexpr std::string_view kWarRoomChanged = "incident.war_room";

struct WarRoomOptions {
  std::string kind;  // slack, webhook; empty: none is made
  std::string url;   // webhook: where to; slack: the API, default https://slack.com/api
  std::string token;       // slack: a bot's, scopes channels:manage and chat:write
  std::string token_file;  // instead: read at each attempt
  std::vector<std::string> invite;  // slack: ids of members
  std::string external_url;         // links begin with it
  Duration give_up_after = 1h;
};

class WarRooms {
 public:
  WarRooms(Env& env, net::Client& client, state::Outbox& outbox, WarRoomOptions options);
  ~WarRooms();
  void configure(WarRoomOptions options);
  bool wanted() const;  // a kind is configured

  // To the batch that records the incident; once per incident, by the intent's key.
  void add_intent(const model::Incident& incident, state::Batch& batch) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond
