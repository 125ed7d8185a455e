#include "app/access/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <vector>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::uint64_t kCost = 32768;  // N
constexpr std::uint64_t kBlock = 8;     // r
constexpr std::uint64_t kParallel = 1;  // p
constexpr std::size_t kHashSize = 32;
constexpr std::size_t kSaltSize = 16;
// A hash of another Holdfast may cost more than ours; not without bound.
constexpr std::uint64_t kMemoryMax = 512ULL << 20;

Result<std::string> scrypt(std::string_view password, std::string_view salt, std::uint64_t cost,
                           std::uint64_t block, std::uint64_t parallel) {
  std::string out(kHashSize, '\0');
  const auto* salt_bytes = reinterpret_cast<const unsigned char*>(salt.data());
  if (EVP_PBE_scrypt(password.data(), password.size(), salt_bytes, salt.size(), cost, block,
                     parallel, kMemoryMax, reinterpret_cast<unsigned char*>(out.data()),
                     out.size()) != 1)
    return internal("scrypt refused its parameters");
  return out;
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<void> check_password(std::string_view password, std::string_view user) {
  if (characters(password) < kPasswordSizeMin)
    return invalid("a password has at least " + std::to_string(kPasswordSizeMin) + " characters");
  if (password.size() > kPasswordSizeMax)
    return invalid("a password has at most " + std::to_string(kPasswordSizeMax) + " bytes");
  if (!is_valid_utf8(password)) return invalid("the password is not UTF-8");
  if (password.find_first_not_of(password.front()) == std::string_view::npos)
    return invalid("a password of one character only is none");
  if (!user.empty() && lower(password).find(lower(user)) != std::string::npos && password.size() < user.size() + kPasswordSizeMin / 2)
    return invalid("the password is little more than the user's name");
  return {};
}

Result<std::string> hash_password(std::string_view password, Random& random) {
  const auto salt_hex = random.hex(kSaltSize);
  const auto salt = from_hex(salt_hex);
  const auto hash = HF_TRY(scrypt(password, *salt, kCost, kBlock, kParallel));
  return "scrypt$" + std::to_string(kCost) + "$" + std::to_string(kBlock) + "$" +
         std::to_string(kParallel) + "$" + salt_hex + "$" + to_hex(hash);
}

bool password_matches(std::string_view password, std::string_view stored) {
  const auto parts = split(stored, '$');
  if (parts.size() != 6 || parts[0] != "scrypt") return false;
  const auto cost = parse_int(parts[1]), block = parse_int(parts[2]), parallel = parse_int(parts[3]);
  const auto salt = from_hex(parts[4]), want = from_hex(parts[5]);
  if (!cost || !block || !parallel || *cost < 2 || *block < 1 || *parallel < 1 || *parallel > 16)
    return false;
  if (!salt || !want || password.size() > kPasswordSizeMax) return false;
  const auto hash =
      scrypt(password, *salt, static_cast<std::uint64_t>(*cost), static_cast<std::uint64_t>(*block),
             static_cast<std::uint64_t>(*parallel));
  return hash && equal_in_constant_time(*hash, *want);
}

void waste_password_time(std::string_view password) {
  (void)scrypt(password.substr(0, kPasswordSizeMax), "no user has this", kCost, kBlock, kParallel);
}

std::string make_token(Random& random) { return std::string(kTokenPrefix) + random.hex(32); }

std::string base64url_encode(std::string_view bytes) {
  auto text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

Result<std::string> base64url_decode(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return invalid("not base64url");
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  if (plain.size() % 4 == 1) return invalid("not base64url: its size");
  while (plain.size() % 4 != 0) plain += '=';
  return base64_decode(plain);
}

std::string sha256_raw(std::string_view bytes) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace holdfast::app
