// collect/scrape/scrape_cache.h: what a target exposed last time, so that next time costs little.
//
// Purpose     From the raw text of a series, as the target writes it, to the series in the store. A steady
//             target exposes the same lines in the same order, so entries lie in the order of the last
//             exposition and the parser is given a guess of the next; labels are not kept at all.
//
//               arena   │ http_requests_total{code="200"} │ http_requests_total{code="500"} │ ...
//               entries │ ref 17, live                    │ ref 18, live                    │ ...
//
// Memory      40 bytes and the raw text for each series. The index by text exists only during a scrape whose
//             order has changed.
// Staleness   A series that was there at the last good scrape and is not at this one gets a marker; series
//             with timestamps of their own are left alone, as Prometheus does, unless told otherwise.
// Threads     The owner's loop, one at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/store.h"

namespace holdfast::collect {

class ScrapeCache {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Entry {
    const char* text = nullptr;
    std::uint32_t text_size = 0;
    std::uint32_t following = kNone;  // what came after it last time
    metrics::SeriesRef ref = metrics::SeriesRef::kNone;
    std::uint32_t round = 0;  // the last scrape that had it
    bool tracked = false;     // its end takes a marker
    bool live = false;        // tracked, and stored at the last good scrape
    bool dropped = false;     // by relabelling
    std::string_view raw() const { return {text, text_size}; }
  };

  void begin_round();
  // The raw text probably coming next.
  std::string_view guess() const {
    const auto at = likely();
    return at != kNone ? entries_[at].raw() : std::string_view();
  }
  // The index of a series, or kNone.
  std::uint32_t find(std::string_view raw);
  std::uint32_t add(std::string_view raw);
  Entry& operator[](std::uint32_t index) { return entries_[index]; }
  // Marks it as part of this scrape. False when it is already: the line stands twice.
  bool see(std::uint32_t index);

  // Live entries that this round has not seen, or all live ones.
  std::vector<std::uint32_t> vanished() const;
  std::vector<std::uint32_t> live() const;
  // After the batch is stored: what was seen is live, unseen entries go.
  void finish_round();
  // After a failed one: nothing is live any more, and what only this round had is forgotten.
  void abandon_round();
  // References that the store may have dropped meanwhile: series are named by labels next time.
  void forget_refs();
  std::size_t size() const { return entries_.size(); }

 private:
  std::uint32_t likely() const { return last_ != kNone ? entries_[last_].following : first_; }
  const char* keep(std::string_view raw);
  void lay_out(const std::vector<std::uint32_t>& order);

  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<char[]>> arena_;  // the newest is filled from the front
  std::size_t arena_left_ = 0;
  std::unordered_map<std::string_view, std::uint32_t> index_;  // empty unless the order changed
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t round_ = 0;
  std::uint32_t seen_ = 0;
  std::size_t begun_with_ = 0;  // entries when the round began; younger ones lie behind them
  bool in_order_ = true;        // this round has met the entries exactly as they lie
};

}  // namespace holdfast::collect
