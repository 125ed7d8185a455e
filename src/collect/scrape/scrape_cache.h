// collect/scrape/scrape_cache.h: what a target exposed last time, so that next time costs little.
//
// Purpose     From the raw text of a series, as the target writes it, to the series in the store. A steady
//             target exposes the same lines in the same order, so each entry also knows the one that came
//             after it, and the parser is given that guess.
// Staleness   A series that was there at the last good scrape and is not at this one gets a marker; series
//             with timestamps of their own are left alone, as Prometheus does.
// Threads     The owner's loop, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/store.h"

namespace holdfast::collect {

class ScrapeCache {
 public:
  struct Entry {
    std::string raw;
    model::Labels labels;
    metrics::SeriesRef ref = metrics::SeriesRef::kNone;
    std::uint64_t round = 0;   // the last scrape that had it
    bool tracked = false;      // exposed without a timestamp of its own: its end takes a marker
    bool live = false;         // tracked, and stored at the last good scrape
    Entry* following = nullptr;
  };

  void begin_round() {
    ++round_;
    last_ = nullptr;
  }
  // The raw text probably coming next.
  std::string_view guess() const {
    const Entry* entry = last_ != nullptr ? last_->following : first_;
    return entry != nullptr ? std::string_view(entry->raw) : std::string_view();
  }
  Entry* find(std::string_view raw);
  Entry& add(std::string_view raw, model::Labels labels);
  // Marks it as part of this scrape. False when it is already: the line stands twice.
  bool see(Entry& entry);

  // Live entries that this round has not seen.
  std::vector<Entry*> vanished();
  std::vector<Entry*> live();
  // After the batch is stored: what was seen is live, unseen entries go.
  void finish_round();
  void clear_live();
  std::size_t size() const { return entries_.size(); }

 private:
  void forget_order();
  std::unordered_map<std::string_view, std::unique_ptr<Entry>> entries_;  // keyed by entry->raw
  Entry* first_ = nullptr;
  Entry* last_ = nullptr;
  std::uint64_t round_ = 0;
};

}  // namespace holdfast::collect
