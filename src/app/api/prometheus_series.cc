// What there is: series, names and values of labels, metadata.
#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "app/api/series_merge.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

net::Response series(const PrometheusContext& context, const net::Request& request,
                     std::stop_token stop) {
  Form form(request);
  if (form.get("match[]").empty() && form.all("match[]").empty())
    return refuse(bad_data("no match[] parameter provided"));
  const auto limit = form.limit();
  const auto range = form.range();
  const auto sets = form.matchers("match[]");
  if (form.error()) return refuse(*form.error());
  auto found =
      SeriesUnion::find(context.sources.store, sets, range.from, range.to, std::move(stop));
  if (!found) return refuse(execution_error(found.error()));
  query::promql::Annotations notes;
  const bool cut = limit != 0 && found->size() > limit;
  if (cut) notes.warnings.emplace_back(kTruncated);
  const auto count = cut ? limit : found->size();
  std::string data;
  data.reserve(count * 128);
  JsonList list(data);
  metrics::LabelViews labels;
  for (std::size_t i = 0; i < count; ++i) {
    found->labels(i, labels);
    append_json_labels(list.next(), labels);
  }
  list.end();
  return success(data, notes);
}

net::Response names(Result<std::vector<std::string>> found, std::size_t limit) {
  if (!found) return refuse(execution_error(found.error()));
  query::promql::Annotations notes;
  cut_to(*found, limit, notes);
  std::string data;
  JsonList list(data);
  for (const auto& name : *found) append_json_text(list.next(), name);
  list.end();
  return success(data, notes);
}

net::Response label_names(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto limit = form.limit();
  const auto range = form.range();
  const auto sets = form.matchers("");
  if (form.error()) return refuse(*form.error());
  return names(context.sources.store.label_names(sets, range.from, range.to), limit);
}

// A code point of at most three bytes or four; empty when it is none.
std::string utf8_of(std::uint32_t point) {
  std::string out;
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return out;
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
  return out;
}

// U__my_2e_label: __ stands for _, _2e_ for the code point 2e. A name that is not well escaped stays.
std::string unescape_name(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  std::string out;
  for (std::size_t i = 3; i < name.size(); ++i) {
    if (name[i] != '_') {
      out += name[i];
      continue;
    }
    if (i + 1 < name.size() && name[i + 1] == '_') {
      out += '_';
      ++i;
      continue;
    }
    std::uint32_t point = 0;
    std::size_t digits = 0;
    for (++i; i < name.size() && name[i] != '_' && digits < 6; ++i, ++digits) {
      const char c = name[i];
      if (c >= '0' && c <= '9')
        point = point * 16 + static_cast<std::uint32_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        point = point * 16 + static_cast<std::uint32_t>(c - 'a' + 10);
      else
        return std::string(name);
    }
    const auto text = utf8_of(point);
    if (digits == 0 || i >= name.size() || name[i] != '_' || text.empty()) return std::string(name);
    out += text;
  }
  return out;
}

net::Response label_values(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto name = unescape_name(request.path_params.at("name"));
  if (name.empty() || !is_valid_utf8(name))
    return refuse(bad_data("invalid label name: " + quoted(printable(name))));
  const auto limit = form.limit();
  const auto range = form.range();
  const auto sets = form.matchers("");
  if (form.error()) return refuse(*form.error());
  return names(context.sources.store.label_values(name, sets, range.from, range.to), limit);
}

net::Response metadata(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto limit = form.number("limit", -1);
  const auto per_metric = form.number("limit_per_metric", -1);
  if (form.error()) return refuse(*form.error());
  const std::string metric(form.get("metric"));
  // To the store 0 is no limit, here it is nothing at all.
  const auto found = limit == 0 ? std::map<std::string, std::vector<metrics::Metadata>>{}
                                : context.sources.store.metadata(
                                      metric, limit < 0 ? 0 : static_cast<std::size_t>(limit));
  std::string data;
  JsonMembers all(data);
  for (const auto& [name, list] : found) {
    JsonList items(all.name(name));
    std::int64_t count = 0;
    for (const auto& one : list) {
      if (per_metric > 0 && count++ >= per_metric) break;
      JsonMembers(items.next())
          .text("type", one.type)
          .text("unit", one.unit)
          .text("help", one.help)
          .end();
    }
    items.end();
  }
  all.end();
  return success(data);
}

}  // namespace

void add_series_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.pooled(kGetPost, "/api/v1/series", [context](const auto& request, auto stop) {
    return series(*context, request, std::move(stop));
  });
  routes.pooled(kGetPost, "/api/v1/labels",
                [context](const auto& request, auto) { return label_names(*context, request); });
  routes.pooled(kGet, "/api/v1/label/{name}/values",
                [context](const auto& request, auto) { return label_values(*context, request); });
  routes.pooled(kGet, "/api/v1/metadata",
                [context](const auto& request, auto) { return metadata(*context, request); });
}

}  // namespace holdfast::app
