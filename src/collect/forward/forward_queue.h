// collect/forward/forward_queue.h: what the store accepted, on disk until every receiver has it.
//
// Purpose     One log for all receivers. The store's appends are written at its end; each receiver reads at its own
//             pace and commits how far it got. Nothing that was appended is lost by a restart.
//
//               <directory>/00000001.fwd, 00000002.fwd, ...     segments, oldest dropped over the limits
//               <directory>/<receiver>.position                 "segment offset": all before it was delivered
//               record  | size u32le | crc32c u32le | payload[size] |     crc over the payload
//               payload | zstd of: varint count of new series: { varint count of labels: { text, text } }
//                         varint count of samples: { varint series, zigzag time delta, u8 kind, f64 or text }
//
//             Series are numbered in each segment from 0 in order of appearance, so that a segment can be read
//             alone; an exemplar is a sample of kind 2 with its own labels.
// Durability  A batch survives kill -9 when append() returned; power loss costs what was not synced (sync() is
//             called with every commit, each second while there is traffic).
// Limits      Bytes and age of the whole log; over them the oldest segment goes and its samples are counted lost.
// Errors      A record that does not check ends its segment for the reader, is counted, and the next is read.
// Threads     append() from any thread. A Reader from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/env.h"
#include "metrics/store.h"

namespace holdfast::collect {

struct ForwardLimits {
  std::uint64_t size_max = 2ULL << 30;  // bytes of all segments
  Duration age_max = 24h;
  std::uint64_t segment_size_max = 16 << 20;
};

struct ForwardPosition {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const ForwardPosition&) const = default;
};

struct ForwardItem {
  const model::Labels* labels = nullptr;
  model::Sample sample;
};

// What a reader gives out; the labels are shared by all items of a series within its segment.
struct ForwardRecord {
  struct Item {
    std::shared_ptr<const model::Labels> labels;
    model::Sample sample;
    std::shared_ptr<const metrics::Exemplar> exemplar;  // instead of a sample
  };
  std::vector<Item> items;
  ForwardPosition end;
};

class ForwardQueue {
 public:
  static Result<std::unique_ptr<ForwardQueue>> open(Env& env, const std::string& directory,
                                                    ForwardLimits limits = {});

  // `newer_only`: samples not newer than the newest of their series are left out; for batches of which the store
  // turned some away, which were of the past.
  Result<void> append(std::span<const ForwardItem> items, bool newer_only = false);
  Result<void> append_exemplars(const model::Labels& series,
                                std::span<const metrics::Exemplar> exemplars);
  // Called after each append, from its thread. Set before the first append.
  void set_listener(std::function<void()> listener) { listener_ = std::move(listener); }

  class Reader {
   public:
    // From the committed position, or from now on for a receiver never seen before.
    Reader(ForwardQueue& queue, std::string receiver);
    // Nothing when all there is was read.
    Result<std::optional<ForwardRecord>> next();
    Result<void> commit(ForwardPosition position);
    ForwardPosition position() const { return at_; }

   private:
    Result<bool> open_segment();
    Result<std::optional<std::string>> read_payload();
    Result<void> decode(std::string_view payload, ForwardRecord* record);

    ForwardQueue& queue_;
    const std::string receiver_;
    ForwardPosition at_;
    std::unique_ptr<File> file_;
    std::vector<std::shared_ptr<const model::Labels>> series_;
  };

  // Removes what all of `receivers` have, and what is over the limits. About once a second, any thread.
  Result<void> trim(std::span<const ForwardPosition> receivers);
  Result<void> sync();
  std::uint64_t size() const;          // bytes
  std::uint64_t lost_records() const;  // dropped over a limit or damaged
  ForwardPosition end() const;
  model::Timestamp newest() const;  // of all samples appended since the start

 private:
  struct Segment {
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::uint64_t records = 0;  // since the start of this process
    WallTime begun{};
  };
  struct SeriesState {
    std::uint32_t id = 0;
    model::Timestamp newest = model::kTimestampMin;
  };
  ForwardQueue(Env& env, std::string directory, ForwardLimits limits)
      : env_(env), directory_(std::move(directory)), limits_(limits) {}
  std::string path_of(std::uint64_t segment) const;
  // With mutex_ held.
  Result<void> begin_segment();
  Result<void> write(std::string_view plain);
  SeriesState& state_of(const model::Labels& labels, std::vector<const model::Labels*>& fresh);

  Env& env_;
  const std::string directory_;
  const ForwardLimits limits_;
  std::function<void()> listener_;
  mutable std::mutex mutex_;
  std::vector<Segment> segments_ HF_GUARDED_BY(mutex_);  // oldest first, the last is written
  std::unique_ptr<File> file_ HF_GUARDED_BY(mutex_);
  std::unordered_map<model::Labels, SeriesState> series_ HF_GUARDED_BY(mutex_);  // of the last
  bool must_begin_ HF_GUARDED_BY(mutex_) = false;  // the last one ends in a write that failed
  std::uint64_t lost_ HF_GUARDED_BY(mutex_) = 0;
  model::Timestamp newest_ HF_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::collect
