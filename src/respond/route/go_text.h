// respond/route/go_text.h: the words and small grammars of Alertmanager's language, which its error texts are made of.
//
// Purpose     Texts that tools match on were written by Go's strconv, net/url, time and regexp. These functions judge
//             as those do, for what stands in configuration files, and say it in their words.
// Errors      kInvalid with Go's text.
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::respond::route {

// %q: "..." with \n, \t, \", \\, \x01; what is no UTF-8 as \xff; printable UTF-8 stays.
std::string go_quote(std::string_view s);
// A double-quoted Go string literal, quotes included; its escapes are \a \b \f \n \r \t \v \\ \" \xHH \ooo \uHHHH \UHHHHHHHH.
Result<std::string> go_unquote(std::string_view literal);

// time.ParseDuration: "300ms", "-1.5h", "2h45m"; "0".
Result<Duration> parse_go_duration(std::string_view text);
// model.ParseDuration of Prometheus, with its texts.
Result<Duration> parse_model_duration(std::string_view text);

// url.Parse; nothing more.
Result<void> check_any_url(std::string_view text);
// As Alertmanager wants URLs: http or https, with a host.
Result<void> check_http_url(std::string_view text);
// "https://h/p?q" becomes "https://h/p/?q".
std::string with_slash_after_path(std::string_view url);
// net.SplitHostPort, and the port must not be empty.
Result<void> check_host_port(std::string_view text);

// What regexp.Compile says of "^(?:" + pattern + ")$"; no error when it compiles.
Result<void> check_regexp(std::string_view pattern);

// textproto.CanonicalMIMEHeaderKey: "x-my-header" is "X-My-Header".
std::string canonical_header(std::string_view name);

}  // namespace holdfast::respond::route
