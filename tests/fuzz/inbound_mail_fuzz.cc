// Any bytes as a mail: no crash, its event always has a key and a good summary.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "respond/intake/mail.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto mail = respond::intake::read_mail({reinterpret_cast<const char*>(data), size});
  if (!mail) return 0;
  const auto parsed = respond::intake::parse_mail_event(*mail, {});
  const auto* events = std::get_if<std::vector<respond::intake::InboundEvent>>(&parsed);
  if (events == nullptr || events->size() != 1) std::abort();
  if (!is_valid_utf8(events->front().summary)) std::abort();
  return 0;
}
