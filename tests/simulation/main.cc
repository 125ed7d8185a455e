// The simulation's command: plays seeds of the stories, as many as asked, on as many threads as asked.
//
//   simulation --seeds 1000            seed s plays story s modulo their number
//   simulation --scenario NAME --first 17 --seeds 1 --verbose
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "simulation/scenarios.h"

namespace holdfast::simulation {
namespace {

struct Options {
  std::uint64_t first = 0;
  std::uint64_t seeds = 70;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  std::string scenario;    // empty: all in turn
  double seconds_max = 0;  // 0: no bar
  bool verbose = false;
};

constexpr const char* kUsage =
    "usage: simulation [--seeds N] [--first SEED] [--scenario NAME] [--jobs N] [--seconds-max S] "
    "[--verbose] | --list\n";

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (i + 1 >= argc) return std::nullopt;
    const std::string value = argv[++i];
    const auto number = parse_int(value);
    if (name == "--scenario") {
      options.scenario = value;
      continue;
    }
    if (!number || *number < 0) return std::nullopt;
    if (name == "--seeds")
      options.seeds = static_cast<std::uint64_t>(*number);
    else if (name == "--first")
      options.first = static_cast<std::uint64_t>(*number);
    else if (name == "--jobs")
      options.jobs = std::max(1u, static_cast<unsigned>(*number));
    else if (name == "--seconds-max")
      options.seconds_max = static_cast<double>(*number);
    else
      return std::nullopt;
  }
  return options;
}

void list() {
  for (const auto& scenario : scenarios())
    std::printf("%-26s %s\n", scenario.name.c_str(), scenario.story.c_str());
}

class Run {
 public:
  Run(Options options, std::vector<const Scenario*> stories, std::string program)
      : options_(std::move(options)), stories_(std::move(stories)), program_(std::move(program)) {}

  bool play_all() {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options_.jobs; ++i) threads.emplace_back([this] { work(); });
    work();
    threads.clear();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return report();
  }

 private:
  void work() {
    for (;;) {
      const auto index = next_++;  // relaxed would do: it only hands out numbers
      if (index >= options_.seeds) return;
      const auto seed = options_.first + index;
      const auto& story = *stories_[seed % stories_.size()];
      auto played = play(story, seed);
      std::lock_guard lock(mutex_);
      tell(played);
      virtual_time_ += played.virtual_time;
      entries_ += played.entries;
    }
  }

  void tell(const Played& played) {
    if (options_.verbose) {
      for (const auto& h : played.happenings) {
        std::printf("    %-12s %-9s %-11s %s\n", format_duration(h.at).c_str(), h.kind.c_str(),
                    h.what.c_str(), h.subject.c_str());
      }
      std::printf("%s seed %llu: %lld entries, digest %016llx\n", played.scenario.c_str(),
                  static_cast<unsigned long long>(played.seed),
                  static_cast<long long>(played.entries),
                  static_cast<unsigned long long>(played.digest));
    }
    if (played.violations.empty()) return;
    ++failures_;
    std::printf("FAILED %s, seed %llu\n", played.scenario.c_str(),
                static_cast<unsigned long long>(played.seed));
    for (const auto& violation : played.violations) std::printf("    %s\n", violation.c_str());
    std::printf("    replay: %s --scenario %s --first %llu --seeds 1 --verbose\n", program_.c_str(),
                played.scenario.c_str(), static_cast<unsigned long long>(played.seed));
    std::fflush(stdout);
  }

  bool report() {
    const bool probes_reached = report_probes();
    const double days = std::chrono::duration<double>(virtual_time_).count() / 86400;
    std::printf(
        "simulation: %llu seeds, %llu failed, %.1f s on %u threads (%.1f ms a seed), %.1f days of "
        "virtual time, %lld journal entries\n",
        static_cast<unsigned long long>(options_.seeds), static_cast<unsigned long long>(failures_),
        seconds_, options_.jobs,
        seconds_ * 1000 / static_cast<double>(std::max<std::uint64_t>(1, options_.seeds)), days,
        static_cast<long long>(entries_));
    const bool in_time = options_.seconds_max == 0 || seconds_ <= options_.seconds_max;
    if (!in_time)
      std::printf("FAILED: %.1f s are over the bar of %.0f s\n", seconds_, options_.seconds_max);
    return failures_ == 0 && probes_reached && in_time;
  }

  // Only a run over all stories can be asked for the rare paths of all.
  bool report_probes() const {
    const auto hits = probe_hits();
    bool all_reached = true;
    for (const auto& [name, seeds_min] : required_probes()) {
      const auto at = hits.find(name);
      const auto count = at == hits.end() ? 0 : at->second;
      std::printf("probe %8llu  %s\n", static_cast<unsigned long long>(count), name.c_str());
      if (count > 0 || !options_.scenario.empty() || options_.seeds < seeds_min) continue;
      std::printf("FAILED: no scenario reached the probe \"%s\"\n", name.c_str());
      all_reached = false;
    }
    return all_reached;
  }

  const Options options_;
  const std::vector<const Scenario*> stories_;
  const std::string program_;
  std::atomic<std::uint64_t> next_{0};
  std::mutex mutex_;  // guards what follows while threads run
  std::uint64_t failures_ = 0;
  Duration virtual_time_{};
  std::int64_t entries_ = 0;
  double seconds_ = 0;
};

int run(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--list") return list(), 0;
  auto options = parse(argc, argv);
  if (!options) return std::fputs(kUsage, stderr), 2;
  std::vector<const Scenario*> stories;
  for (const auto& scenario : scenarios()) {
    if (options->scenario.empty() || options->scenario == scenario.name)
      stories.push_back(&scenario);
  }
  if (stories.empty())
    return std::fprintf(stderr, "there is no scenario '%s'; --list names them\n",
                        options->scenario.c_str()),
           2;
  if (options->verbose) options->jobs = 1;
  set_log_sink([verbose = options->verbose](LogLevel level, std::string_view line) {
    if (verbose && level >= LogLevel::kInfo)
      std::printf("        %.*s\n", static_cast<int>(line.size()), line.data());
  });
  set_bugs_abort(true);
  return Run(*options, stories, argv[0]).play_all() ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::simulation

int main(int argc, char** argv) { return holdfast::simulation::run(argc, argv); }
