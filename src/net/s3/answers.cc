#include "net/s3/answers.h"

#include <charconv>
#include <pugixml.hpp>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::net {
namespace {

std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
  for (const pugi::xml_node& node : parent.children()) {
    if (local_name(node) == name) return node;
  }
  return {};
}

std::string text_of(const pugi::xml_node& parent, std::string_view name) {
  return child(parent, name).text().get();
}

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(
      xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata_single));
}

Error strange(std::string_view wanted, std::string_view xml) {
  return unavailable("the answer is no " + std::string(wanted) + ": " + printable(xml));
}

}  // namespace

Result<S3Listing> parse_listing(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return strange("list of objects", xml);
  const pugi::xml_node root = child(document, "ListBucketResult");
  if (!root) return strange("list of objects", xml);
  const bool encoded = text_of(root, "EncodingType") == "url";
  S3Listing listing;
  for (const pugi::xml_node& node : root.children()) {
    if (local_name(node) != "Contents") continue;
    ObjectInfo object;
    object.key = text_of(node, "Key");
    if (encoded) object.key = HF_TRY(percent_decode(object.key, true));
    const auto size = parse_int(text_of(node, "Size"));
    if (object.key.empty() || !size || *size < 0) return strange("list of objects", xml);
    object.size = static_cast<std::uint64_t>(*size);
    listing.objects.push_back(std::move(object));
  }
  if (text_of(root, "IsTruncated") == "true") {
    listing.next = text_of(root, "NextContinuationToken");
    // Going on without it would read the first page for ever, or take a part for the whole.
    if (listing.next.empty()) return strange("list of objects that says how it goes on", xml);
  }
  return listing;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return strange("started upload", xml);
  std::string id = text_of(child(document, "InitiateMultipartUploadResult"), "UploadId");
  if (id.empty()) return strange("started upload", xml);
  return id;
}

std::string completion_xml(const std::vector<std::string>& etags) {
  std::string out = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    out += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>";
    for (const char c : etags[i]) {
      if (c == '&' || c == '<' || c == '>')
        continue;  // no ETag has them; none may break the document
      out += c;
    }
    out += "</ETag></Part>";
  }
  return out + "</CompleteMultipartUpload>";
}

S3Failure parse_failure(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return {};
  const pugi::xml_node root = child(document, "Error");
  return {text_of(root, "Code"), text_of(root, "Message")};
}

}  // namespace holdfast::net
