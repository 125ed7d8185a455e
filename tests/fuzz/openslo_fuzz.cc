// Any bytes as OpenSLO documents and as items of `slos:`: either they are taken, and their rules parse, or every finding has a place
// and words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "detect/slo/burn_rules.h"
#include "detect/slo/indicator.h"
#include "detect/slo/open_slo.h"
#include "detect/slo/short_form.h"

namespace {

using namespace holdfast::detect::slo;

void check(const holdfast::Finding& finding) {
  if (finding.message.empty() || finding.place.file != "f.yml") std::abort();
}

void use(const Slo& slo) {
  const auto rules = rule_file_text({burn_rules(slo)});
  if (!holdfast::detect::parse_rule_file("r.yml", rules).findings.empty()) std::abort();
  if (!bad_over(slo, slo.window.length, Counting::kExact)) std::abort();
  const auto now = holdfast::from_ms(1'790'000'000'000);
  const auto period = period_at(slo.window, now);
  if (period.from > now || period.until < now) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 20'000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = parse_open_slo({{"f.yml", text}});
  for (const auto& finding : file.findings) check(finding);
  if (file.findings.empty() && file.slos.size() < 20) {
    for (const auto& slo : file.slos) use(slo);
  }
  std::vector<holdfast::Finding> findings;
  const auto root = holdfast::parse_yaml("f.yml", text, findings);
  if (!root) return 0;
  const holdfast::YamlContext context{"f.yml", &findings, {}};
  const auto slo = read_short_form(context, *root);
  for (const auto& finding : findings) check(finding);
  if (slo) use(*slo);
  return 0;
}
