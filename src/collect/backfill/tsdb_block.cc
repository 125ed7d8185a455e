#include "collect/backfill/tsdb_block.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "collect/backfill/chunk.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr std::uint32_t kSegmentMagic = 0x85BD40DD;
constexpr std::uint32_t kTombstonesMagic = 0x0130BA30;
constexpr std::size_t kSegmentHeaderSize = 8;
constexpr std::size_t kChunkHeadMax = 5 + 1;  // size and encoding
constexpr std::uint64_t kChunkSizeMax = 64 << 20;

std::int64_t whole(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

Result<TsdbMeta> parse_tsdb_meta(std::string_view text) {
  const auto root = json::parse(text, nullptr, false);
  if (!root.is_object()) return invalid("no JSON object");
  if (const auto version = whole(root, "version"); version != 1)
    return Error(Code::kUnsupported, "version " + std::to_string(version) + "; known: 1");
  TsdbMeta meta;
  const auto ulid = root.find("ulid");
  if (ulid == root.end() || !ulid->is_string()) return invalid("no 'ulid'");
  meta.ulid = ulid->get<std::string>();
  meta.min_time = std::clamp(whole(root, "minTime"), model::kTimestampMin, model::kTimestampMax);
  meta.max_time = std::clamp(whole(root, "maxTime"), model::kTimestampMin, model::kTimestampMax);
  if (meta.max_time < meta.min_time) return invalid("'maxTime' lies before 'minTime'");
  if (const auto stats = root.find("stats"); stats != root.end() && stats->is_object()) {
    meta.samples = static_cast<std::uint64_t>(whole(*stats, "numSamples"));
    meta.series = static_cast<std::uint64_t>(whole(*stats, "numSeries"));
  }
  const auto compaction = root.find("compaction");
  if (compaction == root.end() || !compaction->is_object()) return meta;
  const auto parents = compaction->find("parents");
  if (parents == compaction->end() || !parents->is_array()) return meta;
  for (const auto& parent : *parents) {
    if (!parent.is_object()) continue;
    const auto name = parent.find("ulid");
    if (name != parent.end() && name->is_string()) meta.parents.push_back(name->get<std::string>());
  }
  return meta;
}

Result<Tombstones> parse_tombstones(std::string_view bytes) {
  if (bytes.size() < 9) return invalid("offset 0: too short for tombstones");
  TsdbBytes header(bytes);
  if (header.u32() != kTombstonesMagic) return invalid("offset 0: these are no tombstones");
  if (const auto version = header.u8(); version != 1)
    return Error(Code::kUnsupported, "offset 4: version " + std::to_string(version) + "; known: 1");
  const auto body = bytes.substr(5, bytes.size() - 9);
  TsdbBytes crc(bytes.substr(bytes.size() - 4));
  if (crc.u32() != crc32c(body)) return Error(Code::kDataLoss, "offset 5: the checksum is wrong");
  TsdbBytes in(body);
  Tombstones out;
  while (in.left() > 0) {
    const auto at = bytes.size() - 4 - in.left();
    const auto ref = in.varint();
    const auto from = in.signed_varint();
    const auto to = in.signed_varint();
    if (!in.ok()) return invalid("offset " + std::to_string(at) + ": a tombstone is cut off");
    out[ref].push_back({from, to});
  }
  return out;
}

Result<std::vector<std::string>> find_tsdb_blocks(FileSystem& files, const std::string& path) {
  if (files.exists(path + "/meta.json")) return std::vector<std::string>{path};
  std::vector<std::pair<TsdbMeta, std::string>> found;
  std::set<std::string> merged;
  for (const auto& entry : HF_TRY(files.list(path))) {
    const auto folder = path + "/" + entry.name;
    // A folder whose name ends so was being written or removed when Prometheus stopped.
    if (!entry.is_directory || entry.name.find(".tmp-for-") != std::string::npos) continue;
    if (!files.exists(folder + "/meta.json")) continue;
    const auto text = HF_TRY(files.read_file(folder + "/meta.json"));
    auto meta = HF_TRY(parse_tsdb_meta(text).context(folder + "/meta.json"));
    merged.insert(meta.parents.begin(), meta.parents.end());
    found.emplace_back(std::move(meta), folder);
  }
  if (found.empty()) {
    return not_found(path +
                     ": neither a block of Prometheus (no meta.json) nor a folder that holds some");
  }
  std::erase_if(found, [&](const auto& one) { return merged.contains(one.first.ulid); });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.min_time, a.first.ulid) < std::tie(b.first.min_time, b.first.ulid);
  });
  std::vector<std::string> out;
  for (auto& [meta, folder] : found) out.push_back(std::move(folder));
  return out;
}

Result<TsdbBlock> TsdbBlock::open(FileSystem& files, std::string path) {
  const auto text = HF_TRY(files.read_file(path + "/meta.json"));
  auto meta = HF_TRY(parse_tsdb_meta(text).context(path + "/meta.json"));
  auto index = HF_TRY(TsdbIndex::open(HF_TRY(FileWindow::open(files, path + "/index"))));
  TsdbBlock block(files, std::move(path), std::move(index));
  block.meta_ = std::move(meta);
  const auto tombstones = block.path_ + "/tombstones";
  if (files.exists(tombstones)) {
    const auto bytes = HF_TRY(files.read_file(tombstones));
    block.tombstones_ = HF_TRY(parse_tombstones(bytes).context(tombstones));
  }
  HF_TRY(block.open_segments());
  return block;
}

Result<void> TsdbBlock::open_segments() {
  const auto folder = path_ + "/chunks";
  if (!files_.exists(folder)) return {};  // a block without series has none
  for (const auto& entry : HF_TRY(files_.list(folder))) {
    if (!parse_int(entry.name)) continue;
    auto file = HF_TRY(FileWindow::open(files_, folder + "/" + entry.name));
    TsdbBytes header(HF_TRY(file.read(0, kSegmentHeaderSize)));
    if (header.u32() != kSegmentMagic)
      return file.error(Code::kInvalid, 0, "this is no segment of chunks");
    if (const auto version = header.u8(); version != 1) {
      return file.error(Code::kUnsupported, 4,
                        "segment version " + std::to_string(version) + "; known: 1");
    }
    segments_.push_back(std::move(file));
  }
  return {};
}

Result<void> TsdbBlock::read_one(const ChunkRef& chunk, std::vector<model::Sample>& out) {
  if (chunk.segment >= segments_.size()) {
    return Error(Code::kInvalid, path_ + "/index: a chunk lies in segment " +
                                     std::to_string(chunk.segment + std::uint64_t{1}) + " of " +
                                     std::to_string(segments_.size()));
  }
  auto& file = segments_[chunk.segment];
  const auto head = HF_TRY(file.read(chunk.offset, kChunkHeadMax));
  TsdbBytes in(head);
  const auto size = in.varint();
  const auto begin = chunk.offset + (head.size() - in.left());
  if (!in.ok() || size > kChunkSizeMax || begin + 1 + size + 4 > file.size())
    return file.error(Code::kInvalid, chunk.offset, "a chunk reaches past the end of the file");
  const auto bytes = HF_TRY(file.read(begin, static_cast<std::size_t>(1 + size + 4)));
  const auto body = bytes.substr(0, bytes.size() - 4);
  TsdbBytes crc(bytes.substr(bytes.size() - 4));
  if (crc.u32() != crc32c(body))
    return file.error(Code::kDataLoss, chunk.offset, "the checksum of a chunk is wrong");
  if (auto done = read_chunk(static_cast<std::uint8_t>(body[0]), body.substr(1), out); !done)
    return file.error(done.error().code(), chunk.offset, done.error().message());
  return {};
}

void TsdbBlock::hide(std::uint64_t ref, std::vector<model::Sample>& samples) const {
  const auto found = tombstones_.find(ref);
  if (found == tombstones_.end()) return;
  std::erase_if(samples, [&](const model::Sample& sample) {
    return std::ranges::any_of(found->second, [&](const HiddenSpan& span) {
      return span.from <= sample.t && sample.t <= span.to;
    });
  });
}

Result<void> TsdbBlock::for_each(model::Timestamp from, model::Timestamp to, const Each& each) {
  std::vector<model::Sample> samples;
  return index_.for_each([&](const TsdbSeries& series) -> Result<void> {
    samples.clear();
    for (const auto& chunk : series.chunks) {
      if (chunk.max_time < from || chunk.min_time > to) continue;
      if (auto done = read_one(chunk, samples); !done)
        return std::move(done).error().context(series.make_labels().text());
    }
    std::erase_if(samples, [&](const auto& sample) { return sample.t < from || sample.t > to; });
    hide(series.ref, samples);
    // Chunks of samples that came late may overlap; the first of a time stands.
    const auto by_time = [](const auto& a, const auto& b) { return a.t < b.t; };
    if (!std::is_sorted(samples.begin(), samples.end(), by_time))
      std::stable_sort(samples.begin(), samples.end(), by_time);
    samples.erase(std::unique(samples.begin(), samples.end(),
                              [](const auto& a, const auto& b) { return a.t == b.t; }),
                  samples.end());
    return samples.empty() ? Result<void>() : each(series, samples);
  });
}

}  // namespace holdfast::collect
