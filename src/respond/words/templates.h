// respond/words/templates.h: the words of notices: named texts with {fields}, in Chinese and English, that people may edit.
//
// Purpose     The built-in texts are the mission's own; an edited one is kept beside it and wins until it is taken back.
// Form        {field} is replaced; "{{" and "}}" are braces. A field that is not given is an error that names all missing.
// Audiences   team: sent as it is. Public ones (users_mail, users_in_app, status_page, media, partners) need an approval.
// Errors      kInvalid: an unclosed brace, a bad field name (with its line), missing fields. kNotFound: no such text.
// Threads     Pure.
// Source      Mission M13-31..M13-38, M13-50; incident-runbook.zh.md and deployment-strategy.zh.md hold the originals.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::respond::words {

using Fields = std::map<std::string, std::string>;

struct Text {
  std::string name{};      // incident_notice, ...
  std::string language{};  // zh, en
  std::string audience{};  // team, users_mail, users_in_app, status_page, media, partners
  std::string subject{};   // one line
  std::string body{};
  bool edited = false;
  std::string edited_by{};
};

inline constexpr std::size_t kTextSizeMax = 64 * 1024;

const std::vector<Text>& builtin_texts();
bool is_public(std::string_view audience);

// The fields a text names, in order of first use.
Result<std::vector<std::string>> fields_of(std::string_view text);
Result<std::string> substitute(std::string_view text, const Fields& fields);

struct Rendered {
  std::string subject;
  std::string body{};
};
Result<Rendered> render(const Text& text, const Fields& fields);

}  // namespace holdfast::respond::words
