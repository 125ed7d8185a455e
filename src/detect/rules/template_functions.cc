#include "detect/rules/template_functions.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.h"
#include "base/time.h"
#include "detect/rules/template.h"

namespace holdfast::detect {
namespace {

using Value = TemplateValue;
using Args = TemplateArgs;

// --- arguments --------------------------------------------------------------------------------------------

Error wrong_type(std::string_view expected, const Value& got) {
  return invalid("wrong type for value; expected " + std::string(expected) + "; got " + std::string(got.type_name()));
}

Result<std::string> text_of(const Value& v) {
  if (const auto* text = v.as<std::string>()) return *text;
  return wrong_type("string", v);
}

Result<double> number_of(const Value& v) {
  if (const auto* number = v.as<double>()) return *number;
  if (const auto* whole = v.as<std::int64_t>()) return static_cast<double>(*whole);
  if (const auto* duration = v.as<TemplateDuration>()) return static_cast<double>(duration->ns) / 1e9;
  if (const auto* text = v.as<std::string>()) {
    if (auto parsed = parse_double(*text)) return *parsed;
    return invalid("strconv.ParseFloat: parsing \"" + printable(*text) + "\": invalid syntax");
  }
  return invalid("can't convert " + std::string(v.type_name()) + " to float");
}

Result<std::vector<QuerySample>> samples_of(const Value& v) {
  const auto* list = v.as<TemplateList>();
  if (list == nullptr) return wrong_type("the result of query", v);
  std::vector<QuerySample> samples;
  for (const auto& item : **list) {
    const auto* sample = item.as<QuerySample>();
    if (sample == nullptr) return wrong_type("the result of query", item);
    samples.push_back(*sample);
  }
  return samples;
}

Result<QuerySample> sample_of(const Value& v) {
  if (const auto* sample = v.as<QuerySample>()) return *sample;
  return wrong_type("a sample of query", v);
}

Value list_of(std::vector<Value> items) { return TemplateList(std::make_shared<const std::vector<Value>>(std::move(items))); }

// --- Go's own ---------------------------------------------------------------------------------------------

Result<Value> fn_eq(const TemplateData&, Args args) {
  for (const auto& other : args.subspan(1)) {
    if (HF_TRY(values_equal(args[0], other))) return Value(true);
  }
  return Value(false);
}
Result<Value> fn_ne(const TemplateData&, Args args) { return Value(!HF_TRY(values_equal(args[0], args[1]))); }
Result<Value> fn_lt(const TemplateData&, Args args) { return Value(HF_TRY(values_less(args[0], args[1]))); }
// le and gt are made of lt and eq, so that NaN compares as in Go.
Result<Value> fn_le(const TemplateData&, Args args) {
  if (HF_TRY(values_less(args[0], args[1]))) return Value(true);
  return Value(HF_TRY(values_equal(args[0], args[1])));
}
Result<Value> fn_gt(const TemplateData& data, Args args) {
  auto le = HF_TRY(fn_le(data, args));
  return Value(!le.truth());
}
Result<Value> fn_ge(const TemplateData&, Args args) { return Value(!HF_TRY(values_less(args[0], args[1]))); }
Result<Value> fn_not(const TemplateData&, Args args) { return Value(!args[0].truth()); }
// The evaluator stops at the first argument that decides; these see all that were evaluated, so the last one is it.
Result<Value> fn_last(const TemplateData&, Args args) { return args.back(); }

Result<Value> fn_len(const TemplateData&, Args args) {
  if (const auto* text = args[0].as<std::string>()) return Value(static_cast<std::int64_t>(text->size()));
  if (const auto* labels = args[0].as<model::Labels>()) return Value(static_cast<std::int64_t>(labels->size()));
  if (const auto* list = args[0].as<TemplateList>()) return Value(static_cast<std::int64_t>((*list)->size()));
  if (const auto* map = args[0].as<TemplateMap>()) return Value(static_cast<std::int64_t>((*map)->size()));
  return invalid("len of type " + std::string(args[0].type_name()));
}

Result<Value> fn_index(const TemplateData&, Args args) {
  auto value = args[0];
  for (const auto& at : args.subspan(1)) value = HF_TRY(index_value(value, at));
  return value;
}

Result<Value> fn_slice(const TemplateData&, Args args) {
  const auto* text = args[0].as<std::string>();
  const auto* list = args[0].as<TemplateList>();
  if (text == nullptr && list == nullptr) return invalid("can't slice item of type " + std::string(args[0].type_name()));
  const auto size = static_cast<std::int64_t>(text != nullptr ? text->size() : (*list)->size());
  std::int64_t bounds[2] = {0, size};
  for (std::size_t i = 1; i < args.size() && i < 3; ++i) {
    const auto* at = args[i].as<std::int64_t>();
    if (at == nullptr) return invalid("cannot index slice/array with type " + std::string(args[i].type_name()));
    if (*at < 0 || *at > size) return invalid("index out of range: " + std::to_string(*at));
    bounds[i - 1] = *at;
  }
  if (bounds[0] > bounds[1]) return invalid("invalid slice index: " + std::to_string(bounds[0]) + " > " + std::to_string(bounds[1]));
  if (text != nullptr) return Value(text->substr(static_cast<std::size_t>(bounds[0]), static_cast<std::size_t>(bounds[1] - bounds[0])));
  return list_of({(*list)->begin() + bounds[0], (*list)->begin() + bounds[1]});
}

// fmt.Sprint: a space between operands when neither is a string.
Result<Value> fn_print(const TemplateData&, Args args) {
  std::string out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool text = args[i].as<std::string>() != nullptr;
    if (i > 0 && !text && args[i - 1].as<std::string>() == nullptr) out += ' ';
    out += args[i].is_nil() ? "<nil>" : args[i].print();
  }
  return Value(out);
}
Result<Value> fn_println(const TemplateData&, Args args) {
  std::string out;
  for (std::size_t i = 0; i < args.size(); ++i) out += (i > 0 ? " " : "") + (args[i].is_nil() ? std::string("<nil>") : args[i].print());
  return Value(out + "\n");
}
Result<Value> fn_printf(const TemplateData&, Args args) {
  const auto format = HF_TRY(text_of(args[0]));
  return Value(go_sprintf(format, {args.begin() + 1, args.end()}));
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&#34;";
    else if (c == '\'') out += "&#39;";
    else out += c;
  }
  return out;
}
std::string escape_js(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '\'' || c == '"') out += std::string("\\") + c;
    else if (c == '<') out += "\\u003C";
    else if (c == '>') out += "\\u003E";
    else if (c == '&') out += "\\u0026";
    else if (c == '=') out += "\\u003D";
    else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04X", static_cast<unsigned>(c));
      out += code;
    } else out += c;
  }
  return out;
}
std::string escape_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ') {
      out += '+';
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    }
  }
  return out;
}

std::string printed(const TemplateData& data, Args args) {
  auto text = fn_print(data, args);
  return *text->as<std::string>();
}
Result<Value> fn_html(const TemplateData& data, Args args) { return Value(escape_html(printed(data, args))); }
Result<Value> fn_js(const TemplateData& data, Args args) { return Value(escape_js(printed(data, args))); }
Result<Value> fn_urlquery(const TemplateData& data, Args args) { return Value(escape_query(printed(data, args))); }

// --- Prometheus': numbers for people ----------------------------------------------------------------------

// Divides by `base` until the number is small, or multiplies by 1000 until it is not, and names the step taken.
std::string with_prefix(double v, double base, const std::vector<std::string_view>& prefixes, bool down, std::string_view unit) {
  std::string_view prefix;
  for (const auto p : prefixes) {
    if (down ? std::fabs(v) >= 1 : std::fabs(v) < base) break;
    prefix = p;
    v = down ? v * base : v / base;
  }
  return printf_float("%.4g", v) + std::string(prefix) + std::string(unit);
}
const std::vector<std::string_view> kLarge = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
const std::vector<std::string_view> kSmall = {"m", "u", "n", "p", "f", "a", "z", "y"};
const std::vector<std::string_view> kBinary = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

Result<Value> fn_humanize(const TemplateData&, Args args) {
  const auto v = HF_TRY(number_of(args[0]));
  if (v == 0 || !std::isfinite(v)) return Value(printf_float("%.4g", v));
  return Value(std::fabs(v) >= 1 ? with_prefix(v, 1000, kLarge, false, "") : with_prefix(v, 1000, kSmall, true, ""));
}
Result<Value> fn_humanize1024(const TemplateData&, Args args) {
  const auto v = HF_TRY(number_of(args[0]));
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return Value(printf_float("%.4g", v));
  return Value(with_prefix(v, 1024, kBinary, false, ""));
}
Result<Value> fn_humanize_duration(const TemplateData&, Args args) {
  auto v = HF_TRY(number_of(args[0]));
  if (!std::isfinite(v)) return Value(printf_float("%.4g", v));
  if (v == 0) return Value(printf_float("%.4g", v) + "s");
  if (std::fabs(v) < 1) return Value(with_prefix(v, 1000, kSmall, true, "s"));
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  const auto whole = v < 9e18 ? static_cast<std::int64_t>(v) : std::numeric_limits<std::int64_t>::max();
  const auto seconds = std::to_string(whole % 60) + "s", minutes = std::to_string(whole / 60 % 60) + "m ";
  const auto hours = std::to_string(whole / 3600 % 24) + "h ", days = std::to_string(whole / 86400) + "d ";
  if (whole >= 86400) return Value(sign + days + hours + minutes + seconds);
  if (whole >= 3600) return Value(sign + hours + minutes + seconds);
  if (whole >= 60) return Value(sign + minutes + seconds);
  return Value(sign + printf_float("%.4g", v) + "s");
}
Result<Value> fn_humanize_percentage(const TemplateData&, Args args) {
  return Value(printf_float("%.4g", HF_TRY(number_of(args[0])) * 100) + "%");
}

Result<std::int64_t> timestamp_ms(double v) {
  const auto ns = v * 1e9;
  if (ns >= 9223372036854775807.0 || ns <= -9223372036854775808.0) {
    return invalid(print_float(v) + " cannot be represented as a nanoseconds timestamp since it overflows int64");
  }
  return static_cast<std::int64_t>(std::floor(ns / 1e6));
}
Result<Value> fn_humanize_timestamp(const TemplateData&, Args args) {
  const auto v = HF_TRY(number_of(args[0]));
  if (!std::isfinite(v)) return Value(printf_float("%.4g", v));
  return Value(print_time(HF_TRY(timestamp_ms(v))));
}
Result<Value> fn_to_time(const TemplateData&, Args args) {
  const auto v = HF_TRY(number_of(args[0]));
  if (!std::isfinite(v)) return invalid("cannot convert " + printf_float("%g", v) + " to time.Time");
  return Value(TemplateTime{HF_TRY(timestamp_ms(v))});
}
Result<Value> fn_to_duration(const TemplateData&, Args args) {
  const auto v = HF_TRY(number_of(args[0]));
  if (!std::isfinite(v) || std::fabs(v) * 1e9 >= 9.2e18) return invalid("cannot convert " + print_float(v) + " to time.Duration");
  return Value(TemplateDuration{static_cast<std::int64_t>(v * 1e9)});
}
Result<Value> fn_now(const TemplateData& data, Args) { return Value(static_cast<double>(to_ms(data.at)) / 1e3); }
Result<Value> fn_parse_duration(const TemplateData&, Args args) {
  return Value(to_seconds(HF_TRY(parse_duration(HF_TRY(text_of(args[0]))))));
}

// --- Prometheus': texts -----------------------------------------------------------------------------------

// Letters of ASCII only; other alphabets stay as they are.
Result<Value> change_case(const Value& v, bool up) {
  auto text = HF_TRY(text_of(v));
  for (char& c : text) {
    if (up && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!up && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return Value(text);
}
Result<Value> fn_to_upper(const TemplateData&, Args args) { return change_case(args[0], true); }
Result<Value> fn_to_lower(const TemplateData&, Args args) { return change_case(args[0], false); }
Result<Value> fn_title(const TemplateData&, Args args) {
  auto text = HF_TRY(text_of(args[0]));
  bool inside = false;
  for (char& c : text) {
    if (!inside && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    inside = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
  }
  return Value(text);
}

Result<std::unique_ptr<re2::RE2>> compile(const Value& pattern) {
  const auto text = HF_TRY(text_of(pattern));
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(text, options);
  if (!regex->ok()) return invalid("error parsing regexp: " + regex->error());
  return regex;
}
Result<Value> fn_match(const TemplateData&, Args args) {
  const auto regex = HF_TRY(compile(args[0]));
  return Value(re2::RE2::PartialMatch(HF_TRY(text_of(args[1])), *regex));
}

// $1, ${1}, $name and ${name} of a replacement; "$$" is a "$". An unknown group is nothing, as in Go.
std::string expand_groups(const re2::RE2& regex, std::string_view replacement, const std::vector<re2::StringPiece>& groups) {
  const auto group = [&](const std::string& name) -> std::string {
    auto index = parse_int(name);
    if (!index) {
      const auto found = regex.NamedCapturingGroups().find(name);
      if (found == regex.NamedCapturingGroups().end()) return {};
      index = found->second;
    }
    if (*index < 0 || static_cast<std::size_t>(*index) >= groups.size()) return {};
    const auto& piece = groups[static_cast<std::size_t>(*index)];
    return {piece.data() == nullptr ? "" : piece.data(), piece.size()};
  };
  const auto is_name = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  std::string out;
  for (std::size_t i = 0; i < replacement.size();) {
    if (replacement[i] != '$' || i + 1 >= replacement.size()) {
      out += replacement[i++];
      continue;
    }
    if (replacement[i + 1] == '$') {
      out += '$';
      i += 2;
      continue;
    }
    const bool braces = replacement[i + 1] == '{';
    const auto from = i + (braces ? 2 : 1);
    auto to = from;
    while (to < replacement.size() && is_name(replacement[to])) ++to;
    if (to == from || (braces && (to >= replacement.size() || replacement[to] != '}'))) {
      out += replacement[i++];
      continue;
    }
    out += group(std::string(replacement.substr(from, to - from)));
    i = to + (braces ? 1 : 0);
  }
  return out;
}

Result<Value> fn_re_replace_all(const TemplateData&, Args args) {
  const auto regex = HF_TRY(compile(args[0]));
  const auto replacement = HF_TRY(text_of(args[1]));
  const auto text = HF_TRY(text_of(args[2]));
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0, last_end = std::string::npos;
  while (at <= text.size() && regex->Match(text, at, text.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const auto end = begin + groups[0].size();
    out.append(text, at, begin - at);
    if (out.size() > kTemplateTextSizeMax) break;  // refused by the caller
    // An empty match right after another match is none, as in Go.
    if (!(end == begin && begin == last_end)) out += expand_groups(*regex, replacement, groups);
    last_end = end;
    at = end;
    if (end == begin) {
      do {
        if (at < text.size()) out += text[at];
        ++at;
      } while (at < text.size() && (text[at] & 0xc0) == 0x80);
    }
  }
  if (at < text.size()) out.append(text, at, std::string::npos);
  return Value(out);
}

// host:port or [host]:port; false when it is neither.
bool split_host_port(const std::string& text, std::string& host, std::string& port) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return false;
    host = host.substr(1, host.size() - 2);
    return host.find_first_of("[]") == std::string::npos;
  }
  return host.find_first_of(":[]") == std::string::npos && port.find(']') == std::string::npos;
}
Result<Value> fn_strip_port(const TemplateData&, Args args) {
  const auto text = HF_TRY(text_of(args[0]));
  std::string host, port;
  return Value(split_host_port(text, host, port) ? host : text);
}
Result<Value> fn_strip_domain(const TemplateData&, Args args) {
  const auto text = HF_TRY(text_of(args[0]));
  std::string host, port;
  if (!split_host_port(text, host, port)) host = text, port.clear();
  const bool address = host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
  if (address) return Value(text);
  host = host.substr(0, host.find('.'));
  return Value(port.empty() ? host : host + ":" + port);
}

Result<Value> fn_same(const TemplateData&, Args args) { return Value(HF_TRY(text_of(args[0]))); }
Result<Value> fn_graph_link(const TemplateData&, Args args) {
  return Value("/graph?g0.expr=" + escape_query(HF_TRY(text_of(args[0]))) + "&g0.tab=0");
}
Result<Value> fn_table_link(const TemplateData&, Args args) {
  return Value("/graph?g0.expr=" + escape_query(HF_TRY(text_of(args[0]))) + "&g0.tab=1");
}
Result<Value> fn_external_url(const TemplateData& data, Args) { return Value(data.external_url); }
Result<Value> fn_path_prefix(const TemplateData& data, Args) {
  const auto scheme = data.external_url.find("://");
  const auto path = data.external_url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (path == std::string::npos) return Value(std::string());
  return Value(data.external_url.substr(path, data.external_url.find_first_of("?#", path) - path));
}

// --- Prometheus': queries ---------------------------------------------------------------------------------

Result<Value> fn_query(const TemplateData& data, Args args) {
  const auto text = HF_TRY(text_of(args[0]));
  if (!data.query) return invalid("queries cannot be answered here");
  const auto vector = HF_TRY(data.query(text));
  std::vector<Value> samples;
  for (const auto& series : vector.series) {
    samples.push_back(QuerySample{series.labels, series.points.empty() ? 0 : series.points.back().value});
  }
  return list_of(std::move(samples));
}
Result<Value> fn_first(const TemplateData&, Args args) {
  auto samples = HF_TRY(samples_of(args[0]));
  if (samples.empty()) return invalid("first() called on vector with no elements");
  return Value(std::move(samples.front()));
}
Result<Value> fn_label(const TemplateData&, Args args) {
  const auto name = HF_TRY(text_of(args[0]));
  return Value(std::string(HF_TRY(sample_of(args[1])).labels.get(name)));
}
Result<Value> fn_value(const TemplateData&, Args args) { return Value(HF_TRY(sample_of(args[0])).value); }
Result<Value> fn_strvalue(const TemplateData&, Args args) {
  return Value(std::string(HF_TRY(sample_of(args[0])).labels.get("__value__")));
}
Result<Value> fn_sort_by_label(const TemplateData&, Args args) {
  const auto name = HF_TRY(text_of(args[0]));
  auto samples = HF_TRY(samples_of(args[1]));
  std::stable_sort(samples.begin(), samples.end(), [&](const auto& a, const auto& b) { return a.labels.get(name) < b.labels.get(name); });
  return list_of({samples.begin(), samples.end()});
}
Result<Value> fn_args(const TemplateData&, Args args) {
  std::map<std::string, Value> named;
  for (std::size_t i = 0; i < args.size(); ++i) {
    // Maps of maps could grow without end by a loop, in depth and when printed.
    if (args[i].as<TemplateMap>() != nullptr) return invalid("args inside args; give its members one by one");
    named["arg" + std::to_string(i)] = args[i];
  }
  return Value(TemplateMap(std::make_shared<const std::map<std::string, Value>>(std::move(named))));
}

// Sorted by name.
constexpr TemplateFunction kFunctions[] = {
    {"and", 1, -1, fn_last},
    {"args", 0, -1, fn_args},
    {"eq", 2, -1, fn_eq},
    {"externalURL", 0, 0, fn_external_url},
    {"first", 1, 1, fn_first},
    {"ge", 2, 2, fn_ge},
    {"graphLink", 1, 1, fn_graph_link},
    {"gt", 2, 2, fn_gt},
    {"html", 1, -1, fn_html},
    {"humanize", 1, 1, fn_humanize},
    {"humanize1024", 1, 1, fn_humanize1024},
    {"humanizeDuration", 1, 1, fn_humanize_duration},
    {"humanizePercentage", 1, 1, fn_humanize_percentage},
    {"humanizeTimestamp", 1, 1, fn_humanize_timestamp},
    {"index", 1, -1, fn_index},
    {"js", 1, -1, fn_js},
    {"label", 2, 2, fn_label},
    {"le", 2, 2, fn_le},
    {"len", 1, 1, fn_len},
    {"lt", 2, 2, fn_lt},
    {"match", 2, 2, fn_match},
    {"ne", 2, 2, fn_ne},
    {"not", 1, 1, fn_not},
    {"now", 0, 0, fn_now},
    {"or", 1, -1, fn_last},
    {"parseDuration", 1, 1, fn_parse_duration},
    {"pathPrefix", 0, 0, fn_path_prefix},
    {"print", 0, -1, fn_print},
    {"printf", 1, -1, fn_printf},
    {"println", 0, -1, fn_println},
    {"query", 1, 1, fn_query},
    {"reReplaceAll", 3, 3, fn_re_replace_all},
    {"safeHtml", 1, 1, fn_same},
    {"slice", 1, 3, fn_slice},
    {"sortByLabel", 2, 2, fn_sort_by_label},
    {"stripDomain", 1, 1, fn_strip_domain},
    {"stripPort", 1, 1, fn_strip_port},
    {"strvalue", 1, 1, fn_strvalue},
    {"tableLink", 1, 1, fn_table_link},
    {"title", 1, 1, fn_title},
    {"toDuration", 1, 1, fn_to_duration},
    {"toLower", 1, 1, fn_to_lower},
    {"toTime", 1, 1, fn_to_time},
    {"toUpper", 1, 1, fn_to_upper},
    {"urlquery", 1, -1, fn_urlquery},
    {"value", 1, 1, fn_value},
};

}  // namespace

const TemplateFunction* find_template_function(std::string_view name) {
  for (const auto& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::vector<std::string> template_function_names() {
  std::vector<std::string> names;
  for (const auto& function : kFunctions) names.emplace_back(function.name);
  return names;
}

Result<TemplateValue> index_value(const TemplateValue& of, const TemplateValue& at) {
  if (of.is_nil()) return invalid("index of untyped nil");
  if (const auto* labels = of.as<model::Labels>()) return Value(std::string(labels->get(HF_TRY(text_of(at)))));
  if (const auto* map = of.as<TemplateMap>()) {
    const auto found = (*map)->find(HF_TRY(text_of(at)));
    return found == (*map)->end() ? Value() : found->second;
  }
  const auto* list = of.as<TemplateList>();
  const auto* text = of.as<std::string>();
  if (list == nullptr && text == nullptr) return invalid("can't index item of type " + std::string(of.type_name()));
  const auto* index = at.as<std::int64_t>();
  if (index == nullptr) return invalid("cannot index slice/array with type " + std::string(at.type_name()));
  const auto size = list != nullptr ? (*list)->size() : text->size();
  if (*index < 0 || static_cast<std::size_t>(*index) >= size) return invalid("index out of range: " + std::to_string(*index));
  const auto i = static_cast<std::size_t>(*index);
  if (list != nullptr) return (**list)[i];
  return Value(static_cast<std::int64_t>(static_cast<unsigned char>((*text)[i])));
}

}  // namespace holdfast::detect
