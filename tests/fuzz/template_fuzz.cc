// Any bytes as a template: what parses can be expanded, within its limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "detect/rules/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const auto parsed = detect::Template::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    if (parsed.error().message().empty()) std::abort();
    return 0;
  }
  detect::TemplateData values;
  values.labels = {{"instance", "a:1"}, {"job", "b"}};
  values.value = 0.5;
  values.query = [](const std::string&) -> Result<query::promql::Vector> {
    query::promql::Vector vector;
    vector.series.push_back({{{"instance", "b"}}, {{0, 1, nullptr}}});
    return vector;
  };
  if (parsed->expand(values).size() > (std::size_t{64} << 20)) std::abort();
  return 0;
}
