// respond/send/http_settings.h: settings of an integration as what net speaks: http_config, tls_config, secrets in files.
//
// Purpose     http_settings() and tls_options() translate; with_secrets() reads each X_file of the settings into X, so that
//             builders see one place; secrets_of() lists what no outcome may show.
// Errors      with_secrets: a file that cannot be read, by its setting's name.
// Threads     Pure, but for with_secrets, which reads small files on the caller's thread.
// Source      ../shared/reference/alerting.md section 2.1; route/integration_table.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "net/http_client.h"
#include "respond/send/exchange.h"

namespace holdfast::respond::send {

net::HttpSettings http_settings(const Settings& http_config);
net::TlsOptions tls_options(const Settings& tls_config);

Result<nlohmann::json> with_secrets(const nlohmann::json& settings, FileSystem& files);
std::vector<std::string> secrets_of(const nlohmann::json& settings);
// Every secret in it becomes <secret>.
std::string redacted(std::string text, const std::vector<std::string>& secrets);

}  // namespace holdfast::respond::send
