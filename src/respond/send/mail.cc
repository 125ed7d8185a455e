#include "respond/send/mail.h"

#include <algorithm>
#include <ctime>

#include "base/bytes.h"
#include "base/text.h"
#include "respond/send/http_settings.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kLineMax = 76;

void hex_byte(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.push_back('=');
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 15]);
}

bool is_plain_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

// One word of a line that is being filled.
class QuotedLines {
 public:
  void byte(unsigned char c) {
    if (c == '\n' || c == '\r') {
      if (after_cr_ && c == '\n') {
        after_cr_ = false;  // CRLF is one end of a line
        return;
      }
      seal();
      out_ += line_ + "\r\n";
      line_.clear();
      after_cr_ = c == '\r';
      return;
    }
    after_cr_ = false;
    const bool literal = (c >= '!' && c <= '~' && c != '=') || c == ' ' || c == '\t';
    if (line_.size() + (literal ? 1 : 3) > kLineMax - 1) {
      out_ += line_ + "=\r\n";
      line_.clear();
    }
    if (literal)
      line_.push_back(static_cast<char>(c));
    else
      hex_byte(line_, c);
  }
  std::string take() {
    seal();
    return out_ + line_;
  }

 private:
  // White space at the end of a line gets lost on the way.
  void seal() {
    if (line_.empty() || (line_.back() != ' ' && line_.back() != '\t')) return;
    const auto c = static_cast<unsigned char>(line_.back());
    line_.pop_back();
    if (line_.size() + 3 > kLineMax - 1) {
      out_ += line_ + "=\r\n";
      line_.clear();
    }
    hex_byte(line_, c);
  }

  std::string out_, line_;
  bool after_cr_ = false;
};

std::string date_of(WallTime at, const char* layout) {
  const std::time_t seconds = to_ms(at) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, layout, &parts)};
}

// Names of header fields are not templates; what would end a line or a name is left out.
std::string field_name(std::string_view name) {
  std::string out;
  std::copy_if(name.begin(), name.end(), std::back_inserter(out),
               [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
  return out;
}

struct Head {
  Pairs fields;
  std::string from, to;
};

Head head_of(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  Head head;
  head.from = words.text(settings.text("from"));
  head.to = words.text(settings.text("to"));
  auto templates = settings.pairs("headers");
  templates.emplace("Subject", "{{ template \"email.default.subject\" . }}");
  templates.emplace("To", settings.text("to"));
  templates.emplace("From", settings.text("from"));
  for (const auto& [name, source] : templates) {
    head.fields[field_name(name)] = name == "Subject" ? words.title(source) : words.text(source);
  }
  return head;
}

std::string thread_root(const Message& message) {
  const auto by_day = message.settings.inner("threading").text("thread_by_date") != "none";
  return "<alert-" + message.hashed_key().substr(0, 16) + "-" +
         (by_day ? date_of(message.now, "%Y-%m-%d") : std::string()) + "@alertmanager>";
}

std::string raw_mail(const Message& message, const Head& head, std::string_view key) {
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto id = sha256_hex(key);
  const auto boundary = id.substr(0, 60);
  std::string out;
  for (const auto& [name, value] : head.fields) out += name + ": " + encode_header(value) + "\r\n";
  if (!head.fields.contains("Message-Id"))
    out += "Message-Id: <" + id.substr(0, 32) + "@holdfast>\r\n";
  if (settings.inner("threading").flag("enabled")) {
    const auto root = thread_root(message);
    out += "References: " + root + "\r\nIn-Reply-To: " + root + "\r\n";
  }
  if (!head.fields.contains("Date")) {
    out += "Date: " + date_of(message.now, "%a, %d %b %Y %H:%M:%S +0000") + "\r\n";
  }
  out += "Content-Type: multipart/alternative;  boundary=" + boundary +
         "\r\nMIME-Version: 1.0\r\n\r\n";
  const auto part = [&](const char* type, const std::string& body, bool first) {
    out += (first ? "--" : "\r\n--") + boundary +
           "\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: " + type +
           "; charset=UTF-8\r\n\r\n" + quoted_printable(body);
  };
  const auto text = settings.text("text"), html = settings.text("html");
  if (!text.empty()) part("text/plain", words.body(text), true);
  if (!html.empty()) part("text/html", words.html(html, Words::Use::kBody), text.empty());
  return out + "\r\n--" + boundary + "--\r\n";
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

Result<net::SmtpServer> server_of(const Settings& settings) {
  net::SmtpServer server;
  const auto smarthost = settings.text("smarthost");
  const auto colon = smarthost.rfind(':');
  if (colon == std::string::npos) return invalid("invalid address: " + printable(smarthost));
  server.host = smarthost.substr(0, colon);
  if (server.host.starts_with('[') && server.host.ends_with(']')) {
    server.host = server.host.substr(1, server.host.size() - 2);
  }
  const auto port = parse_int(smarthost.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535)
    return invalid("invalid address: " + printable(smarthost));
  server.port = static_cast<int>(*port);
  server.hello = settings.text("hello");
  if (settings.has("force_implicit_tls")) server.implicit_tls = settings.flag("force_implicit_tls");
  // Under TLS from the first byte there is nothing left to start.
  const bool implicit = server.implicit_tls.value_or(server.port == 465);
  server.require_tls = !implicit && settings.flag("require_tls");
  server.tls = tls_options(settings.inner("tls_config"));
  return server;
}

std::vector<net::SmtpServer> with_logins(const net::SmtpServer& server, const Settings& settings) {
  const auto user = settings.text("auth_username");
  const auto secret = settings.text("auth_secret"), password = settings.text("auth_password");
  if (user.empty() || (secret.empty() && password.empty())) return {server};
  std::vector<net::SmtpServer> out;
  if (!secret.empty()) {
    out.push_back(server);
    out.back().username = user;
    out.back().password = secret;
    out.back().auth = {"CRAM-MD5"};
  }
  if (!password.empty()) {
    const bool tls = server.require_tls || server.implicit_tls.value_or(server.port == 465);
    out.push_back(server);
    out.back().username = user;
    out.back().password = password;
    out.back().identity = settings.text("auth_identity");
    out.back().auth = {"LOGIN"};
    if (tls || is_this_machine(server.host))
      out.back().auth.insert(out.back().auth.begin(), "PLAIN");
  }
  return out;
}

}  // namespace

std::string encode_header(std::string_view text) {
  if (is_plain_header(text)) return std::string(text);
  constexpr std::string_view kOpen = "=?utf-8?q?", kClose = "?=";
  constexpr std::size_t kWordMax = 75 - kOpen.size() - kClose.size();
  std::string out(kOpen);
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (at + size < text.size() &&
           (static_cast<unsigned char>(text[at + size]) & 0xC0U) == 0x80U)
      ++size;
    const char c = text[at];
    const bool plain = size == 1 && c >= ' ' && c <= '~' && c != '=' && c != '?' && c != '_';
    const auto width = plain ? 1 : 3 * size;
    if (used + width > kWordMax) {
      out.append(kClose).append("\r\n ").append(kOpen);
      used = 0;
    }
    used += width;
    for (std::size_t i = 0; i < size; ++i) {
      if (plain)
        out.push_back(c == ' ' ? '_' : c);
      else
        hex_byte(out, static_cast<unsigned char>(text[at + i]));
    }
    at += size;
  }
  return out.append(kClose);
}

std::string quoted_printable(std::string_view text) {
  QuotedLines lines;
  for (const char c : text) lines.byte(static_cast<unsigned char>(c));
  return lines.take();
}

Result<MailJob> build_email(const Message& message, std::string_view key) {
  MailJob job;
  const auto server = HF_TRY(server_of(message.settings));
  job.servers = with_logins(server, message.settings);
  const auto head = head_of(message);
  job.mail.raw = raw_mail(message, head, key);
  if (message.words.error()) return job;
  auto from = net::mail_addresses(head.from);
  if (!from) return std::move(from).error().context("parsing from addresses");
  if (from->size() != 1) return invalid("must be exactly one from address");
  job.mail.from = from->front();
  auto to = net::mail_addresses(head.to);
  if (!to) return std::move(to).error().context("parsing to addresses");
  job.mail.to = std::move(*to);
  return job;
}

}  // namespace holdfast::respond::send
