// base/template/value.h: the values a template computes with, as Go's reflection would see them.
//
// Purpose     Numbers keep their kind, lists, maps and objects their Go type names, so that comparisons, printing
//             and errors are Go's. Hosts build their data from these, methods included; see Type.
// Units       Time is seconds since 1970-01-01 UTC and nanoseconds, in a zone. Durations print as Go's: 1h2m3s.
// Limits      value_depth_max nested lists, maps and objects; deeper ones are refused where functions answer.
// Threads     Values are immutable once built and may be shared.
// Source      Go's packages reflect, fmt and text/template.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/zones.h"

namespace holdfast::templates {

inline constexpr int kValueDepthMax = 100;

class Value;
struct Type;
struct List;
struct Map;
struct Object;
struct Function;
struct CallContext;
using Args = std::span<const Value>;
using TypePtr = std::shared_ptr<const Type>;

struct Time {
  std::int64_t seconds = 0;
  int nanoseconds = 0;
  Zone zone;

  static Time of(WallTime at, Zone zone = Zone());
  // Year 1, Go's zero time, which no alert carries as a real one.
  static Time zero() { return {-62'135'596'800, 0, Zone()}; }
  WallTime wall() const;  // rounded down to milliseconds
  std::strong_ordering operator<=>(const Time& other) const {
    if (auto order = seconds <=> other.seconds; order != 0) return order;
    return nanoseconds <=> other.nanoseconds;
  }
  bool operator==(const Time& other) const { return (*this <=> other) == 0; }
};

// Text that a host vouches for: html/template does not escape it where it belongs.
struct SafeText {
  enum class Kind { kCss, kHtml, kHtmlAttr, kJs, kJsStr, kSrcset, kUrl };
  Kind kind = Kind::kHtml;
  std::string text;
};

class Value {
 public:
  using Held = std::variant<std::monostate, bool, std::int64_t, double, std::string, SafeText, Time,
                            Duration, std::shared_ptr<const List>, std::shared_ptr<const Map>,
                            std::shared_ptr<const Object>, std::shared_ptr<const Function>>;

  Value() = default;                                    // nil
  Value(bool v) : held_(v) {}                           // NOLINT: a value is what it holds
  Value(int v) : held_(std::int64_t{v}) {}              // NOLINT
  Value(std::int64_t v) : held_(v) {}                   // NOLINT
  Value(double v) : held_(v) {}                         // NOLINT
  Value(const char* v) : held_(std::string(v)) {}       // NOLINT
  Value(std::string_view v) : held_(std::string(v)) {}  // NOLINT
  Value(std::string v) : held_(std::move(v)) {}         // NOLINT
  Value(SafeText v) : held_(std::move(v)) {}            // NOLINT
  Value(Time v) : held_(std::move(v)) {}                // NOLINT
  Value(Duration v) : held_(v) {}                       // NOLINT
  static Value html(std::string text) { return SafeText{SafeText::Kind::kHtml, std::move(text)}; }
  static Value url(std::string text) { return SafeText{SafeText::Kind::kUrl, std::move(text)}; }
  // Without a type: []interface {}.
  static Value list(std::vector<Value> items, TypePtr type = nullptr);
  static Value strings(const std::vector<std::string>& items);  // []string
  // Items in any order, the last of equal names wins. Without a type: map[string]interface {}.
  static Value map(std::vector<std::pair<std::string, Value>> items, TypePtr type = nullptr);
  static Value string_map(
      const std::vector<std::pair<std::string, std::string>>& items);  // map[string]string
  // As many values as the type has fields, in their order.
  static Value object(TypePtr type, std::vector<Value> fields);
  static Value function(Function function);

  bool is_nil() const { return held_.index() == 0; }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&held_);
  }
  const List* as_list() const;  // null when it is none
  const Map* as_map() const;
  const Object* as_object() const;
  const Function* as_function() const;
  const Held& held() const { return held_; }

  const Type* type() const;       // of lists, maps, objects that have one; else null
  std::string type_name() const;  // as %T: "float64", "map[string]string", "template.KV", "<nil>"
  bool truth() const;             // false, 0, nil and what is empty are not true
  int depth() const;              // 0 for scalars, 1 + the deepest member for the others
  // %v. Longer texts end at about `size_max` bytes: nested values can say one thing a million times.
  std::string print(std::size_t size_max = std::size_t{1} << 20) const;

 private:
  template <typename T>
  Value(std::in_place_t, T v) : held_(std::move(v)) {}
  Held held_;
};

struct List {
  TypePtr type;
  std::vector<Value> items;
  int depth = 1;
};
struct Map {
  TypePtr type;
  std::vector<std::pair<std::string, Value>> items;  // sorted by name, names distinct
  int depth = 1;
  const Value* find(std::string_view name) const;
};
struct Object {
  TypePtr type;
  std::vector<Value> fields;
  int depth = 1;
};

// What a function or method sees of the execution that calls it.
struct CallContext {
  const void* host = nullptr;  // Execution::host, to be cast by functions that know its type
  WallTime now{};
  std::size_t text_size_max = 0;
};

// `params` says what it takes, one letter each; '*' after the last: any number of them.
//   a anything   s string   i int   f float64   b bool   t time.Time   d time.Duration   L []string   l any list   m any map
// So "ss" takes two strings, "sa*" a string and then anything. Wrong kinds and counts are refused in Go's words before
// the call. The function of a method gets the value itself as args[0], which `params` does not count.
struct Function {
  std::string params;
  std::function<Result<Value>(const CallContext&, Args)> call;
};
using Functions = std::map<std::string, Function, std::less<>>;

// What several lists, maps or objects have in common.
struct Type {
  struct Field {
    std::string name;
    std::string json;  // its name in toJson; empty: `name`
  };
  std::string name;           // as Go's errors and %T say it: "template.Alert"
  std::vector<Field> fields;  // of objects, in the order they print
  Functions methods;          // on lists and maps too: .Alerts.Firing
  Value element_zero;         // of maps: what a missing name is worth under MissingKey::kZero
};

// eq and lt of basic values, in Go's terms; kInvalid "incompatible types for comparison".
Result<bool> values_equal(const Value& a, const Value& b);
Result<bool> values_less(const Value& a, const Value& b);
// What `index` answers: an item of a list, a member of a map (its zero value when missing), a byte of a text.
Result<Value> index_value(const Value& of, const Value& at);

}  // namespace holdfast::templates
