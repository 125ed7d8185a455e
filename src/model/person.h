// model/person.h: people who are told, who are on call, and who may do what.
//
// Purpose     One record of each person, from the configuration (`people`) or made through the API; on-call, incidents, the
//             status page and access control all mean the same person by the same id.
// Threads     Values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

// A way to reach a person. Kinds: email, webhook, slack, wecom_robot, dingtalk_robot, feishu_robot, sms, voice. sms and voice
// go through the gateways of the configuration (`gateways`): a webhook with a body of their own.
struct ContactMethod {
  std::string name;  // unique within the person: "mobile"
  std::string kind;
  std::string target;                 // address, URL, number, member id
  std::optional<WallTime> proven_at;  // when a delivery to it last succeeded
};

// After `delay` from the page, through that method; per urgency, in this order.
struct NotificationRule {
  std::string urgency;  // high, low
  Duration delay{};
  std::string method;  // ContactMethod::name
};

struct Person {
  std::string id;    // "zhangsan": login, mention, reference
  std::string name;  // as shown: "张三"
  std::string email;
  std::string phone;
  std::string slack;     // "@zhangsan"
  std::string zone;      // IANA; empty: the configuration's
  std::string language;  // en, zh; empty: the configuration's
  std::string role;      // admin, operator, responder, viewer, auditor
  std::string level;     // basic, intermediate, senior (M18-16)
  std::vector<std::string> teams;
  std::vector<ContactMethod> methods;
  std::vector<NotificationRule> rules;
};

void to_json(nlohmann::json& j, const ContactMethod& v);
void from_json(const nlohmann::json& j, ContactMethod& v);
void to_json(nlohmann::json& j, const NotificationRule& v);
void from_json(const nlohmann::json& j, NotificationRule& v);
void to_json(nlohmann::json& j, const Person& v);
void from_json(const nlohmann::json& j, Person& v);

}  // namespace holdfast::model
