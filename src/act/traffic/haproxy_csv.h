// act/traffic/haproxy_csv.h: HAProxy's two tables, `show stat` and `show servers state`, read.
//
// Purpose     Columns are found by the names in the header line, never by position: versions add
//             some.
// Limits      kHaproxyRowsMax rows; a table beyond that is kTooLarge.
// Errors      kInvalid names the table, the line and what is wrong with it. Any bytes are safe.
// Source      HAProxy Management Guide, sections 9.1 (CSV format) and 9.3 (show servers state).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::act {

inline constexpr std::size_t kHaproxyRowsMax = 10'000;

using HaproxyRow =
    std::map<std::string, std::string>;  // column to field; short rows lack the last ones

// From the line that begins "# pxname," on. Fields may be quoted, "" stands for a quote inside.
Result<std::vector<HaproxyRow>> parse_haproxy_stat(std::string_view text);

struct HaproxyServerState {
  std::string backend;
  std::string name;
  std::string address;  // without port
  int port = 0;
  int weight = 0;   // as set by a person or program, 0..256
  bool up = false;  // starting, running; not stopped
  bool maint = false;
  bool drain = false;
};

// From the line "# be_id be_name ..." on.
Result<std::vector<HaproxyServerState>> parse_haproxy_servers(std::string_view text);

}  // namespace holdfast::act
