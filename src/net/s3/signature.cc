#include "net/s3/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::net {
namespace {

std::string hmac_sha256(std::string_view key, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

// Blanks at the ends go, runs of them inside become one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    if (c == ' ' && !out.empty() && out.back() == ' ') continue;
    out += c;
  }
  return out;
}

}  // namespace

std::string amz_date(WallTime at) {
  std::string out;
  const std::string text = format_time(at);  // 2026-11-21T10:22:04.123Z
  for (const char c : std::string_view(text).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out + "Z";
}

std::string encode_key_path(std::string_view key) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= key.size(); ++i) {
    if (i < key.size() && key[i] != '/') continue;
    out += percent_encode(key.substr(begin, i - begin));
    if (i < key.size()) out += '/';
    begin = i + 1;
  }
  return out;
}

std::string canonical_query(const Params& query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : query)
    pairs.emplace_back(percent_encode(name), percent_encode(value));
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += name + "=" + value;
  }
  return out;
}

std::string sign_v4(const SignInput& in, const SignKey& key, std::string_view date) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : in.headers) {
    std::string& line = headers[lower(name)];
    line += (line.empty() ? "" : ",") + canonical_value(value);
  }
  std::string request = in.method + "\n" + in.path + "\n" + canonical_query(in.query) + "\n";
  std::string names;
  for (const auto& [name, value] : headers) {
    request += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  request += "\n" + names + "\n" + in.payload_sha256;

  const std::string day(date.substr(0, 8));
  const std::string scope = day + "/" + key.region + "/" + key.service + "/aws4_request";
  const std::string text =
      "AWS4-HMAC-SHA256\n" + std::string(date) + "\n" + scope + "\n" + sha256_hex(request);
  std::string derived = hmac_sha256("AWS4" + key.secret_key, day);
  for (const std::string_view part : {std::string_view(key.region), std::string_view(key.service),
                                      std::string_view("aws4_request")})
    derived = hmac_sha256(derived, part);
  return "AWS4-HMAC-SHA256 Credential=" + key.access_key + "/" + scope +
         ", SignedHeaders=" + names + ", Signature=" + to_hex(hmac_sha256(derived, text));
}

}  // namespace holdfast::net
