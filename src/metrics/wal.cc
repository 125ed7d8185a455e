#include "metrics/wal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/bytes.h"
#include "metrics/frame.h"

namespace holdfast::metrics {

namespace {

constexpr std::string_view kMagic = "HFWAL02\n";
constexpr std::size_t kFrameOverhead = 9;        // type, length, checksum
constexpr std::size_t kCompressFrom = 512;       // below, a frame's own header eats the gain
constexpr std::size_t kResyncSizeMax = 4 << 20;  // how far behind damage we look for whole records
constexpr std::string_view kSuffix = ".wal";

Error torn(std::string_view why) { return {Code::kDataLoss, "log record: " + std::string(why)}; }

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return ByteReader(bytes.substr(at, 4)).u32();
}

// The number in "00000012.wal"; 0 for any other name.
std::uint64_t segment_number(const std::string& name) {
  if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix)) return 0;
  std::uint64_t number = 0;
  const char* end = name.data() + name.size() - kSuffix.size();
  const auto parsed = std::from_chars(name.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

// Whether a whole record stands anywhere behind the damage at the front of `bytes`: then this is no
// torn tail, whose rest is nothing, but loss in the middle.
bool record_follows(std::string_view bytes) {
  const std::size_t size = std::min(bytes.size(), kResyncSizeMax);
  for (std::size_t at = 1; at + kFrameOverhead < size; ++at) {
    const auto type = static_cast<std::uint8_t>(bytes[at]) & ~kWalCompressed;
    if (type < 1 || type > 3) continue;
    const std::uint32_t length = u32_at(bytes, at + 1);
    if (length == 0 || length > bytes.size() - at - kFrameOverhead) continue;
    if (crc32c(bytes.substr(at, 5 + length)) == u32_at(bytes, at + 5 + length)) return true;
  }
  return false;
}

}  // namespace

std::string write_wal_frame(WalRecordType type, std::string_view payload, bool pack) {
  ByteWriter out;
  std::string packed;
  auto type_byte = static_cast<std::uint8_t>(type);
  if (pack && payload.size() >= kCompressFrom) {
    ByteWriter prefix;
    prefix.u32(static_cast<std::uint32_t>(payload.size()));
    packed = prefix.take() + compress(payload, 1);
    if (packed.size() < payload.size()) {
      type_byte |= kWalCompressed;
      payload = packed;
    }
  }
  out.u8(type_byte);
  out.u32(static_cast<std::uint32_t>(payload.size()));
  out.raw(payload);
  out.u32(crc32c(out.str()));
  return out.take();
}

Result<WalFrame> read_wal_frame(std::string_view bytes) {
  if (bytes.size() < kFrameOverhead) return torn("shorter than any");
  const std::uint32_t length = u32_at(bytes, 1);
  if (length > kWalPayloadSizeMax || length > bytes.size() - kFrameOverhead)
    return torn("ends early");
  if (crc32c(bytes.substr(0, 5 + length)) != u32_at(bytes, 5 + length)) return torn("bad checksum");
  const auto type_byte = static_cast<std::uint8_t>(bytes[0]);
  const std::uint8_t type = type_byte & static_cast<std::uint8_t>(~kWalCompressed);
  if (type < 1 || type > 3) return torn("unknown type");
  std::string_view payload = bytes.substr(5, length);
  WalFrame frame{static_cast<WalRecordType>(type), {}, length + kFrameOverhead};
  if (type_byte & kWalCompressed) {
    if (payload.size() < 4) return torn("compressed without a size");
    frame.payload = HF_TRY(expand(payload.substr(4), u32_at(payload, 0), kWalPayloadSizeMax));
  } else {
    frame.payload = payload;
  }
  return frame;
}

Result<std::unique_ptr<Wal>> Wal::open(FileSystem& files, Options options,
                                       const Consumer& consume) {
  std::unique_ptr<Wal> wal(new Wal(files, std::move(options)));
  HF_TRY(files.create_directories(wal->options_.directory));
  HF_TRY(wal->replay(consume));
  // On a full disk what is there is served all the same; appends are refused until a segment can be
  // begun.
  if (const auto begun = wal->begin_segment(); !begun && begun.error().code() != Code::kExhausted) {
    return begun.error();
  }
  return wal;
}

std::string Wal::path(std::uint64_t number) const {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.wal", static_cast<unsigned long long>(number));
  return options_.directory + "/" + name;
}

Result<void> Wal::replay(const Consumer& consume) {
  std::vector<std::uint64_t> numbers;
  for (const FileInfo& file : HF_TRY(files_.list(options_.directory))) {
    const std::uint64_t number = segment_number(file.name);
    if (number == 0 || file.is_directory) continue;
    if (number < options_.first_segment) {
      HF_TRY(files_.remove(path(number)));  // a flush was killed before it came to this
      continue;
    }
    numbers.push_back(number);
    total_size_ += file.size;
  }
  std::sort(numbers.begin(), numbers.end());
  for (const std::uint64_t number : numbers) {
    HF_TRY(replay_segment(number, number == numbers.back(), consume)
               .context("replay " + path(number)));
  }
  number_ = std::max(numbers.empty() ? 0 : numbers.back(), options_.first_segment - 1);
  return {};
}

Result<void> Wal::replay_segment(std::uint64_t number, bool last, const Consumer& consume) {
  auto file = HF_TRY(files_.open(path(number), OpenMode::kReadWrite));
  const std::string bytes = HF_TRY(file->read_at(0, HF_TRY(file->size())));
  std::string_view rest = bytes;
  std::string reason;
  if (!rest.starts_with(kMagic)) {
    reason = "no segment header";
  } else {
    rest.remove_prefix(kMagic.size());
    while (!rest.empty()) {
      const auto frame = read_wal_frame(rest);
      const Result<void> used =
          frame ? consume(frame->type, frame->payload) : Result<void>(frame.error());
      if (!used) {
        reason = used.error().message();
        break;
      }
      rest.remove_prefix(frame->size);
    }
  }
  if (reason.empty()) return {};
  const std::uint64_t good = bytes.size() - rest.size();
  if (last && !record_follows(rest)) {
    HF_PROBE("wal: torn tail repaired");
    total_size_ -= rest.size();
    HF_TRY(file->truncate(good));
    HF_TRY(file->sync());
    // Nothing whole was in it: a header alone was torn.
    if (good == 0) HF_TRY(files_.remove(path(number)));
    return {};
  }
  HF_PROBE("wal: corrupt segment set aside");
  corrupt_.insert(number);
  problems_.push_back("metrics log segment " + path(number) + " is corrupt from byte " +
                      std::to_string(good) + " on (" + reason + "): " +
                      std::to_string(rest.size()) + " bytes are lost; it is kept as .corrupt");
  return {};
}

Result<void> Wal::begin_segment() {
  const std::string name = path(number_ + 1);
  std::shared_ptr<File> sync_file;
  auto file = HF_TRY(files_.open(name, OpenMode::kCreate));
  const auto prepare = [&]() -> Result<void> {
    HF_TRY(file->append(kMagic));
    HF_TRY(file->sync());
    HF_TRY(files_.sync_dir(options_.directory));
    sync_file = HF_TRY(files_.open(name, OpenMode::kReadWrite));
    return {};
  };
  if (const auto ready = prepare(); !ready) {
    file.reset();
    (void)files_.remove(name);  // an empty segment left behind is replayed as nothing
    return ready.error();
  }
  ++number_;
  file_ = std::move(file);
  segment_size_ = kMagic.size();
  const std::lock_guard lock(mutex_);
  sync_file_ = std::move(sync_file);
  total_size_ += kMagic.size();
  return {};
}

Result<void> Wal::repair() {
  HF_TRY(file_->truncate(segment_size_));
  needs_repair_ = false;
  return {};
}

Result<void> Wal::append(WalRecordType type, std::string_view payload, bool pack) {
  if (payload.size() > kWalPayloadSizeMax)
    return Error(Code::kTooLarge, "a batch is over the log's record limit");
  if (!file_) HF_TRY(begin_segment().context("begin the metrics log"));
  if (needs_repair_) HF_TRY(repair().context("repair the metrics log"));
  const std::string frame = write_wal_frame(type, payload, pack);
  if (segment_size_ > kMagic.size() && segment_size_ + frame.size() > options_.segment_size_max) {
    HF_TRY(rotate());
  }
  if (const auto written = file_->append(frame); !written) {
    HF_PROBE("wal: append refused");
    needs_repair_ = true;
    (void)repair();  // tried again before the next append
    return Error(written.error()).context("append to the metrics log");
  }
  segment_size_ += frame.size();
  const std::lock_guard lock(mutex_);
  written_ += frame.size();
  total_size_ += frame.size();
  return {};
}

Result<void> Wal::sync() {
  const std::lock_guard one(sync_mutex_);
  std::shared_ptr<File> file;
  std::uint64_t target = 0;
  {
    const std::lock_guard lock(mutex_);
    if (synced_ == written_) return {};
    file = sync_file_;
    target = written_;
  }
  // What lies in older segments was synced when this one was begun.
  HF_TRY(file->sync().context("sync the metrics log"));
  const std::lock_guard lock(mutex_);
  synced_ = std::max(synced_, target);
  return {};
}

Result<std::uint64_t> Wal::rotate() {
  if (needs_repair_) HF_TRY(repair().context("repair the metrics log"));
  HF_TRY(sync());
  HF_TRY(begin_segment().context("begin a segment of the metrics log"));
  return number_;
}

Result<void> Wal::drop_before(std::uint64_t segment) {
  for (const FileInfo& file : HF_TRY(files_.list(options_.directory))) {
    const std::uint64_t number = segment_number(file.name);
    if (number == 0 || number >= segment) continue;
    if (corrupt_.contains(number)) {
      HF_TRY(files_.rename(path(number), path(number) + ".corrupt"));
      corrupt_.erase(number);
    } else {
      HF_TRY(files_.remove(path(number)));
    }
    const std::lock_guard lock(mutex_);
    total_size_ -= std::min(total_size_, file.size);
  }
  return files_.sync_dir(options_.directory);
}

std::uint64_t Wal::size() const {
  const std::lock_guard lock(mutex_);
  return total_size_;
}

bool Wal::dirty() const {
  const std::lock_guard lock(mutex_);
  return synced_ != written_;
}

}  // namespace holdfast::metrics
