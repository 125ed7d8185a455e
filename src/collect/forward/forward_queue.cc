#include "collect/forward/forward_queue.h"

#include <zstd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "collect/forward/remote_message.h"
#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {
namespace {

constexpr std::string_view kSuffix = ".fwd";
constexpr std::size_t kHeaderSize = 8;
constexpr std::size_t kRecordSizeMax = 256 << 20;  // bytes; what no append of ours reaches
constexpr int kLevel = 1;  // names repeat: even the fastest level leaves a tenth of them
enum Kind : std::uint8_t { kFloat = 0, kHistogram = 1, kExemplar = 2 };

std::string pack(std::string_view plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), kLevel);
  HF_CHECK(ZSTD_isError(size) == 0, "a buffer of the bound's size holds what is compressed");
  out.resize(size);
  return out;
}

Result<std::string> unpack(std::string_view packed) {
  const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kRecordSizeMax)
    return Error(Code::kDataLoss, "a record of the forward queue is damaged");
  std::string out(size, '\0');
  const auto done = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
  if (ZSTD_isError(done) != 0 || done != size)
    return Error(Code::kDataLoss, "a record of the forward queue is damaged");
  return out;
}

void write_labels(ByteWriter& out, const model::Labels& labels) {
  out.varint(labels.size());
  for (const auto& label : labels) {
    out.text(label.name);
    out.text(label.value);
  }
}

model::Labels read_labels(ByteReader& in) {
  std::vector<model::Label> labels;
  const auto count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name(in.text());
    labels.push_back({std::move(name), std::string(in.text())});
  }
  return model::Labels(std::move(labels));
}

// Writes one record: the series that are new to the segment, then the samples.
class RecordWriter {
 public:
  void series(const std::vector<const model::Labels*>& fresh) {
    out_.varint(fresh.size());
    for (const auto* labels : fresh) write_labels(out_, *labels);
  }
  void count(std::size_t samples) { out_.varint(samples); }
  void sample(std::uint32_t series, const model::Sample& sample) {
    begin(series, sample.t, sample.histogram ? kHistogram : kFloat);
    if (sample.histogram)
      out_.text(histogram_message(sample.t, *sample.histogram));
    else
      out_.f64(sample.value);
  }
  void exemplar(std::uint32_t series, const metrics::Exemplar& exemplar) {
    begin(series, exemplar.t, kExemplar);
    out_.f64(exemplar.value);
    write_labels(out_, exemplar.labels);
  }
  const std::string& text() const { return out_.str(); }

 private:
  void begin(std::uint32_t series, model::Timestamp t, Kind kind) {
    out_.varint(series);
    out_.zigzag(t - time_);
    out_.u8(kind);
    time_ = t;
  }
  ByteWriter out_;
  model::Timestamp time_ = 0;
};

std::string position_path(const std::string& directory, const std::string& receiver) {
  return directory + "/" + sha256_hex(receiver).substr(0, 16) + ".position";
}

}  // namespace

Result<std::unique_ptr<ForwardQueue>> ForwardQueue::open(Env& env, const std::string& directory,
                                                         ForwardLimits limits) {
  std::unique_ptr<ForwardQueue> queue(new ForwardQueue(env, directory, limits));
  HF_TRY(env.files.create_directories(directory).context("forward queue"));
  std::lock_guard lock(queue->mutex_);
  for (const auto& info : HF_TRY(env.files.list(directory))) {
    const std::string_view name = info.name;
    if (!name.ends_with(kSuffix)) continue;
    const auto number = parse_int(name.substr(0, name.size() - kSuffix.size()));
    if (number && *number > 0)
      queue->segments_.push_back(
          {static_cast<std::uint64_t>(*number), info.size, 0, info.modified});
  }
  std::ranges::sort(queue->segments_, {}, &Segment::number);
  // What a crash tore at the end stays torn: new records begin in a segment of their own.
  HF_TRY(queue->begin_segment());
  return queue;
}

std::string ForwardQueue::path_of(std::uint64_t segment) const {
  auto number = std::to_string(segment);
  if (number.size() < 8) number.insert(0, 8 - number.size(), '0');
  return directory_ + "/" + number + std::string(kSuffix);
}

Result<void> ForwardQueue::begin_segment() {
  if (file_) HF_TRY(file_->sync());
  const auto number = segments_.empty() ? 1 : segments_.back().number + 1;
  file_ = HF_TRY(env_.files.open(path_of(number), OpenMode::kCreate));
  HF_TRY(env_.files.sync_dir(directory_));
  segments_.push_back({number, 0, 0, env_.clock.now()});
  series_.clear();
  must_begin_ = false;
  return {};
}

Result<void> ForwardQueue::write(std::string_view plain) {
  const auto payload = pack(plain);
  ByteWriter record;
  record.u32(static_cast<std::uint32_t>(payload.size()));
  record.u32(crc32c(payload));
  record.raw(payload);
  auto& segment = segments_.back();
  if (auto done = file_->append(record.str()); !done) {
    // A part may stand there; readers must not meet it, and the series it defined are unknown.
    (void)file_->truncate(segment.size);
    must_begin_ = true;
    return done;
  }
  segment.size += record.str().size();
  ++segment.records;
  return {};
}

ForwardQueue::SeriesState& ForwardQueue::state_of(const model::Labels& labels,
                                                  std::vector<const model::Labels*>& fresh) {
  const auto [found, added] = series_.try_emplace(labels);
  if (added) {
    found->second.id = static_cast<std::uint32_t>(series_.size() - 1);
    fresh.push_back(&found->first);
  }
  return found->second;
}

Result<void> ForwardQueue::append(std::span<const ForwardItem> items, bool newer_only) {
  {
    std::lock_guard lock(mutex_);
    if (must_begin_ || segments_.back().size >= limits_.segment_size_max) HF_TRY(begin_segment());
    std::vector<const model::Labels*> fresh;
    std::vector<std::pair<std::uint32_t, const model::Sample*>> kept;
    kept.reserve(items.size());
    for (const auto& item : items) {
      auto& state = state_of(*item.labels, fresh);
      if (newer_only && item.sample.t <= state.newest) continue;
      state.newest = std::max(state.newest, item.sample.t);
      newest_ = std::max(newest_, item.sample.t);
      kept.emplace_back(state.id, &item.sample);
    }
    if (kept.empty() && fresh.empty()) return {};
    RecordWriter record;
    record.series(fresh);
    record.count(kept.size());
    for (const auto& [id, sample] : kept) record.sample(id, *sample);
    HF_TRY(write(record.text()).context("forward queue"));
  }
  if (listener_) listener_();
  return {};
}

Result<void> ForwardQueue::append_exemplars(const model::Labels& series,
                                            std::span<const metrics::Exemplar> exemplars) {
  {
    std::lock_guard lock(mutex_);
    if (must_begin_) HF_TRY(begin_segment());
    std::vector<const model::Labels*> fresh;
    const auto id = state_of(series, fresh).id;
    RecordWriter record;
    record.series(fresh);
    record.count(exemplars.size());
    for (const auto& exemplar : exemplars) record.exemplar(id, exemplar);
    HF_TRY(write(record.text()).context("forward queue"));
  }
  if (listener_) listener_();
  return {};
}

Result<void> ForwardQueue::trim(std::span<const ForwardPosition> receivers) {
  std::uint64_t wanted = UINT64_MAX;
  for (const auto& position : receivers) wanted = std::min(wanted, position.segment);
  std::vector<std::string> doomed;
  {
    std::lock_guard lock(mutex_);
    std::uint64_t size = 0;
    for (const auto& segment : segments_) size += segment.size;
    const auto now = env_.clock.now();
    while (segments_.size() > 1) {
      const auto& oldest = segments_.front();
      const bool delivered = oldest.number < wanted;
      const bool over = size > limits_.size_max || now - oldest.begun > limits_.age_max;
      if (!delivered && !over) break;
      if (!delivered) lost_ += oldest.records;
      size -= oldest.size;
      doomed.push_back(path_of(oldest.number));
      segments_.erase(segments_.begin());
    }
  }
  for (const auto& path : doomed) HF_TRY(env_.files.remove(path));
  return {};
}

Result<void> ForwardQueue::sync() {
  std::lock_guard lock(mutex_);
  return file_->sync();
}

std::uint64_t ForwardQueue::size() const {
  std::lock_guard lock(mutex_);
  std::uint64_t size = 0;
  for (const auto& segment : segments_) size += segment.size;
  return size;
}

std::uint64_t ForwardQueue::lost_records() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

ForwardPosition ForwardQueue::end() const {
  std::lock_guard lock(mutex_);
  return {segments_.back().number, segments_.back().size};
}

model::Timestamp ForwardQueue::newest() const {
  std::lock_guard lock(mutex_);
  return newest_;
}

// ---- reading ----

ForwardQueue::Reader::Reader(ForwardQueue& queue, std::string receiver)
    : queue_(queue), receiver_(std::move(receiver)), at_(queue.end()) {
  const auto text = queue.env_.files.read_file(position_path(queue.directory_, receiver_));
  if (!text) {
    // Remembered at once, or what waits for a receiver that is away from the first would be forgotten by a restart.
    if (auto done = commit(at_); !done)
      log_warn("where a receiver begins was not kept", {{"error", done.error().message()}});
    return;
  }
  const auto parts = split(holdfast::trim(*text), ' ');
  if (parts.size() != 2) return;
  const auto segment = parse_int(parts[0]);
  const auto offset = parse_int(parts[1]);
  if (!segment || !offset || *segment < 1 || *offset < 0) return;
  at_ = {static_cast<std::uint64_t>(*segment), static_cast<std::uint64_t>(*offset)};
}

Result<void> ForwardQueue::Reader::commit(ForwardPosition position) {
  HF_TRY(queue_.sync());
  return queue_.env_.files.write_file_atomic(
      position_path(queue_.directory_, receiver_),
      std::to_string(position.segment) + " " + std::to_string(position.offset) + "\n");
}

// Opens the segment of at_, or the next there is; its records before at_ name its series. False: none yet.
Result<bool> ForwardQueue::Reader::open_segment() {
  std::uint64_t number = 0;
  {
    std::lock_guard lock(queue_.mutex_);
    for (const auto& segment : queue_.segments_) {
      if (segment.number < at_.segment) continue;
      number = segment.number;
      break;
    }
  }
  if (number == 0) return false;
  const auto until = number == at_.segment ? at_.offset : 0;
  at_ = {number, 0};
  series_.clear();
  file_ = HF_TRY(queue_.env_.files.open(queue_.path_of(number), OpenMode::kRead));
  while (at_.offset < until) {
    auto payload = HF_TRY(read_payload());
    if (!payload) break;
    HF_TRY(decode(*payload, nullptr));
  }
  return true;
}

Result<std::optional<std::string>> ForwardQueue::Reader::read_payload() {
  const auto header = HF_TRY(file_->read_at(at_.offset, kHeaderSize));
  if (header.size() < kHeaderSize) return std::optional<std::string>();
  ByteReader reader(header);
  const auto size = reader.u32();
  const auto crc = reader.u32();
  if (size > kRecordSizeMax) return Error(Code::kDataLoss, "a record of the forward queue is torn");
  auto payload = HF_TRY(file_->read_at(at_.offset + kHeaderSize, size));
  if (payload.size() < size) return std::optional<std::string>();
  if (crc32c(payload) != crc)
    return Error(Code::kDataLoss, "a record of the forward queue is damaged");
  at_.offset += kHeaderSize + size;
  return std::optional(std::move(payload));
}

Result<void> ForwardQueue::Reader::decode(std::string_view payload, ForwardRecord* record) {
  const auto plain = HF_TRY(unpack(payload));
  ByteReader in(plain);
  const auto fresh = in.varint();
  for (std::uint64_t i = 0; i < fresh && in.ok(); ++i)
    series_.push_back(std::make_shared<const model::Labels>(read_labels(in)));
  if (record == nullptr) return {};
  const auto count = in.varint();
  model::Timestamp t = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto id = in.varint();
    t += in.zigzag();
    const auto kind = in.u8();
    if (!in.ok() || id >= series_.size())
      return Error(Code::kDataLoss,
                   "a record of the forward queue names a series it does not have");
    ForwardRecord::Item item{series_[id], {t, 0, nullptr}, nullptr};
    if (kind == kHistogram) {
      item.sample = HF_TRY(read_histogram(in.text()));
    } else if (kind == kExemplar) {
      const auto value = in.f64();
      item.exemplar =
          std::make_shared<const metrics::Exemplar>(metrics::Exemplar{read_labels(in), t, value});
    } else {
      item.sample.value = in.f64();
    }
    record->items.push_back(std::move(item));
  }
  if (!in.ok()) return Error(Code::kDataLoss, "a record of the forward queue is cut off");
  return {};
}

Result<std::optional<ForwardRecord>> ForwardQueue::Reader::next() {
  while (true) {
    const auto end = queue_.end();
    if (at_.segment == end.segment && at_.offset >= end.offset && file_)
      return std::optional<ForwardRecord>();
    if (!file_ && !HF_TRY(open_segment())) return std::optional<ForwardRecord>();
    // Of the segment being written only what is whole: its size was counted after the write.
    if (at_.segment == end.segment && at_.offset >= end.offset)
      return std::optional<ForwardRecord>();
    auto payload = read_payload();
    ForwardRecord record;
    if (payload && *payload) {
      auto decoded = decode(**payload, &record);
      record.end = at_;
      if (decoded) return std::optional(std::move(record));
      payload = decoded.error();
    }
    // The end of this segment, or a record no one can read: on with the next one.
    if (!payload) {
      std::lock_guard lock(queue_.mutex_);
      ++queue_.lost_;
    }
    if (at_.segment >= end.segment) return std::optional<ForwardRecord>();
    at_ = {at_.segment + 1, 0};
    file_.reset();
  }
}

}  // namespace holdfast::collect
