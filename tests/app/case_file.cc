#include "app/case_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kName = "=== ";
constexpr std::string_view kArrow = "--->";

std::string path_of(const std::string& file) {
  return std::string(HOLDFAST_SOURCE_DIR) + "/tests/app/" + file;
}

std::string without_last_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// The comment before the first case, and the cases.
std::string read_cases(std::istream& in, std::vector<TextCase>& cases) {
  std::string head, line;
  bool after_arrow = false;
  while (std::getline(in, line)) {
    if (line.starts_with(kName)) {
      cases.push_back({line.substr(kName.size()), "", ""});
      after_arrow = false;
    } else if (cases.empty()) {
      head += line + "\n";
    } else if (line == kArrow) {
      after_arrow = true;
    } else {
      (after_arrow ? cases.back().output : cases.back().input) += line + "\n";
    }
  }
  for (auto& one : cases) one.output = without_last_line_end(one.output);
  return head;
}

void write_cases(const std::string& path, const std::string& head,
                 const std::vector<TextCase>& cases) {
  std::ofstream out(path);
  out << head;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    out << kName << cases[i].name << "\n"
        << cases[i].input << kArrow << "\n"
        << cases[i].output << "\n";
    if (i + 1 < cases.size()) out << "\n";
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string TextCase::bytes() const {
  std::string out;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto next = i + 1 < input.size() ? input[i + 1] : '\0';
    if (input[i] == '\\' && next == 't') {
      out.push_back('\t');
      ++i;
    } else if (input[i] == '\\' && next == 'x' && i + 3 < input.size() &&
               hex_digit(input[i + 2]) >= 0 && hex_digit(input[i + 3]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(input[i + 2]) * 16 + hex_digit(input[i + 3])));
      i += 3;
    } else {
      out.push_back(input[i]);
    }
  }
  return out;
}

std::size_t run_case_file(const std::string& file,
                          const std::function<std::string(const TextCase&)>& run) {
  std::ifstream in(path_of(file));
  EXPECT_TRUE(in) << path_of(file);
  std::vector<TextCase> cases;
  const auto head = read_cases(in, cases);
  const bool update = std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr;
  std::set<std::string> names;
  for (auto& one : cases) {
    EXPECT_TRUE(names.insert(one.name).second)
        << file << ": case '" << one.name << "' stands twice";
    const auto got = without_last_line_end(run(one));
    if (update) one.output = got;
    EXPECT_EQ(got, one.output) << file << ": " << one.name;
  }
  if (update) write_cases(path_of(file), head, cases);
  return cases.size();
}

}  // namespace holdfast::app
