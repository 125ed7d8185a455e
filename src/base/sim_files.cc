// What a crash leaves behind.
//
// A file keeps two contents: `now`, which every read sees, and `safe`, which is on the platter.
// Between them stands the list of operations since the last sync. At a crash one of two things
// happens to it:
//
//   mostly    a prefix of the operations survives and the next one is torn at a random byte:
//             the kernel wrote back in order and was interrupted.
//   at times  each operation survives or not by itself, with zeros where an early one was lost
//             under a later one: the kernel wrote back pages in an order of its own.
//
// Names live in folders. Each folder keeps `now` and `safe` entries too, and the file system one
// list of name operations. A rename is one operation, as journaling file systems promise: never
// both names, never none. Operations of one folder survive in order, so that each folder keeps a
// prefix of its own.

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <set>

#include "base/check.h"
#include "base/sim.h"
#include "base/text.h"

namespace holdfast {
namespace {

struct Write {
  std::uint64_t offset;
  std::string bytes;
  bool is_truncate = false;  // to `offset` bytes
};

void perform(std::string& content, const Write& write) {
  if (write.is_truncate) {
    content.resize(write.offset);
    return;
  }
  if (content.size() < write.offset + write.bytes.size())
    content.resize(write.offset + write.bytes.size());
  content.replace(write.offset, write.bytes.size(), write.bytes);
}

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Entries = std::map<std::string, NodePtr>;

struct Node {
  bool is_directory = false;
  WallTime modified{};
  // of a file
  bool is_nameless = false;  // removed while open: takes no space any more
  std::string now;
  std::string safe;
  std::vector<Write> unsynced;
  // of a folder
  Entries entries;
  Entries safe_entries;
};

// An old name disappears, a new one appears; one half may be missing.
struct NameChange {
  NodePtr from_dir;
  std::string from;
  NodePtr to_dir;
  std::string to;
  NodePtr node;

  std::vector<Node*> dirs() const {
    std::vector<Node*> out;
    if (from_dir) out.push_back(from_dir.get());
    if (to_dir) out.push_back(to_dir.get());
    return out;
  }
  void make_safe() const {
    if (from_dir) from_dir->safe_entries.erase(from);
    if (to_dir) to_dir->safe_entries[to] = node;
  }
};

struct Place {
  NodePtr dir;       // the folder that holds or would hold it
  std::string name;  // empty: the root itself
  NodePtr node;      // null when absent
};

}  // namespace

struct SimFileSystem::Impl {
  Impl(Random& random, const Clock* clock) : random(random), clock(clock) {
    root->is_directory = true;
  }

  std::mutex mutex;  // guards all below and the use of `random`
  Random& random;
  const Clock* clock;
  NodePtr root = std::make_shared<Node>();
  std::vector<NameChange> changes;  // not yet safe, oldest first
  std::uint64_t generation = 0;     // crashes so far
  std::uint64_t used = 0;
  std::uint64_t capacity = std::uint64_t{1} << 40;
  bool full = false;
  double failing = 0;

  WallTime date() const { return clock ? clock->now() : WallTime{}; }

  Result<void> maybe_fail(std::string_view doing, const std::string& path) {
    if (failing > 0 && random.chance(failing)) {
      HF_PROBE("sim disk: operation failed");
      return errno_error(EIO, std::string(doing) + " " + path);
    }
    return {};
  }

  Result<Place> find(std::string_view doing, const std::string& path) {
    Place place{nullptr, "", root};
    for (const auto part : split(path, '/')) {
      if (part.empty() || part == ".") continue;
      if (!place.node) return errno_error(ENOENT, std::string(doing) + " " + path);
      if (!place.node->is_directory) return errno_error(ENOTDIR, std::string(doing) + " " + path);
      place.dir = place.node;
      place.name = part;
      const auto it = place.dir->entries.find(place.name);
      place.node = it == place.dir->entries.end() ? nullptr : it->second;
    }
    return place;
  }

  Result<Place> find_existing(std::string_view doing, const std::string& path) {
    auto place = HF_TRY(find(doing, path));
    if (!place.node) return errno_error(ENOENT, std::string(doing) + " " + path);
    return place;
  }

  // Bytes that the disk still takes for growing by `growth`.
  std::uint64_t room_for(std::uint64_t growth) const {
    if (full) return 0;
    return std::min(growth, capacity > used ? capacity - used : 0);
  }

  // Changes a file's content, then keeps the operation until the next sync.
  void change(Node& node, Write write) {
    if (!node.is_nameless) used -= node.now.size();
    perform(node.now, write);
    if (!node.is_nameless) used += node.now.size();
    node.modified = date();
    node.unsynced.push_back(std::move(write));
  }

  Result<void> write(Node& node, const std::string& path, std::uint64_t offset,
                     std::string_view bytes) {
    if (bytes.empty()) return {};
    if (const auto failed = maybe_fail("write", path); !failed) {
      const auto stored = bytes.substr(0, random.below(bytes.size()));
      if (!stored.empty() && random.chance(0.5) && !full) {
        change(node, {offset, std::string(stored.substr(0, room_for(stored.size())))});
      }
      return failed.error();
    }
    const auto end = offset + bytes.size();
    const auto growth = end > node.now.size() ? end - node.now.size() : 0;
    const auto missing = growth - room_for(growth);
    if (missing == 0 && !full) {
      change(node, {offset, std::string(bytes)});
      return {};
    }
    HF_PROBE("sim disk: full");
    if (!full && missing < bytes.size()) {
      change(node, {offset, std::string(bytes.substr(0, bytes.size() - missing))});
    }
    return errno_error(ENOSPC, "write " + path);
  }

  void sync(Node& node) {
    for (const auto& write : node.unsynced) perform(node.safe, write);
    node.unsynced.clear();
  }

  // Makes the folder's name changes safe, and those of other folders that they stand on.
  void sync_names(Node* dir) {
    std::set<Node*> wanted{dir};
    std::vector<bool> chosen(changes.size());
    for (std::size_t i = changes.size(); i-- > 0;) {
      const auto dirs = changes[i].dirs();
      chosen[i] =
          std::any_of(dirs.begin(), dirs.end(), [&](Node* d) { return wanted.count(d) > 0; });
      if (chosen[i]) wanted.insert(dirs.begin(), dirs.end());
    }
    std::vector<NameChange> rest;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (chosen[i])
        changes[i].make_safe();
      else
        rest.push_back(std::move(changes[i]));
    }
    changes.swap(rest);
  }

  void crash_names() {
    std::set<Node*> ended;  // folders whose later changes are lost
    for (const auto& change : changes) {
      const auto dirs = change.dirs();
      const bool stands =
          std::none_of(dirs.begin(), dirs.end(), [&](Node* d) { return ended.count(d) > 0; });
      if (stands && random.chance(0.5)) {
        change.make_safe();
      } else {
        HF_PROBE("sim disk: name lost in a crash");
        ended.insert(dirs.begin(), dirs.end());
      }
    }
    changes.clear();
  }

  void crash_content(Node& node) {
    const auto count = node.unsynced.size();
    if (count > 0 && random.chance(0.2)) {
      bool lost_before = false;
      for (const auto& write : node.unsynced) {
        const bool kept = random.chance(0.5);
        if (kept && lost_before) HF_PROBE("sim disk: write kept above a lost one");
        lost_before = lost_before || !kept;
        if (kept) perform(node.safe, write);
      }
    } else if (count > 0) {
      const auto kept = random.below(count + 1);
      for (std::size_t i = 0; i < kept; ++i) perform(node.safe, node.unsynced[i]);
      if (kept < count && !node.unsynced[kept].is_truncate) {
        const auto& torn = node.unsynced[kept];
        const auto size = random.below(torn.bytes.size() + 1);
        if (size > 0) perform(node.safe, Write{torn.offset, torn.bytes.substr(0, size)});
        HF_PROBE("sim disk: write torn");
      }
    }
    node.unsynced.clear();
    node.now = node.safe;
    node.is_nameless = false;
    used += node.now.size();
  }

  void crash_tree(Node& node) {
    if (!node.is_directory) return crash_content(node);
    node.entries = node.safe_entries;
    for (const auto& [name, child] : node.entries) crash_tree(*child);
  }

  // Frees the space of a file whose name went; open handles may still read and write it.
  void forget(Node& node) {
    used -= node.now.size();
    node.is_nameless = true;
  }
};

namespace {

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimFileSystem::Impl> disk, NodePtr node, std::string path, bool writable)
      : disk_(std::move(disk)),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable),
        generation_(disk_->generation) {}

  Result<void> append(std::string_view bytes) override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(true));
    return disk_->write(*node_, path_, node_->now.size(), bytes);
  }
  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(true));
    return disk_->write(*node_, path_, offset, bytes);
  }
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(false));
    HF_TRY(disk_->maybe_fail("read", path_));
    if (offset >= node_->now.size()) return std::string();
    return node_->now.substr(offset, size);
  }
  Result<std::uint64_t> size() override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(false));
    return static_cast<std::uint64_t>(node_->now.size());
  }
  Result<void> truncate(std::uint64_t size) override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(true));
    HF_TRY(disk_->maybe_fail("truncate", path_));
    disk_->change(*node_, {size, "", true});
    return {};
  }
  Result<void> sync() override {
    std::lock_guard lock(disk_->mutex);
    HF_TRY(usable(false));
    HF_TRY(disk_->maybe_fail("sync", path_));
    disk_->sync(*node_);
    return {};
  }

 private:
  Result<void> usable(bool to_write) const {
    if (generation_ != disk_->generation)
      return errno_error(EIO, "file opened before the crash: " + path_);
    if (to_write && !writable_) return errno_error(EBADF, "write " + path_);
    return {};
  }

  const std::shared_ptr<SimFileSystem::Impl> disk_;
  const NodePtr node_;
  const std::string path_;
  const bool writable_;
  const std::uint64_t generation_;
};

FileInfo to_info(std::string name, const Node& node) {
  return {.name = std::move(name),
          .is_directory = node.is_directory,
          .size = node.now.size(),
          .modified = node.modified};
}

}  // namespace

SimFileSystem::SimFileSystem(Random& random, const Clock* clock)
    : impl_(std::make_shared<Impl>(random, clock)) {}
SimFileSystem::~SimFileSystem() = default;

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(impl_->mutex);
  HF_TRY(impl_->maybe_fail("open", path));
  auto place = HF_TRY(impl_->find("open", path));
  if (!place.node) {
    if (mode == OpenMode::kRead || !place.dir) return errno_error(ENOENT, "open " + path);
    place.node = std::make_shared<Node>();
    place.node->modified = impl_->date();
    place.dir->entries[place.name] = place.node;
    impl_->changes.push_back({nullptr, "", place.dir, place.name, place.node});
  } else if (place.node->is_directory) {
    return errno_error(EISDIR, "open " + path);
  } else if (mode == OpenMode::kCreate && !place.node->now.empty()) {
    impl_->change(*place.node, {0, "", true});
  }
  return std::unique_ptr<File>(
      std::make_unique<SimFile>(impl_, place.node, path, mode != OpenMode::kRead));
}

Result<void> SimFileSystem::create_directories(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  HF_TRY(impl_->maybe_fail("create folder", path));
  NodePtr at = impl_->root;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    auto& child = at->entries[std::string(part)];
    if (!child) {
      child = std::make_shared<Node>();
      child->is_directory = true;
      child->modified = impl_->date();
      impl_->changes.push_back({nullptr, "", at, std::string(part), child});
      impl_->sync_names(at.get());
    } else if (!child->is_directory) {
      return errno_error(EEXIST, "create folder " + path);
    }
    at = child;
  }
  return {};
}

Result<std::vector<FileInfo>> SimFileSystem::list(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  HF_TRY(impl_->maybe_fail("list", path));
  const auto place = HF_TRY(impl_->find_existing("list", path));
  if (!place.node->is_directory) return errno_error(ENOTDIR, "list " + path);
  std::vector<FileInfo> out;
  for (const auto& [name, node] : place.node->entries) out.push_back(to_info(name, *node));
  return out;
}

Result<FileInfo> SimFileSystem::info(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  const auto place = HF_TRY(impl_->find_existing("stat", path));
  return to_info(place.name, *place.node);
}

Result<void> SimFileSystem::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(impl_->mutex);
  const auto both = from + " to " + to;
  HF_TRY(impl_->maybe_fail("rename", both));
  const auto source = HF_TRY(impl_->find_existing("rename", from));
  const auto target = HF_TRY(impl_->find("rename", to));
  if (!source.dir || !target.dir) return errno_error(EBUSY, "rename " + both);
  if (source.node == target.node) return {};
  if (source.node->is_directory && (to + "/").starts_with(from + "/"))
    return errno_error(EINVAL, "rename " + both);
  if (target.node) {
    if (target.node->is_directory && !source.node->is_directory)
      return errno_error(EISDIR, "rename " + both);
    if (!target.node->is_directory && source.node->is_directory)
      return errno_error(ENOTDIR, "rename " + both);
    if (!target.node->entries.empty()) return errno_error(ENOTEMPTY, "rename " + both);
    impl_->forget(*target.node);
  }
  source.dir->entries.erase(source.name);
  target.dir->entries[target.name] = source.node;
  impl_->changes.push_back({source.dir, source.name, target.dir, target.name, source.node});
  return {};
}

Result<void> SimFileSystem::remove(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  HF_TRY(impl_->maybe_fail("remove", path));
  const auto place = HF_TRY(impl_->find_existing("remove", path));
  if (!place.dir) return errno_error(EBUSY, "remove " + path);
  if (!place.node->entries.empty()) return errno_error(ENOTEMPTY, "remove " + path);
  impl_->forget(*place.node);
  place.dir->entries.erase(place.name);
  impl_->changes.push_back({place.dir, place.name, nullptr, "", nullptr});
  return {};
}

Result<void> SimFileSystem::sync_dir(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  HF_TRY(impl_->maybe_fail("sync folder", path));
  const auto place = HF_TRY(impl_->find_existing("sync folder", path));
  if (!place.node->is_directory) return errno_error(ENOTDIR, "sync folder " + path);
  impl_->sync_names(place.node.get());
  return {};
}

Result<std::uint64_t> SimFileSystem::free_space(const std::string& path) {
  std::lock_guard lock(impl_->mutex);
  static_cast<void>(HF_TRY(impl_->find("free space of", path)));
  return impl_->room_for(impl_->capacity);
}

void SimFileSystem::crash() {
  std::lock_guard lock(impl_->mutex);
  ++impl_->generation;
  impl_->crash_names();
  impl_->used = 0;
  impl_->crash_tree(*impl_->root);
}

void SimFileSystem::set_full(bool full) {
  std::lock_guard lock(impl_->mutex);
  impl_->full = full;
}

void SimFileSystem::set_capacity(std::uint64_t bytes) {
  std::lock_guard lock(impl_->mutex);
  impl_->capacity = bytes;
}

void SimFileSystem::set_failing(double probability) {
  std::lock_guard lock(impl_->mutex);
  impl_->failing = probability;
}

std::uint64_t SimFileSystem::used() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->used;
}

}  // namespace holdfast
