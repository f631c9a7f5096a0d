#pragma once

#include <signalbox/context/context.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::propagation {

/// Reads the headers of an incoming message. Header names are matched without regard to case by
/// carriers of protocols that say so (HTTP).
class TextMapGetter {
 public:
  virtual ~TextMapGetter() = default;

  /// The value of the first header `key`; it stays valid as long as the carrier.
  [[nodiscard]] virtual std::optional<std::string_view> get(std::string_view key) const = 0;
  /// Calls `each` with every value of `key`, in order. Override where a header can repeat.
  virtual void get_all(std::string_view key,
                       const std::function<void(std::string_view)>& each) const {
    if (const auto value = get(key)) each(*value);
  }
};

/// Writes the headers of an outgoing message.
class TextMapSetter {
 public:
  virtual ~TextMapSetter() = default;

  /// Sets header `key`, replacing one of that name. Both are borrowed.
  virtual void set(std::string_view key, std::string_view value) = 0;
};

/// Reads from and writes to a map of strings: `std::map<std::string, std::string>` or alike.
template <typename Map>
class MapCarrier final : public TextMapGetter, public TextMapSetter {
 public:
  /// Borrows `map`.
  explicit MapCarrier(Map& map) noexcept : map_(map) {}

  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const override {
    const auto found = map_.find(typename Map::key_type(key));
    if (found == map_.end()) return std::nullopt;
    return std::string_view(found->second);
  }
  void set(std::string_view key, std::string_view value) override {
    map_.insert_or_assign(typename Map::key_type(key), typename Map::mapped_type(value));
  }

 private:
  Map& map_;
};

/// Carries a Context across process borders in headers.
///
/// Thread-safety: stateless; use from any thread.
class TextMapPropagator {
 public:
  TextMapPropagator() = default;
  TextMapPropagator(const TextMapPropagator&) = delete;
  TextMapPropagator& operator=(const TextMapPropagator&) = delete;
  virtual ~TextMapPropagator() = default;

  /// Writes what `context` has for this propagator, if anything.
  virtual void inject(const context::Context& context, TextMapSetter& setter) const = 0;
  /// `base` with what the headers say; `base` itself if they are missing or malformed.
  [[nodiscard]] virtual context::Context extract(const context::Context& base,
                                                 const TextMapGetter& getter) const = 0;
  /// The names of the headers it writes, in lower case.
  [[nodiscard]] virtual std::span<const std::string_view> fields() const noexcept = 0;
};

using PropagatorPtr = std::shared_ptr<const TextMapPropagator>;

/// W3C Trace Context: `traceparent` and `tracestate`.
[[nodiscard]] PropagatorPtr trace_context_propagator();
/// W3C Baggage: `baggage`.
[[nodiscard]] PropagatorPtr baggage_propagator();
/// All of `propagators`, in order.
[[nodiscard]] PropagatorPtr composite_propagator(std::vector<PropagatorPtr> propagators);

/// The process's propagator: W3C Trace Context and Baggage unless another was set. Valid for the
/// life of the process.
[[nodiscard]] const TextMapPropagator& global_propagator() noexcept;
/// Replaces it; null: nothing is propagated. Meant to be called once, at the start: replaced ones
/// are kept for the life of the process.
void set_global_propagator(PropagatorPtr propagator);

/// Injects the calling thread's current context by the global propagator.
void inject(TextMapSetter& setter);
/// The calling thread's current context with what the headers say, by the global propagator.
[[nodiscard]] context::Context extract(const TextMapGetter& getter);

}  // namespace signalbox::propagation
