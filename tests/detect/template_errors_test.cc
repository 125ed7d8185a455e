// Templates that are refused with their file: each with its place and words.
#include <gtest/gtest.h>

#include "detect/rules/template.h"

namespace holdfast::detect {
namespace {

struct Case {
  const char* text;
  const char* want;
};

TEST(TemplateErrors, NameThePlaceAndWhatIsWrong) {
  const Case cases[] = {
      {"{{ $labels.instance", "1:1: unclosed action"},
      {"a\nb {{ 1 }", "2:8: unrecognized character in action: U+007D '}'"},
      {"{{", "1:1: unclosed action"},
      {"{{ }}", "1:4: missing value for command"},
      {"{{ nosuch }}", nullptr},
      {"{{ humanise 1 }}", "1:4: function \"humanise\" not defined; did you mean \"humanize\"?"},
      {"{{ $lables.job }}", "1:4: undefined variable \"$lables\"; allowed: $labels, $externalLabels, $externalURL, $value"},
      {"{{ if }}x{{ end }}", "1:7: missing value for if"},
      {"{{ if true }}x", "1:15: unexpected EOF; {{if}} at 1:4 has no {{end}}"},
      {"{{ end }}", "1:4: unexpected {{end}}"},
      {"{{ else }}", "1:4: unexpected {{else}}"},
      {"{{ if 1 }}{{ else }}{{ else }}{{ end }}", "1:24: expected end; found {{else}}"},
      {"{{ if 1 }}{{ end 2 }}", "1:18: unexpected \"2\" in {{end}}"},
      {"{{ \"abc }}", "1:4: unterminated quoted string"},
      {"{{ `abc }}", "1:4: unterminated raw quoted string"},
      {"{{ 'ab' }}", "1:4: malformed character constant"},
      {"{{ \"\\q\" }}", "1:5: invalid syntax: escape \\q; allowed: \\a \\b \\f \\n \\r \\t \\v \\\\ \\\" \\x00 \\000 \\u0000 \\U00000000"},
      {"{{ \"\\x4\" }}", "1:8: invalid syntax: escape needs 2 digits"},
      {"{{ 1x }}", "1:4: bad number syntax: \"1x\""},
      {"{{ 1.2.3 }}", "1:4: bad number syntax: \"1.2.3\""},
      {"{{ (1 }}", "1:7: unclosed left paren"},
      {"{{ 1) }}", "1:5: unexpected right paren"},
      {"{{ /* c }}", "1:4: unrecognized character in action: U+002F '/'"},
      {"{{/* c }}", "1:1: unclosed comment"},
      {"{{/* c */ x}}", "1:10: comment ends before closing delimiter"},
      {"{{ 1 | 2 }}", "1:8: non executable command in pipeline stage 2"},
      {"{{ 1 | }}", "1:8: unexpected \"}}\" in pipeline; a command must follow the |"},
      {"{{ | 1 }}", "1:4: empty command"},
      {"{{ range $a, $b, $c := $labels }}{{ end }}", "1:16: too many declarations in range"},
      {"{{ range $a, 1 := $labels }}{{ end }}", "1:14: unexpected \"1\" in range"},
      {"{{ break }}", "1:4: {{break}} outside {{range}}"},
      {"{{ if 1 }}{{ continue }}{{ end }}", "1:14: {{continue}} outside {{range}}"},
      {"{{ $x = 1 }}", "1:4: undefined variable \"$x\"; allowed: $labels, $externalLabels, $externalURL, $value"},
      {"{{ 1 : 2 }}", "1:6: expected :="},
      {"{{ 1 = 2 }}", "1:6: unexpected \"=\" in command"},
      {"{{ \"a\".b }}", "1:7: unexpected . after term \"\"a\"\""},
      {"{{ \"a\"\"b\" }}", "1:7: unexpected \"\"b\"\" in operand; a space must stand before it"},
      {"{{ template x }}", "1:13: unexpected \"x\" in template clause"},
      {"{{ define \"a\" }}{{ end }}{{ define \"a\" }}{{ end }}", "1:29: template: multiple definition of template \"a\""},
      {"{{ if 1 }}{{ define \"a\" }}{{ end }}{{ end }}", "1:14: unexpected \"define\" in command; define stands at the top level only"},
      {"{{ block \"a\" }}{{ end }}", "1:14: missing value for block clause"},
      {"{{ define \"a\" }}{{ $labels }}{{ end }}", "1:20: undefined variable \"$labels\""},
      {"{{ a#b }}", "1:5: unrecognized character in action: U+0023 '#'"},
      {"{{ $labels.instance-x }}", "1:20: unrecognized character in action: U+002D '-'"},
  };
  for (const auto& c : cases) {
    const auto parsed = Template::parse(c.text);
    ASSERT_FALSE(parsed.has_value()) << c.text;
    if (c.want != nullptr) {
      EXPECT_EQ(parsed.error().message(), c.want) << c.text;
    }
  }
}

TEST(TemplateErrors, DepthIsLimited) {
  std::string deep = "{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}";
  EXPECT_EQ(Template::parse(deep).error().message(), "1:104: nested deeper than 100 levels");
  std::string blocks, ends;
  for (int i = 0; i < 500; ++i) blocks += "{{if 1}}", ends += "{{end}}";
  EXPECT_EQ(Template::parse(blocks + ends).error().message(), "1:806: nested deeper than 100 levels");
}

TEST(TemplateErrors, AnUndefinedFunctionListsWhatIsAllowed) {
  const auto parsed = Template::parse("{{ xyzzyplugh }}");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().message().find("1:4: function \"xyzzyplugh\" not defined; allowed: and, args, eq, "), std::string::npos)
      << parsed.error().message();
}

}  // namespace
}  // namespace holdfast::detect
