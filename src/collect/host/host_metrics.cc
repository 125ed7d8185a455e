#include "collect/host/host_metrics.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "collect/host/kernel_tables.h"

namespace holdfast::collect {
namespace {

// The kernel counts CPU time in USER_HZ, which is 100 on every architecture Linux has.
constexpr double kTicksPerSecond = 100;
// /proc/diskstats counts sectors of 512 bytes whatever the disk has.
constexpr double kSectorSize = 512;

constexpr std::array<std::string_view, 27> kPseudoFilesystems = {
    "autofs",    "binfmt_misc", "bpf",     "cgroup",     "cgroup2",    "configfs",   "debugfs",
    "devpts",    "devtmpfs",    "fusectl", "hugetlbfs",  "iso9660",    "mqueue",     "nsfs",
    "overlay",   "proc",        "procfs",  "pstore",     "rpc_pipefs", "securityfs", "selinuxfs",
    "squashfs",  "erofs",       "sysfs",   "tracefs",    "efivarfs",   "devfs"};

bool is_pseudo(const Mount& mount) {
  if (std::find(kPseudoFilesystems.begin(), kPseudoFilesystems.end(), mount.fstype) != kPseudoFilesystems.end()) {
    return true;
  }
  const auto under = [&](std::string_view root) {
    return mount.mountpoint == root ||
           (mount.mountpoint.starts_with(root) && mount.mountpoint[root.size()] == '/');
  };
  return under("/dev") || under("/proc") || under("/sys") || under("/run/credentials") ||
         mount.mountpoint.starts_with("/var/lib/docker/") ||
         mount.mountpoint.starts_with("/var/lib/containers/storage/");
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// ram0, loop3, fd0; partitions: sda1, vdb2, nvme0n1p3.
bool is_ignored_disk(std::string_view name) {
  const auto digits_at = name.find_last_not_of("0123456789") + 1;
  const auto digits = name.substr(digits_at);
  const auto stem = name.substr(0, digits_at);
  if (digits.empty()) return false;
  if (stem == "ram" || stem == "loop" || stem == "fd" || stem == "z" || stem == "zram") return true;
  if (name.starts_with("nvme")) return stem.ends_with('p');
  for (const std::string_view kind : {"hd", "sd", "vd", "xvd"}) {
    if (stem.starts_with(kind) && stem.size() > kind.size()) {
      const auto letters = stem.substr(kind.size());
      if (std::all_of(letters.begin(), letters.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return true;
    }
  }
  return false;
}

struct Column {
  std::size_t index;
  std::string_view name;
  double factor;
  std::string_view type;
  std::string_view help;
};

}  // namespace

HostMetrics::HostMetrics(FileSystem& files, Clock& clock, MountStats& mounts, HostOptions options)
    : files_(files), clock_(clock), mounts_(mounts), options_(std::move(options)) {}

void HostMetrics::collect(MetricSink& sink) {
  using Collector = Result<void> (HostMetrics::*)(MetricSink&);
  constexpr std::array<std::pair<std::string_view, Collector>, 13> kCollectors = {{
      {"cpu", &HostMetrics::cpu},
      {"meminfo", &HostMetrics::memory},
      {"diskstats", &HostMetrics::disks},
      {"filesystem", &HostMetrics::filesystems},
      {"netdev", &HostMetrics::network},
      {"loadavg", &HostMetrics::load},
      {"pressure", &HostMetrics::pressure},
      {"stat", &HostMetrics::stat},
      {"time", &HostMetrics::time},
      {"uname", &HostMetrics::uname},
      {"vmstat", &HostMetrics::vmstat},
      {"filefd", &HostMetrics::open_files},
      {"sockstat", &HostMetrics::sockets},
  }};
  std::array<std::pair<double, double>, kCollectors.size()> outcomes;
  for (std::size_t i = 0; i < kCollectors.size(); ++i) {
    const auto begun = clock_.mono();
    const bool good = (this->*kCollectors[i].second)(sink).has_value();
    outcomes[i] = {to_seconds(clock_.mono() - begun), good ? 1 : 0};
  }
  sink.family("node_scrape_collector_duration_seconds", "gauge", "Duration of a collector scrape.");
  for (std::size_t i = 0; i < kCollectors.size(); ++i) {
    sink.sample("node_scrape_collector_duration_seconds", outcomes[i].first, {{"collector", kCollectors[i].first}});
  }
  sink.family("node_scrape_collector_success", "gauge", "Whether a collector succeeded.");
  for (std::size_t i = 0; i < kCollectors.size(); ++i) {
    sink.sample("node_scrape_collector_success", outcomes[i].second, {{"collector", kCollectors[i].first}});
  }
}

Result<void> HostMetrics::cpu(MetricSink& sink) {
  constexpr std::array<std::string_view, 8> kModes = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"};
  const auto text = HF_TRY(read("stat"));
  sink.family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.");
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 1 + kModes.size() || !parts[0].starts_with("cpu") || !all_digits(parts[0].substr(3))) continue;
    for (std::size_t i = 0; i < kModes.size(); ++i) {
      if (const auto ticks = number(parts[1 + i])) {
        sink.sample("node_cpu_seconds_total", *ticks / kTicksPerSecond, {{"cpu", parts[0].substr(3)}, {"mode", kModes[i]}});
      }
    }
  }
  // Guest time is within user and nice; reported beside, as node_exporter does.
  sink.family("node_cpu_guest_seconds_total", "counter", "Seconds the CPUs spent in guests (VMs) for each mode.");
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 11 || !parts[0].starts_with("cpu") || !all_digits(parts[0].substr(3))) continue;
    const auto user = number(parts[9]), nice = number(parts[10]);
    if (!user || !nice) continue;
    sink.sample("node_cpu_guest_seconds_total", *user / kTicksPerSecond, {{"cpu", parts[0].substr(3)}, {"mode", "user"}});
    sink.sample("node_cpu_guest_seconds_total", *nice / kTicksPerSecond, {{"cpu", parts[0].substr(3)}, {"mode", "nice"}});
  }
  return {};
}

Result<void> HostMetrics::memory(MetricSink& sink) {
  for (const auto& [name, value] : read_meminfo(HF_TRY(read("meminfo")))) {
    sink.gauge("node_memory_" + name, "Memory information field " + name + ".", value);
  }
  return {};
}

Result<void> HostMetrics::disks(MetricSink& sink) {
  constexpr std::array<Column, 17> kColumns = {{
      {3, "node_disk_reads_completed_total", 1, "counter", "The total number of reads completed successfully."},
      {4, "node_disk_reads_merged_total", 1, "counter", "The total number of reads merged."},
      {5, "node_disk_read_bytes_total", kSectorSize, "counter", "The total number of bytes read successfully."},
      {6, "node_disk_read_time_seconds_total", 0.001, "counter", "The total number of seconds spent by all reads."},
      {7, "node_disk_writes_completed_total", 1, "counter", "The total number of writes completed successfully."},
      {8, "node_disk_writes_merged_total", 1, "counter", "The number of writes merged."},
      {9, "node_disk_written_bytes_total", kSectorSize, "counter", "The total number of bytes written successfully."},
      {10, "node_disk_write_time_seconds_total", 0.001, "counter", "The total number of seconds spent by all writes."},
      {11, "node_disk_io_now", 1, "gauge", "The number of I/Os currently in progress."},
      {12, "node_disk_io_time_seconds_total", 0.001, "counter", "Total seconds spent doing I/Os."},
      {13, "node_disk_io_time_weighted_seconds_total", 0.001, "counter", "The weighted number of seconds spent doing I/Os."},
      {14, "node_disk_discards_completed_total", 1, "counter", "The total number of discards completed successfully."},
      {15, "node_disk_discards_merged_total", 1, "counter", "The total number of discards merged."},
      {16, "node_disk_discarded_sectors_total", 1, "counter", "The total number of sectors discarded successfully."},
      {17, "node_disk_discard_time_seconds_total", 0.001, "counter", "The total number of seconds spent by all discards."},
      {18, "node_disk_flush_requests_total", 1, "counter", "The total number of flush requests completed successfully."},
      {19, "node_disk_flush_requests_time_seconds_total", 0.001, "counter", "The total number of seconds spent by all flush requests."},
  }};
  const auto text = HF_TRY(read("diskstats"));
  for (const auto& column : kColumns) {
    sink.family(column.name, column.type, column.help);
    for (const auto line : lines(text)) {
      const auto parts = words(line);
      if (parts.size() <= column.index || is_ignored_disk(parts[2])) continue;
      if (const auto value = number(parts[column.index])) {
        sink.sample(column.name, *value * column.factor, {{"device", parts[2]}});
      }
    }
  }
  return {};
}

Result<void> HostMetrics::filesystems(MetricSink& sink) {
  // Of process 1, as node_exporter: our own namespace may show less. Ours when that is not readable.
  auto text = read("1/mounts");
  if (!text) text = read("self/mounts");
  struct Row {
    Mount mount;
    FilesystemUsage usage;
    bool error;
  };
  std::vector<Row> rows;
  std::set<std::string> seen;
  for (auto& mount : read_mounts(HF_TRY(std::move(text)))) {
    if (is_pseudo(mount) || !seen.insert(mount.device + "\n" + mount.mountpoint).second) continue;
    const auto usage = mounts_.usage(mount.mountpoint);
    rows.push_back({std::move(mount), usage ? *usage : FilesystemUsage{}, !usage});
  }
  const auto write = [&](std::string_view name, std::string_view help, auto value, bool also_failed) {
    sink.family(name, "gauge", help);
    for (const auto& row : rows) {
      if (row.error && !also_failed) continue;
      sink.sample(name, value(row),
                  {{"device", row.mount.device}, {"fstype", row.mount.fstype}, {"mountpoint", row.mount.mountpoint}});
    }
  };
  write("node_filesystem_size_bytes", "Filesystem size in bytes.", [](const Row& r) { return r.usage.size; }, false);
  write("node_filesystem_free_bytes", "Filesystem free space in bytes.", [](const Row& r) { return r.usage.free; }, false);
  write("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.",
        [](const Row& r) { return r.usage.avail; }, false);
  write("node_filesystem_files", "Filesystem total file nodes.", [](const Row& r) { return r.usage.files; }, false);
  write("node_filesystem_files_free", "Filesystem total free file nodes.",
        [](const Row& r) { return r.usage.files_free; }, false);
  write("node_filesystem_readonly", "Filesystem read-only status.",
        [](const Row& r) { return r.mount.read_only ? 1.0 : 0.0; }, false);
  write("node_filesystem_device_error", "Whether an error occurred while getting statistics for the given device.",
        [](const Row& r) { return r.error ? 1.0 : 0.0; }, true);
  return {};
}

Result<void> HostMetrics::network(MetricSink& sink) {
  constexpr std::array<std::string_view, 16> kNames = {
      "receive_bytes",  "receive_packets",  "receive_errs",  "receive_drop",  "receive_fifo",  "receive_frame",
      "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs",
      "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed"};
  const auto text = HF_TRY(read("net/dev"));
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::string name = "node_network_" + std::string(kNames[i]) + "_total";
    sink.family(name, "counter", "Network device statistic " + std::string(kNames[i]) + ".");
    for (const auto line : lines(text)) {
      const auto colon = line.rfind(':');
      if (colon == std::string_view::npos) continue;
      const auto values = words(line.substr(colon + 1));
      if (values.size() != kNames.size()) continue;
      if (const auto value = number(values[i])) sink.sample(name, *value, {{"device", trim(line.substr(0, colon))}});
    }
  }
  return {};
}

Result<void> HostMetrics::load(MetricSink& sink) {
  const auto text = HF_TRY(read("loadavg"));
  const auto parts = words(text);
  if (parts.size() < 3) return invalid("loadavg has fewer than three numbers");
  constexpr std::array<std::string_view, 3> kNames = {"node_load1", "node_load5", "node_load15"};
  constexpr std::array<std::string_view, 3> kHelps = {"1m load average.", "5m load average.", "15m load average."};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (const auto value = number(parts[i])) sink.gauge(kNames[i], kHelps[i], *value);
  }
  return {};
}

Result<void> HostMetrics::pressure(MetricSink& sink) {
  const auto cpu = read_pressure(HF_TRY(read("pressure/cpu")));
  const auto io = read_pressure(HF_TRY(read("pressure/io")));
  const auto memory = read_pressure(HF_TRY(read("pressure/memory")));
  const auto write = [&](std::string_view name, std::string_view help, const std::optional<double>& value) {
    if (value) sink.counter(name, help, *value);
  };
  write("node_pressure_cpu_waiting_seconds_total", "Total time in seconds that processes have waited for CPU time",
        cpu.some_seconds);
  write("node_pressure_io_waiting_seconds_total", "Total time in seconds that processes have waited due to IO congestion",
        io.some_seconds);
  write("node_pressure_io_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IO congestion", io.full_seconds);
  write("node_pressure_memory_waiting_seconds_total", "Total time in seconds that processes have waited for memory",
        memory.some_seconds);
  write("node_pressure_memory_stalled_seconds_total",
        "Total time in seconds no process could make progress due to memory congestion", memory.full_seconds);
  return {};
}

Result<void> HostMetrics::stat(MetricSink& sink) {
  struct Field {
    std::string_view word, name, type, help;
  };
  constexpr std::array<Field, 6> kFields = {{
      {"intr", "node_intr_total", "counter", "Total number of interrupts serviced."},
      {"ctxt", "node_context_switches_total", "counter", "Total number of context switches."},
      {"btime", "node_boot_time_seconds", "gauge", "Node boot time, in unixtime."},
      {"processes", "node_forks_total", "counter", "Total number of forks."},
      {"procs_running", "node_procs_running", "gauge", "Number of processes in runnable state."},
      {"procs_blocked", "node_procs_blocked", "gauge", "Number of processes blocked waiting for I/O to complete."},
  }};
  const auto text = HF_TRY(read("stat"));
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 2) continue;
    for (const auto& field : kFields) {
      if (parts[0] != field.word) continue;
      if (const auto value = number(parts[1])) {
        sink.family(field.name, field.type, field.help);
        sink.sample(field.name, *value);
      }
    }
  }
  return {};
}

Result<void> HostMetrics::time(MetricSink& sink) {
  sink.gauge("node_time_seconds", "System time in seconds since epoch (1970).",
             static_cast<double>(to_ms(clock_.now())) / 1000);
  return {};
}

Result<void> HostMetrics::uname(MetricSink& sink) {
  const auto field = [&](const std::string& name) {
    const auto text = read("sys/kernel/" + name);
    return text ? std::string(trim(*text)) : std::string("(none)");
  };
  const auto release = field("osrelease"), version = field("version"), node = field("hostname"),
             domain = field("domainname"), system = field("ostype"), machine = field("arch");
  if (release == "(none)") return not_found("sys/kernel/osrelease");
  sink.gauge("node_uname_info", "Labeled system information as provided by the uname system call.", 1,
             {{"domainname", domain}, {"machine", machine}, {"nodename", node}, {"release", release},
              {"sysname", system}, {"version", version}});
  return {};
}

Result<void> HostMetrics::vmstat(MetricSink& sink) {
  const auto text = HF_TRY(read("vmstat"));
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() != 2) continue;
    const auto name = parts[0];
    const bool wanted = name == "oom_kill" || name == "pgpgin" || name == "pgpgout" || name == "pswpin" ||
                        name == "pswpout" || name == "pgfault" || name == "pgmajfault";
    const auto value = number(parts[1]);
    if (!wanted || !value) continue;
    const std::string metric = "node_vmstat_" + std::string(name);
    sink.family(metric, "unknown", "/proc/vmstat information field " + std::string(name) + ".");
    sink.sample(metric, *value);
  }
  return {};
}

Result<void> HostMetrics::open_files(MetricSink& sink) {
  const auto text = HF_TRY(read("sys/fs/file-nr"));
  const auto parts = words(text);
  if (parts.size() != 3) return invalid("file-nr has not three numbers");
  const auto allocated = number(parts[0]), maximum = number(parts[2]);
  if (allocated) sink.gauge("node_filefd_allocated", "File descriptor statistics: allocated.", *allocated);
  if (maximum) sink.gauge("node_filefd_maximum", "File descriptor statistics: maximum.", *maximum);
  return {};
}

Result<void> HostMetrics::sockets(MetricSink& sink) {
  // "TCP: inuse 5 orphan 0 tw 2 alloc 9 mem 1"
  const auto text = HF_TRY(read("net/sockstat"));
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 3 || !parts[0].ends_with(':')) continue;
    const std::string protocol(parts[0].substr(0, parts[0].size() - 1));
    for (std::size_t i = 1; i + 1 < parts.size(); i += 2) {
      const std::string key(parts[i]);
      const auto value = number(parts[i + 1]);
      if (!value) continue;
      const auto name = "node_sockstat_" + protocol + "_" + key;
      sink.gauge(name, "Number of " + protocol + " sockets in state " + key + ".", *value);
    }
  }
  return {};
}

}  // namespace holdfast::collect
