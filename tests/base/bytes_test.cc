#include "base/bytes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace holdfast {
namespace {

TEST(Crc32c, MatchesThePublishedVectors) {
  // RFC 3720, appendix B.4.
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  struct Case {
    std::string bytes;
    std::uint32_t want;
  };
  const Case cases[] = {
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {ascending, 0x46DD794E},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(crc32c(c.bytes), c.want);
    EXPECT_EQ(bytes_detail::crc32c_portable(c.bytes), c.want);
  }
}

TEST(Crc32c, TheInstructionAndTheTableAgreeOnEverySize) {
  SeededRandom random(1);
  std::string bytes;
  for (int size = 0; size < 300; ++size) {
    ASSERT_EQ(crc32c(bytes), bytes_detail::crc32c_portable(bytes)) << size;
    bytes += static_cast<char>(random.next());
  }
}

TEST(Bytes, HexBase64AndSha256MatchKnownValues) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x7f\xff", 3)), "007fff");
  struct Case {
    std::string_view plain, coded;
  };
  for (const auto& c : {Case{"", ""}, Case{"f", "Zg=="}, Case{"fo", "Zm8="}, Case{"foo", "Zm9v"},
                        Case{"foob", "Zm9vYg=="}, Case{"\xfb\xff", "+/8="}}) {
    EXPECT_EQ(base64_encode(c.plain), c.coded);
    EXPECT_EQ(*base64_decode(c.coded), c.plain);
  }
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Base64, RejectsEveryTextThatEncodingDoesNotYield) {
  for (const std::string_view text :
       {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zm 9", "Zm9v\n", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(ByteReader, ReadsBackWhatTheWriterWrote) {
  ByteWriter out;
  const std::uint64_t varints[] = {0, 1, 127, 128, 300, 1u << 21, ~std::uint64_t{0}};
  const std::int64_t zigzags[] = {0, -1, 1, std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::max()};
  out.u8(200);
  out.u32(0xDEADBEEF);
  out.u64(0x0123456789ABCDEF);
  out.f64(-0.1);
  for (const auto v : varints) out.varint(v);
  for (const auto v : zigzags) out.zigzag(v);
  out.text("text");
  ByteReader in(out.str());
  EXPECT_EQ(in.u8(), 200);
  EXPECT_EQ(in.u32(), 0xDEADBEEF);
  EXPECT_EQ(in.u64(), 0x0123456789ABCDEFu);
  EXPECT_EQ(in.f64(), -0.1);
  for (const auto v : varints) EXPECT_EQ(in.varint(), v);
  for (const auto v : zigzags) EXPECT_EQ(in.zigzag(), v);
  EXPECT_EQ(in.text(), "text");
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
}

TEST(ByteWriter, IsLittleEndian) {
  ByteWriter out;
  out.u32(0x04030201);
  out.varint(300);
  EXPECT_EQ(to_hex(out.str()), "01020304ac02");
}

TEST(ByteReader, GoesBadAtTheEndAndStaysBad) {
  struct Case {
    const char* name;
    std::string bytes;
    void (*read)(ByteReader&);
  };
  const Case cases[] = {
      {"u32 of three", "abc", [](ByteReader& r) { EXPECT_EQ(r.u32(), 0u); }},
      {"u8 of none", "", [](ByteReader& r) { EXPECT_EQ(r.u8(), 0); }},
      {"unfinished varint", "\x80\x80", [](ByteReader& r) { EXPECT_EQ(r.varint(), 0u); }},
      {"varint of 65 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
       [](ByteReader& r) { EXPECT_EQ(r.varint(), 0u); }},
      {"varint of eleven", std::string(11, '\x80'),
       [](ByteReader& r) { EXPECT_EQ(r.varint(), 0u); }},
      {"text longer than the rest",
       "\x05"
       "abcd",
       [](ByteReader& r) { EXPECT_EQ(r.text(), ""); }},
      {"huge text", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
       [](ByteReader& r) { EXPECT_EQ(r.text(), ""); }},
  };
  for (const auto& c : cases) {
    ByteReader reader(c.bytes);
    c.read(reader);
    EXPECT_FALSE(reader.ok()) << c.name;
    EXPECT_EQ(reader.u64(), 0u) << c.name;
    EXPECT_EQ(reader.left(), 0u) << c.name;
    EXPECT_FALSE(reader.ok()) << c.name;
  }
}

}  // namespace
}  // namespace holdfast
