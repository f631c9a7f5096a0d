#include <signalbox/propagation/propagator.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sdk/common/fork.h"

namespace signalbox::propagation {
namespace {

class CompositePropagator final : public TextMapPropagator {
 public:
  explicit CompositePropagator(std::vector<PropagatorPtr> propagators)
      : propagators_(std::move(propagators)) {
    std::erase(propagators_, nullptr);
    for (const PropagatorPtr& propagator : propagators_) {
      for (const std::string_view field : propagator->fields()) fields_.push_back(field);
    }
  }

  void inject(const context::Context& context, TextMapSetter& setter) const override {
    for (const PropagatorPtr& propagator : propagators_) propagator->inject(context, setter);
  }

  [[nodiscard]] context::Context extract(const context::Context& base,
                                         const TextMapGetter& getter) const override {
    context::Context context = base;
    for (const PropagatorPtr& propagator : propagators_) {
      context = propagator->extract(context, getter);
    }
    return context;
  }

  [[nodiscard]] std::span<const std::string_view> fields() const noexcept override {
    return fields_;
  }

 private:
  std::vector<PropagatorPtr> propagators_;
  std::vector<std::string_view> fields_;
};

sdk::ForkSafeMutex mutex;
std::atomic<const TextMapPropagator*> global{nullptr};

/// Keeps `propagator` for the life of the process: others may be using it without a lock.
const TextMapPropagator* keep(PropagatorPtr propagator) {
  static auto& kept = *new std::vector<PropagatorPtr>;
  const std::scoped_lock lock(mutex);
  kept.push_back(std::move(propagator));
  return kept.back().get();
}

const TextMapPropagator& default_propagator() {
  static const TextMapPropagator& propagator =
      *keep(composite_propagator({trace_context_propagator(), baggage_propagator()}));
  return propagator;
}

}  // namespace

PropagatorPtr composite_propagator(std::vector<PropagatorPtr> propagators) {
  return std::make_shared<const CompositePropagator>(std::move(propagators));
}

const TextMapPropagator& global_propagator() noexcept {
  const TextMapPropagator* propagator = global.load(std::memory_order_acquire);
  return propagator != nullptr ? *propagator : default_propagator();
}

void set_global_propagator(PropagatorPtr propagator) {
  if (propagator == nullptr) propagator = composite_propagator({});
  global.store(keep(std::move(propagator)), std::memory_order_release);
}

void inject(TextMapSetter& setter) {
  global_propagator().inject(context::current(), setter);
}

context::Context extract(const TextMapGetter& getter) {
  return global_propagator().extract(context::current(), getter);
}

}  // namespace signalbox::propagation
