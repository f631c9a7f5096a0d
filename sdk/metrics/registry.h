#pragma once

#include <signalbox/common/instrumentation_scope.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sdk/metrics/instrument.h"

namespace signalbox::metrics::detail {

/// The instruments of one scope. Thread-safe.
class MeterState {
 public:
  /// `scope`: the encoded InstrumentationScope message. Without `settings` the instruments wait for
  /// a provider.
  MeterState(std::string scope, std::string schema_url, std::shared_ptr<const Settings> settings);

  /// The instrument of that description; null, and a report, if it is not valid.
  [[nodiscard]] std::shared_ptr<Instrument> instrument(Kind kind, bool is_int,
                                                       std::string_view name,
                                                       const InstrumentOptions& options,
                                                       std::vector<double> boundaries);
  void activate(const std::shared_ptr<const Settings>& settings);
  void close() noexcept;
  void collect(sdk::TemporalityPreference preference, Timestamp now, PointWriter& writer);

 private:
  const std::string scope_;
  const std::string schema_url_;
  std::mutex mutex_;
  std::shared_ptr<const Settings> settings_;
  bool closed_ = false;
  std::unordered_map<std::string, std::shared_ptr<Instrument>> by_identity_;
  std::unordered_map<std::string, std::string> identity_of_name_;  // The first one's.
  std::vector<std::shared_ptr<Instrument>> in_order_;
};

/// The meters of one provider, or those that wait for one. Thread-safe.
class Registry {
 public:
  explicit Registry(std::shared_ptr<const Settings> settings) : settings_(std::move(settings)) {}

  [[nodiscard]] std::shared_ptr<MeterState> meter(const InstrumentationScope& scope);
  /// Takes over the meters of `waiting`, which is left empty.
  void adopt(Registry& waiting);
  /// Instruments, present and future, do nothing from now on.
  void close() noexcept;
  void collect(sdk::TemporalityPreference preference, Timestamp now, PointWriter& writer);

 private:
  std::mutex mutex_;
  const std::shared_ptr<const Settings> settings_;
  bool closed_ = false;
  std::unordered_map<std::string, std::shared_ptr<MeterState>> by_scope_;
  std::vector<std::shared_ptr<MeterState>> in_order_;
};

}  // namespace signalbox::metrics::detail
