// collect/scrape/text_parser.h: reads what a target exposes, line by line, without copying.
//
// Purpose     Prometheus' text format 0.0.4, and of OpenMetrics 1.0 what scraping needs: "# EOF", UNIT,
//             timestamps in seconds, exemplars. "_created" is a sample like others.
//             Names outside [a-zA-Z_:][a-zA-Z0-9_:]* stand in quotes: {"http.requests","status.code"="200"} 1
// Speed       Views into the body; a sample allocates nothing. series() is the raw text of name and labels,
//             which a scraper keeps as the key of its cache; labels are built only when it is unknown. A
//             guess of the next series skips even the scan of it.
// Units       Timestamps are milliseconds since the Unix epoch.
// Threads     One parser, one thread. The body must outlive it.
// Errors      kInvalid, "line 12: ...", naming what stands there and what was expected. Nothing more is
//             read after an error. Escapes other than \\ \" \n are kept as written, as Prometheus does.
// Source      prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0, section 5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::collect {

enum class Dialect { kPrometheus, kOpenMetrics };

// application/openmetrics-text is OpenMetrics, everything else the text format.
Dialect dialect_of(std::string_view content_type);

class TextParser {
 public:
  enum class Entry { kSample, kHelp, kType, kUnit, kEnd };

  TextParser(std::string_view body, Dialect dialect) : body_(body), dialect_(dialect) {}

  // The next thing of interest; blank lines and other comments are passed over.
  Result<Entry> next(std::string_view expected_series = {});

  // After kSample:
  std::string_view series() const { return series_; }
  double value() const { return value_; }
  std::optional<model::Timestamp> timestamp() const { return timestamp_; }
  // Appends the metric's name as __name__, then the labels in the order written. kInvalid when a name
  // stands twice.
  Result<void> labels(std::vector<model::Label>& out) const;
  struct Exemplar {
    std::vector<model::Label> labels;
    double value = 0;
    std::optional<model::Timestamp> timestamp;
  };
  bool has_exemplar() const { return !exemplar_.empty(); }
  Result<Exemplar> exemplar() const;  // built when asked for

  // After kHelp, kType, kUnit: the metric family, and the text, type or unit.
  std::string family() const;
  std::string text() const;
  std::string_view raw_line() const { return line_; }

  std::size_t line_number() const { return line_number_; }

 private:
  struct Cursor;
  Error error(std::string message) const;
  Result<std::optional<Entry>> comment(std::string_view line);
  Result<Entry> metadata(Entry entry, std::string_view rest);
  Result<Entry> sample(std::string_view line, std::string_view expected_series);
  Result<void> value_and_timestamp(Cursor& cursor);
  Result<void> exemplar(Cursor& cursor);
  Result<void> exemplar_value(Cursor& cursor, Exemplar& out) const;
  Result<Entry> end();

  std::string_view body_;
  Dialect dialect_;
  std::size_t at_ = 0;
  std::size_t line_number_ = 0;
  bool ended_ = false;  // "# EOF" was met
  std::string_view line_;
  std::string_view series_;
  double value_ = 0;
  std::optional<model::Timestamp> timestamp_;
  std::string_view exemplar_;  // from its brace to the end of the line
  std::string_view family_;    // as written, without its quotes
  std::string_view text_;
};

}  // namespace holdfast::collect
