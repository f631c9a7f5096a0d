#include "server/net/request_budget.h"

namespace signalbox::server::net {

std::shared_ptr<RequestBudget> RequestBudget::create(std::size_t limit_bytes,
                                                     std::size_t peer_bytes) {
  if (peer_bytes == 0) peer_bytes = limit_bytes / 4;
  return std::shared_ptr<RequestBudget>(new RequestBudget(limit_bytes, peer_bytes));
}

RequestBudget::Lease RequestBudget::lease(const std::string& peer) {
  auto self = shared_from_this();
  std::scoped_lock lock(mutex_);
  Account& account = accounts_[peer];
  if (account.leases == 0) account.peer = peer;
  ++account.leases;
  return {std::move(self), &account};  // Accounts do not move: the map has nodes.
}

std::size_t RequestBudget::used_bytes() const {
  std::scoped_lock lock(mutex_);
  return used_bytes_;
}

bool RequestBudget::take(Account& account, std::size_t held, std::size_t bytes) noexcept {
  std::scoped_lock lock(mutex_);
  if (bytes > limit_bytes_ - used_bytes_) return false;
  const bool is_alone = account.bytes == held;
  if (!is_alone && account.bytes + bytes > peer_bytes_) return false;
  used_bytes_ += bytes;
  account.bytes += bytes;
  return true;
}

void RequestBudget::give_back(Account& account, std::size_t bytes) noexcept {
  std::scoped_lock lock(mutex_);
  used_bytes_ -= bytes;
  account.bytes -= bytes;
}

void RequestBudget::close(Account& account) noexcept {
  std::scoped_lock lock(mutex_);
  if (--account.leases == 0) accounts_.erase(accounts_.find(account.peer));
}

bool RequestBudget::Lease::grow_to(std::size_t bytes) noexcept {
  if (bytes <= bytes_ || account_ == nullptr) return true;
  if (!budget_->take(*account_, bytes_, bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

void RequestBudget::Lease::release() noexcept {
  if (account_ != nullptr && bytes_ > 0) budget_->give_back(*account_, bytes_);
  bytes_ = 0;
}

void RequestBudget::Lease::close() noexcept {
  release();
  if (account_ != nullptr) budget_->close(*account_);
  account_ = nullptr;
  budget_.reset();
}

}  // namespace signalbox::server::net
