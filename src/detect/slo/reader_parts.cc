#include "detect/slo/reader_parts.h"

#include "base/text.h"
#include "detect/rules/template.h"
#include "detect/slo/indicator.h"

namespace holdfast::detect::slo {

void check_query(const YamlContext& context, const YamlNode& node, const std::string& what,
                 const std::string& query, bool counter) {
  const auto checked = counter ? check_counter_query(query) : check_level_query(query);
  if (!checked) context.report(node, "'" + what + "': " + checked.error().message());
}

std::optional<double> read_percent(const YamlContext& context, const YamlNode& node,
                                   const std::string& what, double max) {
  const auto text = context.text(node, "'" + what + "'");
  if (!text) return std::nullopt;
  std::string_view number = trim(*text);
  const bool marked = number.ends_with('%');
  if (marked) number = trim(number.substr(0, number.size() - 1));
  const auto value = parse_double(number);
  if (!value || !(*value > 0) || *value > max) {
    context.report(node, "'" + what + "' is '" + printable(*text) +
                             "'; allowed: a percentage above 0 and " +
                             (max < 100 ? "below 100" : "up to 100") + ", such as 99.9 %");
    return std::nullopt;
  }
  if (*value <= 1 && !marked) {
    context.report(node, "'" + what + "' is '" + printable(*text) +
                             "', less than one percent; is " + format_double(tidy(*value * 100)) +
                             " % meant? Write the sign where it is not");
    return std::nullopt;
  }
  return tidy(*value / 100);
}

void check_slo(const YamlContext& context, const YamlNode& node, const Slo& slo) {
  std::vector<std::pair<std::string, std::string>> plain = {
      {"service", slo.service},
      {"severity", slo.alerts.page_severity},
      {"severity", slo.alerts.ticket_severity}};
  for (const auto& condition : slo.alerts.conditions) {
    plain.emplace_back("severity", condition.severity);
    plain.emplace_back("policy", condition.policy);
    plain.emplace_back("condition", condition.name);
  }
  for (const auto& [what, text] : plain) {
    if (text.find("{{") != std::string::npos)
      context.report(node,
                     "'" + what + "' is '" + printable(text) + "'; '{{' is not allowed there");
  }
  for (const auto* labels : {&slo.alerts.labels, &slo.alerts.annotations}) {
    for (const auto& label : *labels) {
      if (const auto parsed = Template::parse(label.value); !parsed)
        context.report(
            node, "'" + printable(label.name) + "' of the alerts: " + parsed.error().message());
    }
  }
  if (slo.window.length < kWindowMin || slo.window.length > kWindowMax)
    context.report(node,
                   "the window is " + format_duration(slo.window.length) + "; allowed: 1h to 400d");
  if (slo.slice < kSliceMin || slo.slice > kSliceMax)
    context.report(node, "the slice is " + format_duration(slo.slice) + "; allowed: 10s to 1h");
  else if (slo.slice * 12 > slo.window.length)
    context.report(node, "the slice is " + format_duration(slo.slice) +
                             ", more than a twelfth of the window of " +
                             format_duration(slo.window.length));
}

std::optional<CivilTime> parse_civil(std::string_view text) {
  text = trim(text);
  CivilTime civil;
  const auto number = [&](std::size_t at, std::size_t size) -> int {
    if (at + size > text.size()) return -1;
    int value = 0;
    for (const char c : text.substr(at, size)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const bool has_time = text.size() == 16 || text.size() == 19;
  if ((text.size() != 10 && !has_time) || text[4] != '-' || text[7] != '-') return std::nullopt;
  civil.year = number(0, 4);
  civil.month = number(5, 2);
  civil.day = number(8, 2);
  if (civil.year < 1970 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > days_in_month(civil.year, civil.month))
    return std::nullopt;
  if (!has_time) return civil;
  if ((text[10] != ' ' && text[10] != 'T') || text[13] != ':') return std::nullopt;
  civil.hour = number(11, 2);
  civil.minute = number(14, 2);
  if (text.size() == 19) {
    if (text[16] != ':') return std::nullopt;
    civil.second = number(17, 2);
  }
  if (civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59 ||
      civil.second < 0 || civil.second > 59)
    return std::nullopt;
  return civil;
}

}  // namespace holdfast::detect::slo
