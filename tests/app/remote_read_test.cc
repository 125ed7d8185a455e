// Remote read: requests as Prometheus writes them, answers read back sample by sample.
#include <gtest/gtest.h>
#include <snappy.h>

#include "app/api/remote_read.h"
#include "app/api/xor_chunk.h"
#include "app/app_host.h"
#include "base/bytes.h"
#include "base/wire.h"
#include "collect/forward/remote_message.h"

namespace holdfast::app {
namespace {

using model::Timestamp;
using Samples = std::vector<std::pair<Timestamp, double>>;

std::string matcher(int type, const std::string& name, const std::string& value) {
  WireWriter out;
  out.varint(1, static_cast<std::uint64_t>(type));
  out.bytes(2, name);
  out.bytes(3, value);
  return out.take();
}
std::string request(const std::vector<std::string>& matchers, Timestamp from, Timestamp to,
                    const std::vector<int>& types) {
  WireWriter query;
  query.varint(1, static_cast<std::uint64_t>(from));
  query.varint(2, static_cast<std::uint64_t>(to));
  for (const auto& one : matchers) query.bytes(3, one);
  WireWriter out;
  out.bytes(1, query.text());
  for (const int type : types) out.varint(2, static_cast<std::uint64_t>(type));
  return out.take();
}

// Reads bits, most significant first.
class Bits {
 public:
  explicit Bits(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t take(int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const auto byte = static_cast<unsigned char>(bytes_.at(at_ / 8));
      value = value << 1 | ((byte >> (7 - at_ % 8)) & 1);
    }
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = take(8);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// The reading side, written from the format's description.
Samples read_chunk(std::string_view bytes) {
  Samples all;
  Bits bits(bytes);
  const auto count = bits.take(16);
  std::uint64_t value = 0;
  std::int64_t delta = 0;
  int leading = 0, trailing = 0;
  Timestamp t = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i == 0) {
      const auto raw = bits.varint();
      t = static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
      value = bits.take(64);
      all.emplace_back(t, std::bit_cast<double>(value));
      continue;
    }
    if (i == 1) {
      delta = static_cast<std::int64_t>(bits.varint());
    } else {
      int width = 0;
      for (const int next : {14, 17, 20, 64}) {
        if (bits.take(1) == 0) break;
        width = next;
      }
      if (width == 64) {
        delta += static_cast<std::int64_t>(bits.take(64));
      } else if (width > 0) {
        auto dod = static_cast<std::int64_t>(bits.take(width));
        if (dod > std::int64_t{1} << (width - 1)) dod -= std::int64_t{1} << width;
        delta += dod;
      }
    }
    t += delta;
    if (bits.take(1) == 1) {
      if (bits.take(1) == 1) {
        leading = static_cast<int>(bits.take(5));
        auto size = static_cast<int>(bits.take(6));
        if (size == 0) size = 64;
        trailing = 64 - leading - size;
      }
      value ^= bits.take(64 - leading - trailing) << trailing;
    }
    all.emplace_back(t, std::bit_cast<double>(value));
  }
  return all;
}

TEST(XorChunk, IsReadBackExactly) {
  SeededRandom random(5);
  for (int round = 0; round < 200; ++round) {
    XorChunk chunk;
    Samples wrote;
    Timestamp t = static_cast<Timestamp>(random.below(2'000'000'000'000)) - 1'000'000'000;
    double value = 0;
    for (int i = 0; i < 120; ++i) {
      constexpr std::uint64_t kJitters[] = {1, 3, 9000, 70'000, 600'000, 1ULL << 40};
      t += 15'000 + static_cast<Timestamp>(random.below(kJitters[random.below(6)]));
      if (random.below(3) == 0) value = std::bit_cast<double>(random.next());
      if (random.below(3) == 0) value = static_cast<double>(random.below(1000));
      chunk.append(t, value);
      wrote.emplace_back(t, value);
    }
    EXPECT_EQ(chunk.min_time(), wrote.front().first);
    EXPECT_EQ(chunk.max_time(), wrote.back().first);
    const auto got = read_chunk(chunk.take());
    ASSERT_EQ(got.size(), wrote.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].first, wrote[i].first) << round << " " << i;
      ASSERT_EQ(std::bit_cast<std::uint64_t>(got[i].second),
                std::bit_cast<std::uint64_t>(wrote[i].second));
    }
  }
}

class RemoteRead : public testing::Test {
 protected:
  RemoteRead() {
    for (int i = 0; i < 300; ++i) {
      std::vector<metrics::SampleIn> batch(2);
      batch[0].labels = &a_;
      batch[1].labels = &b_;
      for (auto& one : batch) one.sample.t = start_ + i * 1000;
      batch[0].sample.value = i;
      batch[1].sample.value = -0.5 * i;
      EXPECT_TRUE(host_.plane->store->append(batch));
    }
  }
  net::ClientResponse ask(const std::string& message) {
    return host_.ask("POST", "/api/v1/read", collect::pack_snappy(message),
                     {{"Content-Encoding", "snappy"},
                      {"Content-Type", "application/x-protobuf"},
                      {"Accept-Encoding", "identity"}});  // then the client leaves snappy alone
  }
  static std::string labels_of(WireReader& reader) {
    std::string name, value;
    WireReader label(reader.bytes());
    while (label.next()) (label.field() == 1 ? name : value) = label.bytes();
    return name + "=" + value + ";";
  }

  AppHost host_{AppHost::Access::kOpen,
                std::string(kHostConfig) + "external_labels: { cluster: north }\n"};
  const Timestamp start_ = to_ms(host_.clock.now());
  const model::Labels a_{{"__name__", "m"}, {"i", "a"}}, b_{{"__name__", "m"}, {"i", "b"}};
};

TEST_F(RemoteRead, SamplesComeWithExternalLabels) {
  const auto answer = ask(
      request({matcher(0, "__name__", "m"), matcher(0, "cluster", "north"), matcher(2, "i", "a|c")},
              start_ + 10'000, start_ + 19'000, {0}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.get("Content-Encoding"), "snappy");
  std::string plain;
  ASSERT_TRUE(snappy::Uncompress(answer.body.data(), answer.body.size(), &plain));
  WireReader response(plain);
  ASSERT_TRUE(response.next());
  WireReader result(response.bytes());
  ASSERT_TRUE(result.next());
  WireReader series(result.bytes());
  std::string labels;
  Samples samples;
  while (series.next()) {
    if (series.field() == 1) {
      labels += labels_of(series);
      continue;
    }
    WireReader sample(series.bytes());
    std::pair<Timestamp, double> one;
    while (sample.next()) {
      if (sample.field() == 1) one.second = sample.fixed_double();
      if (sample.field() == 2) one.first = sample.int64();
    }
    samples.push_back(one);
  }
  EXPECT_EQ(labels, "__name__=m;cluster=north;i=a;");
  ASSERT_EQ(samples.size(), 10u);
  EXPECT_EQ(samples.front(), std::pair(start_ + 10'000, 10.0));
  EXPECT_FALSE(result.next());
}

TEST_F(RemoteRead, ChunksComeInFramesWithTheirChecksums) {
  const auto answer = ask(request({matcher(0, "__name__", "m")}, start_, start_ + 299'000, {1, 0}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.get("Content-Type"),
            "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  std::map<std::string, Samples> got;
  std::string_view rest = answer.body;
  while (!rest.empty()) {
    std::uint64_t size = 0;
    ASSERT_TRUE(WireReader::unpack_varint(rest, size));
    ASSERT_GE(rest.size(), size + 4);
    std::uint32_t crc = 0;
    for (int i = 0; i < 4; ++i)
      crc = crc << 8 | static_cast<unsigned char>(rest[static_cast<std::size_t>(i)]);
    const auto message = rest.substr(4, size);
    EXPECT_EQ(crc, crc32c(message));
    rest.remove_prefix(4 + size);
    WireReader frame(message);
    while (frame.next()) {
      if (frame.field() != 1) continue;
      std::string labels;
      WireReader series(frame.bytes());
      while (series.next()) {
        if (series.field() == 1) labels += labels_of(series);
        if (series.field() != 2) continue;
        WireReader chunk(series.bytes());
        while (chunk.next()) {
          if (chunk.field() == 3) { EXPECT_EQ(chunk.number(), 1u); }
          if (chunk.field() != 4) continue;
          const auto samples = read_chunk(chunk.bytes());
          got[labels].insert(got[labels].end(), samples.begin(), samples.end());
        }
      }
    }
  }
  ASSERT_EQ(got.size(), 2u);
  const auto& a = got["__name__=m;cluster=north;i=a;"];
  ASSERT_EQ(a.size(), 300u);
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i], std::pair(start_ + static_cast<Timestamp>(i) * 1000, static_cast<double>(i)));
}

TEST_F(RemoteRead, WhatIsNoRequestIsRefused) {
  struct Case {
    const char* name;
    std::string body;
  };
  for (const auto& [name, body] : std::initializer_list<Case>{
           {"not snappy", "hello"},
           {"cut off", collect::pack_snappy(request({}, 0, 1, {}).substr(0, 3))},
           {"a matcher of no type",
            collect::pack_snappy(request({matcher(9, "a", "b")}, 0, 1, {}))},
           {"a bad expression", collect::pack_snappy(request({matcher(2, "a", "(")}, 0, 1, {}))},
           {"an unknown response type", collect::pack_snappy(request({}, 0, 1, {7}))}}) {
    EXPECT_EQ(host_.ask("POST", "/api/v1/read", body, {{"Content-Encoding", "snappy"}}).status, 400)
        << name;
  }
}

}  // namespace
}  // namespace holdfast::app
