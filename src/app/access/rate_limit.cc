#include "app/access/rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/bytes.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kStrangers = "*";
// A sweep over ten thousand keys at most this often.
constexpr Duration kSweepEvery = 1s;

}  // namespace

double RateLimit::left_at(const Bucket& bucket, MonoTime now) const {
  const double back = to_seconds(now - bucket.at) * rate_.per_minute / 60.0;
  return std::min(rate_.burst, bucket.left + std::max(0.0, back));
}

RateLimit::Bucket& RateLimit::bucket_of(std::string_view key, MonoTime now) {
  if (const auto found = buckets_.find(key); found != buckets_.end()) return found->second;
  if (buckets_.size() >= kRateKeysMax && now - swept_ >= kSweepEvery) {
    swept_ = now;
    std::erase_if(buckets_,
                  [&](const auto& entry) { return left_at(entry.second, now) >= rate_.burst; });
  }
  const std::string name(buckets_.size() >= kRateKeysMax ? kStrangers : key);
  return buckets_.try_emplace(name, Bucket{rate_.burst, now}).first->second;
}

std::optional<Duration> RateLimit::take(std::string_view key, MonoTime now) {
  std::lock_guard lock(mutex_);
  auto& bucket = bucket_of(key, now);
  bucket.left = left_at(bucket, now);
  bucket.at = now;
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return std::nullopt;
  }
  if (rate_.per_minute <= 0) return 1h;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>((1 - bucket.left) * 60.0 / rate_.per_minute));
}

void RateLimit::set_rate(Rate rate) {
  std::lock_guard lock(mutex_);
  rate_ = rate;
}

std::size_t RateLimit::key_count() const {
  std::lock_guard lock(mutex_);
  return buckets_.size();
}

std::string rate_key(std::string_view peer) {
  auto host = peer.substr(0, peer.rfind(':'));
  if (!host.starts_with('[')) return std::string(host);
  host = host.substr(1, host.find(']') - 1);
  in6_addr address{};
  if (::inet_pton(AF_INET6, std::string(host.substr(0, host.find('%'))).c_str(), &address) != 1)
    return std::string(host);
  return to_hex({reinterpret_cast<const char*>(address.s6_addr), 8});
}

}  // namespace holdfast::app
