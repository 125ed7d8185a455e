#include "collect/scrape/scraper.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "collect/scrape/scrape_loop.h"
#include "net/http.h"

namespace holdfast::collect {
namespace {

using LoopPtr = std::shared_ptr<ScrapeLoop>;

// Text first for Holdfast's own targets: it is what nearly everything serves, and the cheapest to read.
ScrapeConfigPtr own_config(bool honor_labels) {
  auto config = std::make_shared<ScrapeConfig>();
  config->honor_labels = honor_labels;
  config->protocols = {ScrapeProtocol::kText100, ScrapeProtocol::kText004,
                       ScrapeProtocol::kOpenMetrics100};
  config->fingerprint = honor_labels ? "own, honored" : "own";
  return config;
}

}  // namespace

model::Labels target_labels(const model::Target& target) { return make_target(target).labels; }

struct Scraper::Impl {
  Impl(Env& e, metrics::Store& s, ScrapeLimits l)
      : env(e), limits(l), client(e), around{e, s, scratch, limits} {}

  struct Wanted {
    ScrapeJobPtr job;
    ScrapeTarget target;
  };
  struct Pool {
    std::vector<LoopPtr> loops;
    std::map<std::string, ScrapeJobPtr> jobs;  // by their settings, so that equal ones are shared
  };

  ScrapeJobPtr job_of(Pool& pool, const std::string& name, ScrapeConfigPtr config,
                      const std::string& limit_error) {
    auto& job = pool.jobs[config->fingerprint + "|" + limit_error];
    if (job) return job;
    auto made = std::make_shared<ScrapeJob>();
    made->pool = name;
    made->client = std::make_shared<HttpClient>(env, client, config->http);
    made->accept = accept_header(*config);
    made->limit_error = limit_error;
    made->config = std::move(config);
    return job = made;
  }

  // Makes the pool's loops those wanted. Under the lock.
  void settle(Pool& pool, std::vector<Wanted> wanted) {
    std::multimap<std::uint64_t, LoopPtr> old;
    for (auto& loop : pool.loops) old.emplace(key_of(loop->target()), std::move(loop));
    std::multimap<std::uint64_t, const ScrapeLoop*> kept;
    std::vector<LoopPtr> next, fresh, replaced;
    for (auto& [job, target] : wanted) {
      const auto key = key_of(target);
      if (contains(kept, key, *job, target)) continue;  // the same twice is one
      auto found = take(old, key, *job, target);
      if (found && found->job() == job) {
        found->set_discovered(std::move(target.discovered));
        next.push_back(std::move(found));
      } else {
        // The same target under other settings: its series go on, so none of them ends here.
        if (found) replaced.push_back(std::move(found));
        next.push_back(std::make_shared<ScrapeLoop>(around, job, std::move(target)));
        fresh.push_back(next.back());
      }
      kept.emplace(key, next.back().get());
    }
    for (const auto& loop : replaced) loop->halt();
    std::erase_if(retiring, [](const auto& weak) { return weak.expired(); });
    for (auto& [key, loop] : old) {
      loop->retire();
      retiring.push_back(loop);
    }
    pool.loops = std::move(next);
    for (const auto& loop : fresh) loop->start();
    std::erase_if(pool.jobs, [](const auto& entry) { return entry.second.use_count() == 1; });
  }

  static std::uint64_t key_of(const ScrapeTarget& target) {
    return target.labels.hash() ^ std::hash<std::string>()(target.url);
  }
  static bool contains(const std::multimap<std::uint64_t, const ScrapeLoop*>& kept,
                       std::uint64_t key, const ScrapeJob& job, const ScrapeTarget& target) {
    const auto [begin, end] = kept.equal_range(key);
    return std::any_of(begin, end, [&](const auto& entry) {
      return entry.second->target().same_as(target) &&
             entry.second->job()->config->honor_labels == job.config->honor_labels;
    });
  }
  // A loop of the same target, rather one of the same settings.
  static LoopPtr take(std::multimap<std::uint64_t, LoopPtr>& old, std::uint64_t key,
                      const ScrapeJob& job, const ScrapeTarget& target) {
    auto best = old.end();
    const auto [begin, end] = old.equal_range(key);
    for (auto at = begin; at != end; ++at) {
      if (!at->second->target().same_as(target)) continue;
      if (best == old.end() || at->second->job().get() == &job) best = at;
    }
    if (best == old.end()) return nullptr;
    auto loop = std::move(best->second);
    old.erase(best);
    return loop;
  }

  std::vector<LoopPtr> all() const {
    const std::lock_guard lock(mutex);
    std::vector<LoopPtr> out;
    for (const auto& [name, pool] : pools) {
      out.insert(out.end(), pool.loops.begin(), pool.loops.end());
    }
    return out;
  }

  Env& env;
  const ScrapeLimits limits;
  ScratchPool scratch;
  net::Client client;
  const LoopSurroundings around;
  mutable std::mutex mutex;  // guards the two below
  std::map<std::string, Pool> pools;
  std::vector<std::weak_ptr<ScrapeLoop>> retiring;
};

Scraper::Scraper(Env& env, metrics::Store& store, ScrapeLimits limits)
    : impl_(std::make_unique<Impl>(env, store, limits)) {}

Scraper::~Scraper() {
  for (const auto& [name, pool] : impl_->pools) {
    for (const auto& loop : pool.loops) loop->halt();
  }
  for (const auto& weak : impl_->retiring) {
    if (const auto loop = weak.lock()) loop->halt();
  }
}

void Scraper::set_targets(std::vector<model::Target> targets) {
  const std::lock_guard lock(impl_->mutex);
  auto& pool = impl_->pools[""];
  std::vector<Impl::Wanted> wanted;
  const auto plain = impl_->job_of(pool, "", own_config(false), "");
  const auto honored = impl_->job_of(pool, "", own_config(true), "");
  for (const auto& target : targets) {
    wanted.push_back({target.honor_labels ? honored : plain, make_target(target)});
  }
  impl_->settle(pool, std::move(wanted));
}

void Scraper::set_pool(const std::string& name, ScrapeConfigPtr config,
                       std::vector<ScrapeTarget> targets) {
  const std::lock_guard lock(impl_->mutex);
  auto& pool = impl_->pools[name];
  std::string limit_error;
  if (config->target_limit != 0 && targets.size() > config->target_limit) {
    limit_error = "target_limit exceeded (number of targets: " + std::to_string(targets.size()) +
                  ", limit: " + std::to_string(config->target_limit) + ")";
  }
  const auto job = impl_->job_of(pool, name, std::move(config), limit_error);
  std::vector<Impl::Wanted> wanted;
  wanted.reserve(targets.size());
  for (auto& target : targets) wanted.push_back({job, std::move(target)});
  impl_->settle(pool, std::move(wanted));
}

void Scraper::remove_pool(const std::string& name) {
  const std::lock_guard lock(impl_->mutex);
  const auto at = impl_->pools.find(name);
  if (at == impl_->pools.end()) return;
  impl_->settle(at->second, {});
  impl_->pools.erase(at);
}

net::Client& Scraper::client() { return impl_->client; }

std::vector<TargetStatus> Scraper::status() const {
  std::vector<TargetStatus> out;
  for (const auto& loop : impl_->all()) out.push_back(loop->status());
  std::sort(out.begin(), out.end(), [](const TargetStatus& a, const TargetStatus& b) {
    return std::tie(a.target.job, a.scrape_url) < std::tie(b.target.job, b.scrape_url);
  });
  return out;
}

std::vector<TargetMetadata> Scraper::metadata() const {
  std::vector<TargetMetadata> out;
  for (const auto& loop : impl_->all()) {
    if (auto families = loop->metadata()) {
      out.push_back({loop->target().labels, std::move(families)});
    }
  }
  return out;
}

}  // namespace holdfast::collect
