#include "collect/scrape/text_parser.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/text.h"

namespace holdfast::collect {
namespace {

// Every entry on a line of its own: name{labels} value [@timestamp], or HELP/TYPE/UNIT family text.
std::string read_all(std::string_view body, Dialect dialect) {
  TextParser parser(body, dialect);
  std::string out;
  for (;;) {
    const auto entry = parser.next();
    if (!entry) return out + "error: " + entry.error().message();
    switch (*entry) {
      case TextParser::Entry::kEnd: return out;
      case TextParser::Entry::kHelp: out += "HELP " + parser.family() + " " + parser.text() + "\n"; break;
      case TextParser::Entry::kType: out += "TYPE " + parser.family() + " " + parser.text() + "\n"; break;
      case TextParser::Entry::kUnit: out += "UNIT " + parser.family() + " " + parser.text() + "\n"; break;
      case TextParser::Entry::kSample: {
        std::vector<model::Label> labels;
        if (const auto built = parser.labels(labels); !built) return out + "error: " + built.error().message();
        out += model::Labels(std::move(labels)).text() + " " + format_double(parser.value());
        if (parser.timestamp()) out += " @" + std::to_string(*parser.timestamp());
        out += "\n";
      }
    }
  }
}

struct Case {
  const char* name;
  std::string body;
  std::string want;
  Dialect dialect = Dialect::kPrometheus;
};

void check(const std::vector<Case>& cases) {
  for (const auto& c : cases) EXPECT_EQ(read_all(c.body, c.dialect), c.want) << c.name;
}

TEST(TextParser, ReadsWhatTargetsWrite) {
  check({
      {"empty body", "", ""},
      {"blank lines", "\n  \n\t\n", ""},
      {"bare name", "up 1\n", "up 1\n"},
      {"no newline at the end", "up 1", "up 1\n"},
      {"blanks before", " \tup 1\n", "up 1\n"},
      {"tabs between", "up\t1\t1000\n", "up 1 @1000\n"},
      {"blanks after", "up 1  \n", "up 1\n"},
      {"timestamp", "up 1 1520879607789\n", "up 1 @1520879607789\n"},
      {"negative timestamp", "up 1 -5\n", "up 1 @-5\n"},
      {"one label", "a{b=\"c\"} 1\n", "a{b=\"c\"} 1\n"},
      {"labels come sorted", "a{z=\"1\",b=\"2\"} 1\n", "a{b=\"2\",z=\"1\"} 1\n"},
      {"comma at the end", "a{b=\"c\",} 1\n", "a{b=\"c\"} 1\n"},
      {"no labels in braces", "a{} 1\n", "a 1\n"},
      {"blanks everywhere", "a { b = \"c\" , d = \"e\" } 1\n", "a{b=\"c\",d=\"e\"} 1\n"},
      {"no blank before the value is needed after braces only with one", "a{b=\"c\"}\t1\n", "a{b=\"c\"} 1\n"},
      {"empty value is no label", "a{b=\"\"} 1\n", "a 1\n"},
      {"escapes", "a{b=\"x\\\\y\\\"z\\nq\"} 1\n", "a{b=\"x\\\\y\\\"z\\nq\"} 1\n"},
      {"unknown escape is kept", "a{b=\"C:\\dir\"} 1\n", "a{b=\"C:\\\\dir\"} 1\n"},
      {"brace and comma within a value", "a{b=\"}, {\"} 1\n", "a{b=\"}, {\"} 1\n"},
      {"hash within a value", "a{b=\"# x\"} 1\n", "a{b=\"# x\"} 1\n"},
      {"UTF-8 value", "a{b=\"温度\"} 1\n", "a{b=\"温度\"} 1\n"},
      {"quoted metric name", "{\"http.requests\",a=\"b\"} 3\n", "{\"http.requests\",a=\"b\"} 3\n"},
      {"quoted metric name alone", "{\"http.requests\"} 3\n", "{\"http.requests\"} 3\n"},
      {"quoted label name", "a{\"status.code\"=\"200\"} 3\n", "a{\"status.code\"=\"200\"} 3\n"},
      {"name with colon", "job:up:sum 3\n", "job:up:sum 3\n"},
      {"+Inf", "a +Inf\n", "a +Inf\n"},
      {"-Inf", "a -Inf\n", "a -Inf\n"},
      {"NaN", "a NaN\n", "a NaN\n"},
      {"exponent", "a 9.03676723e+08\n", "a 903676723\n"},
      {"plus", "a +1.5\n", "a 1.5\n"},
      {"minus", "a -0.25\n", "a -0.25\n"},
      {"long whole number", "a 123456789012345678\n", "a 123456789012345680\n"},
      {"plain comment", "# hello\n#also\n#\nup 1\n", "up 1\n"},
      {"HELP", "# HELP up Whether it is up.\n", "HELP up Whether it is up.\n"},
      {"HELP without text", "# HELP up\n", "HELP up \n"},
      {"HELP with escapes", "# HELP up a\\nb\\\\c\n", "HELP up a\nb\\c\n"},
      {"TYPE", "# TYPE up gauge\n", "TYPE up gauge\n"},
      {"TYPE untyped is unknown", "# TYPE up untyped\n", "TYPE up unknown\n"},
      {"TYPE of a quoted name", "# TYPE \"http.requests\" counter\n", "TYPE http.requests counter\n"},
      {"HELP glued to # is a comment", "#HELP up x\n", ""},
      {"# EOF is a comment here", "# EOF\nup 1\n", "up 1\n"},
      {"UNIT is a comment here", "# UNIT a seconds\n", ""},
  });
}

TEST(TextParser, ReadsOpenMetrics) {
  const auto om = Dialect::kOpenMetrics;
  check({
      {"EOF", "# EOF\n", "", om},
      {"EOF without newline", "# EOF", "", om},
      {"seconds", "a 1 1520879607.789\n# EOF\n", "a 1 @1520879607789\n", om},
      {"exponent in the timestamp", "a_created 1 1.5e3\n# EOF\n", "a_created 1 @1500000\n", om},
      {"UNIT", "# UNIT a_seconds seconds\n# EOF\n", "UNIT a_seconds seconds\n", om},
      {"exemplar", "a_bucket{le=\"1\"} 5 # {trace_id=\"x\"} 0.3\n# EOF\n", "a_bucket{le=\"1\"} 5\n", om},
      {"exemplar with time", "a 5 # {t=\"x\"} 0.3 123.4\n# EOF\n", "a 5\n", om},
      {"exemplar after a timestamp", "a 5 7 # {} 0.3\n# EOF\n", "a 5 @7000\n", om},
      {"type stateset", "# TYPE a stateset\n# EOF\n", "TYPE a stateset\n", om},
  });
}

TEST(TextParser, NamesTheLineAndTheMistake) {
  const auto om = Dialect::kOpenMetrics;
  check({
      {"digit first", "1up 1\n", "error: line 1: a metric name cannot begin with \"1\""},
      {"minus in the name", "a-b 1\n", "error: line 1: unexpected \"-\" after metric name \"a\""},
      {"lines are counted", "a 1\n\n# x\nb\n", "a 1\nerror: line 4: expected a value after the series"},
      {"no value", "a \n", "error: line 1: expected a value after the series"},
      {"no value after labels", "a{b=\"c\"}\n", "error: line 1: expected a value after the series"},
      {"glued value", "a{b=\"c\"}1\n", "error: line 1: expected a space before the value, got \"1\""},
      {"value is a word", "a one\n", "error: line 1: value \"one\" is not a number"},
      {"value with comma", "a 1,5\n", "error: line 1: value \"1,5\" is not a number"},
      {"two signs", "a +-1\n", "error: line 1: value \"+-1\" is not a number"},
      {"carriage return", "a 1\r\n", "error: line 1: value \"1\\r\" is not a number"},
      {"timestamp is a word", "a 1 now\n", "error: line 1: timestamp \"now\" is not a whole number of milliseconds"},
      {"timestamp with a point", "a 1 1.5\n", "error: line 1: timestamp \"1.5\" is not a whole number of milliseconds"},
      {"timestamp too large", "a 1 9223372036854775807\n",
       "error: line 1: timestamp \"9223372036854775807\" is out of range"},
      {"something after the timestamp", "a 1 2 3\n", "error: line 1: unexpected \"3\" after the timestamp"},
      {"exemplar in the text format", "a 1 # {} 1\n",
       "error: line 1: timestamp \"#\" is not a whole number of milliseconds"},
      {"open braces", "a{b=\"c\"\n", "error: line 1: the label set has no closing brace"},
      {"open braces at once", "a{\n", "error: line 1: the label set has no closing brace"},
      {"open quote", "a{b=\"c} 1\n", "error: line 1: label \"b\": the label value has no closing quote"},
      {"escape at the end", "a{b=\"c\\\n", "error: line 1: label \"b\": the label value has no closing quote"},
      {"no equals sign", "a{b} 1\n", "error: line 1: expected \"=\" after label name \"b\", got \"}\""},
      {"no equals sign at the end", "a{b\n", "error: line 1: expected \"=\" after label name \"b\", got the end of the line"},
      {"no quotes", "a{b=c} 1\n", "error: line 1: expected a quoted value for label \"b\", got \"c\""},
      {"single quotes", "a{b='c'} 1\n", "error: line 1: expected a quoted value for label \"b\", got \"'\""},
      {"label begins with a digit", "a{1b=\"c\"} 1\n", "error: line 1: expected a label name, got \"1\""},
      {"two commas", "a{b=\"c\",,} 1\n", "error: line 1: expected a label name, got \",\""},
      {"comma first", "a{,b=\"c\"} 1\n", "error: line 1: expected a label name, got \",\""},
      {"no comma", "a{b=\"c\" d=\"e\"} 1\n", "error: line 1: expected \",\" or \"}\" in the label set, got \"d\""},
      {"label twice", "a{b=\"c\",b=\"d\"} 1\n", "error: line 1: label \"b\" stands twice"},
      {"__name__ as a label", "a{__name__=\"b\"} 1\n",
       "error: line 1: label \"__name__\" is reserved for the metric name"},
      {"no name", "{a=\"b\"} 1\n", "error: line 1: the series has no metric name"},
      {"two names", "a{\"b\"} 1\n", "error: line 1: the series has two metric names"},
      {"empty quoted name", "{\"\"} 1\n", "error: line 1: a quoted name is empty"},
      {"quoted name not UTF-8", "{\"\xff\"} 1\n", "error: line 1: a quoted name is not valid UTF-8"},
      {"value not UTF-8", "a{b=\"\xc3\"} 1\n", "error: line 1: label \"b\": the label value is not valid UTF-8"},
      {"HELP without a name", "# HELP\n", "error: line 1: expected a metric name after HELP"},
      {"HELP of no name", "# HELP 1a x\n", "error: line 1: \"1a\" after HELP is not a metric name"},
      {"HELP not UTF-8", "# HELP a \xff\n", "error: line 1: the help text is not valid UTF-8"},
      {"TYPE without a name", "# TYPE \n", "error: line 1: expected a metric name after TYPE"},
      {"TYPE without a type", "# TYPE a\n", "error: line 1: expected a type after metric name \"a\""},
      {"TYPE unknown to all", "# TYPE a speed\n",
       "error: line 1: type \"speed\" of metric \"a\" is none of counter, gauge, histogram, summary, untyped, "
       "gaugehistogram, stateset, info, unknown"},
      {"quoted TYPE left open", "# TYPE \"a counter\n",
       "error: line 1: the metric name after TYPE has no closing quote"},
      {"an HTML page", "<!DOCTYPE html>\n", "error: line 1: a metric name cannot begin with \"<\""},
      {"JSON", "{\"a\": 1}\n", "error: line 1: expected \",\" or \"}\" in the label set, got \":\""},
      {"no EOF", "a 1\n", "a 1\nerror: line 2: the exposition ends without \"# EOF\"", om},
      {"text after EOF", "# EOF\na 1\n", "error: line 2: unexpected text after \"# EOF\"", om},
      {"timestamp in words", "a 1 now\n", "error: line 1: timestamp \"now\" is not a number of seconds", om},
      {"timestamp infinite", "a 1 +Inf\n", "error: line 1: timestamp \"+Inf\" is not a number of seconds", om},
      {"timestamp far away", "a 1 1e300\n", "error: line 1: timestamp \"1e300\" is out of range", om},
      {"exemplar without labels", "a 1 # 5\n", "error: line 1: expected \"{\" to begin the exemplar, got \"5\"", om},
      {"exemplar without a value", "a 1 # {}\n", "error: line 1: value \"\" of the exemplar is not a number", om},
      {"exemplar with a name", "a 1 # {\"x\"} 1\n",
       "error: line 1: expected \"=\" after label name \"x\" of the exemplar", om},
      {"exemplar's time in words", "a 1 # {} 1 x\n",
       "error: line 1: timestamp \"x\" of the exemplar is not a number of seconds", om},
      {"something after the exemplar", "a 1 # {} 1 2 3\n", "error: line 1: unexpected \"3\" after the exemplar", om},
  });
}

TEST(TextParser, TheDialectIsThatOfTheContentType) {
  EXPECT_EQ(dialect_of("application/openmetrics-text; version=1.0.0; charset=utf-8"), Dialect::kOpenMetrics);
  EXPECT_EQ(dialect_of("Application/OpenMetrics-Text"), Dialect::kOpenMetrics);
  EXPECT_EQ(dialect_of("text/plain; version=0.0.4"), Dialect::kPrometheus);
  EXPECT_EQ(dialect_of(""), Dialect::kPrometheus);
}

TEST(TextParser, EverySpellingOfNanIsOneNanAndNeverTheStalenessMarker) {
  for (const char* text : {"a NaN\n", "a nan\n", "a -nan\n", "a +NaN\n"}) {
    TextParser parser(text, Dialect::kPrometheus);
    ASSERT_TRUE(parser.next()) << text;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(parser.value()), model::kNormalNanBits) << text;
  }
}

TEST(TextParser, AGuessChangesNothingButTheSpeed) {
  const std::string body = "a{b=\"c\"} 1\na 2\na {d=\"e\"} 3\nab 4\n";
  for (const std::string guess : {"", "a", "a{b=\"c\"}", "ab", "a{b=\"c", "nothing"}) {
    TextParser plain(body, Dialect::kPrometheus);
    TextParser guided(body, Dialect::kPrometheus);
    for (;;) {
      const auto one = plain.next();
      const auto two = guided.next(guess);
      ASSERT_TRUE(one && two) << guess;
      ASSERT_EQ(*one, *two);
      if (*one == TextParser::Entry::kEnd) break;
      EXPECT_EQ(plain.series(), guided.series()) << guess;
      EXPECT_EQ(plain.value(), guided.value()) << guess;
    }
  }
}

}  // namespace
}  // namespace holdfast::collect
