// respond/route/integration_table.h: which settings there are: of each integration, of `global`, of HTTP and TLS clients.
//
// Purpose     One table a mapping of the file: its keys, their types, defaults, which are secrets or templates, which
//             global fills them in. The reader, the masked print and the senders all go by these tables, so a key is
//             described once. A settings object holds every key of its table.
// Values      kString ... kFile are strings ("" when not set); kBool bool; kOptionalBool bool or null; kInt, kUint numbers;
//             the durations are milliseconds; kTexts, kTemplates arrays of strings; kTextMap, kTemplateMap objects of strings;
//             kListMap an object of arrays of strings; kTree any object, kAny any value (their strings are templates);
//             kObject an object with all keys of its table; kOptionalObject that or null; kObjects an array of them;
//             kObjectMap an object of them.
// Secrets     kSecret, kSecretUrl, kSecretTemplate (and lists of them: `secret`): shown as <secret>.
// Pairs       A key with `pair` may come inline or as KEY_file, not both.
// Threads     Constant tables.
// Source      ../shared/reference/alerting.md section 2.1; Alertmanager 0.27 to 0.34.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::respond::route {

enum class FieldType {
  kString,
  kTemplate,        // a string that is rendered
  kSecret,          // a string never shown
  kSecretTemplate,  // a URL that may be a template, never shown (webhook's)
  kUrl,             // http or https
  kSecretUrl,
  kAnyUrl,  // proxy_url
  kHostPort,
  kFile,  // made absolute to the directory of the configuration file
  kBool,
  kOptionalBool,
  kInt,
  kInt64,
  kUint,
  kNumber,
  kModelDuration,  // "1d12h"
  kGoDuration,     // "1.5h"; a bare number is nanoseconds
  kTextDuration,   // "1.5h"; a bare number is refused
  kTlsVersion,
  kTexts,
  kTemplates,
  kTextMap,
  kTemplateMap,
  kListMap,
  kTree,
  kAny,
  kObject,
  kOptionalObject,
  kObjects,
  kObjectMap,
  kJiraField,   // a template, or {template, enable_update}: KEY and KEY_enable_update
  kJiraLabels,  // a list of templates, or {values, enable_update}: likewise
};

struct ObjectTable;

struct Field {
  std::string_view key;
  FieldType type = FieldType::kString;
  std::string_view fallback = {};       // as it would be written in the file
  const ObjectTable* object = nullptr;  // of kObject ... kObjectMap
  bool secret = false;                  // lists and maps of secrets
};

enum class Pair { kOptional, kRequired };
struct PairRule {
  std::string_view key;
  Pair need = Pair::kOptional;
};

struct ObjectTable {
  std::string_view go_type;  // as messages name it: "config.plain"
  std::span<const Field> fields;
  std::span<const PairRule> pairs = {};
  // Further rules; may put values in order. Empty: good; otherwise the error's text.
  std::string (*check)(nlohmann::json& settings) = nullptr;
  std::string_view list_type = {};  // as messages name a list of them; empty: "[]" and go_type

  const Field* find(std::string_view key) const;
};

// A setting that `global` fills in when neither it nor its KEY_file is given.
struct Inherited {
  std::string_view key;
  std::string_view global;
  bool file = false;             // KEY_file and GLOBAL_file go together with them
  std::string_view needed = {};  // the error when it is set nowhere; empty: it may be
};

struct IntegrationKind {
  std::string_view kind;       // "slack"; its key in a receiver is KIND_configs
  std::string_view list_type;  // "[]*config.SlackConfig"
  ObjectTable table;
  std::span<const Inherited> inherited = {};
  bool slash = false;  // api_url ends in a slash
  bool own = false;    // Holdfast's, unknown to Alertmanager
};

// In the order in which Alertmanager runs them; Holdfast's own come last.
std::span<const IntegrationKind> integration_kinds();
const IntegrationKind* integration_kind(std::string_view kind);

const ObjectTable& global_table();
const ObjectTable& tracing_table();
const ObjectTable& http_table();
const ObjectTable& tls_table();

// The settings of a table when nothing is given: what `http_config` is by default, for example.
nlohmann::json default_settings(const ObjectTable& table);
// Whether a key's value must not be shown.
bool is_secret(const Field& field);

}  // namespace holdfast::respond::route
