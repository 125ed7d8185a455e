// respond/send/limits.h: what receivers do not take: texts that are too long, messages that come too often.
//
// Cuts        cut_runes() and cut_bytes() end in "…" and never inside a character. cut_bytes() counts what goes over the
//             wire: WeCom's 2048 and 4096, Webex' 7439. Bytes that are no UTF-8 count one character each.
// Rates       A RateWindow allows `count_max` messages in any span of `window`, one of them only for resolves: whoever was
//             told "firing" can always be told that it is over. A window, not a bucket: a bucket that refills while it is
//             emptied lets nearly twice its size through in the first minute.
// Threads     RateWindow: one strand.
// Source      ../shared/reference/alerting.md sections 2.5 (limits), 2.16 (20 a minute); Alertmanager's truncation marker.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/time.h"

namespace holdfast::respond::send {

std::string cut_runes(std::string_view text, std::size_t count_max);
std::string cut_bytes(std::string_view text, std::size_t size_max);
std::size_t rune_count(std::string_view text);

class RateWindow {
 public:
  RateWindow(std::size_t count_max, Duration window) : count_max_(count_max), window_(window) {}

  // Zero: the message may go, and is counted. Else how long to wait.
  Duration take(MonoTime now, bool resolve);
  bool idle(MonoTime now) const { return sent_.empty() || now - sent_.back() >= window_; }

 private:
  std::size_t count_max_;
  Duration window_;
  std::deque<MonoTime> sent_;  // oldest first
};

}  // namespace holdfast::respond::send
