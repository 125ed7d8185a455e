#include "app/cli/slo_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/files.h"
#include "base/text.h"
#include "detect/slo/burn_rules.h"
#include "detect/slo/open_slo.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_string()
             ? object[name].get<std::string>()
             : std::string();
}
double number_of(const json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_number()
             ? object[name].get<double>()
             : 0;
}
json member(const json& object, const char* name) {
  return object.is_object() && object.contains(name) ? object[name] : json();
}

// "87.5 %", "-12.0 %", "no data".
std::string percent(const json& share, int digits) {
  return share.is_number() ? fmt::format("{:.{}f} %", share.get<double>() * 100, digits)
                           : "no data";
}

std::string burn_rate(const json& slo, const std::string& window) {
  for (const auto& one : member(slo, "burn_rates")) {
    if (text_of(one, "window") == window && one["rate"].is_number())
      return fmt::format("{:.2f}", one["rate"].get<double>());
  }
  return "-";
}

std::string alerts_text(const json& slo) {
  std::vector<std::string> parts;
  for (const auto& alert : member(slo, "alerts"))
    parts.push_back(text_of(alert, "severity") + " " + text_of(alert, "state"));
  return parts.empty() ? "-" : join(parts, ", ");
}

template <typename Print>
int show_answer(const Result<json>& answer, bool as_json, Print print) {
  if (!answer) {
    fmt::print(stderr, "holdfast: {}\n", answer.error().message());
    return 1;
  }
  if (as_json) fmt::print("{}\n", answer->dump(2));
  return print(*answer);
}

void print_spent(const char* title, const json& spent) {
  fmt::print("  {:<22} {:>12} left  {:>12} good  {:.6g} bad of {:.6g}, {:.6g} allowed\n", title,
             percent(member(spent, "remaining"), 1), percent(member(spent, "ratio"), 4),
             number_of(spent, "bad"), number_of(spent, "total"), number_of(spent, "budget"));
}

void print_slo(const json& slo) {
  fmt::print("{}: {} % of {}, {}\n", text_of(slo, "name"),
             format_double(number_of(slo, "objective")),
             text_of(slo, "service").empty() ? "no service" : text_of(slo, "service"),
             text_of(slo, "window"));
  fmt::print("  {} to {}, maintenance {}\n", text_of(slo, "from"), text_of(slo, "until"),
             format_duration(from_seconds(number_of(slo, "maintenance_seconds"))));
  print_spent("with maintenance", member(slo, "gross"));
  print_spent("without maintenance", member(slo, "net"));
  if (const auto error = text_of(slo, "error"); !error.empty()) fmt::print("  {}\n", error);
  fmt::print("  burn rates");
  for (const auto& one : member(slo, "burn_rates"))
    fmt::print("  {} {}", text_of(one, "window"), burn_rate(slo, text_of(one, "window")));
  fmt::print("\n");
  for (const auto& pair : member(slo, "pairs")) {
    fmt::print("  {:<10} {:>6} and {:>6} above {:>6}  {}\n", text_of(pair, "severity"),
               text_of(pair, "long"), text_of(pair, "short"),
               format_double(number_of(pair, "factor")),
               pair.value("burning", false) ? "burning" : "calm");
  }
  for (const auto& alert : member(slo, "alerts"))
    fmt::print("  {} {} since {}: {}\n", text_of(alert, "severity"), text_of(alert, "state"),
               text_of(alert, "active_at"), text_of(alert, "description"));
}

// Objectives of all files, or nothing and the findings printed.
std::optional<std::vector<detect::slo::Slo>> load(const std::vector<std::string>& paths,
                                                  json* findings) {
  PosixFileSystem files;
  std::vector<std::string> texts;
  bool good = true;
  for (const auto& path : paths) {
    auto text = files.read_file(path);
    if (!text) {
      fmt::print(stderr, "holdfast: {}: {}\n", path, text.error().message());
      good = false;
    }
    texts.push_back(text ? std::move(*text) : "");
  }
  if (!good) return std::nullopt;
  std::vector<detect::slo::SloSource> sources;
  for (std::size_t i = 0; i < paths.size(); ++i) sources.push_back({paths[i], texts[i]});
  auto read = detect::slo::parse_open_slo(sources);
  for (const auto& finding : read.findings) {
    if (findings != nullptr)
      findings->push_back(finding.text());
    else
      fmt::print(stderr, "{}\n", finding.text());
  }
  if (!read.findings.empty()) return std::nullopt;
  return std::move(read.slos);
}

}  // namespace

int run_slo_list(Remote& remote, const std::string& service, bool as_json) {
  const auto answer =
      remote.get("/slos" + (service.empty() ? "" : "?service=" + net::percent_encode(service)));
  return show_answer(answer, as_json, [&](const json& body) {
    if (as_json) return 0;
    fmt::print("{:<32} {:<16} {:>9} {:>12} {:>12} {:>8} {:>8}  {}\n", "slo", "service", "objective",
               "left", "left (net)", "burn 1h", "burn 6h", "alerts");
    for (const auto& slo : member(body, "slos")) {
      fmt::print("{:<32} {:<16} {:>7} % {:>12} {:>12} {:>8} {:>8}  {}\n", text_of(slo, "name"),
                 text_of(slo, "service"), format_double(number_of(slo, "objective")),
                 percent(member(member(slo, "gross"), "remaining"), 1),
                 percent(member(member(slo, "net"), "remaining"), 1), burn_rate(slo, "1h"),
                 burn_rate(slo, "6h"), alerts_text(slo));
    }
    return 0;
  });
}

int run_slo_show(Remote& remote, const std::string& name, bool as_json) {
  return show_answer(
      remote.get("/slos/" + net::percent_encode(name)), as_json, [&](const json& body) {
        const auto slo = member(body, "slo");
        if (!as_json) print_slo(slo);
        return member(slo, "net").is_object() && !slo["net"].value("met", true) ? 1 : 0;
      });
}

int run_slo_check(const std::vector<std::string>& paths, bool as_json) {
  json findings = json::array();
  const auto slos = load(paths, as_json ? &findings : nullptr);
  if (as_json) {
    json list = json::array();
    for (const auto& slo : slos.value_or(std::vector<detect::slo::Slo>())) {
      list.push_back({{"name", slo.name},
                      {"service", slo.service},
                      {"objective", detect::slo::tidy(slo.objective * 100)},
                      {"window", slo.window.text()}});
    }
    fmt::print("{}\n", json({{"slos", list}, {"findings", findings}}).dump(2));
    return slos ? 0 : 1;
  }
  if (!slos) return 1;
  for (const auto& slo : *slos)
    fmt::print("{}: {} % of {}, {}\n", slo.name,
               format_double(detect::slo::tidy(slo.objective * 100)), slo.service,
               slo.window.text());
  fmt::print("{} objectives, good\n", slos->size());
  return 0;
}

int run_slo_rules(const std::vector<std::string>& paths) {
  const auto slos = load(paths, nullptr);
  if (!slos) return 1;
  std::vector<detect::RuleGroup> groups;
  for (const auto& slo : *slos) groups.push_back(detect::slo::burn_rules(slo));
  fmt::print("{}", detect::slo::rule_file_text(groups));
  return 0;
}

}  // namespace holdfast::app
