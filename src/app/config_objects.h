// app/config_objects.h: the member `storage: objects:` of holdfast.yaml: the bucket old metrics go to.
//
// Errors      What is wrong is a finding at its member. open_objects() names the file or the endpoint.
// Threads     Pure, but open_objects(), which reads secret_key_file.
// Source      docs/configuration.md, "Object storage".
#pragma once

#include <memory>
#include <string>

#include "base/env.h"
#include "base/objects.h"
#include "base/yaml.h"
#include "net/s3/s3_store.h"

namespace holdfast::app {

struct ObjectsConfig {
  std::string folder;  // a mounted one, instead of a bucket
  net::S3Options s3;
  std::string secret_key_file;
  std::string prefix;             // of keys: "" or ends in '/'
  Duration local_retention = 0s;  // 0: as long as the samples
  std::uint64_t cache_bytes = 1024 * 1024 * 1024;

  bool configured() const { return !folder.empty() || !s3.bucket.empty(); }
};
// Relative files are beside the configuration, in `base_folder`.
ObjectsConfig read_objects(const YamlContext& context, const YamlNode& node,
                           const std::string& base_folder);

// Null when nothing is configured. Asks nobody yet.
Result<std::unique_ptr<ObjectStore>> open_objects(Env& env, const ObjectsConfig& config);

}  // namespace holdfast::app
