#pragma once

#include <signalbox/common/attribute.h>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>

/// How an instrument reaches the memory that it counts in. Not for direct use: see instruments.h.
///
/// Every thread owns a cell of each series that it records to, so that recording is a plain load
/// and store without a lock or a shared cache line. Collection adds up the cells of a series.
namespace signalbox::metrics {

/// What an instrument measures in.
template <typename T>
concept Number = std::same_as<T, std::int64_t> || std::same_as<T, double>;

namespace detail {

/// What the handles see of an instrument.
struct InstrumentBase {
  std::atomic<bool> active{false};  ///< Whether a provider collects it.
};

/// One thread's part of a sum, or the one value of a gauge. Written by its owner only (a gauge's by
/// any thread), read by the collector.
template <Number T>
struct alignas(64) ValueCell {
  std::atomic<T> value{0};

  void add(T increment) noexcept {
    // Not a read-modify-write: nobody else writes this cell.
    if constexpr (std::same_as<T, std::int64_t>) {
      value.store(static_cast<std::int64_t>(
                      static_cast<std::uint64_t>(value.load(std::memory_order_relaxed)) +
                      static_cast<std::uint64_t>(increment)),
                  std::memory_order_relaxed);
    } else {
      value.store(value.load(std::memory_order_relaxed) + increment, std::memory_order_relaxed);
    }
  }
};

/// One thread's part of a histogram. The bucket counts follow the object in memory.
struct alignas(64) HistogramCell {
  std::atomic<std::uint64_t> sequence{0};  ///< Odd while a measurement is being written.
  std::atomic<double> sum{0};
  std::atomic<double> min{0};
  std::atomic<double> max{0};
  std::atomic<std::uint64_t> interval{0};  ///< The one that `min` and `max` are of; 0: none yet.
  const std::atomic<std::uint64_t>* current_interval = nullptr;
  std::span<const double> boundaries;

  /// `value` is finite and not negative.
  void record(double value) noexcept;
  [[nodiscard]] std::atomic<std::uint64_t>* buckets() noexcept {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
  }
};

/// The calling thread's cells by slot: of series without attributes and of bound ones.
struct ThreadCells {
  void* const* cells = nullptr;
  std::uint32_t size = 0;
};
extern constinit thread_local ThreadCells thread_cells;

/// Gives the calling thread its cell. Null only if memory is exhausted.
void* acquire_cell(InstrumentBase& instrument, std::uint32_t slot) noexcept;
void* find_cell(InstrumentBase& instrument, Attributes attributes) noexcept;
/// The slot of the series with these attributes.
std::uint32_t bind_slot(InstrumentBase& instrument, Attributes attributes) noexcept;
void report_invalid_value(InstrumentBase& instrument) noexcept;

/// What all synchronous instruments and bound instruments consist of.
template <typename CellType>
class CellHandle {
 public:
  CellHandle() noexcept = default;
  CellHandle(std::shared_ptr<InstrumentBase> instrument, std::uint32_t slot) noexcept
      : instrument_(std::move(instrument)), slot_(slot) {}

  /// False: nothing is recorded, for there is no SDK or the instrument is invalid.
  [[nodiscard]] bool enabled() const noexcept {
    return instrument_ != nullptr && instrument_->active.load(std::memory_order_relaxed);
  }

 protected:
  [[nodiscard]] CellType* cell() const noexcept {
    const ThreadCells& own = thread_cells;
    if (slot_ < own.size) [[likely]] {
      if (void* found = own.cells[slot_]) [[likely]] {
        return static_cast<CellType*>(found);
      }
    }
    return static_cast<CellType*>(acquire_cell(*instrument_, slot_));
  }
  [[nodiscard]] CellType* cell(Attributes attributes) const noexcept {
    if (attributes.empty()) {
      return cell();
    }
    return static_cast<CellType*>(find_cell(*instrument_, attributes));
  }
  [[nodiscard]] CellHandle bound(Attributes attributes) const noexcept {
    return instrument_ ? CellHandle(instrument_, bind_slot(*instrument_, attributes))
                       : CellHandle();
  }
  void report_invalid() const noexcept { report_invalid_value(*instrument_); }

 private:
  std::shared_ptr<InstrumentBase> instrument_;
  std::uint32_t slot_ = 0;
};

}  // namespace detail
}  // namespace signalbox::metrics
