// What the tests of respond/send share: notifications, a configuration's integrations, one built request.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "respond/route/config.h"
#include "respond/send/kinds.h"
#include "respond/send/templates.h"

namespace holdfast::respond::send {

inline std::string read_test_file(const std::string& name) {
  std::ifstream in(std::string(HOLDFAST_SOURCE_DIR) + "/tests/respond/send/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline route::Config config_of(const std::string& file) {
  auto config = route::parse(read_test_file(file), {});
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  return config ? *config : route::Config{};
}

inline model::Labels labels_of(const nlohmann::json& object) {
  std::vector<model::Label> out;
  for (const auto& [name, value] : object.items()) out.push_back({name, value.get<std::string>()});
  return model::Labels(std::move(out));
}

// The notification behind a webhook's body.
inline route::GroupNotification notification_of(const nlohmann::json& body, const std::string& receiver) {
  route::GroupNotification n;
  n.receiver = receiver;
  n.group_key = body["groupKey"];
  n.reason = body.value("notification_reason", "");
  n.group_labels = labels_of(body["groupLabels"]);
  for (const auto& one : body["alerts"]) {
    route::RoutedAlert alert;
    alert.labels = labels_of(one["labels"]);
    alert.annotations = labels_of(one["annotations"]);
    alert.starts_at = *parse_time(one["startsAt"].get<std::string>());
    if (one["status"] == "resolved") alert.ends_at = *parse_time(one["endsAt"].get<std::string>());
    alert.generator_url = one["generatorURL"];
    n.alerts.push_back(std::move(alert));
  }
  return n;
}

// Everything a builder needs, and what it built.
struct Built {
  Built(const route::GroupNotification& notification, const nlohmann::json& given,
        const std::string& external_url = "http://am:9093")
      : settings(given),
        data(data_of(notification, {external_url, static_cast<std::uint64_t>(Settings(given).integer("max_alerts"))})),
        words([this](const std::string& t) { return templates()->text(t, data, now); },
              [this](const std::string& t) { return templates()->html(t, data, now); }) {}

  static const std::shared_ptr<const Templates>& templates() {
    static const std::shared_ptr<const Templates> kOnce = std::make_shared<Templates>();
    return kOnce;
  }
  Message message() {
    return {.settings = Settings(settings), .words = words, .data = data, .now = now, .remembered = remembered,
            .drill = drill, .in_place_of = in_place_of, .why = why, .tokens = tokens,
            .variable = [](const char*) { return std::string(); }};
  }
  Result<Exchange> build(const std::string& kind) { return builder_of(kind)(message()); }

  nlohmann::json settings;
  Data data;
  Words words;
  WallTime now = from_ms(1767323045678);
  std::string remembered, in_place_of, why;
  bool drill = false;
  std::shared_ptr<TokenCache> tokens = std::make_shared<TokenCache>();
};

inline Answer answer_of(int status, std::string body, const std::string& type = "application/json") {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.headers.set("Content-Type", type);
  return answer;
}

}  // namespace holdfast::respond::send
