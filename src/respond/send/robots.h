// respond/send/robots.h: what the group robots of WeCom, DingTalk and Feishu have in common.
//
// Purpose     Signatures by HMAC-SHA256, an errcode in a 200, and mentions that survive the cut of a long text.
// Threads     Pure.
// Source      ../shared/reference/alerting.md section 2.16; the robots' own documents.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "respond/send/exchange.h"

namespace holdfast::respond::send {

// Base64 of HMAC-SHA256.
std::string hmac_base64(std::string_view key, std::string_view text);

struct RobotCodes {
  const char* code = "errcode";
  const char* words = "errmsg";
  std::vector<std::int64_t> limited;    // too often: tried again after a minute
  std::vector<std::int64_t> forbidden;  // key or signature
};
Step judge_robot(const Answer& answer, const RobotCodes& codes);

// `text` and `tail` within `size_max` bytes; what is cut is cut from the text.
std::string with_tail(std::string_view text, const std::string& tail, std::size_t size_max);
std::vector<std::string> rendered_list(const Message& message,
                                       const char* name);  // empty ones left out

}  // namespace holdfast::respond::send
