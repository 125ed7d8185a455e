// Any bytes as a rule file: either it is taken, or every finding has a place and words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "detect/rules/rule_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& finding : holdfast::detect::parse_rule_file("f.yml", text).findings) {
    if (finding.message.empty() || finding.place.file != "f.yml") std::abort();
  }
  return 0;
}
