// What stands around unit tests: the files a pattern names, and the report machines read.
#include <fnmatch.h>

#include "base/text.h"
#include "detect/rules/unit_test.h"

namespace holdfast::detect {
namespace {

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#xA;";
        break;
      case '\t':
        out += "&#x9;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;  // XML has no other control characters
    }
  }
  return out;
}

std::string test_case_xml(const UnitTestCase& one) {
  std::string text = "    <testcase name=\"" + xml(one.name) + "\"";
  if (one.failures.empty()) return text + "></testcase>\n";
  text += ">\n";
  for (const auto& failure : one.failures)
    text += "      <failure message=\"" + xml(trim(failure)) + "\" type=\"\"></failure>\n";
  return text + "    </testcase>\n";
}

}  // namespace

std::string junit_xml(const std::vector<UnitTestReport>& reports) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const auto& report : reports) {
    std::size_t failed = 0;
    for (const auto& one : report.cases) failed += one.failures.empty() ? 0 : 1;
    text += "  <testsuite name=\"" + xml(report.file) + "\" tests=\"" +
            std::to_string(report.cases.size()) + "\" failures=\"" + std::to_string(failed) +
            "\" errors=\"" + std::to_string(report.errors.size()) + "\">\n";
    for (const auto& one : report.cases) text += test_case_xml(one);
    for (const auto& error : report.errors)
      text += "    <system-err>" + xml(error) + "</system-err>\n";
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

std::vector<std::string> glob(FileSystem& files, const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) {
    return files.exists(pattern) ? std::vector<std::string>{pattern} : std::vector<std::string>{};
  }
  // Folder by folder: each known path is extended by the entries that match the next part.
  std::vector<std::string> paths{pattern.starts_with('/') ? "/" : ""};
  for (const auto part : split(pattern, '/')) {
    if (part.empty()) continue;
    std::vector<std::string> next;
    const std::string wanted(part);
    const bool wild = wanted.find_first_of("*?[") != std::string::npos;
    for (const auto& path : paths) {
      const auto base = path.empty() || path.ends_with('/') ? path : path + "/";
      if (!wild) {
        if (files.exists(base + wanted)) next.push_back(base + wanted);
        continue;
      }
      auto entries = files.list(base.empty() ? "." : base);
      if (!entries) continue;
      for (const auto& entry : *entries) {
        if (::fnmatch(wanted.c_str(), entry.name.c_str(), FNM_PERIOD) == 0)
          next.push_back(base + entry.name);
      }
    }
    paths = std::move(next);
  }
  return paths;
}

}  // namespace holdfast::detect
