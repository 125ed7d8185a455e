#include "collect/scrape/target_manager.h"

#include <mutex>

#include "base/log.h"
#include "collect/discovery/discover.h"

namespace holdfast::collect {
namespace {

// Groups that come within this time are merged once.
constexpr Duration kGatherTime = 50ms;

model::Labels merged(const model::Labels& target, const model::Labels& group) {
  std::vector<model::Label> all(group.begin(), group.end());
  all.insert(all.end(), target.begin(), target.end());  // a later name wins: the target's own
  return model::Labels(std::move(all));
}

}  // namespace

struct TargetManager::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& e, Scraper& s) : env(e), scraper(s) {}

  struct Pool {
    ScrapeConfigPtr config;
    std::vector<std::unique_ptr<Discovery>> discoveries;  // touched by set_jobs and the end only
    std::map<std::string, TargetGroup> groups;            // by discovery and source
    std::vector<DroppedTarget> dropped;
    std::size_t dropped_count = 0;
    std::size_t target_count = 0;
    std::string problem;
    bool scheduled = false;
  };
  using PoolPtr = std::shared_ptr<Pool>;

  PoolPtr open(ScrapeConfig config) {
    auto pool = std::make_shared<Pool>();
    pool->config = std::make_shared<const ScrapeConfig>(std::move(config));
    for (const auto& group : pool->config->discoveries.fixed) {
      pool->groups["static/" + group.source] = group;
    }
    return pool;
  }

  // Outside the lock: a discovery may answer at once.
  void start(const PoolPtr& pool) {
    std::size_t index = 0;
    for (const auto& found : pool->config->discoveries.found) {
      const auto prefix = std::to_string(index++) + "/";
      pool->discoveries.push_back(
          discover(env, scraper.client(), found,
                   [weak = weak_from_this(), weak_pool = std::weak_ptr(pool),
                    prefix](std::vector<TargetGroup> groups) {
                     const auto self = weak.lock();
                     const auto pool = weak_pool.lock();
                     if (self && pool) self->take(*pool, prefix, std::move(groups), pool);
                   }));
    }
  }

  void take(Pool& pool, const std::string& prefix, std::vector<TargetGroup> groups,
            const PoolPtr& shared) {
    const std::lock_guard lock(mutex);
    for (auto& group : groups) {
      const auto key = prefix + group.source;
      if (group.targets.empty())
        pool.groups.erase(key);
      else
        pool.groups[key] = std::move(group);
    }
    if (pool.scheduled) return;
    pool.scheduled = true;
    env.executor.post_after(Lane::kPool, kGatherTime,
                            [weak = weak_from_this(), weak_pool = std::weak_ptr(shared)] {
                              const auto self = weak.lock();
                              const auto pool = weak_pool.lock();
                              if (self && pool) self->settle(pool);
                            });
  }

  // Makes targets of all groups and hands them to the scraper.
  void settle(const PoolPtr& pool) {
    const std::lock_guard one_at_a_time(settling);
    std::vector<ScrapeTarget> targets;
    ScrapeConfigPtr config;
    {
      const std::lock_guard lock(mutex);
      pool->scheduled = false;
      config = pool->config;
      const auto at = pools.find(config->job_name);
      if (at == pools.end() || at->second != pool) return;  // replaced meanwhile
      pool->dropped.clear();
      pool->dropped_count = 0;
      pool->problem.clear();
      for (const auto& [key, group] : pool->groups) add(*pool, group, targets);
      pool->target_count = targets.size();
    }
    scraper.set_pool(config->job_name, config, std::move(targets));
  }

  void add(Pool& pool, const TargetGroup& group, std::vector<ScrapeTarget>& targets) {
    const auto& config = *pool.config;
    for (const auto& found : group.targets) {
      auto made = make_target(config, merged(found, group.labels));
      if (!made) {
        if (pool.problem.empty()) {
          pool.problem =
              "target " + std::string(found.get(kAddressLabel)) + ": " + made.error().message();
          log_warn("target left out", {{"pool", config.job_name}, {"error", pool.problem}});
        }
      } else if (made->target) {
        targets.push_back(std::move(*made->target));
      } else {
        ++pool.dropped_count;
        if (config.keep_dropped_targets == 0 || pool.dropped.size() < config.keep_dropped_targets) {
          pool.dropped.push_back({config.job_name, std::move(made->discovered)});
        }
      }
    }
  }

  Env& env;
  Scraper& scraper;
  std::mutex settling;       // taken before mutex; orders what the scraper is told
  mutable std::mutex mutex;  // guards the pools and all in them
  std::map<std::string, PoolPtr> pools;
};

TargetManager::TargetManager(Env& env, Scraper& scraper)
    : impl_(std::make_shared<Impl>(env, scraper)) {}

TargetManager::~TargetManager() {
  std::map<std::string, Impl::PoolPtr> pools;
  {
    const std::lock_guard lock(impl_->mutex);
    pools.swap(impl_->pools);
  }
  // Outside the lock: a discovery's end waits for its handler, which takes it.
  for (auto& [name, pool] : pools) pool->discoveries.clear();
  const std::lock_guard wait(impl_->settling);
}

void TargetManager::set_jobs(std::vector<ScrapeConfig> jobs) {
  std::map<std::string, Impl::PoolPtr> next;
  std::vector<Impl::PoolPtr> fresh, gone;
  std::vector<std::string> gone_names;
  {
    const std::lock_guard one_at_a_time(impl_->settling);
    const std::lock_guard lock(impl_->mutex);
    for (auto& job : jobs) {
      const auto at = impl_->pools.find(job.job_name);
      if (at != impl_->pools.end() && at->second->config->fingerprint == job.fingerprint) {
        next[job.job_name] = at->second;
        continue;
      }
      auto pool = impl_->open(std::move(job));
      fresh.push_back(pool);
      next[pool->config->job_name] = std::move(pool);
    }
    for (const auto& [name, pool] : impl_->pools) {
      const auto at = next.find(name);
      if (at == next.end()) gone_names.push_back(name);
      if (at == next.end() || at->second != pool) gone.push_back(pool);
    }
    impl_->pools = std::move(next);
  }
  for (const auto& pool : gone) pool->discoveries.clear();
  for (const auto& name : gone_names) impl_->scraper.remove_pool(name);
  for (const auto& pool : fresh) {
    // Static targets are there at once; discoveries add theirs.
    if (pool->config->discoveries.found.empty() || !pool->groups.empty()) impl_->settle(pool);
    impl_->start(pool);
  }
}

std::vector<PoolStatus> TargetManager::pools() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<PoolStatus> out;
  for (const auto& [name, pool] : impl_->pools) {
    out.push_back({name, pool->target_count, pool->dropped_count, pool->problem});
  }
  return out;
}

std::vector<DroppedTarget> TargetManager::dropped() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<DroppedTarget> out;
  for (const auto& [name, pool] : impl_->pools) {
    out.insert(out.end(), pool->dropped.begin(), pool->dropped.end());
  }
  return out;
}

Result<std::vector<model::RelabelStep>> TargetManager::relabel_steps(
    const std::string& name, const model::Labels& discovered) const {
  ScrapeConfigPtr config;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto at = impl_->pools.find(name);
    if (at == impl_->pools.end()) return not_found("no scrape pool found with name: " + name);
    config = at->second->config;
  }
  return model::relabel_steps(config->relabel, discovered);
}

}  // namespace holdfast::collect
