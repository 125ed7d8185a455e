// POST /api/v1/read: the remote read protocol over HTTP.
#include "app/api/prometheus_routes.h"
#include "app/api/remote_read.h"
#include "collect/receive/payload.h"

namespace holdfast::app {
namespace {

constexpr std::size_t kRequestSizeMax = 32 * 1024 * 1024;

net::Response refused(const Error& error) {
  const bool ours = error.code() != Code::kInvalid && error.code() != Code::kTooLarge;
  return net::Response::text(ours ? http_status(error.code()) : 400, error.message() + "\n");
}

net::Response read(const PrometheusContext& context, const net::Request& request,
                   const model::Labels& external, std::stop_token stop) {
  auto plain = collect::unpack_snappy(request.body, kRequestSizeMax);
  if (!plain) return refused(plain.error());
  auto parsed = parse_remote_read(*plain);
  if (!parsed) return refused(parsed.error());
  auto answer = remote_read(context.sources.store, std::move(*parsed), external, std::move(stop));
  if (!answer) return refused(answer.error());
  net::Response response;
  response.body = std::move(answer->body);
  if (answer->streamed) {
    response.headers.set("Content-Type",
                         "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  } else {
    response.headers.set("Content-Type", "application/x-protobuf");
    response.headers.set("Content-Encoding", "snappy");
  }
  return response;
}

}  // namespace

void add_remote_read_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.labelled({"POST"}, "/api/v1/read",
                  [context](const auto& request, const auto& external, auto stop) {
                    return read(*context, request, external, std::move(stop));
                  });
}

}  // namespace holdfast::app
