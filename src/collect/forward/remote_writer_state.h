// collect/forward/remote_writer_state.h: the inside of a RemoteWriter; for its own .cc files only.
//
// Threads     mutex_ guards all below it. A shard's `flight` belongs to whoever set `busy`; the reader and the relabel
//             cache to the one pump that runs at a time. Tasks enter() first, so that stop() can wait for them.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "collect/forward/remote_writer.h"
#include "collect/forward/reshard.h"

namespace holdfast::collect {

struct RemoteWriter::State : std::enable_shared_from_this<RemoteWriter::State> {
  using LabelsPtr = std::shared_ptr<const model::Labels>;
  using MetadataMap = std::map<std::string, std::vector<metrics::Metadata>>;

  struct Item {
    LabelsPtr labels;
    model::Sample sample;
    std::shared_ptr<const metrics::Exemplar> exemplar;
    std::uint64_t mark = 0;
  };
  struct Shard {
    std::deque<Item> waiting;
    std::vector<Item> flight;
    bool busy = false;
    Duration backoff{};
    TimerId timer = TimerId::kNone;
  };
  // A record read from the queue, and how many of its samples have no answer yet.
  struct Mark {
    ForwardPosition end;
    std::size_t left = 0;
  };

  State(Env& environment, ForwardQueue& queue, RemoteWriteConfig options, SendRequest sender,
        MetadataSource source);

  // Runs `task` on the pool unless stopped by then.
  void post(std::function<void()> task);
  TimerId post_after(Duration delay, std::function<void()> task);
  bool enter();
  void leave();

  // remote_writer.cc: reading and spreading
  void wake();
  void pump();
  bool must_wait() const;  // mutex_ held
  std::vector<Item> relabelled(ForwardRecord record);
  void place(std::vector<Item> items, ForwardPosition end, std::vector<std::size_t>& ready);
  void finish_reshard();  // mutex_ held

  // remote_send.cc: batches and their answers
  void send(std::size_t shard, bool even_if_small);
  void send_batch(std::size_t shard);
  net::ClientRequest request_of(const std::vector<Item>& batch) const;
  net::ClientRequest envelope(std::string body) const;
  void drop_old(Shard& shard);
  void on_answer(std::size_t shard, std::size_t bytes, MonoTime began,
                 const Result<net::ClientResponse>& answer);
  void retry(std::size_t shard, Duration at_least, std::string why);
  void settle(std::size_t shard, bool delivered);
  void release_marks(const std::vector<Item>& items);  // mutex_ held
  void send_metadata();
  void send_metadata_batch(
      std::shared_ptr<std::vector<std::pair<std::string, metrics::Metadata>>> all, std::size_t at,
      int attempt);

  // ticks
  void tick_commit();
  void tick_reshard();
  void tick_metadata();

  Env& env;
  ForwardQueue& queue;
  const RemoteWriteConfig config;
  const SendRequest sender;
  const MetadataSource metadata_source;
  ForwardQueue::Reader reader;
  std::unordered_map<const model::Labels*, std::pair<LabelsPtr, LabelsPtr>> relabel_cache;
  std::uint64_t relabel_segment = 0;
  std::stop_source stop;

  mutable std::mutex mutex;
  std::condition_variable idle;
  bool started = false, stopped = false;
  int running = 0;  // tasks between enter() and leave()
  bool pump_posted = false, pump_again = false;
  std::vector<Shard> shards;
  std::size_t shards_wanted = 1;
  std::deque<Mark> marks;
  std::uint64_t first_mark = 0;  // the number of marks.front()
  ForwardPosition committed, written;
  std::shared_ptr<const MetadataMap> metadata;
  ShardPlanner planner;
  ReshardInput step;  // since the last reshard tick
  RemoteWriterStats stats;
};

}  // namespace holdfast::collect
