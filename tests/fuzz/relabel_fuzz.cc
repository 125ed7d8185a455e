// Any expression, template and value as a relabel rule: no crash, and a set that stays stays valid.
// The input: action byte, then regex, target, replacement and value, each ended by a zero byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/relabel.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto take = [&] {
    const auto end = std::min(rest.find('\0'), rest.size());
    std::string part(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
  };
  model::RelabelSpec spec;
  spec.action = static_cast<model::RelabelAction>(data[0] % 11);
  spec.source_labels = {"a", "b"};
  spec.modulus = data[0];
  spec.regex = take();
  spec.target_label = take();
  spec.replacement = take();
  const auto value = take();
  const auto rule = model::RelabelRule::make(spec);
  if (!rule) return 0;
  model::LabelList labels = {{"a", value + "x"}, {"b", "y"}};
  if (!rule->apply(labels)) return 0;
  for (const auto& label : labels) {
    if (label.name.empty() || label.value.empty()) std::abort();
  }
  if (model::Labels(labels).size() != labels.size()) std::abort();
  return 0;
}
