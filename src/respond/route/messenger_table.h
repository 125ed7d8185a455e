// respond/route/messenger_table.h: the settings of messengers; integration_table.h says what a table is.
//
// Threads     Constant tables, made before main().
#pragma once

#include "respond/route/integration_table.h"

namespace holdfast::respond::route {

const ObjectTable& slack_table();
const ObjectTable& rocketchat_table();
const ObjectTable& mattermost_table();
// Holdfast's own robots.
const ObjectTable& wecom_robot_table();
const ObjectTable& dingtalk_robot_table();
const ObjectTable& feishu_robot_table();

}  // namespace holdfast::respond::route
