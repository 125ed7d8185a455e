// collect/backfill/import_message.h: a batch of an import on its way to a running Holdfast.
//
// Purpose     The body of POST /api/holdfast/v1/metrics/import: a snappy block of prometheus.WriteRequest, as remote
//             write 1.0 sends it, histograms and metadata included. The receiver imports it as history, where remote
//             write would refuse samples behind the newest.
// Errors      read: kInvalid, naming the series that cannot stand; kTooLarge over `size_max` bytes unpacked.
// Threads     Pure.
// Source      prometheus.io/docs/specs/prw/remote_write_spec
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/store.h"

namespace holdfast::collect {

std::string write_import_message(std::span<const metrics::Column> columns);

struct ImportMessage {
  std::vector<metrics::Column> columns;  // each series once, times ascending
  std::map<std::string, metrics::Metadata, std::less<>> metadata;
};
Result<ImportMessage> read_import_message(std::string_view packed, std::size_t size_max);

}  // namespace holdfast::collect
