// Any bytes as an exposition, in both dialects: no crash, and a guessed series changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "collect/scrape/text_parser.h"

using namespace holdfast;
using collect::TextParser;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto dialect : {collect::Dialect::kPrometheus, collect::Dialect::kOpenMetrics}) {
    TextParser plain(body, dialect);
    TextParser guided(body, dialect);
    std::string guess;
    for (;;) {
      const auto one = plain.next();
      const auto two = guided.next(guess);
      if (one.has_value() != two.has_value()) std::abort();
      if (!one) break;
      if (*one != *two) std::abort();
      if (*one == TextParser::Entry::kEnd) break;
      if (*one == TextParser::Entry::kSample) {
        if (plain.series() != guided.series()) std::abort();
        guess = plain.series();
        std::vector<model::Label> labels;
        (void)plain.labels(labels).has_value();
      } else {
        (void)(plain.family() + plain.text());
      }
    }
  }
  return 0;
}
