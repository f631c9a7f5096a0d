#pragma once

#include <algorithm>
#include <atomic>
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

/// Bounds the bytes of request bodies that all connections of all servers hold at one time.
///
/// Thread-safety: all members from any thread. Lifetime: kept alive by its leases.
class BodyBudget : public std::enable_shared_from_this<BodyBudget> {
 public:
  /// `limit_bytes` > 0.
  static std::shared_ptr<BodyBudget> create(std::size_t limit_bytes) {
    return std::shared_ptr<BodyBudget>(new BodyBudget(limit_bytes));
  }

  /// Bytes taken from the budget; gives them back when destroyed. Move-only; one thread at a time.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      release();
      budget_ = std::move(other.budget_);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { release(); }

    /// Makes the lease at least `bytes` large. False, and unchanged, if the budget has not as much.
    [[nodiscard]] bool grow_to(std::size_t bytes) noexcept {
      if (bytes <= bytes_ || budget_ == nullptr) return true;
      if (!budget_->take(bytes - bytes_)) return false;
      bytes_ = bytes;
      return true;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    void release() noexcept {
      if (budget_ != nullptr) budget_->used_.fetch_sub(bytes_);
      bytes_ = 0;
    }

   private:
    friend class BodyBudget;
    explicit Lease(std::shared_ptr<BodyBudget> budget) : budget_(std::move(budget)) {}
    std::shared_ptr<BodyBudget> budget_;
    std::size_t bytes_ = 0;
  };

  /// A lease of no bytes yet.
  [[nodiscard]] Lease lease() { return Lease(shared_from_this()); }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_.load(); }
  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_; }

 private:
  explicit BodyBudget(std::size_t limit_bytes) : limit_(limit_bytes) {}
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    std::size_t used = used_.load();
    while (bytes <= limit_ && used <= limit_ - bytes) {
      if (used_.compare_exchange_weak(used, used + bytes)) return true;
    }
    return false;
  }

  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

/// One whole request.
struct Request {
  std::string method;  ///< "GET", "POST", …
  std::string target;  ///< Path and query as sent, e.g. "/api/traces?limit=10".
  Headers headers;     ///< Without HTTP/2's pseudo headers; `host` holds its `:authority`.
  std::string body;
  std::string peer;         ///< Address of the other end, e.g. "127.0.0.1".
  BodyBudget::Lease lease;  ///< Of `body`'s bytes; whoever takes the body keeps it with it.
  /// When the sender stops waiting for the answer (gRPC's `grpc-timeout`): work for it that has
  /// not begun by then may be dropped. Nothing if it did not say.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// One whole response. The servers add `content-length` and `date`; for HEAD they leave the body
/// out.
struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
  /// If set, sent instead of `body`, without a copy (static files, cached results).
  std::shared_ptr<const std::string> shared_body;
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

/// Why a server answers a request itself, before its handler.
enum class Refusal : std::uint8_t {
  kHeadTooLarge,  ///< 431
  kBodyTooLarge,  ///< 413
  kOverloaded,    ///< 503: the body budget is used up; try again.
};

/// Makes the answer to a refused request, whose body is missing. Called on an I/O thread.
using RefusalResponse = std::function<Response(const Request&, Refusal)>;

/// What a server without a RefusalResponse answers: the status and a sentence of text.
Response default_refusal(const Request& request, Refusal refusal);

/// Limits of one server; each is > 0.
struct HttpLimits {
  std::size_t max_connections = 4096;                ///< More are closed at once.
  std::size_t max_header_bytes = 64 * 1024;          ///< Of one request's head.
  std::size_t max_body_bytes = 64 * 1024 * 1024;     ///< Of one request, as sent. More is 413.
  std::chrono::milliseconds header_timeout{10'000};  ///< From connect or first byte to whole head.
  std::chrono::milliseconds body_timeout{60'000};    ///< Longest silence within a body.
  std::chrono::milliseconds idle_timeout{120'000};   ///< A connection without requests.
  std::chrono::milliseconds response_timeout{60'000};  ///< Longest silence of a client that reads.
  std::chrono::milliseconds drain_timeout{5'000};      ///< What `stop` gives requests under way.
};

/// Where a server listens.
struct Endpoint {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 address, no names.
  std::uint16_t port = 0;             ///< 0: any free one.
};

/// "127.0.0.1:4317", "[::1]:4317".
std::string to_string(const Endpoint& endpoint);

}  // namespace signalbox::server::net
