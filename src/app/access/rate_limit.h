// app/access/rate_limit.h: how often one address may knock.
//
// Purpose     Token buckets by key: each call takes one, they come back at a steady rate. Keys are an address (IPv6 by its /64,
//             for whoever has one has them all) or a user's name.
// Limits      At most kRateKeysMax keys. When more come, those whose bucket is full again are forgotten; when none is, strangers
//             share one bucket, so that a flood of addresses is limited as one.
// Threads     Any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/check.h"

namespace holdfast::app {

struct Rate {
  double burst = 20;       // calls at once
  double per_minute = 20;  // calls that come back
  bool operator==(const Rate&) const = default;
};

inline constexpr std::size_t kRateKeysMax = 10'000;

class RateLimit {
 public:
  explicit RateLimit(Rate rate) : rate_(rate) {}
  // Nothing when the call may pass; else how long to wait.
  std::optional<Duration> take(std::string_view key, MonoTime now);
  void set_rate(Rate rate);
  std::size_t key_count() const;

 private:
  struct Bucket {
    double left = 0;
    MonoTime at{};
  };
  double left_at(const Bucket& bucket, MonoTime now) const;  // under mutex_
  Bucket& bucket_of(std::string_view key, MonoTime now);  // under mutex_

  mutable std::mutex mutex_;
  Rate rate_ HF_GUARDED_BY(mutex_);
  std::map<std::string, Bucket, std::less<>> buckets_ HF_GUARDED_BY(mutex_);
  MonoTime swept_ HF_GUARDED_BY(mutex_){};
};

// The address of "address:port", IPv6 by its first 64 bits.
std::string rate_key(std::string_view peer);

}  // namespace holdfast::app
