#pragma once

#include <signalbox/common/diagnostics.h>
#include <signalbox/common/instrumentation_scope.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sdk/common/attribute_encoder.h"
#include "sdk/common/attribute_store.h"
#include "sdk/common/fork.h"

/// The two tables behind `get_tracer` and `get_logger`: of a provider, and of the process.
namespace signalbox::sdk {

/// Most scopes of a provider, and of the process: names made up at run time must not fill the
/// memory.
inline constexpr std::size_t kMaxScopes = 1024;

[[nodiscard]] inline std::string scope_key(const InstrumentationScope& scope) {
  std::string key = encode_scope(scope);
  key += '\0';
  key += scope.schema_url;
  return key;
}

/// A provider's slots by scope. They never move and are never destroyed: handles point to them.
/// `Slot` has an atomic pointer `core` to a `Core`.
template <typename Slot, typename Core>
class ScopeRegistry {
 public:
  /// The slot of `scope`; `make_core` makes what it points to, if it is new. Past the limit, the
  /// slot of the scope without a name.
  template <typename MakeCore>
  const Slot& get(const InstrumentationScope& scope, ForkSafeMutex& mutex, MakeCore&& make_core) {
    std::string key = scope_key(scope);
    {
      const std::scoped_lock lock(mutex);
      if (const auto found = entries_.find(key); found != entries_.end()) {
        return found->second->slot;
      }
      if (entries_.size() >= kMaxScopes && key.size() > 1) key.clear();
    }
    if (key.empty()) {
      report_diagnostic(
          DiagnosticLevel::kWarning, "scopes",
          "There are more than 1024 instrumentation scopes; further ones are recorded "
          "without a name. Do not make up scope names at run time.");
      return get(InstrumentationScope{}, mutex, std::forward<MakeCore>(make_core));
    }
    // Made outside the lock; if two threads make the same one, the first stays.
    auto entry = std::make_unique<Entry>(make_core(scope));
    entry->slot.core.store(&entry->core, std::memory_order_release);
    const std::scoped_lock lock(mutex);
    return entries_.try_emplace(std::move(key), std::move(entry)).first->second->slot;
  }

 private:
  struct Entry {
    explicit Entry(Core made) : core(std::move(made)) {}
    Core core;
    Slot slot;
  };
  std::map<std::string, std::unique_ptr<Entry>> entries_;
};

/// The process's provider, and the slots handed out in its name, which follow it when it is
/// replaced.
template <typename Slot, typename Provider>
class GlobalProvider {
 public:
  using SlotOf = std::function<const Slot&(Provider&, const InstrumentationScope&)>;

  GlobalProvider(ForkSafeMutex& mutex, SlotOf slot_of)
      : mutex_(mutex), slot_of_(std::move(slot_of)) {}

  [[nodiscard]] std::shared_ptr<Provider> provider() {
    const std::scoped_lock lock(mutex_);
    return provider_;
  }

  void set(const std::shared_ptr<Provider>& provider) {
    std::vector<Proxy*> proxies;
    std::shared_ptr<Provider> replaced;
    {
      const std::scoped_lock lock(mutex_);
      replaced = std::exchange(provider_, provider);
      for (const auto& [key, proxy] : proxies_) proxies.push_back(proxy.get());
    }
    for (Proxy* proxy : proxies) follow(*proxy);
  }

  /// Null past the limit of scopes.
  const Slot* get(const InstrumentationScope& scope) {
    std::string key = scope_key(scope);
    Proxy* proxy = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      const auto found = proxies_.find(key);
      if (found != proxies_.end()) return &found->second->slot;
      if (proxies_.size() >= kMaxScopes) return nullptr;
      proxy = proxies_.emplace(std::move(key), std::make_unique<Proxy>(scope)).first->second.get();
    }
    follow(*proxy);
    return &proxy->slot;
  }

 private:
  struct Proxy {
    explicit Proxy(const InstrumentationScope& borrowed) : scope(store.copy(borrowed)) {}
    AttributeStore store;
    const InstrumentationScope scope;
    Slot slot;
  };

  /// Points `proxy` to the present provider, also if that changes meanwhile.
  void follow(Proxy& proxy) {
    std::shared_ptr<Provider> present = provider();
    for (;;) {
      proxy.slot.core.store(
          present == nullptr ? nullptr
                             : slot_of_(*present, proxy.scope).core.load(std::memory_order_acquire),
          std::memory_order_release);
      std::shared_ptr<Provider> after = provider();
      if (after == present) return;
      present = std::move(after);
    }
  }

  ForkSafeMutex& mutex_;
  SlotOf slot_of_;
  std::shared_ptr<Provider> provider_;
  std::map<std::string, std::unique_ptr<Proxy>> proxies_;
};

}  // namespace signalbox::sdk
