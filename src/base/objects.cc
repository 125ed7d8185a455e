#include "base/objects.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast {

namespace {
constexpr std::size_t kPieceSize = 1 << 20;
// Ends the name of a file that is being written; no key may end so.
constexpr std::string_view kTemporary = ".part";
}  // namespace

Result<void> ObjectStore::put_bytes(const std::string& key, std::string_view bytes) {
  Source source;
  source.size = bytes.size();
  source.read = [bytes](std::uint64_t offset, std::size_t size) -> Result<std::string> {
    return std::string(bytes.substr(offset, size));
  };
  return put(key, source);
}

Result<std::string> ObjectStore::get_whole(const std::string& key, std::size_t size_max) {
  const ObjectInfo found = HF_TRY(info(key));
  if (found.size > size_max)
    return Error(Code::kTooLarge, place() + ": " + key + " has " + std::to_string(found.size) +
                                      " bytes, at most " + std::to_string(size_max) +
                                      " are expected");
  if (found.size == 0) return std::string();
  return get(key, 0, static_cast<std::size_t>(found.size));
}

DirectoryObjectStore::DirectoryObjectStore(FileSystem& files, std::string folder)
    : files_(files), folder_(std::move(folder)), place_("folder " + folder_) {}

// A key is a path below the folder and nothing else.
Result<std::string> DirectoryObjectStore::path_of(const std::string& key) const {
  if (stopped_.load(std::memory_order_relaxed))
    return Error(Code::kCanceled, place_ + " is closed");
  for (const std::string_view part : split(key, '/')) {
    if (part.empty() || part == "." || part == "..")
      return invalid(place_ + ": '" + printable(key) + "' is no key of an object");
  }
  if (key.ends_with(kTemporary)) return invalid(place_ + ": a key may not end in .part: " + key);
  return folder_ + "/" + key;
}

Result<void> DirectoryObjectStore::put(const std::string& key, const Source& source) {
  const std::string path = HF_TRY(path_of(key));
  const std::string parent = path.substr(0, path.rfind('/'));
  const std::string temporary = path + "." +
                                std::to_string(writes_.fetch_add(1, std::memory_order_relaxed)) +
                                std::string(kTemporary);
  const auto write = [&]() -> Result<void> {
    HF_TRY(files_.create_directories(parent));
    {
      auto file = HF_TRY(files_.open(temporary, OpenMode::kCreate));
      for (std::uint64_t at = 0; at < source.size;) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(kPieceSize, source.size - at));
        const std::string piece = HF_TRY(source.read(at, size));
        if (piece.size() != size) return internal("a piece has the wrong size");
        HF_TRY(file->append(piece));
        at += size;
      }
      HF_TRY(file->sync());
    }
    HF_TRY(files_.rename(temporary, path));
    return files_.sync_dir(parent);
  };
  auto written = write();
  if (!written) (void)files_.remove(temporary);
  return std::move(written).context(place_ + ": put " + key);
}

Result<std::string> DirectoryObjectStore::get(const std::string& key, std::uint64_t offset,
                                              std::size_t size) {
  const std::string path = HF_TRY(path_of(key));
  const auto read = [&]() -> Result<std::string> {
    auto file = HF_TRY(files_.open(path, OpenMode::kRead));
    std::string bytes = HF_TRY(file->read_at(offset, size));
    if (bytes.size() != size) return Error(Code::kDataLoss, "the object ends early");
    return bytes;
  };
  return read().context(place_ + ": get " + key);
}

Result<ObjectInfo> DirectoryObjectStore::info(const std::string& key) {
  const std::string path = HF_TRY(path_of(key));
  const FileInfo found = HF_TRY(files_.info(path).context(place_));
  if (found.is_directory) return not_found(place_ + ": there is no object " + key);
  return ObjectInfo{key, found.size};
}

Result<void> DirectoryObjectStore::list_folder(const std::string& folder,
                                               const std::string& key_before,
                                               const std::string& prefix,
                                               std::vector<ObjectInfo>& out) {
  auto entries = files_.list(folder);
  if (!entries) {
    // Nothing was stored yet; a folder that is not mounted says so when something is written.
    if (entries.error().code() == Code::kNotFound) return {};
    return std::move(entries).error();
  }
  for (const FileInfo& entry : *entries) {
    const std::string key = key_before + entry.name;
    if (entry.is_directory) {
      const std::string inner = key + "/";
      if (inner.starts_with(prefix) || prefix.starts_with(inner))
        HF_TRY(list_folder(folder + "/" + entry.name, inner, prefix, out));
    } else if (key.starts_with(prefix) && !key.ends_with(kTemporary)) {
      out.push_back({key, entry.size});
    }
  }
  return {};
}

Result<std::vector<ObjectInfo>> DirectoryObjectStore::list(const std::string& prefix) {
  if (stopped_.load(std::memory_order_relaxed))
    return Error(Code::kCanceled, place_ + " is closed");
  std::vector<ObjectInfo> found;
  HF_TRY(list_folder(folder_, "", prefix, found).context(place_ + ": list " + prefix));
  std::sort(found.begin(), found.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
  return found;
}

Result<void> DirectoryObjectStore::remove(const std::string& key) {
  const std::string path = HF_TRY(path_of(key));
  auto removed = files_.remove(path);
  if (!removed && removed.error().code() != Code::kNotFound)
    return std::move(removed).context(place_ + ": remove " + key);
  return {};
}

}  // namespace holdfast
