// Any bytes as a remote read request: refused or answered, and an answer in frames can be walked to its end.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "app/api/remote_read.h"
#include "base/bytes.h"
#include "base/wire.h"

namespace {

using namespace holdfast;

// Two series of three samples, whatever is asked for.
class TwoSeries final : public metrics::Reader {
 public:
  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest&) const override {
    std::vector<metrics::Column> columns;
    for (const char* name : {"a", "b"}) {
      metrics::Column column;
      column.labels =
          std::make_shared<const model::Labels>(model::Labels{{"__name__", name}, {"i", name}});
      column.times = {1, 2, 1000};
      column.values = {0, 0.5, -1};
      columns.push_back(std::move(column));
    }
    return columns;
  }
  Result<std::vector<model::Labels>> series(const std::vector<std::vector<model::Matcher>>&,
                                            model::Timestamp, model::Timestamp,
                                            std::size_t) const override {
    return std::vector<model::Labels>{};
  }
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<model::Matcher>>&,
                                               model::Timestamp, model::Timestamp) const override {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> label_values(const std::string&,
                                                const std::vector<std::vector<model::Matcher>>&,
                                                model::Timestamp, model::Timestamp) const override {
    return std::vector<std::string>{};
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
    return {};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto request = app::parse_remote_read({reinterpret_cast<const char*>(data), size});
  if (!request || request->queries.size() > 100) return 0;
  const TwoSeries reader;
  const auto answer = app::remote_read(reader, std::move(*request), {{"cluster", "north"}}, {});
  if (!answer || !answer->streamed) return 0;
  std::string_view rest = answer->body;
  while (!rest.empty()) {
    std::uint64_t length = 0;
    if (!WireReader::unpack_varint(rest, length) || rest.size() < length + 4) std::abort();
    rest.remove_prefix(4 + length);
  }
  return 0;
}
