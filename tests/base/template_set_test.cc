// Templates as a set of files, their limits, and what Go programs of today say that Go 1.19 did not.
#include <gtest/gtest.h>

#include "base/template/builtins.h"
#include "base/template/go_time.h"
#include "template_data.h"

namespace holdfast::templates {
namespace {

Execution with_data() {
  Execution run;
  run.data = data();
  run.now = from_ms(1'700'000'000'000);
  return run;
}

TEST(TemplateSet, LaterDefinitionsReplaceEarlierOnes) {
  Templates templates;
  ASSERT_TRUE(templates.parse("one", "{{define \"a\"}}old{{end}}{{define \"b\"}}b:{{template \"a\"}}{{end}}").has_value());
  ASSERT_TRUE(templates.parse("two", "{{define \"a\"}}new{{end}}").has_value());
  EXPECT_EQ(templates.execute("b", with_data()).value(), "b:new");
  EXPECT_EQ(templates.names(), (std::vector<std::string>{"a", "b", "one", "two"}));
  // A file of definitions alone leaves the text of its own name.
  ASSERT_TRUE(templates.parse("a", "{{define \"c\"}}{{end}} \n").has_value());
  EXPECT_EQ(templates.execute("a", with_data()).value(), "new");
}

TEST(TemplateSet, ATextOfTheMomentSeesTheSetAndLeavesNoTrace) {
  Templates templates;
  ASSERT_TRUE(templates.parse("", "{{define \"a\"}}[{{.I}}]{{end}}").has_value());
  EXPECT_EQ(templates.execute_text("{{template \"a\" .}}{{define \"x\"}}{{end}}", with_data()).value(), "[42]");
  EXPECT_FALSE(templates.has("x"));
  const auto wrong = templates.execute_text("{{ .I.x }}", with_data());
  EXPECT_EQ(wrong.error().message(), "template: :1:5: executing \"\" at <.I.x>: can't evaluate field x in type int");
}

TEST(TemplateSet, AMistakeAddsNothing) {
  Templates templates;
  EXPECT_FALSE(templates.parse("x", "{{define \"a\"}}{{end}}{{nope}}").has_value());
  EXPECT_TRUE(templates.names().empty());
  EXPECT_EQ(templates.execute("x", with_data()).error().message(),
            "template: no template \"x\" associated with template \"\"");
}

TEST(TemplateSet, RangesOverNumbersAndElseWithAreKnown) {
  EXPECT_EQ(expand("{{range 3}}{{.}}{{end}}{{range $i := .I}}{{break}}{{end}}", {}).value(), "012");
  EXPECT_EQ(expand("{{with .E}}a{{else with .S}}{{len .}}{{else}}c{{end}}", {}).value(), "18");
  EXPECT_EQ(expand("{{len .S}}", {}).value(), "18");
}

TEST(TemplateLimits, EndWhatWouldNotEnd) {
  struct Case {
    const char* text;
    const char* want;  // within the error
  };
  const Case cases[] = {
      {"{{range 9999999}}{{range 9999999}}{{end}}{{end}}", "more than 1000000 steps"},
      {"{{range 900000}}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{end}}", "more than 4194304 bytes of text"},
      {"{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}", "exceeded maximum template depth (100)"},
      {"{{$x := \"aa\"}}{{range 40}}{{$x = print $x $x}}{{end}}", "a text of more than 1048576 bytes"},
      {"{{$x := list}}{{range 500}}{{$x = list $x}}{{end}}", "nested deeper than 100"},
      {"{{$x := list 1}}{{range 90}}{{$x = list $x $x}}{{end}}{{$x}}", "bytes of text"},
      {"{{$x := list 1}}{{range 90}}{{$x = list $x $x}}{{end}}{{toJson $x}}", "json: more than 1048576 bytes"},
      {"{{$x := print .S .S .S .S}}{{range 9}}{{$x = print $x $x}}{{end}}{{range 99999}}{{$y := print $x}}{{end}}",
       "bytes of work"},
  };
  for (const auto& c : cases) {
    const auto said = expand(c.text, {});
    ASSERT_FALSE(said.has_value()) << c.text;
    EXPECT_EQ(said.error().code() == Code::kTooLarge, std::string(c.want).find("depth") == std::string::npos) << c.text;
    EXPECT_NE(said.error().message().find(c.want), std::string::npos) << said.error().message();
  }
}

TEST(TemplateLimits, NestingOfTheTextIsBounded) {
  const std::string parens = "{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}";
  EXPECT_EQ(expand(parens, {}).error().message(), "template: t:1: nested deeper than 100 levels");
  std::string blocks, ends;
  for (int i = 0; i < 500; ++i) blocks += "{{if 1}}", ends += "{{end}}";
  EXPECT_EQ(expand(blocks + ends, {}).error().message(), "template: t:1: nested deeper than 100 levels");
  EXPECT_EQ(expand(std::string(kSourceSizeMax + 1, 'x'), {}).error().code(), Code::kTooLarge);
}

TEST(TemplateWording, GuidesSayWhereAndWhatIsAllowed) {
  Options options;
  options.wording = Wording::kGuiding;
  options.variables = {"labels"};
  EXPECT_EQ(expand("{{ $lables.x }}", options).error().message(), "1:4: undefined variable \"$lables\"; allowed: $labels");
  EXPECT_EQ(expand("{{ printff }}", options).error().message(), "1:4: function \"printff\" not defined; did you mean \"printf\"?");
  EXPECT_EQ(expand("{{ if 1 }}x", options).error().message(), "1:12: unexpected EOF; {{if}} at 1:4 has no {{end}}");
  EXPECT_EQ(expand("{{ (index .A 0).Nope }}", options).error().message(),
            "1:14: executing at <0>: can't evaluate field Nope in type main.Alert; allowed: .Status, "
            ".Labels, .StartsAt, .Value");
}

TEST(GoTimes, AreWrittenInTheZoneAsked) {
  const Time time = Time::of(from_ms(1'782'000'000'123), find_zone("Europe/Berlin").value());
  EXPECT_EQ(format_go_time(time, "Mon Jan _2 15:04:05.000 MST 2006"), "Sun Jun 21 02:00:00.123 CEST 2026");
  EXPECT_EQ(format_go_time(time, kRfc3339Nano), "2026-06-21T02:00:00.123+02:00");
  EXPECT_EQ(format_go_time(time, "Monday, 2 January 06 3:04:05PM -07 -070000 Z07:00 __2 002 Janet"),
            "Sunday, 21 June 26 2:00:00AM +02 +020000 +02:00 172 172 Janet");
  EXPECT_EQ(format_go_time(Time::zero(), kRfc3339Nano), "0001-01-01T00:00:00Z");
  EXPECT_EQ(expand("{{ now.UTC.Format \"2006-01-02T15:04:05Z07:00\" }} {{ tz \"Asia/Tokyo\" now | date \"15:04 MST\" }}", {}).value(),
            "2023-11-14T22:13:20Z 07:13 JST");
}

TEST(AlertFunctions, TitleAndUnescapeAsAlertmanager) {
  EXPECT_EQ(expand("{{title \"aa bB-cc d_e it's 3rd éa\"}}", {}).value(), "Aa Bb-Cc D_e It's 3rd Éa");
  EXPECT_EQ(expand("{{urlUnescape \"a%20b+c%2Fd\"}}", {}).value(), "a b c/d");
  EXPECT_NE(expand("{{urlUnescape \"%zz\"}}", {}).error().message().find("invalid URL escape \"%zz\""), std::string::npos);
  EXPECT_EQ(expand("{{humanizeDuration 3661}} {{humanizeDuration .D}} {{humanizeDuration \"0.5\"}} {{humanizeDuration 90061.2}}", {}).value(),
            "1h 1m 1s 1h 2m 3s 500ms 1d 1h 1m 1s");
}

}  // namespace
}  // namespace holdfast::templates
