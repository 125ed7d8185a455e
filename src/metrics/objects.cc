// What the engine does with a bucket: opens it, tells it of merges and drops, asks it before it answers.
#include "metrics/engine.h"

namespace holdfast::metrics {

Result<void> Engine::open_bucket() {
  if (options_.objects == nullptr) return {};
  Bucket::Options bucket;
  bucket.folder = options_.directory + "/objects";
  bucket.prefix = options_.objects_prefix;
  bucket.local_retention =
      options_.local_retention > 0s ? options_.local_retention : options_.retention;
  bucket.local_bytes_max = options_.retention_bytes;
  bucket.cache_bytes = options_.objects_cache_bytes;
  bucket_ = std::make_unique<Bucket>(env_, *blocks_, *options_.objects, compact_mutex_, bucket);
  return bucket_->open().context("object storage");
}

Result<void> Engine::bucket_known(Timestamp from) const {
  return bucket_ ? bucket_->known(from) : Result<void>();
}

Result<void> Engine::note_merge(const std::vector<BlockPtr>& sources, const std::string& merged) {
  return bucket_ ? bucket_->note_merge(sources, merged) : Result<void>();
}

Result<void> Engine::upload() {
  if (!bucket_) return Error(Code::kUnsupported, "no object storage is configured");
  HF_TRY(flush());
  return bucket_->upload_all(stop_.get_token()).context("upload metrics");
}

}  // namespace holdfast::metrics
