// net/path.h: a request's target as path and query, normalised; inside the room only.
//
// Purpose     One place decides what a path means, so that the filter and the router never disagree:
//             escapes decoded, "." and ".." resolved, repeated slashes folded into one.
// Errors      Broken escapes, control characters and climbing above the root are kInvalid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace holdfast::net {

// The decoded segments of a path that begins with '/'. A last empty segment says it ended with '/'.
Result<std::vector<std::string>> path_segments(std::string_view raw);
// Fills path and query from target; an absolute-form target is cut to its path.
Result<void> set_target(Request& request);

}  // namespace holdfast::net
