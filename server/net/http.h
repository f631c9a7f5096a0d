#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/net/pace.h"
#include "server/net/request_budget.h"

/// What the HTTP/1.1 and the HTTP/2 server have in common: requests, responses, handlers, limits.
namespace signalbox::server::net {

/// Header fields in order. Names are lower-case: the servers make those of requests so, and callers
/// of `add` and `set` must write them so.
class Headers {
 public:
  struct Field {
    std::string name;
    std::string value;
    friend bool operator==(const Field&, const Field&) = default;
  };

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The value of the first field called `name` (lower-case), or nothing.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept {
    const auto at = std::find_if(fields_.begin(), fields_.end(),
                                 [&](const Field& field) { return field.name == name; });
    if (at == fields_.end()) return std::nullopt;
    return std::string_view(at->value);
  }
  /// As `find`, with "" for nothing.
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept {
    return find(name).value_or(std::string_view());
  }
  void add(std::string name, std::string value) {
    fields_.push_back({std::move(name), std::move(value)});
  }
  /// Replaces all fields called `name` by one.
  void set(std::string name, std::string value) {
    std::erase_if(fields_, [&](const Field& field) { return field.name == name; });
    add(std::move(name), std::move(value));
  }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

/// One whole request.
struct Request {
  std::string method;  ///< "GET", "POST", …
  std::string target;  ///< Path and query as sent, e.g. "/api/traces?limit=10".
  Headers headers;     ///< Without HTTP/2's pseudo headers; `host` holds its `:authority`.
  std::string body;
  std::string peer;  ///< Address of the other end, e.g. "127.0.0.1".
  /// Of the bytes of `headers` and `body`; whoever takes them keeps it with them.
  RequestBudget::Lease lease;
  /// When the sender stops waiting for the answer (gRPC's `grpc-timeout`): work for it that has
  /// not begun by then may be dropped. Nothing if it did not say.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// A body that comes into being while it is sent. The server asks for the next piece when the
/// client has taken the one before, so a slow client makes nobody wait; it is destroyed when the
/// client has gone.
///
/// Thread-safety: the server calls all members from one thread at a time.
class BodySource {
 public:
  struct Piece {
    std::string bytes;     ///< Empty: nothing has come since.
    bool is_last = false;  ///< The body ends behind it.
  };
  virtual ~BodySource() = default;
  /// Called once, first. `wake` says that there is more to take; from any thread, also when the
  /// client has gone. Must not throw.
  virtual void on_start(std::function<void()> wake) = 0;
  /// What there is to send; asked when woken, and a few times a second. Must not block or throw.
  virtual Piece take() = 0;
};

/// One whole response. The servers add `content-length` and `date`; for HEAD they leave the body
/// out.
struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
  /// If set, sent instead of `body`, without a copy (static files, cached results).
  std::shared_ptr<const std::string> shared_body;
  /// If set, sent instead of both, as it comes, without a length. HTTP/1.1 only.
  std::shared_ptr<BodySource> source;
  Headers trailers;  ///< HTTP/2 only; HTTP/1.1 leaves them out.

  [[nodiscard]] std::string_view content() const noexcept {
    return shared_body ? std::string_view(*shared_body) : std::string_view(body);
  }
};

/// How a handler answers its request: call it once, from any thread, at any time. One that is
/// destroyed unused answers 500. Move-only. Answers after the client has gone are dropped.
class Responder {
 public:
  /// A server's side of a request waiting for its answer. `respond` is called once, from any
  /// thread.
  class Exchange {
   public:
    virtual ~Exchange() = default;
    virtual void respond(Response response) noexcept = 0;
    [[nodiscard]] virtual bool abandoned() const noexcept = 0;
  };

  Responder() = default;
  explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept {
    finish();
    exchange_ = std::move(other.exchange_);
    return *this;
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { finish(); }

  /// Answers; a second call does nothing.
  void operator()(Response response) noexcept {
    if (auto exchange = std::exchange(exchange_, nullptr)) exchange->respond(std::move(response));
  }
  /// Whether nobody waits for the answer any more: work for it may stop.
  [[nodiscard]] bool abandoned() const noexcept {
    return exchange_ == nullptr || exchange_->abandoned();
  }

 private:
  void finish() noexcept {
    if (exchange_ == nullptr) return;
    Response response;
    response.status = 500;
    (*this)(std::move(response));
  }
  std::shared_ptr<Exchange> exchange_;
};

/// Called on an I/O thread for each whole request; must not block. What it throws is answered by
/// 500.
using Handler = std::function<void(Request, Responder)>;

/// Looks at a request's head, before its body has come: an answer ends the request at once, and
/// what comes of its body is dropped. Called on an I/O thread; must not block.
using HeadCheck = std::function<std::optional<Response>(const Request& head)>;

/// The answer of a streamed request. Thread-safety: any thread. What is sent after the client has
/// gone is dropped; a client that takes too little of it is reset.
class OutgoingStream {
 public:
  virtual ~OutgoingStream() = default;
  virtual void send(std::string bytes) noexcept = 0;
  /// Ends the answer. Called once.
  virtual void finish(Headers trailers) noexcept = 0;
  [[nodiscard]] virtual bool abandoned() const noexcept = 0;
};

/// Takes the body of a streamed request, on an I/O thread, one call at a time; destroyed when the
/// stream is closed. Must keep what it gathers small: it is in no budget.
class IncomingStream {
 public:
  virtual ~IncomingStream() = default;
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end() = 0;
};

/// Takes a request by its head to answer it piece by piece, with status 200 and `headers`.
struct StreamedAnswer {
  Headers headers;
  std::shared_ptr<IncomingStream> incoming;
};
/// Decides by the head whether a request is streamed; nothing: it goes to the Handler when it is
/// whole. Called on an I/O thread; must not block.
using StreamHandler = std::function<std::optional<StreamedAnswer>(
    const Request& head, std::shared_ptr<OutgoingStream> answer)>;

/// Why a server answers a request itself, before its handler.
enum class Refusal : std::uint8_t {
  kHeadTooLarge,  ///< 431
  kBodyTooLarge,  ///< 413
  kOverloaded,    ///< 503: the budget, or the peer's share of it, is used up; try again.
};

/// Makes the answer to a refused request, whose body is missing. Called on an I/O thread.
using RefusalResponse = std::function<Response(const Request&, Refusal)>;

/// What a server without a RefusalResponse answers: the status and a sentence of text.
Response default_refusal(const Request& request, Refusal refusal);

/// Takes a sentence on a client whose bytes are not of the server's protocol, so that there was no
/// request to refuse. Called on an I/O thread; must not throw.
using WrongProtocol = std::function<void(const std::string& peer, const std::string& what)>;

/// Limits of one server; each is > 0.
struct HttpLimits {
  std::size_t max_connections = 10'240;                 ///< More are closed at once.
  std::size_t max_header_bytes = 64 * 1024;             ///< Of one request's head.
  std::size_t max_body_bytes = 64 * 1024 * 1024;        ///< Of one request, as sent. More is 413.
  std::chrono::milliseconds handshake_timeout{10'000};  ///< Of TLS.
  std::chrono::milliseconds header_timeout{10'000};  ///< From connect or first byte to whole head.
  std::chrono::milliseconds body_timeout{60'000};    ///< Longest silence within a body.
  std::chrono::milliseconds body_deadline{300'000};  ///< From head to the body's last byte.
  std::chrono::milliseconds idle_timeout{120'000};   ///< A connection without requests.
  std::chrono::milliseconds response_timeout{60'000};  ///< Longest silence of a client that reads.
  /// In each stretch of this time, a body that is sent or taken must move on by at least
  /// `min_bytes_per_second` on average.
  std::chrono::milliseconds rate_stretch{30'000};
  std::size_t min_bytes_per_second = 1024;
  std::chrono::milliseconds drain_timeout{5'000};  ///< What `stop` gives requests under way.

  /// The slowest pace of a request's body.
  [[nodiscard]] Pace::Limits body_pace() const {
    return {.silence = body_timeout,
            .stretch = rate_stretch,
            .bytes_in_stretch = bytes_in_stretch(),
            .whole = body_deadline};
  }
  /// The slowest pace at which a client may take its answer.
  [[nodiscard]] Pace::Limits response_pace() const {
    return {.silence = response_timeout,
            .stretch = rate_stretch,
            .bytes_in_stretch = bytes_in_stretch(),
            .whole = std::chrono::hours(24)};
  }

 private:
  [[nodiscard]] std::size_t bytes_in_stretch() const {
    return min_bytes_per_second * static_cast<std::size_t>(rate_stretch.count()) / 1000;
  }
};

/// Where a server listens.
struct Endpoint {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 address, no names.
  std::uint16_t port = 0;             ///< 0: any free one.
};

/// "127.0.0.1:4317", "[::1]:4317".
std::string to_string(const Endpoint& endpoint);

}  // namespace signalbox::server::net
