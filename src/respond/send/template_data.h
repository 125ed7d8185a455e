// respond/send/template_data.h: the data object as templates see it: Go's template.Data with its methods.
//
// Purpose     value_of() gives .Receiver .Status .Alerts (.Firing .Resolved) .GroupLabels .CommonLabels (.SortedPairs .Remove
//             .Names .Values) and the rest, so that every template written for Alertmanager finds what it asks for.
// Threads     Pure; values are immutable.
// Source      ../shared/reference/alerting.md section 2.10.
#pragma once

#include "base/template/value.h"
#include "respond/send/data.h"

namespace holdfast::respond::send {

templates::Value value_of(const Data& data);
templates::Value value_of(const Pairs& pairs);  // template.KV
// What only alert notifications have beside alertmanager_functions(): routeLabels. Execution::host is the Data.
templates::Functions notification_functions();

}  // namespace holdfast::respond::send
