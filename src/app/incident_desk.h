// app/incident_desk.h: the parts around incidents that are wired together: war rooms, words, postmortems.
//
// Purpose     One member of the control plane instead of three, made and configured in one place.
// Threads     Control strand.
#pragma once

#include "app/config_incident.h"
#include "base/env.h"
#include "learn/postmortem/postmortems.h"
#include "net/http.h"
#include "respond/incident/incidents.h"
#include "respond/incident/war_room.h"
#include "respond/notify/notifier.h"
#include "respond/words/desk.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::app {

class IncidentDesk {
 public:
  IncidentDesk(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client,
               respond::Notifier& notifier, const IncidentConfig& config)
      : config(config),
        rooms(env, client, outbox, config.war_room),
        words(env, journal, outbox, notifier, config.words),
        postmortems(env, journal, outbox, notifier, config.postmortems) {}

  // After the incidents have started.
  Result<void> start() { return postmortems.start(); }
  void configure(const IncidentConfig& fresh) {
    config = fresh;
    rooms.configure(fresh.war_room);
    words.configure(fresh.words);
    postmortems.configure(fresh.postmortems);
  }

  IncidentConfig config;
  respond::WarRooms rooms;
  respond::words::Desk words;
  learn::Postmortems postmortems;
};

}  // namespace holdfast::app
