#include <algorithm>

#include "base/text.h"
#include "net/http.h"

namespace holdfast::net {

void Headers::add(std::string name, std::string value) {
  if (fields_.empty()) fields_.reserve(12);  // what browsers and scrapers send: one allocation
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  erase(name);
  add(std::string(name), std::move(value));
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (field.size() == name.size() && equals_ignoring_case(field, name)) return value;
  }
  return {};
}

bool Headers::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

Params Request::form() const {
  Params all = query;
  const auto type = trim(split(headers.get("Content-Type"), ';').front());
  if (equals_ignoring_case(type, "application/x-www-form-urlencoded")) {
    auto more = parse_query(body);
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  }
  return all;
}

namespace {
Response with_type(int status, std::string body, const char* type) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", type);
  response.body = std::move(body);
  return response;
}
}  // namespace

Response Response::text(int status, std::string body) {
  return with_type(status, std::move(body), "text/plain; charset=utf-8");
}

Response Response::json(int status, std::string body) {
  return with_type(status, std::move(body), "application/json");
}

}  // namespace holdfast::net
