#include "enhancer/telemetry.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/text.h"

namespace enhancer {
namespace {

constexpr const char* kEndpoint = "/api/v1/inference";
const std::vector<double> kDurationBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
// As the operations documents define claude_model_inference_latency.
const std::vector<double> kInferenceBounds = {0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10};

const char* size_class(std::size_t input_size) {
  return input_size < 256 ? "small" : input_size < 4096 ? "medium" : "large";
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text_.append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(std::string_view name, std::string_view labels, double value) {
  text_ += name;
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_.append(" ").append(format_double(value)).append("\n");
}

void Histogram::observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(at)];
  sum_ += value;
}

void Histogram::write(Exposition& text, std::string_view name, const std::string& labels) const {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    const auto bound = i < bounds_.size() ? format_double(bounds_[i]) : "+Inf";
    text.sample(std::string(name) + "_bucket", labels + ",le=\"" + bound + "\"", static_cast<double>(below));
  }
  text.sample(std::string(name) + "_sum", labels, sum_);
  text.sample(std::string(name) + "_count", labels, static_cast<double>(below));
}

RequestCounts::RequestCounts(std::string version) : version_(std::move(version)), duration_(kDurationBounds) {
  // A counter that first appears at 5 shows no increase: those that matter begin at 0.
  for (const char* method : {"GET", "POST"}) {
    for (const int status : {200, 500}) requests_[{method, status}] = 0;
  }
  for (const char* size : {"small", "medium", "large"}) inference_.emplace(size, kInferenceBounds);
}

void RequestCounts::count(std::string_view method, int status, Duration took, std::size_t input_size) {
  std::lock_guard lock(mutex_);
  ++requests_[{std::string(method), status}];
  duration_.observe(to_seconds(took));
  if (status < 500) inference_.at(size_class(input_size)).observe(to_seconds(took));
}

std::string RequestCounts::text() const {
  std::lock_guard lock(mutex_);
  Exposition text;
  const std::string endpoint = std::string("endpoint=\"") + kEndpoint + "\",method=\"";
  text.family("http_requests_total", "counter", "Requests answered.");
  for (const auto& [key, count] : requests_) {
    text.sample("http_requests_total",
                endpoint + key.first + "\",status=\"" + std::to_string(key.second) + "\",version=\"" + version_ + "\"",
                static_cast<double>(count));
  }
  text.family("claude_api_requests_total", "counter", "Total API requests");
  for (const auto& [key, count] : requests_) {
    text.sample("claude_api_requests_total", endpoint + key.first + "\",status_code=\"" + std::to_string(key.second) + "\"",
                static_cast<double>(count));
  }
  text.family("http_request_duration_seconds", "histogram", "Time to answer a request.");
  duration_.write(text, "http_request_duration_seconds", "version=\"" + version_ + "\"");
  text.family("claude_model_inference_latency", "histogram", "Model inference latency");
  for (const auto& [size, histogram] : inference_) {
    histogram.write(text, "claude_model_inference_latency", "input_size=\"" + size + "\",model_name=\"enhancer\"");
  }
  return text.take();
}

std::string process_text() {
  Exposition text;
  std::ifstream stat("/proc/self/stat");
  std::string line((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  const auto close = line.rfind(')');
  if (close == std::string::npos) return {};
  std::istringstream rest(line.substr(close + 1));
  const std::vector<std::string> fields((std::istream_iterator<std::string>(rest)), std::istream_iterator<std::string>());
  if (fields.size() < 22) return {};
  const auto field = [&](std::size_t proc5) { return parse_double(fields[proc5 - 3]).value_or(0); };
  text.family("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
  text.sample("process_cpu_seconds_total", "", (field(14) + field(15)) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  text.family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
  text.sample("process_resident_memory_bytes", "", field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  text.family("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
  text.sample("process_virtual_memory_bytes", "", field(23));
  text.family("process_threads", "gauge", "Number of OS threads in the process.");
  text.sample("process_threads", "", field(20));
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    int open = -3;  // without ".", ".." and this folder
    while (::readdir(folder) != nullptr) ++open;
    ::closedir(folder);
    text.family("process_open_fds", "gauge", "Number of open file descriptors.");
    text.sample("process_open_fds", "", open);
  }
  return text.take();
}

}  // namespace enhancer
