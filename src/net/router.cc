#include <algorithm>

#include "base/text.h"
#include "net/http.h"
#include "net/path.h"

namespace holdfast::net {
namespace {

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool is_rest(std::string_view segment) { return is_parameter(segment) && segment.ends_with("...}"); }

bool takes_everything(const Router::Route& route) {
  return route.segments.size() == 1 && is_rest(route.segments[0]);
}

// One digit a segment: compared as text, the more specific pattern comes first.
std::string rank(const Router::Route& route) {
  std::string rank;
  for (const auto& segment : route.segments) {
    rank += is_rest(segment) ? '2' : is_parameter(segment) ? '1' : '0';
  }
  return rank;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  for (const auto part : split(path.substr(1), '/')) segments.emplace_back(part);
  return segments;
}

bool matches(const Router::Route& route, const std::vector<std::string>& segments) {
  for (std::size_t i = 0; i < route.segments.size(); ++i) {
    const auto& want = route.segments[i];
    if (is_rest(want)) return true;
    if (i >= segments.size()) return false;
    if (is_parameter(want) ? segments[i].empty() : want != segments[i]) return false;
  }
  return route.segments.size() == segments.size();
}

void fill_params(const Router::Route& route, const std::vector<std::string>& segments,
                 std::map<std::string, std::string>& params) {
  for (std::size_t i = 0; i < route.segments.size(); ++i) {
    const std::string_view want = route.segments[i];
    if (is_rest(want)) {
      std::string rest;
      for (std::size_t k = i; k < segments.size(); ++k) {
        if (k > i) rest += '/';
        rest += segments[k];
      }
      params[std::string(want.substr(1, want.size() - 5))] = std::move(rest);
      return;
    }
    if (is_parameter(want)) params[std::string(want.substr(1, want.size() - 2))] = segments[i];
  }
}

bool serves(const Router::Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

void note_allowed(const Router::Route& route, std::vector<std::string>& allowed) {
  const auto add = [&](const std::string& method) {
    if (std::find(allowed.begin(), allowed.end(), method) == allowed.end()) {
      allowed.push_back(method);
    }
  };
  add(route.method);
  if (route.method == "GET") add("HEAD");
}

}  // namespace

void Router::add(std::string method, std::string pattern, RequestHandler handler,
                 RouteOptions options) {
  HF_CHECK(pattern.starts_with('/'), "a route's pattern begins with '/': " + pattern);
  Route route{std::move(method), std::move(pattern), {}, std::move(handler), options};
  route.segments = split_path(route.pattern);
  const bool literal = std::none_of(route.segments.begin(), route.segments.end(), is_parameter);
  const auto index = routes_.size();
  if (literal) {
    literal_[route.pattern].push_back(index);
    routes_.push_back(std::move(route));
    return;
  }
  const auto key = rank(route);
  routes_.push_back(std::move(route));
  const auto place = std::find_if(patterns_.begin(), patterns_.end(),
                                  [&](std::size_t other) { return rank(routes_[other]) > key; });
  patterns_.insert(place, index);
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& route : routes_) out.emplace_back(route.method, route.pattern);
  return out;
}

const Router::Route* Router::match(Request& request, Response& refusal) const {
  std::vector<std::string> allowed;
  const Route* fallback = nullptr;  // a GET route that may serve HEAD
  const auto consider = [&](const Route& route) -> const Route* {
    if (route.method == request.method) return &route;
    if (serves(route, request.method) && !fallback) fallback = &route;
    // "/{path...}" answers whatever nobody else does; that it does so by GET makes no path known.
    if (!takes_everything(route)) note_allowed(route, allowed);
    return nullptr;
  };
  if (const auto found = literal_.find(request.path); found != literal_.end()) {
    for (const auto index : found->second) {
      if (const auto* route = consider(routes_[index])) return route;
    }
    if (fallback) return fallback;
  }
  std::vector<std::string> segments;
  if (!patterns_.empty()) {
    // With escapes in it the path is split before decoding: an encoded slash separates nothing.
    const std::string_view raw = std::string_view(request.target).substr(0, request.target.find('?'));
    if (raw.find('%') != std::string_view::npos) {
      auto decoded = path_segments(raw);
      if (decoded) segments = std::move(*decoded);
    } else {
      segments = split_path(request.path);
    }
  }
  const Route* found = nullptr;
  for (const auto index : patterns_) {
    if (!matches(routes_[index], segments)) continue;
    found = consider(routes_[index]);
    if (!found) found = fallback;
    if (found) break;
  }
  if (found) {
    fill_params(*found, segments, request.path_params);
    return found;
  }
  if (!allowed.empty()) {
    refusal = Response::text(405, request.method + " is not served at " + request.path + "\n");
    refusal.headers.set("Allow", join(allowed, ", "));
  } else {
    refusal = Response::text(404, "nothing is served at " + printable(request.path, 200) + "\n");
  }
  return nullptr;
}

}  // namespace holdfast::net
