// detect/slo/open_slo.h: reads OpenSLO v1 documents.
//
// Purpose     Kinds SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition, AlertNotificationTarget; any number of documents a
//             file, references by name across all files that are given together. An SLO of several objectives becomes one objective
//             of ours each, named <slo>-<number>.
// Alerts      An SLO that names policies gets the alerts of these; one that names none gets the workbook's pairs. Annotations of its
//             metadata tune them: holdfast.io/page-severity, /ticket-severity, /failures-min, /no-data-after.
// Queries     PromQL in the metric source's spec as `query` (or `promql`); a source's type is Prometheus.
// Errors      All findings of all files at once, each file:line:column with what is wrong and what is allowed. Not taken, and
//             told: other data sources, weighted composites, alert kinds other than burnrate, other API versions.
// Limits      1000 documents, 1000 objectives.
// Threads     Pure.
// Source      The OpenSLO specification, v1: https://github.com/OpenSLO/OpenSLO.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

struct SloSource {
  std::string file;
  std::string_view text;
};

struct SloService {
  std::string name, display_name, description;
};

struct SloFile {
  std::vector<Slo> slos;
  std::vector<SloService> services;
  std::vector<Finding> findings;  // not empty: the files are refused
};
SloFile parse_open_slo(const std::vector<SloSource>& sources);

// Whether a file's text looks like OpenSLO: its first document says `apiVersion: openslo...`.
bool is_open_slo(std::string_view text);

// The documents of a YAML stream with the line each begins at, from 0.
struct YamlDocument {
  std::string_view text;
  int line = 0;
};
std::vector<YamlDocument> split_documents(std::string_view stream);

}  // namespace holdfast::detect::slo
