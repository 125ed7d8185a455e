// Series as the test sets them, each with one value that holds at any time asked.
#pragma once

#include <algorithm>
#include <map>
#include <memory>

#include "metrics/store.h"

namespace holdfast::metrics {

class TableReader final : public Reader {
 public:
  void set(model::Labels labels, double value) { values_[std::move(labels)] = value; }
  void clear() { values_.clear(); }

  Result<std::vector<Column>> select(const SelectRequest& request) const override {
    std::vector<Column> out;
    for (const auto& [labels, value] : values_) {
      const bool fits = std::ranges::all_of(request.matchers, [&](const auto& matcher) {
        return matcher.matches(labels.get(matcher.name()));
      });
      if (fits) out.push_back({std::make_shared<const Labels>(labels), {request.to}, {value}, {}});
    }
    return out;
  }
  Result<std::vector<Labels>> series(const std::vector<std::vector<Matcher>>&, Timestamp, Timestamp,
                                     std::size_t) const override {
    return std::vector<Labels>{};
  }
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<Matcher>>&, Timestamp,
                                               Timestamp) const override {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> label_values(const std::string&,
                                                const std::vector<std::vector<Matcher>>&, Timestamp,
                                                Timestamp) const override {
    return std::vector<std::string>{};
  }
  std::map<std::string, std::vector<Metadata>> metadata(const std::string&,
                                                        std::size_t) const override {
    return {};
  }

 private:
  std::map<model::Labels, double> values_;
};

}  // namespace holdfast::metrics
