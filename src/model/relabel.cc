#include "model/relabel.h"

#include <openssl/evp.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace holdfast::model {
namespace {

constexpr std::array<std::string_view, 11> kActionNames = {
    "replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
    "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;  // Go takes letters of any script
}

bool is_valid_name(std::string_view name) { return !name.empty() && is_valid_utf8(name); }

const Label* find(const LabelList& labels, std::string_view name) {
  for (const auto& label : labels) {
    if (label.name == name) return &label;
  }
  return nullptr;
}

std::string_view value_of(const LabelList& labels, std::string_view name) {
  const auto* label = find(labels, name);
  return label == nullptr ? std::string_view() : std::string_view(label->value);
}

void remove(LabelList& labels, std::string_view name) {
  std::erase_if(labels, [&](const Label& label) { return label.name == name; });
}

void set(LabelList& labels, std::string_view name, std::string value) {
  if (value.empty()) return remove(labels, name);
  if (const auto* label = find(labels, name)) {
    const_cast<Label*>(label)->value = std::move(value);
  } else {
    labels.push_back({std::string(name), std::move(value)});
  }
}

std::uint64_t md5_tail(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  std::uint64_t tail = 0;
  for (std::size_t i = 8; i < 16; ++i) tail = tail << 8 | digest[i];
  return tail;
}

// A template such as "${1}:9090", cut once into text and references to groups.
class Template {
 public:
  Template(std::string_view text, const RE2& regex) {
    for (std::size_t i = 0; i < text.size();) {
      const auto dollar = std::min(text.find('$', i), text.size());
      add(text.substr(i, dollar - i));
      i = dollar;
      if (i < text.size()) i = reference(text, i, regex);
    }
  }

  bool has_groups() const { return has_groups_; }

  std::string expand(std::span<const re2::StringPiece> groups) const {
    std::string out;
    for (const auto& part : parts_) {
      out += part.text;
      if (part.group >= 0 && static_cast<std::size_t>(part.group) < groups.size()) {
        const auto& group = groups[static_cast<std::size_t>(part.group)];
        out.append(group.data(), group.size());
      }
    }
    return out;
  }

 private:
  struct Part {
    std::string text;
    int group = -1;
  };

  void add(std::string_view text) {
    if (!text.empty()) parts_.push_back({std::string(text), -1});
  }

  // At a "$"; answers where to go on. What is no reference stands for itself.
  std::size_t reference(std::string_view text, std::size_t at, const RE2& regex) {
    if (at + 1 < text.size() && text[at + 1] == '$') {
      add("$");
      return at + 2;
    }
    const bool braced = at + 1 < text.size() && text[at + 1] == '{';
    const auto begin = at + (braced ? 2 : 1);
    auto end = begin;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == begin || (braced && (end == text.size() || text[end] != '}'))) {
      add("$");
      return at + 1;
    }
    has_groups_ = true;
    parts_.push_back({"", group_of(text.substr(begin, end - begin), regex)});
    return braced ? end + 1 : end;
  }

  static int group_of(std::string_view name, const RE2& regex) {
    const auto number = parse_int(name);
    const bool plain = name.size() == 1 || name[0] != '0';
    if (number && plain && *number >= 0) {
      return *number <= regex.NumberOfCapturingGroups() ? static_cast<int>(*number) : -1;
    }
    const auto& names = regex.NamedCapturingGroups();
    const auto at = names.find(std::string(name));
    return at == names.end() ? -1 : at->second;
  }

  std::vector<Part> parts_;
  bool has_groups_ = false;
};

// A template refers to a group whatever its expression is.
bool has_reference(std::string_view text) {
  static const RE2 kNothing("");
  return Template(text, kNothing).has_groups();
}

bool needs_target(RelabelAction action) {
  using enum RelabelAction;
  return action == kReplace || action == kHashMod || action == kLowercase || action == kUppercase ||
         action == kKeepEqual || action == kDropEqual;
}

Result<void> check(const RelabelSpec& spec) {
  using enum RelabelAction;
  const RelabelSpec usual;
  const auto action = std::string(relabel_action_name(spec.action));
  if (spec.action == kHashMod && spec.modulus == 0) {
    return invalid("relabel configuration for hashmod requires non-zero modulus");
  }
  if (needs_target(spec.action)) {
    if (spec.target_label.empty()) {
      return invalid("relabel configuration for " + action +
                     " action requires 'target_label' value");
    }
    const bool free = spec.action == kReplace && has_reference(spec.target_label);
    if (!free && !is_valid_name(spec.target_label)) {
      return invalid(quote(printable(spec.target_label)) + " is invalid 'target_label' for " +
                     action + " action");
    }
  }
  const bool plain = spec.action == kLowercase || spec.action == kUppercase ||
                     spec.action == kKeepEqual || spec.action == kDropEqual;
  if (plain && spec.replacement != usual.replacement) {
    return invalid("'replacement' can not be set for " + action + " action");
  }
  if (spec.action == kLabelMap && !is_valid_name(spec.replacement)) {
    return invalid(quote(printable(spec.replacement)) +
                   " is invalid 'replacement' for labelmap action");
  }
  if ((spec.action == kKeepEqual || spec.action == kDropEqual) &&
      (spec.regex != usual.regex || spec.modulus != 0 || spec.separator != usual.separator)) {
    return invalid(action +
                   " action requires only 'source_labels' and 'target_label', and no "
                   "other fields");
  }
  if ((spec.action == kLabelDrop || spec.action == kLabelKeep) &&
      (!spec.source_labels.empty() || !spec.target_label.empty() || spec.modulus != 0 ||
       spec.separator != usual.separator || spec.replacement != usual.replacement)) {
    return invalid(action + " action requires only 'regex', and no other fields");
  }
  return {};
}

constexpr int kGroupCountMax = 64;  // groups of one expression that templates may refer to

}  // namespace

struct RelabelRule::Compiled {
  explicit Compiled(const RelabelSpec& spec)
      : regex(spec.regex, options()),
        target(spec.target_label, regex),
        replacement(spec.replacement, regex),
        group_count(std::min(regex.NumberOfCapturingGroups() + 1, kGroupCountMax)) {}

  static RE2::Options options() {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    return options;
  }
  bool matches(std::string_view text) const {
    return regex.Match(piece(text), 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0);
  }
  using Groups = std::array<re2::StringPiece, kGroupCountMax>;
  bool match(std::string_view text, Groups& groups) const {
    return regex.Match(piece(text), 0, text.size(), RE2::ANCHOR_BOTH, groups.data(), group_count);
  }
  std::span<const re2::StringPiece> used(const Groups& groups) const {
    return {groups.data(), static_cast<std::size_t>(group_count)};
  }
  static re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

  RE2 regex;
  Template target;
  Template replacement;
  int group_count;
};

std::string_view relabel_action_name(RelabelAction action) {
  return kActionNames[static_cast<std::size_t>(action)];
}

Result<RelabelRule> RelabelRule::make(RelabelSpec spec) {
  HF_TRY(check(spec));
  RelabelRule rule(std::move(spec));
  auto compiled = std::make_shared<const Compiled>(rule.spec_);
  if (!compiled->regex.ok()) {
    return invalid("regular expression " + quote(printable(rule.spec_.regex)) + ": " +
                   compiled->regex.error());
  }
  rule.compiled_ = std::move(compiled);
  return rule;
}

bool RelabelRule::apply(LabelList& labels) const {
  using enum RelabelAction;
  std::string value;
  for (std::size_t i = 0; i < spec_.source_labels.size(); ++i) {
    if (i != 0) value += spec_.separator;
    value += value_of(labels, spec_.source_labels[i]);
  }
  switch (spec_.action) {
    case kKeep:
      return compiled_->matches(value);
    case kDrop:
      return !compiled_->matches(value);
    case kKeepEqual:
      return value_of(labels, spec_.target_label) == value;
    case kDropEqual:
      return value_of(labels, spec_.target_label) != value;
    case kReplace:
      replace(labels, value);
      return true;
    case kLowercase:
      set(labels, spec_.target_label, lower(value));
      return true;
    case kUppercase:
      std::transform(value.begin(), value.end(), value.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
      set(labels, spec_.target_label, std::move(value));
      return true;
    case kHashMod:
      set(labels, spec_.target_label, std::to_string(md5_tail(value) % spec_.modulus));
      return true;
    case kLabelMap:
      map_names(labels);
      return true;
    case kLabelDrop:
      std::erase_if(labels, [&](const Label& l) { return compiled_->matches(l.name); });
      return true;
    case kLabelKeep:
      std::erase_if(labels, [&](const Label& l) { return !compiled_->matches(l.name); });
      return true;
  }
  return true;
}

void RelabelRule::replace(LabelList& labels, const std::string& value) const {
  Compiled::Groups groups;
  if (!compiled_->match(value, groups)) return;
  const auto used = compiled_->used(groups);
  const auto target = compiled_->target.expand(used);
  if (!is_valid_name(target)) return;
  set(labels, target, compiled_->replacement.expand(used));
}

// The names are those before the rule: one that it adds is not mapped again.
void RelabelRule::map_names(LabelList& labels) const {
  LabelList added;
  Compiled::Groups groups;
  for (const auto& label : labels) {
    if (!compiled_->match(label.name, groups)) continue;
    added.push_back({compiled_->replacement.expand(compiled_->used(groups)), label.value});
  }
  for (auto& label : added) {
    if (!label.name.empty()) set(labels, label.name, std::move(label.value));
  }
}

bool relabel(const RelabelRules& rules, LabelList& labels) {
  return std::all_of(rules.begin(), rules.end(),
                     [&](const RelabelRule& rule) { return rule.apply(labels); });
}

std::vector<RelabelStep> relabel_steps(const RelabelRules& rules, const Labels& labels) {
  std::vector<RelabelStep> steps;
  LabelList now(labels.begin(), labels.end());
  for (const auto& rule : rules) {
    const bool keep = rule.apply(now);
    steps.push_back({rule.spec(), keep ? Labels(now) : Labels(), keep});
    if (!keep) break;
  }
  return steps;
}

RelabelRules read_relabel_rules(const YamlContext& context, std::span<const YamlNode* const> list) {
  RelabelRules rules;
  for (const auto* node : list) {
    const auto before = context.findings->size();
    YamlMap map(context, *node, "relabel rule");
    RelabelSpec spec;
    spec.source_labels = map.texts("source_labels");
    for (const auto& name : spec.source_labels) {
      if (!is_valid_name(name)) map.report("source_labels", "a source label has no name");
    }
    spec.separator = map.text("separator", spec.separator);
    spec.regex = map.text("regex", spec.regex);
    spec.modulus = static_cast<std::uint64_t>(
        map.integer("modulus", 0, 0, std::numeric_limits<std::int64_t>::max()));
    spec.target_label = map.text("target_label");
    spec.replacement = map.text("replacement", spec.replacement);
    const auto action = lower(map.text("action", "replace"));
    const auto known = std::find(kActionNames.begin(), kActionNames.end(), action);
    if (known == kActionNames.end()) {
      map.report("action", "unknown relabel action '" + printable(action) + "'; allowed: " +
                               join({kActionNames.begin(), kActionNames.end()}, ", "));
    } else {
      spec.action = static_cast<RelabelAction>(known - kActionNames.begin());
    }
    map.finish();
    if (context.findings->size() != before) continue;
    auto rule = RelabelRule::make(std::move(spec));
    if (rule)
      rules.push_back(std::move(*rule));
    else
      context.report(*node, rule.error().message());
  }
  return rules;
}

}  // namespace holdfast::model
