#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast {

std::uint64_t Random::below(std::uint64_t bound) {
  HF_CHECK(bound > 0, "below(0) has no answer");
  // The lowest values would come up once too often; they are drawn again.
  const std::uint64_t reject_under = (0 - bound) % bound;
  for (;;) {
    const auto drawn = next();
    if (drawn >= reject_under) return drawn % bound;
  }
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::string Random::hex(std::size_t size) {
  ByteWriter bytes;
  while (bytes.str().size() < size) bytes.u64(next());
  return to_hex(std::string_view(bytes.str()).substr(0, size));
}

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  ssize_t count = 0;
  do {
    count = ::getrandom(&value, sizeof value, 0);
  } while (count < 0 && errno == EINTR);
  HF_CHECK(count == sizeof value, "the kernel gives no random bytes");
  return value;
}

// Seeded by splitmix64, which never yields the all-zero state that xoshiro cannot leave.
// Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018.
SeededRandom::SeededRandom(std::uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9E3779B97F4A7C15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::next() {
  const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return out;
}

//   | 48 bits of milliseconds: 10 digits | 80 random bits: 16 digits |   base 32 of Crockford
std::string make_ulid(WallTime at, Random& random) {
  constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto put = [&](std::string& out, std::uint64_t value, int digits) {
    for (int shift = 5 * (digits - 1); shift >= 0; shift -= 5)
      out += kDigits[(value >> shift) & 31];
  };
  std::string out;
  put(out, static_cast<std::uint64_t>(to_ms(at)) & 0xFFFFFFFFFFFF, 10);
  put(out, random.next(), 8);
  put(out, random.next(), 8);
  return out;
}

}  // namespace holdfast
