// The expositions of other projects, when they are there: HOLDFAST_CONFORMANCE, or ../shared/conformance
// beside the sources.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/files.h"
#include "collect/scrape/text_parser.h"

namespace holdfast::collect {
namespace {

std::string folder() {
  const char* set = std::getenv("HOLDFAST_CONFORMANCE");
  return (set != nullptr ? std::string(set) : std::string(HOLDFAST_SOURCE_DIR) + "/../shared/conformance") +
         "/prometheus/exposition";
}

TEST(ExpositionFiles, AreReadToTheEndAndEverySampleLineGivesASample) {
  PosixFileSystem files;
  const auto list = files.list(folder());
  if (!list) GTEST_SKIP() << "no expositions at " << folder() << "; set HOLDFAST_CONFORMANCE";
  for (const auto& info : *list) {
    const auto body = files.read_file(folder() + "/" + info.name);
    ASSERT_TRUE(body) << body.error().message();
    const bool open_metrics = info.name.find(".om.") != std::string::npos;
    std::size_t sample_lines = 0;
    for (std::size_t at = 0; at < body->size();) {
      const auto end = std::min(body->find('\n', at), body->size());
      if (end > at && (*body)[at] != '#') ++sample_lines;
      at = end + 1;
    }
    TextParser parser(*body, open_metrics ? Dialect::kOpenMetrics : Dialect::kPrometheus);
    std::size_t samples = 0;
    std::set<model::Labels> distinct;
    for (;;) {
      const auto entry = parser.next();
      ASSERT_TRUE(entry) << info.name << ": " << entry.error().message();
      if (*entry == TextParser::Entry::kEnd) break;
      if (*entry != TextParser::Entry::kSample) continue;
      ++samples;
      std::vector<model::Label> labels;
      ASSERT_TRUE(parser.labels(labels)) << info.name << " line " << parser.line_number();
      distinct.insert(model::Labels(std::move(labels)));
    }
    EXPECT_GT(samples, 0u) << info.name;
    EXPECT_EQ(samples, sample_lines) << info.name;
    EXPECT_EQ(distinct.size(), samples) << info.name << ": no series stands twice";
  }
}

}  // namespace
}  // namespace holdfast::collect
