#include "respond/status/history.h"

#include <algorithm>

namespace holdfast::respond::status {
namespace {

constexpr auto kDay = std::chrono::hours(24);
constexpr double kPartialWeight = 0.3;

struct Span {
  WallTime begin, end;
  ComponentStatus status;
  const Post* post;
};

ComponentStatus status_in(const Update& update, const std::string& component) {
  for (const auto& one : update.components)
    if (one.id == component) return one.status;
  return ComponentStatus::kOperational;
}

// What each published update says of the component until the next one, or until now.
std::vector<Span> spans_of(const std::string& component, const std::vector<Post>& posts, WallTime now) {
  std::vector<Span> spans;
  for (const auto& post : posts) {
    if (!post.published()) continue;
    const Update* before = nullptr;
    const auto add = [&](WallTime end) {
      if (before == nullptr) return;
      const auto status = status_in(*before, component);
      if (status != ComponentStatus::kOperational && end > before->at)
        spans.push_back({before->at, end, status, &post});
    };
    for (const auto& update : post.updates) {
      if (update.draft) continue;
      add(update.at);
      before = &update;
    }
    if (before != nullptr && !post.over()) add(now);
  }
  return spans;
}

WallTime midnight(WallTime at) {
  return std::chrono::floor<std::chrono::days>(at);
}

std::int64_t seconds_of(WallTime::duration span) {
  return std::chrono::duration_cast<std::chrono::seconds>(span).count();
}

// Cuts the day at every begin and end, so that the worse of what overlaps counts once.
void add_spans(ComponentDay& day, const std::vector<Span>& spans) {
  const auto day_end = day.day + kDay;
  std::vector<Span> inside;
  std::vector<WallTime> cuts;
  for (auto span : spans) {
    span.begin = std::max(span.begin, day.day);
    span.end = std::min(span.end, WallTime(day_end));
    if (span.begin >= span.end) continue;
    cuts.push_back(span.begin);
    cuts.push_back(span.end);
    if (std::find(day.posts.begin(), day.posts.end(), span.post->id) == day.posts.end())
      day.posts.push_back(span.post->id);
    day.worst = std::max(day.worst, span.status);
    inside.push_back(span);
  }
  std::sort(cuts.begin(), cuts.end());
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    auto worst = ComponentStatus::kOperational;
    for (const auto& span : inside)
      if (span.begin <= cuts[i - 1] && span.end >= cuts[i]) worst = std::max(worst, span.status);
    if (worst == ComponentStatus::kPartialOutage) day.partial_seconds += seconds_of(cuts[i] - cuts[i - 1]);
    if (worst == ComponentStatus::kMajorOutage) day.major_seconds += seconds_of(cuts[i] - cuts[i - 1]);
  }
}

}  // namespace

std::vector<ComponentDay> component_days(const std::string& component, const std::vector<Post>& posts, WallTime now,
                                         int count) {
  const auto spans = spans_of(component, posts, now);
  std::vector<ComponentDay> days;
  for (int i = count - 1; i >= 0; --i) {
    ComponentDay day;
    day.day = midnight(now) - i * kDay;
    add_spans(day, spans);
    days.push_back(std::move(day));
  }
  return days;
}

double uptime_percent(const std::vector<ComponentDay>& days, WallTime now) {
  double total = 0, down = 0;
  for (const auto& day : days) {
    total += static_cast<double>(seconds_of(std::min(now, WallTime(day.day + kDay)) - day.day));
    down += kPartialWeight * static_cast<double>(day.partial_seconds) + static_cast<double>(day.major_seconds);
  }
  return total <= 0 ? 100 : std::clamp(100 * (1 - down / total), 0.0, 100.0);
}

ComponentStatus component_status(const std::string& component, const std::vector<Post>& posts) {
  auto worst = ComponentStatus::kOperational;
  for (const auto& post : posts) {
    if (!post.published() || post.over()) continue;
    for (const auto& one : post.components())
      if (one.id == component) worst = std::max(worst, one.status);
  }
  return worst;
}

}  // namespace holdfast::respond::status
