// net/s3/signature.h: AWS Signature Version 4 of one request.
//
// Purpose     The value of Authorization, from what goes over the wire. The body enters by its hash alone.
// Errors      None: any request can be signed.
// Threads     Pure.
// Source      "Signature Version 4 signing process" in the AWS reference; the tests hold its published
//             examples.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http.h"

namespace holdfast::net {

struct SignInput {
  std::string method;
  std::string path;  // percent-encoded as sent, without the query
  Params query;      // decoded
  Headers headers;   // all are signed: Host, x-amz-date and x-amz-content-sha256 among them
  std::string payload_sha256;  // hex
};

struct SignKey {
  std::string access_key;
  std::string secret_key;
  std::string region;
  std::string service = "s3";
};

// As "20130524T000000Z".
std::string amz_date(WallTime at);
// RFC 3986 as S3 wants it: all but unreserved characters encoded, '/' kept in a path.
std::string encode_key_path(std::string_view key);
// The query as it is signed and sent: sorted, encoded, every name with '='.
std::string canonical_query(const Params& query);
// `date` is amz_date() of the request's x-amz-date.
std::string sign_v4(const SignInput& in, const SignKey& key, std::string_view date);

}  // namespace holdfast::net
