// Any bytes as a template, for text and for HTML: what parses ends, within its limits, and in HTML no value that is no
// markup comes out as markup.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/template/alert_functions.h"
#include "base/template/template.h"

namespace {

using namespace holdfast;             // NOLINT
using namespace holdfast::templates;  // NOLINT

Value fuzz_data() {
  auto type = std::make_shared<Type>();
  type->name = "template.Alert";
  type->fields = {{"Status", "status"}, {"Labels", "labels"}, {"StartsAt", "startsAt"}};
  const Value alert = Value::object(type, {Value("firing"), Value::string_map({{"a", "<hostile>"}}), Time::of(WallTime{})});
  return Value::map({{"S", Value("<hostile>")}, {"I", Value(3)}, {"L", Value::list({Value(1), Value("x"), Value()})},
                     {"M", Value::string_map({{"k", "v"}})}, {"A", Value::list({alert, alert})}});
}

void run(std::string_view text, bool html) {
  Options options;
  options.html = html;
  options.missing_key = MissingKey::kZero;
  options.limits.step_count_max = 20'000;
  options.limits.work_size_max = std::size_t{4} << 20;
  options.limits.output_size_max = std::size_t{1} << 20;
  options.limits.text_size_max = 64 * 1024;
  Templates templates(alertmanager_functions(), options);
  if (auto parsed = templates.parse("t", text); !parsed) {
    if (parsed.error().message().empty()) std::abort();
    return;
  }
  Execution execution;
  execution.data = fuzz_data();
  const auto said = templates.execute("t", execution);
  if (!said && said.error().message().empty()) std::abort();
  if (!said) return;
  if (said->size() > options.limits.output_size_max) std::abort();
  // The template vouches for a text only by safeHtml or by holding the tag itself.
  const bool own = text.find("safe") != std::string_view::npos || text.find("hostile") != std::string_view::npos;
  if (html && !own && said->find("<hostile>") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  run(text, false);
  run(text, true);
  return 0;
}
