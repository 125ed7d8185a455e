// The index of a block, its tombstones, its meta.json; and, past the checksums no fuzzer guesses, bare series between
// sections that are right.
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "collect/backfill/tsdb_block.h"
#include "collect/backfill/tsdb_index.h"

namespace {

using namespace holdfast;

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<void> append(std::string_view) override { return invalid("read only"); }
  Result<void> write_at(std::uint64_t, std::string_view) override { return invalid("read only"); }
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
    return offset >= bytes_.size() ? std::string() : bytes_.substr(offset, size);
  }
  Result<std::uint64_t> size() override { return bytes_.size(); }
  Result<void> truncate(std::uint64_t) override { return invalid("read only"); }
  Result<void> sync() override { return {}; }

 private:
  std::string bytes_;
};

void walk(std::string bytes) {
  const auto size = bytes.size();
  collect::FileWindow window(std::make_unique<MemoryFile>(std::move(bytes)), "index", size);
  auto index = collect::TsdbIndex::open(std::move(window));
  if (!index) return;
  std::size_t count = 0;
  (void)index->for_each([&](const collect::TsdbSeries& series) -> Result<void> {
    count += series.make_labels().size() + series.chunks.size();
    return {};
  });
}

std::string big(std::uint64_t value, int size) {
  std::string out;
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
  return out;
}

// Series of the input, a byte of length before each, in an index that is right about the rest.
std::string frame(std::string_view input) {
  const std::string symbols = big(4, 4) + std::string("\0\1a\2bb\1c", 8);
  std::string out = big(0xBAAAD700, 4) + "\2";
  const auto symbols_at = out.size();
  out += big(symbols.size(), 4) + symbols + big(crc32c(symbols), 4);
  out.resize((out.size() + 15) / 16 * 16);
  const auto series_at = out.size();
  while (!input.empty()) {
    const auto size =
        std::min<std::size_t>(static_cast<unsigned char>(input[0]) & 0x7f, input.size() - 1);
    const auto entry = input.substr(1, size);
    input.remove_prefix(size + 1);
    out.resize((out.size() + 15) / 16 * 16);
    out += static_cast<char>(size);
    out += entry;
    out += big(crc32c(entry), 4);
  }
  const auto end = out.size();
  std::string contents = big(symbols_at, 8) + big(series_at, 8);
  for (int i = 0; i < 4; ++i) contents += big(end, 8);
  return out + contents + big(crc32c(contents), 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  walk(std::string(input));
  walk(frame(input));
  (void)collect::parse_tsdb_meta(input);
  (void)collect::parse_tombstones(input);
  const std::string stones = big(0x0130BA30, 4) + "\1" + std::string(input) + big(crc32c(input), 4);
  (void)collect::parse_tombstones(stones);
  return 0;
}
