#include "sdk/export/testing/fake_collector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace signalbox::sdk::testing {
namespace {

nghttp2_nv to_nv(const std::string& name, const std::string& value) {
  return {.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

std::vector<nghttp2_nv> to_nvs(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::vector<nghttp2_nv> nvs;
  nvs.reserve(headers.size());
  for (const auto& [name, value] : headers) {
    nvs.push_back(to_nv(name, value));
  }
  return nvs;
}

int choose_h2(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
              const unsigned char* offered, unsigned offered_size, void* use_h2) {
  static constexpr std::array<unsigned char, 3> kH2 = {2, 'h', '2'};
  static constexpr std::array<unsigned char, 9> kHttp1 = {8,   'h', 't', 't', 'p',
                                                          '/', '1', '.', '1'};
  const bool h2 = use_h2 != nullptr;
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, h2 ? kH2.data() : kHttp1.data(),
                                           static_cast<unsigned>(h2 ? kH2.size() : kHttp1.size()),
                                           offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

class FakeCollector::Connection {
 public:
  Connection(FakeCollector& collector, int fd, int number)
      : collector_(collector), fd_(fd), number_(number) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    SSL_free(ssl_);
    close(fd_);
  }

  void interrupt() const { shutdown(fd_, SHUT_RDWR); }

  void run() {
    if (collector_.tls_context_) {
      ssl_ = SSL_new(static_cast<SSL_CTX*>(collector_.tls_context_.get()));
      SSL_set_fd(ssl_, fd_);
      if (SSL_accept(ssl_) != 1) {
        interrupt();
        return;
      }
    }
    if (collector_.protocol_ == Protocol::kHttp2) {
      run_http2();
    } else {
      run_http1();
    }
    interrupt();
  }

 private:
  struct Stream {
    Received request;
    Reply reply;
    std::size_t sent = 0;
  };

  std::size_t read_some(char* data, std::size_t size) {
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, data, static_cast<int>(size))
                                     : static_cast<int>(recv(fd_, data, size, 0));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  bool write_all(std::string_view data) {
    while (!data.empty()) {
      const auto put = ssl_ != nullptr
                           ? SSL_write(ssl_, data.data(), static_cast<int>(data.size()))
                           : static_cast<int>(send(fd_, data.data(), data.size(), MSG_NOSIGNAL));
      if (put <= 0) {
        return false;
      }
      data.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

  void wait_for_stop() const {
    std::array<char, 1> ignored{};
    while (!collector_.stopping_ && recv(fd_, ignored.data(), 1, 0) > 0) {
    }
  }

  void run_http1() {
    std::string input;
    while (true) {
      std::size_t head_end = std::string::npos;
      while ((head_end = input.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more(input)) {
          return;
        }
      }
      Received request;
      request.connection = number_;
      std::string_view head = std::string_view(input).substr(0, head_end);
      const auto path_begin = head.find(' ') + 1;
      request.path = head.substr(path_begin, head.find(' ', path_begin) - path_begin);
      for (auto line = head.find("\r\n"); line != std::string_view::npos;) {
        const auto next = head.find("\r\n", line + 2);
        const std::string_view field = head.substr(line + 2, next - line - 2);
        add_header(request, std::string(field.substr(0, field.find(':'))),
                   std::string(field.substr(field.find(':') + 2)));
        line = next;
      }
      const std::size_t length = std::stoul(request.headers["content-length"]);
      while (input.size() < head_end + 4 + length) {
        if (!read_more(input)) {
          return;
        }
      }
      request.body = input.substr(head_end + 4, length);
      input.erase(0, head_end + 4 + length);

      const Reply reply = collector_.handle(request);
      if (reply.close) {
        return;
      }
      if (reply.hang) {
        wait_for_stop();
        return;
      }
      std::string answer = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\n";
      for (const auto& [name, value] : reply.headers) {
        answer.append(name).append(": ").append(value).append("\r\n");
      }
      answer += "content-length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
      if (!write_all(answer)) {
        return;
      }
    }
  }

  bool read_more(std::string& input) {
    std::array<char, 16384> buffer{};
    const std::size_t got = read_some(buffer.data(), buffer.size());
    input.append(buffer.data(), got);
    return got != 0;
  }

  static void add_header(Received& request, std::string name, std::string value) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[std::move(name)] = std::move(value);
  }

  void run_http2() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
          auto& request = static_cast<Connection*>(self)->streams_[frame->hd.stream_id].request;
          std::string key(reinterpret_cast<const char*>(name), name_size);
          std::string text(reinterpret_cast<const char*>(value), value_size);
          if (key == ":path") {
            request.path = text;
          }
          add_header(request, std::move(key), std::move(text));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                      std::size_t size, void* self) {
          static_cast<Connection*>(self)->streams_[stream].request.body.append(
              reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session* session, const nghttp2_frame* frame, void* self) {
          if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
              (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
            static_cast<Connection*>(self)->answer(session, frame->hd.stream_id);
          }
          return 0;
        });
    nghttp2_session* session = nullptr;
    nghttp2_session_server_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
    std::array<std::uint8_t, 16384> buffer{};
    bool is_open = true;
    while (is_open && !closing_) {
      const std::uint8_t* out = nullptr;
      for (auto size = nghttp2_session_mem_send(session, &out); size > 0 && is_open;
           size = nghttp2_session_mem_send(session, &out)) {
        is_open = write_all({reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)});
      }
      if (!is_open) {
        break;
      }
      const std::size_t got = read_some(reinterpret_cast<char*>(buffer.data()), buffer.size());
      is_open = got != 0 && nghttp2_session_mem_recv(session, buffer.data(), got) >= 0;
    }
    nghttp2_session_del(session);
  }

  void answer(nghttp2_session* session, std::int32_t id) {
    Stream& stream = streams_[id];
    stream.request.is_http2 = true;
    stream.request.connection = number_;
    stream.reply = collector_.handle(stream.request);
    const Reply& reply = stream.reply;
    if (reply.close) {
      closing_ = true;
      return;
    }
    if (reply.hang) {
      return;
    }
    std::vector<std::pair<std::string, std::string>> headers = {
        {":status", std::to_string(reply.status)}};
    headers.insert(headers.end(), reply.headers.begin(), reply.headers.end());
    const std::vector<nghttp2_nv> nvs = to_nvs(headers);
    nghttp2_data_provider provider{};
    provider.source.ptr = &stream;
    provider.read_callback = [](nghttp2_session* of, std::int32_t stream_id, std::uint8_t* out,
                                std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
      auto& sending = *static_cast<Stream*>(source->ptr);
      const std::string& body = sending.reply.body;
      const std::size_t size = std::min(room, body.size() - sending.sent);
      std::copy_n(body.data() + sending.sent, size, out);
      sending.sent += size;
      if (sending.sent == body.size()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!sending.reply.trailers.empty()) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
          const std::vector<nghttp2_nv> trailers = to_nvs(sending.reply.trailers);
          nghttp2_submit_trailer(of, stream_id, trailers.data(), trailers.size());
        }
      }
      return static_cast<ssize_t>(size);
    };
    const bool is_headers_only = reply.body.empty() && reply.trailers.empty();
    nghttp2_submit_response(session, id, nvs.data(), nvs.size(),
                            is_headers_only ? nullptr : &provider);
  }

  FakeCollector& collector_;
  const int fd_;
  const int number_;
  SSL* ssl_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
  bool closing_ = false;
};

FakeCollector::FakeCollector(Protocol protocol, Handler handler, ServerTls tls, std::uint16_t port)
    : protocol_(protocol), handler_(std::move(handler)), tls_(std::move(tls)) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  if (!tls_.certificate_file.empty()) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    tls_context_ = std::shared_ptr<void>(
        context, [](void* freed) { SSL_CTX_free(static_cast<SSL_CTX*>(freed)); });
    if (SSL_CTX_use_certificate_chain_file(context, tls_.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, tls_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("cannot load the server's certificate");
    }
    SSL_CTX_set_alpn_select_cb(context, choose_h2, protocol_ == Protocol::kHttp2 ? this : nullptr);
    if (!tls_.client_ca_file.empty()) {
      SSL_CTX_load_verify_file(context, tls_.client_ca_file.c_str());
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    close(listener_);
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeCollector::~FakeCollector() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (auto& [connection, thread] : connections_) {
    connection->interrupt();
    thread.join();
  }
}

std::string FakeCollector::url() const {
  return (tls_context_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::vector<Received> FakeCollector::received() const {
  const std::scoped_lock lock(mutex_);
  return received_;
}

Reply FakeCollector::handle(const Received& request) {
  {
    const std::scoped_lock lock(mutex_);
    received_.push_back(request);
  }
  return handler_(request);
}

void FakeCollector::accept_loop() {
  int number = 0;
  while (!stopping_) {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) {
      continue;
    }
    auto connection = std::make_unique<Connection>(*this, fd, ++number);
    Connection& running = *connection;
    connections_.emplace_back(std::move(connection), std::thread([&running] { running.run(); }));
  }
}

}  // namespace signalbox::sdk::testing
