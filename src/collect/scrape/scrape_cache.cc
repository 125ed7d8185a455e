#include "collect/scrape/scrape_cache.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace holdfast::collect {
namespace {

constexpr std::size_t kArenaSize = 16 * 1024;  // bytes; a small target's texts fit into one
// A line that is gone shifts the others by one: a few steps ahead are tried before the index is built.
constexpr int kLookAhead = 4;

}  // namespace

void ScrapeCache::begin_round() {
  ++round_;
  last_ = kNone;
  seen_ = 0;
  begun_with_ = entries_.size();
  in_order_ = true;
}

std::uint32_t ScrapeCache::find(std::string_view raw) {
  auto guess = likely();
  for (int i = 0; i < kLookAhead && guess != kNone; ++i) {
    if (entries_[guess].raw() == raw) return guess;
    guess = entries_[guess].following;
  }
  if (entries_.empty()) return kNone;
  if (index_.empty()) {
    index_.reserve(entries_.size());
    for (std::uint32_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].raw(), i);
  }
  const auto at = index_.find(raw);
  return at == index_.end() ? kNone : at->second;
}

const char* ScrapeCache::keep(std::string_view raw) {
  if (raw.size() > arena_left_) {
    const auto size = std::max(kArenaSize, raw.size());
    arena_.push_back(std::make_unique_for_overwrite<char[]>(size));
    arena_left_ = size;
  }
  // The chunk's size is not kept: what is left of it lies at its end.
  char* at = arena_.back().get() + (std::max(kArenaSize, arena_left_) - arena_left_);
  std::memcpy(at, raw.data(), raw.size());
  arena_left_ -= raw.size();
  return at;
}

std::uint32_t ScrapeCache::add(std::string_view raw) {
  const auto index = static_cast<std::uint32_t>(entries_.size());
  auto& entry = entries_.emplace_back();
  entry.text = keep(raw);
  entry.text_size = static_cast<std::uint32_t>(raw.size());
  if (!index_.empty()) index_.emplace(entry.raw(), index);
  return index;
}

bool ScrapeCache::see(std::uint32_t index) {
  auto& entry = entries_[index];
  if (entry.round == round_) return false;
  entry.round = round_;
  if (index != seen_++) in_order_ = false;
  (last_ != kNone ? entries_[last_].following : first_) = index;
  last_ = index;
  return true;
}

std::vector<std::uint32_t> ScrapeCache::vanished() const {
  std::vector<std::uint32_t> out;
  if (seen_ == entries_.size()) return out;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].live && entries_[i].round != round_) out.push_back(i);
  }
  return out;
}

std::vector<std::uint32_t> ScrapeCache::live() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].live) out.push_back(i);
  }
  return out;
}

void ScrapeCache::finish_round() {
  for (auto& entry : entries_) entry.live = entry.tracked && entry.round == round_;
  index_ = {};
  if (seen_ == entries_.size() && in_order_) return;
  std::vector<std::uint32_t> order;
  order.reserve(seen_);
  for (auto at = first_; order.size() < seen_; at = entries_[at].following) order.push_back(at);
  lay_out(order);
}

void ScrapeCache::abandon_round() {
  for (auto& entry : entries_) entry.live = false;
  index_ = {};
  if (entries_.size() == begun_with_) return;
  std::vector<std::uint32_t> order(begun_with_);
  std::iota(order.begin(), order.end(), 0);
  lay_out(order);
}

void ScrapeCache::forget_refs() {
  for (auto& entry : entries_) entry.ref = metrics::SeriesRef::kNone;
}

// Keeps these entries, in this order, texts included.
void ScrapeCache::lay_out(const std::vector<std::uint32_t>& order) {
  const auto old = std::move(entries_);
  const auto texts = std::move(arena_);
  entries_.clear();
  entries_.reserve(order.size());
  arena_.clear();
  arena_left_ = 0;
  for (const auto at : order) {
    auto& entry = entries_.emplace_back(old[at]);
    entry.text = keep(entry.raw());
    entry.following =
        entries_.size() < order.size() ? static_cast<std::uint32_t>(entries_.size()) : kNone;
  }
  first_ = order.empty() ? kNone : 0;
  last_ = kNone;
}

}  // namespace holdfast::collect
