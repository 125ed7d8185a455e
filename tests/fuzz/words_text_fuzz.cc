// Any bytes as a text of respond/words: read or refused with words; what is read names fields that substitute takes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "respond/words/templates.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::respond::words;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto names = fields_of(text);
  const auto bare = substitute(text, {});
  if (!names) {
    if (names.error().message().empty() || bare) std::abort();
    return 0;
  }
  Fields fields;
  for (const auto& name : *names) fields[name] = "{" + name + "}";
  const auto filled = substitute(text, fields);
  if (size <= kTextSizeMax && !filled) std::abort();
  if (size <= kTextSizeMax && bare.has_value() != names->empty()) std::abort();
  return 0;
}
