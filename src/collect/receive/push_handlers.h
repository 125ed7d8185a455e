// collect/receive/push_handlers.h: the Pushgateway's HTTP interface; inside this part only.
//
// Purpose     Takes pushes, keeps the groups in a file, and writes every group into the store at each
//             interval, without the time of the push, as if a Prometheus scraped it with honor_labels.
// Paths       PUT, POST, DELETE /metrics/job/<job>...; GET /pushgateway/metrics, /pushgateway/api/v1/metrics,
//             /pushgateway/api/v1/status; PUT /pushgateway/api/v1/admin/wipe. All of them also behind
//             /pushgateway, for clients that are given a prefix; GET /api/v1/metrics is the listing too.
// Durability  A push is answered once the file holds it; pushes that come together share one write.
// Threads     Handlers on the pool, many at once; the interval's work on the pool.
// Errors      A damaged file is set aside as <file>.damaged and told in the log.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "collect/receive/handlers.h"
#include "collect/receive/push_groups.h"
#include "collect/ticker.h"

namespace holdfast::collect {

class PushReceiver {
 public:
  explicit PushReceiver(Intake& intake);
  Result<void> open();

  net::Response push(const net::Request& request, bool replace);
  net::Response remove(const net::Request& request);
  net::Response wipe();
  net::Response exposition() const;
  net::Response listing() const;
  net::Response status() const;
  std::size_t group_count() const;

 private:
  Result<void> persist();
  void write_round(WallTime at);

  Intake& intake_;
  const model::Timestamp started_;
  mutable std::mutex mutex_;  // guards groups_ and version_
  PushGroups groups_;
  std::uint64_t version_ = 0;  // counts changes
  std::mutex file_mutex_;      // held while the file is written; taken before mutex_
  std::uint64_t saved_ = 0;    // the version the file holds; guarded by file_mutex_
  std::unordered_set<model::Labels> written_;  // by the last round; of its thread alone
  std::string last_error_;                     // likewise
  std::unique_ptr<Ticker> ticker_;             // last: it stops first
};

}  // namespace holdfast::collect
