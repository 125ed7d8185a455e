#include "collect/receive/handlers.h"

#include "base/text.h"
#include "collect/receive/payload.h"
#include "collect/receive/remote_write_v2.h"

namespace holdfast::collect {

std::string_view protocol_name(Protocol protocol) {
  constexpr std::array<std::string_view, kProtocolCount> kNames = {
      "remote_write", "otlp", "influx", "graphite", "pushgateway", "import"};
  return kNames[static_cast<std::size_t>(protocol)];
}

Result<Stored> Intake::keep(Protocol protocol, const Batch& batch) {
  return count(protocol, store_batch(store, batch));
}

Result<Stored> Intake::count(Protocol protocol, Result<Stored> stored) {
  constexpr auto relaxed = std::memory_order_relaxed;
  auto& counter = of(protocol);
  counter.requests.fetch_add(1, relaxed);
  if (!stored) {
    counter.failed.fetch_add(1, relaxed);
    return stored;
  }
  counter.samples.fetch_add(stored->floats + stored->histograms, relaxed);
  counter.refused.fetch_add(stored->refusals.count(), relaxed);
  return stored;
}

int receive_status(const Error& error) {
  switch (error.code()) {
    case Code::kExhausted:
    case Code::kUnavailable:
    case Code::kDataLoss:
      return 503;
    case Code::kTooLarge:
      return 413;
    case Code::kUnsupported:
      return 415;
    default:
      return http_status(error.code());
  }
}

net::Response refuse(const Error& error) {
  const int status = receive_status(error);
  auto response = net::Response::text(status, error.message() + "\n");
  if (status == 503) response.headers.set("Retry-After", "5");
  return response;
}

std::string media_type(std::string_view content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::string media_parameter(std::string_view content_type, std::string_view name) {
  const auto parts = split(content_type, ';');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = trim(parts[i]);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    if (!equals_ignoring_case(trim(part.substr(0, equals)), name)) continue;
    auto value = trim(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

net::Response answer_remote_write_v2(Intake& intake, const net::Request& request) {
  const auto keep = [&]() -> Result<Stored> {
    const auto message = HF_TRY(unpack_snappy(request.body, intake.options.body_size_max));
    const auto decoded = HF_TRY(decode_remote_write_v2(message));
    return store_remote_write_v2(intake.store, decoded);
  };
  const auto stored = intake.count(Protocol::kRemoteWrite, keep());
  net::Response response;
  if (!stored) {
    response = refuse(stored.error());
  } else if (!stored->refusals.empty()) {
    response = net::Response::text(400, stored->refusals.text() + "\n");
  } else {
    response.status = 204;
  }
  const auto written = [&](const char* kind, std::size_t count) {
    response.headers.set("X-Prometheus-Remote-Write-" + std::string(kind) + "-Written",
                         std::to_string(count));
  };
  written("Samples", stored ? stored->floats : 0);
  written("Histograms", stored ? stored->histograms : 0);
  written("Exemplars", stored ? stored->exemplars : 0);
  return response;
}

}  // namespace holdfast::collect
