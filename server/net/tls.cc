#include "server/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

namespace signalbox::server::net {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

struct Texts {
  std::string certificate;
  std::string key;
  friend bool operator==(const Texts&, const Texts&) = default;
};

/// Both protocols' contexts of one certificate.
struct Pair {
  std::shared_ptr<ssl::context> http1;
  std::shared_ptr<ssl::context> http2;
  std::string valid_until;
};

std::string read_file(const std::string& path, std::string_view what) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.empty()) {
    throw std::runtime_error("cannot read the TLS " + std::string(what) + " " + path +
                             "; name a PEM file that this user may read");
  }
  return text;
}

/// ALPN's list has a byte of length before each name.
constexpr std::string_view kHttp1Name("\x08http/1.1", 9);
constexpr std::string_view kHttp2Name("\x02h2", 3);

/// Chooses `wanted` if the client offers it. A client that offers other names only goes on without
/// one, so that it can be told in HTTP what this port speaks.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* wanted_name) {
  const std::string_view wanted(static_cast<const char*>(wanted_name));
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(wanted.data()),
      static_cast<unsigned int>(wanted.size()), offered, offered_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

std::shared_ptr<ssl::context> make_context(const Texts& texts, const std::string& certificate_file,
                                           const std::string& key_file,
                                           std::string_view protocol_name) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // Idle connections hold less.
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, const_cast<char*>(protocol_name.data()));
  error_code error;
  context->use_certificate_chain(boost::asio::buffer(texts.certificate), error);
  if (error) {
    throw std::runtime_error("cannot use the TLS certificate " + certificate_file + ": " +
                             error.message() + "; it must be a chain of certificates in PEM");
  }
  context->use_private_key(boost::asio::buffer(texts.key), ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(native) != 1) {
    ERR_clear_error();
    throw std::runtime_error("cannot use the TLS key " + key_file +
                             ": it must be in PEM, without a passphrase, and belong to the "
                             "certificate " +
                             certificate_file);
  }
  return context;
}

std::string end_of_validity(SSL_CTX* context) {
  std::tm time{};
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) {
    return "an unknown time";
  }
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &time);
  return {text.data(), size};
}

}  // namespace

struct TlsContext::Impl {
  std::string certificate_file;
  std::string key_file;
  Report report;
  std::chrono::milliseconds interval;
  Texts seen;  ///< Of the watching thread, once it runs.

  mutable std::mutex mutex;
  std::condition_variable_any wake;
  Pair pair;
  std::jthread watching;

  [[nodiscard]] Texts read() const {
    return {.certificate = read_file(certificate_file, "certificate"),
            .key = read_file(key_file, "key")};
  }
  void use(const Texts& texts) {
    Pair made{.http1 = make_context(texts, certificate_file, key_file, kHttp1Name),
              .http2 = make_context(texts, certificate_file, key_file, kHttp2Name),
              .valid_until = {}};
    made.valid_until = end_of_validity(made.http1->native_handle());
    std::scoped_lock lock(mutex);
    pair = std::move(made);
  }
  void watch(const std::stop_token& stop) {
    std::string complaint;  // What was said last; said once.
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex);
        if (wake.wait_for(lock, stop, interval, [&] { return stop.stop_requested(); })) return;
      }
      try {
        Texts texts = read();
        if (texts == seen) continue;
        seen = std::move(texts);
        use(seen);
        complaint.clear();
        say("The TLS certificate was replaced; the new one is valid until " + pair.valid_until,
            false);
      } catch (const std::exception& error) {
        if (complaint == error.what()) continue;
        complaint = error.what();
        say(complaint + "; the old certificate stays in use", true);
      }
    }
  }
  void say(const std::string& message, bool is_error) const {
    if (report) report(message, is_error);
  }
};

std::shared_ptr<TlsContext> TlsContext::create(const std::string& certificate_file,
                                               const std::string& key_file, Report report,
                                               std::chrono::milliseconds interval) {
  auto impl = std::make_unique<Impl>();
  impl->certificate_file = certificate_file;
  impl->key_file = key_file;
  impl->report = std::move(report);
  impl->interval = interval;
  impl->seen = impl->read();
  impl->use(impl->seen);
  std::shared_ptr<TlsContext> context(new TlsContext(std::move(impl)));
  Impl& watched = *context->impl_;
  watched.watching = std::jthread([&watched](const std::stop_token& stop) { watched.watch(stop); });
  return context;
}

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

std::shared_ptr<ssl::context> TlsContext::context(Protocol protocol) const {
  std::scoped_lock lock(impl_->mutex);
  return protocol == Protocol::kHttp2 ? impl_->pair.http2 : impl_->pair.http1;
}

}  // namespace signalbox::server::net
