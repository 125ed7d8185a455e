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

Result<void> send_mail(const SmtpServer& server, const Mail& mail) {
  if (mail.to.empty()) return invalid("mail without a recipient");
  const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), curl_easy_cleanup);
  if (!owner) return internal("curl_easy_init failed");
  CURL* curl = owner.get();
  Upload upload{render_mail(mail)};
  std::string refusal;
  char detail[CURL_ERROR_SIZE] = "";
  const bool v6 = server.host.find(':') != std::string::npos;
  // Port 465 speaks TLS from the first byte, all others begin in plain text (RFC 8314).
  const auto url = (server.port == 465 ? "smtps://" : "smtp://") + (v6 ? "[" + server.host + "]" : server.host) +
                   ":" + std::to_string(server.port) + "/holdfast";
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
  if (!server.username.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, server.username.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  }
  const auto result = curl_easy_perform(curl);
  if (result != CURLE_OK) return smtp_error(result, curl, server, refusal, detail);
  return {};
}

}  // namespace holdfast::net
