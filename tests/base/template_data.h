// tests/base/template_data.h: the values that the tables of template tests expand.
#pragma once

#include <memory>
#include <string>

#include "base/template/alert_functions.h"
#include "base/template/template.h"

namespace holdfast::templates {

// A host's object: fields, methods with and without arguments, one that fails.
inline Value alert(const char* status, const char* name, double value) {
  auto type = std::make_shared<Type>();
  type->name = "main.Alert";
  type->fields = {{"Status", "status"}, {"Labels", "labels"}, {"StartsAt", "startsAt"}, {"Value", "value"}};
  type->methods["Upper"] = {"s", [](const CallContext&, Args a) -> Result<Value> {
                              return Value(*a[0].as_object()->fields[0].as<std::string>() +
                                           upper_case(*a[1].as<std::string>()));
                            }};
  type->methods["Fail"] = {"", [](const CallContext&, Args) -> Result<Value> { return invalid("it broke"); }};
  return Value::object(type, {Value(status), Value::string_map({{"alertname", name}, {"job", "j&<b>"}}),
                              Time{1'700'000'000, 123'456'789, Zone()}, Value(value)});
}

inline Value data() {
  Function twice{"i", [](const CallContext&, Args a) -> Result<Value> {
                   return Value(*a[0].as<std::int64_t>() * 2);
                 }};
  return Value::map({{"S", Value("str <b>&'\"+ 世界")},
                     {"E", Value("")},
                     {"I", Value(42)},
                     {"F", Value(2.5)},
                     {"T", Value(true)},
                     {"N", Value()},
                     {"L", Value::list({Value(1), Value("two"), Value(3.0), Value()})},
                     {"SS", Value::strings({"b", "a", "c"})},
                     {"M", Value::string_map({{"x", "1"}, {"y", "2"}})},
                     {"MA", Value::map({{"k", Value::map({{"j", Value("deep")}})}, {"n", Value()}})},
                     {"A", Value::list({alert("firing", "One", 1), alert("resolved", "Two", 0)})},
                     {"EL", Value::list({})},
                     {"D", Value(Duration(3'723'500'000'000))},
                     {"H", Value::html("<i>safe</i>")},
                     {"U", Value::url("javascript:x")},
                     {"Url", Value("http://a/b?c=d&e=f g")},
                     {"Js", Value("javascript:alert(1)")},
                     {"Fn", Value::function(std::move(twice))}});
}

inline Result<std::string> expand(const std::string& text, const Options& options) {
  Templates templates(alertmanager_functions(), options);
  HF_TRY(templates.parse("t", text));
  Execution run;
  run.data = data();
  run.now = from_ms(1'700'000'000'000);
  return templates.execute("t", run);
}

}  // namespace holdfast::templates
