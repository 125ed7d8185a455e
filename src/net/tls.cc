#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>
#include <vector>

namespace holdfast::net {

class TlsContext {
 public:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  ~TlsContext() { SSL_CTX_free(context_); }
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  SSL_CTX* get() const { return context_; }

 private:
  SSL_CTX* context_;
};

namespace {

constexpr std::size_t kRecordReadSize = 32 * 1024;  // two TLS records
constexpr std::size_t kContextCountMax = 256;       // more only after many renewals; then all start anew

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "protocol error";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "error " + std::to_string(code);
}

std::string name_text(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

WallTime asn1_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return from_ms(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

PeerCertificate read_certificate(SSL* ssl) {
  PeerCertificate out;
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
  if (!certificate) return out;
  out.subject = name_text(X509_get_subject_name(certificate.get()));
  out.issuer = name_text(X509_get_issuer_name(certificate.get()));
  out.not_before = asn1_time(X509_get0_notBefore(certificate.get()));
  out.not_after = asn1_time(X509_get0_notAfter(certificate.get()));
  return out;
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// The state machine between a plain connection and OpenSSL: bytes from the wire go into `from_wire_`,
// what OpenSSL wants to send comes out of `to_wire_`. It never blocks and never touches a socket.
class TlsLink : public std::enable_shared_from_this<TlsLink> {
 public:
  TlsLink(std::unique_ptr<Connection> plain, std::shared_ptr<TlsContext> context, std::string host)
      : plain_(std::move(plain)), context_(std::move(context)), host_(std::move(host)) {}
  ~TlsLink() { SSL_free(ssl_); }

  Result<void> prepare(const TlsOptions& options) {
    ssl_ = SSL_new(context_->get());
    from_wire_ = BIO_new(BIO_s_mem());
    to_wire_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(from_wire_, -1);
    SSL_set_bio(ssl_, from_wire_, to_wire_);
    SSL_set_connect_state(ssl_);
    const auto& name = options.server_name.empty() ? host_ : options.server_name;
    auto* parameters = SSL_get0_param(ssl_);
    if (is_address(name)) {
      if (options.verify) X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_, name.c_str());
      if (options.verify && X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0) != 1) {
        return invalid("not a host name: " + name);
      }
    }
    SSL_set_verify(ssl_, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    return {};
  }

  void handshake(Duration timeout, TlsHandler handler);

  void read(std::size_t max_size, Connection::ReadHandler handler) {
    read_max_ = max_size;
    on_read_ = std::move(handler);
    // Handlers are never called from within read(), so a reader may loop without growing the stack.
    plain_->post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->try_read();
    });
  }

  void write(std::string bytes, Connection::WriteHandler handler) {
    const int done = bytes.empty() ? 1 : SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (done <= 0) {
      auto error = unavailable("TLS write to " + host_ + ": " + openssl_reason());
      plain_->post([handler = std::move(handler), error] {
        if (handler) handler(error);
      });
      return;
    }
    plain_->write(take_output(), std::move(handler));
  }

  void close_notify() {
    if (!closed_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    ERR_clear_error();
    if (auto output = take_output(); !output.empty()) plain_->write(std::move(output), nullptr);
    closed_ = true;
  }

  Connection& plain() { return *plain_; }
  const PeerCertificate& certificate() const { return certificate_; }

 private:
  std::string take_output() {
    std::string out(static_cast<std::size_t>(BIO_pending(to_wire_)), '\0');
    if (!out.empty()) BIO_read(to_wire_, out.data(), static_cast<int>(out.size()));
    return out;
  }

  void send_output() {
    if (auto output = take_output(); !output.empty()) plain_->write(std::move(output), nullptr);
  }

  void want_wire(void (TlsLink::*next)());
  void step_handshake();
  void finish_handshake(Result<void> result);
  void try_read();
  void finish_read(Result<std::string> result) {
    const auto handler = std::exchange(on_read_, nullptr);
    if (handler) handler(std::move(result));
  }

  std::unique_ptr<Connection> plain_;
  std::shared_ptr<TlsContext> context_;
  const std::string host_;
  SSL* ssl_ = nullptr;
  BIO* from_wire_ = nullptr;  // owned by ssl_
  BIO* to_wire_ = nullptr;    // owned by ssl_
  TlsHandler on_handshake_;
  std::shared_ptr<TlsLink> self_;  // while the handshake runs nobody else owns us
  PeerCertificate certificate_;
  Connection::ReadHandler on_read_;
  std::size_t read_max_ = 0;
  bool wire_ended_ = false;
  bool closed_ = false;
};

class TlsLinkConnection final : public TlsConnection {
 public:
  explicit TlsLinkConnection(std::shared_ptr<TlsLink> link) : link_(std::move(link)) {}
  void read(std::size_t max_size, ReadHandler handler) override {
    link_->plain().post([link = link_, max_size, handler = std::move(handler)]() mutable {
      link->read(max_size, std::move(handler));
    });
  }
  void write(std::string bytes, WriteHandler handler) override {
    link_->plain().post([link = link_, bytes = std::move(bytes), handler = std::move(handler)]() mutable {
      link->write(std::move(bytes), std::move(handler));
    });
  }
  void shutdown_write() override {
    link_->plain().post([link = link_] { link->close_notify(); });
  }
  void close() override {
    link_->plain().post([link = link_] {
      link->close_notify();
      link->plain().close();
    });
  }
  void post(std::function<void()> task) override { link_->plain().post(std::move(task)); }
  void set_timer(Duration delay, std::function<void()> task) override {
    link_->plain().set_timer(delay, std::move(task));
  }
  void cancel_timer() override { link_->plain().cancel_timer(); }
  std::string peer() const override { return link_->plain().peer(); }
  const PeerCertificate& certificate() const override { return link_->certificate(); }

 private:
  std::shared_ptr<TlsLink> link_;
};

void TlsLink::want_wire(void (TlsLink::*next)()) {
  plain_->read(kRecordReadSize, [weak = weak_from_this(), next](Result<std::string> chunk) {
    const auto self = weak.lock();
    if (!self) return;
    if (!chunk || chunk->empty()) {
      self->wire_ended_ = true;
      BIO_set_mem_eof_return(self->from_wire_, 0);
    } else {
      BIO_write(self->from_wire_, chunk->data(), static_cast<int>(chunk->size()));
    }
    (self.get()->*next)();
  });
}

void TlsLink::handshake(Duration timeout, TlsHandler handler) {
  on_handshake_ = std::move(handler);
  self_ = shared_from_this();
  plain_->set_timer(timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->finish_handshake(Error(Code::kTimeout, "TLS handshake with " + self->host_ + ": timed out"));
    }
  });
  plain_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->step_handshake();
  });
}

void TlsLink::step_handshake() {
  if (!on_handshake_) return;
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  const int state = SSL_get_error(ssl_, done);
  send_output();
  if (done == 1) return finish_handshake({});
  if (state == SSL_ERROR_WANT_READ && !wire_ended_) return want_wire(&TlsLink::step_handshake);
  if (wire_ended_) {
    return finish_handshake(unavailable("TLS handshake with " + host_ + ": connection closed"));
  }
  const auto verdict = SSL_get_verify_result(ssl_);
  auto reason = openssl_reason();
  if (verdict != X509_V_OK) {
    reason = std::string("certificate does not verify: ") + X509_verify_cert_error_string(verdict);
  }
  finish_handshake(unavailable("TLS handshake with " + host_ + ": " + reason));
}

void TlsLink::finish_handshake(Result<void> result) {
  const auto handler = std::exchange(on_handshake_, nullptr);
  const auto keep = std::exchange(self_, nullptr);
  if (!handler) return;
  plain_->cancel_timer();
  if (!result) return handler(std::move(result.error()));
  certificate_ = read_certificate(ssl_);
  handler(std::unique_ptr<TlsConnection>(new TlsLinkConnection(keep)));
}

void TlsLink::try_read() {
  if (!on_read_) return;
  std::string bytes(std::min<std::size_t>(std::max<std::size_t>(read_max_, 1), kRecordReadSize), '\0');
  ERR_clear_error();
  const int size = SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  const int state = SSL_get_error(ssl_, size);
  send_output();  // key updates and alerts
  if (size > 0) {
    bytes.resize(static_cast<std::size_t>(size));
    return finish_read(std::move(bytes));
  }
  if (state == SSL_ERROR_ZERO_RETURN) return finish_read(std::string());
  if (state == SSL_ERROR_WANT_READ && !wire_ended_) return want_wire(&TlsLink::try_read);
  if (wire_ended_) {
    // Without close_notify a cut cannot be told from the end, so it is not called one.
    return finish_read(unavailable("TLS connection to " + host_ + " was cut"));
  }
  finish_read(unavailable("TLS read from " + host_ + ": " + openssl_reason()));
}

}  // namespace

namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

Result<int> version_of(const std::string& name, int fallback) {
  if (name.empty()) return fallback;
  if (name == "TLS10") return TLS1_VERSION;
  if (name == "TLS11") return TLS1_1_VERSION;
  if (name == "TLS12") return TLS1_2_VERSION;
  if (name == "TLS13") return TLS1_3_VERSION;
  return invalid("TLS version '" + name + "'; allowed: TLS10, TLS11, TLS12, TLS13");
}

// All certificates of a PEM text become trusted.
Result<void> trust_text(SSL_CTX* context, const std::string& text) {
  const std::unique_ptr<BIO, BioFree> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return invalid("the CA text holds no certificate");
  return {};
}

// The certificate this side shows, with the chain behind it, and its key.
Result<void> show_identity(SSL_CTX* context, const TlsOptions& options) {
  if (!options.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
      return invalid("certificate file " + options.cert_file + ": " + openssl_reason());
    }
  } else if (!options.cert_text.empty()) {
    const std::unique_ptr<BIO, BioFree> bio(
        BIO_new_mem_buf(options.cert_text.data(), static_cast<int>(options.cert_text.size())));
    const std::unique_ptr<X509, void (*)(X509*)> own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                     X509_free);
    if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) {
      return invalid("the certificate text: " + openssl_reason());
    }
    while (X509* more = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      SSL_CTX_add_extra_chain_cert(context, more);
    }
    ERR_clear_error();
  } else {
    return {};
  }
  if (!options.key_file.empty()) {
    if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return invalid("key file " + options.key_file + ": " + openssl_reason());
    }
  } else {
    const std::unique_ptr<BIO, BioFree> bio(
        BIO_new_mem_buf(options.key_text.data(), static_cast<int>(options.key_text.size())));
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
      return invalid("the key text: " + openssl_reason());
    }
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return invalid("the key does not belong to the certificate");
  }
  return {};
}

std::string file_and_time(const std::string& path) {
  if (path.empty()) return {};
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return path;
  return path + "@" + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options) {
  auto context = std::make_shared<TlsContext>(SSL_CTX_new(TLS_client_method()));
  if (!context->get()) return internal("SSL_CTX_new: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context->get(), HF_TRY(version_of(options.min_version, TLS1_2_VERSION)));
  SSL_CTX_set_max_proto_version(context->get(), HF_TRY(version_of(options.max_version, 0)));
  SSL_CTX_set_mode(context->get(), SSL_MODE_RELEASE_BUFFERS);
  HF_TRY(show_identity(context->get(), options));
  if (!options.verify) return context;
  if (!options.ca_text.empty()) {
    HF_TRY(trust_text(context->get(), options.ca_text));
    return context;
  }
  const int loaded = options.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(context->get())
                         : SSL_CTX_load_verify_file(context->get(), options.ca_file.c_str());
  if (loaded != 1) return invalid("CA file " + options.ca_file + ": " + openssl_reason());
  return context;
}

std::string tls_identity(const TlsOptions& options) {
  std::string key = options.verify ? "v" : "-";
  for (const auto& part :
       {options.verify ? file_and_time(options.ca_file) : std::string(), options.verify ? options.ca_text : std::string(),
        file_and_time(options.cert_file), options.cert_text, file_and_time(options.key_file), options.key_text,
        options.min_version, options.max_version}) {
    key += '|';
    key += part;
  }
  return key;
}

Result<std::shared_ptr<TlsContext>> TlsContextCache::get(const TlsOptions& options) {
  const std::lock_guard lock(mutex_);
  if (contexts_.size() >= kContextCountMax) contexts_.clear();
  auto& context = contexts_[tls_identity(options)];
  if (!context) context = HF_TRY(make_tls_context(options));
  return context;
}

void tls_connect(std::unique_ptr<Connection> plain, const std::string& host, const TlsOptions& options,
                 TlsHandler handler, std::shared_ptr<TlsContext> context) {
  const auto prepare = [&]() -> Result<std::shared_ptr<TlsLink>> {
    if (!context) context = HF_TRY(make_tls_context(options));
    auto link = std::make_shared<TlsLink>(std::move(plain), std::move(context), host);
    HF_TRY(link->prepare(options));
    return link;
  };
  auto link = prepare();
  if (!link) return handler(std::move(link.error()));
  (*link)->handshake(options.timeout, std::move(handler));
}

}  // namespace holdfast::net
