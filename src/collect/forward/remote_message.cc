#include "collect/forward/remote_message.h"

#include <snappy.h>

namespace holdfast::collect {
namespace {

// MetricMetadata.MetricType of both versions: the same numbers.
std::uint64_t metric_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"unknown",        "counter", "gauge", "histogram",
                                         "gaugehistogram", "summary", "info",  "stateset"};
  for (std::size_t i = 0; i < std::size(kTypes); ++i) {
    if (type == kTypes[i]) return i;
  }
  return 0;
}

std::string spans_message(const model::BucketSpan& span) {
  WireWriter out;
  out.zigzag(1, span.offset);
  out.varint(2, span.length);
  return out.take();
}

void write_packed(WireWriter& out, std::uint32_t field, const std::vector<double>& values) {
  if (values.empty()) return;
  out.bytes(field, {reinterpret_cast<const char*>(values.data()), values.size() * 8});
}

std::uint64_t reset_hint(model::CounterReset reset) {
  switch (reset) {
    case model::CounterReset::kUnknown:
      return 0;
    case model::CounterReset::kReset:
      return 1;
    case model::CounterReset::kNotReset:
      return 2;
    case model::CounterReset::kGauge:
      break;
  }
  return 3;
}

}  // namespace

std::string label_message(std::string_view name, std::string_view value) {
  WireWriter out;
  out.bytes(1, name);
  out.bytes(2, value);
  return out.take();
}

std::string sample_message(model::Timestamp t, double value) {
  WireWriter out;
  out.number(1, value);
  out.varint(2, static_cast<std::uint64_t>(t));
  return out.take();
}

std::string histogram_message(model::Timestamp t, const model::Histogram& h) {
  WireWriter out;
  out.number(2, h.count);
  out.number(3, h.sum);
  out.zigzag(4, h.schema);
  out.number(5, h.zero_threshold);
  out.number(7, h.zero_count);
  for (const auto& span : h.negative_spans) out.bytes(8, spans_message(span));
  write_packed(out, 10, h.negative_buckets);
  for (const auto& span : h.positive_spans) out.bytes(11, spans_message(span));
  write_packed(out, 13, h.positive_buckets);
  out.varint(14, reset_hint(h.counter_reset));
  out.varint(15, static_cast<std::uint64_t>(t));
  write_packed(out, 16, h.custom_values);
  return out.take();
}

std::string exemplar_message(const metrics::Exemplar& exemplar) {
  WireWriter out;
  for (const auto& label : exemplar.labels) out.bytes(1, label_message(label.name, label.value));
  out.number(2, exemplar.value);
  out.varint(3, static_cast<std::uint64_t>(exemplar.t));
  return out.take();
}

std::string pack_snappy(std::string_view plain) {
  std::string out;
  snappy::Compress(plain.data(), plain.size(), &out);
  return out;
}

std::string write_request_v1(std::span<const OutgoingSeries> series) {
  WireWriter out;
  for (const auto& one : series) {
    WireWriter message;
    for (const auto& label : *one.labels) message.bytes(1, label_message(label.name, label.value));
    for (const auto& sample : one.samples) {
      if (!sample.histogram) message.bytes(2, sample_message(sample.t, sample.value));
    }
    for (const auto& exemplar : one.exemplars) message.bytes(3, exemplar_message(exemplar));
    for (const auto& sample : one.samples) {
      if (sample.histogram) message.bytes(4, histogram_message(sample.t, *sample.histogram));
    }
    out.bytes(1, message.text());
  }
  return out.take();
}

std::string metadata_request_v1(
    std::span<const std::pair<std::string, metrics::Metadata>> metadata) {
  WireWriter out;
  for (const auto& [name, one] : metadata) {
    WireWriter message;
    message.varint(1, metric_type(one.type));
    message.bytes(2, name);
    message.bytes(4, one.help);
    message.bytes(5, one.unit);
    out.bytes(3, message.text());
  }
  return out.take();
}

std::uint32_t SymbolTable::ref(std::string_view text) {
  const auto [found, added] = refs_.try_emplace(text, static_cast<std::uint32_t>(order_.size()));
  if (added) order_.push_back(text);
  return found->second;
}

namespace {

void write_refs(WireWriter& message, std::uint32_t field, const model::Labels& labels,
                SymbolTable& symbols) {
  WireWriter packed;
  for (const auto& label : labels) {
    packed.raw_varint(symbols.ref(label.name));
    packed.raw_varint(symbols.ref(label.value));
  }
  message.bytes(field, packed.text());
}

}  // namespace

std::string write_request_v2(std::span<const OutgoingSeries> series) {
  SymbolTable symbols;
  WireWriter all;
  for (const auto& one : series) {
    WireWriter message;
    write_refs(message, 1, *one.labels, symbols);
    for (const auto& sample : one.samples) {
      if (!sample.histogram) message.bytes(2, sample_message(sample.t, sample.value));
    }
    for (const auto& sample : one.samples) {
      if (sample.histogram) message.bytes(3, histogram_message(sample.t, *sample.histogram));
    }
    for (const auto& exemplar : one.exemplars) {
      WireWriter inner;
      write_refs(inner, 1, exemplar.labels, symbols);
      inner.number(2, exemplar.value);
      inner.varint(3, static_cast<std::uint64_t>(exemplar.t));
      message.bytes(4, inner.text());
    }
    if (one.metadata != nullptr) {
      WireWriter inner;
      inner.varint(1, metric_type(one.metadata->type));
      inner.varint(3, symbols.ref(one.metadata->help));
      inner.varint(4, symbols.ref(one.metadata->unit));
      message.bytes(5, inner.text());
    }
    all.bytes(5, message.text());
  }
  WireWriter out;
  for (const auto symbol : symbols.all()) out.bytes(4, symbol);
  return out.take() + all.take();
}

}  // namespace holdfast::collect
