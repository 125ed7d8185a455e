#include "collect/scrape/scrape_loop.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace holdfast::collect {
namespace {

// Longer than any usual interval: a handshake for every scrape would cost more than the scrape.
constexpr Duration kIdleTime = 5min;

}  // namespace

ScrapeLoop::ScrapeLoop(const LoopSurroundings& around, ScrapeJobPtr job, ScrapeTarget target)
    : env_(around.env),
      limits_(around.limits),
      job_(std::move(job)),
      target_(std::move(target)),
      ingest_(around.store, around.pool, *job_->config, target_.labels, around.limits) {
  status_.discovered = target_.discovered;
}

TargetStatus ScrapeLoop::status() const {
  TargetStatus out;
  out.target.job = target_.labels.get("job");
  out.target.address = target_.address;
  out.target.path = target_.path;
  out.target.scheme = target_.scheme;
  out.target.interval = target_.interval;
  out.target.timeout = target_.timeout;
  out.target.honor_labels = job_->config->honor_labels;
  out.target.labels = target_.labels;
  out.labels = target_.labels;
  out.scrape_pool = job_->pool.empty() ? out.target.job : job_->pool;
  out.scrape_url = target_.url;
  const std::lock_guard lock(status_mutex_);
  out.discovered_labels = status_.discovered;
  out.health = status_.health;
  out.last_error = status_.last_error;
  out.last_rejection = status_.last_rejection;
  out.last_scrape = status_.last_scrape;
  out.last_scrape_duration = status_.last_duration;
  out.samples_scraped = status_.samples_scraped;
  out.scrapes = status_.scrapes;
  out.scrapes_skipped = status_.scrapes_skipped;
  return out;
}

FamilyMetadataPtr ScrapeLoop::metadata() const {
  const std::lock_guard lock(status_mutex_);
  return status_.metadata;
}

void ScrapeLoop::set_discovered(model::Labels discovered) {
  const std::lock_guard lock(status_mutex_);
  status_.discovered = std::move(discovered);
}

void ScrapeLoop::start() {
  const auto identity = target_.labels.hash() ^ std::hash<std::string>()(target_.url);
  ticker_ =
      std::make_unique<Ticker>(env_, target_.interval, identity, [this](WallTime at) { tick(at); });
}

void ScrapeLoop::halt() {
  ticker_.reset();
  stop_.request_stop();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

void ScrapeLoop::retire() {
  ticker_.reset();
  stop_.request_stop();
  const auto now = to_ms(env_.clock.now());
  env_.executor.post(Lane::kPool, [self = shared_from_this(), now] { self->end_series(now); });
}

std::size_t ScrapeLoop::body_size_max() const {
  const auto own = static_cast<std::size_t>(job_->config->body_size_limit);
  return own != 0 ? std::min(own, limits_.body_size_max) : limits_.body_size_max;
}

void ScrapeLoop::tick(WallTime at) {
  if (busy_.exchange(true)) {
    const std::lock_guard lock(status_mutex_);
    ++status_.scrapes_skipped;
    return;
  }
  if (!job_->limit_error.empty()) {
    return ingest(at, Duration::zero(), Error(Code::kTooLarge, job_->limit_error));
  }
  net::ClientRequest request;
  request.url = target_.url;
  request.timeout = std::min(target_.timeout, target_.interval);
  request.response_size_max = body_size_max();
  request.idle_time = kIdleTime;
  request.headers.add("Accept", job_->accept);
  request.headers.add("User-Agent", "Holdfast");
  request.headers.add("X-Prometheus-Scrape-Timeout-Seconds",
                      format_double(to_seconds(request.timeout)));
  if (!job_->config->compression) request.headers.add("Accept-Encoding", "identity");
  job_->client->send(
      std::move(request),
      [self = shared_from_this(), at, begun = env_.clock.mono()](Result<net::ClientResponse> r) {
        const auto took = self->env_.clock.mono() - begun;
        auto shared = std::make_shared<Result<net::ClientResponse>>(std::move(r));
        self->env_.executor.post(Lane::kPool,
                                 [self, at, took, shared] { self->ingest(at, took, *shared); });
      },
      stop_.get_token());
}

Result<ScrapeBody> ScrapeLoop::body_of(const Result<net::ClientResponse>& answer) const {
  if (!answer) {
    if (answer.error().code() != Code::kTooLarge || !job_->limit_error.empty()) {
      return answer.error();
    }
    return Error(Code::kTooLarge,
                 "body size limit exceeded: the body is larger than the limit of " +
                     std::to_string(body_size_max()) + " bytes");
  }
  if (answer->status != 200) {
    return unavailable("the target answered with HTTP status " + std::to_string(answer->status));
  }
  return ScrapeBody{answer->body, answer->headers.get("Content-Type")};
}

void ScrapeLoop::ingest(WallTime at, Duration took, const Result<net::ClientResponse>& answer) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  note(at, took, ingest_.take(body_of(answer), to_ms(at), took));
  busy_ = false;
}

void ScrapeLoop::note(WallTime at, Duration took, ScrapeIngest::Outcome outcome) {
  const std::lock_guard lock(status_mutex_);
  const bool up = outcome.error.empty();
  if (!up && std::string_view(status_.health) != "down") {
    log_warn("target is down", {{"url", target_.url}, {"error", outcome.error}});
  }
  status_.health = up ? "up" : "down";
  status_.last_error = std::move(outcome.error);
  status_.last_rejection = std::move(outcome.rejection);
  status_.last_scrape = at;
  status_.last_duration = took;
  status_.samples_scraped = outcome.counts.scraped;
  status_.metadata = ingest_.metadata();
  ++status_.scrapes;
}

void ScrapeLoop::end_series(model::Timestamp now) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  if (const auto stored = ingest_.end(now); !stored) {
    log_warn("series of a removed target not ended",
             {{"url", target_.url}, {"error", stored.error().message()}});
  }
}

}  // namespace holdfast::collect
