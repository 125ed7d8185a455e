// Administration of the store: delete, clean, snapshot. Who may is decided by auth.h, as for every change.
#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "base/log.h"

namespace holdfast::app {
namespace {

ApiError store_error(const Error& error) {
  if (error.code() == Code::kUnsupported) return {"unavailable", 503, error.message()};
  return internal_error(error.message());
}

net::Response delete_series(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  if (form.all("match[]").empty()) return refuse(bad_data("no match[] parameter provided"));
  const auto range = form.range();
  const auto sets = form.matchers("match[]");
  if (form.error()) return refuse(*form.error());
  if (auto done = context.sources.store.delete_series(sets, range.from, range.to); !done)
    return refuse(store_error(done.error()));
  log_info("series deleted", {{"selectors", std::to_string(sets.size())},
                              {"by", std::string(request.headers.get("x-holdfast-user"))}});
  return no_content();
}

net::Response clean_tombstones(const PrometheusContext& context) {
  if (auto done = context.sources.store.compact(); !done) return refuse(store_error(done.error()));
  return no_content();
}

// What is in memory is part of every snapshot: skip_head is read, and a snapshot never lacks a sample.
net::Response snapshot(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  (void)form.flag("skip_head");
  if (form.error()) return refuse(*form.error());
  auto name = context.sources.store.snapshot();
  if (!name) return refuse(store_error(name.error()));
  std::string data;
  JsonMembers(data).text("name", *name).end();
  return success(data);
}

}  // namespace

void add_admin_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.pooled(kPutPost, "/api/v1/admin/tsdb/delete_series",
                [context](const auto& request, auto) { return delete_series(*context, request); });
  routes.pooled(kPutPost, "/api/v1/admin/tsdb/clean_tombstones",
                [context](const auto&, auto) { return clean_tombstones(*context); });
  routes.pooled(kPutPost, "/api/v1/admin/tsdb/snapshot",
                [context](const auto& request, auto) { return snapshot(*context, request); });
}

}  // namespace holdfast::app
