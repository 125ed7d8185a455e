#include "conformance/script.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/text.h"
#include "conformance/classic_histograms.h"
#include "conformance/expectation.h"
#include "conformance/series_text.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"

namespace holdfast::conformance {
namespace {

using query::promql::Engine;
using query::promql::QueryResult;

struct Line {
  int number = 0;
  std::string_view text;  // trimmed
};

bool is_command(std::string_view text) {
  return text == "clear" || text.starts_with("load ") || text.starts_with("load_with_nhcb ") ||
         text.starts_with("eval ") || text.starts_with("eval_");
}

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

// A duration, or a number of seconds.
Result<std::int64_t> time_of(std::string_view word) {
  if (const auto number = parse_double(word)) return static_cast<std::int64_t>(*number * 1000);
  return to_ms(HF_TRY(parse_duration(word)));
}

class Script {
 public:
  explicit Script(std::string_view text) {
    int number = 0;
    for (const auto line : split(text, '\n')) lines_.push_back({++number, trim(line)});
  }

  Result<Report> run() {
    while (at_ < lines_.size()) {
      const auto line = lines_[at_++];
      if (line.text.empty() || line.text.starts_with('#')) continue;
      auto done = command(line);
      if (!done) return std::move(done.error()).context("line " + std::to_string(line.number));
    }
    return std::move(report_);
  }

 private:
  Result<void> command(const Line& line) {
    auto rest = line.text;
    const auto word = take_word(rest);
    if (word == "clear") {
      table_.clear();
      return {};
    }
    if (word == "load" || word == "load_with_nhcb") return load(rest, word == "load_with_nhcb");
    if (word == "eval" || word.starts_with("eval_")) return eval(line, word, rest);
    return invalid("unknown command '" + std::string(word) + "'");
  }

  // The lines that belong to the command before them.
  std::vector<Line> block() {
    std::vector<Line> lines;
    for (; at_ < lines_.size(); ++at_) {
      const auto& line = lines_[at_];
      if (line.text.empty() || is_command(line.text)) break;
      if (!line.text.starts_with('#')) lines.push_back(line);
    }
    return lines;
  }

  Result<void> load(std::string_view step_text, bool with_nhcb) {
    const auto step = HF_TRY(time_of(step_text));
    std::map<Labels, std::vector<Sample>> loaded;
    for (const auto& line : block()) {
      const auto series = HF_TRY(parse_series(line.text));
      if (series.start_times) continue;
      std::vector<Sample> samples;
      for (std::size_t i = 0; i < series.points.size(); ++i) {
        const auto& point = series.points[i];
        if (point)
          samples.push_back({static_cast<Timestamp>(i) * step, point->value, point->histogram});
      }
      loaded[series.labels] = std::move(samples);
    }
    for (const auto& [labels, samples] : loaded) table_.add(labels, samples);
    if (with_nhcb) {
      for (const auto& [labels, samples] : to_custom_buckets(loaded)) table_.add(labels, samples);
    }
    return {};
  }

  Result<void> eval(const Line& line, std::string_view word, std::string_view rest) {
    Question question;
    const auto kind = take_word(rest);
    if (kind == "instant") {
      if (take_word(rest) != "at") return invalid("expected 'at'");
      question.from = question.to = HF_TRY(time_of(take_word(rest)));
    } else if (kind == "range") {
      question.is_range = true;
      if (take_word(rest) != "from") return invalid("expected 'from'");
      question.from = HF_TRY(time_of(take_word(rest)));
      if (take_word(rest) != "to") return invalid("expected 'to'");
      question.to = HF_TRY(time_of(take_word(rest)));
      if (take_word(rest) != "step") return invalid("expected 'step'");
      question.step = HF_TRY(time_of(take_word(rest)));
    } else {
      return invalid("expected 'instant' or 'range'");
    }
    question.query = std::string(rest);
    Expectation expected(question);
    if (word.starts_with("eval_"))
      HF_TRY(expected.add_line("expect " + std::string(word.substr(5))));
    for (const auto& l : block())
      HF_TRY(expected.add_line(l.text).context("line " + std::to_string(l.number)));
    ask(line, question, expected);
    return {};
  }

  Result<QueryResult> answer(const Question& q) const {
    const Engine engine(table_, clock_);
    if (q.is_range) return engine.range(q.query, q.from, q.to, q.step);
    return engine.instant(q.query, q.from);
  }

  void ask(const Line& line, const Question& question, const Expectation& expected) {
    const auto result = answer(question);
    auto difference = expected.difference(result);
    if (difference.empty() && result && !question.is_range)
      difference = range_difference(question, *result);
    if (difference.empty()) {
      ++report_.passed;
    } else {
      report_.failures.push_back({line.number, question.query, expected.text(), difference});
    }
  }

  // The same question as the middle step of a range query.
  std::string range_difference(const Question& instant, const QueryResult& result) const {
    using query::promql::Matrix;
    using query::promql::String;
    if (std::holds_alternative<Matrix>(result.value) ||
        std::holds_alternative<String>(result.value))
      return {};
    for (const auto* of_query : {"step(", "range(", "start(", "end("}) {
      if (lower(instant.query).find(of_query) != std::string::npos) return {};
    }
    constexpr std::int64_t kMinute = 60'000;
    Question range = instant;
    range.is_range = true;
    range.from -= kMinute;
    range.to += kMinute;
    range.step = kMinute;
    return step_difference(result, answer(range), instant.from);
  }

  std::vector<Line> lines_;
  std::size_t at_ = 0;
  TableReader table_;
  SystemClock clock_;
  Report report_;
};

}  // namespace

Result<Report> run_script(std::string_view text) { return Script(text).run(); }

Result<std::vector<FileReport>> run_folder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".test") paths.push_back(entry.path());
  }
  if (error || paths.empty()) return not_found("no *.test files in " + folder);
  std::sort(paths.begin(), paths.end());
  std::vector<FileReport> reports;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    auto report = run_script(text.str());
    if (!report) return std::move(report.error()).context(path.filename().string());
    reports.push_back({path.filename().string(), std::move(*report)});
  }
  return reports;
}

}  // namespace holdfast::conformance
