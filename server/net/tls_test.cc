#include "server/net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "server/net/http2_server.h"
#include "server/net/http_server.h"
#include "server/net/io_threads.h"
#include "server/net/test_client.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::net {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::TestClient;

template <typename Object, void (*kFree)(Object*)>
struct Deleter {
  void operator()(Object* object) const { kFree(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX, SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<SSL, SSL_free>>;

struct Pem {
  std::string certificate;
  std::string key;
};

template <typename Write>
std::string pem_of(Write write) {
  const std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>> memory(BIO_new(BIO_s_mem()));
  write(memory.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// A new key, and its certificate for `name` signed by itself.
Pem make_pem(const std::string& name) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return {.certificate = pem_of([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); }),
          .key = pem_of([&](BIO* to) {
            PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

/// What is offered by ALPN, each name behind a byte of its length.
constexpr std::string_view kOfferHttp1("\x08http/1.1", 9);
constexpr std::string_view kOfferHttp2("\x02h2", 3);

/// A blocking TLS connection to 127.0.0.1 that takes any certificate.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, std::string_view offer)
      : socket_(port),
        context_(SSL_CTX_new(TLS_client_method())),
        session_(SSL_new(context_.get())) {
    const timeval longest{.tv_sec = 10,
                          .tv_usec = 0};  // A server that says nothing must not hang a test.
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
    SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                        static_cast<unsigned>(offer.size()));
    SSL_set_fd(session_.get(), socket_.native_handle());
    if (SSL_connect(session_.get()) != 1) throw std::runtime_error("no TLS handshake");
  }

  void send(std::string_view bytes) {
    SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  /// Reads until what has come contains `text`, or the server closes or says nothing.
  std::string read_until(std::string_view text) {
    std::string all;
    std::array<char, 16384> some{};
    while (all.find(text) == std::string::npos) {
      const int size = SSL_read(session_.get(), some.data(), some.size());
      if (size <= 0) break;
      all.append(some.data(), static_cast<std::size_t>(size));
    }
    return all;
  }
  [[nodiscard]] std::string chosen_protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(session_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  /// For whom the server's certificate is.
  [[nodiscard]] std::string server_name() const {
    const Certificate certificate(SSL_get1_peer_certificate(session_.get()));
    std::array<char, 64> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                              name.size());
    return name.data();
  }

 private:
  TestClient socket_;
  Context context_;
  Session session_;
};

/// What was reported of the certificate, and a way to wait for it.
class Reports {
 public:
  void add(const std::string& message, bool is_error) {
    std::scoped_lock lock(mutex_);
    (is_error ? errors_ : news_).push_back(message);
    changed_.notify_all();
  }
  std::string next_error() { return next(errors_); }
  std::string next_news() { return next(news_); }
  bool has_error() {
    std::scoped_lock lock(mutex_);
    return !errors_.empty();
  }

 private:
  std::string next(std::vector<std::string>& of) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 10s, [&] { return !of.empty(); })) return "(nothing)";
    std::string first = std::move(of.front());
    of.erase(of.begin());
    return first;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> errors_;
  std::vector<std::string> news_;
};

void write_file(const std::filesystem::path& path, std::string_view text) {
  // At once: the files are looked at all the time.
  std::ofstream(path.string() + ".new", std::ios::binary) << text;
  std::filesystem::rename(path.string() + ".new", path);
}

class TlsTest : public ::testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kLook{10};

  TlsTest() { write(make_pem("first")); }

  void write(const Pem& pem) const {
    write_file(certificate_file(), pem.certificate);
    write_file(key_file(), pem.key);
  }
  [[nodiscard]] std::string certificate_file() const { return folder_.path() / "cert.pem"; }
  [[nodiscard]] std::string key_file() const { return folder_.path() / "key.pem"; }
  std::shared_ptr<TlsContext> make_context() {
    return TlsContext::create(
        certificate_file(), key_file(),
        [this](const std::string& message, bool is_error) { reports_.add(message, is_error); },
        kLook);
  }

  std::uint16_t start_http1(const HttpLimits& limits = {}) { return start(http1_, limits); }
  std::uint16_t start_http2(const HttpLimits& limits = {}) { return start(http2_, limits); }

 private:
  template <typename Server>
  std::uint16_t start(std::optional<Server>& server, const HttpLimits& limits) {
    typename Server::Options options;
    options.limits = limits;
    options.tls = make_context();
    server.emplace(std::move(options));
    server->start(io_.context(), answer);
    return server->local_endpoint().port;
  }
  static void answer(Request request, Responder respond) {
    Response response;
    response.body = request.method + ' ' + request.target + " was asked";
    if (request.target == "/large") response.body.append(std::size_t{4} << 20, '.');
    response.body += " [end]";
    respond(std::move(response));
  }

  store::TemporaryFolder folder_;

 protected:
  Reports reports_;

 private:
  IoThreads io_{1};
  std::optional<HttpServer> http1_;
  std::optional<Http2Server> http2_;
};

TEST_F(TlsTest, CarriesHttp1) {
  TlsClient client(start_http1(), kOfferHttp1);

  EXPECT_EQ(client.chosen_protocol(), "http/1.1");
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("[end]"), EndsWith("GET /a was asked [end]"));
  client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_GT(client.read_until("[end]").size(), std::size_t{4} << 20);
}

TEST_F(TlsTest, CarriesHttp2) {
  TlsClient client(start_http2(), kOfferHttp2);
  EXPECT_EQ(client.chosen_protocol(), "h2");

  // The preface, empty SETTINGS, and HEADERS that end stream 1: GET https / of host x.
  client.send(std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  client.send(std::string("\0\0\6\1\5\0\0\0\1\x82\x87\x84\x41\x01x", 15));

  EXPECT_THAT(client.read_until("[end]"), HasSubstr("GET / was asked [end]"));
}

TEST_F(TlsTest, TellsWhoeverSpeaksWithoutItToUseHttps) {
  for (const std::uint16_t port : {start_http1(), start_http2()}) {
    for (const std::string bytes :
         {"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
      TestClient client(port);
      client.send(bytes);
      const std::string told = client.read_to_end();
      EXPECT_THAT(told, StartsWith("HTTP/1.1 400 "));
      EXPECT_THAT(told, HasSubstr("https://"));
      const std::size_t head = told.find("\r\n\r\n") + 4;
      EXPECT_THAT(told, HasSubstr("content-length: " + std::to_string(told.size() - head)));
    }
  }
}

TEST_F(TlsTest, TellsHttp1OnTheGrpcPortWhatIsSpokenThere) {
  TlsClient client(start_http2(), kOfferHttp1);
  EXPECT_EQ(client.chosen_protocol(), "");

  client.send("POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n");

  const std::string told = client.read_until("OTLP/HTTP port");
  EXPECT_THAT(told, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(told, HasSubstr("This port speaks HTTP/2"));
}

TEST_F(TlsTest, ClosesWhoeverDoesNotFinishTheHandshakeInTime) {
  HttpLimits limits;
  limits.handshake_timeout = 50ms;
  for (const std::uint16_t port : {start_http1(limits), start_http2(limits)}) {
    TestClient silent(port);
    TestClient half(port);
    half.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));  // The begin of a ClientHello.

    EXPECT_THAT(silent.read_to_end(), IsEmpty());
    EXPECT_THAT(half.read_to_end(), IsEmpty());
  }
}

TEST_F(TlsTest, ServesOthersWhileOneDoesNotFinishTheHandshake) {
  const std::uint16_t port = start_http1();
  TestClient half(port);
  half.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));

  TlsClient client(port, kOfferHttp1);
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_THAT(client.read_until("[end]"), EndsWith("GET /a was asked [end]"));
}

TEST_F(TlsTest, UsesAReplacedCertificateForNewConnectionsAndKeepsOldOnes) {
  const std::uint16_t port = start_http1();
  TlsClient old(port, kOfferHttp1);
  EXPECT_EQ(old.server_name(), "first");

  write(make_pem("second"));
  EXPECT_THAT(reports_.next_news(), HasSubstr("was replaced; the new one is valid until 20"));

  EXPECT_EQ(TlsClient(port, kOfferHttp1).server_name(), "second");
  EXPECT_EQ(TlsClient(start_http2(), kOfferHttp2).server_name(), "second");
  old.send("GET /old HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(old.read_until("[end]"), EndsWith("GET /old was asked [end]"));
}

TEST_F(TlsTest, KeepsTheOldCertificateWhileTheNewOneCannotBeUsedAndSaysSoOnce) {
  const std::uint16_t port = start_http1();
  const Pem third = make_pem("third");
  const auto is_told_once = [&](const std::string& what) {
    EXPECT_THAT(reports_.next_error(),
                AllOf(HasSubstr(what), HasSubstr("the old certificate stays in use")));
    std::this_thread::sleep_for(5 * kLook);
    EXPECT_FALSE(reports_.has_error()) << reports_.next_error();
    EXPECT_EQ(TlsClient(port, kOfferHttp1).server_name(), "first");
  };

  write_file(certificate_file(), third.certificate);
  is_told_once(key_file());  // It belongs to the first one.
  write_file(certificate_file(), third.certificate.substr(0, third.certificate.size() / 2));
  is_told_once(certificate_file());
  std::filesystem::remove(certificate_file());
  is_told_once("cannot read the TLS certificate");

  write_file(key_file(), third.key);
  write_file(certificate_file(), third.certificate);
  EXPECT_THAT(reports_.next_news(), HasSubstr("was replaced"));
  EXPECT_EQ(TlsClient(port, kOfferHttp1).server_name(), "third");
}

TEST_F(TlsTest, RefusesToStartWithFilesThatCannotBeUsed) {
  const auto error = [&] {
    try {
      make_context();
      return std::string("(none)");
    } catch (const std::runtime_error& thrown) {
      return std::string(thrown.what());
    }
  };
  write_file(key_file(), make_pem("other").key);
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot use the TLS key " + key_file()),
                             HasSubstr("belong to the certificate")));
  write_file(certificate_file(), "no certificate");
  EXPECT_THAT(error(), HasSubstr("cannot use the TLS certificate " + certificate_file()));
  std::filesystem::remove(key_file());
  EXPECT_THAT(error(), HasSubstr("cannot read the TLS key " + key_file()));
}

}  // namespace
}  // namespace signalbox::server::net
