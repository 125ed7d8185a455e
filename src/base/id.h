// base/id.h: ids as distinct types, so that swapping two does not compile.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace holdfast {

template <typename Tag>
struct Id {
  std::string value;

  Id() = default;
  explicit Id(std::string v) : value(std::move(v)) {}
  bool empty() const { return value.empty(); }
  auto operator<=>(const Id&) const = default;
};

}  // namespace holdfast

template <typename Tag>
struct std::hash<holdfast::Id<Tag>> {
  std::size_t operator()(const holdfast::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
