// Acts are worked out against the present posts and take effect when their commit is durable; one after another, so that two
// people who publish at once do not overwrite each other.
#include "respond/status/status_page.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "model/alert.h"
#include "respond/status/draft.h"
#include "respond/status/subscriber_mail.h"

namespace holdfast::respond::status {
namespace {

using nlohmann::json;

constexpr const char* kPostDocument = "status_post";
constexpr const char* kSubscriberDocument = "status_subscriber";
constexpr const char* kSecretDocument = "status_secret";
constexpr std::string_view kTopic = "status.changed";  // key: the post's id
constexpr std::size_t kSubscribersMax = 20'000;
constexpr std::size_t kPostsMax = 2'000;
constexpr std::size_t kNameSizeMax = 300;
constexpr std::size_t kBodySizeMax = 10'000;
constexpr Duration kRenderEvery = 1min;

Result<void> check(const Publication& publication, const std::string& kind, const std::vector<Component>& components) {
  const bool incident = kind == "incident";
  if (!(incident ? is_incident_status(publication.status) : is_maintenance_status(publication.status)))
    return invalid("'status' is '" + printable(publication.status) + "'; allowed: " +
                   (incident ? "investigating, identified, monitoring, resolved, postmortem"
                             : "scheduled, in_progress, verifying, completed"));
  if (trim(publication.body).empty()) return invalid("'body' is missing; it is what people read");
  if (publication.body.size() > kBodySizeMax) return invalid("'body' has more than 10000 bytes");
  if (publication.name && (trim(*publication.name).empty() || publication.name->size() > kNameSizeMax))
    return invalid("'name' is empty or has more than 300 bytes");
  if (publication.impact && !is_impact(*publication.impact))
    return invalid("'impact' is '" + printable(*publication.impact) +
                   "'; allowed: none, minor, major, critical, maintenance");
  for (const auto& one : publication.components) {
    const bool known = std::any_of(components.begin(), components.end(),
                                   [&](const Component& component) { return component.id == one.id; });
    if (!known) return invalid("no component '" + printable(one.id) + "' on the page");
  }
  return {};
}

}  // namespace

struct StatusPage::Impl : std::enable_shared_from_this<StatusPage::Impl> {
  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client)
      : env(env), journal(journal), outbox(outbox), client(client) {}

  // ---- acts ----

  struct Act {
    std::function<Result<state::Batch>()> decide;
    std::function<void(Result<void>)> done;
  };
  // What the batch being written changes; an empty value is gone.
  struct Pending {
    std::map<std::string, std::optional<Post>> posts;
    std::map<std::string, std::optional<Subscriber>> subscribers;
  };

  void enqueue(Act act) {
    acts.push_back(std::move(act));
    if (!busy) next_act();
  }
  void next_act() {
    if (acts.empty()) return;
    busy = true;
    auto act = std::make_shared<Act>(std::move(acts.front()));
    acts.pop_front();
    pending = {};
    auto batch = act->decide();
    if (!batch || batch->empty()) return finish(*act, batch ? Result<void>() : Result<void>(batch.error()));
    outbox.commit(std::move(*batch), [weak = weak_from_this(), act](Result<state::Seq> written) {
      auto self = weak.lock();
      if (self == nullptr) return;
      if (written) self->take_over();
      self->finish(*act, written ? Result<void>() : Result<void>(written.error()));
    });
  }
  void finish(const Act& act, Result<void> result) {
    busy = false;
    if (act.done) act.done(std::move(result));
    next_act();
  }
  void take_over() {
    for (auto& [id, post] : pending.posts) {
      if (post)
        posts[id] = std::move(*post);
      else
        posts.erase(id);
    }
    for (auto& [id, subscriber] : pending.subscribers) {
      if (subscriber)
        subscribers[id] = std::move(*subscriber);
      else
        subscribers.erase(id);
    }
    if (!pending.posts.empty()) render();
  }

  void keep(const Post& post, state::Batch& batch) {
    const auto body = dump_json(post);
    batch.document(kPostDocument, post.id, body);
    batch.entry(kTopic, post.id, body);
    pending.posts[post.id] = post;
  }
  void keep(const Subscriber& subscriber, state::Batch& batch) {
    batch.document(kSubscriberDocument, subscriber.id, dump_json(subscriber));
    pending.subscribers[subscriber.id] = subscriber;
  }

  // ---- drafts ----

  void incident_changed(const state::Entry& entry) {
    auto incident = parse_json<model::Incident>(entry.body);
    if (!incident) return log_error("an incident's change is not readable", {{"error", incident.error().message()}});
    enqueue({[this, incident = std::move(*incident)] { return draft_for(incident); }, {}});
  }

  Post* find_by_incident(const std::string& id) {
    for (auto& [post_id, post] : posts)
      if (post.incident == id) return &post;
    return nullptr;
  }

  Result<state::Batch> draft_for(const model::Incident& incident) {
    state::Batch batch;
    auto drafted = draft_of(incident, options.components, options.draft_rank, options.page.language);
    if (!drafted) return batch;
    const auto now = env.clock.now();
    const auto* known = find_by_incident(incident.id.value);
    Post post;
    if (known != nullptr) {
      post = *known;
    } else {
      if (!incident.active() || posts.size() >= kPostsMax) return batch;
      post.id = make_ulid(now, env.random);
      post.incident = incident.id.value;
      post.created_at = now;
    }
    if (post.over() && post.published()) return batch;  // a person has ended it
    const bool has_draft = !post.updates.empty() && post.updates.back().draft;
    const auto& last = post.updates.empty() ? drafted->update : post.updates.back();
    if (!post.updates.empty() && last.status == drafted->update.status) return batch;  // nothing new to say
    if (has_draft) post.updates.pop_back();
    if (!post.published()) {
      // It went by before anybody published a word of it.
      if (!incident.active() && known != nullptr) {
        batch.document(kPostDocument, post.id, "");
        pending.posts[post.id] = std::nullopt;
        return batch;
      }
      post.name = drafted->name;
      post.impact = drafted->impact;
    }
    drafted->update.id = make_ulid(now, env.random);
    drafted->update.at = now;
    post.updates.push_back(std::move(drafted->update));
    keep(post, batch);
    return batch;
  }

  // ---- publishing ----

  Result<state::Batch> publish(const std::string& id, const Publication& publication, const std::string& by) {
    const auto it = posts.find(id);
    if (it == posts.end()) return Error(Code::kNotFound, "no post '" + printable(id) + "'");
    auto post = it->second;
    HF_TRY(check(publication, post.kind, options.components));
    const auto now = env.clock.now();
    auto components = publication.components;
    if (components.empty()) components = post.updates.empty() ? post.components() : post.updates.back().components;
    if (!post.updates.empty() && post.updates.back().draft) post.updates.pop_back();
    if (publication.name) post.name = *publication.name;
    if (publication.impact) post.impact = *publication.impact;
    const bool over = publication.status == "resolved" || publication.status == "completed" ||
                      publication.status == "postmortem";
    for (auto& one : components)
      if (over) one.status = ComponentStatus::kOperational;
    Update update{make_ulid(now, env.random), now, publication.status, publication.body, by, false, components};
    post.updates.push_back(update);
    if (!post.published_at) post.published_at = now;
    state::Batch batch;
    keep(post, batch);
    tell_subscribers(post, update, batch);
    return batch;
  }

  void tell_subscribers(const Post& post, const Update& update, state::Batch& batch) {
    for (const auto& [id, subscriber] : subscribers) {
      if (!subscriber.confirmed || !concerns(subscriber, update)) continue;
      const json body = {{"what", "update"}, {"subscriber", id}, {"post", post.id}, {"update", update.id}};
      batch.intent({"status/" + update.id + "/" + id, kNotifyIntent, body.dump(), {}});
    }
  }
  static bool concerns(const Subscriber& subscriber, const Update& update) {
    if (subscriber.components.empty()) return true;
    return std::any_of(update.components.begin(), update.components.end(), [&](const AffectedComponent& one) {
      return std::find(subscriber.components.begin(), subscriber.components.end(), one.id) !=
             subscriber.components.end();
    });
  }

  // ---- subscribers ----

  std::string token_of(const std::string& subscriber) const { return sha256_hex(secret + "/" + subscriber); }
  std::string link(const std::string& verb, const std::string& subscriber) const {
    return options.page.url + "/" + verb + "?id=" + subscriber + "&token=" + token_of(subscriber);
  }
  bool knows(const Subscriber& subscriber, const std::string& token) const {
    const auto hash = sha256_hex(token);
    return hash.size() == subscriber.token_hash.size() &&
           CRYPTO_memcmp(hash.data(), subscriber.token_hash.data(), hash.size()) == 0;
  }

  Result<state::Batch> subscribe(const Subscriber& wanted) {
    HF_TRY(check_subscriber(wanted, options));
    state::Batch batch;
    auto subscriber = wanted;
    for (const auto& [id, known] : subscribers)
      if (known.kind == wanted.kind && equals_ignoring_case(known.target, wanted.target)) subscriber = known;
    if (subscriber.confirmed) return batch;
    const auto now = env.clock.now();
    if (subscriber.id.empty()) {
      if (subscribers.size() >= kSubscribersMax)
        return Error(Code::kExhausted, "the page has all the subscribers that it can have (20000)");
      subscriber.id = make_ulid(now, env.random);
      subscriber.created_at = now;
      subscriber.token_hash = sha256_hex(token_of(subscriber.id));
    }
    keep(subscriber, batch);
    const json body = {{"what", "confirm"}, {"subscriber", subscriber.id}};
    batch.intent({"status/confirm/" + subscriber.id + "/" + std::to_string(to_ms(now) / 600'000), kNotifyIntent,
                  body.dump(), {}});
    return batch;
  }

  Result<state::Batch> confirm_or_leave(const std::string& id, const std::string& token, bool leave) {
    const auto it = subscribers.find(id);
    if (it == subscribers.end() || !knows(it->second, token))
      return Error(Code::kNotFound, "this link belongs to no subscription");
    state::Batch batch;
    if (leave) {
      batch.document(kSubscriberDocument, id, "");
      pending.subscribers[id] = std::nullopt;
    } else if (!it->second.confirmed) {
      auto subscriber = it->second;
      subscriber.confirmed = true;
      keep(subscriber, batch);
    }
    return batch;
  }

  // What an intent stands for, as it is now; none when there is nothing left to tell.
  std::optional<SubscriberMessage> message_of(const state::Intent& intent) const {
    const auto body = json::parse(intent.body, nullptr, false);
    if (!body.is_object()) return std::nullopt;
    const auto member = [&](const char* name) { return body.value(name, std::string()); };
    const auto subscriber = subscribers.find(member("subscriber"));
    if (subscriber == subscribers.end()) return std::nullopt;
    SubscriberMessage message;
    message.key = intent.key;
    message.subscriber = subscriber->second;
    message.unsubscribe_url = link("unsubscribe", subscriber->first);
    if (member("what") == "confirm") {
      if (subscriber->second.confirmed) return std::nullopt;
      message.confirm_url = link("confirm", subscriber->first);
      return message;
    }
    const auto post = posts.find(member("post"));
    if (post == posts.end()) return std::nullopt;
    for (const auto& update : post->second.updates)
      if (update.id == member("update")) message.update = update;
    if (message.update.id.empty()) return std::nullopt;
    message.post = post->second;
    return message;
  }

  void register_handler() {
    state::Outbox::Handler handler;
    handler.run = [weak = weak_from_this()](const state::Intent& intent, int, state::Outbox::Finish finish) {
      auto self = weak.lock();
      if (self == nullptr) return;
      auto message = self->message_of(intent);
      if (!message) return finish(state::Batch{});
      deliver(self->env, self->client, self->options, self->page_state(), *message, [finish](Result<void> sent) {
        finish(sent ? Result<state::Batch>(state::Batch{}) : Result<state::Batch>(sent.error()));
      });
    };
    handler.give_up = [](const state::Intent& intent, int attempts, const Error& error) -> std::optional<state::Batch> {
      const bool useless = error.code() == Code::kInvalid || error.code() == Code::kNotFound;
      if (!useless && attempts < kAttemptsMax) return std::nullopt;
      log_error("a subscriber could not be told", {{"intent", intent.key}, {"error", error.message()}});
      return state::Batch{};
    };
    handler.in_flight_max = 8;
    handler.backoff_min = 5s;
    handler.backoff_max = 15min;
    outbox.handle(kNotifyIntent, std::move(handler));
  }

  // ---- files ----

  PageState page_state() const {
    PageState state;
    state.components = options.components;
    state.now = env.clock.now();
    for (const auto& [id, post] : posts)
      if (post.published()) state.posts.push_back(post);
    std::stable_sort(state.posts.begin(), state.posts.end(), [](const Post& a, const Post& b) {
      return a.published_at > b.published_at;
    });
    return state;
  }

  void render() {
    if (options.page.title.empty()) return;
    auto fresh = std::make_shared<const Files>(render_page(options.page, page_state()));
    {
      const std::lock_guard lock(files_mutex);
      files = fresh;
    }
    if (options.directory.empty() || writing) return;
    writing = true;
    env.executor.post(Lane::kPool, [self = shared_from_this(), fresh, directory = options.directory] {
      auto written = write_files(self->env.files, directory, *fresh);
      self->env.executor.post(Lane::kControl, [self, written = std::move(written), fresh] {
        self->writing = false;
        if (!written) log_error("the status page's files could not be written", {{"error", written.error().message()}});
        if (self->files != fresh) self->render();  // it changed meanwhile
      });
    });
  }
  static Result<void> write_files(FileSystem& disk, const std::string& directory, const Files& files) {
    for (const char* folder : {"", "/incidents", "/api/v2/incidents", "/api/v2/scheduled-maintenances"})
      HF_TRY(disk.create_directories(directory + folder));
    for (const auto& [name, content] : files) {
      const auto path = directory + "/" + name;
      if (auto known = disk.read_file(path); known && *known == content) continue;
      HF_TRY(disk.write_file_atomic(path, content).context(path));
    }
    return {};
  }
  void tick() {
    render();
    timer = env.executor.post_after(Lane::kControl, kRenderEvery, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->tick();
    });
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  net::Client& client;
  StatusOptions options;
  std::string secret;
  std::map<std::string, Post> posts;              // by id, which is by time
  std::map<std::string, Subscriber> subscribers;  // by id
  std::deque<Act> acts;
  bool busy = false;
  bool writing = false;
  Pending pending;
  std::unique_ptr<state::Subscription> incidents;
  TimerId timer = TimerId::kNone;
  std::mutex files_mutex;
  std::shared_ptr<const Files> files = std::make_shared<const Files>();  // read under the mutex elsewhere
};

StatusPage::StatusPage(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client)
    : impl_(std::make_shared<Impl>(env, journal, outbox, client)) {
  impl_->register_handler();
}

StatusPage::~StatusPage() {
  impl_->env.executor.cancel(impl_->timer);
  impl_->incidents.reset();
}

Result<void> StatusPage::start(StatusOptions options) {
  auto& impl = *impl_;
  impl.options = std::move(options);
  for (const auto& document : HF_TRY(impl.journal.documents(kPostDocument)))
    impl.posts[document.id] = HF_TRY(parse_json<Post>(document.body).context("status post " + document.id));
  for (const auto& document : HF_TRY(impl.journal.documents(kSubscriberDocument)))
    impl.subscribers[document.id] =
        HF_TRY(parse_json<Subscriber>(document.body).context("status subscriber " + document.id));
  const auto secret = HF_TRY(impl.journal.document(kSecretDocument, "links"));
  if (secret) {
    impl.secret = secret->body;
  } else {
    impl.secret = impl.env.random.hex(64);
    state::Batch batch;
    batch.document(kSecretDocument, "links", impl.secret);
    impl.journal.commit(std::move(batch));
  }
  impl.incidents = impl.journal.subscribe(std::string(model::kIncidentChanged),
                                          [impl = impl_.get()](const state::Entry& entry) { impl->incident_changed(entry); });
  impl.tick();
  return {};
}

void StatusPage::configure(StatusOptions options) {
  impl_->options = std::move(options);
  impl_->render();
}

const StatusOptions& StatusPage::options() const {
  return impl_->options;
}

std::vector<Post> StatusPage::posts() const {
  std::vector<Post> list;
  for (auto it = impl_->posts.rbegin(); it != impl_->posts.rend(); ++it) list.push_back(it->second);
  return list;
}

std::optional<Post> StatusPage::post(const std::string& id) const {
  const auto it = impl_->posts.find(id);
  return it == impl_->posts.end() ? std::nullopt : std::optional(it->second);
}

void StatusPage::draft(const std::string& kind, const std::string& name, Publication publication,
                       std::optional<WallTime> scheduled_for, std::optional<WallTime> scheduled_until,
                       const std::string& by, Done<Post> done) {
  auto made = std::make_shared<Post>();
  impl_->enqueue({[=, impl = impl_.get()]() -> Result<state::Batch> {
                    if (kind != "incident" && kind != "maintenance")
                      return invalid("'kind' is '" + printable(kind) + "'; allowed: incident, maintenance");
                    auto checked = publication;
                    checked.name = name;
                    HF_TRY(check(checked, kind, impl->options.components));
                    if (kind == "maintenance" && (!scheduled_for || !scheduled_until || *scheduled_until <= *scheduled_for))
                      return invalid("a maintenance needs 'scheduled_for' before 'scheduled_until'");
                    if (impl->posts.size() >= kPostsMax)
                      return Error(Code::kExhausted, "the page has all the posts that it can have (2000)");
                    const auto now = impl->env.clock.now();
                    Post post;
                    post.id = make_ulid(now, impl->env.random);
                    post.kind = kind;
                    post.name = name;
                    post.impact = publication.impact.value_or(kind == "maintenance" ? "maintenance" : "minor");
                    post.created_at = now;
                    post.scheduled_for = scheduled_for;
                    post.scheduled_until = scheduled_until;
                    post.updates = {{make_ulid(now, impl->env.random), now, publication.status, publication.body, by,
                                     true, publication.components}};
                    *made = post;
                    state::Batch batch;
                    impl->keep(post, batch);
                    return batch;
                  },
                  [made, done](Result<void> result) {
                    if (done) done(result ? Result<Post>(*made) : Result<Post>(result.error()));
                  }});
}

void StatusPage::publish(const std::string& id, Publication publication, const std::string& by, Done<Post> done) {
  impl_->enqueue({[impl = impl_.get(), id, publication = std::move(publication), by] {
                    return impl->publish(id, publication, by);
                  },
                  [impl = impl_.get(), id, done](Result<void> result) {
                    if (done) done(result ? Result<Post>(impl->posts.at(id)) : Result<Post>(result.error()));
                  }});
}

void StatusPage::discard(const std::string& id, const std::string& by, Done<void> done) {
  impl_->enqueue({[impl = impl_.get(), id, by]() -> Result<state::Batch> {
                    const auto it = impl->posts.find(id);
                    if (it == impl->posts.end()) return Error(Code::kNotFound, "no post '" + printable(id) + "'");
                    if (it->second.updates.empty() || !it->second.updates.back().draft)
                      return Error(Code::kConflict, "the post has no draft; what is published stays");
                    state::Batch batch;
                    auto post = it->second;
                    post.updates.pop_back();
                    if (post.published()) {
                      impl->keep(post, batch);
                    } else {
                      batch.document(kPostDocument, id, "");
                      batch.entry(kTopic, id, json{{"id", id}, {"discarded_by", by}}.dump());
                      impl->pending.posts[id] = std::nullopt;
                    }
                    return batch;
                  },
                  std::move(done)});
}

void StatusPage::subscribe(const std::string& kind, const std::string& target, const std::string& language,
                           std::vector<std::string> components, Done<void> done) {
  Subscriber wanted;
  wanted.kind = kind;
  wanted.target = std::string(trim(target));
  wanted.language = language == "zh" ? "zh" : "en";
  wanted.components = std::move(components);
  impl_->enqueue({[impl = impl_.get(), wanted] { return impl->subscribe(wanted); }, std::move(done)});
}

void StatusPage::confirm(const std::string& id, const std::string& token, Done<void> done) {
  impl_->enqueue({[impl = impl_.get(), id, token] { return impl->confirm_or_leave(id, token, false); }, std::move(done)});
}

void StatusPage::unsubscribe(const std::string& id, const std::string& token, Done<void> done) {
  impl_->enqueue({[impl = impl_.get(), id, token] { return impl->confirm_or_leave(id, token, true); }, std::move(done)});
}

std::vector<Subscriber> StatusPage::subscribers() const {
  std::vector<Subscriber> list;
  for (const auto& [id, subscriber] : impl_->subscribers) list.push_back(subscriber);
  return list;
}

std::shared_ptr<const StatusPage::Files> StatusPage::files() const {
  const std::lock_guard lock(impl_->files_mutex);
  return impl_->files;
}

}  // namespace holdfast::respond::status
