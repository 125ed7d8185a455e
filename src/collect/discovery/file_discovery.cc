#include "collect/discovery/file_discovery.h"

#include <map>

#include "base/glob.h"
#include "collect/discovery/poller.h"

namespace holdfast::collect {
namespace {

constexpr Duration kWatchInterval = 5s;

class FilePoller final : public Poller {
 public:
  FilePoller(Env& env, FileSd config, Discovery::Handler handler)
      : Poller(env, "file", config.refresh, std::move(handler)), config_(std::move(config)) {}

 protected:
  void round(Done done, std::stop_token) override {
    seen_ = stamps();
    std::vector<TargetGroup> groups;
    std::string problem;
    for (const auto& [path, stamp] : seen_) {
      auto read = read_file(path);
      if (read) {
        last_good_[path] = std::move(*read);
      } else if (problem.empty()) {
        problem = path + ": " + read.error().message();
      }
      const auto at = last_good_.find(path);
      if (at == last_good_.end()) continue;
      groups.insert(groups.end(), at->second.begin(), at->second.end());
    }
    std::erase_if(last_good_, [&](const auto& entry) { return !seen_.contains(entry.first); });
    if (!problem.empty() && groups.empty()) return done(invalid(problem));
    problem_ = problem;
    done(std::move(groups));
  }
  std::string partial_problem() const override { return problem_; }
  bool changed() override { return stamps() != seen_; }
  Duration watch_interval() const override { return kWatchInterval; }

 private:
  using Stamp = std::pair<std::int64_t, std::uint64_t>;  // time of change, size

  std::map<std::string, Stamp> stamps() {
    std::map<std::string, Stamp> out;
    for (const auto& pattern : config_.files) {
      for (const auto& path : glob(env().files, pattern)) {
        if (const auto info = env().files.info(path)) {
          out[path] = {to_ms(info->modified), info->size};
        }
      }
    }
    return out;
  }

  Result<std::vector<TargetGroup>> read_file(const std::string& path) {
    const auto text = HF_TRY(env().files.read_file(path));
    auto groups = HF_TRY(parse_target_groups(path, text));
    for (auto& group : groups) group.labels = group.labels.with("__meta_filepath", path);
    return groups;
  }

  const FileSd config_;
  std::map<std::string, Stamp> seen_;
  std::map<std::string, std::vector<TargetGroup>> last_good_;
  std::string problem_;
};

}  // namespace

std::unique_ptr<Discovery> discover_files(Env& env, FileSd config, Discovery::Handler handler) {
  return std::make_unique<PolledDiscovery>(
      std::make_shared<FilePoller>(env, std::move(config), std::move(handler)));
}

}  // namespace holdfast::collect
