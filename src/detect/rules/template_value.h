// detect/rules/template_value.h: the values a template computes with, printed and compared as Go does.
//
// Purpose     A value is what Go's reflection would see: numbers keep their kind, so `gt $value 90` is an error
//             ("incompatible types"), as it is in Prometheus, and `gt $value 90.0` is not.
// Threads     Values.
// Source      Go's packages fmt and text/template.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace holdfast::detect {

struct TemplateData;
struct TemplateValue;

// One series of {{ query }}: its fields are .Labels and .Value.
struct QuerySample {
  model::Labels labels;
  double value = 0;
};
struct TemplateTime { std::int64_t ms = 0; };
struct TemplateDuration { std::int64_t ns = 0; };
using TemplateList = std::shared_ptr<const std::vector<TemplateValue>>;
using TemplateMap = std::shared_ptr<const std::map<std::string, TemplateValue>>;

struct TemplateValue {
  using Held = std::variant<std::monostate, bool, std::int64_t, double, std::string, model::Labels, QuerySample, TemplateList,
                            TemplateMap, const TemplateData*, TemplateTime, TemplateDuration>;
  Held held;

  TemplateValue() = default;
  template <typename T>
    requires std::constructible_from<Held, T>
  TemplateValue(T value) : held(std::move(value)) {}  // NOLINT: a value is what it holds

  template <typename T>
  const T* as() const { return std::get_if<T>(&held); }
  bool is_nil() const { return held.index() == 0; }
  std::string_view type_name() const;  // as Go says it: "float64", "map[string]string"
  bool truth() const;                  // false, 0, nil and what is empty are not true
  std::string print() const;           // as %v
};

// %v of a float64: shortest digits, exponents from 1e+06 and below 1e-04.
std::string print_float(double v);
// 1h2m3s, 1.5ms: as Go's time.Duration prints.
std::string print_duration(std::int64_t ns);
// 2015-03-01 12:30:00 +0000 UTC.
std::string print_time(std::int64_t ms);
// One float by C's rules and Go's spelling of Inf and NaN; `format` is like "%.4g".
std::string printf_float(const char* format, double v);
// Go's Sprintf; a wrong verb does not fail but shows, as %!d(string=x).
std::string go_sprintf(std::string_view format, const std::vector<TemplateValue>& args);

// eq, lt of basic values. kInvalid "incompatible types for comparison".
Result<bool> values_equal(const TemplateValue& a, const TemplateValue& b);
Result<bool> values_less(const TemplateValue& a, const TemplateValue& b);

}  // namespace holdfast::detect
