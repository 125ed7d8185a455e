#include "net/smtp.h"

#include <curl/curl.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::net {
namespace {

// No line break may leave a header field: it would begin another one.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// RFC 2047: words of at most 75 characters, none of which splits a UTF-8 character.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kBytesPerWord = 45;  // base64 makes 60 of them, and 12 characters frame it
  std::string out;
  while (!text.empty()) {
    auto size = std::min(kBytesPerWord, text.size());
    while (size < text.size() && size > 1 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
      --size;
    }
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64_encode(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string header_date(WallTime date) {
  const std::time_t seconds = to_ms(date) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts)};
}

// "Name <a@b>" and "a@b" both give "<a@b>".
std::string angle_address(std::string_view address) {
  const auto open = address.rfind('<');
  const auto close = address.rfind('>');
  if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
    return one_line(address.substr(open, close - open + 1));
  }
  return "<" + one_line(trim(address)) + ">";
}

// What cannot end an address, a command or a line.
bool is_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == ',' || c == ';';
  });
}

long curl_tls_version(const std::string& name, bool at_most) {
  const std::pair<const char*, std::pair<long, long>> kVersions[] = {
      {"TLS10", {CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0}},
      {"TLS11", {CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1}},
      {"TLS12", {CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2}},
      {"TLS13", {CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3}}};
  for (const auto& [known, values] : kVersions) {
    if (name == known) return at_most ? values.second : values.first;
  }
  return at_most ? long{CURL_SSLVERSION_MAX_DEFAULT} : long{CURL_SSLVERSION_TLSv1_2};
}

void set_text(CURL* curl, CURLoption option, const std::string& text) {
  if (!text.empty()) curl_easy_setopt(curl, option, text.c_str());
}

void set_pem(CURL* curl, CURLoption option, const std::string& text) {
  if (text.empty()) return;
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(curl, option, &blob);
}

void set_tls(CURL* curl, const TlsOptions& tls) {
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  set_text(curl, CURLOPT_CAINFO, tls.ca_file);
  set_pem(curl, CURLOPT_CAINFO_BLOB, tls.ca_text);
  set_text(curl, CURLOPT_SSLCERT, tls.cert_file);
  set_pem(curl, CURLOPT_SSLCERT_BLOB, tls.cert_text);
  set_text(curl, CURLOPT_SSLKEY, tls.key_file);
  set_pem(curl, CURLOPT_SSLKEY_BLOB, tls.key_text);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                   curl_tls_version(tls.min_version, false) | curl_tls_version(tls.max_version, true));
}

void set_login(CURL* curl, const SmtpServer& server) {
  if (server.username.empty()) return;
  curl_easy_setopt(curl, CURLOPT_USERNAME, server.username.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  set_text(curl, CURLOPT_SASL_AUTHZID, server.identity);
  std::string options;
  for (const auto& name : server.auth) options += (options.empty() ? "AUTH=" : ";AUTH=") + name;
  set_text(curl, CURLOPT_LOGIN_OPTIONS, options);
}

struct Upload {
  std::string message;
  std::size_t used = 0;
};

std::size_t give_bytes(char* to, std::size_t size, std::size_t count, void* user) {
  auto* upload = static_cast<Upload*>(user);
  const auto piece = std::min(size * count, upload->message.size() - upload->used);
  upload->message.copy(to, piece, upload->used);
  upload->used += piece;
  return piece;
}

// The server's lines; the last one that refuses is what the caller wants to read.
std::size_t take_line(char* from, std::size_t size, std::size_t count, void* user) {
  const auto line = trim({from, size * count});
  if (!line.empty() && (line.front() == '4' || line.front() == '5')) {
    static_cast<std::string*>(user)->assign(line);
  }
  return size * count;
}

Error smtp_error(CURLcode result, CURL* curl, const SmtpServer& server, const std::string& refusal,
                 const char* detail) {
  const auto where = "mail server " + server.host + ":" + std::to_string(server.port) + ": ";
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (result == CURLE_OPERATION_TIMEDOUT) return {Code::kTimeout, where + "timed out"};
  if (!refusal.empty() && status >= 400) {
    const auto code = status >= 500 ? Code::kInvalid : Code::kUnavailable;
    return {code, where + printable(refusal, 200)};
  }
  return unavailable(where + (*detail ? detail : curl_easy_strerror(result)));
}

}  // namespace

std::string render_mail(const Mail& mail) {
  std::string out;
  out += "Date: " + header_date(mail.date) + "\r\n";
  out += "From: " + one_line(mail.from) + "\r\n";
  out += "To: ";
  for (std::size_t i = 0; i < mail.to.size(); ++i) {
    // Folded at each address: a line may hold 998 characters, a list of people more.
    if (i > 0) out += ",\r\n ";
    out += one_line(mail.to[i]);
  }
  out += "\r\n";
  const auto subject = one_line(mail.subject);
  out += "Subject: " + (is_ascii(subject) && subject.size() <= 66 ? subject : encoded_words(subject)) + "\r\n";
  if (!mail.message_id.empty()) out += "Message-ID: <" + one_line(mail.message_id) + ">\r\n";
  out +=
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\n"
      "\r\n";
  const auto body = base64_encode(mail.body);
  for (std::size_t i = 0; i < body.size(); i += 76) out.append(body, i, 76).append("\r\n");
  return out;
}

Result<std::string> mail_address(std::string_view text) {
  auto address = trim(text);
  if (const auto open = address.rfind('<'); open != std::string_view::npos) {
    const auto close = address.find('>', open);
    if (close == std::string_view::npos || !trim(address.substr(close + 1)).empty()) {
      return invalid("not a mail address: " + printable(text));
    }
    address = trim(address.substr(open + 1, close - open - 1));
  }
  if (!is_address(address)) return invalid("not a mail address: " + printable(text));
  return std::string(address);
}

Result<std::vector<std::string>> mail_addresses(std::string_view list) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] == '"' && (i == 0 || list[i - 1] != '\\')) quoted = !quoted;
    if (i < list.size() && (list[i] != ',' || quoted)) continue;
    const auto part = list.substr(begin, i - begin);
    begin = i + 1;
    if (trim(part).empty()) continue;
    out.push_back(HF_TRY(mail_address(part)));
  }
  if (out.empty()) return invalid("no mail address");
  return out;
}

Result<void> send_mail(const SmtpServer& server, const Mail& mail) {
  if (mail.to.empty()) return invalid("mail without a recipient");
  const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), curl_easy_cleanup);
  if (!owner) return internal("curl_easy_init failed");
  CURL* curl = owner.get();
  Upload upload{mail.raw.empty() ? render_mail(mail) : mail.raw};
  std::string refusal;
  char detail[CURL_ERROR_SIZE] = "";
  // Port 465 speaks TLS from the first byte, all others begin in plain text (RFC 8314).
  const bool implicit = server.implicit_tls.value_or(server.port == 465);
  const auto bracketed = [](const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
  };
  const auto port = std::to_string(server.port);
  const auto shown = server.tls.server_name.empty() ? server.host : server.tls.server_name;
  const auto hello = server.hello.empty() ? "holdfast" : percent_encode(server.hello);
  const auto url = (implicit ? "smtps://" : "smtp://") + bracketed(shown) + ":" + port + "/" + hello;
  // A name for the certificate that is not the host's: the connection goes to the host all the same.
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> route(
      curl_slist_append(nullptr, ("::" + bracketed(server.host) + ":" + port).c_str()), curl_slist_free_all);
  curl_slist* list = nullptr;
  for (const auto& address : mail.to) list = curl_slist_append(list, angle_address(address).c_str());
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> recipients(list, curl_slist_free_all);

  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");  // the environment must not redirect alerts
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(to_ms(server.timeout)));
  curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(server.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, angle_address(mail.from).c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_bytes);
  curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_line);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &refusal);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  if (shown != server.host) curl_easy_setopt(curl, CURLOPT_CONNECT_TO, route.get());
  set_tls(curl, server.tls);
  set_login(curl, server);
  const auto result = curl_easy_perform(curl);
  if (result != CURLE_OK) return smtp_error(result, curl, server, refusal, detail);
  return {};
}

}  // namespace holdfast::net
