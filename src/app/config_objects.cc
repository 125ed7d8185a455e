#include "app/config_objects.h"

#include "base/text.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

std::string beside(const std::string& base, const std::string& path) {
  if (path.empty() || path.front() == '/' || base.empty()) return path;
  return base + "/" + path;
}

// A key is a path; a part that is empty or points upwards is none in a folder.
bool is_prefix(std::string_view text) {
  for (const std::string_view part : split(text, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return is_valid_utf8(text);
}

void read_bucket(YamlMap& map, const std::string& base_folder, ObjectsConfig& out) {
  net::S3Options& s3 = out.s3;
  s3.endpoint = map.text("endpoint", "https://s3.amazonaws.com");
  const auto url = net::parse_url(s3.endpoint);
  if (!url || (url->scheme != "http" && url->scheme != "https") || url->target != "/" ||
      !url->userinfo.empty())
    map.report("endpoint", "'endpoint' is '" + printable(s3.endpoint) +
                               "'; allowed: http:// or https://, a host, a port");
  s3.bucket = map.text("bucket");
  if (s3.bucket.find('/') != std::string::npos)
    map.report("bucket", "'bucket' is '" + printable(s3.bucket) +
                             "'; allowed: the name of one bucket; what follows is 'prefix'");
  s3.region = map.text("region", s3.region);
  s3.access_key = map.text("access_key");
  s3.secret_key = map.text("secret_key");
  out.secret_key_file = beside(base_folder, map.text("secret_key_file"));
  if (!s3.secret_key.empty() && !out.secret_key_file.empty())
    map.report("secret_key_file", "'secret_key' and 'secret_key_file': one of them");
  if (s3.access_key.empty() != (s3.secret_key.empty() && out.secret_key_file.empty()))
    map.report("access_key", "'access_key' and 'secret_key' (or 'secret_key_file') go together");
  // Amazon wants names in front, most others paths; a dot in the bucket's name breaks its certificate.
  const bool amazon = url && url->host.ends_with(".amazonaws.com");
  const bool dotted = s3.bucket.find('.') != std::string::npos;
  s3.virtual_host =
      map.word("style", amazon && !dotted ? "virtual" : "path", {"path", "virtual"}) == "virtual";
  s3.tls.ca_file = beside(base_folder, map.text("ca_file"));
  s3.timeout = map.duration("timeout", s3.timeout, 1s, 10min);
}

}  // namespace

ObjectsConfig read_objects(const YamlContext& context, const YamlNode& node,
                           const std::string& base_folder) {
  constexpr std::int64_t kCacheMin = 1 << 20;
  constexpr std::int64_t kCacheMax = std::int64_t{1} << 50;
  ObjectsConfig out;
  YamlMap map(context, node, "objects");
  if (!map.valid()) return out;
  out.folder = beside(base_folder, map.text("folder"));
  if (out.folder.empty() && !map.has("bucket"))
    map.report("bucket", "'objects' needs 'bucket', or 'folder' for a mounted one");
  if (!out.folder.empty()) {
    for (const char* name : {"endpoint", "bucket", "region", "access_key", "secret_key",
                             "secret_key_file", "style", "ca_file", "timeout"}) {
      if (map.has(name))
        map.report(name, "'" + std::string(name) + "' has no meaning beside 'folder'");
    }
  } else {
    read_bucket(map, base_folder, out);
  }
  std::string prefix = map.text("prefix");
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty() && !is_prefix(prefix))
    map.report("prefix",
               "'prefix' is '" + printable(prefix) + "'; allowed: words with '/' between");
  if (!prefix.empty()) out.prefix = prefix + "/";
  out.local_retention = map.duration("local_retention", 0s, 3h, 100 * 365 * 24h);
  out.cache_bytes = static_cast<std::uint64_t>(
      map.integer("cache_bytes", static_cast<std::int64_t>(out.cache_bytes), kCacheMin, kCacheMax));
  map.finish();
  return out;
}

Result<std::unique_ptr<ObjectStore>> open_objects(Env& env, const ObjectsConfig& config) {
  if (!config.configured()) return std::unique_ptr<ObjectStore>();
  if (!config.folder.empty())
    return std::unique_ptr<ObjectStore>(
        std::make_unique<DirectoryObjectStore>(env.files, config.folder));
  net::S3Options s3 = config.s3;
  if (!config.secret_key_file.empty()) {
    const std::string text =
        HF_TRY(env.files.read_file(config.secret_key_file).context("storage: secret_key_file"));
    s3.secret_key = std::string(trim(text));
  }
  return std::unique_ptr<ObjectStore>(HF_TRY(net::S3Store::make(env, std::move(s3))));
}

}  // namespace holdfast::app
