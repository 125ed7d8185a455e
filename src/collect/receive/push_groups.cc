#include "collect/receive/push_groups.h"

#include <algorithm>
#include <unordered_set>

#include "base/bytes.h"
#include "base/text.h"
#include "collect/metric_sink.h"
#include "net/http.h"

namespace holdfast::collect {
namespace {

constexpr std::string_view kBase64 = "@base64";
constexpr const char* kPushTime = "push_time_seconds";
constexpr const char* kFailureTime = "push_failure_time_seconds";

// RFC 4648's alphabet for URLs, padding or none.
Result<std::string> decode_url_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+' || c == '/')
      return invalid("'" + std::string(1, c) + "' is not in the alphabet for URLs");
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  if (text.size() % 4 == 1) return invalid("its length is impossible");
  while (text.size() % 4 != 0) text += '=';
  return base64_decode(text);
}

}  // namespace

model::Labels with_group(const PushGroupKey& group, std::vector<model::Label> labels) {
  for (const auto& [name, value] : group) {
    std::erase_if(labels, [&own = name](const model::Label& label) { return label.name == own; });
    labels.push_back({name, value});
  }
  return model::Labels(std::move(labels));
}

Result<PushGroupKey> push_group_of(std::string_view encoded_path) {
  PushGroupKey key;
  if (encoded_path.starts_with('/')) encoded_path.remove_prefix(1);
  const auto parts = split(encoded_path, '/');
  if (parts.size() % 2 != 0)
    return invalid("odd number of components in label string \"/" + printable(encoded_path) + "\"");
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    auto name = HF_TRY(net::percent_decode(parts[i]));
    auto value = HF_TRY(net::percent_decode(parts[i + 1]));
    const bool coded = name.ends_with(kBase64);
    if (coded) name.resize(name.size() - kBase64.size());
    if (i == 0 && name != "job") return invalid("the path begins with /metrics/job/<job>");
    if (!model::is_label_name(name) || name.starts_with("__"))
      return invalid("improper label name \"" + printable(name) + "\"");
    if (coded) {
      value = HF_TRY(
          decode_url_base64(std::move(value)).context("invalid base64 encoding for label " + name));
    }
    if (!is_valid_utf8(value)) return invalid("the value of label " + name + " is not UTF-8");
    if (i == 0 && value.empty()) return invalid("job name is required");
    if (i == 0 || name != "job") key[name] = std::move(value);  // the first job stands
  }
  return key;
}

// ---- the groups ----

Result<PushGroups::Group*> PushGroups::group(const PushGroupKey& key) {
  const auto found = groups_.find(key);
  if (found != groups_.end()) return &found->second;
  if (groups_.size() >= options_.group_count_max)
    return Error(Code::kExhausted,
                 "over " + std::to_string(options_.group_count_max) + " push groups");
  return &groups_[key];
}

void PushGroups::index(const PushGroupKey& key, const Group& group, bool add) {
  for (const auto& [name, family] : group.families) {
    for (const auto& sample : family.samples) {
      if (add) {
        owners_[sample.labels] = &groups_.find(key)->first;
      } else {
        owners_.erase(sample.labels);
      }
    }
  }
}

Result<void> PushGroups::check(const PushGroupKey& key, const PushedFamilies& merged) const {
  std::unordered_set<model::Labels> seen;
  for (const auto& [name, family] : merged) {
    if (family.timed) return invalid("pushed metrics must not have timestamps");
    for (const auto& [other_key, other] : groups_) {
      const auto same = other.families.find(name);
      if (other_key == key || same == other.families.end()) continue;
      if (same->second.type != family.type)
        return invalid("metric family " + name + " is a " + family.type + " but a " +
                       same->second.type + " in another group");
    }
    for (const auto& sample : family.samples) {
      const auto owner = owners_.find(sample.labels);
      if (!seen.insert(sample.labels).second || (owner != owners_.end() && *owner->second != key))
        return invalid("collected metric " + sample.labels.text() +
                       " was collected before with the same name and label values");
    }
  }
  return {};
}

Result<void> PushGroups::push(const PushGroupKey& key, PushedFamilies families, bool replace,
                              model::Timestamp now) {
  auto* group = HF_TRY(this->group(key));
  // The gateway tells these itself.
  families.erase(kPushTime);
  families.erase(kFailureTime);
  auto merged = replace ? PushedFamilies() : group->families;
  for (auto& [name, family] : families) {
    family.pushed = now;
    merged[name] = std::move(family);
  }
  if (options_.check) {
    if (auto good = check(key, merged); !good) {
      group->failed = now;
      return std::move(good).context(
          "pushed metrics are invalid or inconsistent with existing metrics");
    }
  }
  index(key, *group, false);
  group->families = std::move(merged);
  group->pushed = now;
  index(key, *group, true);
  return {};
}

void PushGroups::remove(const PushGroupKey& key) {
  const auto found = groups_.find(key);
  if (found == groups_.end()) return;
  index(key, found->second, false);
  groups_.erase(found);
}

void PushGroups::clear() {
  groups_.clear();
  owners_.clear();
}

PushedFamilies PushGroups::with_times(const PushGroupKey& key, const Group& group) const {
  auto families = group.families;
  const auto add = [&](const char* name, const char* help, model::Timestamp t) {
    auto labels = with_group(key, {{std::string(model::kMetricName), name}});
    families[name] = {"gauge",
                      help,
                      std::max(group.pushed, group.failed),
                      false,
                      {{std::move(labels), static_cast<double>(t) / 1000, nullptr}}};
  };
  add(kPushTime, "Last Unix time when changing this group in the Pushgateway succeeded.",
      group.pushed);
  add(kFailureTime, "Last Unix time when changing this group in the Pushgateway failed.",
      group.failed);
  return families;
}

Batch PushGroups::samples(model::Timestamp t) const {
  Batch out;
  for (const auto& [key, group] : groups_) {
    for (const auto& [name, family] : with_times(key, group)) {
      out.metadata.insert_or_assign(name, metrics::Metadata{family.type, family.help, ""});
      for (const auto& sample : family.samples)
        out.add(out.add_series(sample.labels), {t, sample.value, sample.histogram});
    }
  }
  return out;
}

std::string PushGroups::exposition() const {
  PushedFamilies all;
  for (const auto& [key, group] : groups_) {
    for (auto& [name, family] : with_times(key, group)) {
      auto& into = all[name];
      if (into.samples.empty())
        into = family;
      else
        into.samples.insert(into.samples.end(), family.samples.begin(), family.samples.end());
    }
  }
  TextExposition sink;
  for (const auto& [name, family] : all) {
    sink.family(name, family.type == "unknown" ? "untyped" : family.type, family.help);
    for (const auto& sample : family.samples) {
      if (sample.histogram) continue;  // the text format has no native histograms
      std::vector<LabelView> labels;
      for (const auto& label : sample.labels) {
        if (label.name != model::kMetricName) labels.push_back({label.name, label.value});
      }
      sink.add(sample.labels.metric_name(), labels, sample.value);
    }
  }
  return sink.take();
}

}  // namespace holdfast::collect
