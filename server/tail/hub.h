#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/plan/fields.h"
#include "server/store/tap.h"
#include "server/tail/record_reader.h"
#include "server/tail/tail.h"

namespace signalbox::server::tail {

/// Hands what is received to the tails that are open: decodes each acknowledged request once more,
/// on a thread of its own, as long as anybody tails its signal.
///
/// What waits for that thread is bounded: of further requests the tails are told how many records
/// they had.
///
/// Thread-safety: all members from any thread. Lifetime: the decoder outlives it, and it outlives
/// its tails.
class Hub final : public store::Tap {
 public:
  struct Limits {
    std::size_t tails = 32;                   ///< Open at one time.
    std::size_t waiting_bytes = 16ULL << 20;  ///< Of requests as they came, for the thread.
    std::size_t waiting_requests = 4'096;     ///< The same; > 0.
    Tail::Limits of_tail;
  };

  Hub(const store::Decoder& decoder, Limits limits);
  ~Hub() override;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// A tail of what is acknowledged from now on; it is closed when it is destroyed. Null if as many
  /// are open as may be. Throws QueryError about "q" as FilterMatcher does.
  [[nodiscard]] std::shared_ptr<Tail> open(query::Signal signal, const query::FilterNode& filter);

  /// How many are open.
  [[nodiscard]] std::size_t tails() const;

  void on_request(const store::IngestRequest& request, std::uint64_t records) noexcept override;

 private:
  static constexpr std::size_t kSignals = 3;

  /// A request, as IngestRequest has it.
  struct Waiting {
    store::Signal signal = store::Signal::kTraces;
    std::uint8_t content = 0;
    std::string_view payload;
    std::shared_ptr<const void> owner;
    std::uint64_t records = 0;
    /// Records of requests that came behind it and found no room, by signal.
    std::array<std::uint64_t, kSignals> unchecked_behind{};
  };
  using Tails = std::vector<std::shared_ptr<Tail>>;

  void run(const std::stop_token& stop);
  void serve(const Waiting& waiting);
  void decode(const Waiting& waiting, const Tails& tails);
  [[nodiscard]] Tails tails_of(store::Signal signal) const;
  void close(query::Signal signal) noexcept;

  const store::Decoder& decoder_;
  const Limits limits_;
  std::array<std::atomic<std::size_t>, kSignals> open_{};  ///< Tails by the store's signals.

  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::vector<std::weak_ptr<Tail>> tails_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;

  std::jthread thread_;
};

}  // namespace signalbox::server::tail
