// collect/receive/remote_write_v1.h: reads prometheus.WriteRequest, the form most senders speak.
//
// Purpose     Bytes (already unpacked) to float samples by fingerprint, and everything else as a Batch. The
//             fast path of ingestion: labels are hashed where they lie and not made into strings
//             until the store meets a series for the first time.
// Errors      kInvalid when the message cannot be read at all. A series that cannot stand (no metric name,
//             bad UTF-8, a name twice) is refused alone.
// Threads     Values; `message` must outlive what was decoded, which points into it. Keep a
//             RemoteWriteV1 and decode into it again: its buffers are used anew.
// Source      prometheus.io/docs/specs/prw/remote_write_spec, prompb/remote.proto
#pragma once

#include <string>
#include <string_view>

#include "collect/receive/batch.h"

namespace holdfast::collect {

struct RemoteWriteV1 {
  metrics::FlatBatch floats;  // encoded: the message of the time series
  Batch rest;                 // histograms, exemplars, metadata
  std::string canonical;      // scratch
};

Result<void> decode_remote_write_v1(std::string_view message, RemoteWriteV1& out);
Result<Stored> store_remote_write_v1(metrics::Store& store, const RemoteWriteV1& request);

}  // namespace holdfast::collect
