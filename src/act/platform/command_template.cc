#include "act/platform/command_template.h"

#include <cctype>

namespace holdfast::act {

std::map<std::string, std::string> template_values(const model::Instance& instance,
                                                   const model::ProcessVersion& version,
                                                   const std::string& data_directory) {
  const auto port = [&](int base) {
    return base == 0 ? std::string("0") : std::to_string(base + instance.index);
  };
  return {{"port", port(version.base_port)},
          {"admin_port", port(version.base_admin_port)},
          {"index", std::to_string(instance.index)},
          {"version", instance.version},
          {"data", data_directory}};
}

std::string fill_template(const std::string& text,
                          const std::map<std::string, std::string>& values) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text[at] == '{' ? text.find('}', at) : std::string::npos;
    const auto value =
        end == std::string::npos ? values.end() : values.find(text.substr(at + 1, end - at - 1));
    if (value == values.end()) {
      out.push_back(text[at++]);
      continue;
    }
    out += value->second;
    at = end + 1;
  }
  return out;
}

std::string log_path(const model::Instance& instance, const std::string& data_directory) {
  auto name = instance.service + "-" + instance.version + "-" + std::to_string(instance.index);
  for (auto& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  }
  return data_directory + "/logs/" + name + ".log";
}

}  // namespace holdfast::act
