// respond/notify/robot_notice.h: an incident notice for the group robot of WeCom, DingTalk or Feishu.
//
// Purpose     Puts a notice's words, which are rendered already, through the builders of send/kinds.h.
// Errors      kInvalid: a receiver without an address.
// Threads     Pure.
#pragma once

#include "respond/notify/notifier.h"
#include "respond/send/exchange.h"

namespace holdfast::respond {

Result<send::Exchange> robot_exchange(const Receiver& to, const Message& message, WallTime now);

}  // namespace holdfast::respond
