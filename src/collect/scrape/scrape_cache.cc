#include "collect/scrape/scrape_cache.h"

namespace holdfast::collect {

ScrapeCache::Entry* ScrapeCache::find(std::string_view raw) {
  Entry* guessed = last_ != nullptr ? last_->following : first_;
  if (guessed != nullptr && guessed->raw == raw) return guessed;
  const auto at = entries_.find(raw);
  return at == entries_.end() ? nullptr : at->second.get();
}

ScrapeCache::Entry& ScrapeCache::add(std::string_view raw, model::Labels labels) {
  auto entry = std::make_unique<Entry>();
  entry->raw = raw;
  entry->labels = std::move(labels);
  auto& added = *entry;
  entries_.emplace(added.raw, std::move(entry));
  return added;
}

bool ScrapeCache::see(Entry& entry) {
  if (entry.round == round_) return false;
  entry.round = round_;
  (last_ != nullptr ? last_->following : first_) = &entry;
  last_ = &entry;
  return true;
}

std::vector<ScrapeCache::Entry*> ScrapeCache::vanished() {
  std::vector<Entry*> out;
  for (auto& [raw, entry] : entries_) {
    if (entry->live && entry->round != round_) out.push_back(entry.get());
  }
  return out;
}

std::vector<ScrapeCache::Entry*> ScrapeCache::live() {
  std::vector<Entry*> out;
  for (auto& [raw, entry] : entries_) {
    if (entry->live) out.push_back(entry.get());
  }
  return out;
}

void ScrapeCache::finish_round() {
  const auto removed =
      std::erase_if(entries_, [&](const auto& item) { return item.second->round != round_; });
  for (auto& [raw, entry] : entries_) entry->live = entry->tracked;
  if (removed != 0) forget_order();
}

// An order that may name entries which are gone is no order.
void ScrapeCache::forget_order() {
  for (auto& [raw, entry] : entries_) entry->following = nullptr;
  first_ = last_ = nullptr;
}

void ScrapeCache::clear_live() {
  for (auto& [raw, entry] : entries_) entry->live = false;
}

}  // namespace holdfast::collect
