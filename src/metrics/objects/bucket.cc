// What is known of each block's way to the bucket, kept on disk; and what to make of it after a crash.
#include "metrics/objects/bucket.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"

namespace holdfast::metrics {

namespace {
constexpr std::string_view kRecord = ".record";
constexpr std::string_view kListed = "/listed";
}  // namespace

Bucket::Bucket(Env& env, BlockSet& blocks, ObjectStore& objects, std::mutex& compact_mutex,
               Options options)
    : env_(env),
      blocks_(blocks),
      objects_(objects),
      compact_mutex_(compact_mutex),
      options_(std::move(options)),
      reader_(std::make_shared<RemoteReader>(env.clock, env.files, objects, options_.prefix,
                                             options_.folder + "/cache", options_.cache_bytes)) {}

Result<void> Bucket::open() {
  HF_TRY(env_.files.create_directories(options_.folder));
  HF_TRY(reader_->open().context("kept pages of remote blocks"));
  HF_TRY(load_records());
  birth_ = to_ms(env_.clock.now());
  listed_ = env_.files.exists(options_.folder + std::string(kListed));
  HF_TRY(settle());
  next_list_ = env_.clock.mono();
  if (listed_) return {};
  const std::lock_guard lock(work_mutex_);
  if (auto done = list(); !done) {
    HF_PROBE("objects: opened without the bucket");
    log_warn("metrics: object storage could not be listed; it is tried again",
             {{"why", done.error().message()}});
    const std::lock_guard inner(mutex_);
    away_ = done.error().message();
    away_since_ = env_.clock.now();
  }
  return {};
}

Result<void> Bucket::known(Timestamp from) const {
  const std::lock_guard lock(mutex_);
  if (listed_ || from >= birth_) return {};
  return unavailable("what " + objects_.place() +
                     " holds is not known yet, so samples from before " +
                     format_time(from_ms(birth_)) + " cannot be answered: " + away_);
}

// ---- records ----

std::string Bucket::name_of(const Block& block) const {
  return block.path().substr(blocks_.folder().size() + 1);
}

std::vector<Bucket::Local> Bucket::blocks() const {
  std::vector<Local> all;
  for (const Layout::Entry& entry : blocks_.layout().blocks)
    all.push_back({name_of(*entry.block), entry.block});
  return all;
}

Result<void> Bucket::load_records() {
  for (const FileInfo& file : HF_TRY(env_.files.list(options_.folder))) {
    if (!file.name.ends_with(kRecord)) continue;
    const std::string path = options_.folder + "/" + file.name;
    auto record = decode_record(HF_TRY(env_.files.read_file(path)));
    if (!record) {
      // The block is on the disk, or the next listing of the bucket finds it again.
      HF_PROBE("objects: damaged record dropped");
      note_problem(path + ": " + record.error().message() +
                   "; it is dropped, the bucket is asked again");
      HF_TRY(env_.files.remove(path));
      (void)env_.files.remove(options_.folder + std::string(kListed));
      continue;
    }
    records_[file.name.substr(0, file.name.size() - kRecord.size())] = *record;
  }
  return {};
}

Result<void> Bucket::save(const std::string& name, const Record& record) {
  HF_TRY(env_.files.write_file_atomic(record_path(name), encode_record(record)));
  const std::lock_guard lock(mutex_);
  records_[name] = record;
  return {};
}

// Nothing when there is no record of the name.
Result<void> Bucket::update(const std::string& name, const std::function<void(Record&)>& change) {
  const std::lock_guard lock(change_mutex_);
  auto record = find(name);
  if (!record) return {};
  const Record before = *record;
  change(*record);
  if (*record == before) return {};
  return save(name, *record);
}

Result<void> Bucket::erase(const std::string& name) {
  const std::lock_guard lock(change_mutex_);
  HF_TRY(env_.files.remove(record_path(name)));
  const std::lock_guard inner(mutex_);
  records_.erase(name);
  return {};
}

std::optional<Record> Bucket::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(name);
  if (it == records_.end()) return std::nullopt;
  return it->second;
}

std::map<std::string, Record> Bucket::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

// ---- what a crash, a merge or a bad block left ----

// Brings records and blocks together. Under compact_mutex_ no merge is halfway.
Result<void> Bucket::settle() {
  const std::lock_guard lock(compact_mutex_);
  const std::vector<Local> present = blocks();
  for (auto& [name, record] : records()) HF_TRY(settle_one(name, record, present));
  return {};
}

Result<void> Bucket::settle_one(const std::string& name, Record record,
                                const std::vector<Local>& present) {
  const auto has = [&](const std::string& wanted) {
    return std::any_of(present.begin(), present.end(),
                       [&](const Local& local) { return local.name == wanted; });
  };
  const auto merged_from = [&](const std::string& wanted) -> std::string {
    for (const Local& local : present) {
      const auto& sources = local.block->meta().sources;
      if (!local.block->remote() &&
          std::find(sources.begin(), sources.end(), wanted) != sources.end())
        return local.name;
    }
    return {};
  };
  const Record before = record;
  if (record.state == ObjectState::kDeleting) return {};
  if (has(name)) {
    shown_.insert(name);
    // The file outlived a crash between the record and its removal.
    const auto at = std::find_if(present.begin(), present.end(),
                                 [&](const Local& local) { return local.name == name; });
    if (record.state == ObjectState::kRemote && !at->block->remote())
      record.state = ObjectState::kUploaded;
  } else if (record.state != ObjectState::kRemote) {
    if (!record.heir.empty() && !has(record.heir) && !find(record.heir))
      record.heir = merged_from(record.heir);
    if (record.heir.empty()) record.heir = merged_from(name);
    if (record.heir.empty() && record.state == ObjectState::kUploading) {
      HF_PROBE("objects: block gone before its upload was done");
      return erase(name);  // should it be whole in the bucket, the next listing finds it
    }
    // No block here holds its samples: the bucket does.
    if (record.heir.empty()) {
      HF_PROBE("objects: lost file served from the bucket");
      record.state = ObjectState::kRemote;
    }
  }
  if (record != before) HF_TRY(update(name, [&](Record& r) { r = record; }));
  if (record.state != ObjectState::kRemote || has(name) || shown_.contains(name)) return {};
  return show_remote(name, record.manifest);
}

Result<void> Bucket::show_remote(const std::string& name, const Manifest& manifest) {
  shown_.insert(name);
  auto shown = blocks_.add_remote(name, std::make_unique<RemoteFile>(reader_, manifest));
  if (shown) return {};
  if (shown.error().code() != Code::kDataLoss) return shown;
  note_problem(objects_.place() + ": block " + manifest.id +
               " is left out: " + shown.error().message());
  return {};
}

Result<void> Bucket::note_merge(const std::vector<BlockPtr>& sources, const std::string& merged) {
  std::set<std::string> gone;
  for (const BlockPtr& block : sources) gone.insert(name_of(*block));
  for (const auto& [name, record] : records()) {
    if (!gone.contains(name) && !gone.contains(record.heir)) continue;
    HF_TRY(update(name, [&merged = merged](Record& r) {
      r.heir = merged;
      if (merged.empty()) r.state = ObjectState::kDeleting;  // every sample was deleted
    }));
  }
  return {};
}

Result<void> Bucket::note_drop(const Block& block) {
  const std::string dropped = name_of(block);
  for (const auto& [name, record] : records()) {
    if (name != dropped && record.heir != dropped) continue;
    HF_TRY(update(name, [](Record& r) { r.state = ObjectState::kDeleting; }));
  }
  return {};
}

void Bucket::note_problem(const std::string& text) {
  log_error("metrics: object storage", {{"what", text}});
  const std::lock_guard lock(mutex_);
  problems_.push_back(text);
}

std::vector<std::string> Bucket::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all = problems_;
  if (!away_.empty()) {
    all.push_back("object storage does not take or give blocks since " + format_time(away_since_) +
                  ", " + std::to_string(stats_.blocks_waiting) +
                  " wait; it is tried again: " + away_);
  }
  return all;
}

ObjectStats Bucket::stats() const {
  const PageCache::Stats cache = reader_->cache();
  const std::lock_guard lock(mutex_);
  ObjectStats stats = stats_;
  stats.configured = true;
  stats.reachable = away_.empty();
  stats.reads = reader_->requests();
  stats.read_bytes = reader_->bytes();
  stats.cache_bytes = cache.bytes;
  stats.cache_hits = cache.hits;
  stats.cache_misses = cache.misses;
  stats.blocks = stats.bytes = stats.blocks_remote = 0;
  for (const auto& [name, record] : records_) {
    if (record.state != ObjectState::kUploaded && record.state != ObjectState::kRemote) continue;
    ++stats.blocks;
    stats.bytes += record.manifest.size;
    if (record.state == ObjectState::kRemote) ++stats.blocks_remote;
  }
  return stats;
}

}  // namespace holdfast::metrics
