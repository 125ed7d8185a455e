// net/s3/answers.h: the XML that object storage answers with, and the one document it is sent.
//
// Errors      What is no such document is kUnavailable: a proxy's page, a cut-off answer.
// Threads     Pure.
// Source      Amazon S3 API reference: ListObjectsV2, CreateMultipartUpload, CompleteMultipartUpload,
//             error responses. Elements are matched by local name, for servers differ in namespaces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/objects.h"

namespace holdfast::net {

struct S3Listing {
  std::vector<ObjectInfo> objects;
  std::string next;  // continuation token; empty: that was all
};
Result<S3Listing> parse_listing(std::string_view xml);

Result<std::string> parse_upload_id(std::string_view xml);
std::string completion_xml(const std::vector<std::string>& etags);  // part 1 first

// Code and Message of an error document, "" without one. A completion may carry it under status 200.
struct S3Failure {
  std::string code;
  std::string message;
};
S3Failure parse_failure(std::string_view xml);

}  // namespace holdfast::net
