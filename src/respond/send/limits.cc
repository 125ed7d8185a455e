#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::string_view kMarker = "…";  // three bytes, one character

// The size of the character at `at`: its first byte and the continuation bytes it asks for, as far as they are there.
std::size_t size_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  std::size_t size = 1;
  while (size < wanted && at + size < text.size() &&
         (static_cast<unsigned char>(text[at + size]) & 0xC0U) == 0x80U) {
    ++size;
  }
  return size == wanted ? size : 1;
}

// The bytes of the first `count` characters.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (count > 0 && at < text.size()) {
    at += size_at(text, at);
    --count;
  }
  return at;
}

}  // namespace

std::size_t rune_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += size_at(text, at)) ++count;
  return count;
}

std::string cut_runes(std::string_view text, std::size_t count_max) {
  if (text.size() <= count_max || bytes_of(text, count_max) == text.size()) {
    return std::string(text);
  }
  if (count_max <= 3) return std::string(text.substr(0, bytes_of(text, count_max)));
  return std::string(text.substr(0, bytes_of(text, count_max - 1))).append(kMarker);
}

std::string cut_bytes(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return std::string(text);
  if (size_max < kMarker.size()) return std::string(size_max, '.');
  const auto room = size_max - kMarker.size();
  std::size_t at = 0;
  while (at < text.size()) {
    const auto size = size_at(text, at);
    if (at + size > room) break;
    at += size;
  }
  return std::string(text.substr(0, at)).append(kMarker);
}

Duration RateWindow::take(MonoTime now, bool resolve) {
  while (!sent_.empty() && now - sent_.front() >= window_) sent_.pop_front();
  const auto allowed = resolve ? count_max_ : count_max_ - 1;
  if (sent_.size() < allowed) {
    sent_.push_back(now);
    return {};
  }
  // When so many have left the window that one more fits.
  return sent_[sent_.size() - allowed] + window_ - now;
}

}  // namespace holdfast::respond::send
