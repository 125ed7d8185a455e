// base/template/escape.h: makes the templates of a set safe for HTML, each action for where it stands.
//
// Purpose     escape_for_html() follows the text of a template as a browser would, through tags, attributes, scripts and
//             styles, and puts the escapers that each action needs behind it; find_escaper() knows these. A template that
//             is called from another context than plain text becomes one more template, under a name of its own.
// Errors      kInvalid in html/template's words: "html/template:name:line: {{if}} branches end in different contexts: ...".
// Threads     Pure.
// Source      Go's documentation of html/template; HTML living standard, section 13.2.5 (tokenization).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/template/ast.h"
#include "base/template/exec.h"

namespace holdfast::templates {

// Also those of the templates that `entry` calls. The set answered holds `entry` under its own name.
Result<Set> escape_for_html(const Set& set, const std::string& entry);

// "_html_template_htmlescaper" and its like; null when it is none.
const Function* find_escaper(std::string_view name);

}  // namespace holdfast::templates
