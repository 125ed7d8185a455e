// The first line is the path of a push, the rest its body, as text and as protobuf. No crash; what a group
// holds is the same after it was written to a file and read back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/push_groups.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = input.find('\n');
  const auto body = end == input.npos ? std::string_view() : input.substr(end + 1);
  const auto key = collect::push_group_of(input.substr(0, end));
  collect::PushGroups file({10, true});
  (void)file.load(body).has_value();
  if (!key) return 0;
  collect::PushGroups groups({10, true});
  for (const char* type : {"text/plain",
                           "application/vnd.google.protobuf;encoding=delimited;"
                           "proto=io.prometheus.client.MetricFamily"}) {
    auto families = collect::read_push(body, type, *key);
    if (!families) continue;
    (void)groups.push(*key, std::move(*families), false, 1000).has_value();
    collect::PushGroups back({10, true});
    if (!back.load(groups.save())) std::abort();
    if (back.exposition() != groups.exposition()) std::abort();
  }
  return 0;
}
