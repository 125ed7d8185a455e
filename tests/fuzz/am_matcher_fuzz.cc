// Any text as matchers, both ways: no crash, and what is printed reads back as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "respond/route/matcher_lexer.h"
#include "respond/route/matcher_text.h"

using namespace holdfast;
using namespace holdfast::respond::route;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> warnings;
  for (const auto mode :
       {MatcherMode::kFallback, MatcherMode::kUtf8Strict, MatcherMode::kClassic}) {
    (void)parse_matcher(text, mode, &warnings);
    const auto matchers = parse_matchers(text, mode, &warnings);
    if (!matchers || !is_valid_utf8(text)) continue;
    for (const auto& matcher : *matchers) {
      // A name without reserved characters is printed bare, so an empty one cannot be read back.
      if (matcher.name().empty() || matcher.name().find('\0') != std::string::npos) continue;
      const auto again = parse_utf8_matchers(print_matcher(matcher));
      if (!again || !same_matchers(*again, {matcher})) std::abort();
    }
  }
  return 0;
}
