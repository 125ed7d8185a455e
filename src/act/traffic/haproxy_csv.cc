#include "act/traffic/haproxy_csv.h"

#include <functional>
#include <optional>

#include "base/text.h"

namespace holdfast::act {
namespace {

// Bits of srv_admin_state: forced, inherited or resolver-caused maintenance; forced or inherited
// drain. The bit for "disabled in the configuration" (0x04) stays set after `ready` and means
// nothing then.
constexpr std::int64_t kMaintBits = 0x01 | 0x02 | 0x20;
constexpr std::int64_t kDrainBits = 0x08 | 0x10;

Error wrong(std::string_view table, std::size_t line, const std::string& why) {
  return invalid("haproxy " + std::string(table) + ", line " + std::to_string(line) + ": " + why);
}

// The fields of one CSV line; nothing when a quote is not closed or is followed by other text.
std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (;;) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) return std::nullopt;
        if (line[at] == '"' && (at + 1 >= line.size() || line[at + 1] != '"')) break;
        if (line[at] == '"') ++at;
        field.push_back(line[at]);
      }
      ++at;
      if (at < line.size() && line[at] != ',') return std::nullopt;
    } else {
      const auto end = std::min(line.find(',', at), line.size());
      field = line.substr(at, end - at);
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return fields;
    ++at;  // the comma
  }
}

std::optional<std::vector<std::string>> space_fields(std::string_view line) {
  std::vector<std::string> fields;
  for (const auto field : split(line, ' ')) {
    if (!field.empty()) fields.emplace_back(field);
  }
  return fields;
}

using LineReader = std::function<std::optional<std::vector<std::string>>(std::string_view)>;

// The rows below the header line that begins with `header_start`, up to an empty line.
Result<std::vector<HaproxyRow>> read_table(std::string_view table, std::string_view text,
                                           std::string_view header_start,
                                           const LineReader& read_line) {
  std::vector<std::string> columns;
  std::vector<HaproxyRow> rows;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (columns.empty()) {
      if (!line.starts_with(header_start)) continue;
      auto names = read_line(line.substr(2));
      if (!names) return wrong(table, number, "the header cannot be read");
      columns = std::move(*names);
      continue;
    }
    if (line.empty()) break;
    const auto fields = read_line(line);
    if (!fields) return wrong(table, number, "a quote is not closed: " + printable(line));
    if (fields->size() > columns.size())
      return wrong(table, number, "more fields than columns: " + printable(line));
    if (rows.size() >= kHaproxyRowsMax)
      return Error(Code::kTooLarge, "haproxy " + std::string(table) + ": too many rows");
    HaproxyRow row;
    for (std::size_t i = 0; i < fields->size(); ++i) {
      if (!columns[i].empty()) row[columns[i]] = (*fields)[i];
    }
    rows.push_back(std::move(row));
  }
  if (columns.empty()) return wrong(table, number, "there is no table: " + printable(trim(text)));
  return rows;
}

Result<std::int64_t> number_of(const HaproxyRow& row, const std::string& column) {
  const auto at = row.find(column);
  if (at == row.end())
    return invalid("haproxy show servers state: column " + column + " is missing");
  const auto value = parse_int(at->second);
  if (!value)
    return invalid("haproxy show servers state: " + column +
                   " is no number: " + printable(at->second));
  return *value;
}

Result<std::string> text_of(const HaproxyRow& row, const std::string& column) {
  const auto at = row.find(column);
  if (at == row.end())
    return invalid("haproxy show servers state: column " + column + " is missing");
  return at->second;
}

}  // namespace

Result<std::vector<HaproxyRow>> parse_haproxy_stat(std::string_view text) {
  return read_table("show stat", text, "# pxname,", csv_fields);
}

Result<std::vector<HaproxyServerState>> parse_haproxy_servers(std::string_view text) {
  const auto rows = HF_TRY(read_table("show servers state", text, "# be_id ", space_fields));
  std::vector<HaproxyServerState> servers;
  for (const auto& row : rows) {
    HaproxyServerState server;
    server.backend = HF_TRY(text_of(row, "be_name"));
    server.name = HF_TRY(text_of(row, "srv_name"));
    server.address = HF_TRY(text_of(row, "srv_addr"));
    const auto port = HF_TRY(number_of(row, "srv_port"));
    const auto weight = HF_TRY(number_of(row, "srv_uweight"));
    if (port < 0 || port > 65535)
      return invalid("haproxy show servers state: srv_port is no port: " + std::to_string(port));
    if (weight < 0 || weight > 256)
      return invalid("haproxy show servers state: srv_uweight is not from 0 to 256");
    server.port = static_cast<int>(port);
    server.weight = static_cast<int>(weight);
    server.up = HF_TRY(number_of(row, "srv_op_state"))
    != 0;
    const auto admin = HF_TRY(number_of(row, "srv_admin_state"));
    server.maint = (admin & kMaintBits) != 0;
    server.drain = (admin & kDrainBits) != 0;
    servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace holdfast::act
