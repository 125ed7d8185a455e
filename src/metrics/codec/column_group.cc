#include "metrics/codec/column_group.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>

#include "metrics/codec/runs.h"

namespace holdfast::metrics {

static_assert(ColumnGroup::kRunSamples == codec::kRun);

namespace {

using codec::AnsDecoder;
using codec::Head;
using codec::kRun;
using codec::Partition;
using codec::Payload;
using codec::Reference;
using codec::RunPlan;
using codec::Scale;

Error loss() { return Error(Code::kDataLoss, "a column of a group is damaged"); }

// Tables are made when the first run asks for them.
struct LazyTable {
  std::once_flag once;
  AnsDecoder decoder;
};

// A run while it is read.
struct Run {
  RunPlan plan;
  std::array<std::uint8_t, kRun> symbols;
};

}  // namespace

// Integers of runs that other columns may want again.
struct ColumnGroup::Scratch::Kept {
  static constexpr std::size_t kSlotCount = 128;

  struct Slot {
    bool filled = false;
    std::uint32_t column = 0;
    std::uint32_t run = 0;
    std::array<std::int64_t, kRun> integers;
  };

  Slot& slot(std::uint32_t column, std::size_t run) {
    auto& found = slots[(column * 31 + run) % kSlotCount];
    if (!found) found = std::make_unique<Slot>();
    return *found;
  }

  // Forgets what belongs to another group.
  void enter(std::weak_ptr<const ColumnGroup> group) {
    if (!group.owner_before(owner) && !owner.owner_before(group)) return;
    for (auto& slot : slots) {
      if (slot) slot->filled = false;
    }
    owner = std::move(group);
  }

  std::weak_ptr<const ColumnGroup> owner;
  std::array<std::unique_ptr<Slot>, kSlotCount> slots;
};

ColumnGroup::Scratch::Scratch() = default;
ColumnGroup::Scratch::~Scratch() = default;

namespace {

class Group final : public ColumnGroup, public std::enable_shared_from_this<Group> {
 public:
  Group(std::string bytes, codec::Heads heads)
      : bytes_(std::move(bytes)), heads_(std::move(heads)), tables_(heads_.tables.size()) {
    bytes_.resize(bytes_.size() + codec::kBitPadding);
    bytes_.shrink_to_fit();
  }

  std::size_t column_count() const override { return heads_.columns.size(); }
  std::size_t sample_count(std::size_t column) const override {
    return heads_.columns[column].count;
  }
  std::size_t memory_size() const override {
    return sizeof *this + bytes_.capacity() + heads_.columns.capacity() * sizeof(Head) +
           heads_.references.capacity() * sizeof(Reference) +
           heads_.exceptions.capacity() * sizeof(codec::Exception) +
           tables_.size() * (sizeof(LazyTable) + sizeof(codec::Shape) +
                             (sizeof(AnsDecoder::Entry) << heads_.table_bits));
  }

  Result<void> decode(std::size_t column, std::size_t first, std::size_t count,
                      double* out) const override {
    return decode_with(column, first, count, out, nullptr);
  }
  Result<void> decode(std::size_t column, std::size_t first, std::size_t count, double* out,
                      Scratch& scratch) const override {
    if (!scratch.kept) scratch.kept = std::make_unique<Scratch::Kept>();
    scratch.kept->enter(weak_from_this());
    return decode_with(column, first, count, out, scratch.kept.get());
  }

 private:
  using Integers = std::array<std::int64_t, kRun>;

  Result<void> decode_with(std::size_t column, std::size_t first, std::size_t count, double* out,
                           Scratch::Kept* kept) const {
    if (count == 0) return {};
    const Head& head = heads_.columns[column];
    if (head.references_count > 0) {
      HF_TRY(decode_family(static_cast<std::uint32_t>(column), first, count, out, kept));
    } else if (head.flat()) {
      std::array<double, 1> value;
      const std::array<std::int64_t, 1> integer{head.value};
      unscale(head, integer, 0, value.data());
      std::fill_n(out, count, value[0]);
    } else {
      HF_TRY(decode_alone(static_cast<std::uint32_t>(column), first, count, out));
    }
    for (std::uint32_t i = 0; i < head.exceptions_count; ++i) {
      const auto& e = heads_.exceptions[head.exceptions_begin + i];
      if (e.index >= first && e.index - first < count) {
        out[e.index - first] = std::bit_cast<double>(e.bits);
      }
    }
    return {};
  }

  // Runs two by two: their symbols are decoded in step.
  Result<void> decode_alone(std::uint32_t column, std::size_t first, std::size_t count,
                            double* out) const {
    const Head& head = heads_.columns[column];
    Payload payload;
    if (!payload.open(bytes_.data(), head)) return loss();
    const Partition partition(head.count);
    const std::size_t last_run = partition.run_of(first + count - 1);
    Run a;
    Run b;
    Integers integers;
    for (std::size_t run = partition.run_of(first); run <= last_run; run += 2) {
      const bool two = run < last_run;
      if (!payload.plan(run, a.plan) || (two && !payload.plan(run + 1, b.plan))) return loss();
      std::size_t end_a = 0;
      std::size_t end_b = 0;
      if (!read_symbols(head, a, two ? &b : nullptr, end_a, end_b)) return loss();
      if (!finish(head, a, end_a, integers)) return loss();
      give(head, a, run, first, count, integers, out);
      if (!two) break;
      if (!finish(head, b, end_b, integers)) return loss();
      give(head, b, run + 1, first, count, integers, out);
    }
    return {};
  }

  Result<void> decode_family(std::uint32_t column, std::size_t first, std::size_t count,
                             double* out, Scratch::Kept* kept) const {
    const Head& head = heads_.columns[column];
    const Partition partition(head.count);
    const std::size_t last_run = partition.run_of(first + count - 1);
    Integers integers;
    Run like;
    for (std::size_t run = partition.run_of(first); run <= last_run; ++run) {
      if (!read_integers(column, run, kept, integers.data())) return loss();
      like.plan.count = partition.size(run);
      give(head, like, run, first, count, integers, out);
    }
    return {};
  }

  // Integers of one run, those of the columns it refers to taken back into
  // account. Depth and width of the recursion are bounded by kFamilyMax.
  bool read_integers(std::uint32_t column, std::size_t run, Scratch::Kept* kept,
                     std::int64_t* out) const {
    const Head& head = heads_.columns[column];
    const std::size_t count = Partition(head.count).size(run);
    Scratch::Kept::Slot* slot = kept == nullptr || (head.flat() && head.references_count == 0)
                                    ? nullptr
                                    : &kept->slot(column, run);
    if (slot != nullptr && slot->filled && slot->column == column && slot->run == run) {
      std::copy_n(slot->integers.data(), count, out);
      return true;
    }
    if (!read_own(head, run, out)) return false;
    Integers other;
    for (std::uint32_t i = 0; i < head.references_count; ++i) {
      const Reference& reference = heads_.references[head.references_begin + i];
      if (!read_integers(reference.column, run, kept, other.data())) return false;
      for (std::size_t k = 0; k < count; ++k) {
        out[k] =
            static_cast<std::int64_t>(static_cast<std::uint64_t>(out[k]) - reference.of(other[k]));
      }
    }
    if (slot != nullptr) {
      // The recursion may have used the slot: it is filled only now.
      slot->filled = true;
      slot->column = column;
      slot->run = static_cast<std::uint32_t>(run);
      std::copy_n(out, count, slot->integers.data());
    }
    return true;
  }

  bool read_own(const Head& head, std::size_t run, std::int64_t* out) const {
    const std::size_t count = Partition(head.count).size(run);
    if (head.flat()) {
      std::fill_n(out, count, head.value);
      return true;
    }
    Payload payload;
    Run one;
    std::size_t end = 0;
    std::size_t unused = 0;
    if (!payload.open(bytes_.data(), head) || !payload.plan(run, one.plan) ||
        !read_symbols(head, one, nullptr, end, unused)) {
      return false;
    }
    if (!codec::finish_run(bytes_.data(), head, one.plan, symbols_of(one), end, out)) return false;
    multiply(head, count, out);
    return true;
  }

  static std::span<const std::uint8_t> symbols_of(const Run& run) {
    return {run.symbols.data(), run.plan.symbol_count};
  }

  bool read_symbols(const Head& head, Run& a, Run* b, std::size_t& end_a,
                    std::size_t& end_b) const {
    const AnsDecoder& decoder = table(head.table);
    AnsDecoder::Stream stream = stream_of(head, a);
    if (b != nullptr && a.plan.symbol_count > 0 && b->plan.symbol_count > 0) {
      AnsDecoder::Stream other = stream_of(head, *b);
      if (!decoder.read(stream, other)) return false;
      end_b = other.position;
    } else {
      if (a.plan.symbol_count > 0 && !decoder.read(stream)) return false;
      if (b != nullptr) end_b = b->plan.position;
    }
    end_a = stream.position;
    return true;
  }

  AnsDecoder::Stream stream_of(const Head& head, Run& run) const {
    return {bytes_.data(), run.plan.symbols_position(head), run.plan.end, run.symbols.data(),
            run.plan.symbol_count};
  }

  bool finish(const Head& head, const Run& run, std::size_t end, Integers& out) const {
    if (!codec::finish_run(bytes_.data(), head, run.plan, symbols_of(run), end, out.data())) {
      return false;
    }
    multiply(head, run.plan.count, out.data());
    return true;
  }

  static void multiply(const Head& head, std::size_t count, std::int64_t* integers) {
    if (head.divisor == 1 && head.offset == 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      integers[i] =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(integers[i]) * head.divisor +
                                    static_cast<std::uint64_t>(head.offset));
    }
  }

  static void unscale(const Head& head, std::span<const std::int64_t> integers, int places,
                      double* out) {
    switch (head.scale) {
      case Scale::kDecimal:
        return codec::unscale_decimal(integers, head.digits, out);
      case Scale::kBinary:
        return codec::unscale_binary(integers, places, out);
      case Scale::kBits:
        return codec::unscale_bits(integers, out);
    }
  }

  // The part of a run that lies in [first, first + count), as doubles.
  static void give(const Head& head, const Run& run, std::size_t index, std::size_t first,
                   std::size_t count, const Integers& integers, double* out) {
    const std::size_t begin = Partition(head.count).begin(index);
    const std::size_t from = std::max(begin, first);
    const std::size_t to = std::min(begin + run.plan.count, first + count);
    unscale(head, {integers.data() + (from - begin), to - from}, run.plan.places,
            out + (from - first));
  }

  const AnsDecoder& table(std::size_t index) const {
    LazyTable& lazy = tables_[index];
    std::call_once(lazy.once, [&] {
      const bool built = lazy.decoder.build(heads_.tables[index], heads_.table_bits);
      HF_CHECK(built, "open() has seen that the table can be built");
    });
    return lazy.decoder;
  }

  std::string bytes_;
  codec::Heads heads_;
  mutable std::vector<LazyTable> tables_;
};

}  // namespace

Result<std::shared_ptr<const ColumnGroup>> ColumnGroup::open(std::string bytes,
                                                             std::size_t sample_count_max) {
  codec::Heads heads = HF_TRY(codec::read_heads(bytes, sample_count_max));
  return std::shared_ptr<const ColumnGroup>(
      std::make_shared<Group>(std::move(bytes), std::move(heads)));
}

}  // namespace holdfast::metrics
