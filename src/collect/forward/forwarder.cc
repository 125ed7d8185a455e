#include "collect/forward/forwarder.h"

#include <mutex>
#include <utility>

#include "base/log.h"
#include "collect/forward/tapped_store.h"

namespace holdfast::collect {
namespace {

constexpr Duration kTrimEvery = 1s;

}  // namespace

struct Forwarder::Impl : std::enable_shared_from_this<Forwarder::Impl> {
  struct Receiver {
    std::unique_ptr<HttpClient> client;
    std::unique_ptr<RemoteWriter> writer;
  };

  explicit Impl(Env& environment) : env(environment), client(environment) {}

  Receiver make(RemoteWriteConfig config) {
    Receiver receiver;
    receiver.client = std::make_unique<HttpClient>(env, client, config.http);
    receiver.writer = std::make_unique<RemoteWriter>(
        env, *queue, std::move(config),
        [http = receiver.client.get()](net::ClientRequest request, net::Client::Handler handler,
                                       std::stop_token stop) {
          http->send(std::move(request), std::move(handler), std::move(stop));
        },
        [this] {
          return store == nullptr ? std::map<std::string, std::vector<metrics::Metadata>>{}
                                  : store->metadata("", 0);
        });
    return receiver;
  }

  void notify() {
    std::lock_guard lock(mutex);
    for (const auto& receiver : receivers) receiver.writer->notify();
  }

  // Once a second: segments that every receiver has are removed.
  void tick() {
    std::vector<ForwardPosition> positions;
    {
      std::lock_guard lock(mutex);
      if (stopped) return;
      for (const auto& receiver : receivers) positions.push_back(receiver.writer->committed());
    }
    // Without a receiver nothing is wanted: all but the segment being written goes.
    if (auto done = queue->trim(positions); !done)
      log_warn("the forward queue was not trimmed", {{"error", done.error().message()}});
    std::lock_guard lock(mutex);
    if (stopped) return;
    timer = env.executor.post_after(Lane::kPool, kTrimEvery, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tick();
    });
  }

  std::vector<Receiver> take_receivers() {
    std::lock_guard lock(mutex);
    return std::exchange(receivers, {});
  }

  // The writers before their clients: handlers of a client refer to its writer.
  static void stop_all(std::vector<Receiver> list) {
    for (auto& receiver : list) receiver.writer->stop();
  }

  Env& env;
  net::Client client;
  std::unique_ptr<ForwardQueue> queue;
  TappedStore* store = nullptr;
  mutable std::mutex mutex;
  std::vector<Receiver> receivers HF_GUARDED_BY(mutex);
  bool configured HF_GUARDED_BY(mutex) = false;
  bool stopped HF_GUARDED_BY(mutex) = false;
  TimerId timer HF_GUARDED_BY(mutex) = TimerId::kNone;
};

Result<std::unique_ptr<Forwarder>> Forwarder::open(Env& env, const std::string& directory,
                                                   ForwardLimits limits) {
  auto impl = std::make_shared<Impl>(env);
  impl->queue = HF_TRY(ForwardQueue::open(env, directory, limits));
  impl->queue->set_listener([raw = impl.get()] { raw->notify(); });
  return std::unique_ptr<Forwarder>(new Forwarder(std::move(impl)));
}

Forwarder::~Forwarder() { stop(); }

std::unique_ptr<metrics::Store> Forwarder::wrap(std::unique_ptr<metrics::Store> store) {
  auto tapped = std::make_unique<TappedStore>(impl_->env, std::move(store), *impl_->queue);
  impl_->store = tapped.get();
  return tapped;
}

void Forwarder::configure(std::vector<RemoteWriteConfig> configs) {
  Impl::stop_all(impl_->take_receivers());
  std::vector<Impl::Receiver> fresh;
  for (auto& config : configs) fresh.push_back(impl_->make(std::move(config)));
  bool first = false;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->receivers = std::move(fresh);
    for (const auto& receiver : impl_->receivers) receiver.writer->start();
    first = !std::exchange(impl_->configured, true);
  }
  // Not before: with no receiver known all that waits for one would be trimmed.
  if (first) impl_->tick();
}

void Forwarder::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    impl_->env.executor.cancel(impl_->timer);
  }
  Impl::stop_all(impl_->take_receivers());
}

std::vector<RemoteWriterStats> Forwarder::stats() const {
  std::vector<RemoteWriterStats> all;
  std::lock_guard lock(impl_->mutex);
  for (const auto& receiver : impl_->receivers) all.push_back(receiver.writer->stats());
  return all;
}

std::uint64_t Forwarder::queue_size() const { return impl_->queue->size(); }

void Forwarder::collect(MetricSink& sink) const {
  const auto all = stats();
  const auto each = [&](const char* name, const char* type, const char* help, auto value) {
    sink.family(name, type, help);
    for (const auto& one : all) {
      sink.sample(name, static_cast<double>(value(one)),
                  {{"remote_name", one.name}, {"url", one.url}});
    }
  };
  using Stats = RemoteWriterStats;
  const auto counter = [&](const char* name, const char* help, std::uint64_t Stats::*member) {
    each(name, "counter", help, [member](const Stats& one) { return one.*member; });
  };
  counter("holdfast_remote_write_samples_total", "Samples a receiver accepted.",
          &Stats::samples_sent);
  counter("holdfast_remote_write_histograms_total", "Native histograms a receiver accepted.",
          &Stats::histograms_sent);
  counter("holdfast_remote_write_exemplars_total", "Exemplars a receiver accepted.",
          &Stats::exemplars_sent);
  counter("holdfast_remote_write_metadata_total", "Metadata entries a receiver accepted.",
          &Stats::metadata_sent);
  counter("holdfast_remote_write_samples_failed_total", "Samples a receiver refused for good.",
          &Stats::samples_failed);
  counter("holdfast_remote_write_samples_retried_total", "Samples sent once more.",
          &Stats::samples_retried);
  counter("holdfast_remote_write_samples_dropped_total",
          "Samples dropped by write_relabel_configs.", &Stats::samples_dropped);
  counter("holdfast_remote_write_samples_too_old_total", "Samples over sample_age_limit.",
          &Stats::samples_too_old);
  counter("holdfast_remote_write_bytes_total", "Compressed bytes of all requests.",
          &Stats::bytes_sent);
  counter("holdfast_remote_write_requests_total", "Requests answered or failed.", &Stats::requests);
  each("holdfast_remote_write_request_seconds_total", "counter", "Time of all requests.",
       [](const Stats& one) { return one.request_seconds; });
  each("holdfast_remote_write_samples_pending", "gauge", "Samples in shards, waiting or in flight.",
       [](const Stats& one) { return one.samples_pending; });
  each("holdfast_remote_write_shards", "gauge", "Shards now.",
       [](const Stats& one) { return one.shards; });
  each("holdfast_remote_write_shards_desired", "gauge", "Shards the traffic asks for.",
       [](const Stats& one) { return one.shards_desired; });
  each("holdfast_remote_write_newest_sent_timestamp_seconds", "gauge", "Of the newest sample sent.",
       [](const Stats& one) { return static_cast<double>(one.newest_sent) / 1000; });
  sink.gauge("holdfast_remote_write_queue_bytes", "The queue on disk.",
             static_cast<double>(impl_->queue->size()));
  sink.counter("holdfast_remote_write_queue_lost_records_total",
               "Batches dropped from the queue over its limits, or found damaged.",
               static_cast<double>(impl_->queue->lost_records()));
  if (impl_->store != nullptr) {
    sink.counter("holdfast_remote_write_samples_lost_total",
                 "Samples stored here that could not be put in the queue.",
                 static_cast<double>(impl_->store->samples_lost()));
  }
}

}  // namespace holdfast::collect
