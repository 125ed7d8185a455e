// respond/route/interned.h: label sets by the hundred thousand: each string is kept once, a set is a row of numbers.
//
// Purpose     Alerts share almost all of their names and values. StringPool keeps each text once with a count of its users;
//             PackedLabels is a label set as pairs of ids; LabelsView reads such a set or a model::Labels alike, without copies,
//             for matchers.
// Invariants  A view is valid as long as the pool's texts and what it looks at.
// Threads     Control strand only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"

namespace holdfast::respond::route {

class StringPool {
 public:
  using Id = std::uint32_t;

  Id take(std::string_view text);  // one more user
  void share(Id id) { ++slots_[id].users; }
  void release(Id id);
  std::string_view text(Id id) const { return {slots_[id].bytes.get(), slots_[id].size}; }
  std::size_t size() const { return count_; }

 private:
  struct Slot {
    std::unique_ptr<char[]> bytes;
    std::uint32_t size = 0;
    std::uint32_t users = 0;
  };
  static constexpr Id kNone = 0xffffffff;

  std::size_t place_of(std::string_view text) const;  // where it stands in table_, or would
  void grow();

  std::vector<Slot> slots_;
  std::vector<Id> free_;
  std::vector<Id> table_;  // open addressing, linear; size is a power of two, at most half full
  std::size_t count_ = 0;
};

// Names ascend, as in model::Labels.
struct PackedLabels {
  std::unique_ptr<StringPool::Id[]> ids;  // name, value, name, value, ...
  std::uint32_t count = 0;                // of pairs
};

PackedLabels pack(StringPool& pool, const model::Labels& labels);
void unpack_release(StringPool& pool, PackedLabels& labels);
model::Labels unpack(const StringPool& pool, const PackedLabels& labels);
bool equal(const StringPool& pool, const PackedLabels& packed, const model::Labels& labels);

class LabelsView {
 public:
  LabelsView(const model::Labels& labels) : labels_(&labels) {}  // NOLINT: a view of it
  LabelsView(const StringPool& pool, const PackedLabels& packed) : pool_(&pool), packed_(&packed) {}

  // "" when absent.
  std::string_view get(std::string_view name) const;
  std::size_t size() const { return labels_ != nullptr ? labels_->size() : packed_->count; }
  std::string_view name(std::size_t i) const;
  std::string_view value(std::size_t i) const;
  model::Labels copy() const;

  bool matches(const model::Matcher& matcher) const { return matcher.matches(get(matcher.name())); }
  bool matches(const std::vector<model::Matcher>& matchers) const;

 private:
  const model::Labels* labels_ = nullptr;
  const StringPool* pool_ = nullptr;
  const PackedLabels* packed_ = nullptr;
};

// The 64 bits that model::Alert::fingerprint() writes as hex.
std::uint64_t fingerprint_of(const LabelsView& labels);
std::string fingerprint_text(std::uint64_t fingerprint);
std::uint64_t fingerprint_from(std::string_view hex);  // 0 when it is none

}  // namespace holdfast::respond::route
