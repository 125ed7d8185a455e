#include "collect/backfill/open_metrics.h"

#include <algorithm>
#include <map>

#include "collect/receive/batch.h"
#include "collect/scrape/text_parser.h"

namespace holdfast::collect {
namespace {

constexpr std::size_t kPieceSize = 16 << 20;
constexpr std::size_t kLineMax = 16 << 20;
constexpr std::string_view kEnd = "# EOF";

// Whether the piece holds the line that ends the text.
bool has_end(std::string_view piece) {
  const auto at = piece.rfind(kEnd);
  if (at == piece.npos || (at > 0 && piece[at - 1] != '\n')) return false;
  const auto rest = piece.substr(at + kEnd.size());
  return rest.empty() || rest.front() == '\n' || rest.front() == '\r';
}

}  // namespace

Result<OpenMetricsFile> OpenMetricsFile::open(FileSystem& files, const std::string& path) {
  auto file = HF_TRY(files.open(path, OpenMode::kRead));
  const auto size = HF_TRY(file->size());
  return OpenMetricsFile(std::move(file), path, size);
}

double OpenMetricsFile::share() const {
  return size_ == 0 ? 1 : static_cast<double>(at_) / static_cast<double>(size_);
}

Error OpenMetricsFile::place(std::string_view piece, std::size_t line, const Error& error) const {
  std::size_t at = 0;
  for (std::size_t i = 1; i < line && at < piece.size(); ++i) {
    const auto end = piece.find('\n', at);
    at = end == piece.npos ? piece.size() : end + 1;
  }
  // The parser counts within its piece.
  std::string what = error.message();
  const auto own = "line " + std::to_string(line) + ": ";
  if (what.starts_with(own)) what.erase(0, own.size());
  return Error(error.code(), path_ + ": offset " + std::to_string(at_ + at) + ": line " +
                                 std::to_string(lines_ + line) + ": " + what);
}

// True after the end of the text.
Result<bool> OpenMetricsFile::read_piece(std::string_view piece, const Take& take,
                                         const TakeMetadata& metadata) {
  const bool ends = has_end(piece);
  std::string text;
  if (!ends) {
    text.reserve(piece.size() + kEnd.size() + 1);
    text.append(piece).append(kEnd).append("\n");
  }
  TextParser parser(ends ? piece : std::string_view(text), Dialect::kOpenMetrics);
  std::map<std::string, metrics::Metadata> families;
  std::vector<model::Label> labels;
  for (;;) {
    const auto entry = parser.next();
    if (!entry) return place(piece, parser.line_number(), entry.error());
    if (*entry == TextParser::Entry::kEnd) break;
    if (*entry == TextParser::Entry::kType) families[parser.family()].type = parser.text();
    if (*entry == TextParser::Entry::kHelp) families[parser.family()].help = parser.text();
    if (*entry == TextParser::Entry::kUnit) families[parser.family()].unit = parser.text();
    if (*entry != TextParser::Entry::kSample) continue;
    const auto refuse = [&](const Error& error) {
      return place(piece, parser.line_number(), error);
    };
    if (!parser.timestamp()) return refuse(invalid("a sample without a time cannot be imported"));
    labels.clear();
    if (auto named = parser.labels(labels); !named) return refuse(named.error());
    if (auto good = normalise_labels(labels); !good) return refuse(good.error());
    const auto t = *parser.timestamp();
    if (t < model::kTimestampMin || t > model::kTimestampMax)
      return refuse(invalid("the time lies outside all time"));
    HF_TRY(take(model::Labels(labels), {t, parser.value(), nullptr}));
  }
  if (metadata) {
    for (const auto& [family, one] : families) metadata(family, one);
  }
  return ends;
}

Result<void> OpenMetricsFile::for_each(const Take& take, const TakeMetadata& metadata) {
  at_ = lines_ = 0;
  while (at_ < size_) {
    auto piece = HF_TRY(file_->read_at(at_, kPieceSize));
    if (at_ + piece.size() < size_) {
      const auto end = piece.rfind('\n');
      if (end == std::string::npos) {
        return Error(Code::kTooLarge, path_ + ": offset " + std::to_string(at_) +
                                          ": a line is longer than " + std::to_string(kLineMax) +
                                          " bytes; is this OpenMetrics text?");
      }
      piece.resize(end + 1);
    }
    if (piece.empty()) break;
    if (HF_TRY(read_piece(piece, take, metadata))) return {};
    lines_ += static_cast<std::uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
    at_ += piece.size();
  }
  return invalid(path_ + ": offset " + std::to_string(size_) +
                 ": the text ends without \"# EOF\"; OpenMetrics ends so");
}

}  // namespace holdfast::collect
