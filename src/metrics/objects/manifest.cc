#include "metrics/objects/manifest.h"

#include <algorithm>

#include "base/bytes.h"

namespace holdfast::metrics {

namespace {

constexpr std::string_view kManifestMagic = "HFOBJ01\n";
constexpr std::string_view kRecordMagic = "HFREC01\n";
constexpr std::size_t kIdSizeMax = 100;

Error bad(std::string_view what) {
  return {Code::kDataLoss, std::string(what) + " is not what was written"};
}

// The bytes between magic and checksum, or nothing.
Result<std::string_view> body_of(std::string_view bytes, std::string_view magic,
                                 std::string_view what) {
  if (bytes.size() < magic.size() + 4 || !bytes.starts_with(magic)) return bad(what);
  const std::string_view all = bytes.substr(0, bytes.size() - 4);
  if (ByteReader(bytes.substr(all.size())).u32() != crc32c(all)) return bad(what);
  return all.substr(magic.size());
}

}  // namespace

bool is_object_id(std::string_view id) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  };
  return !id.empty() && id.size() <= kIdSizeMax && std::all_of(id.begin(), id.end(), plain);
}

std::string encode_manifest(const Manifest& manifest) {
  ByteWriter out;
  out.raw(kManifestMagic);
  out.text(manifest.id);
  out.varint(manifest.size);
  out.u64(manifest.hash);
  out.text(manifest.head);
  out.text(manifest.tail);
  out.varint(manifest.replaces.size());
  for (const std::string& id : manifest.replaces) out.text(id);
  out.u32(crc32c(out.str()));
  return out.take();
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  constexpr std::string_view kWhat = "the manifest";
  ByteReader in(HF_TRY(body_of(bytes, kManifestMagic, kWhat)));
  Manifest manifest;
  manifest.id = in.text();
  manifest.size = in.varint();
  manifest.hash = in.u64();
  manifest.head = in.text();
  manifest.tail = in.text();
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) manifest.replaces.emplace_back(in.text());
  if (!in.ok() || !in.at_end() || !is_object_id(manifest.id)) return bad(kWhat);
  if (!std::all_of(manifest.replaces.begin(), manifest.replaces.end(), is_object_id))
    return bad(kWhat);
  if (manifest.head.size() > manifest.size || manifest.tail.size() > manifest.size)
    return bad(kWhat);
  return manifest;
}

std::string encode_record(const Record& record) {
  ByteWriter out;
  out.raw(kRecordMagic);
  out.u8(static_cast<std::uint8_t>(record.state));
  out.text(record.heir);
  out.u32(record.tombstones_crc);
  out.text(encode_manifest(record.manifest));
  out.u32(crc32c(out.str()));
  return out.take();
}

Result<Record> decode_record(std::string_view bytes) {
  constexpr std::string_view kWhat = "the record of an object";
  ByteReader in(HF_TRY(body_of(bytes, kRecordMagic, kWhat)));
  Record record;
  const std::uint8_t state = in.u8();
  record.heir = in.text();
  record.tombstones_crc = in.u32();
  const std::string_view manifest = in.text();
  if (!in.ok() || !in.at_end() || state < 1 || state > 4) return bad(kWhat);
  record.state = static_cast<ObjectState>(state);
  record.manifest = HF_TRY(decode_manifest(manifest));
  return record;
}

}  // namespace holdfast::metrics
