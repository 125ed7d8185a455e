// base/glob.h: file names by pattern.
//
// Purpose     rule_files, file_sd and scrape_config_files name files by patterns such as "rules/*.yml".
// Patterns    "*" and "?" within one part of the path, "[a-z]" sets, "\" takes the next character as it is.
//             A name that begins with "." matches "*" too, as with Go's filepath.Glob.
// Errors      None: what cannot be read matches nothing. A path without pattern is answered as it is when
//             the file exists.
// Threads     Pure over the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace holdfast {

bool has_pattern(std::string_view path);
// Whether one part of a path matches.
bool matches_pattern(std::string_view pattern, std::string_view name);
// Sorted, without repeats.
std::vector<std::string> glob(FileSystem& files, const std::string& pattern);

}  // namespace holdfast
