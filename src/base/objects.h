// base/objects.h: named bytes kept in a bucket, as something handed in.
//
// Purpose     What an engine moves away from its disk goes through here: net::S3Store for S3-compatible
//             object storage, DirectoryObjectStore for a mounted folder and for simulated tests.
// Invariants  An object is whole or absent: a put that was cut off leaves what was there before. What put()
//             accepted, the next get() and list() of the same store see.
// Errors      Absent is kNotFound; a refused key or signature kForbidden; a store that cannot be reached
//             kUnavailable or kTimeout. Each names place() and the key.
// Threads     All from any thread; the calls wait for the network, so never on the control strand.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace holdfast {

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;  // bytes
};

class ObjectStore {
 public:
  // What put() stores, asked for piece by piece, in order; a piece may be asked for again.
  struct Source {
    std::uint64_t size = 0;
    std::function<Result<std::string>(std::uint64_t offset, std::size_t size)> read;
  };

  virtual ~ObjectStore() = default;
  virtual const std::string& place() const = 0;  // for messages: "bucket metrics at https://..."
  virtual Result<void> put(const std::string& key, const Source& source) = 0;
  // Exactly the bytes [offset, offset + size); an object that ends before is kDataLoss.
  virtual Result<std::string> get(const std::string& key, std::uint64_t offset,
                                  std::size_t size) = 0;
  virtual Result<ObjectInfo> info(const std::string& key) = 0;
  // Every object whose key begins so, sorted by key.
  virtual Result<std::vector<ObjectInfo>> list(const std::string& prefix) = 0;
  virtual Result<void> remove(const std::string& key) = 0;  // absent is fine
  // Calls under way and all later ones answer kCanceled: for an orderly end.
  virtual void stop() = 0;

  // Built on the above.
  Result<void> put_bytes(const std::string& key, std::string_view bytes);
  Result<std::string> get_whole(const std::string& key, std::size_t size_max);
};

// Objects as files below a folder, their keys as paths.
class DirectoryObjectStore final : public ObjectStore {
 public:
  DirectoryObjectStore(FileSystem& files, std::string folder);
  const std::string& place() const override { return place_; }
  Result<void> put(const std::string& key, const Source& source) override;
  Result<std::string> get(const std::string& key, std::uint64_t offset, std::size_t size) override;
  Result<ObjectInfo> info(const std::string& key) override;
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override;
  Result<void> remove(const std::string& key) override;
  void stop() override { stopped_.store(true, std::memory_order_relaxed); }

 private:
  Result<std::string> path_of(const std::string& key) const;
  Result<void> list_folder(const std::string& folder, const std::string& key_before,
                           const std::string& prefix, std::vector<ObjectInfo>& out);

  FileSystem& files_;
  const std::string folder_;
  const std::string place_;
  std::atomic<bool> stopped_{false};      // nothing is ordered by it
  std::atomic<std::uint64_t> writes_{0};  // names of temporary files differ
};

}  // namespace holdfast
