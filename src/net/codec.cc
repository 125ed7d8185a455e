#include "net/codec.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/text.h"

namespace holdfast::net {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: a 32 KiB window, gzip framing
// Fast levels: on log and metric text they reach most of the ratio at ten times the speed of level 6.
constexpr int kGzipLevel = 1;
constexpr int kZstdLevel = 1;
constexpr int kZstdWindowLogMax = 23;  // 8 MiB

Error too_large(std::size_t size_max) {
  return {Code::kTooLarge, "body over " + std::to_string(size_max) + " bytes when decoded"};
}

// Grows `out` for the next piece, never past size_max + 1: the one byte over tells that it is too large.
bool grow(std::string& out, std::size_t used, std::size_t size_max) {
  if (used > size_max) return false;
  const auto want = std::max<std::size_t>(used * 2, 16 * 1024);
  out.resize(std::min(want, size_max + 1));
  return true;
}

Result<std::string> gunzip(std::string_view body, std::size_t size_max) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return internal("inflateInit2 failed");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  std::string out;
  std::size_t used = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  while (true) {
    if (used == out.size() && !grow(out, used, size_max)) return too_large(size_max);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int state = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (used > size_max) return too_large(size_max);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      // RFC 1952 allows several members one after another.
      if (inflateReset(&stream) != Z_OK) return internal("inflateReset failed");
      continue;
    }
    if (state != Z_OK && state != Z_BUF_ERROR) return invalid("body is not valid gzip");
    if (stream.avail_in == 0 && stream.avail_out > 0) return invalid("gzip body is cut off");
  }
  out.resize(used);
  return out;
}

Result<std::string> unzstd(std::string_view body, std::size_t size_max) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  std::string out;
  std::size_t used = 0;
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::size_t left = 1;  // 0 when a frame has ended
  while (in.pos < in.size || left != 0) {
    if (used == out.size() && !grow(out, used, size_max)) return too_large(size_max);
    ZSTD_outBuffer piece{out.data() + used, out.size() - used, 0};
    left = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(left)) return invalid("body is not valid zstd: " + std::string(ZSTD_getErrorName(left)));
    used += piece.pos;
    if (used > size_max) return too_large(size_max);
    if (in.pos == in.size && left != 0 && piece.pos < piece.size) {
      return invalid("zstd body is cut off");
    }
  }
  out.resize(used);
  return out;
}

}  // namespace

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::kGzip: return "gzip";
    case Coding::kZstd: return "zstd";
    case Coding::kIdentity: break;
  }
  return "identity";
}

Coding choose_coding(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return Coding::kIdentity;
  double gzip = -1, zstd = -1, any = -1;
  for (const auto part : split(accept_encoding, ',')) {
    const auto fields = split(part, ';');
    const auto name = trim(fields.front());
    double weight = 1;
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const auto parameter = trim(fields[i]);
      if (parameter.starts_with("q=")) weight = parse_double(parameter.substr(2)).value_or(0);
    }
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) gzip = weight;
    if (equals_ignoring_case(name, "zstd")) zstd = weight;
    if (name == "*") any = weight;
  }
  if (gzip < 0) gzip = any;
  if (zstd < 0) zstd = any;
  if (zstd > 0 && zstd >= gzip) return Coding::kZstd;
  return gzip > 0 ? Coding::kGzip : Coding::kIdentity;
}

bool is_compressible(std::string_view content_type) {
  const auto type = lower(trim(split(content_type, ';').front()));
  if (type.starts_with("image/")) return type == "image/svg+xml";
  if (type.starts_with("audio/") || type.starts_with("video/") || type.starts_with("font/")) return false;
  return type.find("zip") == std::string::npos && type.find("zstd") == std::string::npos &&
         type.find("compressed") == std::string::npos;
}

Result<std::string> decode_body(std::string_view coding, std::string body, std::size_t size_max) {
  coding = trim(coding);
  if (coding.empty() || equals_ignoring_case(coding, "identity")) return body;
  if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
    return gunzip(body, size_max);
  }
  if (equals_ignoring_case(coding, "zstd")) return unzstd(body, size_max);
  return Error(Code::kUnsupported, "Content-Encoding '" + printable(coding) +
                                       "' is not known; allowed are gzip, zstd, identity");
}

struct Compressor::State {
  z_stream gzip{};
  bool gzip_ready = false;
  ZSTD_CCtx* zstd = nullptr;
};

Compressor::Compressor() : state_(std::make_unique<State>()) {}

Compressor::~Compressor() {
  if (state_->gzip_ready) deflateEnd(&state_->gzip);
  ZSTD_freeCCtx(state_->zstd);
}

std::string Compressor::compress(Coding coding, std::string_view body) {
  std::string out;
  if (coding == Coding::kZstd) {
    if (!state_->zstd) state_->zstd = ZSTD_createCCtx();
    out.resize(ZSTD_compressBound(body.size()));
    const auto size = ZSTD_compressCCtx(state_->zstd, out.data(), out.size(), body.data(), body.size(),
                                        kZstdLevel);
    HF_CHECK(!ZSTD_isError(size), "zstd failed although the output had room");
    out.resize(size);
    return out;
  }
  auto& stream = state_->gzip;
  if (!state_->gzip_ready) {
    const int made = deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
    HF_CHECK(made == Z_OK, "deflateInit2 failed");
    state_->gzip_ready = true;
  } else {
    deflateReset(&stream);
  }
  out.resize(deflateBound(&stream, body.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int ended = deflate(&stream, Z_FINISH);
  HF_CHECK(ended == Z_STREAM_END, "deflate failed although the output had room");
  out.resize(out.size() - stream.avail_out);
  return out;
}

std::string CompressorPool::compress(Coding coding, std::string_view body) {
  std::unique_ptr<Compressor> compressor;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      compressor = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!compressor) compressor = std::make_unique<Compressor>();
  auto out = compressor->compress(coding, body);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(compressor));
  return out;
}

}  // namespace holdfast::net
