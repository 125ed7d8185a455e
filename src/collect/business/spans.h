// collect/business/spans.h: spans as events of business metrics.
//
// Purpose     SpanMapper holds the declared mappings, compiled once; observe() offers a span to each and hands on the events
//             that come out. Whoever receives spans calls it; SpanFacts is what a mapping may look at.
// References  $service, $name, $kind, $status, $duration (seconds), and any attribute by its name: ${http.route}.
// Threads     Immutable; observe() from any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collect/business/registry.h"

namespace holdfast::collect {

struct SpanFacts {
  std::string service;
  std::string name;
  std::string kind;    // server, client, ...
  std::string status;  // ok, error, unset
  Duration duration{};
  std::map<std::string, std::string> attributes;  // of the span and its resource
};

class SpanMapper {
 public:
  explicit SpanMapper(std::vector<SpanMapping> mappings);
  ~SpanMapper();
  // The number of events accepted; refusals are counted by the registry.
  std::size_t observe(BusinessRegistry& registry, const SpanFacts& span) const;

 private:
  struct Compiled;
  std::vector<std::unique_ptr<const Compiled>> mappings_;
};

}  // namespace holdfast::collect
