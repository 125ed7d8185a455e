// What templates say, case by case: as Go's text/template with Prometheus' functions says it.
#include "detect/rules/template.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace holdfast::detect {
namespace {

TemplateData data() {
  TemplateData d;
  d.labels = {{"instance", "10.0.0.7:9100"}, {"job", "node"}, {"__name__", "up"}};
  d.external_labels = {{"region", "eu"}};
  d.external_url = "https://hold.example.org/fast?x=1";
  d.value = 0.25;
  d.at = from_ms(1'500'000'000'500);
  d.query = [](const std::string& q) -> Result<query::promql::Vector> {
    if (q == "empty") return query::promql::Vector{};
    if (q != "up") return invalid("1:1: parse error: unexpected " + q);
    query::promql::Vector vector;
    vector.series.push_back({{{"instance", "b"}, {"__value__", "text"}}, {{0, 1, nullptr}}});
    vector.series.push_back({{{"instance", "a"}}, {{0, 2.5, nullptr}}});
    return vector;
  };
  return d;
}

struct Case {
  const char* text;
  const char* want;
};

class Expands : public testing::TestWithParam<Case> {};

TEST_P(Expands, AsGoDoes) {
  auto parsed = Template::parse(GetParam().text);
  ASSERT_TRUE(parsed.has_value()) << GetParam().text << ": " << parsed.error().message();
  EXPECT_EQ(parsed->expand(data()), GetParam().want) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Language, Expands, testing::Values(
    Case{"", ""},
    Case{"plain } text {", "plain } text {"},
    Case{"{{ $labels.instance }} of {{ $labels.job }}", "10.0.0.7:9100 of node"},
    Case{"{{ .Labels.job }}/{{ .Value }}/{{ $value }}", "node/0.25/0.25"},
    Case{"{{ $.Labels.job }}", "node"},
    Case{"{{ $labels.__name__ }}", "up"},
    Case{"[{{ $labels.missing }}]", "[]"},
    Case{"{{ $externalLabels.region }} {{ .ExternalLabels.region }}", "eu eu"},
    Case{"{{ $externalURL }} {{ .ExternalURL }}", "https://hold.example.org/fast?x=1 https://hold.example.org/fast?x=1"},
    Case{"{{ externalURL }} {{ pathPrefix }}", "https://hold.example.org/fast?x=1 /fast"},
    Case{"a {{- \" b \" -}} c", "a b c"},
    Case{"a \n{{- /* gone */ -}}\n c", "ac"},
    Case{"a{{/* gone */}}b", "ab"},
    Case{"{{ `raw \\n` }}{{ \"tab\\tA\\x41\\u00e9\\101\" }}", "raw \\ntab\tAA\xc3\xa9" "A"},
    Case{"{{ 'a' }} {{ 0x10 }} {{ 1_000 }} {{ 1e3 }} {{ -3 }} {{ .5 }}", "97 16 1000 1000 -3 0.5"},
    Case{"{{ true }} {{ false }} {{ print nil }}", "true false <nil>"},
    Case{"{{ if $labels.job }}yes{{ else }}no{{ end }}", "yes"},
    Case{"{{ if $labels.nope }}yes{{ else }}no{{ end }}", "no"},
    Case{"{{ if gt $value 1.0 }}high{{ else if gt $value 0.2 }}mid{{ else }}low{{ end }}", "mid"},
    Case{"{{ if gt $value 1.0 }}high{{ else if gt $value 0.5 }}mid{{ else }}low{{ end }}", "low"},
    Case{"{{ with $labels.job }}<{{ . }}>{{ else }}none{{ end }}", "<node>"},
    Case{"{{ with $labels.nope }}<{{ . }}>{{ else }}none{{ end }}", "none"},
    Case{"{{ with $x := $labels.job }}{{ $x }}{{ end }}", "node"},
    Case{"{{ with $labels.nope }}a{{ else with $labels.job }}{{ . }}{{ end }}", "node"},
    Case{"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"},
    Case{"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"},
    Case{"{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}", "__name__=up;instance=10.0.0.7:9100;job=node;"},
    Case{"{{ range query \"up\" }}{{ .Labels.instance }}={{ .Value }};{{ end }}", "b=1;a=2.5;"},
    Case{"{{ range $i, $e := query \"up\" }}{{ $i }}:{{ $e.Labels.instance }} {{ end }}", "0:b 1:a "},
    Case{"{{ range query \"empty\" }}x{{ else }}nothing{{ end }}", "nothing"},
    Case{"{{ range 4 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}", "02"},
    Case{"{{ define \"one\" }}<{{ . }}>{{ end }}{{ template \"one\" $labels.job }}", "<node>"},
    Case{"{{ define \"two\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"two\" (args 1 \"b\") }}", "1-b"},
    Case{"{{ block \"b\" 7 }}[{{ . }}]{{ end }}", "[7]"},
    Case{"{{ and 1 0 }} {{ and 1 2 }} {{ or 0 \"x\" }} {{ or 0 false }} {{ not 0 }}", "0 2 x false true"},
    Case{"{{ or true (query \"broken\") }}{{ and false (query \"broken\") }}", "truefalse"},
    Case{"{{ eq 1 2 1 }} {{ ne \"a\" \"b\" }} {{ lt 1 2 }} {{ le 2.0 2.0 }} {{ ge 1 2 }}", "true true true true false"},
    Case{"{{ len \"abc\" }} {{ len $labels }} {{ len (query \"up\") }}", "3 3 2"},
    Case{"{{ index $labels \"job\" }} {{ (index (query \"up\") 1).Value }}", "node 2.5"},
    Case{"{{ slice \"abcdef\" 1 3 }}", "bc"},
    Case{"{{ $value | printf \"%.1f%%\" }}", "0.2%"},
    Case{"{{ print 1 2 \"a\" \"b\" 3 }} {{ println \"x\" 1 }}", "1 2ab3 x 1\n"},
    Case{"{{ html \"<a&'>\" }} {{ js \"it's\" }} {{ urlquery \"a b&c\" }}", "&lt;a&amp;&#39;&gt; it\\'s a+b%26c"},
    Case{"{{ $labels }}", "map[__name__:up instance:10.0.0.7:9100 job:node]"}));

INSTANTIATE_TEST_SUITE_P(Printf, Expands, testing::Values(
    Case{"{{ printf \"%d|%5d|%-5d|%05d|%+d|%x\" 42 42 42 42 42 255 }}", "42|   42|42   |00042|+42|ff"},
    Case{"{{ printf \"%s|%6s|%-6s|%q|%.2s|%v\" \"abc\" \"abc\" \"abc\" \"a\\\"b\" \"abc\" \"abc\" }}", "abc|   abc|abc   |\"a\\\"b\"|ab|abc"},
    Case{"{{ printf \"%.2f|%8.3f|%e|%g|%v\" 3.14159 3.14159 1500.0 1e21 1e6 }}", "3.14|   3.142|1.500000e+03|1e+21|1e+06"},
    Case{"{{ printf \"%t %T %%\" true 1.5 }}", "true float64 %"},
    Case{"{{ printf \"%d %s\" \"x\" 1 }}", "%!d(string=x) %!s(int=1)"},
    Case{"{{ printf \"%d %d\" 1 }}", "1 %!d(MISSING)"},
    Case{"{{ printf \"%d\" 1 2 }}", "1%!(EXTRA int=2)"},
    Case{"{{ printf \"%\" }}", "%!(NOVERB)"}));

INSTANTIATE_TEST_SUITE_P(Numbers, Expands, testing::Values(
    Case{"{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize .00001234 }}", "0 1 1.235M 12.34u"},
    Case{"{{ humanize 123 }} {{ humanize \"1500\" }} {{ humanize -1500 }}", "123 1.5k -1.5k"},
    Case{"{{ humanize 1e27 }} {{ humanize 1e-27 }}", "1000Y 0.001y"},
    Case{"{{ humanize \"+Inf\" }} {{ humanize \"NaN\" }}", "+Inf NaN"},
    Case{"{{ humanize1024 0.0 }} {{ humanize1024 1.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 .12 }}", "0 1 1Mi 0.12"},
    Case{"{{ humanizeDuration 0 }} {{ humanizeDuration 1 }} {{ humanizeDuration 60 }} {{ humanizeDuration 3600 }}", "0s 1s 1m 0s 1h 0m 0s"},
    Case{"{{ humanizeDuration 86400 }} {{ humanizeDuration 99999 }} {{ humanizeDuration -1 }}", "1d 0h 0m 0s 1d 3h 46m 39s -1s"},
    Case{"{{ humanizeDuration .1 }} {{ humanizeDuration .0001 }} {{ humanizeDuration 899.9999 }} {{ humanizeDuration 59.66 }}", "100ms 100us 14m 59s 59.66s"},
    Case{"{{ humanizePercentage $value }} {{ humanizePercentage 0.1234567 }}", "25% 12.35%"},
    Case{"{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"},
    Case{"{{ humanizeTimestamp 0 }} {{ humanizeTimestamp \"NaN\" }}", "1970-01-01 00:00:00 +0000 UTC NaN"},
    Case{"{{ toTime 1435065584 }} {{ toDuration 3723.5 }} {{ toDuration 0.0015 }}", "2015-06-23 13:19:44 +0000 UTC 1h2m3.5s 1.5ms"},
    Case{"{{ parseDuration \"1h2m10ms\" }}", "3720.01"},
    Case{"{{ now | humanizeTimestamp }}", "2017-07-14 02:40:00.5 +0000 UTC"},
    Case{"{{ 1e6 }} {{ 123456.0 }} {{ 1234567.0 }} {{ 0.0001 }} {{ 0.00001 }}", "1e+06 123456 1.234567e+06 0.0001 1e-05"}));

INSTANTIATE_TEST_SUITE_P(Texts, Expands, testing::Values(
    Case{"{{ title \"aa bB-cc d_e\" }} {{ toUpper \"abc\" }} {{ toLower \"ABC\" }}", "Aa BB-Cc D_e ABC abc"},
    Case{"{{ match \"a+\" \"xaay\" }} {{ match \"^a$\" \"b\" }}", "true false"},
    Case{"{{ reReplaceAll \"(a)b\" \"x$1\" \"ab-ab\" }}", "xa-xa"},
    Case{"{{ reReplaceAll \"(?P<host>[^:]+):(\\\\d+)\" \"${2}@$host $$ $9\" \"h:1\" }}", "1@h $ "},
    Case{"{{ reReplaceAll \"x*\" \"-\" \"abc\" }} {{ reReplaceAll \"x*\" \"-\" \"axb\" }}", "-a-b-c- -a-b-"},
    Case{"{{ $labels.instance | reReplaceAll \":.*\" \"\" }}", "10.0.0.7"},
    Case{"{{ stripPort $labels.instance }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"host\" }}", "10.0.0.7 ::1 host"},
    Case{"{{ stripDomain \"db.example.org:5432\" }} {{ stripDomain \"10.0.0.7:1\" }} {{ stripDomain \"a.b\" }}", "db:5432 10.0.0.7:1 a"},
    Case{"{{ safeHtml \"<b>\" }}", "<b>"},
    Case{"{{ graphLink \"up{a=\\\"b\\\"}\" }}", "/graph?g0.expr=up%7Ba%3D%22b%22%7D&g0.tab=0"},
    Case{"{{ tableLink \"up\" }}", "/graph?g0.expr=up&g0.tab=1"},
    Case{"{{ query \"up\" | first | label \"instance\" }} {{ query \"up\" | first | value }}", "b 1"},
    Case{"{{ query \"up\" | first | strvalue }}", "text"},
    Case{"{{ range query \"up\" | sortByLabel \"instance\" }}{{ .Labels.instance }}{{ end }}", "ab"},
    Case{"{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}", "1"}));

INSTANTIATE_TEST_SUITE_P(Failures, Expands, testing::Values(
    Case{"x {{ query \"empty\" | first }}",
         "<error expanding template: error executing template: 1:22: executing at <first>: error calling first: first() called on vector with no elements>"},
    Case{"{{ gt $value 1 }}", "<error expanding template: error executing template: 1:4: executing at <gt>: error calling gt: incompatible types for comparison>"},
    Case{"{{ .Nope }}",
         "<error expanding template: error executing template: 1:4: executing at <.Nope>: can't evaluate field Nope in type data; "
         "allowed: .Labels, .ExternalLabels, .ExternalURL, .Value>"},
    Case{"{{ $value.x }}", "<error expanding template: error executing template: 1:4: executing at <$value.x>: can't evaluate field x in type float64>"},
    Case{"{{ query \"bad\" }}",
         "<error expanding template: error executing template: 1:4: executing at <query>: error calling query: 1:1: parse error: unexpected bad>"},
    Case{"{{ humanize \"ten\" }}",
         "<error expanding template: error executing template: 1:4: executing at <humanize>: error calling humanize: strconv.ParseFloat: parsing "
         "\"ten\": invalid syntax>"},
    Case{"{{ title 3 }}",
         "<error expanding template: error executing template: 1:4: executing at <title>: error calling title: wrong type for value; expected string; got int>"},
    Case{"{{ title }}", "<error expanding template: error executing template: 1:4: executing at <title>: wrong number of args for title: want 1 got 0>"},
    Case{"{{ eq 1 }}", "<error expanding template: error executing template: 1:4: executing at <eq>: wrong number of args for eq: want at least 2 got 1>"},
    Case{"{{ template \"nope\" }}", "<error expanding template: error executing template: 1:4: template \"nope\" not defined>"},
    Case{"{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
         "<error expanding template: error executing template: 1:20: exceeded maximum template depth (100)>"},
    Case{"{{ index (query \"up\") 7 }}", "<error expanding template: error executing template: 1:4: executing at <index>: error calling index: index out of range: 7>"},
    Case{"{{ match \"(\" \"x\" }}",
         "<error expanding template: error executing template: 1:4: executing at <match>: error calling match: error parsing regexp: missing ): (>"},
    Case{"{{ 1 | $labels.job }}",
         "<error expanding template: error executing template: 1:8: executing at <$labels.job>: can't give argument to non-function $labels.job>"},
    Case{"{{ $x := \"aa\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}",
         "<error expanding template: error executing template: 1:39: executing at <print>: error calling print: a text of more than 65536 bytes>"},
    Case{"{{ args (args 1) }}",
         "<error expanding template: error executing template: 1:4: executing at <args>: error calling args: args inside args; give its members one by one>"},
    Case{"{{ range 10000000 }}{{ end }}", "<error expanding template: error executing template: 1:4: more than 1000000 steps>"},
    Case{"{{ range 900000 }}{{ range 900000 }}{{ end }}{{ end }}", "<error expanding template: error executing template: 1:22: more than 1000000 steps>"},
    Case{"{{ range 900000 }}aaaaaaaaaaaaaaaaaaaa{{ end }}", "<error expanding template: error executing template: 1:4: more than 1048576 bytes of text>"}));

}  // namespace
}  // namespace holdfast::detect
