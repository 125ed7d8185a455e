// collect/remote_read/remote_read_message.h: what a reader asks a peer by remote read, and what the peer answers.
//
// Purpose     One query a request. Both answers are read: all samples in one message, or frames of chunks.
//
//               SAMPLES              snappy block of prometheus.ReadResponse
//               STREAMED_XOR_CHUNKS  frames | size uvarint | crc32c u32be | prometheus.ChunkedReadResponse |
//
// Errors      kInvalid, kDataLoss for a frame's checksum, kTooLarge over the samples allowed.
// Threads     Pure.
// Source      prompb/remote.proto of Prometheus; its documentation "Remote Read API".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/store.h"

namespace holdfast::collect {

// prometheus.ReadRequest, compressed; takes chunks and, from peers that have none, samples.
std::string write_read_request(const std::vector<model::Matcher>& matchers, model::Timestamp from,
                               model::Timestamp to);

struct ReadAnswerLimits {
  std::size_t size_max = 256 * 1024 * 1024;  // bytes, unpacked
  std::size_t sample_count_max = 50'000'000;
};
// The samples within [from, to] by series, times ascending. `streamed` as the Content-Type says.
Result<std::vector<metrics::Column>> read_read_answer(std::string_view body, bool streamed,
                                                      model::Timestamp from, model::Timestamp to,
                                                      const ReadAnswerLimits& limits);
bool is_streamed_answer(std::string_view content_type);

// One column of several of the same labels: by time, of equal times the first's.
metrics::Column merge_columns(std::vector<metrics::Column> parts);

}  // namespace holdfast::collect
