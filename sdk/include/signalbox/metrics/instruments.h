#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/metrics/cell.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

/// The instruments that a program measures with. A Meter creates them.
///
/// All are cheap handles: copy them freely. They are valid for as long as they live, whatever
/// becomes of the provider; once it is gone, or was never there, they record nothing. Recording
/// never throws, blocks on I/O or allocates in the steady state, and works from any thread; a
/// measurement is counted in the series of its set of attributes, in whichever order they are given
/// (the last of equal keys counts). Instruments keep at most 2,000 sets by default; what comes
/// after goes to one series with the attribute `otel.metric.overflow`.
///
/// A bound instrument is an instrument for one set of attributes, looked up once: the fastest way
/// to record.
namespace signalbox::metrics {

namespace detail {

template <Number T>
[[nodiscard]] inline bool is_recordable(T value) noexcept {
  if constexpr (std::same_as<T, double>) {
    return std::isfinite(value);
  } else {
    return true;
  }
}

}  // namespace detail

/// A counter for one set of attributes.
template <Number T>
class BoundCounter : public detail::CellHandle<detail::ValueCell<T>> {
  using Base = detail::CellHandle<detail::ValueCell<T>>;

 public:
  BoundCounter() noexcept = default;
  explicit BoundCounter(Base base) noexcept : Base(std::move(base)) {}

  /// As Counter::add.
  void add(T increment) const noexcept {
    if (!this->enabled()) {
      return;
    }
    if (!(increment >= 0) || !detail::is_recordable(increment)) [[unlikely]] {
      this->report_invalid();
    } else if (auto* cell = this->cell()) [[likely]] {
      cell->add(increment);
    }
  }
};

/// A sum that only grows: requests served, bytes sent.
template <Number T>
class Counter : public detail::CellHandle<detail::ValueCell<T>> {
  using Base = detail::CellHandle<detail::ValueCell<T>>;

 public:
  Counter() noexcept = default;
  explicit Counter(Base base) noexcept : Base(std::move(base)) {}

  /// Adds `increment`. A negative one, an infinity or a NaN is ignored and reported.
  void add(T increment) const noexcept { add(increment, Attributes()); }
  void add(T increment, Attributes attributes) const noexcept {
    if (!this->enabled()) {
      return;
    }
    if (!(increment >= 0) || !detail::is_recordable(increment)) [[unlikely]] {
      this->report_invalid();
    } else if (auto* cell = this->cell(attributes)) [[likely]] {
      cell->add(increment);
    }
  }

  [[nodiscard]] BoundCounter<T> bind(Attributes attributes) const noexcept {
    return BoundCounter<T>(this->bound(attributes));
  }
};

/// An up-down counter for one set of attributes.
template <Number T>
class BoundUpDownCounter : public detail::CellHandle<detail::ValueCell<T>> {
  using Base = detail::CellHandle<detail::ValueCell<T>>;

 public:
  BoundUpDownCounter() noexcept = default;
  explicit BoundUpDownCounter(Base base) noexcept : Base(std::move(base)) {}

  /// As UpDownCounter::add.
  void add(T increment) const noexcept {
    if (!this->enabled()) {
      return;
    }
    if (!detail::is_recordable(increment)) [[unlikely]] {
      this->report_invalid();
    } else if (auto* cell = this->cell()) [[likely]] {
      cell->add(increment);
    }
  }
};

/// A sum that grows and shrinks: active requests, items in a queue.
template <Number T>
class UpDownCounter : public detail::CellHandle<detail::ValueCell<T>> {
  using Base = detail::CellHandle<detail::ValueCell<T>>;

 public:
  UpDownCounter() noexcept = default;
  explicit UpDownCounter(Base base) noexcept : Base(std::move(base)) {}

  /// Adds `increment`, which may be negative. An infinity or a NaN is ignored and reported.
  void add(T increment) const noexcept { add(increment, Attributes()); }
  void add(T increment, Attributes attributes) const noexcept {
    if (!this->enabled()) {
      return;
    }
    if (!detail::is_recordable(increment)) [[unlikely]] {
      this->report_invalid();
    } else if (auto* cell = this->cell(attributes)) [[likely]] {
      cell->add(increment);
    }
  }

  [[nodiscard]] BoundUpDownCounter<T> bind(Attributes attributes) const noexcept {
    return BoundUpDownCounter<T>(this->bound(attributes));
  }
};

/// A histogram for one set of attributes.
template <Number T>
class BoundHistogram : public detail::CellHandle<detail::HistogramCell> {
  using Base = detail::CellHandle<detail::HistogramCell>;

 public:
  BoundHistogram() noexcept = default;
  explicit BoundHistogram(Base base) noexcept : Base(std::move(base)) {}

  /// As Histogram::record.
  void record(T value) const noexcept {
    if (!enabled()) {
      return;
    }
    if (!(value >= 0) || !detail::is_recordable(value)) [[unlikely]] {
      report_invalid();
    } else if (auto* own = cell()) [[likely]] {
      own->record(static_cast<double>(value));
    }
  }
};

/// A distribution of values: durations, sizes. Counted in buckets, with sum, smallest and largest.
template <Number T>
class Histogram : public detail::CellHandle<detail::HistogramCell> {
  using Base = detail::CellHandle<detail::HistogramCell>;

 public:
  Histogram() noexcept = default;
  explicit Histogram(Base base) noexcept : Base(std::move(base)) {}

  /// Counts `value`. A negative one, an infinity or a NaN is ignored and reported.
  void record(T value) const noexcept { record(value, Attributes()); }
  void record(T value, Attributes attributes) const noexcept {
    if (!enabled()) {
      return;
    }
    if (!(value >= 0) || !detail::is_recordable(value)) [[unlikely]] {
      report_invalid();
    } else if (auto* own = cell(attributes)) [[likely]] {
      own->record(static_cast<double>(value));
    }
  }

  [[nodiscard]] BoundHistogram<T> bind(Attributes attributes) const noexcept {
    return BoundHistogram<T>(bound(attributes));
  }
};

/// A value that replaces the one before: a temperature, a size of a pool.
template <Number T>
class Gauge : public detail::CellHandle<detail::ValueCell<T>> {
  using Base = detail::CellHandle<detail::ValueCell<T>>;

 public:
  Gauge() noexcept = default;
  explicit Gauge(Base base) noexcept : Base(std::move(base)) {}

  /// Sets the value. An infinity or a NaN is ignored and reported.
  void record(T value) const noexcept { record(value, Attributes()); }
  void record(T value, Attributes attributes) const noexcept {
    if (!this->enabled()) {
      return;
    }
    if (!detail::is_recordable(value)) [[unlikely]] {
      this->report_invalid();
    } else if (auto* cell = this->cell(attributes)) [[likely]] {
      cell->value.store(value, std::memory_order_relaxed);
    }
  }
};

/// What the callback of an observable instrument reports to. Valid only during that call.
template <Number T>
class Observer {
 public:
  using Sink = void (*)(void* state, T value, Attributes attributes) noexcept;
  Observer(Sink sink, void* state) noexcept : sink_(sink), state_(state) {}

  /// Reports the present value of one set of attributes; the last one of a collection counts. A
  /// counter's value is its total, not an increment. An infinity or a NaN is ignored and reported.
  void observe(T value, Attributes attributes = {}) noexcept { sink_(state_, value, attributes); }

 private:
  Sink sink_;
  void* state_;
};

/// Called once for each collection, on the reader's thread or on one that flushes, never twice at
/// once. An exception ends that call, is reported, and keeps what was observed before.
template <Number T>
using ObservableCallback = std::function<void(Observer<T>&)>;

namespace detail {
class Callback;
}

/// Keeps the callback of an observable instrument registered for as long as it lives.
///
/// Destruction waits until a running call of the callback has returned (unless it happens inside
/// that very call): afterwards, what the callback refers to may go.
class [[nodiscard]] Observable {
 public:
  Observable() noexcept = default;
  explicit Observable(std::shared_ptr<detail::Callback> callback) noexcept
      : callback_(std::move(callback)) {}
  Observable(Observable&& other) noexcept = default;
  Observable& operator=(Observable&& other) noexcept;
  Observable(const Observable&) = delete;
  Observable& operator=(const Observable&) = delete;
  ~Observable() { stop(); }

  /// Unregisters now.
  void stop() noexcept;

 private:
  std::shared_ptr<detail::Callback> callback_;
};

}  // namespace signalbox::metrics
