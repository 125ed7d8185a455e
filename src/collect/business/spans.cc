#include "collect/business/spans.h"

#include <re2/re2.h>

#include <limits>

#include "base/text.h"

namespace holdfast::collect {

struct SpanMapper::Compiled {
  SpanMapping mapping;
  std::unique_ptr<const RE2> name;  // null: any
  std::map<std::string, std::unique_ptr<const RE2>> attributes;

  bool wants(const SpanFacts& span) const {
    if (!mapping.service.empty() && mapping.service != span.service) return false;
    if (name != nullptr && !RE2::FullMatch(span.name, *name)) return false;
    for (const auto& [attribute, pattern] : attributes) {
      const auto found = span.attributes.find(attribute);
      if (found == span.attributes.end() || !RE2::FullMatch(found->second, *pattern)) return false;
    }
    return true;
  }
};

namespace {

std::string fact(const SpanFacts& span, std::string_view name) {
  if (name == "service") return span.service;
  if (name == "name") return span.name;
  if (name == "kind") return span.kind;
  if (name == "status") return span.status;
  if (name == "duration") return format_double(to_seconds(span.duration));
  const auto found = span.attributes.find(std::string(name));
  return found == span.attributes.end() ? "" : found->second;
}

}  // namespace

SpanMapper::SpanMapper(std::vector<SpanMapping> mappings) {
  for (auto& mapping : mappings) {
    auto compiled = std::make_unique<Compiled>();
    if (!mapping.name.empty())
      compiled->name = std::make_unique<const RE2>(mapping.name, RE2::Quiet);
    for (const auto& [name, pattern] : mapping.attributes) {
      compiled->attributes.emplace(name, std::make_unique<const RE2>(pattern, RE2::Quiet));
    }
    compiled->mapping = std::move(mapping);
    mappings_.push_back(std::move(compiled));
  }
}

SpanMapper::~SpanMapper() = default;

std::size_t SpanMapper::observe(BusinessRegistry& registry, const SpanFacts& span) const {
  std::size_t accepted = 0;
  for (const auto& one : mappings_) {
    if (!one->wants(span)) continue;
    const auto value_of = [&span](std::string_view name) { return fact(span, name); };
    BusinessEvent event;
    event.metric = one->mapping.metric;
    const auto text = one->mapping.value == "duration" ? "$duration" : one->mapping.value;
    // What is no number is refused by the registry, as a value that is not finite.
    event.value = parse_double(expand_references(text, value_of))
                      .value_or(std::numeric_limits<double>::quiet_NaN());
    event.id = expand_references(one->mapping.id, value_of);
    for (const auto& [label, reference] : one->mapping.labels)
      event.labels.push_back({label, expand_references(reference, value_of)});
    if (registry.observe(BusinessFeed::kSpan, event)) ++accepted;
  }
  return accepted;
}

}  // namespace holdfast::collect
