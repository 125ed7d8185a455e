// One Session a connection. It lives on the connection's thread; what must be asked is posted to the control strand, and the
// answer posted back. While an answer is awaited nothing more is read.
#include "respond/intake/smtp_receiver.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "base/text.h"

namespace holdfast::respond::intake {
namespace {

constexpr std::size_t kMessageSizeMax = 1024 * 1024;
constexpr std::size_t kLineSizeMax = 2000;
constexpr std::size_t kRecipientCountMax = 100;
constexpr int kCommandCountMax = 1000;
constexpr int kConnectionCountMax = 64;
constexpr Duration kConnectionTime = 5min;
constexpr std::size_t kReadSize = 16 * 1024;

// The address between < and >, its parameters and source route cut off; empty when there is none.
std::string address_in(std::string_view text) {
  const auto begin = text.find('<');
  const auto end = text.find('>', begin == std::string_view::npos ? 0 : begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  auto address = text.substr(begin + 1, end - begin - 1);
  if (address.starts_with('@')) {
    const auto colon = address.find(':');
    address = colon == std::string_view::npos ? std::string_view() : address.substr(colon + 1);
  }
  return std::string(trim(address));
}

}  // namespace

struct SmtpReceiver::Core {
  Core(Env& env, std::string host, Wants wants, Take take)
      : env(env), host(std::move(host)), wants(std::move(wants)), take(std::move(take)) {}
  Env& env;
  std::string host;
  Wants wants;
  Take take;
  std::atomic<int> connections{0};
};

class SmtpSession : public std::enable_shared_from_this<SmtpSession> {
 public:
  using CoreOf = std::shared_ptr<SmtpReceiver::Core>;

  SmtpSession(CoreOf core, std::unique_ptr<Connection> connection)
      : core_(std::move(core)), connection_(std::move(connection)) {
    ++core_->connections;
  }
  ~SmtpSession() { --core_->connections; }

  void begin() {
    if (core_->connections > kConnectionCountMax) return leave("421 too many connections");
    connection_->set_timer(kConnectionTime, [self = shared_from_this()] {
      self->leave("421 this took too long");
    });
    say("220 " + core_->host + " ESMTP");
    read();
  }

 private:
  // The session is held by its own read, and goes with the connection's end.
  void read() {
    if (closed_) return;
    connection_->read(kReadSize, [self = shared_from_this()](Result<std::string> bytes) {
      if (!bytes || bytes->empty()) return self->close();
      self->buffer_ += *bytes;
      self->work();
    });
  }

  void work() {
    while (!closed_ && !waiting_) {
      const auto end = buffer_.find('\n');
      if (end == std::string::npos) {
        if (buffer_.size() > kLineSizeMax) return leave("500 line too long");
        return read();
      }
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.size() > kLineSizeMax) return leave("500 line too long");
      if (in_data_)
        data_line(line);
      else
        command(line);
    }
  }

  void command(const std::string& line) {
    if (++commands_ > kCommandCountMax) return leave("421 too many commands");
    const auto space = line.find(' ');
    const auto verb = lower(line.substr(0, space));
    const auto rest = space == std::string::npos ? std::string() : line.substr(space + 1);
    if (verb == "ehlo")
      return say("250-" + core_->host + "\r\n250-SIZE " + std::to_string(kMessageSizeMax) +
                 "\r\n250-PIPELINING\r\n250 8BITMIME");
    if (verb == "helo") return say("250 " + core_->host);
    if (verb == "mail") return mail_from(rest);
    if (verb == "rcpt") return rcpt_to(rest);
    if (verb == "data") return begin_data();
    if (verb == "rset") {
      forget();
      return say("250 forgotten");
    }
    if (verb == "noop") return say("250 ok");
    if (verb == "vrfy") return say("252 send it and see");
    if (verb == "quit") return leave("221 bye");
    say("502 unknown command; known: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY QUIT");
  }

  void mail_from(const std::string& rest) {
    if (!lower(rest).starts_with("from:")) return say("501 MAIL FROM:<address>");
    forget();
    mail_.sender = address_in(rest);
    has_sender_ = true;
    const auto size = lower(rest).find("size=");
    if (size != std::string::npos) {
      const auto digits = rest.substr(size + 5, rest.find(' ', size) - size - 5);
      if (parse_int(digits).value_or(0) > static_cast<std::int64_t>(kMessageSizeMax))
        return say("552 larger than 1 MiB");
    }
    say("250 ok");
  }

  void rcpt_to(const std::string& rest) {
    if (!has_sender_) return say("503 MAIL first");
    const auto address = address_in(rest);
    if (!lower(rest).starts_with("to:") || address.empty()) return say("501 RCPT TO:<address>");
    if (mail_.recipients.size() >= kRecipientCountMax) return say("452 too many recipients");
    ask([core = core_, address] { return core->wants(address); },
        [this, address](bool wanted) {
          if (!wanted) return say("550 no such address here");
          mail_.recipients.push_back(address);
          say("250 ok");
        });
  }

  void begin_data() {
    if (mail_.recipients.empty()) return say("503 RCPT first");
    in_data_ = true;
    too_large_ = false;
    say("354 end with a dot alone on a line");
  }

  void data_line(std::string& line) {
    if (line == ".") return end_data();
    if (line.starts_with('.')) line.erase(0, 1);
    if (mail_.data.size() + line.size() + 2 > kMessageSizeMax)
      too_large_ = true;
    else
      mail_.data += line + "\r\n";
  }

  void end_data() {
    in_data_ = false;
    if (too_large_) {
      forget();
      return say("552 larger than 1 MiB");
    }
    waiting_ = true;
    auto self = shared_from_this();
    core_->env.executor.post(Lane::kControl, [self, mail = std::move(mail_)]() mutable {
      self->core_->take(std::move(mail), [self](Result<void> kept) {
        self->connection_->post([self, kept = std::move(kept)] {
          if (kept)
            self->say("250 kept");
          else
            self->say((kept.error().code() == Code::kInvalid ? "554 " : "451 ") +
                      printable(kept.error().message(), 300));
          self->go_on();
        });
      });
    });
    forget();
  }

  // Asks on the control strand; nothing is read until the answer is there.
  void ask(std::function<bool()> question, std::function<void(bool)> then) {
    waiting_ = true;
    auto self = shared_from_this();
    core_->env.executor.post(Lane::kControl, [self, question, then] {
      const bool answer = question();
      self->connection_->post([self, answer, then] {
        then(answer);
        self->go_on();
      });
    });
  }
  void go_on() {
    waiting_ = false;
    work();
  }

  void forget() {
    mail_ = {};
    has_sender_ = false;
  }
  void say(const std::string& text) {
    if (!closed_) connection_->write(text + "\r\n", {});
  }
  void leave(const std::string& text) {
    if (closed_) return;
    closed_ = true;
    connection_->cancel_timer();
    connection_->write(text + "\r\n", [self = shared_from_this()](Result<void>) { self->connection_->close(); });
  }
  void close() {
    if (closed_) return;
    closed_ = true;
    connection_->cancel_timer();
    connection_->close();
  }

  CoreOf core_;
  std::unique_ptr<Connection> connection_;
  std::string buffer_;
  ReceivedMail mail_;
  bool has_sender_ = false;
  bool in_data_ = false;
  bool too_large_ = false;
  bool waiting_ = false;
  bool closed_ = false;
  int commands_ = 0;
};

SmtpReceiver::SmtpReceiver(Env& env, std::string host_name, Wants wants, Take take)
    : core_(std::make_shared<Core>(env, std::move(host_name), std::move(wants), std::move(take))) {}

// Connections that are open are of no use without us: their questions are answered with "no".
SmtpReceiver::~SmtpReceiver() {
  listener_.reset();
  core_->wants = [](const std::string&) { return false; };
  core_->take = [](ReceivedMail, const std::function<void(Result<void>)>& done) {
    done(Error(Code::kUnavailable, "shutting down"));
  };
}

Result<Endpoint> SmtpReceiver::listen(const Endpoint& at) {
  listener_ = HF_TRY(core_->env.transport.listen(at, [core = core_](std::unique_ptr<Connection> connection) {
    std::make_shared<SmtpSession>(core, std::move(connection))->begin();
  }));
  return listener_->local();
}

}  // namespace holdfast::respond::intake
