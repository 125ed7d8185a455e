#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "respond/cases.h"
#include "respond/notify/notifier.h"

namespace holdfast::respond {
namespace {

using testing::HasSubstr;

TEST(Messages, EnglishSaysWhatSinceWhenAndWhere) {
  const auto message = render_message(make_incident(), "opened", "en", "http://hf", kNoon + 65s);
  EXPECT_EQ(message.subject, "[P1] Incident: enhancer HighErrors on enhancer (INC-20260101-001)");
  EXPECT_EQ(message.body, "Severity: P1 " + model::scheme_a().level(model::Rank::kWorst).title_en +
                              "\n"
                              "Service: enhancer\n"
                              "State: open\n"
                              "Affected: enhancer\n"
                              "Impact since: 2026-01-01T12:00:00.000Z\n"
                              "Detected: 2026-01-01T12:00:00.000Z\n"
                              "Duration: 1 min 5 s\n"
                              "In charge: nobody yet\n"
                              "Respond by: 2026-01-01T12:00:00.000Z\n"
                              "What was seen:\n"
                              "  - HighErrors on enhancer (0.5; <= 0.05)\n"
                              "What was done:\n"
                              "  - nothing yet\n"
                              "Details: http://hf/incidents/INC-20260101-001\n");
}

TEST(Messages, ChineseHasTheSameFacts) {
  auto incident = make_incident();
  incident.drill = true;
  incident.scheme = "B";
  ASSERT_TRUE(resolve(incident, "ops", "", kNoon + 3900s).has_value());
  const auto message = render_message(incident, "resolved", "zh", "http://hf", kNoon + 9999s);
  EXPECT_EQ(message.subject,
            "[演练] [P0] 已解决: enhancer HighErrors on enhancer (INC-20260101-001)");
  EXPECT_THAT(message.body, HasSubstr("持续时间: 1 小时 5 分钟\n"));
  EXPECT_THAT(message.body, HasSubstr("结束时间: 2026-01-01T13:05:00.000Z\n"));
  EXPECT_THAT(message.body, HasSubstr("负责人: ops\n"));
}

TEST(Messages, WebhookCarriesKeyEventAndIncident) {
  const auto incident = make_incident();
  const auto body = nlohmann::json::parse(
      render_webhook(incident, "opened", {"subject", "body"}, "INC-1/opened/3/team"));
  EXPECT_EQ(body["key"], "INC-1/opened/3/team");
  EXPECT_EQ(body["event"], "opened");
  EXPECT_EQ(body["incident"]["id"], "INC-20260101-001");
  EXPECT_EQ(body["incident"]["timeline"].size(), incident.timeline.size());
}

TEST(Messages, SlackEscapesItsThreeCharactersAndColoursByNeed) {
  const auto incident = make_incident();
  const auto bad =
      nlohmann::json::parse(render_slack(incident, "opened", {"a<b> & c", "x"}, "#ops"));
  EXPECT_EQ(bad["text"], "a&lt;b&gt; &amp; c");
  EXPECT_EQ(bad["channel"], "#ops");
  EXPECT_EQ(bad["attachments"][0]["color"], "danger");
  const auto good = nlohmann::json::parse(render_slack(incident, "resolved", {"s", "x"}, ""));
  EXPECT_FALSE(good.contains("channel"));
  EXPECT_EQ(good["attachments"][0]["color"], "good");
}

}  // namespace
}  // namespace holdfast::respond
