// What the bucket holds against what this store knows: blocks of a machine that is gone are adopted,
// objects that are gone are found out.
#include <algorithm>

#include "base/bytes.h"
#include "metrics/objects/bucket.h"

namespace holdfast::metrics {

namespace {
constexpr std::size_t kManifestSizeMax = 8 << 20;
constexpr std::size_t kTombstonesSizeMax = 256 << 20;
constexpr std::string_view kListed = "/listed";
}  // namespace

struct Bucket::Listing {
  std::map<std::string, std::uint64_t> blocks;  // sizes by id
  std::set<std::string> manifests;              // ids
  std::set<std::string> tombstones;             // ids
  std::set<std::string> replaced;               // ids that a manifest with a whole block replaces

  bool is_whole(const Manifest& manifest) const {
    const auto it = blocks.find(manifest.id);
    return it != blocks.end() && it->second == manifest.size;
  }
  void note_replaced(const Manifest& manifest) {
    if (is_whole(manifest)) replaced.insert(manifest.replaces.begin(), manifest.replaces.end());
  }
};

Result<void> Bucket::list() {
  Listing listing;
  const std::string prefix = reader_->key("", "");
  for (const ObjectInfo& object : HF_TRY(objects_.list(prefix))) {
    const std::string name = object.key.substr(std::min(prefix.size(), object.key.size()));
    const auto dot = name.rfind('.');
    if (dot == std::string::npos) continue;
    const std::string id = name.substr(0, dot);
    const std::string_view kind = std::string_view(name).substr(dot);
    if (!is_object_id(id)) continue;  // nothing of ours
    if (kind == ".blk") listing.blocks[id] = object.size;
    if (kind == ".manifest") listing.manifests.insert(id);
    if (kind == ".tombstones") listing.tombstones.insert(id);
  }
  HF_TRY(adopt(listing));
  HF_TRY(look_for_lost(listing));
  HF_TRY(env_.files.write_file_atomic(options_.folder + std::string(kListed), "1\n"));
  const std::lock_guard lock(mutex_);
  listed_ = true;
  return {};
}

Result<void> Bucket::adopt(Listing& listing) {
  std::set<std::string> known;
  for (const auto& [name, record] : records()) {
    known.insert(record.manifest.id);
    if (record.state == ObjectState::kUploaded || record.state == ObjectState::kRemote)
      listing.note_replaced(record.manifest);
  }
  std::vector<Manifest> fresh;
  for (const std::string& id : listing.manifests) {
    if (known.contains(id) || named_.contains(id)) continue;
    const std::string key = reader_->key(id, ".manifest");
    auto bytes = objects_.get_whole(key, kManifestSizeMax);
    if (!bytes && bytes.error().code() == Code::kNotFound) continue;  // removed meanwhile
    if (!bytes) return bytes.error();
    auto manifest = decode_manifest(*bytes);
    if (!manifest || manifest->id != id) {
      named_.insert(id);
      note_problem(objects_.place() + ": " + key + " is no manifest of a block; it is left alone");
      continue;
    }
    listing.note_replaced(*manifest);
    fresh.push_back(std::move(*manifest));
  }
  for (const Manifest& manifest : fresh) {
    if (listing.replaced.contains(manifest.id)) {
      // Its store died before it could remove what it had merged.
      HF_PROBE("objects: replaced block of another store removed");
      HF_TRY(remove_objects(manifest.id));
      continue;
    }
    if (!listing.is_whole(manifest)) {
      named_.insert(manifest.id);
      note_problem(objects_.place() + ": block " + manifest.id +
                   " has a manifest but is not whole; its samples are lost");
      continue;
    }
    HF_TRY(adopt_one(manifest, listing).context("adopt block " + manifest.id));
  }
  return {};
}

Result<void> Bucket::adopt_one(const Manifest& manifest, const Listing& listing) {
  Record record;
  record.manifest = manifest;
  // A block of this disk, whose record was lost or which came with a snapshot.
  for (const Local& local : blocks()) {
    if (local.block->remote() || find(local.name) || local.block->size() != manifest.size) continue;
    auto file = HF_TRY(env_.files.open(local.block->path(), OpenMode::kRead));
    const std::uint64_t from = manifest.size - manifest.tail.size();
    if (HF_TRY(file->read_at(from, manifest.tail.size())) != manifest.tail) continue;
    HF_PROBE("objects: block of this disk found in the bucket");
    record.state = ObjectState::kUploaded;
    const std::lock_guard lock(change_mutex_);
    return save(local.name, record);
  }
  HF_PROBE("objects: block of another store adopted");
  const std::string name = manifest.id + ".blk";
  if (listing.tombstones.contains(manifest.id)) {
    const std::string bytes =
        HF_TRY(objects_.get_whole(reader_->key(manifest.id, ".tombstones"), kTombstonesSizeMax));
    HF_TRY(env_.files.write_file_atomic(blocks_.path(name) + ".tombstones", bytes));
    record.tombstones_crc = crc32c(bytes);
  }
  record.state = ObjectState::kRemote;
  {
    const std::lock_guard lock(change_mutex_);
    HF_TRY(save(name, record));
  }
  return show_remote(name, manifest);
}

// Blocks this store believes to be in the bucket, and that are not.
Result<void> Bucket::look_for_lost(const Listing& listing) {
  for (const auto& [name, record] : records()) {
    if (record.state != ObjectState::kUploaded && record.state != ObjectState::kRemote) continue;
    const std::string& id = record.manifest.id;
    if (listing.manifests.contains(id) && listing.is_whole(record.manifest)) continue;
    // Some stores list with a delay: what counts is whether the objects can be had.
    bool lost = false;
    for (const std::string_view kind : {".manifest", ".blk"}) {
      const auto info = objects_.info(reader_->key(id, kind));
      if (!info && info.error().code() != Code::kNotFound) return info.error();
      lost = lost || !info || (kind == ".blk" && info->size != record.manifest.size);
    }
    if (!lost) continue;
    if (record.state == ObjectState::kUploaded) {
      HF_PROBE("objects: lost object is uploaded again");
      HF_TRY(update(name, [](Record& r) { r.state = ObjectState::kUploading; }));
      continue;
    }
    if (!listing.replaced.contains(id) && named_.insert(id).second)
      note_problem(objects_.place() + ": block " + id + " is gone from it; its samples are lost");
    blocks_.forget(name);
    reader_->forget(id);
    HF_TRY(erase(name));
  }
  return {};
}

}  // namespace holdfast::metrics
