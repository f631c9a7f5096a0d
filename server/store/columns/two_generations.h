#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace signalbox::server::store {

/// A map that keeps at least the `capacity` / 2 entries used last, and at most `capacity`.
///
/// Thread-safety: none.
template <typename Value>
class TwoGenerations {
 public:
  explicit TwoGenerations(std::size_t capacity) : half_(capacity / 2 + 1) {}

  /// Null if unknown; valid until the next call.
  [[nodiscard]] Value* find(std::uint64_t key) {
    if (const auto at = young_.find(key); at != young_.end()) return &at->second;
    const auto at = old_.find(key);
    if (at == old_.end()) return nullptr;
    Value value = std::move(at->second);
    old_.erase(at);
    return &set(key, std::move(value));
  }
  Value& set(std::uint64_t key, Value value) {
    if (young_.size() >= half_ && !young_.contains(key)) {
      old_.swap(young_);
      young_.clear();
    }
    return young_[key] = std::move(value);
  }
  void erase(std::uint64_t key) {
    young_.erase(key);
    old_.erase(key);
  }

 private:
  std::size_t half_;
  boost::unordered_flat_map<std::uint64_t, Value> young_, old_;
};

}  // namespace signalbox::server::store
