// One pass over the line, by hand: the language is small, and every mistake is told with its column.
#include "query/promql/series_text.h"

#include <cctype>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "query/promql/histogram_math.h"

namespace holdfast::query::promql {
namespace {

using model::Histogram;

constexpr std::size_t kPointsMax = 1'000'000;
constexpr std::size_t kHistogramsMax = 100'000;

class Reader {
 public:
  explicit Reader(std::string_view line) : line_(line) {}

  Result<SeriesText> series() {
    SeriesText out;
    skip_space();
    if (auto number = whole_number()) {
      out.bare_number = true;
      out.points.push_back(Point{*number, nullptr, false});
      return out;
    }
    out.labels = HF_TRY(labels());
    if (line_.substr(at_, 3) == "@st") {
      out.start_times = true;
      return out;
    }
    HF_TRY(points(out.points));
    return out;
  }

  Result<model::Labels> only_labels() {
    skip_space();
    if (at_ == line_.size()) return model::Labels();
    auto found = HF_TRY(labels());
    skip_space();
    if (at_ != line_.size()) return wrong("unexpected text after the series");
    return found;
  }

  Result<void> points(std::vector<std::optional<Point>>& out) {
    for (skip_space(); at_ < line_.size() && line_[at_] != '#'; skip_space()) {
      HF_TRY(item(out));
      if (out.size() > kPointsMax) return wrong("more than 1000000 points");
      if (at_ < line_.size() && !std::isspace(static_cast<unsigned char>(line_[at_]))) {
        return wrong("expected a space between points");
      }
    }
    return {};
  }

 private:
  Error wrong(std::string_view what) const {
    return invalid(std::string(what) + " at column " + std::to_string(at_ + 1) + " of '" +
                   std::string(line_) + "'");
  }
  bool eat(std::string_view text) {
    if (line_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  void skip_space() {
    while (at_ < line_.size() && std::isspace(static_cast<unsigned char>(line_[at_]))) ++at_;
  }
  std::optional<double> whole_number() {
    const auto rest = trim(line_.substr(at_));
    return parse_double(rest.substr(0, rest.find('#')));
  }

  Result<std::string> quoted() {
    const char mark = line_[at_++];
    std::string out;
    while (at_ < line_.size() && line_[at_] != mark) {
      if (line_[at_] == '\\' && mark != '`' && at_ + 1 < line_.size()) {
        ++at_;
        out += line_[at_] == 'n' ? '\n' : line_[at_] == 't' ? '\t' : line_[at_];
      } else {
        out += line_[at_];
      }
      ++at_;
    }
    if (at_ >= line_.size()) return wrong("unterminated string");
    ++at_;
    return out;
  }
  std::string word() {
    const auto begin = at_;
    while (at_ < line_.size() && (std::isalnum(static_cast<unsigned char>(line_[at_])) ||
                                  line_[at_] == '_' || line_[at_] == ':' || line_[at_] == '.')) {
      ++at_;
    }
    return std::string(line_.substr(begin, at_ - begin));
  }
  bool at_quote() const {
    return at_ < line_.size() && (line_[at_] == '"' || line_[at_] == '\'' || line_[at_] == '`');
  }

  Result<model::Labels> labels() {
    std::vector<model::Label> all;
    if (auto name = word(); !name.empty()) all.push_back({"__name__", name});
    if (!eat("{")) {
      if (all.empty()) return wrong("expected a series");
      return model::Labels(std::move(all));
    }
    for (skip_space(); !eat("}"); skip_space()) {
      const bool is_quoted = at_quote();
      auto name = is_quoted ? HF_TRY(quoted()) : word();
      if (name.empty()) return wrong("expected a label or }");
      skip_space();
      if (eat("=")) {
        skip_space();
        if (!at_quote()) return wrong("expected a label value in quotes");
        all.push_back({ std::move(name), HF_TRY(quoted()) });
      } else if (is_quoted && (all.empty() || all[0].name != model::kMetricName)) {
        all.insert(all.begin(), {std::string(model::kMetricName), std::move(name)});
      } else {
        return wrong("expected = after the label's name");
      }
      skip_space();
      if (eat(",")) continue;
      if (!eat("}")) return wrong("expected , or }");
      break;
    }
    return model::Labels(std::move(all));
  }

  Result<std::size_t> times() {
    const auto begin = at_;
    while (at_ < line_.size() && std::isdigit(static_cast<unsigned char>(line_[at_]))) ++at_;
    const auto count = parse_int(line_.substr(begin, at_ - begin));
    if (!count || static_cast<std::size_t>(*count) > kPointsMax) return wrong("expected a count");
    return static_cast<std::size_t>(*count);
  }

  // A number without the sign and step that may follow: "1+2x3" starts with "1".
  Result<double> number() {
    const auto begin = at_;
    if (at_ < line_.size() && (line_[at_] == '+' || line_[at_] == '-')) ++at_;
    const auto letters = [&] {
      return at_ < line_.size() && std::isalpha(static_cast<unsigned char>(line_[at_]));
    };
    if (letters()) {
      while (letters() && line_[at_] != 'x') ++at_;
    } else {
      const auto digits = [&] {
        while (at_ < line_.size() &&
               (std::isdigit(static_cast<unsigned char>(line_[at_])) || line_[at_] == '.'))
          ++at_;
      };
      digits();
      if (at_ < line_.size() && (line_[at_] == 'e' || line_[at_] == 'E')) {
        ++at_;
        if (at_ < line_.size() && (line_[at_] == '+' || line_[at_] == '-')) ++at_;
        digits();
      }
    }
    auto text = line_.substr(begin, at_ - begin);
    if (text.starts_with('+') && text.size() > 1) text.remove_prefix(1);
    const auto value = parse_double(text);
    if (!value) return wrong("expected a number");
    return *value;
  }

  Result<void> item(std::vector<std::optional<Point>>& out) {
    if (line_[at_] == '_') {
      ++at_;
      const auto count = eat("x") ? HF_TRY(times()) : 1;
      out.insert(out.end(), count, std::nullopt);
      return {};
    }
    if (eat("stale")) {
      out.push_back(Point{model::stale_marker(), nullptr, false});
      return {};
    }
    if (line_.substr(at_, 2) == "{{") return histograms(out);
    const double first = HF_TRY(number());
    double step = 0;
    if (at_ < line_.size() && (line_[at_] == '+' || line_[at_] == '-')) step = HF_TRY(number());
    const bool stepped = step != 0 || std::signbit(step);
    const bool repeats = eat("x");
    if (stepped && !repeats) return wrong("expected x and a count after the step");
    const auto more = repeats ? HF_TRY(times()) : 0;
    double value = first;
    for (std::size_t i = 0; i <= more; ++i, value += step)
      out.push_back(Point{value, nullptr, false});
    return {};
  }

  Result<void> histograms(std::vector<std::optional<Point>>& out) {
    bool stated = false;
    auto first = HF_TRY(histogram(stated));
    const auto before = at_;
    skip_space();
    Histogram step;
    bool stepped = false, falls = false;
    if (line_.substr(at_, 1) == "+" || line_.substr(at_, 1) == "-") {
      const auto sign = at_;
      falls = line_[at_++] == '-';
      skip_space();
      if (line_.substr(at_, 2) == "{{") {
        bool ignored = false;
        step = HF_TRY(histogram(ignored));
        stepped = true;
      } else {
        at_ = sign;
      }
    }
    if (!stepped) at_ = before;
    const auto more = eat("x") ? HF_TRY(times()) : 0;
    if (out.size() + more > kHistogramsMax) return wrong("more than 100000 histograms");
    Histogram value = first;
    for (std::size_t i = 0; i <= more; ++i) {
      out.push_back(Point{0, std::make_shared<const Histogram>(value), stated});
      if (stepped) falls ? subtract_from(value, step) : add_to(value, step);
    }
    return {};
  }

  Result<std::vector<double>> number_list() {
    std::vector<double> numbers;
    if (!eat("[")) return wrong("expected [");
    for (skip_space(); !eat("]"); skip_space()) {
      if (at_ >= line_.size()) return wrong("expected ]");
      numbers.push_back(HF_TRY(number()));
    }
    return numbers;
  }

  Result<Histogram> histogram(bool& hint_stated) {
    at_ += 2;
    Histogram h;
    std::vector<double> positive, negative;
    double offset = 0, negative_offset = 0;
    for (skip_space(); !eat("}}"); skip_space()) {
      const auto field = word_until_colon();
      if (!eat(":")) return wrong("expected a field of a histogram");
      if (field == "buckets")
        positive = HF_TRY(number_list());
      else if (field == "n_buckets")
        negative = HF_TRY(number_list());
      else if (field == "custom_values")
        h.custom_values = HF_TRY(number_list());
      else if (field == "counter_reset_hint") {
        HF_TRY(hint(word_until_colon(), h));
        hint_stated = true;
      } else {
        const double value = HF_TRY(number());
        const bool whole = field == "schema" || field == "offset" || field == "n_offset";
        if (whole && !(std::abs(value) <= 1e6 && value == std::trunc(value))) {
          return wrong(field + " must be a whole number");
        }
        if (field == "schema")
          h.schema = static_cast<std::int32_t>(value);
        else if (field == "sum")
          h.sum = value;
        else if (field == "count")
          h.count = value;
        else if (field == "z_bucket")
          h.zero_count = value;
        else if (field == "z_bucket_w")
          h.zero_threshold = value;
        else if (field == "offset")
          offset = value;
        else if (field == "n_offset")
          negative_offset = value;
        else
          return wrong("unknown field " + field);
      }
    }
    set_buckets(positive, offset, h.positive_spans, h.positive_buckets);
    set_buckets(negative, negative_offset, h.negative_spans, h.negative_buckets);
    return h;
  }

  std::string word_until_colon() {
    const auto begin = at_;
    while (at_ < line_.size() &&
           (std::isalnum(static_cast<unsigned char>(line_[at_])) || line_[at_] == '_'))
      ++at_;
    return std::string(line_.substr(begin, at_ - begin));
  }

  Result<void> hint(const std::string& text, Histogram& h) {
    using model::CounterReset;
    if (text == "unknown")
      h.counter_reset = CounterReset::kUnknown;
    else if (text == "reset")
      h.counter_reset = CounterReset::kReset;
    else if (text == "not_reset")
      h.counter_reset = CounterReset::kNotReset;
    else if (text == "gauge")
      h.counter_reset = CounterReset::kGauge;
    else
      return wrong("unknown counter reset hint");
    return {};
  }

  static void set_buckets(const std::vector<double>& counts, double offset,
                          std::vector<model::BucketSpan>& spans, std::vector<double>& buckets) {
    if (counts.empty()) return;
    spans.push_back({static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(counts.size())});
    buckets = counts;
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace

Result<SeriesText> parse_series(std::string_view line) { return Reader(line).series(); }

Result<model::Labels> parse_labels(std::string_view text) { return Reader(text).only_labels(); }

Result<std::vector<std::optional<Point>>> parse_points(std::string_view text) {
  std::vector<std::optional<Point>> points;
  HF_TRY(Reader(text).points(points));
  return points;
}

}  // namespace holdfast::query::promql
