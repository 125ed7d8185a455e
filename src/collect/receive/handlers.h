// collect/receive/handlers.h: what the protocols' HTTP handlers share; inside this part only.
//
// Purpose     Each protocol has one function that turns a request into an answer; receive_routes.cc puts
//             them on their paths. The counters feed /metrics.
// Threads     Handlers run on the pool, many at once; Intake is made for that.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "collect/receive/batch.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::collect {

enum class Protocol { kRemoteWrite, kOtlp, kInflux, kGraphite, kPush, kImport };
inline constexpr std::size_t kProtocolCount = 6;
std::string_view protocol_name(Protocol protocol);  // "remote_write", "otlp", ...

// Counters nothing else is ordered by: relaxed.
struct IntakeCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> failed{0};  // as a whole
  std::atomic<std::uint64_t> samples{0};
  std::atomic<std::uint64_t> refused{0};  // samples, one by one
};

// The store as a protocol sees it: appends, counts.
struct Intake {
  Env& env;
  const ReceiveOptions& options;
  metrics::Store& store;
  std::array<IntakeCounters, kProtocolCount> counters{};

  IntakeCounters& of(Protocol protocol) { return counters[static_cast<std::size_t>(protocol)]; }
  Result<Stored> keep(Protocol protocol, const Batch& batch);
  // Counts what came of a request and hands it on.
  Result<Stored> count(Protocol protocol, Result<Stored> stored);
  model::Timestamp now() const { return to_ms(env.clock.now()); }
};

// The status a sender should see: kExhausted and kUnavailable are 503 with Retry-After, so that it tries
// again; kTooLarge 413, kUnsupported 415.
int receive_status(const Error& error);
net::Response refuse(const Error& error);
// The media type without its parameters, lower case.
std::string media_type(std::string_view content_type);
// A parameter of a media type, unquoted, or "".
std::string media_parameter(std::string_view content_type, std::string_view name);

net::Response answer_remote_write_v2(Intake& intake, const net::Request& request);

// Decoded requests of 1.0 are large and alike: their buffers go from one to the next. Any thread.
class RemoteWriteV1Buffers;
std::shared_ptr<RemoteWriteV1Buffers> make_remote_write_v1_buffers();
net::Response answer_remote_write_v1(Intake& intake, RemoteWriteV1Buffers& buffers,
                                     const net::Request& request);
net::Response answer_influx_write(Intake& intake, const net::Request& request);
net::Response answer_influx_ping(Intake& intake, const net::Request& request);
net::Response answer_influx_query(Intake& intake, const net::Request& request);
net::Response answer_import_json(Intake& intake, const net::Request& request);
net::Response answer_import_prometheus(Intake& intake, const net::Request& request);
net::Response answer_import_csv(Intake& intake, const net::Request& request);
net::Response answer_export(Intake& intake, const net::Request& request);

}  // namespace holdfast::collect
