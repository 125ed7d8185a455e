#include "collect/backfill/importer.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "collect/backfill/open_metrics.h"
#include "collect/backfill/tsdb_block.h"

namespace holdfast::collect {
namespace {

constexpr model::Timestamp kDay = 24 * 3600 * 1000;

model::Timestamp day_of(model::Timestamp t) {
  const auto rest = t % kDay;
  return t - (rest < 0 ? rest + kDay : rest);
}

// What a file is, so that another of its name is not taken for it.
Result<std::string> identity(FileSystem& files, const std::string& path) {
  const auto info = HF_TRY(files.info(path));
  return std::to_string(info.size) + "-" + std::to_string(to_ms(info.modified));
}

std::size_t weight(const model::Sample& sample) {
  if (!sample.histogram) return 1;
  return 1 + sample.histogram->positive_buckets.size() + sample.histogram->negative_buckets.size();
}

}  // namespace

// ---- the record ----

Result<ImportRecord> ImportRecord::open(FileSystem& files, const std::string& path) {
  ImportRecord record;
  if (path.empty()) return record;
  record.file_ = HF_TRY(files.open(path, OpenMode::kReadWrite));
  const auto size = HF_TRY(record.file_->size());
  const auto text = HF_TRY(record.file_->read_at(0, static_cast<std::size_t>(size)));
  const auto end = text.rfind('\n');
  const auto whole = end == std::string::npos ? 0 : end + 1;
  if (whole < size) HF_TRY(record.file_->truncate(whole));
  for (const auto line : split(std::string_view(text).substr(0, whole), '\n')) {
    if (!line.empty()) record.keys_.emplace(line);
  }
  return record;
}

Result<void> ImportRecord::add(const std::string& key) {
  if (!file_) return {};
  HF_TRY(file_->append(key + "\n"));
  keys_.insert(key);
  return file_->sync();
}

// ---- batches ----

// Columns until there are enough, then written and noted under a key of their own.
class BatchWriter {
 public:
  BatchWriter(Importer& importer, std::string key) : importer_(importer), key_(std::move(key)) {}

  Result<void> add(const model::Labels& labels, std::span<const model::Sample> samples) {
    metrics::Column column;
    column.labels = std::make_shared<const model::Labels>(labels);
    for (const auto& sample : samples) {
      column.times.push_back(sample.t);
      column.values.push_back(sample.value);
      weight_ += weight(sample);
      if (!sample.histogram) continue;
      column.histograms.resize(column.times.size());
      column.histograms.back() = sample.histogram;
    }
    if (!column.histograms.empty()) column.histograms.resize(column.times.size());
    samples_ += samples.size();
    columns_.push_back(std::move(column));
    return weight_ >= importer_.settings_.batch_samples ? flush() : Result<void>();
  }

  Result<void> flush() {
    if (columns_.empty()) return {};
    const auto key = key_ + " batch " + std::to_string(number_++);
    auto& report = importer_.report_;
    if (importer_.record_.has(key)) {
      report.skipped += samples_;
    } else {
      HF_TRY(importer_.target_.write(columns_));
      HF_TRY(importer_.record_.add(key));
      report.samples += samples_;
    }
    for (const auto& column : columns_) {
      report.min_time = std::min(report.min_time, column.times.front());
      report.max_time = std::max(report.max_time, column.times.back());
    }
    columns_.clear();
    samples_ = weight_ = 0;
    return {};
  }

 private:
  Importer& importer_;
  const std::string key_;
  std::size_t number_ = 0;
  std::vector<metrics::Column> columns_;
  std::size_t samples_ = 0, weight_ = 0;
};

// ---- the importer ----

Result<Importer> Importer::open(FileSystem& files, ImportTarget target, ImportSettings settings) {
  auto record = HF_TRY(ImportRecord::open(files, settings.record).context("record of the import"));
  return Importer(files, std::move(target), std::move(settings), std::move(record));
}

void Importer::tell(const std::string& path, double share) {
  if (settings_.on_progress)
    settings_.on_progress({path, std::clamp(share, 0.0, 1.0), report_.samples, report_.skipped});
}

Result<void> Importer::import(const std::string& path) {
  const auto info = HF_TRY(files_.info(path));
  if (!info.is_directory) return import_text(path);
  const auto blocks = HF_TRY(find_tsdb_blocks(files_, path));
  if (files_.exists(path + "/wal")) {
    report_.notes.push_back(path +
                            "/wal: the newest samples, up to three hours, stand there and are not "
                            "read; a snapshot has them (POST /api/v1/admin/tsdb/snapshot)");
  }
  for (const auto& block : blocks) HF_TRY(import_block(block));
  return {};
}

Result<void> Importer::import_block(const std::string& path) {
  auto block = HF_TRY(TsdbBlock::open(files_, path));
  const auto& meta = block.meta();
  std::string id = "block " + meta.ulid;
  if (block.has_tombstones()) id += " " + HF_TRY(identity(files_, path + "/tombstones"));
  if (meta.max_time - meta.min_time > 100 * 366 * kDay)
    return invalid(path + "/meta.json: the block spans over a hundred years");
  const auto first = day_of(meta.min_time);
  for (auto day = first; day < meta.max_time; day += kDay) {
    tell(path, static_cast<double>(day - first) / static_cast<double>(meta.max_time - first));
    BatchWriter batches(*this, id + " day " + std::to_string(day / kDay));
    const auto to = std::min(day + kDay, meta.max_time) - 1;
    HF_TRY(block.for_each(std::max(day, meta.min_time), to,
                          [&](const TsdbSeries& series, const auto& samples) {
                            return batches.add(series.make_labels(), samples);
                          }));
    HF_TRY(batches.flush());
  }
  ++report_.blocks;
  tell(path, 1);
  return {};
}

Result<void> Importer::import_text(const std::string& path) {
  auto file = HF_TRY(OpenMetricsFile::open(files_, path));
  BatchWriter batches(*this, "file " + path + " " + HF_TRY(identity(files_, path)));
  std::unordered_map<model::Labels, std::vector<model::Sample>> held;
  std::size_t count = 0;
  const auto hand_on = [&]() -> Result<void> {
    std::vector<const model::Labels*> order;
    for (const auto& [labels, samples] : held) order.push_back(&labels);
    std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return *a < *b; });
    for (const auto* labels : order) {
      auto& samples = held[*labels];
      std::stable_sort(samples.begin(), samples.end(),
                       [](const auto& a, const auto& b) { return a.t < b.t; });
      samples.erase(std::unique(samples.begin(), samples.end(),
                                [](const auto& a, const auto& b) { return a.t == b.t; }),
                    samples.end());
      HF_TRY(batches.add(*labels, samples));
    }
    held.clear();
    count = 0;
    tell(path, file.share());
    return batches.flush();
  };
  const auto take = [&](model::Labels labels, model::Sample sample) -> Result<void> {
    held[std::move(labels)].push_back(std::move(sample));
    return ++count >= settings_.batch_samples ? hand_on() : Result<void>();
  };
  HF_TRY(file.for_each(take, target_.metadata));
  HF_TRY(hand_on());
  ++report_.files;
  tell(path, 1);
  return {};
}

}  // namespace holdfast::collect
