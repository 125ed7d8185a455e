// respond/send/templates.h: the words of notifications: Alertmanager's default templates and the user's own files.
//
// Purpose     Parses the built-in texts (default_templates.cc, email_template.cc) and then the files of `templates`, once per
//             configuration; text() and html() render a setting with them.
// Files       Globs name no file: none yet, and no error. Of equal names the last one parsed wins, so a user's file may
//             replace any default.
// Defaults    What they give is byte-identical to Alertmanager's; email.default.html says the same in markup of our own.
// Errors      parse: the file and Go's words. text, html: Go's words.
// Threads     Immutable once parsed; any thread.
// Source      ../shared/reference/alerting.md section 2.10.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "base/template/template.h"
#include "respond/send/data.h"
#include "respond/send/exchange.h"

namespace holdfast::respond::send {

class Templates {
 public:
  // `globs` as route::Config::templates gives them.
  static Result<std::shared_ptr<const Templates>> parse(const std::vector<std::string>& globs,
                                                        FileSystem& files);
  // More texts on top, under a name for errors: drafts that are previewed.
  Result<std::shared_ptr<const Templates>> with(const std::string& name,
                                                std::string_view text) const;

  Result<std::string> text(const std::string& source, const Data& data, WallTime now) const;
  Result<std::string> html(const std::string& source, const Data& data, WallTime now) const;

  Templates();  // the built-in ones

 private:
  Result<void> add(const std::string& name, std::string_view text);

  templates::Templates text_;
  templates::Templates html_;
};

// What is said without any template.
Words::Plain plain_words(const Data& data);

// The built-in texts: Alertmanager's defaults, the mail, and those of Holdfast's robots.
std::string_view default_templates();
std::string_view email_template();

}  // namespace holdfast::respond::send
