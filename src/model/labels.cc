#include "model/labels.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace holdfast::model {
namespace {

// A series' labels nearly always fit; the rest pay for one allocation.
constexpr std::size_t kHashBufferSize = 1024;
constexpr char kSeparator =
    '\xff';  // never occurs in UTF-8, so no two label sets share their bytes

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::vector<Label> normalised(std::vector<Label> labels) {
  std::stable_sort(labels.begin(), labels.end(),
                   [](const Label& a, const Label& b) { return a.name < b.name; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool last_of_name = i + 1 == labels.size() || labels[i + 1].name != labels[i].name;
    if (!last_of_name || labels[i].value.empty()) continue;
    if (kept != i) labels[kept] = std::move(labels[i]);
    ++kept;
  }
  labels.resize(kept);
  return labels;
}

char* put(char* at, std::string_view bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  at += bytes.size();
  *at++ = kSeparator;
  return at;
}

}  // namespace

Labels::Labels(std::initializer_list<Label> labels)
    : Labels(std::vector<Label>(labels.begin(), labels.end())) {}

Labels::Labels(std::vector<Label> labels) : labels_(normalised(std::move(labels))) {}

std::string_view Labels::get(std::string_view name) const {
  // Linear: a series has about ten labels, and comparing lengths first makes most steps one compare.
  for (const auto& label : labels_) {
    if (label.name == name) return label.value;
  }
  return {};
}

Labels Labels::with(std::string_view name, std::string_view value) const {
  Labels copy = *this;
  auto it = std::lower_bound(copy.labels_.begin(), copy.labels_.end(), name,
                             [](const Label& l, std::string_view n) { return l.name < n; });
  const bool present = it != copy.labels_.end() && it->name == name;
  if (value.empty()) {
    if (present) copy.labels_.erase(it);
  } else if (present) {
    it->value = value;
  } else {
    copy.labels_.insert(it, Label{std::string(name), std::string(value)});
  }
  return copy;
}

Labels Labels::without_name() const { return with(kMetricName, ""); }

Labels Labels::keep(const std::vector<std::string>& names) const {
  Labels kept;
  for (const auto& label : labels_) {
    if (std::find(names.begin(), names.end(), label.name) != names.end()) {
      kept.labels_.push_back(label);
    }
  }
  return kept;
}

Labels Labels::drop(const std::vector<std::string>& names) const {
  Labels kept;
  for (const auto& label : labels_) {
    if (label.name == kMetricName) continue;
    if (std::find(names.begin(), names.end(), label.name) == names.end()) {
      kept.labels_.push_back(label);
    }
  }
  return kept;
}

std::uint64_t Labels::hash() const {
  std::size_t size = 0;
  for (const auto& label : labels_) size += label.name.size() + label.value.size() + 2;
  char buffer[kHashBufferSize];
  std::string overflow;
  char* start = buffer;
  if (size > kHashBufferSize) {
    overflow.resize(size);
    start = overflow.data();
  }
  char* at = start;
  for (const auto& label : labels_) at = put(put(at, label.name), label.value);
  return XXH3_64bits(start, size);
}

std::string Labels::text() const {
  std::string inner;
  std::string outer;
  for (const auto& label : labels_) {
    if (label.name == kMetricName && is_metric_name(label.value)) {
      outer = label.value;
      continue;
    }
    if (!inner.empty()) inner += ',';
    if (label.name == kMetricName) {
      // A UTF-8 metric name stands first among the braces, quoted and without `__name__=`.
      inner = quote(label.value) + (inner.empty() ? "" : "," + inner.substr(0, inner.size() - 1));
      continue;
    }
    inner += is_label_name(label.name) ? label.name : quote(label.name);
    inner += '=';
    inner += quote(label.value);
  }
  if (inner.empty() && !outer.empty()) return outer;
  return outer + "{" + inner + "}";
}

bool is_metric_name(std::string_view s) {
  if (s.empty() || is_digit(s[0])) return false;
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
}

bool is_label_name(std::string_view s) {
  if (s.empty() || is_digit(s[0])) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

std::string quote(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
  out += '"';
  return out;
}

}  // namespace holdfast::model
