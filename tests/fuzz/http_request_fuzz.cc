// Any bytes, in any split, either make the same requests or fault; nothing is read past the input.

#include <cstdlib>
#include <string>
#include <vector>

#include "net/parse.h"
#include "net/path.h"

namespace {

struct Outcome {
  std::vector<std::string> requests;
  int fault = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view bytes, std::size_t piece) {
  using holdfast::net::ParseState;
  holdfast::net::RequestParser parser(512, 1024);
  holdfast::net::Request request;
  Outcome outcome;
  std::string buffer;
  while (!bytes.empty()) {
    buffer.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (!buffer.empty()) {
      const auto used = parser.feed(buffer, request);
      if (used > buffer.size()) std::abort();
      buffer.erase(0, used);
      if (parser.state() == ParseState::kFault) {
        outcome.fault = parser.fault().status;
        return outcome;
      }
      if (parser.state() != ParseState::kDone) break;
      if (holdfast::net::set_target(request) && !request.path.starts_with('/')) std::abort();
      outcome.requests.push_back(request.method + " " + request.path + "\n" + request.body);
      request = {};
      parser.reset();
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = parse(bytes, bytes.size() + 1);
  const auto byte_by_byte = parse(bytes, 1);
  if (whole.requests != byte_by_byte.requests) std::abort();
  return 0;
}
