// collect/receive/remote_write_v2.h: reads io.prometheus.write.v2.Request.
//
// Purpose     Bytes (already unpacked) to float samples by fingerprint, and everything else as a Batch.
//             Floats of a series the store knows cost no label of their own.
// Errors      kInvalid when the message cannot be read at all. A series that cannot stand (a symbol out of
//             range, no metric name, no sample) is refused alone, in `rest.refusals`.
// Threads     Values; the bytes may go once decoded.
// Source      prometheus.io/docs/specs/prw/remote_write_spec_2_0
#pragma once

#include <string_view>
#include <vector>

#include "collect/receive/batch.h"

namespace holdfast::collect {

struct RemoteWriteV2 {
  RemoteWriteV2() = default;
  RemoteWriteV2(RemoteWriteV2&&) = default;  // and no copy: `floats` points into `arena`
  RemoteWriteV2& operator=(RemoteWriteV2&&) = default;

  std::vector<char> arena;    // what floats.series point into; keeps its place when moved
  metrics::FlatBatch floats;  // encoded: name 0xff value 0xff ..., as the fingerprint wants it
  Batch rest;                 // histograms, exemplars, metadata
};

Result<RemoteWriteV2> decode_remote_write_v2(std::string_view message);
Result<Stored> store_remote_write_v2(metrics::Store& store, const RemoteWriteV2& request);

}  // namespace holdfast::collect
