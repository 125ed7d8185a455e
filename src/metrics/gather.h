// metrics/gather.h: the samples of one series from where they lie: blocks, frozen head, open head.
//
// Purpose     StoreSelection lists for each series its places; its cursors read them in order of time and
//             put them together.
// Invariants  Places of a series rarely overlap; when they do (out-of-order samples, an interrupted
//             merge), samples are put in order and of two at one time the first place's stays.
// Threads     A StoreSelection is immutable once built; each cursor serves one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "metrics/block_set.h"

namespace holdfast::metrics {

// Samples of captures, with the times that series share kept for the next.
class CaptureReader {
 public:
  explicit CaptureReader(const HeadCaptures& captures) : captures_(captures) {}
  // Replaces `out` by the in-order samples in [from, to].
  void read(const HeadCapture& capture, Timestamp from, Timestamp to, SeriesData& out);

 private:
  struct Slice {
    std::uint32_t column = UINT32_MAX;
    std::size_t first = 0;
    std::size_t last = 0;
    std::shared_ptr<const std::vector<Timestamp>> times;
  };
  const HeadCaptures& captures_;
  Slice slice_;
};

// Samples out of order, and what overlaps: in order, each time once.
void unite(std::vector<Sample>& samples, SeriesData& out);
void append_samples(const SeriesData& data, std::vector<Sample>& out);

class StoreSelection final : public Selection, public std::enable_shared_from_this<StoreSelection> {
 public:
  struct BlockPart {
    BlockPtr block;
    std::shared_ptr<const Block::View> view;
  };
  struct BlockPlace {
    std::uint32_t part;
    SeriesIndex series;
  };
  // Where one series lies: places in blocks [first, first + count), captures + 1 or 0.
  struct Entry {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t frozen = 0;
    std::uint32_t head = 0;
  };
  using OnDataLoss = std::function<void(const Block&, const Error&)>;

  StoreSelection(const HeadIndex& index, Timestamp from, Timestamp to)
      : index_(index), from_(from), to_(to) {}

  std::size_t size() const override { return entries_.size(); }
  void labels(std::size_t index, LabelViews& out) const override;
  std::string_view label(std::size_t index, std::string_view name) const override;
  std::unique_ptr<Cursor> cursor() const override;

 private:
  friend class SelectionBuilder;
  friend class StoreCursor;
  const HeadIndex& index_;
  const Timestamp from_;
  const Timestamp to_;
  std::vector<BlockPart> parts_;
  std::vector<BlockPlace> places_;
  std::vector<Entry> entries_;
  std::shared_ptr<const Frozen> frozen_;
  HeadCaptures head_;
  OnDataLoss on_data_loss_;
};

// Joins what the places offered. Call in this order: add_block() oldest first, add_frozen(),
// add_head(), build().
class SelectionBuilder {
 public:
  SelectionBuilder(const HeadIndex& index, Timestamp from, Timestamp to,
                   StoreSelection::OnDataLoss on_data_loss);
  void add_block(const Layout::Entry& entry, std::shared_ptr<const Block::View> view,
                 std::vector<SeriesIndex> series);
  void add_frozen(std::shared_ptr<const Frozen> frozen, const std::vector<SeriesId>& ids);
  void add_head(HeadCaptures captures);
  SelectionPtr build();

 private:
  struct FromBlock {
    std::shared_ptr<BlockFingerprints> fingerprints;
    std::vector<SeriesIndex> series;
  };
  void build_from_one_block();
  void join();

  std::shared_ptr<StoreSelection> selection_;
  std::vector<FromBlock> blocks_;
  std::vector<std::uint32_t> frozen_;  // captures
};

}  // namespace holdfast::metrics
