// The rounds of the background: blocks, tombstones and removals carried to the bucket, files taken off
// the disk.
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/log.h"
#include "metrics/block/format.h"
#include "metrics/objects/bucket.h"

namespace holdfast::metrics {

namespace {

constexpr Duration kRetryMin = 30s;
constexpr Duration kRetryMax = 10min;
constexpr Duration kListInterval = 10min;
// The background has merges to do as well; the rest of a backlog waits for the next round.
constexpr Duration kRoundMax = 30s;
// Blocks that begin in the same span of two hours are merged once it is over and this has passed; they
// go up after that. compact.cc has the same spans.
constexpr Timestamp kFirstSpan = 2 * 3600 * 1000;
constexpr Timestamp kGrace = kFirstSpan / 2;
constexpr std::size_t kPieceSize = 4 << 20;
constexpr std::size_t kHeadSize = 8;
constexpr std::size_t kTailSize = 4096;

struct HashState {
  HashState() : state(XXH3_createState()) { XXH3_64bits_reset(state); }
  ~HashState() { XXH3_freeState(state); }
  HashState(const HashState&) = delete;
  HashState& operator=(const HashState&) = delete;
  XXH3_state_t* state;
};

// XXH3 of `size` bytes that `read` gives in pieces.
Result<std::uint64_t> hash_of(
    std::uint64_t size,
    const std::function<Result<std::string>(std::uint64_t, std::size_t)>& read) {
  const HashState hash;
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPieceSize, size - at));
    const std::string piece = HF_TRY(read(at, wanted));
    if (piece.size() != wanted) return Error(Code::kDataLoss, "it ends early");
    XXH3_64bits_update(hash.state, piece.data(), piece.size());
    at += wanted;
  }
  return XXH3_64bits_digest(hash.state);
}

// The block's last bytes, its whole footer among them.
Result<std::string> tail_of(File& file, std::uint64_t size) {
  std::size_t wanted = std::min<std::uint64_t>(size, kTailSize);
  std::string tail = HF_TRY(file.read_at(size - wanted, wanted));
  if (const auto footer = decode_footer(tail, size, wanted); !footer) {
    if (wanted <= tail.size()) return footer.error();
    tail = HF_TRY(file.read_at(size - wanted, wanted));
  }
  return tail;
}

// What later requests would meet as well.
bool concerns_the_bucket(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kForbidden ||
         code == Code::kExhausted || code == Code::kCanceled;
}

}  // namespace

void Bucket::work(std::stop_token stop) {
  const std::lock_guard lock(work_mutex_);
  if (env_.clock.mono() < next_try_) return;
  auto done = round(stop, false);
  count_waiting();
  if (stop.stop_requested()) return;
  const std::lock_guard inner(mutex_);
  if (done) {
    if (!away_.empty())
      log_info("metrics: object storage works again", {{"place", objects_.place()}});
    away_.clear();
    retry_delay_ = {};
    stats_.last_success = env_.clock.now();
    return;
  }
  HF_PROBE("objects: round failed");
  ++stats_.failures;
  if (away_.empty()) {
    away_since_ = env_.clock.now();
    log_warn("metrics: object storage failed; it is tried again",
             {{"why", done.error().message()}});
  }
  away_ = done.error().message();
  retry_delay_ = std::clamp<Duration>(retry_delay_ * 2, kRetryMin, kRetryMax);
  // Stores that lost the same bucket do not come back to it in the same instant.
  next_try_ = env_.clock.mono() + retry_delay_ +
              retry_delay_ * static_cast<int>(env_.random.below(25)) / 100;
}

Result<void> Bucket::upload_all(std::stop_token stop) {
  const std::lock_guard lock(work_mutex_);
  auto done = round(stop, true);
  count_waiting();
  return done;
}

Result<void> Bucket::round(std::stop_token stop, bool everything) {
  const auto carry = [&]() -> Result<void> {
    HF_TRY(settle());
    if (env_.clock.mono() >= next_list_) {
      HF_TRY(list());
      next_list_ = env_.clock.mono() + kListInterval;
    }
    HF_TRY(upload_due(stop, everything));
    HF_TRY(carry_tombstones());
    HF_TRY(retire());
    return remove_due(stop);
  };
  auto carried = carry();
  auto evicted = evict();  // needs no bucket
  return carried ? std::move(evicted) : std::move(carried);
}

bool Bucket::wants_upload(const Local& local, Timestamp newest) const {
  if (local.block->remote()) return false;
  const auto record = find(local.name);
  if (record && record->state != ObjectState::kUploading) return false;
  const Timestamp begin = local.block->meta().min_time;
  const Timestamp number = begin / kFirstSpan - (begin % kFirstSpan < 0 ? 1 : 0);
  return newest >= (number + 1) * kFirstSpan + kGrace;
}

void Bucket::count_waiting() {
  const Timestamp now = to_ms(env_.clock.now());
  std::uint64_t waiting = 0;
  for (const Local& local : blocks()) waiting += wants_upload(local, now);
  const std::lock_guard lock(mutex_);
  stats_.blocks_waiting = waiting;
}

Result<void> Bucket::upload_due(std::stop_token stop, bool everything) {
  const MonoTime begin = env_.clock.mono();
  const std::vector<Local> present = blocks();  // oldest first
  Timestamp newest = to_ms(env_.clock.now());
  for (const Local& local : present) newest = std::max(newest, local.block->meta().max_time);
  if (everything) newest = model::kTimestampMax / 2;
  Result<void> failed;
  for (const Local& local : present) {
    if (!wants_upload(local, newest)) continue;
    if (stop.stop_requested()) return Error(Code::kCanceled, "the store closes");
    if (auto done = upload(local); !done) {
      if (concerns_the_bucket(done.error().code())) return done;
      // A merge or retention may have taken the file meanwhile: then there is nothing to upload.
      if (env_.files.exists(blocks_.path(local.name))) failed = std::move(done);
    }
    if (!everything && env_.clock.mono() - begin > kRoundMax) break;
  }
  return failed;
}

Result<void> Bucket::upload(const Local& local) {
  std::string id;
  if (const auto known = find(local.name)) {
    id = known->manifest.id;
  } else {
    // Numbers begin anew on an empty disk; the rest makes the key the only one of its kind.
    id = local.name.substr(0, local.name.find_first_of(".-")) + "-" + env_.random.hex(8);
    Record record;
    record.manifest.id = id;
    const std::lock_guard lock(change_mutex_);
    HF_TRY(save(local.name, record));
  }
  Manifest manifest = HF_TRY(put_block(local, id).context("upload " + local.name));
  const std::uint32_t tombstones = HF_TRY(put_tombstones(*local.block, id));
  for (const auto& [name, record] : records()) {
    if (record.heir == local.name) manifest.replaces.push_back(record.manifest.id);
  }
  HF_TRY(objects_.put_bytes(reader_->key(id, ".manifest"), encode_manifest(manifest)));
  HF_TRY(update(local.name, [&](Record& record) {
    record.manifest = manifest;
    record.tombstones_crc = tombstones;
    // Dropped by retention while it was on its way: it stays dropped.
    if (record.state == ObjectState::kUploading) record.state = ObjectState::kUploaded;
  }));
  const std::lock_guard lock(mutex_);
  ++stats_.uploads;
  stats_.upload_bytes += manifest.size;
  return {};
}

Result<Manifest> Bucket::put_block(const Local& local, const std::string& id) {
  const std::shared_ptr<File> file =
      HF_TRY(env_.files.open(blocks_.path(local.name), OpenMode::kRead));
  const auto read = [file](std::uint64_t at, std::size_t size) { return file->read_at(at, size); };
  Manifest manifest;
  manifest.id = id;
  manifest.size = local.block->size();
  manifest.hash = HF_TRY(hash_of(manifest.size, read));
  manifest.head = HF_TRY(read(0, kHeadSize));
  manifest.tail = HF_TRY(tail_of(*file, manifest.size));
  ObjectStore::Source source;
  source.size = manifest.size;
  source.read = read;
  HF_TRY(objects_.put(reader_->key(id, ".blk"), source));
  HF_TRY(verify(manifest));
  return manifest;
}

// What the bucket gives back is what was sent, to the last byte: only then may the file be removed one day.
Result<void> Bucket::verify(const Manifest& manifest) {
  const std::string key = reader_->key(manifest.id, ".blk");
  const ObjectInfo info = HF_TRY(objects_.info(key));
  const auto wrong = [&](const std::string& what) {
    HF_PROBE("objects: upload not verified");
    return Error(Code::kDataLoss, objects_.place() + ": " + key + " is not what was sent: " + what);
  };
  if (info.size != manifest.size)
    return wrong(std::to_string(info.size) + " bytes for " + std::to_string(manifest.size));
  const std::uint64_t hash = HF_TRY(hash_of(manifest.size, [&](std::uint64_t at, std::size_t size) {
    return objects_.get(key, at, size);
  }));
  if (hash != manifest.hash) return wrong("another checksum");
  return {};
}

Result<std::uint32_t> Bucket::put_tombstones(const Block& block, const std::string& id) {
  if (!block.has_tombstones()) return 0u;
  const std::string bytes = HF_TRY(env_.files.read_file(block.path() + ".tombstones"));
  HF_TRY(objects_.put_bytes(reader_->key(id, ".tombstones"), bytes));
  return crc32c(bytes);
}

Result<void> Bucket::carry_tombstones() {
  for (const Local& local : blocks()) {
    if (!local.block->has_tombstones()) continue;
    const auto record = find(local.name);
    if (!record ||
        (record->state != ObjectState::kUploaded && record->state != ObjectState::kRemote))
      continue;
    const auto bytes = env_.files.read_file(local.block->path() + ".tombstones");
    if (!bytes || crc32c(*bytes) == record->tombstones_crc)
      continue;  // merged away meanwhile, or there
    const std::uint32_t crc = HF_TRY(put_tombstones(*local.block, record->manifest.id));
    HF_TRY(update(local.name, [&](Record& r) { r.tombstones_crc = crc; }));
  }
  return {};
}

// Blocks whose samples another block in the bucket holds now.
Result<void> Bucket::retire() {
  for (const auto& [name, record] : records()) {
    if (record.heir.empty() || record.state == ObjectState::kDeleting) continue;
    const auto heir = find(record.heir);
    if (!heir || (heir->state != ObjectState::kUploaded && heir->state != ObjectState::kRemote))
      continue;
    HF_TRY(update(name, [](Record& r) { r.state = ObjectState::kDeleting; }));
  }
  return {};
}

// The manifest first: from then on the block is not there.
Result<void> Bucket::remove_objects(const std::string& id) {
  HF_TRY(objects_.remove(reader_->key(id, ".manifest")));
  HF_TRY(objects_.remove(reader_->key(id, ".tombstones")));
  return objects_.remove(reader_->key(id, ".blk"));
}

Result<void> Bucket::remove_due(std::stop_token stop) {
  for (const auto& [name, record] : records()) {
    if (record.state != ObjectState::kDeleting) continue;
    if (stop.stop_requested()) return Error(Code::kCanceled, "the store closes");
    HF_TRY(remove_objects(record.manifest.id));
    reader_->forget(record.manifest.id);
    HF_TRY(erase(name));
  }
  return {};
}

// Takes files off the disk whose blocks are safe in the bucket: past local_retention, and the oldest
// while the disk holds more than it may.
Result<void> Bucket::evict() {
  const std::lock_guard lock(compact_mutex_);
  const Timestamp floor = to_ms(env_.clock.now()) - to_ms(options_.local_retention);
  std::uint64_t total = blocks_.size();
  for (const Local& local : blocks()) {
    if (local.block->remote()) continue;
    const bool too_much = options_.local_bytes_max != 0 && total > options_.local_bytes_max;
    if (local.block->meta().max_time >= floor && !too_much) continue;
    const auto record = find(local.name);
    if (!record || record->state != ObjectState::kUploaded || !record->heir.empty()) continue;
    bool still_safe = false;  // and not dropped by retention in this moment
    HF_TRY(update(local.name, [&](Record& r) {
      still_safe = r.state == ObjectState::kUploaded && r.heir.empty();
      if (still_safe) r.state = ObjectState::kRemote;
    }));
    if (!still_safe) continue;
    HF_PROBE("objects: file of a safe block removed");
    shown_.insert(local.name);
    HF_TRY(
        blocks_.make_remote(local.block, std::make_unique<RemoteFile>(reader_, record->manifest)));
    total -= local.block->size();
  }
  return {};
}

}  // namespace holdfast::metrics
