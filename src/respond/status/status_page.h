// respond/status/status_page.h: the public status page: drafted by Holdfast, published by people, served as files.
//
// Purpose     Watches incidents (kIncidentChanged) of services that have components on the page and drafts a post, or the next update of
//             one, as they go. People edit and publish; then the files are rendered and written, and subscribers are told.
// Drafts      One post per incident. Opened: investigating; acknowledged: identified; mitigated: monitoring; resolved: resolved. A draft
//             nobody published is replaced by the next. Drills and what is ranked below `draft_rank` are not drafted.
// Durable     Posts, subscribers and the intents to tell them are one commit, before anything is answered or visible.
// Files       Written to `directory` whole, each by rename, whenever something changed and each minute; any web server may serve them.
//             files() is the same for our own listener.
// Subscribers Are asked to confirm (a link by mail; a POST with {"confirm_url"} to a webhook) and can leave by one click of any link.
//             Only hashes of their tokens are kept; the tokens are made of a key of the page, so that links stay the same.
// Delivery    Intents of kind "status.notify", one per subscriber and update: at least once, under an idempotency key, tried for 24 h.
// Limits      20,000 subscribers, 2,000 posts; names of 300 bytes, bodies of 10,000.
// Threads     Control strand only; files() from any thread.
// Errors      kInvalid names the member, kNotFound, kConflict (of states), kExhausted (of limits).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/incident.h"
#include "net/http.h"
#include "net/smtp.h"
#include "respond/status/page.h"
#include "respond/status/view.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::respond::status {

struct StatusOptions {
  PageSettings page;
  std::vector<Component> components;
  std::string directory;      // where files go; empty: nowhere
  model::Rank draft_rank = model::Rank::kMedium;  // the mildest that is drafted
  net::SmtpServer smtp;       // for subscribers by mail; without a host only webhooks may subscribe
  std::string from;
};

class StatusPage {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Files = std::map<std::string, std::string>;

  // The outbox handler of "status.notify" is registered here.
  StatusPage(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client);
  ~StatusPage();

  // Reads what was published. Once, before Outbox::start().
  Result<void> start(StatusOptions options);
  void configure(StatusOptions options);
  const StatusOptions& options() const;

  std::vector<Post> posts() const;  // newest first, drafts too
  std::optional<Post> post(const std::string& id) const;
  // By hand: a post as a draft. `publication` is its first update.
  void draft(const std::string& kind, const std::string& name, Publication publication,
             std::optional<WallTime> scheduled_for, std::optional<WallTime> scheduled_until, const std::string& by,
             Done<Post> done);
  // Publishes the post's draft update, or this one; `by` answers for it.
  void publish(const std::string& id, Publication publication, const std::string& by, Done<Post> done);
  // A draft that nobody wants: the post's last update, or the whole post if nothing of it was published.
  void discard(const std::string& id, const std::string& by, Done<void> done);

  // The answer is the same whether the target was known or not.
  void subscribe(const std::string& kind, const std::string& target, const std::string& language,
                 std::vector<std::string> components, Done<void> done);
  void confirm(const std::string& id, const std::string& token, Done<void> done);
  void unsubscribe(const std::string& id, const std::string& token, Done<void> done);
  std::vector<Subscriber> subscribers() const;

  std::shared_ptr<const Files> files() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond::status
