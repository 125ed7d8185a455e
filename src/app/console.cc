#include "app/console.h"

#include <zlib.h>

#include "base/bytes.h"
#include "base/text.h"

extern "C" const char holdfast_console_begin[];
extern "C" const char holdfast_console_end[];

namespace holdfast::app {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors "
    "'none'; base-uri 'none'; form-action 'self'";

std::string inflate_gzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  char buffer[16384];
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  inflateEnd(&stream);
  return out;
}

net::Response answer(const ConsoleFile& file, const net::Request& request, bool for_ever) {
  net::Response response;
  response.headers.set("etag", file.etag);
  response.headers.set("cache-control",
                       for_ever ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.set("content-security-policy", std::string(kPolicy));
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("referrer-policy", "same-origin");
  response.headers.set("vary", "accept-encoding");
  if (request.headers.get("if-none-match") == file.etag) {
    response.status = 304;
    return response;
  }
  response.headers.set("content-type", file.type);
  if (request.headers.get("accept-encoding").find("gzip") != std::string_view::npos) {
    response.headers.set("content-encoding", "gzip");
    response.body = std::string(file.gzip);
  } else {
    response.body = inflate_gzip(file.gzip);
  }
  return response;
}

}  // namespace

// | index size u64le | index | data |, the index a line a file: path TAB type TAB offset TAB size TAB etag
Result<std::map<std::string, ConsoleFile>> read_console_blob(std::string_view blob) {
  ByteReader reader(blob);
  const auto index = reader.raw(reader.u64());
  const auto data = reader.raw(reader.left());
  const Error broken(Code::kDataLoss, "the embedded console is not readable");
  if (!reader.ok()) return broken;
  std::map<std::string, ConsoleFile> files;
  for (const auto line : split(index, '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, '\t');
    if (fields.size() != 5) return broken;
    const auto offset = parse_int(fields[2]), size = parse_int(fields[3]);
    if (!offset || !size || *offset < 0 || *size < 0) return broken;
    // Subtracted, not added: no sum of two foreign numbers can wrap round.
    const auto length = static_cast<std::int64_t>(data.size());
    if (*offset > length || *size > length - *offset) return broken;
    files[std::string(fields[0])] = {
        std::string(fields[1]), "\"" + std::string(fields[4]) + "\"",
        data.substr(static_cast<std::size_t>(*offset), static_cast<std::size_t>(*size))};
  }
  return files;
}

void add_console_routes(net::Router& router) {
  const std::string_view blob(
      holdfast_console_begin,
      static_cast<std::size_t>(holdfast_console_end - holdfast_console_begin));
  auto read = read_console_blob(blob);
  HF_CHECK(read.has_value(), "the console was embedded at build time");
  add_console_routes(router, std::move(*read));
}

void add_console_routes(net::Router& router, std::map<std::string, ConsoleFile> all) {
  auto files = std::make_shared<const std::map<std::string, ConsoleFile>>(std::move(all));
  const auto serve = [files](const net::Request& request, net::ResponderPtr to) {
    const auto found = files->find(request.path);
    if (found != files->end())
      return to->send(answer(found->second, request, request.path.starts_with("/assets/")));
    const auto index = files->find("/index.html");
    const bool page =
        request.path.find('.') == std::string::npos && !request.path.starts_with("/api/");
    if (page && index != files->end()) return to->send(answer(index->second, request, false));
    to->send(net::Response::text(
        404, page ? "This Holdfast was built without its console; the API is under /api.\n"
                  : "no such page: " + printable(request.path) + "\n"));
  };
  router.add("GET", "/", serve);
  router.add("GET", "/{path...}", serve);
}

}  // namespace holdfast::app
