#include "base/glob.h"

#include <algorithm>

#include "base/text.h"

namespace holdfast {
namespace {

// One character of a set "[...]" at the front of `pattern`, which is cut behind it. A set without its end
// matches nothing.
bool take_set(std::string_view& pattern, char c) {
  pattern.remove_prefix(1);
  const bool negated = pattern.starts_with('^') || pattern.starts_with('!');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  bool first = true;
  while (!pattern.empty() && (first || pattern[0] != ']')) {
    first = false;
    if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    const char low = pattern[0];
    char high = low;
    pattern.remove_prefix(1);
    if (pattern.size() > 1 && pattern[0] == '-' && pattern[1] != ']') {
      high = pattern[1];
      pattern.remove_prefix(2);
    }
    found = found || (low <= c && c <= high);
  }
  if (pattern.empty()) return false;
  pattern.remove_prefix(1);
  return found != negated;
}

}  // namespace

bool has_pattern(std::string_view path) {
  return path.find_first_of("*?[\\") != std::string_view::npos;
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // The last "*" and where its match began: on a mismatch it takes one character more.
  std::string_view star_pattern, star_name;
  bool has_star = false;
  for (;;) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_name = name;
      has_star = true;
      continue;
    }
    if (name.empty() && pattern.empty()) return true;
    bool hit = false;
    auto rest = pattern;
    if (!name.empty() && !rest.empty()) {
      if (rest[0] == '[') {
        hit = take_set(rest, name[0]);
      } else {
        if (rest[0] == '\\' && rest.size() > 1) rest.remove_prefix(1);
        hit = (rest[0] == '?' && pattern[0] != '\\') || rest[0] == name[0];
        rest.remove_prefix(1);
      }
    }
    if (hit) {
      pattern = rest;
      name.remove_prefix(1);
      continue;
    }
    if (!has_star || star_name.empty()) return false;
    star_name.remove_prefix(1);
    pattern = star_pattern;
    name = star_name;
  }
}

std::vector<std::string> glob(FileSystem& files, const std::string& pattern) {
  if (!has_pattern(pattern)) {
    return files.exists(pattern) ? std::vector<std::string>{pattern} : std::vector<std::string>();
  }
  std::vector<std::string> found = {pattern.starts_with('/') ? "/" : ""};
  for (const auto part : split(pattern, '/')) {
    if (part.empty()) continue;
    std::vector<std::string> next;
    for (const auto& folder : found) {
      const auto prefix = folder.empty() || folder == "/" ? folder : folder + "/";
      if (!has_pattern(part)) {
        const auto path = prefix + std::string(part);
        if (part == "." || part == ".." || files.exists(path)) next.push_back(path);
        continue;
      }
      const auto list = files.list(folder.empty() ? "." : folder);
      if (!list) continue;
      for (const auto& info : *list) {
        if (matches_pattern(part, info.name)) next.push_back(prefix + info.name);
      }
    }
    found = std::move(next);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace holdfast
