#include "metrics/block_set.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace holdfast::metrics {

using model::Sample;
using model::Timestamp;

namespace {
constexpr std::string_view kSuffix = ".blk";
constexpr std::string_view kTemporary = ".tmp";
}  // namespace

Result<void> BlockSet::open() {
  HF_TRY(files_.create_directories(folder_));
  for (const FileInfo& file : HF_TRY(files_.list(folder_))) {
    const std::string path = folder_ + "/" + file.name;
    if (file.name.ends_with(kTemporary)) {
      HF_PROBE("block: interrupted write removed");
      HF_TRY(files_.remove(path));
      continue;
    }
    // Names of blocks set aside count too: their numbers are not used again.
    next_ = std::max<std::uint64_t>(next_, std::strtoull(file.name.c_str(), nullptr, 10) + 1);
    if (!file.name.ends_with(kSuffix)) continue;
    auto block = Block::open(files_, path);
    if (block) {
      blocks_.push_back(*block);
    } else if (block.error().code() == Code::kDataLoss) {
      HF_PROBE("block: corrupt file set aside");
      HF_TRY(files_.rename(path, path + ".corrupt"));
      problems_.push_back(path + " is set aside as .corrupt: " + block.error().message());
      log_error("metrics block set aside", {{"path", path}, {"why", block.error().message()}});
    } else {
      return std::move(block).error().context("open " + path);
    }
  }
  return {};
}

Result<void> BlockSet::write(const BlockInput& input) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = next_++;
  }
  char name[40];
  std::snprintf(name, sizeof name, "%010llu.blk", static_cast<unsigned long long>(number));
  HF_TRY(write_block(files_, folder_, name, input));
  auto block = HF_TRY(Block::open(files_, folder_ + "/" + name));
  const std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
  return {};
}

std::vector<BlockPtr> BlockSet::overlapping(Timestamp from, Timestamp to) const {
  const std::lock_guard lock(mutex_);
  std::vector<BlockPtr> result;
  std::copy_if(blocks_.begin(), blocks_.end(), std::back_inserter(result),
               [&](const BlockPtr& block) { return block->overlaps(from, to); });
  return result;
}

Result<BlockIndexPtr> BlockSet::index(const BlockPtr& block) {
  BlockIndexPtr index = HF_TRY(block->index());
  const std::lock_guard lock(mutex_);
  std::erase(indexes_, index);
  indexes_.push_front(index);
  if (indexes_.size() > kIndexesKept) indexes_.pop_back();
  return index;
}

Result<std::optional<Sample>> BlockSet::newest_sample(const model::Labels& labels, Timestamp t) {
  std::optional<Sample> newest;
  for (const BlockPtr& block : overlapping(t, model::kTimestampMax)) {
    auto index = this->index(block);
    if (!index && index.error().code() == Code::kDataLoss) {
      set_aside(*block, index.error());
      continue;
    }
    const BlockIndexPtr ready = HF_TRY(std::move(index));
    const auto found = ready->find(labels);
    if (!found || ready->series[*found].max_time < t) continue;
    const Timestamp end = ready->series[*found].max_time;
    if (newest && newest->t >= end) continue;
    Samples samples;
    Block::Cursor cursor(block, ready);
    const auto read = cursor.read(*found, end, end, samples);
    if (!read && read.error().code() == Code::kDataLoss) {
      set_aside(*block, read.error());
      continue;
    }
    HF_TRY(read);
    if (samples.size() == 0) continue;
    newest = Sample{samples.times.back(), samples.values.back(),
                    samples.histograms.empty() ? nullptr : samples.histograms.back()};
  }
  return newest;
}

void BlockSet::set_aside(const Block& block, const Error& why) {
  HF_PROBE("block: set aside while reading");
  const std::lock_guard lock(mutex_);
  const auto count = std::erase_if(blocks_, [&](const BlockPtr& b) { return b.get() == &block; });
  if (count == 0) return;  // another reader was first
  std::string text = block.path() + " is set aside as .corrupt: " + why.message();
  if (const auto renamed = files_.rename(block.path(), block.path() + ".corrupt"); !renamed) {
    text += "; it could not be renamed: " + renamed.error().message();
  }
  log_error("metrics block set aside", {{"path", block.path()}, {"why", why.message()}});
  problems_.push_back(std::move(text));
}

Result<void> BlockSet::drop_before(Timestamp floor) {
  std::vector<BlockPtr> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const BlockPtr& block : blocks_) {
      if (block->footer().max_time < floor) gone.push_back(block);
    }
  }
  for (const BlockPtr& block : gone) {
    HF_TRY(files_.remove(block->path()).context("drop metrics block " + block->path()));
    const std::lock_guard lock(mutex_);
    std::erase(blocks_, block);
  }
  return {};
}

Timestamp BlockSet::min_time() const {
  const std::lock_guard lock(mutex_);
  Timestamp min = model::kTimestampMax;
  for (const BlockPtr& block : blocks_) min = std::min(min, block->footer().min_time);
  return min;
}

Timestamp BlockSet::max_time() const {
  const std::lock_guard lock(mutex_);
  Timestamp max = model::kTimestampMin;
  for (const BlockPtr& block : blocks_) max = std::max(max, block->footer().max_time);
  return max;
}

std::uint64_t BlockSet::size() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const BlockPtr& block : blocks_) size += block->size();
  return size;
}

std::uint64_t BlockSet::wal_segment() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t segment = 1;
  for (const BlockPtr& block : blocks_) segment = std::max(segment, block->footer().wal_segment);
  return segment;
}

std::vector<std::string> BlockSet::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace holdfast::metrics
