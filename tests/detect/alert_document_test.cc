// An alert comes back from its document as it was.
#include "detect/rules/alert_document.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast::detect {
namespace {

TEST(AlertDocument, ComesBackAsItWas) {
  StoredAlert stored;
  stored.rule = "r.yml;g;alerting;a;{}";
  stored.active.alert.labels = {{"alertname", "a"}, {"instance", "x"}};
  stored.active.alert.state = model::AlertState::kFiring;
  stored.active.alert.active_at = from_ms(1000);
  stored.active.alert.fired_at = from_ms(2000);
  stored.active.alert.value = std::numeric_limits<double>::infinity();
  stored.active.alert.evidence.threshold = "<= 1";
  stored.active.keep_firing_since = from_ms(3000);
  const auto back = read_alert_document(write_alert_document(stored));
  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_EQ(back->rule, stored.rule);
  EXPECT_EQ(back->active.alert.labels, stored.active.alert.labels);
  EXPECT_EQ(back->active.alert.state, model::AlertState::kFiring);
  EXPECT_EQ(back->active.alert.fired_at, from_ms(2000));
  EXPECT_EQ(back->active.alert.value, stored.active.alert.value);
  EXPECT_EQ(back->active.alert.evidence, stored.active.alert.evidence);
  EXPECT_EQ(back->active.keep_firing_since, from_ms(3000));
}

TEST(AlertDocument, OfAnotherWriterIsReadOrRefusedByMember) {
  const struct {
    const char* body;
    const char* want;
  } cases[] = {
      {"{\"labels\":{\"alertname\":\"a\"},\"state\":\"firing\"}", ""},
      {"{\"labels\":{},\"rule\":1}", "member rule: must be a string"},
      {"{\"labels\":{},\"keep_firing_since\":[]}", "member keep_firing_since: must be a string"},
      {"{\"state\":\"lost\"}", nullptr},
      {"[]", nullptr},
      {"{", nullptr},
  };
  for (const auto& c : cases) {
    const auto read = read_alert_document(c.body);
    const auto error = read ? std::string() : read.error().message();
    if (c.want == nullptr) {
      EXPECT_NE(error, "") << c.body;
    } else {
      EXPECT_EQ(error, c.want) << c.body;
    }
  }
}

}  // namespace
}  // namespace holdfast::detect
