// net/s3/s3_store.h: S3-compatible object storage as base::ObjectStore.
//
// Purpose     Signed requests over net::Client: GET with Range, PUT, HEAD, DELETE, ListObjectsV2, and uploads
//             in parts above part_size, so a large object needs the memory of one part.
// Checks      The hash of every body sent is signed, so the server refuses bytes that changed on the way; what
//             comes back has exactly the size asked for.
// Retries     A request that failed on the wire or with 500, 502 or 504 is sent up to kTryCountMax times at
//             once. Longer waits, and 503 (slow down), are the caller's.
// Errors      As base/objects.h says; with the server's own code and message. A bucket that does not exist is
//             kUnavailable, so that nobody takes its objects for deleted.
// Threads     From any thread; a call waits on its own thread. Destroy after the last call returned.
// Source      Amazon S3 API reference (2006-03-01); signature.h.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/env.h"
#include "base/objects.h"
#include "net/http.h"

namespace holdfast::net {

struct S3Options {
  std::string endpoint{};  // http:// or https://, host, port
  std::string bucket{};
  std::string region = "us-east-1";
  std::string access_key{};
  std::string secret_key{};
  bool virtual_host = false;  // the bucket in front of the host's name; otherwise first in the path
  TlsOptions tls{};
  Duration timeout = 30s;                    // of one request
  std::size_t part_size = 16 * 1024 * 1024;  // 5 MiB or more, as S3 wants
  std::size_t page_size = 1000;              // objects of one answer to list(); S3 gives no more
};

class S3Store final : public ObjectStore {
 public:
  static Result<std::unique_ptr<S3Store>> make(Env& env, S3Options options);
  const std::string& place() const override { return place_; }
  Result<void> put(const std::string& key, const Source& source) override;
  Result<std::string> get(const std::string& key, std::uint64_t offset, std::size_t size) override;
  Result<ObjectInfo> info(const std::string& key) override;
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override;
  Result<void> remove(const std::string& key) override;
  void stop() override { stop_.request_stop(); }

 private:
  struct Call {
    std::string method{};
    std::string key{};  // "" is the bucket
    Params query{};
    Headers headers{};
    std::string body{};
    std::size_t answer_size_max = 8 * 1024 * 1024;
  };
  S3Store(Env& env, S3Options options, Url url);
  ClientRequest sign(const Call& call) const;
  Result<ClientResponse> send_once(const Call& call);
  Result<ClientResponse> send(const Call& call);  // an answer of 2xx
  Error refusal(const Call& call, const ClientResponse& answer) const;
  Result<void> put_parts(const std::string& key, const Source& source);
  Result<std::string> put_part(const std::string& key, const std::string& upload, int number,
                               std::string bytes);

  static constexpr int kTryCountMax = 3;
  Env& env_;
  const S3Options options_;
  const std::string place_;
  std::string origin_;     // scheme://host[:port]
  std::string host_;       // as in Host
  std::string path_root_;  // "/" or "/bucket/"
  std::stop_source stop_;
  Client client_;
};

}  // namespace holdfast::net
