// Any file as alertmanager.yml and as the other dialect: no crash; what was taken is shown without being refused again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "respond/route/config.h"
#include "respond/route/dialect.h"

using namespace holdfast;
using namespace holdfast::respond::route;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ParseOptions options;
  options.directory = "/etc";
  options.variables = [](const std::string&) { return std::optional<std::string>("v"); };
  (void)parse(text, options);
  options.variables = {};
  if (const auto config = parse(text, options)) {
    const auto shown = config->masked();
    const auto again = parse(shown, options);
    if (again && again->masked() != shown) std::abort();
    for (const auto& [name, intervals] : config->time_intervals) {
      for (const auto& interval : intervals) (void)interval.contains(from_ms(1'795'000'000'000));
    }
  }
  if (const auto dialect = translate_dialect(text, {}))
    (void)parse(dialect->alertmanager_yml, options);
  return 0;
}
