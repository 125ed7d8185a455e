#include "base/template/value.h"

#include <algorithm>
#include <cmath>

#include "base/template/builtins.h"

namespace holdfast::templates {
namespace {

constexpr std::string_view kSafeNames[] = {"template.CSS", "template.HTML",  "template.HTMLAttr",
                                           "template.JS",  "template.JSStr", "template.Srcset",
                                           "template.URL"};

int depth_of(const std::vector<Value>& values) {
  int deepest = 0;
  for (const auto& value : values) deepest = std::max(deepest, value.depth());
  return deepest + 1;
}

TypePtr named_type(std::string name, Value element_zero = {}) {
  auto type = std::make_shared<Type>();
  type->name = std::move(name);
  type->element_zero = std::move(element_zero);
  return type;
}

}  // namespace

Time Time::of(WallTime at, Zone zone) {
  const std::int64_t ms = to_ms(at);
  const std::int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  return {seconds, static_cast<int>(ms - seconds * 1000) * 1'000'000, std::move(zone)};
}

WallTime Time::wall() const {
  const std::int64_t limit = 9'000'000'000'000'000;
  return from_ms(std::clamp(seconds, -limit, limit) * 1000 + nanoseconds / 1'000'000);
}

Value Value::list(std::vector<Value> items, TypePtr type) {
  const int depth = depth_of(items);
  return Value(std::in_place,
               std::make_shared<const List>(List{std::move(type), std::move(items), depth}));
}

Value Value::strings(const std::vector<std::string>& items) {
  static const TypePtr type = named_type("[]string");
  return list({items.begin(), items.end()}, type);
}

Value Value::map(std::vector<std::pair<std::string, Value>> items, TypePtr type) {
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  int depth = 1;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    depth = std::max(depth, items[i].second.depth() + 1);
    // Of equal names the last stays.
    if (i + 1 < items.size() && items[i].first == items[i + 1].first) continue;
    if (kept != i) items[kept] = std::move(items[i]);
    ++kept;
  }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(kept), items.end());
  return Value(std::in_place,
               std::make_shared<const Map>(Map{std::move(type), std::move(items), depth}));
}

Value Value::string_map(const std::vector<std::pair<std::string, std::string>>& items) {
  static const TypePtr type = named_type("map[string]string", Value(""));
  return map({items.begin(), items.end()}, type);
}

Value Value::object(TypePtr type, std::vector<Value> fields) {
  const int depth = depth_of(fields);
  fields.resize(type->fields.size());
  return Value(std::in_place,
               std::make_shared<const Object>(Object{std::move(type), std::move(fields), depth}));
}

Value Value::function(Function function) {
  return Value(std::in_place, std::make_shared<const Function>(std::move(function)));
}

const List* Value::as_list() const {
  const auto* held = as<std::shared_ptr<const List>>();
  return held == nullptr ? nullptr : held->get();
}
const Map* Value::as_map() const {
  const auto* held = as<std::shared_ptr<const Map>>();
  return held == nullptr ? nullptr : held->get();
}
const Object* Value::as_object() const {
  const auto* held = as<std::shared_ptr<const Object>>();
  return held == nullptr ? nullptr : held->get();
}
const Function* Value::as_function() const {
  const auto* held = as<std::shared_ptr<const Function>>();
  return held == nullptr ? nullptr : held->get();
}

const Type* Value::type() const {
  if (const auto* list = as_list()) return list->type.get();
  if (const auto* map = as_map()) return map->type.get();
  if (const auto* object = as_object()) return object->type.get();
  return nullptr;
}

std::string Value::type_name() const {
  if (const auto* known = type()) return known->name;
  static constexpr std::string_view kNames[] = {
      "<nil>",         "bool",      "int",           "float64",        "string",
      "template.HTML", "time.Time", "time.Duration", "[]interface {}", "map[string]interface {}",
      "struct {}",     "func()"};
  if (const auto* safe = as<SafeText>())
    return std::string(kSafeNames[static_cast<std::size_t>(safe->kind)]);
  return std::string(kNames[held_.index()]);
}

bool Value::truth() const {
  struct Truth {
    bool operator()(std::monostate) const { return false; }
    bool operator()(bool v) const { return v; }
    bool operator()(std::int64_t v) const { return v != 0; }
    bool operator()(double v) const { return v != 0; }  // NaN is true, as in Go
    bool operator()(const std::string& v) const { return !v.empty(); }
    bool operator()(const SafeText& v) const { return !v.text.empty(); }
    bool operator()(const Time&) const { return true; }
    bool operator()(Duration v) const { return v.count() != 0; }
    bool operator()(const std::shared_ptr<const List>& v) const { return !v->items.empty(); }
    bool operator()(const std::shared_ptr<const Map>& v) const { return !v->items.empty(); }
    bool operator()(const std::shared_ptr<const Object>&) const { return true; }
    bool operator()(const std::shared_ptr<const Function>&) const { return true; }
  };
  return std::visit(Truth{}, held_);
}

int Value::depth() const {
  if (const auto* list = as_list()) return list->depth;
  if (const auto* map = as_map()) return map->depth;
  if (const auto* object = as_object()) return object->depth;
  return 0;
}

std::string Value::print(std::size_t size_max) const { return go_sprint({this, 1}, size_max); }

const Value* Map::find(std::string_view name) const {
  const auto at = std::lower_bound(
      items.begin(), items.end(), name,
      [](const auto& item, std::string_view wanted) { return item.first < wanted; });
  return at == items.end() || at->first != name ? nullptr : &at->second;
}

namespace {

enum class Basic { kNone, kBool, kInt, kFloat, kString };

// Durations are integers and safe texts are strings, as their Go kinds.
Basic basic_of(const Value& v) {
  if (v.as<bool>() != nullptr) return Basic::kBool;
  if (v.as<std::int64_t>() != nullptr || v.as<Duration>() != nullptr) return Basic::kInt;
  if (v.as<double>() != nullptr) return Basic::kFloat;
  return v.as<std::string>() != nullptr || v.as<SafeText>() != nullptr ? Basic::kString
                                                                       : Basic::kNone;
}
std::int64_t int_of(const Value& v) {
  if (const auto* duration = v.as<Duration>()) return duration->count();
  return *v.as<std::int64_t>();
}
const std::string& text_of(const Value& v) {
  if (const auto* safe = v.as<SafeText>()) return safe->text;
  return *v.as<std::string>();
}

}  // namespace

Result<bool> values_equal(const Value& a, const Value& b) {
  const auto kind = basic_of(a), other = basic_of(b);
  if (kind != other) {
    if (a.is_nil() || b.is_nil()) return false;
    return invalid("incompatible types for comparison");
  }
  switch (kind) {
    case Basic::kBool:
      return *a.as<bool>() == *b.as<bool>();
    case Basic::kInt:
      return int_of(a) == int_of(b);
    case Basic::kFloat:
      return *a.as<double>() == *b.as<double>();
    case Basic::kString:
      return text_of(a) == text_of(b);
    case Basic::kNone:
      break;
  }
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  const auto* time = a.as<Time>();
  const auto* other_time = b.as<Time>();
  if (time != nullptr && other_time != nullptr) return *time == *other_time;
  const Value& wrong = a.as_list() != nullptr || a.as_map() != nullptr ? a : b;
  return invalid("non-comparable type " + go_sprintf("%s", {&wrong, 1}, 200) + ": " + wrong.type_name());
}

Result<bool> values_less(const Value& a, const Value& b) {
  const auto kind = basic_of(a), other = basic_of(b);
  if (kind == Basic::kNone || other == Basic::kNone) return invalid("invalid type for comparison");
  if (kind != other) return invalid("incompatible types for comparison");
  switch (kind) {
    case Basic::kInt:
      return int_of(a) < int_of(b);
    case Basic::kFloat:
      return *a.as<double>() < *b.as<double>();
    case Basic::kString:
      return text_of(a) < text_of(b);
    default:
      return invalid("invalid type for comparison");
  }
}

Result<Value> index_value(const Value& of, const Value& at) {
  if (of.is_nil()) return invalid("index of nil pointer");
  if (const auto* map = of.as_map()) {
    const auto* name = at.as<std::string>();
    if (at.is_nil()) return invalid("value is nil; should be of type string");
    if (name == nullptr) return invalid("value has type " + at.type_name() + "; should be string");
    if (const auto* found = map->find(*name)) return *found;
    return map->type == nullptr ? Value() : map->type->element_zero;
  }
  const auto* list = of.as_list();
  const bool text = basic_of(of) == Basic::kString;
  if (list == nullptr && !text) return invalid("can't index item of type " + of.type_name());
  if (at.is_nil()) return invalid("cannot index slice/array with nil");
  if (basic_of(at) != Basic::kInt)
    return invalid("cannot index slice/array with type " + at.type_name());
  const auto index = int_of(at);
  const auto size = list != nullptr ? list->items.size() : text_of(of).size();
  if (index < 0 || static_cast<std::size_t>(index) >= size) {
    // The one behind the last slips through Go's first check and meets its second.
    if (index >= 0 && static_cast<std::size_t>(index) == size)
      return invalid("reflect: " + std::string(list != nullptr ? "slice" : "string") +
                     " index out of range");
    return invalid("index out of range: " + std::to_string(index));
  }
  const auto i = static_cast<std::size_t>(index);
  if (list != nullptr) return list->items[i];
  return Value(static_cast<std::int64_t>(static_cast<unsigned char>(text_of(of)[i])));
}

}  // namespace holdfast::templates
