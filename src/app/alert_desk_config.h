// app/alert_desk_config.h: what the configuration says about alerts and those who are told of them.
//
// Threads     Values.
#pragma once

#include "app/config_alerting.h"
#include "app/config_intake.h"
#include "app/config_status.h"

namespace holdfast::app {

struct AlertDeskConfig {
  AlertingConfig alerting = default_alerting();
  IntakeConfig intake;
  StatusConfig status;
};

}  // namespace holdfast::app
