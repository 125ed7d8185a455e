// metrics/objects/manifest.h: what stands beside a block in the bucket, and what the disk remembers of it.
//
// Purpose     A Manifest is written after its block is complete in the bucket: without one a block is not
//             there. It holds the block's ends, so that the block opens without asking the bucket.
//             A Record is this store's own note about one block: how far it has come.
// Errors      decode() answers kDataLoss for bytes encode() did not write.
// Threads     Values.
// Source      docs/formats/objects.md draws both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::metrics {

struct Manifest {
  std::string id;                     // names the block's objects: "0000000012-9f86d081884c7d65"
  std::uint64_t size = 0;             // bytes of the block
  std::uint64_t hash = 0;             // XXH3 of all of them
  std::string head;                   // the block's first bytes
  std::string tail;                   // and its last, the footer among them
  std::vector<std::string> replaces;  // ids of blocks that were merged into this one

  bool operator==(const Manifest&) const = default;
};
std::string encode_manifest(const Manifest& manifest);
Result<Manifest> decode_manifest(std::string_view bytes);

enum class ObjectState : std::uint8_t {
  kUploading = 1,  // written before the upload begins: whatever happens, its key is known
  kUploaded = 2,   // complete in the bucket; this store still has the file, or has merged it
  kRemote = 3,     // in the bucket alone
  kDeleting = 4,   // to be removed from the bucket
};

struct Record {
  ObjectState state = ObjectState::kUploading;
  Manifest manifest;
  std::string heir;                  // the block this one was merged into, by its local name
  std::uint32_t tombstones_crc = 0;  // of those in the bucket; 0: none are there

  bool operator==(const Record&) const = default;
};
std::string encode_record(const Record& record);
Result<Record> decode_record(std::string_view bytes);

// Whether the text may name an object: what a foreign manifest says becomes a file's name here.
bool is_object_id(std::string_view id);

}  // namespace holdfast::metrics
