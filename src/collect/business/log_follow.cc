#include "collect/business/log_follow.h"

#include <re2/re2.h>

#include <limits>

#include "base/text.h"

namespace holdfast::collect {
namespace {

constexpr std::size_t kLineMax = 64 * 1024;
constexpr std::size_t kReadSize = 256 * 1024;
constexpr int kReadsPerLook = 16;
// Enough for a time stamp and some words, which no two logs begin with alike.
constexpr std::size_t kHeadSize = 512;

}  // namespace

struct LogFollower::Regex {
  explicit Regex(const std::string& pattern) : re(pattern, RE2::Quiet) {}
  RE2 re;
};

LogFollower::LogFollower(FileSystem& files, BusinessRegistry& registry, LogPattern pattern)
    : files_(files),
      registry_(registry),
      pattern_(std::move(pattern)),
      regex_(std::make_unique<Regex>(pattern_.pattern)) {}

LogFollower::~LogFollower() = default;

bool LogFollower::open() {
  auto opened = files_.open(pattern_.path, OpenMode::kRead);
  if (!opened) {
    first_ = false;  // what comes to be later is new as a whole
    return false;
  }
  file_ = std::move(*opened);
  offset_ = 0;
  partial_.clear();
  skipping_ = false;
  head_ = file_->read_at(0, kHeadSize).value_or("");
  if (first_ && !pattern_.from_start) offset_ = file_->size().value_or(0);
  first_ = false;
  return true;
}

bool LogFollower::is_same_file() {
  auto now = files_.open(pattern_.path, OpenMode::kRead);
  if (!now) return true;  // renamed away, and nothing has come in its place yet
  const auto size = (*now)->size().value_or(0);
  if (size < offset_) return false;
  const auto head = (*now)->read_at(0, kHeadSize).value_or("");
  return head.starts_with(head_);
}

void LogFollower::look() {
  if (file_ == nullptr && !open()) return;
  read_new();
  if (is_same_file()) {
    if (head_.size() < kHeadSize) head_ = file_->read_at(0, kHeadSize).value_or(head_);
    return;
  }
  // What was written to the old file before it was left; a cut file gives nothing here.
  read_new();
  file_.reset();
  if (open()) read_new();
}

void LogFollower::read_new() {
  for (int i = 0; i < kReadsPerLook; ++i) {
    auto bytes = file_->read_at(offset_, kReadSize);
    if (!bytes || bytes->empty()) return;
    offset_ += bytes->size();
    take_lines(*bytes);
    if (bytes->size() < kReadSize) return;
  }
}

void LogFollower::take_lines(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    if (!skipping_) partial_ += part;
    if (partial_.size() > kLineMax) {
      partial_.clear();
      skipping_ = true;
    }
    if (end == std::string_view::npos) return;
    if (!skipping_)
      take(partial_.ends_with('\r') ? std::string_view(partial_).substr(0, partial_.size() - 1)
                                    : partial_);
    partial_.clear();
    skipping_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void LogFollower::take(std::string_view line) {
  ++lines_;
  const auto& re = regex_->re;
  if (!re.ok()) return;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(re.NumberOfCapturingGroups()) + 1);
  if (!re.Match(re2::StringPiece(line.data(), line.size()), 0, line.size(), RE2::UNANCHORED,
                groups.data(), static_cast<int>(groups.size())))
    return;
  const auto value_of = [&](std::string_view name) -> std::string {
    const auto& names = re.NamedCapturingGroups();
    const auto found = names.find(std::string(name));
    if (found == names.end()) return "";
    const auto& group = groups[static_cast<std::size_t>(found->second)];
    return std::string(group.data(), group.size());
  };
  BusinessEvent event;
  event.metric = pattern_.metric;
  event.value = parse_double(expand_references(pattern_.value, value_of))
                    .value_or(std::numeric_limits<double>::quiet_NaN());
  event.id = expand_references(pattern_.id, value_of);
  for (const auto& [label, reference] : pattern_.labels)
    event.labels.push_back({label, expand_references(reference, value_of)});
  (void)registry_.observe(BusinessFeed::kLog, event);  // refusals are counted there
}

}  // namespace holdfast::collect
