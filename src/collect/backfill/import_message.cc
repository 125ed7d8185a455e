#include "collect/backfill/import_message.h"

#include <algorithm>

#include "collect/forward/remote_message.h"
#include "collect/receive/payload.h"
#include "collect/receive/remote_write_v1.h"

namespace holdfast::collect {
namespace {

metrics::Column column_of(const model::Labels& labels, std::vector<model::Sample>& samples) {
  std::stable_sort(samples.begin(), samples.end(),
                   [](const auto& a, const auto& b) { return a.t < b.t; });
  samples.erase(std::unique(samples.begin(), samples.end(),
                            [](const auto& a, const auto& b) { return a.t == b.t; }),
                samples.end());
  metrics::Column column;
  column.labels = std::make_shared<const model::Labels>(labels);
  for (auto& sample : samples) {
    column.times.push_back(sample.t);
    column.values.push_back(sample.value);
    if (!sample.histogram) continue;
    column.histograms.resize(column.times.size());
    column.histograms.back() = std::move(sample.histogram);
  }
  if (!column.histograms.empty()) column.histograms.resize(column.times.size());
  return column;
}

}  // namespace

std::string write_import_message(std::span<const metrics::Column> columns) {
  std::vector<OutgoingSeries> series;
  for (const auto& column : columns) {
    auto& one = series.emplace_back();
    one.labels = column.labels.get();
    for (std::size_t i = 0; i < column.times.size(); ++i) {
      one.samples.push_back({column.times[i], column.values[i],
                             column.histograms.empty() ? nullptr : column.histograms[i]});
    }
  }
  return pack_snappy(write_request_v1(series));
}

Result<ImportMessage> read_import_message(std::string_view packed, std::size_t size_max) {
  const auto plain = HF_TRY(unpack_snappy(packed, size_max));
  RemoteWriteV1 request;
  HF_TRY(decode_remote_write_v1(plain, request));
  if (!request.rest.refusals.empty()) return invalid(request.rest.refusals.text());
  std::map<model::Labels, std::vector<model::Sample>> held;
  for (const auto& one : request.floats.series) {
    auto& samples = held[HF_TRY(request.floats.labels_of(one.encoded))];
    for (std::uint32_t i = 0; i < one.sample_count; ++i) {
      const auto& sample = request.floats.samples[one.sample_begin + i];
      samples.push_back({sample.t, sample.value, nullptr});
    }
  }
  for (const auto& entry : request.rest.samples)
    held[request.rest.series[entry.series]].push_back(entry.sample);
  ImportMessage message;
  for (auto& [labels, samples] : held) {
    if (!samples.empty()) message.columns.push_back(column_of(labels, samples));
  }
  message.metadata = std::move(request.rest.metadata);
  return message;
}

}  // namespace holdfast::collect
