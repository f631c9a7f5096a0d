#pragma once

#include <signalbox/common/instrumentation_scope.h>
#include <signalbox/metrics/instruments.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace signalbox::metrics {

namespace detail {
class MeterState;
class Registry;
enum class Kind : std::uint8_t;
}  // namespace detail

/// The boundaries of a histogram that names none: 0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000,
/// 2500, 5000, 7500, 10000 (the specification's, meant for milliseconds).
[[nodiscard]] std::vector<double> default_histogram_boundaries();

struct InstrumentOptions {
  std::string_view description = {};
  std::string_view unit = {};  ///< In UCUM: "s", "By", "{request}". Case matters.
};

struct HistogramOptions {
  std::string_view description = {};
  std::string_view unit = {};  ///< In UCUM, as above.
  /// Upper, inclusive limits of the buckets, finite, in rising order; one more bucket takes what
  /// lies above the last.
  std::vector<double> boundaries = default_histogram_boundaries();
};

/// Creates the instruments of one instrumentation scope, i.e. of one library or component.
///
/// A cheap handle; thread-safe. Without an SDK, or for an invalid name or invalid boundaries (which
/// are reported), the instruments that it creates do nothing. A name starts with a letter, consists
/// of letters, digits, `_`, `.`, `-` and `/`, has at most 255 characters, and its case does not
/// matter. Creating an instrument again returns the same; creating it with another kind, number
/// type or unit is reported and makes a second stream of that name.
///
/// `T` is std::int64_t or double. Creating instruments takes a lock: do it once, not per
/// measurement.
class Meter {
 public:
  /// Does nothing.
  Meter() noexcept = default;
  explicit Meter(std::shared_ptr<detail::MeterState> state) noexcept : state_(std::move(state)) {}

  template <Number T = std::int64_t>
  [[nodiscard]] Counter<T> create_counter(std::string_view name,
                                          const InstrumentOptions& options = {}) const noexcept;
  template <Number T = std::int64_t>
  [[nodiscard]] UpDownCounter<T> create_up_down_counter(
      std::string_view name, const InstrumentOptions& options = {}) const noexcept;
  template <Number T = double>
  [[nodiscard]] Histogram<T> create_histogram(std::string_view name,
                                              const HistogramOptions& options = {}) const noexcept;
  template <Number T = double>
  [[nodiscard]] Gauge<T> create_gauge(std::string_view name,
                                      const InstrumentOptions& options = {}) const noexcept;

  /// Of one name there may be several, whose callbacks are all called.
  template <Number T = std::int64_t>
  Observable create_observable_counter(std::string_view name,
                                       std::type_identity_t<ObservableCallback<T>> callback,
                                       const InstrumentOptions& options = {}) const noexcept;
  template <Number T = std::int64_t>
  Observable create_observable_up_down_counter(
      std::string_view name, std::type_identity_t<ObservableCallback<T>> callback,
      const InstrumentOptions& options = {}) const noexcept;
  template <Number T = double>
  Observable create_observable_gauge(std::string_view name,
                                     std::type_identity_t<ObservableCallback<T>> callback,
                                     const InstrumentOptions& options = {}) const noexcept;

 private:
  std::shared_ptr<detail::MeterState> state_;
};

/// Hands out meters. A cheap handle; thread-safe; keeps no exporter or thread alive.
class MeterProvider {
 public:
  /// Its meters do nothing.
  MeterProvider() noexcept = default;
  explicit MeterProvider(std::shared_ptr<detail::Registry> registry) noexcept
      : registry_(std::move(registry)) {}

  /// The meter of this scope: always the same one for the same name, version, schema URL and
  /// attributes.
  [[nodiscard]] Meter get_meter(const InstrumentationScope& scope) const noexcept;

  /// Whether both hand out the same meters.
  friend bool operator==(const MeterProvider& a, const MeterProvider& b) noexcept = default;

 private:
  friend void set_global_meter_provider(MeterProvider provider) noexcept;
  std::shared_ptr<detail::Registry> registry_;
};

/// The meter of `scope` from the global provider. If none is set yet, the meter and its instruments
/// do nothing until one is, and belong to that one from then on.
[[nodiscard]] Meter get_meter(const InstrumentationScope& scope) noexcept;
[[nodiscard]] inline Meter get_meter(std::string_view name,
                                     std::string_view version = {}) noexcept {
  return get_meter(
      InstrumentationScope{.name = name, .version = version, .schema_url = {}, .attributes = {}});
}

/// Installs the provider of the whole program; a default-constructed one removes it. Instruments
/// stay with the provider that they came to belong to.
void set_global_meter_provider(MeterProvider provider) noexcept;
[[nodiscard]] MeterProvider global_meter_provider() noexcept;

}  // namespace signalbox::metrics
