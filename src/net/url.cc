#include <array>
#include <charconv>

#include "base/text.h"
#include "net/http.h"
#include "net/path.h"

namespace holdfast::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Decodes what can be decoded; `broken` tells whether an escape was kept as it stood.
std::string decode(std::string_view text, bool plus_is_space, bool& broken) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) {
        broken = true;
        out += '%';
        continue;
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

// "host", "host:port", "[v6]", "[v6]:port".
Result<void> parse_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return invalid("URL: '[' without ']'");
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return invalid("URL: only a port may follow ']'");
  } else {
    const auto colon = text.find(':');
    url.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (url.host.empty()) return invalid("URL without a host");
  for (const char c : url.host) {
    if (c <= ' ' || c == '<' || c == '>' || c == '"' || c == '\\' || c == 0x7f) {
      return invalid("URL: bad character in host '" + printable(url.host) + "'");
    }
  }
  if (port.size() > 1) {
    port.remove_prefix(1);
    const auto end = port.data() + port.size();
    const auto [stop, failure] = std::from_chars(port.data(), end, url.port);
    if (failure != std::errc() || stop != end || url.port == 0) {
      return invalid("URL: bad port '" + printable(port) + "', allowed are 1 to 65535");
    }
  }
  return {};
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  bool broken = false;
  auto out = decode(text, plus_is_space, broken);
  if (broken) return invalid("broken percent escape in '" + printable(text) + "'");
  return out;
}

Params parse_query(std::string_view query) {
  Params params;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    bool broken = false;
    params.emplace_back(decode(part.substr(0, equals), true, broken), decode(value, true, broken));
  }
  return params;
}

std::string encode_query(const Params& params) {
  std::string out;
  for (const auto& [name, value] : params) {
    if (!out.empty()) out += '&';
    out += percent_encode(name);
    out += '=';
    out += percent_encode(value);
  }
  return out;
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return invalid("URL '" + printable(text) + "' has no scheme; allowed are http, https, http+unix");
  }
  url.scheme = lower(text.substr(0, scheme_end));
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "http+unix") {
    return invalid("URL scheme '" + printable(url.scheme) + "'; allowed are http, https, http+unix");
  }
  auto rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto authority_end = rest.find_first_of("/?");
  auto authority = rest.substr(0, authority_end);
  url.target = authority_end == std::string_view::npos ? "/" : std::string(rest.substr(authority_end));
  if (url.target.front() == '?') url.target.insert(0, "/");
  for (const char c : url.target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
      return invalid("URL: space or control character in '" + printable(url.target) + "'");
    }
  }
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo = HF_TRY(percent_decode(authority.substr(0, at)));
    authority = authority.substr(at + 1);
  }
  if (url.scheme == "http+unix") {
    url.host = HF_TRY(percent_decode(authority));
    if (url.host.empty() || has_control(url.host)) return invalid("URL: http+unix needs a socket's path");
    return url;
  }
  url.port = url.scheme == "https" ? 443 : 80;
  HF_TRY(parse_authority(authority, url));
  return url;
}

Result<std::vector<std::string>> path_segments(std::string_view raw) {
  std::vector<std::string> segments;
  bool folder = false;  // whether the path ends as a folder's does
  while (!raw.empty()) {
    raw.remove_prefix(1);  // the slash
    const auto end = raw.find('/');
    auto segment = HF_TRY(percent_decode(raw.substr(0, end)));
    raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end);
    if (has_control(segment)) return invalid("control character in path");
    folder = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (segments.empty()) return invalid("path climbs above the root");
      segments.pop_back();
    } else if (!folder) {
      segments.push_back(std::move(segment));
    }
  }
  if (folder) segments.emplace_back();
  return segments;
}

Result<void> set_target(Request& request) {
  std::string_view target = request.target;
  // The absolute form, which clients send to proxies, names the path behind the authority.
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos || scheme == 0) return invalid("request target is not a path");
    const auto slash = target.find_first_of("/?", scheme + 3);
    request.target = slash == std::string_view::npos ? "/" : std::string(target.substr(slash));
    if (request.target.front() == '?') request.target.insert(0, "/");
    target = request.target;
  }
  const auto question = target.find('?');
  const auto raw = target.substr(0, question);
  // Nearly every path is already what normalising would make of it.
  if (raw.find('%') == std::string_view::npos && raw.find("/.") == std::string_view::npos &&
      raw.find("//") == std::string_view::npos && !has_control(raw)) {
    request.path.assign(raw);
  } else {
    const auto segments = HF_TRY(path_segments(raw));
    request.path.clear();
    for (const auto& segment : segments) request.path.append("/").append(segment);
    if (request.path.empty()) request.path = "/";
  }
  request.query.clear();
  if (question != std::string_view::npos) {
    request.query = parse_query(target.substr(question + 1));
  }
  return {};
}

}  // namespace holdfast::net
