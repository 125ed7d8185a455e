#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int http;
};

constexpr CodeRow kCodes[] = {
    {Code::kInvalid, "invalid", 400},         {Code::kNotFound, "not_found", 404},
    {Code::kExists, "exists", 409},           {Code::kUnauthorized, "unauthorized", 401},
    {Code::kForbidden, "forbidden", 403},     {Code::kConflict, "conflict", 409},
    {Code::kOutOfRange, "out_of_range", 400}, {Code::kTooLarge, "too_large", 413},
    {Code::kExhausted, "exhausted", 429},     {Code::kUnavailable, "unavailable", 503},
    {Code::kTimeout, "timeout", 504},         {Code::kCanceled, "canceled", 499},
    {Code::kDataLoss, "data_loss", 500},      {Code::kUnsupported, "unsupported", 501},
    {Code::kInternal, "internal", 500},
};

const CodeRow& row(Code code) {
  for (const auto& row : kCodes) {
    if (row.code == code) return row;
  }
  return kCodes[std::size(kCodes) - 1];
}

}  // namespace

std::string_view code_name(Code code) { return row(code).name; }
int http_status(Code code) { return row(code).http; }

Error errno_error(int number, std::string_view what) {
  Code code = Code::kUnavailable;
  switch (number) {
    case ENOENT: code = Code::kNotFound; break;
    case EEXIST: code = Code::kExists; break;
    case EACCES:
    case EPERM: code = Code::kForbidden; break;
    case ENOSPC:
    case EDQUOT: code = Code::kExhausted; break;
    case ETIMEDOUT: code = Code::kTimeout; break;
    case ECANCELED: code = Code::kCanceled; break;
    case EINVAL:
    case ENAMETOOLONG: code = Code::kInvalid; break;
    default: break;
  }
  return {code, std::string(what) + ": " + std::strerror(number)};
}

}  // namespace holdfast
