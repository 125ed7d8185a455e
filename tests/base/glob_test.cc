#include "base/glob.h"

#include <gtest/gtest.h>

#include "base/sim.h"

namespace holdfast {
namespace {

TEST(Glob, MatchesOnePartOfAPath) {
  const struct {
    std::string pattern, name;
    bool want;
  } cases[] = {
      {"*.yml", "a.yml", true},
      {"*.yml", "a.yaml", false},
      {"*", "", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbYbZ", false},
      {"?.yml", "ab.yml", false},
      {"[a-c].yml", "b.yml", true},
      {"[a-c].yml", "d.yml", false},
      {"[^a-c]", "d", true},
      {"\\*.yml", "*.yml", true},
      {"\\*.yml", "a.yml", false},
      {"[a", "a", false},
      {"rules-*", "rules-", true},
      {"", "a", false},
      {"\\?", "x", false},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(matches_pattern(test.pattern, test.name), test.want)
        << test.pattern << " " << test.name;
  }
}

TEST(Glob, FindsFilesThroughFolders) {
  SeededRandom random(1);
  SimFileSystem files(random);
  for (const auto* path : {"/etc/rules/a", "/etc/rules/b", "/etc/more"}) {
    ASSERT_TRUE(files.create_directories(path));
  }
  for (const auto* path : {"/etc/rules/a/one.yml", "/etc/rules/b/two.yml", "/etc/rules/b/no.txt",
                           "/etc/rules/top.yml"}) {
    ASSERT_TRUE(files.write_file_atomic(path, "x"));
  }
  using Paths = std::vector<std::string>;
  EXPECT_EQ(glob(files, "/etc/rules/*.yml"), (Paths{"/etc/rules/top.yml"}));
  EXPECT_EQ(glob(files, "/etc/rules/*/*.yml"),
            (Paths{"/etc/rules/a/one.yml", "/etc/rules/b/two.yml"}));
  EXPECT_EQ(glob(files, "/etc/rules/[b]/t?o.yml"), (Paths{"/etc/rules/b/two.yml"}));
  EXPECT_EQ(glob(files, "/etc/rules/top.yml"), (Paths{"/etc/rules/top.yml"}));
  EXPECT_EQ(glob(files, "/etc/none/*.yml"), Paths{});
  EXPECT_EQ(glob(files, "/etc/rules/none.yml"), Paths{});
}

}  // namespace
}  // namespace holdfast
