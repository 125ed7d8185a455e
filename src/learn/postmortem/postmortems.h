// learn/postmortem/postmortems.h: every incident gets its postmortem, and nobody forgets it.
//
// Purpose     Hears of ended incidents (kIncidentChanged) and drafts; keeps what people change; says once when one is
//             overdue, through the notifier (event postmortem_overdue).
// Left out    Drills and incidents merged into others; ranks beyond `ranks_up_to`.
// Durable     Document "postmortem" by the incident's id, entry of topic kPostmortemChanged. Due times are members, so a
//             restart forgets none; what ended while Holdfast was down is drafted at the start.
// Errors      kNotFound; otherwise those of postmortem.h.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "learn/postmortem/postmortem.h"
#include "respond/notify/notifier.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::learn {

inline constexpr std::string_view kPostmortemChanged = "postmortem.changed";

struct PostmortemOptions {
  int ranks_up_to = 4;
  Duration due_within = 48h;
  std::string language = "en";
  std::string font;  // of PDFs; empty: the first found
};

class Postmortems {
 public:
  using Done = std::function<void(Result<Postmortem>)>;
  using Change = std::function<Result<Postmortem>(Postmortem, WallTime now)>;

  Postmortems(Env& env, state::Journal& journal, state::Outbox& outbox, respond::Notifier& notifier,
              PostmortemOptions options);
  ~Postmortems();
  Result<void> start();
  void configure(PostmortemOptions options);
  const PostmortemOptions& options() const;

  std::vector<Postmortem> list() const;  // newest first
  Result<Postmortem> find(const std::string& incident) const;
  // By hand, for one that has none; kExists.
  void draft(const model::Incident& incident, const std::string& language, Done done);
  void change(const std::string& incident, Change change, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::learn
