#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/plan/fields.h"

namespace signalbox::server::query {

/// In which slots of a row an attribute may stand (see server/store/columns/slots.h); there are few
/// for a key, and few keys that have any.
///
/// Thread-safety: one thread at a time.
class AttributeSlots {
 public:
  /// By signal ("spans", "logs") and key.
  using Known = std::map<std::pair<std::string, std::string>, std::vector<std::uint8_t>>;

  AttributeSlots() = default;
  /// `load` is called once, if at all.
  explicit AttributeSlots(std::function<Known()> load) : load_(std::move(load)) {}

  [[nodiscard]] const std::vector<std::uint8_t>& of(Signal signal, std::string_view key) const;

 private:
  mutable std::function<Known()> load_;
  mutable Known known_;
};

}  // namespace signalbox::server::query
