// metrics/codec/runs.h: the payload of a column: a directory and its runs, to
// be read from any run.
//
// Purpose     Payload answers where a run lies and what it begins with;
// finish_run() makes integers
//             of the run's symbols, which the caller has had decoded.
//             write_payload() is the way there.
// Units       Positions are bits from the start of the group's bytes.
// Errors      Answers false for bytes that write_payload() cannot have written.
// Source      docs/formats/column_group.md draws the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/codec/ans.h"
#include "metrics/codec/layout.h"
#include "metrics/codec/partition.h"

namespace holdfast::metrics::codec {

// A run as the decoder needs it.
struct RunPlan {
  std::size_t count = 0;         // integers
  std::size_t symbol_count = 0;  // of them coded
  std::size_t position = 0;
  std::size_t end = 0;
  int places = 0;  // kBinary
  Bins bins;
  Forecast::Run forecast;

  // Where the symbols begin: low bits of one width stand before them.
  std::size_t symbols_position(const Head& head) const {
    return position + (head.mixed() ? 0 : symbol_count * bins.width);
  }
};

// The bins of a run; those of a binary column have one true width in all runs.
Bins bins_of(const Head& head, int places);

// What a run begins with: `starts` are its own, or of it and a neighbour, `length` integers apart;
// `run` is its place among them.
Forecast::Run forecast_of(const Head& head, std::span<const std::int64_t> starts,
                          std::size_t length, std::size_t run);
Forecast::Run binary_forecast_of(const Head& head, std::span<const double> starts,
                                 std::size_t length, int places, std::size_t run);

class Payload {
 public:
  // `bytes` has kBitPadding bytes behind its end.
  bool open(const char* bytes, const Head& head);
  bool plan(std::size_t run, RunPlan& out) const;

 private:
  std::int64_t start(std::size_t run) const;
  double binary_start(std::size_t run) const;

  const char* bytes_ = nullptr;
  const Head* head_ = nullptr;
  Partition partition_{0};
  std::size_t runs_ = 0;
  std::size_t places_position_ = 0;
  std::size_t starts_position_ = 0;
  std::size_t sizes_position_ = 0;
  std::size_t first_position_ = 0;  // of the first run
  std::size_t end_ = 0;
  unsigned first_step_width_ = 0;
  unsigned step_width_ = 0;
  unsigned size_width_ = 0;
  std::size_t size_min_ = 0;
};

// `symbols` hold plan.symbol_count of the run's; `position` is where they
// ended.
bool finish_run(const char* bytes, const Head& head, const RunPlan& plan,
                std::span<const std::uint8_t> symbols, std::size_t position, std::int64_t* out);

// What write_payload() needs beside the head.
struct PayloadSource {
  std::span<const std::int64_t> integers;  // of the value stream
  std::span<const int> places;             // kBinary
};

// The plan of a run that is to be written; its position stays open.
RunPlan plan_of(const Head& head, const PayloadSource& source, std::size_t run);

// Calls visit(integer, foreseen) for each coded integer of a run.
template <typename Visit>
void visit_run(const Head& head, const PayloadSource& source, std::size_t run, const RunPlan& plan,
               Visit&& visit) {
  const std::int64_t* integers =
      source.integers.data() + Partition(source.integers.size()).begin(run);
  walk_run(head.predictor, plan.forecast, plan.count, [&](std::size_t i, std::uint64_t foreseen) {
    const auto integer = static_cast<std::uint64_t>(integers[i]);
    visit(integer, foreseen);
    return integer;
  });
}

// The symbols of all runs, one after the other, into `symbols`.
void make_symbols(const Head& head, const PayloadSource& source,
                  std::vector<std::uint8_t>& symbols);
std::string write_payload(const Head& head, const PayloadSource& source,
                          std::span<const std::uint8_t> symbols, AnsEncoder& encoder);

}  // namespace holdfast::metrics::codec
