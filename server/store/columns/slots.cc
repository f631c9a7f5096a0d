#include "server/store/columns/slots.h"

#include <algorithm>

namespace signalbox::server::store {
namespace {

constexpr std::size_t kMaxCandidates = 2048;

bool may_have_slot(std::string_view key) noexcept {
  return key.size() <= kMaxSlottedKeyBytes && std::none_of(key.begin(), key.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20;
         });
}

bool holds(SlotKind kind, otlp::ValueType type) noexcept {
  switch (kind) {
    case SlotKind::kInt:
      return type == otlp::ValueType::kInt;
    case SlotKind::kDouble:
      return type == otlp::ValueType::kDouble;
    case SlotKind::kDictionary:
    case SlotKind::kText:
      break;
  }
  return true;
}

std::pair<Slot, Slot> slots_of(SlotKind kind) noexcept {
  switch (kind) {
    case SlotKind::kText:
      return {kFirstText, kFirstInt};
    case SlotKind::kInt:
      return {kFirstInt, kFirstDouble};
    case SlotKind::kDouble:
      return {kFirstDouble, kSlots + 1};
    case SlotKind::kDictionary:
      break;
  }
  return {1, kFirstText};
}

}  // namespace

SlotKind slot_kind(Slot slot) noexcept {
  if (slot < kFirstText) return SlotKind::kDictionary;
  if (slot < kFirstInt) return SlotKind::kText;
  return slot < kFirstDouble ? SlotKind::kInt : SlotKind::kDouble;
}

bool SlotAssignment::choose(std::span<const Wanted> attributes, std::uint32_t sightings,
                            std::vector<Slot>& slots) {
  Taken taken{};
  bool is_settled = true;
  slots.assign(attributes.size(), kOverflow);
  std::vector<Key*> without(attributes.size(), nullptr);
  // Those that have a slot keep it, so that new keys go around them.
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto& [name, type] = attributes[i];
    if (!may_have_slot(name)) continue;
    Key* const key = assigned(name, sightings);
    if (key == nullptr) {
      is_settled = is_settled && keys_.size() >= kMaxKeys;
      continue;
    }
    for (std::size_t at = 0; at < key->count && slots[i] == kOverflow; ++at) {
      const Slot slot = key->slots.at(at);
      const SlotKind kind = slot_kind(slot);
      if (taken.at(slot) || !holds(kind, type)) continue;
      if (key->is_near_unique && kind == SlotKind::kDictionary) continue;
      slots[i] = slot;
      taken.at(slot) = true;
    }
    if (slots[i] == kOverflow && key->count < kMaxSlotsOfKey) without[i] = key;
  }
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    if (without[i] == nullptr) continue;
    const Slot slot = new_slot(*without[i], attributes[i].type, taken);
    if (slot == kOverflow) continue;
    add_slot(*without[i], slot);
    slots[i] = slot;
    taken.at(slot) = true;
  }
  return is_settled;
}

void SlotAssignment::mark_near_unique(std::string_view key) {
  const auto at = keys_.find(std::string(key));
  if (at != keys_.end()) at->second.is_near_unique = true;
}

const SlotAssignment::Key* SlotAssignment::find(std::string_view key) const {
  const auto at = keys_.find(std::string(key));
  return at == keys_.end() ? nullptr : &at->second;
}

SlotAssignment::Key* SlotAssignment::assigned(std::string_view name, std::uint32_t sightings) {
  const std::string key(name);
  if (const auto at = keys_.find(key); at != keys_.end()) return &at->second;
  if (keys_.size() >= kMaxKeys) return nullptr;
  std::uint32_t seen = sightings;
  if (const auto at = candidates_.find(key); at != candidates_.end()) {
    seen = at->second += sightings;
  } else {
    if (const auto older = older_candidates_.find(key); older != older_candidates_.end()) {
      seen += older->second;
    }
    if (candidates_.size() >= kMaxCandidates) {
      older_candidates_ = std::move(candidates_);
      candidates_.clear();
    }
    candidates_.emplace(key, seen);
  }
  if (seen < kSightings) return nullptr;
  candidates_.erase(key);
  older_candidates_.erase(key);
  return &keys_[key];
}

void SlotAssignment::add_slot(Key& key, Slot slot) {
  key.slots.at(key.count++) = slot;
  ++load_.at(slot);
}

Slot SlotAssignment::free_slot(SlotKind kind, const Taken& taken) const {
  const auto [first, end] = slots_of(kind);
  Slot best = kOverflow;
  for (Slot slot = first; slot < end; ++slot) {
    if (taken.at(slot)) continue;
    if (best == kOverflow || load_.at(slot) < load_.at(best)) best = slot;
  }
  return best;
}

Slot SlotAssignment::new_slot(const Key& key, otlp::ValueType type, const Taken& taken) const {
  Slot slot = kOverflow;
  if (type == otlp::ValueType::kInt) slot = free_slot(SlotKind::kInt, taken);
  if (type == otlp::ValueType::kDouble) slot = free_slot(SlotKind::kDouble, taken);
  if (slot == kOverflow && !key.is_near_unique) slot = free_slot(SlotKind::kDictionary, taken);
  return slot != kOverflow ? slot : free_slot(SlotKind::kText, taken);
}

bool SlotAssignment::is_described(std::string_view name, Slot slot) const {
  const Key* const key = find(name);
  for (std::size_t i = 0; key != nullptr && i < key->count; ++i) {
    if (key->slots.at(i) == slot) return key->is_described.at(i);
  }
  return false;
}

void SlotAssignment::described(const std::string& name, Slot slot) {
  const auto at = keys_.find(name);
  if (at == keys_.end()) return;
  Key& key = at->second;
  for (std::size_t i = 0; i < key.count; ++i) {
    if (key.slots.at(i) == slot) key.is_described.at(i) = true;
  }
}

void SlotAssignment::restore(const std::string& name, Slot slot) {
  if (slot == kOverflow || slot > kSlots || !may_have_slot(name)) return;
  if (!keys_.contains(name) && keys_.size() >= kMaxKeys) return;
  Key& key = keys_[name];
  if (key.count == kMaxSlotsOfKey) return;
  add_slot(key, slot);
  key.is_described.at(key.count - 1U) = true;
  // Only a key whose values do not repeat has been given both.
  const auto has = [&](SlotKind kind) {
    return std::any_of(key.slots.begin(), key.slots.begin() + key.count,
                       [&](Slot one) { return slot_kind(one) == kind; });
  };
  if (has(SlotKind::kDictionary) && has(SlotKind::kText)) key.is_near_unique = true;
}

}  // namespace signalbox::server::store
