#include "respond/route/interned.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace holdfast::respond::route {
namespace {

constexpr std::size_t kTableMin = 1024;
constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

std::size_t hash_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

std::size_t StringPool::place_of(std::string_view text) const {
  const auto mask = table_.size() - 1;
  auto at = hash_of(text) & mask;
  while (table_[at] != kNone && this->text(table_[at]) != text) at = (at + 1) & mask;
  return at;
}

void StringPool::grow() {
  auto old = std::move(table_);
  table_.assign(std::max(kTableMin, old.size() * 2), kNone);
  for (const auto id : old) {
    if (id != kNone) table_[place_of(text(id))] = id;
  }
}

StringPool::Id StringPool::take(std::string_view text) {
  if (count_ * 2 >= table_.size()) grow();
  const auto at = place_of(text);
  if (table_[at] != kNone) {
    ++slots_[table_[at]].users;
    return table_[at];
  }
  Id id = static_cast<Id>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  auto& slot = slots_[id];
  slot.bytes = std::make_unique_for_overwrite<char[]>(text.size() + 1);
  std::memcpy(slot.bytes.get(), text.data(), text.size());
  slot.size = static_cast<std::uint32_t>(text.size());
  slot.users = 1;
  table_[at] = id;
  ++count_;
  return id;
}

void StringPool::release(Id id) {
  if (--slots_[id].users > 0) return;
  const auto mask = table_.size() - 1;
  auto hole = place_of(text(id));
  // Whoever stands behind the hole and belongs at or before it moves up, so that no search ends early.
  for (auto at = (hole + 1) & mask; table_[at] != kNone; at = (at + 1) & mask) {
    const auto home = hash_of(text(table_[at])) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    table_[hole] = table_[at];
    hole = at;
  }
  table_[hole] = kNone;
  slots_[id] = {};
  free_.push_back(id);
  --count_;
}

PackedLabels pack(StringPool& pool, const model::Labels& labels) {
  PackedLabels packed;
  packed.count = static_cast<std::uint32_t>(labels.size());
  packed.ids = std::make_unique_for_overwrite<StringPool::Id[]>(labels.size() * 2);
  std::size_t i = 0;
  for (const auto& label : labels) {
    packed.ids[i++] = pool.take(label.name);
    packed.ids[i++] = pool.take(label.value);
  }
  return packed;
}

void unpack_release(StringPool& pool, PackedLabels& labels) {
  for (std::uint32_t i = 0; i < labels.count * 2; ++i) pool.release(labels.ids[i]);
  labels = {};
}

model::Labels unpack(const StringPool& pool, const PackedLabels& labels) {
  return LabelsView(pool, labels).copy();
}

bool equal(const StringPool& pool, const PackedLabels& packed, const model::Labels& labels) {
  if (packed.count != labels.size()) return false;
  std::size_t i = 0;
  for (const auto& label : labels) {
    if (pool.text(packed.ids[i]) != label.name) return false;
    if (pool.text(packed.ids[i + 1]) != label.value) return false;
    i += 2;
  }
  return true;
}

std::string_view LabelsView::name(std::size_t i) const {
  return labels_ != nullptr ? std::string_view(labels_->all()[i].name)
                            : pool_->text(packed_->ids[i * 2]);
}

std::string_view LabelsView::value(std::size_t i) const {
  return labels_ != nullptr ? std::string_view(labels_->all()[i].value)
                            : pool_->text(packed_->ids[i * 2 + 1]);
}

std::string_view LabelsView::get(std::string_view wanted) const {
  if (labels_ != nullptr) return labels_->get(wanted);
  for (std::size_t i = 0; i < packed_->count; ++i) {
    if (name(i) == wanted) return value(i);
  }
  return {};
}

model::Labels LabelsView::copy() const {
  if (labels_ != nullptr) return *labels_;
  std::vector<model::Label> list;
  list.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) {
    list.push_back({std::string(name(i)), std::string(value(i))});
  }
  return model::Labels(std::move(list));
}

bool LabelsView::matches(const std::vector<model::Matcher>& matchers) const {
  return std::all_of(matchers.begin(), matchers.end(),
                     [this](const model::Matcher& m) { return matches(m); });
}

std::uint64_t fingerprint_of(const LabelsView& labels) {
  std::uint64_t sum = kFnvOffset;
  const auto add = [&sum](std::string_view bytes) {
    for (const char c : bytes) sum = (sum ^ static_cast<std::uint8_t>(c)) * kFnvPrime;
    sum = (sum ^ 0xff) * kFnvPrime;
  };
  for (std::size_t i = 0; i < labels.size(); ++i) {
    add(labels.name(i));
    add(labels.value(i));
  }
  return sum;
}

std::string fingerprint_text(std::uint64_t fingerprint) {
  std::string hex(16, '0');
  for (std::size_t i = 16; i-- > 0; fingerprint >>= 4) {
    hex[i] = "0123456789abcdef"[fingerprint & 15];
  }
  return hex;
}

std::uint64_t fingerprint_from(std::string_view hex) {
  if (hex.size() != 16) return 0;
  std::uint64_t sum = 0;
  for (const char c : hex) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return 0;
    sum = sum << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return sum;
}

}  // namespace holdfast::respond::route
