#include "collect/host/host_metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/sim.h"
#include "base/text.h"
#include "collect/host/kernel_tables.h"
#include "collect/host/process_metrics.h"

namespace holdfast::collect {
namespace {

// Keeps samples by the text a scrape would show.
class Recorder final : public MetricSink {
 public:
  void family(std::string_view name, std::string_view type, std::string_view) override { types[std::string(name)] = type; }
  void add(std::string_view name, std::span<const LabelView> labels, double value) override {
    std::vector<model::Label> all{{std::string(model::kMetricName), std::string(name)}};
    for (const auto& l : labels) all.push_back({std::string(l.name), std::string(l.value)});
    const auto text = model::Labels(std::move(all)).text();
    EXPECT_TRUE(samples.emplace(text, value).second) << text << " stands twice";
    EXPECT_TRUE(types.contains(std::string(name))) << name << " has no type";
  }
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
};

class FixedMounts final : public MountStats {
 public:
  Result<FilesystemUsage> usage(const std::string& mountpoint) override {
    asked.push_back(mountpoint);
    if (mountpoint == "/broken") return unavailable("statvfs /broken: stale file handle");
    return FilesystemUsage{1000, 400, 300, 50, 20};
  }
  std::vector<std::string> asked;
};

class HostMetricsTest : public ::testing::Test {
 protected:
  SimClock clock;
  SeededRandom random{1};
  SimFileSystem files{random};
  FixedMounts mounts;
  Recorder sink;

  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(files.create_directories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(files.write_file_atomic(path, text));
  }
  void write_tree() {
    write("/proc/stat",
          "cpu  30 6 9 12 15 18 21 24 0 0\ncpu0 10 2 3 40000 5 6 7 8 1 2\ncpu1 20 4 6 800 10 12 14 16 0 0\n"
          "intr 4242 1 2 3\nctxt 99\nbtime 1700000000\nprocesses 77\nprocs_running 3\nprocs_blocked 1\nsoftirq 5 6\n");
    write("/proc/meminfo",
          "MemTotal:       16318 kB\nMemAvailable:    8000 kB\nActive(anon):     12 kB\nHugePages_Total:  4\nbroken\n");
    write("/proc/diskstats",
          "   8 0 sda 10 11 12 13 14 15 16 17 1 2000 3000 4 5 6 7 8 9\n   8 1 sda1 1 1 1 1 1 1 1 1 1 1 1\n"
          "   7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n 259 0 nvme0n1 7 0 8 9 1 2 3 4 0 5 6\n 259 1 nvme0n1p1 1 1 1 1 1 1 1 1 1 1 1\n");
    write("/proc/1/mounts",
          "/dev/sda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n"
          "overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n/dev/sdb1 /mnt/a\\040b xfs ro,noatime 0 0\n"
          "server:/x /broken nfs rw 0 0\nshm /dev/shm tmpfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n");
    write("/proc/net/dev",
          "Inter-|   Receive                                                |  Transmit\n"
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n"
          "    lo: 100 2 0 0 0 0 0 0 100 2 0 0 0 0 0 0\n  eth0:1234 20 1 2 3 4 5 6 4321 21 7 8 9 10 11 12\n");
    write("/proc/loadavg", "0.52 0.58 1.59 2/600 12345\n");
    for (const char* what : {"cpu", "io", "memory"}) {
      write(std::string("/proc/pressure/") + what,
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n");
    }
    write("/proc/vmstat", "nr_free_pages 5\npgfault 100\npgmajfault 3\noom_kill 1\n");
    write("/proc/sys/fs/file-nr", "1216\t0\t9223372036854775807\n");
    write("/proc/net/sockstat", "sockets: used 293\nTCP: inuse 5 orphan 0 tw 2 alloc 9 mem 1\n");
    write("/proc/sys/kernel/osrelease", "6.1.0\n");
    write("/proc/sys/kernel/version", "#1 SMP\n");
    write("/proc/sys/kernel/hostname", "box\n");
    write("/proc/sys/kernel/domainname", "(none)\n");
    write("/proc/sys/kernel/ostype", "Linux\n");
    write("/proc/sys/kernel/arch", "x86_64\n");
  }
  void collect() { HostMetrics(files, clock, mounts).collect(sink); }
};

TEST_F(HostMetricsTest, GivesNodeExportersNamesAndUnits) {
  write_tree();
  collect();
  const std::pair<const char*, double> wanted[] = {
      {"node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", 0.1},
      {"node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}", 400},
      {"node_cpu_seconds_total{cpu=\"1\",mode=\"steal\"}", 0.16},
      {"node_cpu_guest_seconds_total{cpu=\"0\",mode=\"nice\"}", 0.02},
      {"node_memory_MemTotal_bytes", 16318.0 * 1024},
      {"node_memory_MemAvailable_bytes", 8000.0 * 1024},
      {"node_memory_Active_anon_bytes", 12.0 * 1024},
      {"node_memory_HugePages_Total", 4},
      {"node_disk_reads_completed_total{device=\"sda\"}", 10},
      {"node_disk_read_bytes_total{device=\"sda\"}", 12 * 512},
      {"node_disk_written_bytes_total{device=\"sda\"}", 16 * 512},
      {"node_disk_io_time_seconds_total{device=\"sda\"}", 2},
      {"node_disk_flush_requests_total{device=\"sda\"}", 8},
      {"node_disk_reads_completed_total{device=\"nvme0n1\"}", 7},
      {"node_filesystem_size_bytes{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"}", 1000},
      {"node_filesystem_free_bytes{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"}", 400},
      {"node_filesystem_avail_bytes{device=\"tmpfs\",fstype=\"tmpfs\",mountpoint=\"/run\"}", 300},
      {"node_filesystem_files{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"}", 50},
      {"node_filesystem_files_free{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"}", 20},
      {"node_filesystem_readonly{device=\"/dev/sdb1\",fstype=\"xfs\",mountpoint=\"/mnt/a b\"}", 1},
      {"node_filesystem_device_error{device=\"server:/x\",fstype=\"nfs\",mountpoint=\"/broken\"}", 1},
      {"node_network_receive_bytes_total{device=\"eth0\"}", 1234},
      {"node_network_transmit_bytes_total{device=\"eth0\"}", 4321},
      {"node_network_transmit_carrier_total{device=\"eth0\"}", 11},
      {"node_network_receive_bytes_total{device=\"lo\"}", 100},
      {"node_load1", 0.52},
      {"node_load5", 0.58},
      {"node_load15", 1.59},
      {"node_pressure_cpu_waiting_seconds_total", 2.5},
      {"node_pressure_io_stalled_seconds_total", 1},
      {"node_pressure_memory_waiting_seconds_total", 2.5},
      {"node_boot_time_seconds", 1700000000},
      {"node_context_switches_total", 99},
      {"node_intr_total", 4242},
      {"node_forks_total", 77},
      {"node_procs_running", 3},
      {"node_procs_blocked", 1},
      {"node_time_seconds", 1800000000},
      {"node_vmstat_pgmajfault", 3},
      {"node_vmstat_oom_kill", 1},
      {"node_filefd_allocated", 1216},
      {"node_sockstat_TCP_inuse", 5},
      {"node_sockstat_sockets_used", 293},
      {"node_uname_info{domainname=\"(none)\",machine=\"x86_64\",nodename=\"box\",release=\"6.1.0\",sysname=\"Linux\","
       "version=\"#1 SMP\"}",
       1},
      {"node_scrape_collector_success{collector=\"cpu\"}", 1},
      {"node_scrape_collector_success{collector=\"pressure\"}", 1},
  };
  for (const auto& [name, value] : wanted) {
    ASSERT_TRUE(sink.samples.contains(name)) << name;
    EXPECT_DOUBLE_EQ(sink.samples.at(name), value) << name;
  }
  EXPECT_EQ(sink.types.at("node_cpu_seconds_total"), "counter");
  EXPECT_EQ(sink.types.at("node_disk_io_now"), "gauge");
}

TEST_F(HostMetricsTest, LeavesOutWhatNodeExporterLeavesOut) {
  write_tree();
  collect();
  for (const auto& [name, value] : sink.samples) {
    EXPECT_EQ(name.find("sda1\"}"), std::string::npos) << name;
    EXPECT_EQ(name.find("loop0"), std::string::npos) << name;
    EXPECT_EQ(name.find("nvme0n1p1"), std::string::npos) << name;
    EXPECT_EQ(name.find("cpu=\"\""), std::string::npos) << name;
    EXPECT_EQ(name.find("nr_free_pages"), std::string::npos) << name;
  }
  EXPECT_EQ(mounts.asked, (std::vector<std::string>{"/", "/run", "/mnt/a b", "/broken"}));
  EXPECT_FALSE(sink.samples.contains("node_filesystem_size_bytes{device=\"server:/x\",fstype=\"nfs\",mountpoint=\"/broken\"}"));
}

TEST_F(HostMetricsTest, AMissingFileSilencesOneCollectorOnly) {
  write_tree();
  ASSERT_TRUE(files.remove_all("/proc/pressure"));
  write("/proc/loadavg", "broken\n");
  collect();
  EXPECT_EQ(sink.samples.at("node_scrape_collector_success{collector=\"pressure\"}"), 0);
  EXPECT_EQ(sink.samples.at("node_scrape_collector_success{collector=\"loadavg\"}"), 0);
  EXPECT_EQ(sink.samples.at("node_scrape_collector_success{collector=\"meminfo\"}"), 1);
  EXPECT_TRUE(sink.samples.contains("node_memory_MemTotal_bytes"));
}

TEST_F(HostMetricsTest, AnEmptyTreeGivesOnlyFailuresAndTheTime) {
  collect();
  int failed = 0;
  for (const auto& [name, value] : sink.samples) {
    if (name.starts_with("node_scrape_collector_success")) failed += value == 0;
  }
  EXPECT_EQ(failed, 12);
  EXPECT_TRUE(sink.samples.contains("node_time_seconds"));
}

TEST(HostMetrics, TheMachineItRunsOnCanBeRead) {
  PosixFileSystem files;
  SystemClock clock;
  PosixMountStats mounts;
  Recorder sink;
  HostMetrics(files, clock, mounts).collect(sink);
  EXPECT_GT(sink.samples.at("node_memory_MemTotal_bytes"), 0);
  EXPECT_TRUE(sink.samples.contains("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}"));
}

TEST_F(HostMetricsTest, ProcessMetricsReadPastANameWithBlanksAndParentheses) {
  write("/proc/stat", "btime 1700000000\n");
  write("/proc/7/stat",
        "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 12 0 12345 409600 25 18446744073709551615 1 1\n");
  write("/proc/7/limits",
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            1024                 524288               files\n");
  write("/proc/7/fd/0", "");
  write("/proc/7/fd/1", "");
  ASSERT_TRUE(collect_process(files, {"/proc", "7"}, sink));
  EXPECT_DOUBLE_EQ(sink.samples.at("process_cpu_seconds_total"), 2);
  EXPECT_DOUBLE_EQ(sink.samples.at("process_threads"), 12);
  EXPECT_DOUBLE_EQ(sink.samples.at("process_virtual_memory_bytes"), 409600);
  EXPECT_DOUBLE_EQ(sink.samples.at("process_resident_memory_bytes"), 25.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  EXPECT_DOUBLE_EQ(sink.samples.at("process_start_time_seconds"), 1700000123.45);
  EXPECT_DOUBLE_EQ(sink.samples.at("process_open_fds"), 2);
  EXPECT_DOUBLE_EQ(sink.samples.at("process_max_fds"), 1024);
  EXPECT_EQ(collect_process(files, {"/proc", "8"}, sink).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace holdfast::collect
