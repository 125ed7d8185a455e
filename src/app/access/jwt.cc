#include "app/access/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/access/secret.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kCoordinateSize = 32;  // of P-256
// Clocks of two machines differ.
constexpr Duration kSkew = 1min;

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* p) const { Free(p); }
};
using BigNumber = std::unique_ptr<BIGNUM, Freer<BIGNUM, BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using ParamList = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX, EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BigNumber number_of(std::string_view bytes) {
  return BigNumber(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::shared_ptr<void> make_key(const char* kind, OSSL_PARAM_BLD* builder) {
  const ParamList params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) <= 0)
    return nullptr;
  return {key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
}

std::shared_ptr<void> rsa_key(const json& jwk) {
  const auto n = base64url_decode(text_of(jwk, "n"));
  const auto e = base64url_decode(text_of(jwk, "e"));
  if (!n || !e || n->empty() || e->empty() || n->size() > 2048 || e->size() > 8) return nullptr;
  const auto modulus = number_of(*n), exponent = number_of(*e);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || !modulus || !exponent || BN_num_bits(modulus.get()) < kRsaBitsMin ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return make_key("RSA", builder.get());
}

std::shared_ptr<void> ec_key(const json& jwk) {
  const auto x = base64url_decode(text_of(jwk, "x"));
  const auto y = base64url_decode(text_of(jwk, "y"));
  if (text_of(jwk, "crv") != "P-256" || !x || !y || x->size() != kCoordinateSize ||
      y->size() != kCoordinateSize)
    return nullptr;
  const std::string point = "\x04" + *x + *y;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return nullptr;
  return make_key("EC", builder.get());
}

// r and s side by side, as JWS has them, in OpenSSL's form; empty when they are none.
std::string der_signature(std::string_view raw) {
  if (raw.size() != 2 * kCoordinateSize) return {};
  EcSignature signature(ECDSA_SIG_new());
  auto r = number_of(raw.substr(0, kCoordinateSize)), s = number_of(raw.substr(kCoordinateSize));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

struct Parts {
  json header;
  json claims;
  std::string_view signed_text;
  std::string signature;
};

Result<json> decoded_object(std::string_view part, const char* what) {
  const auto text = HF_TRY(base64url_decode(part).context(what));
  auto object = json::parse(text, nullptr, false);
  if (!object.is_object()) return invalid(std::string(what) + " is no JSON object");
  return object;
}

Result<Parts> parts_of(std::string_view token) {
  if (token.size() > kJwtSizeMax) return invalid("the token has more than 65536 bytes");
  const auto pieces = split(token, '.');
  if (pieces.size() != 3) return invalid("a token has three parts");
  Parts parts;
  parts.header = HF_TRY(decoded_object(pieces[0], "the token's header"));
  parts.claims = HF_TRY(decoded_object(pieces[1], "the token's claims"));
  parts.signature = HF_TRY(base64url_decode(pieces[2]).context("the token's signature"));
  parts.signed_text = token.substr(0, pieces[0].size() + 1 + pieces[1].size());
  return parts;
}

bool is_for(const json& claims, const std::string& audience) {
  const auto aud = claims.find("aud");
  if (aud == claims.end()) return false;
  if (aud->is_string()) return aud->get<std::string>() == audience;
  if (!aud->is_array()) return false;
  const bool named = std::any_of(aud->begin(), aud->end(), [&](const json& one) {
    return one.is_string() && one.get<std::string>() == audience;
  });
  // Of several audiences one asked for the token: it must be us.
  return named && (aud->size() == 1 || text_of(claims, "azp") == audience);
}

// Seconds since the epoch.
std::optional<double> moment(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

Error refused(std::string why) { return {Code::kForbidden, "the provider's token " + std::move(why)}; }

Result<void> check_claims(const json& claims, const IdTokenExpectation& expected) {
  if (text_of(claims, "iss") != expected.issuer)
    return refused("is of the issuer '" + printable(text_of(claims, "iss")) + "'");
  if (!is_for(claims, expected.audience)) return refused("is for another client");
  if (claims.contains("azp") && text_of(claims, "azp") != expected.audience)
    return refused("was asked for by another client");
  const double now = static_cast<double>(to_ms(expected.now)) / 1000.0;
  const double skew = to_seconds(kSkew);
  const auto expires = moment(claims, "exp");
  if (!expires) return refused("does not say when it expires");
  if (now > *expires + skew) return refused("has expired");
  if (const auto from = moment(claims, "nbf"); from && now < *from - skew)
    return refused("does not hold yet");
  const auto issued = moment(claims, "iat");
  if (!issued || now < *issued - skew) return refused("was issued in the future, or never");
  if (!equal_in_constant_time(text_of(claims, "nonce"), expected.nonce))
    return refused("answers another question (nonce)");
  if (text_of(claims, "sub").empty()) return refused("names nobody (sub)");
  return {};
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view text) {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array())
    return invalid("the key set is no object with 'keys'");
  KeySet set;
  for (const auto& jwk : document["keys"]) {
    if (!jwk.is_object() || set.keys_.size() >= kJwkCountMax) continue;
    const auto use = text_of(jwk, "use"), kind = text_of(jwk, "kty"), alg = text_of(jwk, "alg");
    if (!use.empty() && use != "sig") continue;
    Key key{text_of(jwk, "kid"), kind == "RSA" ? "RS256" : kind == "EC" ? "ES256" : "", nullptr};
    if (key.alg.empty() || (!alg.empty() && alg != key.alg)) continue;
    key.handle = kind == "RSA" ? rsa_key(jwk) : ec_key(jwk);
    if (key.handle) set.keys_.push_back(std::move(key));
  }
  return set;
}

bool KeySet::has(std::string_view kid) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const Key& key) { return kid.empty() || key.kid == kid; });
}

bool KeySet::verifies(std::string_view alg, std::string_view kid, std::string_view text,
                      std::string_view signature) const {
  const std::string in_der = alg == "ES256" ? der_signature(signature) : std::string(signature);
  if (in_der.empty()) return false;
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) {
    if (key.alg != alg || (!kid.empty() && key.kid != kid)) return false;
    const DigestContext context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                static_cast<EVP_PKEY*>(key.handle.get())) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(in_der), in_der.size(), bytes_of(text),
                            text.size()) == 1;
  });
}

Result<std::string> key_id_of(std::string_view token) {
  const auto parts = HF_TRY(parts_of(token));
  return text_of(parts.header, "kid");
}

Result<std::string> verify_id_token(std::string_view token, const KeySet& keys,
                                    const IdTokenExpectation& expected) {
  const auto parts = HF_TRY(parts_of(token));
  const auto alg = text_of(parts.header, "alg");
  if (alg != "RS256" && alg != "ES256")
    return refused("is signed by '" + printable(alg) + "'; allowed: RS256, ES256");
  if (parts.header.contains("crit")) return refused("asks for an extension that is not known here");
  if (!keys.verifies(alg, text_of(parts.header, "kid"), parts.signed_text, parts.signature))
    return refused("has a signature that does not hold");
  HF_TRY(check_claims(parts.claims, expected));
  return parts.claims.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace holdfast::app
