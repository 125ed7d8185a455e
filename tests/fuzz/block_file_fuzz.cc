// Bytes as a block file, and, past the checksums no fuzzer guesses, as an expanded index.
#include <cstdlib>
#include <string_view>

#include "base/random.h"
#include "base/sim.h"
#include "metrics/block.h"

namespace {

using namespace holdfast;

void read_as_file(std::string_view bytes) {
  SeededRandom random(1);
  SimFileSystem files(random);
  if (!files.write_file_atomic("/block", bytes)) std::abort();
  const auto block = metrics::Block::open(files, "/block");
  if (!block) return;
  const auto index = (*block)->index();
  if (!index) return;
  metrics::Block::Cursor cursor(*block, *index);
  for (std::uint32_t i = 0; i < (*index)->series.size(); ++i) {
    metrics::Samples out;
    (void)cursor.read(i, model::kTimestampMin, model::kTimestampMax, out);
    (void)(*index)->find((*index)->labels(i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto index = metrics::decode_block_index(bytes, 1 << 20)) {
    for (std::uint32_t i = 0; i < index->series.size(); ++i) (void)index->labels(i).text();
    (void)index->select({*model::Matcher::make(model::MatchOp::kRegex, "a", "b.*")}, 0, 1);
  }
  read_as_file(bytes);
  return 0;
}
