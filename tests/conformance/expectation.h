// tests/conformance/expectation.h: what a query of a script should answer, and how an answer
// differs.
//
// Purpose     Series and points, a scalar, a string, a failure, annotations; floats within 1e-6 of
//             each other are the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/series_text.h"
#include "query/promql/engine.h"

namespace holdfast::conformance {

struct Question {
  std::string query;
  bool is_range = false;
  std::int64_t from = 0, to = 0, step = 60'000;  // milliseconds; an instant is at `from`
};

class Expectation {
 public:
  explicit Expectation(Question question) : question_(std::move(question)) {}

  Result<void> add_line(std::string_view line);
  // Empty: the answer is as expected.
  std::string difference(const Result<query::promql::QueryResult>& result) const;
  std::string text() const { return text_; }

 private:
  struct Message {
    std::string text;
    bool is_regex = false;
  };
  struct Wanted {
    bool any = false, none = false;
    std::vector<Message> messages;
  };

  Result<void> add_expect(std::string_view rest);
  static Result<void> add_message(Wanted& wanted, std::string_view rest);
  static bool matches(const Message& message, const std::string& text);
  static std::string annotation_difference(const Wanted& wanted,
                                           const std::vector<std::string>& found,
                                           std::string_view what);
  std::string failure_difference(const Error& error) const;
  std::string value_difference(const query::promql::QueryResult& result) const;
  std::string vector_difference(const query::promql::Vector& vector) const;
  std::string matrix_difference(const query::promql::Matrix& matrix) const;

  Question question_;
  std::string text_;
  std::vector<SeriesText> series_;
  std::optional<std::string> string_;
  bool ordered_ = false;
  std::optional<Wanted> fail_;
  Wanted warn_, info_;
  bool samples_of_range_ = false;
  std::int64_t range_from_ = 0, range_to_ = 0, range_step_ = 60'000;
};

// How a step of a range query's answer differs from the instant query's.
std::string step_difference(const query::promql::QueryResult& instant,
                            const Result<query::promql::QueryResult>& range, std::int64_t at);
std::string result_text(const query::promql::QueryResult& result);

}  // namespace holdfast::conformance
