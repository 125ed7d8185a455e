// How a commit travels:
//
//   commit() ──▶ queue ──one job on kPool──▶ one transaction ──one post to kControl──▶ done, subscribers
//                  ▲                              │
//                  └── gathers while that is ─────┘ being written: the next group
//
// One job at a time takes all that is queued, so a slow disk makes groups larger instead of queues longer:
// the cost of a sync is shared by whoever came while the last one ran. If a group fails, each of its
// batches is tried alone, so that one that is too large or malformed does not refuse its neighbours.
//
// drain() does the job's work itself when the job has not begun: an executor that was stopped, or a
// simulation whose only thread is the one that waits, still gets everything written.
#include "state/journal.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "state/store.h"

namespace holdfast::state {

Batch& Batch::entry(std::string_view topic, std::string key, std::string body) {
  entries.push_back({0, {}, std::string(topic), std::move(key), std::move(body)});
  return *this;
}

Batch& Batch::document(std::string kind, std::string id, std::string body) {
  documents.push_back({std::move(kind), std::move(id), std::move(body), 0});
  return *this;
}

Batch& Batch::intent(Intent intent) {
  intents.push_back(std::move(intent));
  return *this;
}

bool Batch::empty() const {
  return entries.empty() && documents.empty() && intents.empty() && finished_intents.empty();
}

namespace {

// Batches of one transaction. Beyond it the memory of a group grows and its sync is long amortised.
constexpr std::size_t kGroupMax = 1024;

using Told = std::function<void(Result<Journal::Committed>)>;

struct Queued {
  Batch batch;
  Told done;
};

struct Written {
  Queued queued;
  Result<Journal::Committed> result;
};

// Who listens to what. A subscription may end while entries are being told, even by its own callback.
class Topics : public std::enable_shared_from_this<Topics> {
 public:
  struct Listener {
    std::string topic;
    Journal::Subscriber tell;
    std::atomic<bool> alive{true};  // relaxed: written and read on the control strand
  };
  using List = std::vector<std::shared_ptr<Listener>>;

  std::unique_ptr<Subscription> add(std::string topic, Journal::Subscriber subscriber);
  void remove(const std::shared_ptr<Listener>& listener);

  void tell(const Entry& entry) {
    const auto list = current();
    for (const auto& listener : *list) {
      if (!listener->alive.load(std::memory_order_relaxed)) continue;
      if (listener->topic.empty() || listener->topic == entry.topic) listener->tell(entry);
    }
  }

 private:
  std::shared_ptr<const List> current() {
    std::lock_guard lock(mutex_);
    return list_;
  }

  std::mutex mutex_;
  // Replaced as a whole, so that telling needs no lock.
  std::shared_ptr<const List> list_ HF_GUARDED_BY(mutex_) = std::make_shared<const List>();
};

class TopicSubscription final : public Subscription {
 public:
  TopicSubscription(std::shared_ptr<Topics> topics, std::shared_ptr<Topics::Listener> listener)
      : topics_(std::move(topics)), listener_(std::move(listener)) {}
  ~TopicSubscription() override { topics_->remove(listener_); }

 private:
  std::shared_ptr<Topics> topics_;
  std::shared_ptr<Topics::Listener> listener_;
};

std::unique_ptr<Subscription> Topics::add(std::string topic, Journal::Subscriber subscriber) {
  auto listener = std::make_shared<Listener>();
  listener->topic = std::move(topic);
  listener->tell = std::move(subscriber);
  std::lock_guard lock(mutex_);
  auto list = std::make_shared<List>(*list_);
  list->push_back(listener);
  list_ = std::move(list);
  return std::make_unique<TopicSubscription>(shared_from_this(), std::move(listener));
}

void Topics::remove(const std::shared_ptr<Listener>& listener) {
  listener->alive.store(false, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  auto list = std::make_shared<List>(*list_);
  std::erase(*list, listener);
  list_ = std::move(list);
}

// What posted tasks share with the journal: a task that runs after the journal is gone finds it closed.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(Env& env, std::unique_ptr<Store> store, std::string directory)
      : env_(env), store_(std::move(store)), directory_(std::move(directory)) {
    stats_.last_seq = store_->last_seq();
    stats_.pending_intents = static_cast<std::uint64_t>(store_->pending_count());
  }

  void enqueue(Queued queued);
  void drain();
  void close();
  JournalStats stats();
  const std::shared_ptr<Topics>& topics() { return topics_; }

  template <typename F>
  auto with_store(F&& read) -> decltype(read(std::declval<Store&>())) {
    std::lock_guard lock(store_mutex_);
    if (!store_) return Error(Code::kCanceled, "the journal is closed");
    return read(*store_);
  }

 private:
  bool take_group(std::vector<Queued>& group);
  void write_queued();
  std::vector<Written> write_group(std::vector<Queued> group);
  void count(const std::vector<Written>& written, std::uint64_t transactions);
  void post_job();
  void post_results(std::vector<Written> written);
  void tell(std::vector<Written>& written);
  bool closed() {
    std::lock_guard lock(queue_mutex_);
    return closed_;
  }

  Env& env_;
  const std::shared_ptr<Topics> topics_ = std::make_shared<Topics>();

  // Never taken while holding queue_mutex_, and held over a transaction's disk writes.
  std::mutex store_mutex_;
  std::unique_ptr<Store> store_ HF_GUARDED_BY(store_mutex_);

  std::mutex queue_mutex_;
  std::condition_variable idle_;
  std::deque<Queued> queue_ HF_GUARDED_BY(queue_mutex_);
  bool job_posted_ HF_GUARDED_BY(queue_mutex_) = false;  // a job waits on the pool
  bool writing_ HF_GUARDED_BY(queue_mutex_) = false;     // a group is between queue and results
  bool closed_ HF_GUARDED_BY(queue_mutex_) = false;
  JournalStats stats_ HF_GUARDED_BY(queue_mutex_);
  const std::string directory_;
};

void Core::enqueue(Queued queued) {
  for (auto& entry : queued.batch.entries) {
    if (entry.at == WallTime{}) entry.at = env_.clock.now();
  }
  std::lock_guard lock(queue_mutex_);
  queue_.push_back(std::move(queued));
  if (!job_posted_ && !writing_) post_job();
}

void Core::post_job() {
  job_posted_ = true;
  env_.executor.post(Lane::kPool, [self = shared_from_this()] {
    {
      std::lock_guard lock(self->queue_mutex_);
      self->job_posted_ = false;
    }
    self->write_queued();
  });
}

bool Core::take_group(std::vector<Queued>& group) {
  std::lock_guard lock(queue_mutex_);
  if (closed_ || writing_ || queue_.empty()) return false;
  writing_ = true;
  while (!queue_.empty() && group.size() < kGroupMax) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return true;
}

void Core::write_queued() {
  std::vector<Queued> group;
  if (!take_group(group)) return;
  // Results are posted before the next group may begin: that keeps their order.
  post_results(write_group(std::move(group)));
  {
    std::lock_guard lock(store_mutex_);
    if (store_) store_->checkpoint(false);
  }
  std::lock_guard lock(queue_mutex_);
  writing_ = false;
  if (!closed_ && !queue_.empty() && !job_posted_) post_job();
  idle_.notify_all();
}

std::vector<Written> Core::write_group(std::vector<Queued> group) {
  std::vector<Written> written;
  written.reserve(group.size());
  std::lock_guard lock(store_mutex_);
  if (!store_) return written;

  std::vector<Batch*> batches;
  for (auto& queued : group) batches.push_back(&queued.batch);
  auto together = store_->write(batches);
  std::uint64_t transactions = together ? 1 : 0;
  bool last_failed = !together;
  if (!together) {
    HF_PROBE("journal: commit refused");
    // A log that cannot grow can often begin anew.
    if (together.error().code() == Code::kExhausted) store_->checkpoint(true);
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (together) {
      written.push_back({std::move(group[i]), std::move((*together)[i])});
      continue;
    }
    auto alone = store_->write({&group[i].batch});
    last_failed = !alone;
    transactions += alone ? 1 : 0;
    if (alone) HF_PROBE("journal: batch written alone after its group failed");
    if (alone) {
      written.push_back({std::move(group[i]), std::move(alone->front())});
    } else {
      written.push_back({std::move(group[i]), std::move(alone).error()});
    }
  }
  if (last_failed) store_->bury_refused();
  count(written, transactions);
  return written;
}

void Core::count(const std::vector<Written>& written, std::uint64_t transactions) {
  std::lock_guard lock(queue_mutex_);
  stats_.last_seq = store_->last_seq();
  stats_.pending_intents = static_cast<std::uint64_t>(store_->pending_count());
  stats_.commits += transactions;
  for (const auto& one : written) {
    if (one.result) {
      stats_.entries += one.queued.batch.entries.size();
    } else {
      ++stats_.failed_commits;
    }
  }
}

void Core::post_results(std::vector<Written> written) {
  auto shared = std::make_shared<std::vector<Written>>(std::move(written));
  env_.executor.post(Lane::kControl, [self = shared_from_this(), shared] { self->tell(*shared); });
}

void Core::tell(std::vector<Written>& written) {
  for (auto& one : written) {
    // A callback may close the journal, and what the later ones captured may go with it.
    if (closed()) return;
    const bool ok = one.result.has_value();
    if (one.queued.done) one.queued.done(std::move(one.result));
    if (!ok || closed()) continue;
    for (const auto& entry : one.queued.batch.entries) topics_->tell(entry);
  }
}

void Core::drain() {
  for (;;) {
    {
      std::unique_lock lock(queue_mutex_);
      idle_.wait(lock, [this]() { return !writing_; });
      if (closed_ || queue_.empty()) return;
    }
    write_queued();
  }
}

void Core::close() {
  std::deque<Queued> dropped;  // destroyed outside the mutex: captures may call back
  {
    std::unique_lock lock(queue_mutex_);
    closed_ = true;
    dropped.swap(queue_);
    idle_.wait(lock, [this]() { return !writing_; });
  }
  std::lock_guard lock(store_mutex_);
  store_.reset();
}

JournalStats Core::stats() {
  JournalStats stats;
  {
    std::lock_guard lock(queue_mutex_);
    stats = stats_;
  }
  for (const char* file : {"/journal.db", "/journal.db-wal"}) {
    if (auto info = env_.files.info(directory_ + file)) stats.size_bytes += info->size;
  }
  return stats;
}

class SqliteJournal final : public Journal {
 public:
  explicit SqliteJournal(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~SqliteJournal() override { core_->close(); }

  void commit(Batch batch, Done done) override {
    Told told;
    if (done) {
      told = [done = std::move(done)](Result<Committed> result) {
        done(std::move(result).transform([](Committed committed) { return committed.seq; }));
      };
    }
    core_->enqueue({std::move(batch), std::move(told)});
  }

  void commit_telling(Batch batch, Told done) override {
    core_->enqueue({std::move(batch), std::move(done)});
  }

  std::unique_ptr<Subscription> subscribe(std::string topic, Subscriber subscriber) override {
    return core_->topics()->add(std::move(topic), std::move(subscriber));
  }

  Result<std::vector<Entry>> read(const EntryQuery& query) override {
    return core_->with_store([&](Store& store) { return store.read(query); });
  }
  Result<std::optional<Document>> document(std::string_view kind, std::string_view id) override {
    return core_->with_store([&](Store& store) { return store.document(kind, id); });
  }
  Result<std::vector<Document>> documents(std::string_view kind) override {
    return core_->with_store([&](Store& store) { return store.documents(kind); });
  }
  Result<std::vector<Intent>> pending_intents() override {
    return core_->with_store([](Store& store) { return store.pending_intents(); });
  }
  JournalStats stats() override { return core_->stats(); }
  void drain() override { core_->drain(); }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(Env& env, const JournalOptions& options) {
  auto store = HF_TRY(Store::open(env, options.directory));
  auto core = std::make_shared<Core>(env, std::move(store), options.directory);
  return std::unique_ptr<Journal>(std::make_unique<SqliteJournal>(std::move(core)));
}

}  // namespace holdfast::state
