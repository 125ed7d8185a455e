// collect/remote_read/remote_reader.h: our store and its peers, read as one.
//
// Purpose     What queries read from when `remote_read` names peers: a selector's series come from the store and from
//             each peer that is to be asked, series of the same labels made one. Where no peer is to be asked, all
//             passes straight to the store.
// Who is asked  A peer whose required_matchers the selector has; without read_recent only for times before the store's
//             oldest sample. Our external labels are added to what it is asked, and taken off its series.
// Errors      A peer that does not answer fails the query and is named: half an answer is not passed off as whole.
// Labels      series(), label names and values, metadata are the store's alone.
// Threads     Reads from any thread, but not from the network's: they wait for the peers. configure() from the owner.
// Source      Prometheus, configuration, remote_read.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/remote_read/remote_read_config.h"
#include "metrics/store.h"
#include "net/http.h"

namespace holdfast::collect {

class RemoteReader final : public metrics::Reader {
 public:
  // The store and the client outlive it.
  RemoteReader(Env& env, const metrics::Store& store, net::Client& client);
  ~RemoteReader() override;

  void configure(const std::vector<RemoteReadConfig>& peers, const model::Labels& external);

  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override;
  Result<metrics::LevelSelectionPtr> find_levels(
      const metrics::SelectRequest& request, const metrics::LevelRequest& levels) const override;
  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest& request) const override;
  Result<std::vector<model::Labels>> series(const std::vector<std::vector<model::Matcher>>& any_of,
                                            model::Timestamp from, model::Timestamp to,
                                            std::size_t limit) const override {
    return store_.series(any_of, from, to, limit);
  }
  Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<model::Matcher>>& any_of, model::Timestamp from,
      model::Timestamp to) const override {
    return store_.label_names(any_of, from, to);
  }
  Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of,
      model::Timestamp from, model::Timestamp to) const override {
    return store_.label_values(name, any_of, from, to);
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override {
    return store_.metadata(metric, limit);
  }

 private:
  struct Peer;
  struct Question;
  using PeerPtr = std::shared_ptr<const Peer>;
  std::vector<Question> questions(const metrics::SelectRequest& request) const;
  Result<std::vector<metrics::Column>> ask(const std::vector<Question>& all,
                                           const metrics::SelectRequest& request) const;

  Env& env_;
  const metrics::Store& store_;
  net::Client& client_;
  mutable std::mutex mutex_;
  std::vector<PeerPtr> peers_ HF_GUARDED_BY(mutex_);
  model::Labels external_ HF_GUARDED_BY(mutex_);
};

}  // namespace holdfast::collect
