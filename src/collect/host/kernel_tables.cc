#include "collect/host/kernel_tables.h"

#include "base/text.h"

namespace holdfast::collect {
namespace {

// "\040" is a space, as the kernel writes it.
std::string unescape_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) { return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7'; };
    if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  constexpr std::string_view kBlanks = " \t\r\n";
  std::size_t at = line.find_first_not_of(kBlanks);
  while (at != std::string_view::npos) {
    const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return out;
}

std::vector<std::string_view> lines(std::string_view text) {
  auto out = split(text, '\n');
  std::erase_if(out, [](std::string_view line) { return trim(line).empty(); });
  return out;
}

std::optional<double> number(std::string_view word) { return parse_double(word); }

std::vector<std::pair<std::string, double>> read_meminfo(std::string_view text) {
  std::vector<std::pair<std::string, double>> out;
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 2 || !parts[0].ends_with(':')) continue;
    const auto value = number(parts[1]);
    if (!value) continue;
    std::string name;
    for (const char c : parts[0].substr(0, parts[0].size() - 1)) {
      if (c == '(') name += '_';
      else if (c != ')') name += c;
    }
    if (parts.size() == 3 && parts[2] == "kB") out.emplace_back(name + "_bytes", *value * 1024);
    else out.emplace_back(std::move(name), *value);
  }
  return out;
}

Pressure read_pressure(std::string_view text) {
  Pressure out;
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.empty()) continue;
    for (const auto part : parts) {
      if (!part.starts_with("total=")) continue;
      const auto total = number(part.substr(6));
      if (!total) continue;
      if (parts[0] == "some") out.some_seconds = *total / 1e6;
      if (parts[0] == "full") out.full_seconds = *total / 1e6;
    }
  }
  return out;
}

std::vector<Mount> read_mounts(std::string_view text) {
  std::vector<Mount> out;
  for (const auto line : lines(text)) {
    const auto parts = words(line);
    if (parts.size() < 4) continue;
    Mount mount{unescape_octal(parts[0]), unescape_octal(parts[1]), std::string(parts[2]), false};
    for (const auto option : split(parts[3], ',')) mount.read_only = mount.read_only || option == "ro";
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace holdfast::collect
