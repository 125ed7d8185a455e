// app/access/secret.h: passwords and tokens: how they are made, kept and compared.
//
// Purpose     A password is kept as scrypt$N$r$p$salt$hash (hex), a token as its SHA-256: it has 256 bits of chance, so nothing is
//             gained by a slow hash, and a lookup by hash tells nobody anything by its time.
// Cost        One scrypt of N=32768, r=8, p=1 takes 32 MiB and some 80 ms: verify on Lane::kPool, behind a rate limit.
// Errors      kInvalid names what a new password lacks. A stored hash that cannot be read fits no password.
// Threads     Pure but for the Random handed in.
// Source      RFC 7914 (scrypt); NIST SP 800-63B section 5.1.1 (length over composition).
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace holdfast::app {

inline constexpr std::size_t kPasswordSizeMin = 10;  // characters
inline constexpr std::size_t kPasswordSizeMax = 256; // bytes

// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b);

Result<void> check_password(std::string_view password, std::string_view user);
Result<std::string> hash_password(std::string_view password, Random& random);
bool password_matches(std::string_view password, std::string_view stored);
// Takes as long as password_matches() and never holds: for users that do not exist, so that time does not tell them apart.
void waste_password_time(std::string_view password);

inline constexpr std::string_view kTokenPrefix = "hf_";
std::string make_token(Random& random);  // hf_ and 64 hex digits

// base64 of URLs, without padding (RFC 4648, section 5).
std::string base64url_encode(std::string_view bytes);
Result<std::string> base64url_decode(std::string_view text);
std::string sha256_raw(std::string_view bytes);

}  // namespace holdfast::app
