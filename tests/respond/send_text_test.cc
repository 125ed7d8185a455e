// How bodies are written: Go's JSON, the data object, cuts by characters and bytes, mail encodings.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "respond/send/data.h"
#include "respond/send/go_json.h"
#include "respond/send/limits.h"
#include "respond/send/mail.h"

namespace holdfast::respond::send {
namespace {

TEST(GoJson, WritesWhatGoWrites) {
  struct Case {
    const char* name;
    OrderedJson value;
    const char* want;
  };
  const Case cases[] = {
      {"order stays", OrderedJson::object({{"b", 1}, {"a", 2}}), R"({"b":1,"a":2})"},
      {"html", "<a> & 'b' \"c\" \\", R"("\u003ca\u003e \u0026 'b' \"c\" \\")"},
      {"controls", std::string("\x01\b\f\n\r\t\x1f\x7f"), "\"\\u0001\\b\\f\\n\\r\\t\\u001f\x7f\""},
      {"separators", "a\u2028b\u2029c\u2030", "\"a\\u2028b\\u2029c\u2030\""},
      {"not UTF-8", std::string("a\xffz\xe4\xbd"), R"("a\ufffdz\ufffd\ufffd")"},
      {"surrogate", std::string("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")"},
      {"Chinese", "告警", "\"告警\""},
      {"numbers", OrderedJson::array({0, -5, 1.5, 1e21, 1e-7, 100000.0, 0.000001, -2.5e-9}),
       "[0,-5,1.5,1e+21,1e-7,100000,0.000001,-2.5e-9]"},
      {"rest",
       OrderedJson::array({true, false, nullptr, OrderedJson::object(), OrderedJson::array()}),
       "[true,false,null,{},[]]"},
  };
  for (const auto& c : cases) EXPECT_EQ(go_json(c.value), c.want) << c.name;
  EXPECT_EQ(go_json_line(OrderedJson(1)), "1\n");
  EXPECT_EQ(go_json(nlohmann::json({{"b", 1}, {"a", 2}})), R"({"a":2,"b":1})");
}

TEST(GoJson, TimesHaveAsManyDigitsAsTheyNeed) {
  EXPECT_EQ(go_time(from_ms(1767323045678)), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(go_time(from_ms(1767323045600)), "2026-01-02T03:04:05.6Z");
  EXPECT_EQ(go_time(from_ms(1767323045000)), "2026-01-02T03:04:05Z");
  EXPECT_EQ(go_time(from_ms(1767322800000)), "2026-01-02T03:00:00Z");
}

TEST(Cuts, CountCharactersAndEndInAMark) {
  struct Case {
    std::string text;
    std::size_t max;
    std::string want;
  };
  const Case cases[] = {
      {"", 3, ""},
      {"abcd", 4, "abcd"},
      {"abcde", 4, "abc…"},
      {"abcd", 3, "abc"},
      {"告警告警", 4, "告警告警"},
      {"告警告警告", 4, "告警告…"},
      {"告警告", 2, "告警"},
      {"ab\xff\xff", 4, "ab\xff\xff"},
      {"a😀b😀c", 4, "a😀b…"},
      {"abc", 0, ""},
  };
  for (const auto& c : cases) EXPECT_EQ(cut_runes(c.text, c.max), c.want) << c.text << " " << c.max;
  EXPECT_EQ(rune_count("a告😀\xff"), 4U);
}

TEST(Cuts, CountBytesAndNeverSplitACharacter) {
  struct Case {
    std::string text;
    std::size_t max;
    std::string want;
  };
  const Case cases[] = {
      {"abcdef", 6, "abcdef"},  {"abcdefg", 6, "abc…"},    {"告警告", 9, "告警告"},
      {"告警告警", 9, "告警…"}, {"告警告警", 10, "告警…"}, {"告警告警", 11, "告警…"},
      {"告警告警", 3, "…"},     {"告警告警", 2, ".."},     {"abcd", 0, ""},
  };
  for (const auto& c : cases) EXPECT_EQ(cut_bytes(c.text, c.max), c.want) << c.text << " " << c.max;
  std::string long_text;
  for (int i = 0; i < 2000; ++i) long_text += "警a";
  for (const std::size_t max : {2047U, 2048U, 2049U, 4096U}) {
    const auto cut = cut_bytes(long_text, max);
    EXPECT_LE(cut.size(), max);
    EXPECT_GE(cut.size() + 3, max) << "no more is cut than must be";
    EXPECT_TRUE(cut.ends_with("…"));
  }
}

TEST(Rates, TwentyInAnyMinuteAndTheLastPlaceIsForResolves) {
  RateWindow window(20, 60s);
  const MonoTime start{};
  for (int i = 0; i < 19; ++i) EXPECT_EQ(window.take(start + i * 1s, false), Duration{});
  EXPECT_EQ(window.take(start + 19s, false), Duration(41s)) << "one place is kept";
  EXPECT_EQ(window.take(start + 19s, true), Duration{});
  EXPECT_EQ(window.take(start + 20s, true), Duration(40s)) << "when the first leaves";
  EXPECT_EQ(window.take(start + 20s, false), Duration(41s)) << "when the second leaves";
  EXPECT_EQ(window.take(start + 60s, false), Duration(1s));
  EXPECT_EQ(window.take(start + 61s, false), Duration{});
  EXPECT_FALSE(window.idle(start + 120s));
  EXPECT_TRUE(window.idle(start + 121s));
}

route::GroupNotification three_alerts() {
  route::GroupNotification n;
  n.receiver = "team.a";
  n.group_key = "{}:{alertname=\"X\"}";
  n.reason = "first notification";
  n.group_labels = model::Labels{{"alertname", "X"}};
  for (const char* job : {"a", "b", "c"}) {
    route::RoutedAlert alert;
    alert.labels = model::Labels{{"alertname", "X"}, {"job", job}, {"env", "prod"}};
    alert.annotations = model::Labels{{"runbook", "u"}};
    alert.starts_at = from_ms(1767323045678);
    n.alerts.push_back(alert);
  }
  n.alerts[0].ends_at = from_ms(1767326645000);
  return n;
}

TEST(DataObject, IsTheWebhooksInGosOrder) {
  auto n = three_alerts();
  n.alerts.resize(1);
  n.alerts[0].labels = model::Labels{{"alertname", "X"}, {"job", "foo"}};
  EXPECT_EQ(
      go_json(to_go(data_of(n, {"http://am:9093", 0}))),
      R"({"receiver":"team\\.a","status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"X",)"
      R"("job":"foo"},"annotations":{"runbook":"u"},"startsAt":"2026-01-02T03:04:05.678Z",)"
      R"("endsAt":"2026-01-02T04:04:05Z","generatorURL":"","fingerprint":"8e625929a2078147"}],)"
      R"("notification_reason":"first notification","groupLabels":{"alertname":"X"},)"
      R"("commonLabels":{"alertname":"X","job":"foo"},"commonAnnotations":{"runbook":"u"},"routeLabels":{},)"
      R"("externalURL":"http://am:9093"})");
}

TEST(DataObject, IsOfWhatIsSentNotOfWhatIsCut) {
  const auto all = data_of(three_alerts(), {});
  EXPECT_EQ(all.status, "firing");
  EXPECT_EQ(all.common_labels, (Pairs{{"alertname", "X"}, {"env", "prod"}}));
  EXPECT_EQ(all.truncated, 0U);
  const auto one = data_of(three_alerts(), {"", 1});
  EXPECT_EQ(one.status, "resolved") << "only the resolved one is left";
  EXPECT_EQ(one.common_labels.at("job"), "a");
  EXPECT_EQ(one.truncated, 2U);
}

TEST(DataObject, QuotesTheReceiverAsARegex) {
  EXPECT_EQ(quote_meta(R"(a.b+c*d?(e)|[f]{g}^h$i\-_)"),
            R"(a\.b\+c\*d\?\(e\)\|\[f\]\{g\}\^h\$i\\-_)");
}

TEST(MailText, HeadersAreEncodedOnlyWhenTheyMust) {
  EXPECT_EQ(encode_header("[FIRING:1] plain =?_ text"), "[FIRING:1] plain =?_ text");
  EXPECT_EQ(encode_header("é=?_ x"), "=?utf-8?q?=C3=A9=3D=3F=5F_x?=");
  EXPECT_EQ(encode_header("a\r\nBcc: b@c"), "=?utf-8?q?a=0D=0ABcc:_b@c?=")
      << "no header can be added";
  std::string subject;
  for (int i = 0; i < 60; ++i) subject += "警";
  const auto encoded = encode_header(subject);
  for (std::size_t at = 0; at < encoded.size();) {
    const auto end = std::min(encoded.find("\r\n ", at), encoded.size());
    EXPECT_LE(end - at, 75U);
    EXPECT_EQ((end - at - 12) % 9, 0U) << "no character is split";
    at = end == encoded.size() ? end : end + 3;
  }
}

TEST(MailText, QuotedPrintableIsGos) {
  struct Case {
    const char* name;
    std::string text, want;
  };
  const std::string x75(75, 'x'), x74(74, 'x'), x73(73, 'x');
  const Case cases[] = {
      {"plain", "a=b\tc", "a=3Db\tc"},
      {"line feeds", "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd"},
      {"blanks at ends", "a \nb\t\n \nc ", "a=20\r\nb=09\r\n=20\r\nc=20"},
      {"75 fit", x75, x75},
      {"76 do not", x75 + "y", x75 + "=\r\ny"},
      {"75 and a line feed", x75 + "\ny", x75 + "\r\ny"},
      {"no half escape", x73 + "é", x73 + "=\r\n=C3=A9"},
      {"blank before the break", x74 + " \n", x74 + "=\r\n=20\r\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(quoted_printable(c.text), c.want) << c.name;
}

}  // namespace
}  // namespace holdfast::respond::send
