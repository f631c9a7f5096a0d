#pragma once

#include <signalbox/common/timestamp.h>
#include <signalbox/metrics/instruments.h>
#include <signalbox/metrics/sdk_meter_provider.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sdk/metrics/point_writer.h"
#include "sdk/metrics/thread_state.h"

namespace signalbox::metrics::detail {

enum class Kind : std::uint8_t {
  kCounter,
  kUpDownCounter,
  kHistogram,
  kGauge,
  kObservableCounter,
  kObservableUpDownCounter,
  kObservableGauge,
};

[[nodiscard]] constexpr bool is_observable(Kind kind) noexcept {
  return kind >= Kind::kObservableCounter;
}
[[nodiscard]] constexpr bool is_gauge(Kind kind) noexcept {
  return kind == Kind::kGauge || kind == Kind::kObservableGauge;
}

/// What describes an instrument; two descriptions of one name, kind, type and unit are one
/// instrument.
struct Description {
  Kind kind;
  bool is_int;
  std::string name;
  std::string description;
  std::string unit;
  std::vector<double> boundaries;  ///< Of a histogram.
};

/// What instruments take over from the provider that collects them.
struct Settings {
  std::size_t cardinality_limit = 2000;
  std::function<Timestamp()> clock;
};

struct CellDeleter {
  void operator()(void* cell) const noexcept;
};

/// An instrument's series and their cells.
///
/// Thread-safety: all members, from any thread; `collect` from one at a time. Recording takes the
/// lock only to find the series of attributes that the thread has not met.
class Instrument final : public InstrumentBase, public std::enable_shared_from_this<Instrument> {
 public:
  explicit Instrument(Description description);
  Instrument(const Instrument&) = delete;
  Instrument& operator=(const Instrument&) = delete;
  ~Instrument() = default;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::uint32_t default_slot() const noexcept { return default_slot_; }
  [[nodiscard]] const Description& description() const noexcept { return description_; }

  /// From now on measurements count.
  void activate(std::shared_ptr<const Settings> settings);
  void deactivate() noexcept { active.store(false, std::memory_order_relaxed); }

  /// The thread's cell of that series. Throws if memory is exhausted.
  void* cell_of_slot(std::uint32_t slot, ThreadState& thread);
  void* cell_of(Attributes attributes, ThreadState& thread);
  std::uint32_t bind(Attributes attributes);
  /// Leaves the thread's cells to other threads, with all that they have counted.
  void release_cells(const ThreadState& thread) noexcept;

  void add_callback(std::shared_ptr<Callback> callback);
  void remove_callback(const Callback* callback) noexcept;
  /// Of an observable instrument: takes what a callback reports.
  template <Number T>
  void observe(T value, Attributes attributes);

  /// Runs the callbacks, then writes one point for each series that has one.
  void collect(sdk::TemporalityPreference preference, Timestamp now, PointWriter& writer);

 private:
  struct Share {
    std::unique_ptr<void, CellDeleter> cell;
    const ThreadState* owner;  // Null: free for the next thread.
  };
  struct Series {
    std::string attributes;  // Canonical and encoded.
    Timestamp start;
    std::uint32_t slot = kNoSlot;
    std::vector<Share> shares;
    // Observables: what the present collection saw.
    bool is_observed = false;
    std::uint64_t observed = 0;  // The value's bits.
    // Delta temporality: what the last collection saw.
    Timestamp last_collected;
    std::uint64_t last_value = 0;  // The value's bits.
    double last_sum = 0;
    std::vector<std::uint64_t> last_buckets;
  };
  struct HistogramTotals;
  static constexpr std::uint32_t kNoSlot = static_cast<std::uint32_t>(-1);

  [[nodiscard]] std::string canonical(Attributes attributes) const;
  Series& series_of(std::string set);
  Series& series_of_slot(std::uint32_t slot);
  void* share_of(Series& series, ThreadState& thread);
  [[nodiscard]] std::unique_ptr<void, CellDeleter> make_cell() const;
  void run_callbacks();
  [[nodiscard]] bool is_delta(sdk::TemporalityPreference preference) const noexcept;
  template <Number T>
  void collect_numbers(bool delta, Timestamp now, PointWriter& writer);
  void collect_histograms(bool delta, Timestamp now, PointWriter& writer);
  void read(const Series& series, std::uint64_t interval, HistogramTotals& totals) const;
  void forget_unobserved();

  const Description description_;
  const std::uint64_t id_;
  const std::uint64_t seed_;
  const std::uint32_t default_slot_;
  std::atomic<std::uint64_t> interval_{1};  // Counts collections, for smallest and largest.

  std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
  Timestamp activated_;
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;
  std::vector<Series*> in_order_;
  std::unordered_map<std::uint32_t, Series*> by_slot_;

  std::mutex callbacks_mutex_;
  std::vector<std::shared_ptr<Callback>> callbacks_;
};

/// A registered callback. The lock is held while it runs; recursive, so that it may unregister
/// itself.
class Callback {
 public:
  Callback(std::weak_ptr<Instrument> instrument, std::function<void(Instrument&)> function)
      : instrument_(std::move(instrument)), function_(std::move(function)) {}

  void run(Instrument& instrument);
  void stop() noexcept;

 private:
  std::recursive_mutex mutex_;
  bool stopped_ = false;
  const std::weak_ptr<Instrument> instrument_;
  const std::function<void(Instrument&)> function_;
};

}  // namespace signalbox::metrics::detail
