// model/json_members.h: how values of the vocabulary are read from and written to JSON. For .cc files only.
//
// Purpose     put() writes one member, take() reads one: absent keeps the default, null empties an
//             optional, unknown members are left alone, a wrong type names its path: "timeline[2].at".
// Form        Times are RFC 3339, enums their names, a double that JSON cannot write is its text.
// Errors      from_json throws MemberError, the one exception of the room; parse_json catches it.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/id.h"
#include "base/text.h"
#include "base/time.h"
#include "model/alert.h"
#include "model/severity.h"

namespace holdfast::model::json_members {

using nlohmann::json;

class MemberError : public std::exception {
 public:
  explicit MemberError(std::string problem) : problem_(std::move(problem)) {}
  const char* what() const noexcept override { return problem_.c_str(); }

  // Grows the path from the inside out: "at", "[2].at", "timeline[2].at".
  void under(std::string_view step) {
    if (!path_.empty() && path_.front() != '[') path_.insert(0, ".");
    path_.insert(0, step);
  }
  std::string text() const {
    return path_.empty() ? problem_ : "member " + path_ + ": " + problem_;
  }

 private:
  std::string problem_;
  std::string path_;
};

inline void must_be_object(const json& j) {
  if (!j.is_object()) throw MemberError(std::string("must be an object, is ") + j.type_name());
}

inline void read(const json& j, std::string& out) {
  if (!j.is_string()) throw MemberError(std::string("must be a string, is ") + j.type_name());
  out = j.get_ref<const std::string&>();
}

inline void read(const json& j, bool& out) {
  if (!j.is_boolean()) throw MemberError(std::string("must be true or false, is ") + j.type_name());
  out = j.get<bool>();
}

template <typename Int>
  requires(std::is_same_v<Int, int> || std::is_same_v<Int, std::int64_t>)
void read(const json& j, Int& out) {
  if (!j.is_number_integer()) {
    throw MemberError(std::string("must be a whole number, is ") + j.type_name());
  }
  const bool too_large = j.is_number_unsigned() &&
                         j.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<Int>::max()};
  const bool too_small = !j.is_number_unsigned() &&
                         j.get<std::int64_t>() < std::int64_t{std::numeric_limits<Int>::min()};
  if (too_large || too_small) throw MemberError("is out of range: " + j.dump());
  out = j.get<Int>();
}

inline void read(const json& j, double& out) {
  if (j.is_number()) {
    out = j.get<double>();
    return;
  }
  if (!j.is_string()) throw MemberError(std::string("must be a number, is ") + j.type_name());
  const auto parsed = parse_double(j.get_ref<const std::string&>());
  if (!parsed) throw MemberError("must be a number or its text");
  out = *parsed;
}

inline void read(const json& j, WallTime& out) {
  std::string text;
  read(j, text);
  auto at = parse_time(text);
  if (!at) throw MemberError(at.error().message());
  out = *at;
}

inline void read(const json& j, Rank& out) {
  std::string word;
  read(j, word);
  const Rank rank = rank_of_word(word);
  // rank_of_word reads unknown words as warning, right for foreign labels; our own text must be exact.
  if (rank == Rank::kMedium && word != "warning" && word != "medium") {
    throw MemberError("must be one of critical, high, warning, low");
  }
  out = rank;
}

template <typename Tag>
void read(const json& j, Id<Tag>& out) {
  read(j, out.value);
}

template <typename T>
  requires std::is_class_v<T>
void read(const json& j, T& out) {
  must_be_object(j);
  from_json(j, out);
}

template <typename T>
void read(const json& j, std::vector<T>& out) {
  if (!j.is_array()) throw MemberError(std::string("must be a list, is ") + j.type_name());
  out.clear();
  out.reserve(j.size());
  for (std::size_t i = 0; i < j.size(); ++i) {
    try {
      read(j[i], out.emplace_back());
    } catch (MemberError& e) {
      e.under("[" + std::to_string(i) + "]");
      throw;
    }
  }
}

template <typename T>
void read(const json& j, std::optional<T>& out) {
  out.reset();
  if (!j.is_null()) read(j, out.emplace());
}

template <typename T>
void take(const json& j, const char* name, T& out) {
  const auto it = j.find(name);
  if (it == j.end()) return;
  try {
    read(*it, out);
  } catch (MemberError& e) {
    e.under(name);
    throw;
  }
}

// `names` by the enum's values, which count from 0.
template <typename Enum>
void take_enum(const json& j, const char* name, Enum& out,
               std::span<const std::string_view> names) {
  std::string word;
  if (!j.contains(name)) return;
  take(j, name, word);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == word) {
      out = static_cast<Enum>(i);
      return;
    }
  }
  std::string allowed;
  for (const auto known : names) allowed += (allowed.empty() ? "" : ", ") + std::string(known);
  MemberError error("must be one of " + allowed);
  error.under(name);
  throw error;
}

inline json written(const std::string& v) { return v; }
inline json written(bool v) { return v; }
inline json written(int v) { return v; }
inline json written(std::int64_t v) { return v; }
inline json written(double v) { return std::isfinite(v) ? json(v) : json(format_double(v)); }
inline json written(WallTime v) { return format_time(v); }
inline json written(std::string_view v) { return std::string(v); }
inline json written(Rank v) { return std::string(word_of_rank(v)); }
template <typename Tag>
json written(const Id<Tag>& v) {
  return v.value;
}
template <typename T>
  requires std::is_class_v<T>
json written(const T& v) {
  json j;
  to_json(j, v);
  return j;
}
template <typename T>
json written(const std::vector<T>& v) {
  json list = json::array();
  for (const auto& item : v) list.push_back(written(item));
  return list;
}

template <typename T>
void put(json& j, const char* name, const T& value) {
  j[name] = written(value);
}
template <typename T>
void put(json& j, const char* name, const std::optional<T>& value) {
  if (value) j[name] = written(*value);
}

}  // namespace holdfast::model::json_members

namespace holdfast {

template <typename T>
Result<T> parse_json(std::string_view text) {
  using model::json_members::MemberError;
  try {
    T value;
    from_json(nlohmann::json::parse(text), value);
    return value;
  } catch (const MemberError& e) {
    return invalid(e.text());
  } catch (const nlohmann::json::exception& e) {
    // The library begins with its own "[json.exception...] ".
    const std::string_view what = e.what();
    const auto end = what.find("] ");
    return invalid(printable(end == std::string_view::npos ? what : what.substr(end + 2), 200));
  }
}

template <typename T>
std::string dump_json(const T& value) {
  nlohmann::json j;
  to_json(j, value);
  // Foreign bytes (a header, a log line) may not be UTF-8; the journal must still take the value.
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace holdfast

// One use per type, at the end of the .cc that holds its from_json.
#define HF_MODEL_JSON(type)                                             \
  template holdfast::Result<type> holdfast::parse_json<type>(std::string_view); \
  template std::string holdfast::dump_json<type>(const type&)
