#include "collect/receive/otlp_handlers.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/wire.h"
#include "collect/receive/otlp_translate.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr const char* kProtobuf = "application/x-protobuf";
constexpr const char* kJson = "application/json";

// The codes of google.rpc that OTLP senders act on.
int rpc_code(int status) {
  switch (status) {
    case 400:
    case 413:
    case 415:
      return 3;  // INVALID_ARGUMENT
    case 503:
      return 14;  // UNAVAILABLE: try again
    default:
      return 13;  // INTERNAL
  }
}

std::string success_proto(const Refusals& refusals) {
  WireWriter out;
  if (refusals.empty()) return out.take();
  WireWriter partial;
  partial.varint(1, refusals.count());
  partial.bytes(2, refusals.text());
  out.bytes(1, partial.text());
  return out.take();
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string success_json(const Refusals& refusals) {
  json out = json::object();
  if (!refusals.empty())
    out["partialSuccess"] = {{"rejectedDataPoints", std::to_string(refusals.count())},
                             {"errorMessage", refusals.text()}};
  return dump(out);
}

net::Response with_status(const Error& error, bool is_json) {
  auto response = refuse(error);
  const int code = rpc_code(response.status);
  if (is_json) {
    response.body = dump({{"code", code}, {"message", error.message()}});
  } else {
    WireWriter status;
    status.varint(1, static_cast<std::uint64_t>(code));
    status.bytes(2, error.message());
    response.body = status.take();
  }
  response.headers.set("Content-Type", is_json ? kJson : kProtobuf);
  return response;
}

}  // namespace

Result<Refusals> OtlpReceiver::keep(const OtlpRequest& request) {
  std::optional<OtlpDelta::Round> round;
  if (has_delta(request)) round.emplace(delta_, intake_.env.clock.mono());
  const auto batch = translate_otlp(request, intake_.options.otlp, round ? &*round : nullptr);
  const auto stored = HF_TRY(intake_.keep(Protocol::kOtlp, batch.points));
  if (round) round->commit();
  // target_info says the same again and again; what the store makes of it is no sender's business.
  (void)store_batch(intake_.store, batch.targets).has_value();
  return stored.refusals;
}

Result<std::string> OtlpReceiver::export_metrics(std::string_view message) {
  const auto request = HF_TRY(decode_otlp_proto(message));
  return success_proto(HF_TRY(keep(request)));
}

net::Response OtlpReceiver::answer(const net::Request& request) {
  const auto type = media_type(request.headers.get("Content-Type"));
  const bool is_json = type == kJson;
  if (!is_json && type != kProtobuf) {
    return refuse({Code::kUnsupported, "Content-Type is '" + printable(type) +
                                           "'; allowed: application/x-protobuf, application/json"});
  }
  const auto decoded = is_json ? decode_otlp_json(request.body) : decode_otlp_proto(request.body);
  if (!decoded) {
    (void)intake_.count(Protocol::kOtlp, decoded.error()).has_value();
    return with_status(decoded.error(), is_json);
  }
  const auto refusals = keep(*decoded);
  if (!refusals) return with_status(refusals.error(), is_json);
  net::Response response;
  response.body = is_json ? success_json(*refusals) : success_proto(*refusals);
  response.headers.set("Content-Type", is_json ? kJson : kProtobuf);
  return response;
}

}  // namespace holdfast::collect
