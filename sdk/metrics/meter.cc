#include <signalbox/common/diagnostics.h>
#include <signalbox/metrics/meter.h>

#include <exception>
#include <mutex>
#include <utility>

#include "sdk/metrics/registry.h"

namespace signalbox::metrics {
namespace {

using detail::Kind;
using detail::MeterState;
using detail::Registry;

void report_failure(const std::exception& failure) noexcept {
  sdk::report_diagnostic(sdk::DiagnosticLevel::kError, "metrics.create_failed", failure.what());
}

// Never destroyed: static destructors may still measure.
struct Globals {
  std::mutex mutex;
  std::shared_ptr<Registry> current;                                        // Null: none is set.
  std::shared_ptr<Registry> waiting = std::make_shared<Registry>(nullptr);  // For the one to come.
};

Globals& globals() {
  static auto* const instance = new Globals();
  return *instance;
}

template <typename Handle>
Handle create(const std::shared_ptr<MeterState>& state, Kind kind, bool is_int,
              std::string_view name, const InstrumentOptions& options,
              std::vector<double> boundaries = {}) noexcept {
  if (!state) {
    return {};
  }
  try {
    auto instrument = state->instrument(kind, is_int, name, options, std::move(boundaries));
    if (!instrument) {
      return {};
    }
    const std::uint32_t slot = instrument->default_slot();
    return Handle({std::move(instrument), slot});
  } catch (const std::exception& failure) {
    report_failure(failure);
    return {};
  }
}

template <Number T>
Observable observe(const std::shared_ptr<MeterState>& state, Kind kind, std::string_view name,
                   ObservableCallback<T> function, const InstrumentOptions& options) noexcept {
  if (!state || !function) {
    return Observable();
  }
  try {
    const auto instrument =
        state->instrument(kind, std::same_as<T, std::int64_t>, name, options, {});
    if (!instrument) {
      return Observable();
    }
    auto run = [function = std::move(function)](detail::Instrument& target) {
      Observer<T> observer(
          [](void* of, T value, Attributes attributes) noexcept {
            try {
              static_cast<detail::Instrument*>(of)->observe<T>(value, attributes);
            } catch (const std::exception& failure) {
              report_failure(failure);
            }
          },
          &target);
      function(observer);
    };
    auto callback = std::make_shared<detail::Callback>(instrument, std::move(run));
    instrument->add_callback(callback);
    return Observable(std::move(callback));
  } catch (const std::exception& failure) {
    report_failure(failure);
    return Observable();
  }
}

}  // namespace

std::vector<double> default_histogram_boundaries() {
  return {0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000};
}

template <Number T>
Counter<T> Meter::create_counter(std::string_view name,
                                 const InstrumentOptions& options) const noexcept {
  return create<Counter<T>>(state_, Kind::kCounter, std::same_as<T, std::int64_t>, name, options);
}

template <Number T>
UpDownCounter<T> Meter::create_up_down_counter(std::string_view name,
                                               const InstrumentOptions& options) const noexcept {
  return create<UpDownCounter<T>>(state_, Kind::kUpDownCounter, std::same_as<T, std::int64_t>, name,
                                  options);
}

template <Number T>
Histogram<T> Meter::create_histogram(std::string_view name,
                                     const HistogramOptions& options) const noexcept {
  try {
    return create<Histogram<T>>(state_, Kind::kHistogram, std::same_as<T, std::int64_t>, name,
                                {.description = options.description, .unit = options.unit},
                                options.boundaries);
  } catch (const std::exception& failure) {
    report_failure(failure);  // No memory for a copy of the boundaries.
    return {};
  }
}

template <Number T>
Gauge<T> Meter::create_gauge(std::string_view name,
                             const InstrumentOptions& options) const noexcept {
  return create<Gauge<T>>(state_, Kind::kGauge, std::same_as<T, std::int64_t>, name, options);
}

template <Number T>
Observable Meter::create_observable_counter(std::string_view name,
                                            std::type_identity_t<ObservableCallback<T>> callback,
                                            const InstrumentOptions& options) const noexcept {
  return observe<T>(state_, Kind::kObservableCounter, name, std::move(callback), options);
}

template <Number T>
Observable Meter::create_observable_up_down_counter(
    std::string_view name, std::type_identity_t<ObservableCallback<T>> callback,
    const InstrumentOptions& options) const noexcept {
  return observe<T>(state_, Kind::kObservableUpDownCounter, name, std::move(callback), options);
}

template <Number T>
Observable Meter::create_observable_gauge(std::string_view name,
                                          std::type_identity_t<ObservableCallback<T>> callback,
                                          const InstrumentOptions& options) const noexcept {
  return observe<T>(state_, Kind::kObservableGauge, name, std::move(callback), options);
}

// Every number type there is.
template Counter<std::int64_t> Meter::create_counter(std::string_view,
                                                     const InstrumentOptions&) const noexcept;
template Counter<double> Meter::create_counter(std::string_view,
                                               const InstrumentOptions&) const noexcept;
template UpDownCounter<std::int64_t> Meter::create_up_down_counter(
    std::string_view, const InstrumentOptions&) const noexcept;
template UpDownCounter<double> Meter::create_up_down_counter(
    std::string_view, const InstrumentOptions&) const noexcept;
template Histogram<std::int64_t> Meter::create_histogram(std::string_view,
                                                         const HistogramOptions&) const noexcept;
template Histogram<double> Meter::create_histogram(std::string_view,
                                                   const HistogramOptions&) const noexcept;
template Gauge<std::int64_t> Meter::create_gauge(std::string_view,
                                                 const InstrumentOptions&) const noexcept;
template Gauge<double> Meter::create_gauge(std::string_view,
                                           const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_counter<std::int64_t>(
    std::string_view, ObservableCallback<std::int64_t>, const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_counter<double>(
    std::string_view, ObservableCallback<double>, const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_up_down_counter<std::int64_t>(
    std::string_view, ObservableCallback<std::int64_t>, const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_up_down_counter<double>(
    std::string_view, ObservableCallback<double>, const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_gauge<std::int64_t>(
    std::string_view, ObservableCallback<std::int64_t>, const InstrumentOptions&) const noexcept;
template Observable Meter::create_observable_gauge<double>(std::string_view,
                                                           ObservableCallback<double>,
                                                           const InstrumentOptions&) const noexcept;

Observable& Observable::operator=(Observable&& other) noexcept {
  if (this != &other) {
    stop();
    callback_ = std::move(other.callback_);
  }
  return *this;
}

void Observable::stop() noexcept {
  if (const auto callback = std::exchange(callback_, nullptr)) {
    callback->stop();
  }
}

Meter MeterProvider::get_meter(const InstrumentationScope& scope) const noexcept {
  if (!registry_) {
    return {};
  }
  try {
    return Meter(registry_->meter(scope));
  } catch (const std::exception& failure) {
    report_failure(failure);
    return {};
  }
}

Meter get_meter(const InstrumentationScope& scope) noexcept {
  try {
    std::shared_ptr<Registry> registry;
    {
      const std::scoped_lock lock(globals().mutex);
      registry = globals().current ? globals().current : globals().waiting;
    }
    return Meter(registry->meter(scope));
  } catch (const std::exception& failure) {
    report_failure(failure);
    return {};
  }
}

MeterProvider global_meter_provider() noexcept {
  const std::scoped_lock lock(globals().mutex);
  return MeterProvider(globals().current);
}

void set_global_meter_provider(MeterProvider provider) noexcept {
  try {
    const std::scoped_lock lock(globals().mutex);
    globals().current = std::move(provider.registry_);
    if (globals().current) {
      globals().current->adopt(*globals().waiting);
    }
  } catch (const std::exception& failure) {
    report_failure(failure);
  }
}

}  // namespace signalbox::metrics
