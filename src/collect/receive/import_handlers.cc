// /api/v1/import and /api/v1/export, as VictoriaMetrics has them.
#include <cmath>

#include "base/text.h"
#include "collect/receive/handlers.h"
#include "collect/receive/json_lines.h"

namespace holdfast::collect {
namespace {

// Samples of one export; more asks for a narrower one.
constexpr std::size_t kExportSamplesMax = 20'000'000;

Result<ImportOptions> import_options(const Intake& intake, const net::Request& request) {
  ImportOptions options;
  options.now = intake.now();
  if (const auto t = request.param("timestamp"); !t.empty()) {
    const auto ms = parse_int(t);
    if (!ms) return invalid("'timestamp' is '" + printable(t) + "'; allowed: milliseconds");
    options.now = *ms;
  }
  std::vector<model::Label> more;
  for (const auto& [name, value] : request.query) {
    if (name != "extra_label") continue;
    const auto equals = value.find('=');
    if (equals == value.npos || equals == 0)
      return invalid("'extra_label' is '" + printable(value) + "'; allowed: name=value");
    more.push_back({value.substr(0, equals), value.substr(equals + 1)});
  }
  options.more = model::Labels(std::move(more));
  return options;
}

net::Response answer_import(Intake& intake, const Batch& batch) {
  const auto stored = intake.keep(Protocol::kImport, batch);
  if (!stored) return refuse(stored.error());
  if (!stored->refusals.empty()) return net::Response::text(400, stored->refusals.text() + "\n");
  net::Response response;
  response.status = 204;
  return response;
}

// Seconds since the epoch with fractions, RFC 3339; above 1e11 milliseconds.
Result<model::Timestamp> time_of(std::string_view name, std::string_view text,
                                 model::Timestamp fallback) {
  if (text.empty()) return fallback;
  if (const auto number = parse_double(text)) {
    const double ms = *number > 1e11 ? *number : *number * 1000;
    if (!(std::abs(ms) < 1e17)) return invalid("'" + std::string(name) + "' lies outside all time");
    return static_cast<model::Timestamp>(ms);
  }
  return to_ms(HF_TRY(parse_time(text).context("'" + std::string(name) + "'")));
}

Result<std::string> export_lines(const Intake& intake, const net::Request& request) {
  if (!intake.options.parse_selector)
    return Error(Code::kUnavailable, "export has no reader of selectors here");
  const auto form = request.form();
  std::vector<std::vector<model::Matcher>> selectors;
  std::string_view start, end;
  std::size_t line_samples = 10'000;
  for (const auto& [name, value] : form) {
    if (name == "match[]" || name == "match")
      selectors.push_back(HF_TRY(intake.options.parse_selector(value)));
    if (name == "start") start = value;
    if (name == "end") end = value;
    if (name == "max_rows_per_line") {
      const auto count = parse_int(value);
      if (!count || *count < 1) return invalid("'max_rows_per_line' is no count");
      line_samples = static_cast<std::size_t>(*count);
    }
  }
  if (selectors.empty()) return invalid("missing required parameter 'match[]'");
  metrics::SelectRequest select;
  select.from = HF_TRY(time_of("start", start, model::kTimestampMin));
  select.to = HF_TRY(time_of("end", end, model::kTimestampMax));
  select.sample_count_max = kExportSamplesMax;
  std::string out;
  for (auto& matchers : selectors) {
    select.matchers = std::move(matchers);
    for (const auto& column : HF_TRY(intake.store.select(select)))
      write_json_lines(column, line_samples, out);
  }
  return out;
}

}  // namespace

net::Response answer_import_json(Intake& intake, const net::Request& request) {
  const auto options = import_options(intake, request);
  if (!options) return refuse(options.error());
  return answer_import(intake, read_json_lines(request.body, *options));
}

net::Response answer_import_prometheus(Intake& intake, const net::Request& request) {
  const auto options = import_options(intake, request);
  if (!options) return refuse(options.error());
  return answer_import(intake, read_prometheus_text(request.body, *options));
}

net::Response answer_import_csv(Intake& intake, const net::Request& request) {
  const auto options = import_options(intake, request);
  if (!options) return refuse(options.error());
  const auto columns = read_csv_format(request.param("format"));
  if (!columns) return refuse(columns.error());
  return answer_import(intake, read_csv(request.body, *columns, *options));
}

net::Response answer_export(Intake& intake, const net::Request& request) {
  auto lines = export_lines(intake, request);
  if (!lines) return refuse(lines.error());
  auto response = net::Response::text(200, std::move(*lines));
  response.headers.set("Content-Type", "application/stream+json");
  return response;
}

}  // namespace holdfast::collect
