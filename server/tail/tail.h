#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "server/net/http.h"
#include "server/query/match/filter_match.h"
#include "server/query/plan/fields.h"

namespace signalbox::server::tail {

/// One client's live tail: what the client has not yet taken, as Server-Sent Events.
///
/// Nobody waits for the client: when the queue is full, its oldest records go, and an event tells
/// how many.
///
/// Thread-safety: `push`, `miss` and `filter` from one thread; what BodySource has from another
/// one.
class Tail final : public net::BodySource {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::size_t records = 1'000;         ///< That wait for the client; > 0.
    std::size_t bytes = 4ULL << 20;      ///< Of these; a larger record is missed.
    std::chrono::seconds heartbeat{15};  ///< Longest silence.
  };

  /// `on_close` is called by the destructor; must not throw.
  Tail(query::Signal signal, query::FilterMatcher filter, Limits limits,
       std::function<void()> on_close);
  ~Tail() override;
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  [[nodiscard]] query::Signal signal() const noexcept { return signal_; }
  [[nodiscard]] const query::FilterMatcher& filter() const noexcept { return filter_; }

  /// Takes a record that matches: one line of JSON, which tails share.
  void push(std::shared_ptr<const std::string> json);
  /// So many records came of which nobody knows whether they match.
  void miss(std::uint64_t unchecked);

  void on_start(std::function<void()> wake) override;
  Piece take() override;

 private:
  /// Where nothing can be told but how much.
  struct Missed {
    std::uint64_t count = 0;  ///< Of records that matched.
    std::uint64_t unchecked = 0;
  };
  struct Entry {
    std::shared_ptr<const std::string> json;  ///< Null: only `missed` stands here.
    Missed missed;
  };

  static void write(const Missed& missed, std::string& out);
  void drop_oldest();
  void wake();

  const query::Signal signal_;
  const query::FilterMatcher filter_;
  const Limits limits_;
  const std::function<void()> on_close_;

  std::mutex mutex_;
  std::function<void()> wake_;
  bool is_woken_ = false;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  Missed missed_;              ///< Before the first entry.
  std::uint64_t last_id_ = 0;  ///< Of what was taken or missed.
  Clock::time_point last_sent_ = Clock::now();
  bool is_begun_ = false;
};

}  // namespace signalbox::server::tail
