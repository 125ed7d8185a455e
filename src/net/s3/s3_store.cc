#include "net/s3/s3_store.h"

#include <algorithm>
#include <future>

#include "base/bytes.h"
#include "base/text.h"
#include "net/s3/answers.h"
#include "net/s3/signature.h"

namespace holdfast::net {
namespace {

// S3's own limit; with parts of 16 MiB an object may have 160 GB.
constexpr std::uint64_t kPartCountMax = 10'000;
// The client ends a request by its own timeout; this is for an executor that stopped beneath it.
constexpr Duration kWaitMargin = 5s;

bool worth_repeating(int status) { return status == 500 || status == 502 || status == 504; }

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::make(Env& env, S3Options options) {
  const Url url = HF_TRY(parse_url(options.endpoint).context("endpoint of the object storage"));
  if (url.scheme != "http" && url.scheme != "https")
    return invalid("endpoint of the object storage: http:// or https:// is wanted");
  if (url.target != "/" || !url.userinfo.empty())
    return invalid("endpoint of the object storage: only scheme, host and port are wanted");
  if (options.bucket.empty() || options.bucket.find('/') != std::string::npos)
    return invalid("bucket: the name of one bucket is wanted");
  return std::unique_ptr<S3Store>(new S3Store(env, std::move(options), url));
}

S3Store::S3Store(Env& env, S3Options options, Url url)
    : env_(env),
      options_(std::move(options)),
      place_("bucket " + options_.bucket + " at " + options_.endpoint),
      client_(env) {
  host_ = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (options_.virtual_host) host_ = options_.bucket + "." + host_;
  if (url.port != (url.scheme == "https" ? 443 : 80)) host_ += ":" + std::to_string(url.port);
  origin_ = url.scheme + "://" + host_;
  path_root_ = options_.virtual_host ? "/" : "/" + encode_key_path(options_.bucket) + "/";
}

ClientRequest S3Store::sign(const Call& call) const {
  SignInput in;
  in.method = call.method;
  in.path = path_root_ + encode_key_path(call.key);
  in.query = call.query;
  in.headers = call.headers;
  in.payload_sha256 = sha256_hex(call.body);
  const std::string date = amz_date(env_.clock.now());
  in.headers.set("Host", host_);
  in.headers.set("x-amz-date", date);
  in.headers.set("x-amz-content-sha256", in.payload_sha256);

  ClientRequest request;
  request.method = call.method;
  request.url = origin_ + in.path;
  if (!call.query.empty()) request.url += "?" + canonical_query(call.query);
  request.headers = in.headers;
  // A bucket that is open to all, or to this machine, is asked without a name.
  if (!options_.access_key.empty()) {
    request.headers.set(
        "Authorization",
        sign_v4(in, {options_.access_key, options_.secret_key, options_.region}, date));
  }
  request.headers.set("Accept-Encoding", "identity");
  request.timeout = options_.timeout;
  request.response_size_max = call.answer_size_max;
  request.tls = options_.tls;
  return request;
}

Result<ClientResponse> S3Store::send_once(const Call& call) {
  ClientRequest request = sign(call);
  request.body = call.body;
  const auto promise = std::make_shared<std::promise<Result<ClientResponse>>>();
  auto future = promise->get_future();
  client_.send(
      std::move(request),
      [promise](Result<ClientResponse> answer) { promise->set_value(std::move(answer)); },
      stop_.get_token());
  if (future.wait_for(options_.timeout + kWaitMargin) != std::future_status::ready)
    return Error(Code::kTimeout, "no answer");
  return future.get();
}

Error S3Store::refusal(const Call& call, const ClientResponse& answer) const {
  const S3Failure failure = parse_failure(answer.body);
  Code code = Code::kUnavailable;
  if (answer.status == 404 && !call.key.empty() && failure.code != "NoSuchBucket")
    code = Code::kNotFound;
  if (answer.status == 400) code = Code::kInvalid;
  if (answer.status == 401 || answer.status == 403) code = Code::kForbidden;
  if (answer.status == 416) code = Code::kDataLoss;
  std::string text = "status " + std::to_string(answer.status);
  if (!failure.code.empty())
    text += " " + printable(failure.code) + ": " + printable(failure.message, 200);
  return {code, std::move(text)};
}

Result<ClientResponse> S3Store::send(const Call& call) {
  const std::string what = place_ + ": " + call.method + (call.key.empty() ? "" : " " + call.key);
  for (int attempt = 1;; ++attempt) {
    if (stop_.stop_requested()) return Error(Code::kCanceled, what + ": closed");
    auto answer = send_once(call);
    const bool last = attempt == kTryCountMax;
    if (!answer) {
      if (last || answer.error().code() != Code::kUnavailable)
        return std::move(answer).error().context(what);
      continue;
    }
    if (answer->status / 100 == 2) return answer;
    if (last || !worth_repeating(answer->status)) return refusal(call, *answer).context(what);
  }
}

Result<void> S3Store::put(const std::string& key, const Source& source) {
  if (source.size > options_.part_size) return put_parts(key, source);
  Call call{.method = "PUT", .key = key};
  if (source.size > 0) call.body = HF_TRY(source.read(0, static_cast<std::size_t>(source.size)));
  HF_TRY(send(call));
  return {};
}

Result<std::string> S3Store::put_part(const std::string& key, const std::string& upload, int number,
                                      std::string bytes) {
  const Call call{.method = "PUT",
                  .key = key,
                  .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}},
                  .body = std::move(bytes)};
  const ClientResponse answer = HF_TRY(send(call));
  std::string etag(answer.headers.get("ETag"));
  if (etag.empty())
    return unavailable(place_ + ": PUT " + key + ": a part was taken without an ETag");
  return etag;
}

Result<void> S3Store::put_parts(const std::string& key, const Source& source) {
  if (source.size / options_.part_size >= kPartCountMax)
    return Error(Code::kTooLarge, place_ + ": " + key + " is too large for parts of " +
                                      std::to_string(options_.part_size) + " bytes");
  const ClientResponse begun =
      HF_TRY(send({.method = "POST", .key = key, .query = {{"uploads", ""}}}));
  const std::string upload = HF_TRY(parse_upload_id(begun.body).context(place_ + ": POST " + key));
  const auto upload_all = [&]() -> Result<void> {
    std::vector<std::string> etags;
    for (std::uint64_t at = 0; at < source.size;) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(options_.part_size, source.size - at));
      etags.push_back(HF_TRY(put_part(key, upload, static_cast<int>(etags.size()) + 1,
                                      HF_TRY(source.read(at, size)))));
      at += size;
    }
    const Call finish{.method = "POST",
                      .key = key,
                      .query = {{"uploadId", upload}},
                      .body = completion_xml(etags)};
    const ClientResponse done = HF_TRY(send(finish));
    // Servers that gather the parts slowly begin their answer before they know how it ends.
    const S3Failure failure = parse_failure(done.body);
    if (failure.code.empty()) return {};
    return unavailable(place_ + ": POST " + key + ": " + printable(failure.code) + ": " +
                       printable(failure.message, 200));
  };
  auto uploaded = upload_all();
  // Parts without a completion would be kept, and paid for. Should this fail too, the bucket's rule for
  // unfinished uploads has them.
  if (!uploaded) (void)send({.method = "DELETE", .key = key, .query = {{"uploadId", upload}}});
  return uploaded;
}

Result<std::string> S3Store::get(const std::string& key, std::uint64_t offset, std::size_t size) {
  if (size == 0) return std::string();
  Call call{.method = "GET", .key = key};
  call.headers.set("Range",
                   "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1));
  call.answer_size_max = std::max<std::size_t>(size, 1 << 20);  // a refusal's text too
  ClientResponse answer = HF_TRY(send(call));
  // Without 206 the server sent the object from its beginning.
  if (answer.status != 206 && offset != 0)
    return unavailable(place_ + ": GET " + key + ": the server does not know ranges");
  if (answer.status != 206 && answer.body.size() > size) answer.body.resize(size);
  if (answer.body.size() != size)
    return Error(Code::kDataLoss, place_ + ": GET " + key + ": " + std::to_string(size) +
                                      " bytes asked for at " + std::to_string(offset) + ", " +
                                      std::to_string(answer.body.size()) + " came");
  return std::move(answer.body);
}

Result<ObjectInfo> S3Store::info(const std::string& key) {
  const ClientResponse answer = HF_TRY(send({.method = "HEAD", .key = key}));
  const auto size = parse_int(answer.headers.get("Content-Length"));
  if (!size || *size < 0) return unavailable(place_ + ": HEAD " + key + ": the answer has no size");
  return ObjectInfo{key, static_cast<std::uint64_t>(*size)};
}

Result<std::vector<ObjectInfo>> S3Store::list(const std::string& prefix) {
  std::vector<ObjectInfo> found;
  std::string next;
  do {
    Call call{.method = "GET",
              .key = "",
              .query = {{"list-type", "2"},
                        {"prefix", prefix},
                        {"encoding-type", "url"},
                        {"max-keys", std::to_string(options_.page_size)}}};
    if (!next.empty()) call.query.emplace_back("continuation-token", next);
    const ClientResponse answer = HF_TRY(send(call));
    S3Listing page = HF_TRY(parse_listing(answer.body).context(place_ + ": list " + prefix));
    found.insert(found.end(), std::make_move_iterator(page.objects.begin()),
                 std::make_move_iterator(page.objects.end()));
    if (!page.next.empty() && page.next == next)
      return unavailable(place_ + ": list " + prefix + ": the same page comes again");
    next = std::move(page.next);
  } while (!next.empty());
  std::sort(found.begin(), found.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
  return found;
}

Result<void> S3Store::remove(const std::string& key) {
  auto done = send({.method = "DELETE", .key = key});
  if (!done && done.error().code() != Code::kNotFound) return std::move(done).error();
  return {};
}

}  // namespace holdfast::net
