// Import of history: a block a real Prometheus wrote (tests/collect/tsdb_block, version 2.53), chunks there and back,
// OpenMetrics text, and what an import that was cut off does when it is asked for again.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/files.h"
#include "base/sim.h"
#include "collect/backfill/chunk.h"
#include "collect/backfill/import_message.h"
#include "collect/backfill/importer.h"
#include "collect/backfill/open_metrics.h"
#include "collect/backfill/tsdb_block.h"

namespace holdfast::collect {
namespace {

constexpr const char* kBlock = HOLDFAST_SOURCE_DIR "/tests/collect/tsdb_block";
constexpr model::Timestamp kBegin = 1'700'000'000'000;
constexpr std::size_t kCount = 150;

using Content = std::map<std::string, std::vector<model::Sample>>;

Content content_of(TsdbBlock& block) {
  Content content;
  auto done = block.for_each(block.meta().min_time, block.meta().max_time - 1,
                             [&](const TsdbSeries& series, const auto& samples) -> Result<void> {
                               content[series.make_labels().text()] = samples;
                               return {};
                             });
  EXPECT_TRUE(done.has_value()) << done.error().message();
  return content;
}

TEST(TsdbBlock, HasTheSamplesPrometheusWrote) {
  PosixFileSystem files;
  auto block = TsdbBlock::open(files, kBlock);
  ASSERT_TRUE(block.has_value()) << block.error().message();
  EXPECT_EQ(block->meta().samples, 1050u);
  auto content = content_of(*block);
  ASSERT_EQ(content.size(), 7u);
  const auto& counter = content["fix_counter_total{i=\"2\"}"];
  ASSERT_EQ(counter.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(counter[i].t, kBegin + static_cast<model::Timestamp>(i) * 15000);
    EXPECT_EQ(counter[i].value, static_cast<double>(i) * 3);
  }
  const auto& odd = content["fix_odd"];
  ASSERT_EQ(odd.size(), kCount);
  EXPECT_EQ(odd[9].t, kBegin + 9 * 15007);
  EXPECT_EQ(odd[1].value, -1e300);
  EXPECT_EQ(odd[5].value, 5e-324);
  EXPECT_TRUE(std::isnan(odd[4].value) && !model::is_stale(odd[4].value));
  const auto& stale = content["fix_stale"];
  ASSERT_EQ(stale.size(), kCount);
  EXPECT_TRUE(model::is_stale(stale[39].value));
  EXPECT_EQ(stale[40].value, 40);
}

TEST(TsdbBlock, HasItsHistogramsOfBothKinds) {
  PosixFileSystem files;
  auto block = TsdbBlock::open(files, kBlock);
  ASSERT_TRUE(block.has_value());
  auto content = content_of(*block);
  for (const auto& [kind, share] : {std::pair("whole", 1.0), std::pair("float", 0.5)}) {
    const auto& samples = content["fix_histogram{kind=\"" + std::string(kind) + "\"}"];
    ASSERT_EQ(samples.size(), kCount) << kind;
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto& histogram = samples[i].histogram;
      ASSERT_TRUE(histogram) << kind << " " << i;
      const auto step = static_cast<double>(i < 100 ? i : i - 100);
      ASSERT_EQ(histogram->positive_buckets.size(), 6u);
      double held = 1;
      for (int k = 0; k < 6; ++k) {
        const double want = (step + k * std::floor(step / 10)) * share;
        EXPECT_EQ(histogram->positive_buckets[static_cast<std::size_t>(k)], want)
            << kind << " " << i;
        held += want;
      }
      EXPECT_EQ(histogram->count, held);
      EXPECT_EQ(histogram->sum, step * 1.5);
      EXPECT_EQ(histogram->zero_count, 1);
      EXPECT_EQ(histogram->zero_threshold, std::ldexp(1, -128));
      EXPECT_EQ(histogram->schema, 3);
      EXPECT_EQ(histogram->positive_spans, (std::vector<model::BucketSpan>{{0, 4}, {3, 2}}));
      // A chunk begins where the counter was reset.
      if (i == 100) {
        EXPECT_EQ(histogram->counter_reset, model::CounterReset::kReset);
      }
      if (i == 101) {
        EXPECT_EQ(histogram->counter_reset, model::CounterReset::kNotReset);
      }
    }
  }
}

TEST(TsdbBlock, HidesWhatWasDeleted) {
  PosixFileSystem files;
  auto block = TsdbBlock::open(files, kBlock);
  ASSERT_TRUE(block.has_value());
  auto content = content_of(*block);
  const auto& deleted = content["fix_counter_total{i=\"1\"}"];
  EXPECT_EQ(deleted.size(), kCount - 21);  // 600 s to 900 s after the begin, both included
  for (const auto& sample : deleted)
    EXPECT_TRUE(sample.t < kBegin + 600'000 || sample.t > kBegin + 900'000) << sample.t;
}

// The block on a disk of its own, to be damaged.
class DamagedBlock : public ::testing::Test {
 protected:
  DamagedBlock() {
    PosixFileSystem real;
    for (const char* name : {"meta.json", "index", "tombstones", "chunks/000001"})
      texts_[name] = real.read_file(std::string(kBlock) + "/" + name).value_or("");
  }
  std::string message() {
    (void)files_.create_directories("/b/chunks");
    for (const auto& [name, text] : texts_) (void)files_.write_file_atomic("/b/" + name, text);
    auto block = TsdbBlock::open(files_, "/b");
    if (!block) return block.error().message();
    auto done = block->for_each(kBegin, kBegin + 10'000'000,
                                [](const auto&, const auto&) { return Result<void>(); });
    return done ? "" : done.error().message();
  }
  SeededRandom random_{1};
  SimFileSystem files_{random_};
  std::map<std::string, std::string> texts_;
};

TEST_F(DamagedBlock, NamesFileAndPlace) {
  const auto good = texts_;
  struct Case {
    const char* file;
    std::size_t at;
    const char* want;
  };
  for (const auto& [file, at, want] : {
           Case{"index", 0, "/b/index: offset 0: this is no index"},
           Case{"index", 4, "/b/index: offset 4: index version"},
           Case{"index", 12, "/b/index: offset 5: the checksum of the symbols is wrong"},
           Case{"index", 880, "the checksum of the table of contents is wrong"},
           Case{"chunks/000001", 0, "/b/chunks/000001: offset 0: this is no segment"},
           Case{"chunks/000001", 100,
                "/b/chunks/000001: offset 8: the checksum of a chunk is wrong"},
           Case{"tombstones", 8, "/b/tombstones: offset 5: the checksum is wrong"},
           Case{"meta.json", 0, "/b/meta.json: no JSON object"},
       }) {
    texts_ = good;
    texts_[file][at] = static_cast<char>(texts_[file][at] ^ 0x20);
    EXPECT_NE(message().find(want), std::string::npos) << file << " " << at << ": " << message();
  }
}

TEST_F(DamagedBlock, EveryTurnedBitIsToldOrChangesNothing) {
  const auto good = texts_;
  ASSERT_EQ(message(), "");
  for (const char* file : {"index", "chunks/000001"}) {
    std::size_t told = 0;
    const auto size = good.at(file).size();
    for (std::size_t at = 0; at < size; at += 17) {
      texts_ = good;
      texts_[file][at] = static_cast<char>(texts_[file][at] ^ (1 << (at % 8)));
      told += message().empty() ? 0 : 1;
    }
    // What is not looked at: postings and offset tables, and the padding of headers.
    EXPECT_GE(told, size / 17 * (std::string(file) == "index" ? 4 : 9) / 10) << file;
  }
}

TEST_F(DamagedBlock, FilesThatEndEarlyAreTold) {
  const auto good = texts_;
  for (const char* file : {"index", "chunks/000001", "meta.json", "tombstones"}) {
    for (std::size_t size = 0; size < good.at(file).size(); size += 97) {
      texts_ = good;
      texts_[file].resize(size);
      EXPECT_NE(message(), "") << file << " of " << size << " bytes";
    }
  }
}

TEST(TsdbFolder, LeavesOutBlocksThatWereMergedIntoOthers) {
  SeededRandom random(1);
  SimFileSystem files(random);
  const auto add = [&](const std::string& ulid, int begin, const std::string& parents) {
    (void)files.create_directories("/d/" + ulid);
    (void)files.write_file_atomic(
        "/d/" + ulid + "/meta.json",
        R"({"version":1,"ulid":")" + ulid + R"(","minTime":)" + std::to_string(begin) +
            R"(,"maxTime":99,"compaction":{"parents":[)" + parents + "]}}");
  };
  add("C", 5, R"({"ulid":"A"},{"ulid":"B"})");
  add("A", 5, "");
  add("B", 7, "");
  add("D", 1, "");
  add("E.tmp-for-creation", 1, "");
  (void)files.create_directories("/d/chunks_head");
  EXPECT_EQ(find_tsdb_blocks(files, "/d").value(), (std::vector<std::string>{"/d/D", "/d/C"}));
  EXPECT_EQ(find_tsdb_blocks(files, "/d/A").value(), std::vector<std::string>{"/d/A"});
  EXPECT_EQ(find_tsdb_blocks(files, "/d/chunks_head").error().code(), Code::kNotFound);
}

// ---- chunks ----

model::Histogram random_histogram(SeededRandom& random) {
  model::Histogram h;
  const bool custom = random.below(3) == 0;
  h.schema = custom ? model::Histogram::kCustomBuckets : static_cast<int>(random.below(13)) - 4;
  const auto size = 1 + random.below(6);
  h.positive_spans = {{static_cast<int>(random.below(5)), static_cast<std::uint32_t>(size)}};
  for (std::uint64_t i = 0; i < size; ++i)
    h.positive_buckets.push_back(static_cast<double>(random.below(50)) / 4);
  if (custom) {
    for (int i = 0; i < 12; ++i) h.custom_values.push_back(i * 0.3);
  } else {
    h.zero_threshold = random.below(2) == 0 ? 0.001 : std::ldexp(1, -128);
    h.zero_count = static_cast<double>(random.below(9));
    h.negative_spans = {{-3, 1}, {2, 1}};
    h.negative_buckets = {1.25, 7};
  }
  h.count = h.zero_count;
  for (const auto* side : {&h.positive_buckets, &h.negative_buckets})
    for (const double one : *side) h.count += one;
  h.sum = random.below(4) == 0 ? std::numeric_limits<double>::infinity() : -1.5e9 / 7;
  return h;
}

TEST(HistogramChunk, ComesBackAsItWas) {
  SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    const bool gauge = random.below(2) == 0;
    auto histogram = random_histogram(random);
    histogram.counter_reset = gauge ? model::CounterReset::kGauge : model::CounterReset::kReset;
    HistogramChunkWriter writer;
    std::vector<model::Sample> want;
    model::Timestamp t = kBegin;
    while (writer.fits(histogram)) {
      writer.append(t, histogram);
      want.push_back({t, 0, std::make_shared<const model::Histogram>(histogram)});
      t += 1 + static_cast<model::Timestamp>(random.below(100'000));
      const auto grow = static_cast<double>(random.below(40)) / 8 - (gauge ? 1 : 0);
      auto& bucket = histogram.positive_buckets[random.below(histogram.positive_buckets.size())];
      if (bucket + grow >= 0) {
        bucket += grow;
        histogram.count += grow;
      }
      if (!gauge) histogram.counter_reset = model::CounterReset::kNotReset;
    }
    EXPECT_EQ(want.size(), HistogramChunkWriter::kSamplesPerChunk);
    EXPECT_EQ(writer.max_time(), want.back().t);
    std::vector<model::Sample> got;
    auto done = read_chunk(3, writer.take(), got);
    ASSERT_TRUE(done.has_value()) << done.error().message();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].t, want[i].t);
      EXPECT_EQ(*got[i].histogram, *want[i].histogram) << i;
    }
  }
}

TEST(HistogramChunk, BeginsAnewWhereReadersCouldNotTellAReset) {
  SeededRandom random(3);
  auto histogram = random_histogram(random);
  histogram.counter_reset = model::CounterReset::kUnknown;
  HistogramChunkWriter writer;
  writer.append(1, histogram);
  EXPECT_TRUE(writer.fits(histogram));
  auto less = histogram;
  less.positive_buckets[0] -= 1;
  EXPECT_FALSE(writer.fits(less));
  auto other = histogram;
  other.schema = 1;
  EXPECT_FALSE(writer.fits(other));
  auto gauge = histogram;
  gauge.counter_reset = model::CounterReset::kGauge;
  EXPECT_FALSE(writer.fits(gauge));
}

TEST(Varbit, EveryWidthComesBack) {
  std::vector<std::int64_t> values{0,
                                   1,
                                   -1,
                                   4,
                                   5,
                                   -3,
                                   -4,
                                   32,
                                   33,
                                   -31,
                                   256,
                                   257,
                                   2048,
                                   2049,
                                   131072,
                                   131073,
                                   1 << 24,
                                   (1 << 24) + 1,
                                   std::int64_t{1} << 55,
                                   (std::int64_t{1} << 55) + 1,
                                   std::numeric_limits<std::int64_t>::max(),
                                   std::numeric_limits<std::int64_t>::min()};
  BitWriter out(0);
  for (const auto value : values) {
    out.signed_varbit(value);
    out.varbit(static_cast<std::uint64_t>(value));
  }
  BitReader in(out.bytes());
  for (const auto value : values) {
    EXPECT_EQ(in.signed_varbit(), value);
    EXPECT_EQ(in.varbit(), static_cast<std::uint64_t>(value));
  }
  EXPECT_TRUE(in.ok());
  (void)in.bits(9);
  EXPECT_FALSE(in.ok());
}

// ---- OpenMetrics, and the importer ----

class Import : public ::testing::Test {
 protected:
  ImportTarget target() {
    return {[this](std::span<const metrics::Column> columns) -> Result<void> {
              if (writes_left_ == 0) return Error(Code::kExhausted, "no space left on the disk");
              --writes_left_;
              for (const auto& column : columns) {
                for (std::size_t i = 0; i < column.times.size(); ++i)
                  got_[column.labels->text()][column.times[i]] = column.values[i];
                samples_ += column.times.size();
              }
              return {};
            },
            [this](const std::string& metric, const metrics::Metadata& one) {
              metadata_[metric] = one;
            }};
  }
  Result<ImportReport> bring(const std::string& path, std::size_t batch = 100) {
    ImportSettings settings;
    settings.batch_samples = batch;
    settings.record = "/record";
    auto importer = Importer::open(files_, target(), settings);
    EXPECT_TRUE(importer.has_value());
    HF_TRY(importer->import(path));
    return importer->report();
  }
  SeededRandom random_{1};
  SimFileSystem files_{random_};
  std::map<std::string, std::map<model::Timestamp, double>> got_;
  std::map<std::string, metrics::Metadata> metadata_;
  std::size_t writes_left_ = 1'000'000;
  std::uint64_t samples_ = 0;
};

TEST_F(Import, ReadsOpenMetricsTextWithItsMetadata) {
  ASSERT_TRUE(
      files_
          .write_file_atomic("/text",
                             "# HELP a_total What it is.\n# TYPE a_total counter\n"
                             "a_total{x=\"1\"} 5 1700000000.25\na_total{x=\"1\"} 4 1700000000\n"
                             "b NaN 1700000000\n# EOF\n")
          .has_value());
  const auto report = bring("/text");
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->samples, 3u);
  EXPECT_EQ(got_["a_total{x=\"1\"}"],
            (std::map<model::Timestamp, double>{{kBegin, 4}, {kBegin + 250, 5}}));
  EXPECT_TRUE(std::isnan(got_["b"][kBegin]));
  EXPECT_EQ(metadata_["a_total"].type, "counter");
  EXPECT_EQ(metadata_["a_total"].help, "What it is.");
}

TEST_F(Import, BadTextNamesFileOffsetAndLine) {
  struct Case {
    const char* text;
    const char* want;
  };
  for (const auto& [text, want] : {
           Case{"a 1 5\nb 2\n# EOF\n", "/text: offset 6: line 2: a sample without a time"},
           Case{"a 1 5\nb{ 2 5\n# EOF\n", "/text: offset 6: line 2: "},
           Case{"a 1 5\n", "/text: offset 6: the text ends without \"# EOF\""},
           Case{"", "/text: offset 0: the text ends without"},
       }) {
    ASSERT_TRUE(files_.write_file_atomic("/text", text).has_value());
    const auto report = bring("/text");
    ASSERT_FALSE(report.has_value()) << text;
    EXPECT_NE(report.error().message().find(want), std::string::npos) << report.error().message();
  }
}

TEST_F(Import, GoesOnWhereItWasCutOff) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "m{i=\"" + std::to_string(i % 7) + "\"} " + std::to_string(i) + " " +
            std::to_string(1'700'000'000 + i) + "\n";
  ASSERT_TRUE(files_.write_file_atomic("/text", text + "# EOF\n").has_value());
  writes_left_ = 4;
  ASSERT_FALSE(bring("/text").has_value());
  EXPECT_EQ(samples_, 400u);
  writes_left_ = 1000;
  auto report = bring("/text");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->skipped, 400u);
  EXPECT_EQ(samples_, 1000u);  // none twice
  report = bring("/text");
  EXPECT_EQ(report->samples, 0u);
  EXPECT_EQ(samples_, 1000u);
  // Another file of that name is not taken for it.
  ASSERT_TRUE(files_.write_file_atomic("/text", "m{i=\"0\"} 1 1\n# EOF\n").has_value());
  EXPECT_EQ(bring("/text")->samples, 1u);
}

TEST_F(Import, ALineOfTheRecordThatWasTornIsNone) {
  ASSERT_TRUE(files_.write_file_atomic("/r", "one\ntwo\nthr").has_value());
  auto record = ImportRecord::open(files_, "/r");
  ASSERT_TRUE(record.has_value());
  EXPECT_TRUE(record->has("two"));
  EXPECT_FALSE(record->has("thr"));
  ASSERT_TRUE(record->add("three").has_value());
  EXPECT_EQ(files_.read_file("/r").value(), "one\ntwo\nthree\n");
}

TEST(ImportMessage, BringsFloatsAndHistogramsOfOneSeriesTogether) {
  SeededRandom random(5);
  const auto histogram = std::make_shared<const model::Histogram>(random_histogram(random));
  metrics::Column column;
  column.labels =
      std::make_shared<const model::Labels>(model::Labels{{"__name__", "m"}, {"a", "b"}});
  column.times = {1000, 2000, 3000};
  column.values = {1.5, 0, model::stale_marker()};
  column.histograms = {nullptr, histogram, nullptr};
  const auto packed = write_import_message(std::span(&column, 1));
  const auto got = read_import_message(packed, 1 << 20);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  ASSERT_EQ(got->columns.size(), 1u);
  const auto& back = got->columns[0];
  EXPECT_EQ(back.labels->text(), "m{a=\"b\"}");
  EXPECT_EQ(back.times, column.times);
  EXPECT_EQ(back.values[0], 1.5);
  EXPECT_TRUE(model::is_stale(back.values[2]));
  ASSERT_TRUE(back.histograms[1]);
  EXPECT_EQ(*back.histograms[1], *histogram);
  EXPECT_EQ(read_import_message("hello", 1 << 20).error().code(), Code::kInvalid);
  EXPECT_FALSE(read_import_message(packed, 10).has_value());
}

}  // namespace
}  // namespace holdfast::collect
