// respond/route/strict_yaml.h: values out of YAML as Alertmanager's reader takes them, mistakes in its words.
//
// Purpose     Alertmanager is strict about keys, lenient about scalars (yes is true, 5 is a text where a text is wanted), and
//             gathers mistakes of type ("line 3: cannot unmarshal !!str `abc` into bool") while the first broken rule of
//             its own ends the reading. StrictYaml holds both, so that every reader above it only asks for values.
// Errors      mismatch() gathers, refuse() ends: afterwards stopped() is true and nothing more is recorded.
//             result() is what Alertmanager prints; line() is where it happened, 0 when unknown.
// Threads     One object a file.
// Source      gopkg.in/yaml.v2 in strict mode; ../shared/reference/alerting.md section 2.1.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/yaml.h"

namespace holdfast::respond::route {

class StrictYaml {
 public:
  // Texts are expanded through `variables` when given: ${NAME} and ${NAME:-default}; $${ is a plain ${.
  explicit StrictYaml(Variables variables = {}) : variables_(std::move(variables)) {}

  bool stopped() const { return refused_.has_value(); }
  std::size_t mismatches() const { return mismatches_.size(); }
  void mismatch(int line, std::string what);
  void refuse(int line, std::string what);
  // Whether nothing was wrong since `before` mismatches were known: a reader checks rules only then.
  bool clean_since(std::size_t before) const { return !stopped() && mismatches_.size() == before; }
  // "line 3: cannot unmarshal !!str `abc` into bool"
  void cannot(const YamlNode& node, std::string_view go_type);
  void unknown_field(const YamlNode& key, std::string_view go_type);

  // nullopt: a mismatch (recorded). A null scalar is the zero value.
  std::optional<std::string> text(const YamlNode& node, std::string_view go_type = "string");
  std::optional<bool> boolean(const YamlNode& node);
  std::optional<std::int64_t> integer(const YamlNode& node, std::string_view go_type = "int");
  std::optional<Duration> model_duration(const YamlNode& node);
  std::optional<Duration> go_duration(const YamlNode& node);
  std::optional<std::vector<std::string>> texts(const YamlNode& node,
                                                std::string_view go_type = "[]string");
  // Any tree, scalars resolved; strings expanded.
  nlohmann::json tree(const YamlNode& node);
  // The items of a list; a null gives none.
  const std::vector<YamlNode>& items(const YamlNode& node, std::string_view go_type);

  Result<void> result() const;
  int line() const { return line_; }

 private:
  std::string expand(const YamlNode& node);

  Variables variables_;
  std::vector<std::string> mismatches_;
  std::optional<std::string> refused_;
  int line_ = 0;
};

// The type YAML 1.1 gives a scalar: "!!str", "!!int", "!!float", "!!bool" or "!!null".
std::string_view scalar_tag(const YamlNode& node);

}  // namespace holdfast::respond::route
