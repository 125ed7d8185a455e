#include "collect/receive/json_lines.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time.h"
#include "collect/scrape/text_parser.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

Result<model::Labels> finish_labels(std::vector<model::Label> labels,
                                    const ImportOptions& options) {
  for (const auto& more : options.more) {
    const bool own = std::any_of(labels.begin(), labels.end(), [&](const model::Label& label) {
      return label.name == more.name;
    });
    if (!own) labels.push_back(more);
  }
  HF_TRY(normalise_labels(labels));
  return model::Labels(std::move(labels));
}

std::optional<double> number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_string()) return std::nullopt;
  const auto& word = value.get_ref<const std::string&>();
  if (word == "Infinity") return std::numeric_limits<double>::infinity();
  if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
  return parse_double(word);
}

Result<void> read_json_line(std::string_view text, const ImportOptions& options, Batch& out) {
  const auto line = json::parse(text, nullptr, false);
  if (!line.is_object()) return invalid("no JSON object");
  const auto metric = line.find("metric");
  const auto values = line.find("values");
  const auto times = line.find("timestamps");
  if (metric == line.end() || !metric->is_object()) return invalid("no 'metric' with labels");
  if (values == line.end() || !values->is_array() || times == line.end() || !times->is_array())
    return invalid("no lists 'values' and 'timestamps'");
  if (values->size() != times->size())
    return invalid(std::to_string(values->size()) + " values for " + std::to_string(times->size()) +
                   " timestamps");
  std::vector<model::Label> labels;
  for (const auto& [name, value] : metric->items()) {
    if (!value.is_string()) return invalid("label '" + printable(name) + "' is no text");
    labels.push_back({name, value.get<std::string>()});
  }
  auto complete = HF_TRY(finish_labels(std::move(labels), options));
  std::vector<model::Sample> samples;
  for (std::size_t i = 0; i < values->size(); ++i) {
    const auto value = number_of((*values)[i]);
    const auto& time = (*times)[i];
    if (!value) return invalid("value " + std::to_string(i) + " is no number");
    const auto t = number_of(time);
    if (!t || !(std::abs(*t) < 1e17)) return invalid("timestamp " + std::to_string(i) + " is none");
    samples.push_back({static_cast<model::Timestamp>(*t), *value, nullptr});
  }
  std::stable_sort(samples.begin(), samples.end(),
                   [](const auto& a, const auto& b) { return a.t < b.t; });
  const auto series = out.add_series(std::move(complete));
  for (auto& sample : samples) out.add(series, std::move(sample));
  return {};
}

template <typename Read>
void each_line(std::string_view body, Batch& out, Read read) {
  std::size_t number = 0;
  while (!body.empty()) {
    ++number;
    const auto end = body.find('\n');
    const auto line = trim(body.substr(0, end));
    body.remove_prefix(end == body.npos ? body.size() : end + 1);
    if (line.empty()) continue;
    if (auto done = read(line); !done)
      out.refusals.add("line " + std::to_string(number) + ": " + done.error().message());
  }
}

// ---- CSV ----

// The fields of a line; those in quotes may hold separators and doubled quotes.
std::vector<std::string> csv_fields(std::string_view line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      out.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

Result<model::Timestamp> csv_time(const std::string& text, Duration step) {
  if (step == Duration::zero()) return to_ms(HF_TRY(parse_time(text)));
  const auto number = parse_double(text);
  const double ms = number.value_or(0) * static_cast<double>(step.count()) / 1e6;
  if (!number || !(std::abs(ms) < 1e17)) return invalid("'" + printable(text) + "' is no time");
  return static_cast<model::Timestamp>(ms);
}

Result<void> read_csv_line(std::string_view line, const std::vector<CsvColumn>& columns,
                           const ImportOptions& options, Batch& out) {
  const auto fields = csv_fields(line);
  std::vector<model::Label> labels;
  std::vector<std::pair<const CsvColumn*, double>> values;
  auto t = options.now;
  for (const auto& column : columns) {
    if (column.index > fields.size()) return invalid("no column " + std::to_string(column.index));
    const auto& text = fields[column.index - 1];
    if (column.kind == CsvColumn::Kind::kLabel) {
      labels.push_back({column.name, text});
    } else if (column.kind == CsvColumn::Kind::kTime) {
      t = HF_TRY(csv_time(text, column.step));
    } else if (!text.empty()) {
      const auto value = parse_double(trim(text));
      if (!value)
        return invalid("column " + std::to_string(column.index) + ": '" + printable(text) +
                       "' is no number");
      values.emplace_back(&column, *value);
    }
  }
  for (const auto& [column, value] : values) {
    auto all = labels;
    all.push_back({std::string(model::kMetricName), column->name});
    out.add(HF_TRY(finish_labels(std::move(all), options)), t, value);
  }
  return {};
}

}  // namespace

Batch read_json_lines(std::string_view body, const ImportOptions& options) {
  Batch out;
  each_line(body, out, [&](std::string_view line) { return read_json_line(line, options, out); });
  return out;
}

Batch read_prometheus_text(std::string_view body, const ImportOptions& options) {
  using Entry = TextParser::Entry;
  Batch out;
  TextParser parser(body, Dialect::kPrometheus);
  while (true) {
    const auto entry = parser.next();
    if (!entry) {
      out.refusals.add(entry.error().message());  // names its line
      return out;
    }
    if (*entry == Entry::kEnd) return out;
    if (*entry == Entry::kType) out.metadata[parser.family()].type = parser.text();
    if (*entry == Entry::kHelp) out.metadata[parser.family()].help = parser.text();
    if (*entry != Entry::kSample) continue;
    const auto add = [&]() -> Result<void> {
      std::vector<model::Label> labels;
      HF_TRY(parser.labels(labels));
      out.add(HF_TRY(finish_labels(std::move(labels), options)),
              parser.timestamp().value_or(options.now), parser.value());
      return {};
    };
    if (const auto added = add(); !added)
      out.refusals.add("line " + std::to_string(parser.line_number()) + ": " +
                       added.error().message());
  }
}

Result<std::vector<CsvColumn>> read_csv_format(std::string_view format) {
  std::vector<CsvColumn> out;
  for (const auto part : split(format, ',')) {
    const auto words = split(part, ':');
    const auto fail = [&] {
      return invalid("format '" + printable(part) +
                     "'; allowed: <column>:metric:<name>, <column>:label:<name>, "
                     "<column>:time:unix_s|unix_ms|unix_ns|rfc3339");
    };
    if (words.size() != 3 || words[2].empty()) return fail();
    const auto index = parse_int(words[0]);
    if (!index || *index < 1 || *index > 10'000) return fail();
    CsvColumn column;
    column.index = static_cast<std::size_t>(*index);
    column.name = words[2];
    if (words[1] == "metric") {
      column.kind = CsvColumn::Kind::kMetric;
    } else if (words[1] == "label") {
      column.kind = CsvColumn::Kind::kLabel;
    } else if (words[1] == "time") {
      column.kind = CsvColumn::Kind::kTime;
      if (words[2] == "unix_s")
        column.step = 1s;
      else if (words[2] == "unix_ms")
        column.step = 1ms;
      else if (words[2] == "unix_ns")
        column.step = 1ns;
      else if (words[2] == "rfc3339")
        column.step = Duration::zero();
      else
        return fail();
    } else {
      return fail();
    }
    out.push_back(std::move(column));
  }
  const bool measures = std::any_of(out.begin(), out.end(), [](const CsvColumn& column) {
    return column.kind == CsvColumn::Kind::kMetric;
  });
  if (!measures) return invalid("'format' names no metric");
  return out;
}

Batch read_csv(std::string_view body, const std::vector<CsvColumn>& columns,
               const ImportOptions& options) {
  Batch out;
  each_line(body, out,
            [&](std::string_view line) { return read_csv_line(line, columns, options, out); });
  return out;
}

void write_json_lines(const metrics::Column& column, std::size_t samples_max, std::string& out) {
  const auto quoted = [](const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  };
  std::string metric = "{\"metric\":{";
  for (const auto& label : *column.labels) {
    if (metric.back() != '{') metric += ',';
    metric += quoted(label.name) + ":" + quoted(label.value);
  }
  metric += "},\"values\":[";
  std::string values, times;
  std::size_t count = 0;
  const auto end_line = [&] {
    if (count == 0) return;
    out += metric + values + "],\"timestamps\":[" + times + "]}\n";
    values.clear();
    times.clear();
    count = 0;
  };
  for (std::size_t i = 0; i < column.times.size(); ++i) {
    if (!column.histograms.empty() && column.histograms[i]) continue;
    const double value = column.values[i];
    if (count > 0) {
      values += ',';
      times += ',';
    }
    values += std::isnan(value)   ? "null"
              : std::isinf(value) ? (value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
                                  : format_double(value);
    times += std::to_string(column.times[i]);
    if (++count == samples_max) end_line();
  }
  end_line();
}

}  // namespace holdfast::collect
