// net/codec.h: content codings, gzip and zstd; inside the room only.
//
// Limits      Decoding stops at size_max (kTooLarge), so a small bomb cannot fill memory; zstd windows
//             above 8 MiB are refused (RFC 9659).
// Errors      Damaged or cut-off input is kInvalid, a coding we do not know kUnsupported.
// Threads     One Compressor per thread at a time; CompressorPool from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::net {

enum class Coding { kIdentity, kGzip, kZstd };

std::string_view coding_name(Coding coding);
// The best we have that Accept-Encoding allows; zstd before gzip at equal weight.
Coding choose_coding(std::string_view accept_encoding);
// Whether bytes of this type usually shrink; images, archives and fonts do not.
bool is_compressible(std::string_view content_type);
// Undoes a Content-Encoding of gzip, x-gzip or zstd; "" and "identity" give the body back.
Result<std::string> decode_body(std::string_view coding, std::string body, std::size_t size_max);

// Keeps its working memory (a quarter to one megabyte) between bodies.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  std::string compress(Coding coding, std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class CompressorPool {
 public:
  std::string compress(Coding coding, std::string_view body);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Compressor>> idle_ HF_GUARDED_BY(mutex_);
};

}  // namespace holdfast::net
