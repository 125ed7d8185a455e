// base/result.h: a value or an Error; how every fallible function of the house answers.
//
// Purpose     Result<T> carries the members of std::expected, so adopting that one day is a rename.
//             HF_TRY(expr) yields the value or returns the error to the caller.
// Errors      Code is one of a dozen; http_status() maps each to one HTTP status, in one table.
//             Context gathers as an error rises: "open block 01H8: read index: bad crc".
// Threads     Values; no shared state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace holdfast {

enum class Code {
  kInvalid,       // the input is wrong; the same call will never succeed
  kNotFound,      // the thing named does not exist
  kExists,        // the thing to be created is there already
  kUnauthorized,  // nobody is signed in
  kForbidden,     // this caller may not
  kConflict,      // the present state forbids it
  kOutOfRange,    // a position, time or size outside what is accepted
  kTooLarge,      // over a declared limit
  kExhausted,     // a limit on rate, memory or space is reached; later may succeed
  kUnavailable,   // a peer or a resource is away; later may succeed
  kTimeout,       // the deadline passed
  kCanceled,      // the caller asked to stop
  kDataLoss,      // the disk holds what we did not write
  kUnsupported,   // valid, known, and not provided here
  kInternal,      // our bug
};

std::string_view code_name(Code code);  // "invalid", "not_found", ...
int http_status(Code code);             // 400, 404, ...

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // Puts "what: " before the message. Add words only where you know something the caller does not.
  Error context(std::string_view what) && {
    message_.insert(0, ": ").insert(0, what);
    return std::move(*this);
  }

  bool operator==(const Error&) const = default;

 private:
  Code code_;
  std::string message_;
};

inline Error invalid(std::string message) { return {Code::kInvalid, std::move(message)}; }
inline Error not_found(std::string message) { return {Code::kNotFound, std::move(message)}; }
inline Error unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }
inline Error internal(std::string message) { return {Code::kInternal, std::move(message)}; }
// The error that errno tells, with what was attempted: ENOSPC becomes kExhausted, ENOENT kNotFound.
Error errno_error(int number, std::string_view what);

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: as std::expected
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  // By value, unlike std::expected: `for (auto& entry : *list(path))` must not outlive its Result.
  T value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  Error& error() & { return wrong(); }
  const Error& error() const& { return const_cast<Result*>(this)->wrong(); }
  Error error() && { return std::move(wrong()); }

  template <typename U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <typename F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(wrong());
    return std::forward<F>(f)(std::move(checked()));
  }
  template <typename F>
  auto transform(F&& f) && -> Result<std::remove_cvref_t<std::invoke_result_t<F, T&&>>> {
    if (!has_value()) return std::move(wrong());
    return std::forward<F>(f)(std::move(checked()));
  }
  Result context(std::string_view what) && {
    if (has_value()) return std::move(*this);
    return std::move(wrong()).context(what);
  }

 private:
  T& checked() {
    HF_CHECK(has_value(), "value() of a Result that holds an error: " + std::get<1>(state_).message());
    return *std::get_if<0>(&state_);
  }
  Error& wrong() {
    HF_CHECK(!has_value(), "error() of a Result that holds a value");
    return *std::get_if<1>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: as std::expected

  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    HF_CHECK(has_value(), "value() of a Result that holds an error: " + error_->message());
  }
  void operator*() const { value(); }
  Error& error() & { return wrong(); }
  const Error& error() const& { return const_cast<Result*>(this)->wrong(); }
  Error error() && { return std::move(wrong()); }
  Result context(std::string_view what) && {
    if (has_value()) return {};
    return std::move(*error_).context(what);
  }

 private:
  Error& wrong() {
    HF_CHECK(!has_value(), "error() of a Result that holds a value");
    return *error_;
  }

  std::optional<Error> error_;
};

namespace result_detail {
template <typename T>
T take(Result<T>&& result) {
  return std::move(result).value();
}
inline void take(Result<void>&&) {}
}  // namespace result_detail

}  // namespace holdfast

// The value of a Result, or an early return of its error.
#define HF_TRY(...)                                                                       \
  __extension__({                                                                         \
    auto hf_try_result = (__VA_ARGS__);                                                   \
    if (!hf_try_result.has_value()) return ::holdfast::Error(std::move(hf_try_result).error()); \
    ::holdfast::result_detail::take(std::move(hf_try_result));                            \
  })
