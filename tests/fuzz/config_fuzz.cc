// Any bytes as holdfast.yaml, and as a file for `holdfast check`: either taken, or every finding has a place and words.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "app/config.h"
#include "base/sim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SeededRandom random(1);
  SimFileSystem files(random);
  const Variables variables = [](const std::string& name) {
    return name == "SET" ? std::optional<std::string>("1") : std::nullopt;
  };
  const auto judge = [](const std::vector<Finding>& findings) {
    for (const auto& finding : findings) {
      if (finding.message.empty() || finding.place.file.empty()) std::abort();
    }
  };
  judge(app::parse_config(files, "/h.yaml", text, variables).findings);
  if (files.write_file_atomic("/f", text)) judge(app::check_file(files, "/f", variables));
  return 0;
}
