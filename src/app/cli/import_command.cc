#include "app/cli/import_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "app/machine.h"
#include "base/text.h"
#include "base/time.h"
#include "collect/backfill/import_message.h"
#include "collect/backfill/importer.h"
#include "metrics/store.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr std::size_t kRemoteBatchSamples =
    1'000'000;  // some 20 MB, well below what a body may have
constexpr Duration kTellEvery = 1s;
constexpr Duration kKeepAll = 100 * 365 * 24h;    // an import drops nothing
constexpr Duration kRetentionDefault = 15 * 24h;  // of `holdfast serve`

int fail(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message());
  return 1;
}

// A running Holdfast holds the lock of its data directory, the folder above the store.
class StoreLock {
 public:
  ~StoreLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  Result<void> take(const std::string& store) {
    fd_ = ::open((store + "/../lock").c_str(), O_RDWR | O_CLOEXEC);
    if (fd_ < 0) return {};  // a store that no Holdfast has served yet
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
    return Error(Code::kConflict, "a running Holdfast uses " + store +
                                      "; stop it, or leave out --store to send to it (--url)");
  }

 private:
  int fd_ = -1;
};

class Teller {
 public:
  explicit Teller(const Clock& clock) : clock_(clock), told_(clock.mono() - kTellEvery) {}
  void operator()(const collect::ImportProgress& progress) {
    if (!terminal_ || clock_.mono() - told_ < kTellEvery) return;
    told_ = clock_.mono();
    fmt::print(stderr, "\r{}: {:.0f} %, {} samples written, {} skipped\x1b[K", progress.path,
               progress.share * 100, progress.samples, progress.skipped);
    open_line_ = true;
  }
  void end() {
    if (open_line_) fmt::print(stderr, "\n");
    open_line_ = false;
  }

 private:
  const Clock& clock_;
  MonoTime told_;
  const bool terminal_ = ::isatty(2) == 1;
  bool open_line_ = false;
};

void print_report(const collect::ImportReport& report, WallTime now, bool as_json) {
  auto notes = report.notes;
  const bool any = report.min_time <= report.max_time;
  if (any && from_ms(report.min_time) < now - kRetentionDefault) {
    notes.push_back("samples begin at " + format_time(from_ms(report.min_time)) +
                    "; `holdfast serve --retention` must reach as far, or they are dropped");
  }
  if (as_json) {
    json out{{"blocks", report.blocks},
             {"files", report.files},
             {"samples", report.samples},
             {"skipped", report.skipped},
             {"notes", notes}};
    if (any) {
      out["from"] = format_time(from_ms(report.min_time));
      out["to"] = format_time(from_ms(report.max_time));
    }
    fmt::print("{}\n", out.dump());
    return;
  }
  for (const auto& note : notes) fmt::print(stderr, "note: {}\n", note);
  fmt::print("{} blocks and {} files: {} samples written", report.blocks, report.files,
             report.samples);
  if (report.skipped > 0) fmt::print(", {} written before", report.skipped);
  if (any) {
    fmt::print(", from {} to {}", format_time(from_ms(report.min_time)),
               format_time(from_ms(report.max_time)));
  }
  fmt::print("\n");
}

Result<collect::ImportReport> import_all(Env& env, const MetricsImport& command,
                                         collect::ImportTarget target,
                                         collect::ImportSettings settings) {
  Teller teller(env.clock);
  settings.on_progress = std::ref(teller);
  auto importer =
      HF_TRY(collect::Importer::open(env.files, std::move(target), std::move(settings)));
  Result<void> done;
  for (const auto& path : command.paths) {
    done = importer.import(path);
    if (!done) break;
  }
  teller.end();
  if (!done) return done.error();
  return importer.report();
}

Result<collect::ImportReport> import_into_store(Env& env, const MetricsImport& command) {
  StoreLock lock;
  HF_TRY(lock.take(command.store));
  metrics::StoreOptions options;
  options.directory = command.store;
  options.retention = kKeepAll;
  const auto store = HF_TRY(metrics::Store::open(env, options));
  collect::ImportSettings settings;
  settings.record = command.record.empty() ? command.store + "/imported" : command.record;
  return import_all(
      env, command,
      {[&](auto columns) { return store->import(columns); },
       [&](const auto& metric, const auto& one) { store->set_metadata(metric, one); }},
      std::move(settings));
}

Result<collect::ImportReport> import_over_http(Env& env, const RemoteOptions& options,
                                               const MetricsImport& command) {
  Remote remote(options);
  const auto write = [&](std::span<const metrics::Column> columns) -> Result<void> {
    HF_TRY(remote.post_text("/metrics/import", collect::write_import_message(columns),
                            "application/x-protobuf"));
    return {};
  };
  collect::ImportSettings settings;
  settings.batch_samples = kRemoteBatchSamples;
  settings.record = command.record;
  return import_all(env, command, {write}, std::move(settings));
}

}  // namespace

int run_metrics_import(const RemoteOptions& remote, const MetricsImport& command, bool as_json) {
  Machine machine(1, 1);
  auto report = command.store.empty() ? import_over_http(machine.env, remote, command)
                                      : import_into_store(machine.env, command);
  machine.stop_executor();
  if (!report) return fail(report.error());
  print_report(*report, machine.env.clock.now(), as_json);
  return 0;
}

}  // namespace holdfast::app
