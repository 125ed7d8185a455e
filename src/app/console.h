// app/console.h: the web console, served from the binary.
//
// Purpose     The files of console/dist are embedded, compressed, by the assembler (src/app/embedded.S). Hashed names under /assets/
//             are cached for ever; everything else is asked for again by its ETag. A path without a dot is a page of the single-page
//             application and gets index.html.
// Threads     Immutable; routes answer on the connection's thread.
// Source      docs/formats/console_blob.md
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace holdfast::app {

struct ConsoleFile {
  std::string type;  // content type
  std::string etag;
  std::string_view gzip;
};
// Reads an embedded blob; kDataLoss when it is none.
Result<std::map<std::string, ConsoleFile>> read_console_blob(std::string_view blob);

void add_console_routes(net::Router& router);  // the embedded files
// The bytes that `files` refer to must outlive the router.
void add_console_routes(net::Router& router, std::map<std::string, ConsoleFile> files);

}  // namespace holdfast::app
