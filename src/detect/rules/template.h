// detect/rules/template.h: the template language of labels and annotations: Go's text/template with
// Prometheus' functions, as far as rule files use it.
//
// Language    {{ $labels.name }}, {{ $value }}, {{ $externalLabels.x }}, {{ .Labels.x }}, {{ .Value }}, pipelines,
//             if / else if / else / end, range, with, variables, comparison and logic functions (eq ne lt le gt ge
//             and or not), printf, index, len, and Prometheus' own: humanize, humanize1024, humanizeDuration,
//             humanizePercentage, humanizeTimestamp, title, toUpper, toLower, match, reReplaceAll, stripPort,
//             parseDuration, query, first, value, label, sortByLabel, args, safeHtml; also slice, print, html, js,
//             urlquery, strvalue, stripDomain, toTime, toDuration, now, graphLink, tableLink, externalURL, pathPrefix,
//             define, template, block, break and continue. Not: methods of times, as in ($t.Format "2006").
// Limits      One expansion: 1,000,000 steps, 1 MiB of text, 64 KiB a function's answer, templates inside templates 100 deep.
// Errors      Position in the template and what is allowed. At evaluation an error becomes the text
//             "<error expanding template: ...>", as in Prometheus: an alert is never lost to its words.
// Threads     A Template is immutable.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "query/promql/engine.h"

namespace holdfast::detect {

struct TemplateData {
  model::Labels labels;
  model::Labels external_labels;
  std::string external_url;
  double value = 0;
  WallTime at{};  // of the evaluation; {{ now }}
  // Answers {{ query "..." }}; empty: queries are an error.
  std::function<Result<query::promql::Vector>(const std::string&)> query;
};

class Template {
 public:
  static Result<Template> parse(std::string_view text);
  std::string expand(const TemplateData& data) const;
  Result<std::string> try_expand(const TemplateData& data) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
};

}  // namespace holdfast::detect
