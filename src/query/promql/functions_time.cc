#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include "query/promql/functions.h"

namespace holdfast::query::promql {
namespace {

namespace ch = std::chrono;

// Years beyond these are no calendar's; what is outside reads as NaN.
constexpr double kSecondsMax = 8e11;

struct Moment {
  ch::year_month_day date;
  ch::sys_days day;
  std::int64_t second_of_day;
};

using Part = double (*)(const Moment&);

double part_of(double seconds, Part part) {
  if (!(std::abs(seconds) <= kSecondsMax)) return std::numeric_limits<double>::quiet_NaN();
  const ch::sys_seconds t{ch::seconds(static_cast<std::int64_t>(seconds))};
  const auto day = ch::floor<ch::days>(t);
  return part({ch::year_month_day(day), day, (t - day).count()});
}

template <Part part>
Result<Value> calendar(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  Value value;
  if (call.args.empty()) {
    StepSeries now(Labels{}, steps.count);
    for (std::size_t i = 0; i < steps.count; ++i)
      now.set_float(i, static_cast<double>(steps.time(i)) / 1000);
    value.series.push_back(std::move(now));
  } else {
    value = HF_TRY(ev.eval(*call.args[0], steps));
  }
  map_floats(value, [](double v, std::size_t) { return part_of(v, part); });
  return value;
}

double minute(const Moment& m) { return static_cast<double>(m.second_of_day / 60 % 60); }
double hour(const Moment& m) { return static_cast<double>(m.second_of_day / 3600); }
double month(const Moment& m) { return static_cast<unsigned>(m.date.month()); }
double year(const Moment& m) { return static_cast<int>(m.date.year()); }
double day_of_month(const Moment& m) { return static_cast<unsigned>(m.date.day()); }
double day_of_week(const Moment& m) { return ch::weekday(m.day).c_encoding(); }
double day_of_year(const Moment& m) {
  return static_cast<double>((m.day - ch::sys_days(m.date.year() / ch::January / 1)).count() + 1);
}
double days_in_month(const Moment& m) {
  return static_cast<unsigned>((m.date.year() / m.date.month() / ch::last).day());
}

Result<Value> timestamp(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  const auto& arg = without_parens(*call.args[0]);
  Value value;
  if (std::holds_alternative<VectorSelector>(arg.node)) {
    value = HF_TRY(ev.eval_selector(arg, steps, true));
  } else {
    value = HF_TRY(ev.eval(arg, steps));
    for (auto& s : value.series) {
      for (std::size_t i = 0; i < s.size(); ++i) {
        if (s.has(i)) s.set_float(i, static_cast<double>(steps.time(i)) / 1000);
      }
    }
  }
  for (auto& s : value.series) s.drop_name = true;
  return value;
}

constexpr std::array<SpecialEntry, 9> kFunctions = {{
    {"minute", calendar<minute>},
    {"hour", calendar<hour>},
    {"month", calendar<month>},
    {"year", calendar<year>},
    {"day_of_month", calendar<day_of_month>},
    {"day_of_week", calendar<day_of_week>},
    {"day_of_year", calendar<day_of_year>},
    {"days_in_month", calendar<days_in_month>},
    {"timestamp", timestamp},
}};

}  // namespace

std::span<const SpecialEntry> time_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
