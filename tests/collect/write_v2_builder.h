// tests/collect/write_v2_builder.h: builds remote write 2.0 requests field by field.
#pragma once

#include <snappy.h>

#include <map>
#include <string>
#include <vector>

#include "base/wire.h"

namespace holdfast::collect {

struct HistogramSpec {
  std::int64_t t = 0;
  bool is_float = false;
  double count = 0, sum = 0, zero = 0, zero_threshold = 0;
  std::int32_t schema = 0;
  std::vector<std::pair<std::int32_t, std::uint32_t>> spans;  // positive
  std::vector<double> counts;                                 // absolute
  std::vector<double> bounds;
  int reset_hint = 0;
};

inline std::string histogram_message(const HistogramSpec& spec) {
  WireWriter out;
  const auto whole = [](double v) { return static_cast<std::uint64_t>(v); };
  if (spec.is_float)
    out.number(2, spec.count);
  else
    out.varint(1, whole(spec.count));
  out.number(3, spec.sum);
  out.zigzag(4, spec.schema);
  out.number(5, spec.zero_threshold);
  if (spec.is_float)
    out.number(7, spec.zero);
  else
    out.varint(6, whole(spec.zero));
  for (const auto& [offset, length] : spec.spans) {
    WireWriter span;
    span.zigzag(1, offset);
    span.varint(2, length);
    out.bytes(11, span.text());
  }
  WireWriter packed;
  double last = 0;
  for (const double count : spec.counts) {
    if (spec.is_float) {
      packed.raw(&count, 8);
    } else {
      const auto delta = static_cast<std::int64_t>(count - last);
      packed.raw_varint((static_cast<std::uint64_t>(delta) << 1) ^
                        static_cast<std::uint64_t>(delta >> 63));
    }
    last = count;
  }
  if (!spec.counts.empty()) out.bytes(spec.is_float ? 13 : 12, packed.text());
  out.varint(14, static_cast<std::uint64_t>(spec.reset_hint));
  out.varint(15, static_cast<std::uint64_t>(spec.t));
  WireWriter bounds;
  for (const double bound : spec.bounds) bounds.raw(&bound, 8);
  if (!spec.bounds.empty()) out.bytes(16, bounds.text());
  return out.take();
}

class WriteV2Builder {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  WriteV2Builder() { ref(""); }
  std::uint32_t ref(const std::string& symbol) {
    const auto [at, fresh] = refs_.try_emplace(symbol, symbols_.size());
    if (fresh) symbols_.push_back(symbol);
    return static_cast<std::uint32_t>(at->second);
  }

  WriteV2Builder& series(const Pairs& labels) {
    end_series();
    open_ = true;
    series_.bytes(1, packed(labels));
    return *this;
  }
  WriteV2Builder& raw_refs(const std::vector<std::uint64_t>& refs) {
    end_series();
    open_ = true;
    WireWriter packed;
    for (const auto one : refs) packed.raw_varint(one);
    series_.bytes(1, packed.text());
    return *this;
  }
  WriteV2Builder& sample(std::int64_t t, double value) {
    WireWriter sample;
    sample.number(1, value);
    sample.varint(2, static_cast<std::uint64_t>(t));
    series_.bytes(2, sample.text());
    return *this;
  }
  WriteV2Builder& histogram(const HistogramSpec& spec) {
    series_.bytes(3, histogram_message(spec));
    return *this;
  }
  WriteV2Builder& exemplar(const Pairs& labels, std::int64_t t, double value) {
    WireWriter out;
    out.bytes(1, packed(labels));
    out.number(2, value);
    out.varint(3, static_cast<std::uint64_t>(t));
    series_.bytes(4, out.text());
    return *this;
  }
  WriteV2Builder& metadata(int type, const std::string& help, const std::string& unit) {
    WireWriter out;
    out.varint(1, static_cast<std::uint64_t>(type));
    out.varint(3, ref(help));
    out.varint(4, ref(unit));
    series_.bytes(5, out.text());
    return *this;
  }

  std::string message() {
    end_series();
    WireWriter out;
    for (const auto& symbol : symbols_) out.bytes(4, symbol);
    for (const auto& one : all_) out.bytes(5, one);
    return out.take();
  }
  std::string body() {
    const auto bytes = message();
    std::string out;
    snappy::Compress(bytes.data(), bytes.size(), &out);
    return out;
  }

 private:
  std::string packed(const Pairs& labels) {
    WireWriter out;
    for (const auto& [name, value] : labels) {
      out.raw_varint(ref(name));
      out.raw_varint(ref(value));
    }
    return out.take();
  }
  void end_series() {
    if (open_) all_.push_back(series_.take());
    series_ = {};
    open_ = false;
  }

  std::map<std::string, std::size_t> refs_;
  std::vector<std::string> symbols_, all_;
  WireWriter series_;
  bool open_ = false;
};

}  // namespace holdfast::collect
