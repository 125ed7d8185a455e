// app/access/jwt.h: ID tokens of OpenID Connect: a signature by a known key over claims that are meant for us, now.
//
// Purpose     KeySet reads a provider's keys (JWK set); verify_id_token() checks a token against them and against what is expected,
//             and gives its claims. RS256 and ES256, nothing else: what the header asks for is never believed beyond that, and a key
//             is used for its own kind alone.
// Limits      kJwtSizeMax bytes a token, kJwkCountMax keys, RSA from 2048 bits.
// Errors      kInvalid for what is no token or no key set, kForbidden for one that does not hold, each with the reason.
// Threads     Values; pure.
// Source      RFC 7515 (JWS), 7517 (JWK), 7518 section 3, 7519; OpenID Connect Core 1.0, section 3.1.3.7.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::app {

inline constexpr std::size_t kJwtSizeMax = 64 * 1024;
inline constexpr std::size_t kJwkCountMax = 100;

class KeySet {
 public:
  // Keys of other kinds, or for encryption, are passed over.
  static Result<KeySet> parse(std::string_view text);
  std::size_t size() const { return keys_.size(); }
  bool has(std::string_view kid) const;
  // Whether a key of that id (any, without one) made the signature by that algorithm.
  bool verifies(std::string_view alg, std::string_view kid, std::string_view text,
                std::string_view signature) const;

 private:
  struct Key {
    std::string kid;
    std::string alg;               // RS256 or ES256, by its kind
    std::shared_ptr<void> handle;  // EVP_PKEY
  };
  std::vector<Key> keys_;
};

struct IdTokenExpectation {
  std::string issuer;
  std::string audience;  // our client id
  std::string nonce;
  WallTime now{};
};

// The id of the key a token names, to know whether the keys must be fetched anew; "" when it names none.
Result<std::string> key_id_of(std::string_view token);
// Its claims, as JSON text of an object.
Result<std::string> verify_id_token(std::string_view token, const KeySet& keys,
                                    const IdTokenExpectation& expected);

}  // namespace holdfast::app
