// enhancer/telemetry.h: what the demonstration service counts, and how it shows it as Prometheus text.
//
// Purpose     http_requests_total and http_request_duration_seconds, claude_api_requests_total and
//             claude_model_inference_latency under the names the operations documents use, and process_*.
//             Health checks and metrics are not counted as requests: they would thin out every error share.
// Threads     RequestCounts from any thread; Exposition from one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace enhancer {

using namespace holdfast;  // NOLINT: see faults.h

class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `labels` as they stand between the braces.
  void sample(std::string_view name, std::string_view labels, double value);
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void observe(double value);
  void write(Exposition& text, std::string_view name, const std::string& labels) const;

 private:
  std::vector<double> bounds_;  // upper, without +Inf
  std::vector<std::uint64_t> counts_;  // each bucket alone
  double sum_ = 0;
};

class RequestCounts {
 public:
  explicit RequestCounts(std::string version);
  void count(std::string_view method, int status, Duration took, std::size_t input_size);
  std::string text() const;  // /metrics, without process_*

 private:
  const std::string version_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;  // by method and status
  Histogram duration_;
  std::map<std::string, Histogram> inference_;  // by input size
};

// process_cpu_seconds_total, process_resident_memory_bytes and others, from /proc/self.
std::string process_text();

}  // namespace enhancer
