// Runs a fuzz target's entry point over a folder of inputs, without libFuzzer: every file, and every
// prefix of it (of long files, evenly spread prefixes), so that truncated input is met on each test run.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kPrefixesMax = 4096;  // of one file; keeps a large seed within seconds

void run(const std::string& input, std::size_t size) {
  // A copy of exactly this size, so that the sanitizer sees a read past the end.
  const std::vector<std::uint8_t> bytes(input.begin(),
                                        input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(in), {}};
      const std::size_t step = input.size() / kPrefixesMax + 1;
      for (std::size_t size = 0; size < input.size(); size += step) run(input, size);
      run(input, input.size());
      ++files;
    }
  }
  std::printf("%zu inputs\n", files);
  return files == 0 ? 1 : 0;  // an empty corpus proves nothing
}
