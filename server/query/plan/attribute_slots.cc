#include "server/query/plan/attribute_slots.h"

namespace signalbox::server::query {

const std::vector<std::uint8_t>& AttributeSlots::of(Signal signal, std::string_view key) const {
  static const std::vector<std::uint8_t> none;
  if (load_) known_ = std::exchange(load_, nullptr)();
  const auto at = known_.find({signal == Signal::kTraces ? "spans" : "logs", std::string(key)});
  return at == known_.end() ? none : at->second;
}

}  // namespace signalbox::server::query
