// app/api/remote_read.h: Prometheus' remote read protocol: one request decoded, one answer written.
//
// Purpose     A Prometheus or a Thanos sidecar reads from Holdfast as from a Prometheus. Two answers: all samples
//             in one message, or frames of chunks.
//
//               SAMPLES              snappy block of prometheus.ReadResponse
//               STREAMED_XOR_CHUNKS  frames | size uvarint | crc32c u32be | prometheus.ChunkedReadResponse |
//
// Limits      50 million samples an answer, frames of about 1 MiB. Native histograms go as float histogram chunks,
//             whatever they came as.
// Errors      kInvalid for bytes that are no request (400); those of the store.
// Threads     Pure but for the reader.
// Source      prompb/remote.proto of Prometheus; its documentation "Remote Read API".
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/store.h"
#include "model/labels.h"

namespace holdfast::app {

struct RemoteReadQuery {
  model::Timestamp from = 0;
  model::Timestamp to = 0;
  std::vector<model::Matcher> matchers;
};
struct RemoteReadRequest {
  std::vector<RemoteReadQuery> queries;
  bool takes_samples = true;  // when nothing is said, samples
  bool takes_chunks = false;  // and prefers them
};

// `message` is the uncompressed protobuf.
Result<RemoteReadRequest> parse_remote_read(std::string_view message);

struct RemoteReadAnswer {
  std::string body;
  bool streamed = false;
};
// Matchers of an external label's own value are taken as met; external labels are added to every series.
Result<RemoteReadAnswer> remote_read(const metrics::Reader& reader, RemoteReadRequest request,
                                     const model::Labels& external, std::stop_token stop);

}  // namespace holdfast::app
