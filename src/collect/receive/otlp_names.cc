#include "collect/receive/otlp_names.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"
#include "collect/receive/batch.h"

namespace holdfast::collect {
namespace {

struct Unit {
  std::string_view ucum, word;
};

constexpr Unit kUnits[] = {{"d", "days"},
                           {"h", "hours"},
                           {"min", "minutes"},
                           {"s", "seconds"},
                           {"ms", "milliseconds"},
                           {"us", "microseconds"},
                           {"ns", "nanoseconds"},
                           {"By", "bytes"},
                           {"KiBy", "kibibytes"},
                           {"MiBy", "mebibytes"},
                           {"GiBy", "gibibytes"},
                           {"TiBy", "tibibytes"},
                           {"KBy", "kilobytes"},
                           {"MBy", "megabytes"},
                           {"GBy", "gigabytes"},
                           {"TBy", "terabytes"},
                           {"m", "meters"},
                           {"V", "volts"},
                           {"A", "amperes"},
                           {"J", "joules"},
                           {"W", "watts"},
                           {"g", "grams"},
                           {"Cel", "celsius"},
                           {"Hz", "hertz"},
                           {"1", ""},
                           {"%", "percent"}};

constexpr Unit kPerUnits[] = {{"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
                              {"w", "week"},   {"mo", "month"}, {"y", "year"}};

std::string_view word_of(std::span<const Unit> units, std::string_view ucum) {
  for (const auto& unit : units) {
    if (unit.ucum == ucum) return unit.word;
  }
  return ucum;
}

bool is_annotation(std::string_view unit) { return unit.find_first_of("{}") != unit.npos; }

struct UnitSuffix {
  std::string main, per;  // "meters", "per_second"
};

UnitSuffix unit_suffix(std::string_view unit) {
  UnitSuffix out;
  const auto slash = unit.find('/');
  const auto main = trim(unit.substr(0, slash));
  if (!main.empty() && !is_annotation(main)) out.main = word_of(kUnits, main);
  if (slash == std::string_view::npos) return out;
  const auto per = trim(unit.substr(slash + 1));
  if (!per.empty() && !is_annotation(per)) out.per = "per_" + std::string(word_of(kPerUnits, per));
  return out;
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':';
}

// Runs of name characters; everything between them, underscores too, only parts them.
std::vector<std::string> name_tokens(std::string_view name) {
  std::vector<std::string> tokens;
  std::string token;
  for (const char c : name) {
    if (is_name_char(c)) {
      token += c;
    } else if (!token.empty()) {
      tokens.push_back(std::exchange(token, {}));
    }
  }
  if (!token.empty()) tokens.push_back(std::move(token));
  return tokens;
}

// A unit as it may stand in a name: foreign characters become single underscores, none at the ends.
std::string clean_unit(std::string_view unit) { return join(name_tokens(unit), "_"); }

bool contains(const std::vector<std::string>& tokens, std::string_view token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

void move_to_end(std::vector<std::string>& tokens, const std::string& token) {
  std::erase(tokens, token);
  tokens.push_back(token);
}

bool is_counter(const OtlpMetric& metric) {
  return metric.kind == OtlpKind::kSum && metric.monotonic;
}

bool is_ratio(const OtlpMetric& metric) {
  return metric.kind == OtlpKind::kGauge && metric.unit == "1";
}

std::string escaped_with_suffixes(const OtlpMetric& metric) {
  auto tokens = name_tokens(metric.name);
  const auto unit = unit_suffix(metric.unit);
  const auto main = clean_unit(unit.main);
  const auto per = clean_unit(unit.per);
  if (!main.empty() && !contains(tokens, main)) tokens.push_back(main);
  if (!per.empty() && per != "per" && !contains(tokens, per)) tokens.push_back(per);
  if (is_counter(metric)) move_to_end(tokens, "total");
  if (is_ratio(metric)) move_to_end(tokens, "ratio");
  return join(tokens, "_");
}

std::string escaped(std::string_view name) {
  std::string out;
  bool gap = false;
  for (const char c : name) {
    if (is_name_char(c) || c == '_') {
      if (gap && !out.empty()) out += '_';
      gap = false;
      out += c;
    } else {
      gap = true;
    }
  }
  return out;
}

// Takes a suffix and the character before it off.
void trim_suffix(std::string& name, std::string_view suffix) {
  if (name.ends_with(suffix) && name.size() > suffix.size() + 1)
    name.resize(name.size() - suffix.size() - 1);
}

std::string plain_with_suffixes(const OtlpMetric& metric) {
  auto name = metric.name;
  const auto unit = unit_suffix(metric.unit);
  if (is_ratio(metric)) trim_suffix(name, "ratio");
  if (is_counter(metric)) trim_suffix(name, "total");
  if (!unit.per.empty()) trim_suffix(name, unit.per);
  if (!unit.main.empty() && !name.ends_with(unit.main)) name += "_" + unit.main;
  if (!unit.per.empty()) name += "_" + unit.per;
  if (is_counter(metric)) name += "_total";
  if (is_ratio(metric)) name += "_ratio";
  return name;
}

}  // namespace

std::string OtlpNames::metric(const OtlpMetric& metric) const {
  if (metric.name.empty()) return {};
  if (!escapes()) return suffixes() ? plain_with_suffixes(metric) : metric.name;
  auto name = suffixes() ? escaped_with_suffixes(metric) : escaped(metric.name);
  if (!name.empty() && name[0] >= '0' && name[0] <= '9') name.insert(0, "_");
  const bool only_underscores = name.find_first_not_of('_') == std::string::npos;
  return only_underscores && name != metric.name ? std::string() : name;
}

std::string OtlpNames::label(std::string_view attribute) const {
  if (attribute.empty() || !escapes()) return std::string(attribute);
  std::string name(attribute);
  for (char& c : name) {
    if (!is_name_char(c) || c == ':') c = '_';
  }
  if (name[0] >= '0' && name[0] <= '9') return "key_" + name;
  if (name.starts_with('_') && !name.starts_with("__")) name.insert(0, "key");
  const bool only_underscores = name.find_first_not_of('_') == std::string::npos;
  return only_underscores && name != attribute ? std::string() : name;
}

}  // namespace holdfast::collect
