// Broken holdfast.yaml files, each with every finding, exactly; and that a good one has none.
#include <gtest/gtest.h>

#include "app/case_file.h"
#include "app/config.h"
#include "base/sim.h"

namespace holdfast::app {
namespace {

std::optional<std::string> variables(const std::string& name) {
  if (name == "SET") return "value";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) text += finding.text() + "\n";
  return text;
}

class BadConfig : public testing::Test {
 protected:
  BadConfig() {
    write("/etc/good-rules.yml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: b}\n");
    write("/etc/bad-rules.yml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'rate(b)'}\n");
    write("/etc/no-yaml.yml", "groups: [\n");
    EXPECT_TRUE(files.create_directories("/etc/folder"));
  }
  void write(const std::string& path, const std::string& text) {
    EXPECT_TRUE(files.create_directories("/etc"));
    EXPECT_TRUE(files.write_file_atomic(path, text));
  }
  SeededRandom random{1};
  SimFileSystem files{random};
};

TEST_F(BadConfig, IsRefusedWithEveryMistakeAtItsPlace) {
  const auto count = run_case_file("bad_config.txt", [&](const TextCase& one) {
    const auto findings = parse_config(files, "/etc/h.yaml", one.bytes(), variables).findings;
    EXPECT_FALSE(findings.empty()) << one.name << " was taken";
    for (const auto& finding : findings) EXPECT_NE(finding.place.file, "") << one.name;
    return text_of(findings);
  });
  EXPECT_GE(count, 60U);
}

TEST_F(BadConfig, EndsAnywhereWithoutHarm) {
  run_case_file("bad_config.txt", [&](const TextCase& one) {
    const auto bytes = one.bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size)
      parse_config(files, "/etc/h.yaml", bytes.substr(0, size), variables);
    return one.output;
  });
}

TEST_F(BadConfig, AFileThatIsNotThereIsOneFinding) {
  const auto result = load_config(files, "/etc/nowhere.yaml", variables);
  EXPECT_EQ(text_of(result.findings),
            "/etc/nowhere.yaml: open /etc/nowhere.yaml: No such file or directory\n");
}

TEST_F(BadConfig, AFullDiskOfMistakesIsToldInOneGo) {
  std::string yaml = "services:\n";
  for (int i = 0; i < 500; ++i) yaml += "- {name: s" + std::to_string(i) + ", tier: best}\n";
  EXPECT_EQ(parse_config(files, "h.yaml", yaml, variables).findings.size(), 500U);
}

}  // namespace
}  // namespace holdfast::app
