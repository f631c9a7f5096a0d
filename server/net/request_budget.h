#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace signalbox::server::net {

/// The one ledger of what requests hold in memory: the header fields and bodies of all requests of
/// all connections of all servers that share it, from their first byte until whoever took them
/// lets them go.
///
/// One address can hold no more than its share, so that a slow or greedy client does not keep the
/// others out; a single request may exceed the share, or it could never be sent.
///
/// Thread-safety: all members from any thread. Lifetime: kept alive by its leases.
class RequestBudget : public std::enable_shared_from_this<RequestBudget> {
  struct Account;

 public:
  /// `limit_bytes` > 0. One peer holds at most `peer_bytes`; 0 means a quarter of the limit.
  static std::shared_ptr<RequestBudget> create(std::size_t limit_bytes, std::size_t peer_bytes = 0);

  /// Bytes taken from the budget; gives them back when destroyed. Move-only; one thread at a time.
  /// One that was default-constructed belongs to no budget and has no limit.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::move(other.budget_)),
          account_(std::exchange(other.account_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this == &other) return *this;
      close();
      budget_ = std::move(other.budget_);
      account_ = std::exchange(other.account_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { close(); }

    /// Makes the lease at least `bytes` large. False, and unchanged, if the budget or the peer's
    /// share has not as much.
    [[nodiscard]] bool grow_to(std::size_t bytes) noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// Gives all bytes back; the lease may grow again.
    void release() noexcept;

   private:
    friend class RequestBudget;
    Lease(std::shared_ptr<RequestBudget> budget, Account* account)
        : budget_(std::move(budget)), account_(account) {}
    void close() noexcept;

    std::shared_ptr<RequestBudget> budget_;
    Account* account_ = nullptr;  ///< The budget's; counts this lease as long as it is set.
    std::size_t bytes_ = 0;
  };

  /// A lease of no bytes yet, of a request from the address `peer`. Throws std::bad_alloc.
  [[nodiscard]] Lease lease(const std::string& peer);
  [[nodiscard]] std::size_t used_bytes() const;
  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_bytes_; }

 private:
  struct Account {
    std::string peer;
    std::size_t leases = 0;
    std::size_t bytes = 0;
  };

  RequestBudget(std::size_t limit_bytes, std::size_t peer_bytes)
      : limit_bytes_(limit_bytes), peer_bytes_(peer_bytes) {}
  /// `held`: what the lease that asks has already.
  [[nodiscard]] bool take(Account& account, std::size_t held, std::size_t bytes) noexcept;
  void give_back(Account& account, std::size_t bytes) noexcept;
  void close(Account& account) noexcept;

  const std::size_t limit_bytes_;
  const std::size_t peer_bytes_;
  mutable std::mutex mutex_;
  std::size_t used_bytes_ = 0;
  std::unordered_map<std::string, Account> accounts_;  ///< Of peers with a lease.
};

}  // namespace signalbox::server::net
